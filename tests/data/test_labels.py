"""Class names: a network's own, else ImageNet's for 1000 classes, else none."""

from __future__ import annotations

import pytest
from torch import nn

from vizgraph.data import imagenet_names, imagenet_synsets, labels_of, synset_index


def _network(classes=None, **cfg):
    module = nn.Identity()
    module.pretrained_cfg = cfg
    if classes is not None:
        module.num_classes = classes
    return module


def test_own_names_come_first():
    assert labels_of(_network(3, label_names=["ant", "bee", "cat"])) == ("ant", "bee", "cat")
    names = [f"kind {number}" for number in range(1000)]
    assert labels_of(_network(1000, label_names=names)) == tuple(names)


def test_a_network_known_to_be_of_imagenet_has_its_names():
    names = labels_of(_network(1000, tag="in1k"))
    assert names == labels_of(_network(num_classes=1000, tag="a1_in1k")) == imagenet_names()
    assert (names[0], names[207], names[281], names[999]) == ("tench", "golden retriever", "tabby", "toilet tissue")


def test_other_networks_have_none():
    assert labels_of(_network(10)) is None
    assert labels_of(_network(1000)) is None  # identities, or anything else
    assert labels_of(_network(1000, tag="augreg_in21k")) is None
    assert labels_of(_network(10, tag="in1k")) is None
    assert labels_of(nn.Identity()) is None
    assert labels_of(_network(4, label_names=["ant", "bee", "cat"])) is None


def test_no_two_imagenet_names_are_the_same():
    assert len(set(imagenet_names())) == 1000
    assert imagenet_names()[134] == "crane (bird)"
    assert imagenet_names()[517] == "crane (machine)"


def test_synsets_are_in_the_order_of_the_classes():
    assert synset_index("n01440764") == 0
    assert [synset_index(synset) for synset in imagenet_synsets()] == list(range(1000))
    with pytest.raises(ValueError, match="'n00000000'"):
        synset_index("n00000000")
