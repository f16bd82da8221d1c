"""Classes are matched by what they are, not by the order in which folders happen to come."""

from __future__ import annotations

import pytest

from vizgraph.data import imagenet_synsets
from vizgraph.errors import TrainingError
from vizgraph.evaluation.class_matching import match


def test_synset_folders_go_to_their_class_whatever_their_order():
    mapping, how = match(["n02123045", "n01440764"], None, 1000)
    assert mapping == (281, 0)  # tabby cat; tench
    assert how == "by synset"
    assert match(list(imagenet_synsets()), None, 1000) == (None, "by synset")
    backwards, _ = match(list(reversed(imagenet_synsets())), None, 1000)
    assert backwards == tuple(range(999, -1, -1))


def test_numbered_folders_go_by_their_numbers_not_by_the_alphabet():
    found = sorted(str(number) for number in range(1000))
    assert found[:3] == ["0", "1", "10"]
    mapping, _ = match(found, None, 1000)
    assert mapping[:3] == (0, 1, 10)


def test_names_of_the_network_win():
    assert match(["cat", "dog"], ("cat", "dog"), 2)[0] is None
    assert match(["cat", "dog"], ("dog", "emu", "cat"), 3) == ((2, 0), "by name")


@pytest.mark.parametrize(
    ("found", "labels", "classes", "words"),
    [
        (["n99999999"], None, 1000, "no synsets"),
        (["cat", "gnu"], ("cat", "dog"), 2, "gnu"),
        (["a", "b"], None, 3, "2 classes, the network 3"),
    ],
)
def test_what_cannot_be_matched_is_an_error(found, labels, classes, words):
    with pytest.raises(TrainingError, match=words):
        match(found, labels, classes)


def test_without_names_the_order_is_all_there_is_and_that_is_said():
    assert match(["a", "b"], None, 2) == (None, "by folder order, as the network names no classes")
    assert match(None, ("a",), 1)[0] is None
