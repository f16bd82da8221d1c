"""The relation task: what decides is in two objects far apart, and no split knows another's."""

from __future__ import annotations

import numpy as np
import pytest

import vizgraph
from vizgraph.data.scenes import RELATION_CLASSES, RELATION_SIZE, Relations, Scenes, make_relation
from vizgraph.data.scenes.relation import DIGITS, FAR, RELATION_SPLITS
from vizgraph.errors import DataError
from vizgraph.training.datasets import open_training, open_validation
from vizgraph.training.schema import DataConfig


@pytest.fixture(scope="module")
def scenes():
    return [make_relation("test", 0, index) for index in range(120)]


def middle(mask):
    return np.array([axis.mean() for axis in np.nonzero(mask)])


def test_the_label_is_a_relation_of_the_two_digits(scenes):
    for scene in scenes:
        assert scene.label == (scene.digits[0] + 1 if scene.digits[0] == scene.digits[1] else 0)
        assert scene.same == (scene.label > 0)
        assert scene.name == RELATION_CLASSES[scene.label]
    assert 0.35 < np.mean([scene.same for scene in scenes]) < 0.65
    assert {digit for scene in scenes for digit in scene.digits} == set(range(DIGITS))
    # Neither object says which it is: whatever the first is, about half of the scenes hold it twice.
    for digit in range(DIGITS):
        assert 0.15 < np.mean([scene.same for scene in scenes if scene.digits[0] == digit]) < 0.85


def test_both_objects_are_marked_and_far_apart(scenes):
    for scene in scenes:
        assert scene.image.shape == (RELATION_SIZE, RELATION_SIZE, 3)
        assert scene.masks.shape == (2, RELATION_SIZE, RELATION_SIZE)
        assert scene.masks.sum((1, 2)).min() > 600
        assert np.array_equal(scene.mask, scene.masks[0] | scene.masks[1])
        between = np.hypot(*(middle(scene.masks[0]) - middle(scene.masks[1])))
        assert between > (FAR - 0.1) * RELATION_SIZE
    # One mask may touch the border of the other; it never covers it.
    assert max((scene.masks[0] & scene.masks[1]).sum() for scene in scenes) < 60


def test_a_scene_is_made_by_its_number_alone():
    one, two = make_relation("hidden", 3, 5), make_relation("hidden", 3, 5)
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.masks, two.masks)
    images = [make_relation(split, 3, 5).image for split in RELATION_SPLITS]
    images += [make_relation("test", 3, 6).image, make_relation("test", 4, 5).image]
    assert len({image.tobytes() for image in images}) == len(images)


def test_as_a_data_set_it_is_read_by_training():
    data = DataConfig(name="relation", val_split="hidden", train_size=4, val_size=3)
    held = open_validation(data)
    assert held.labels == RELATION_CLASSES
    assert len(held.images) == 3
    assert np.array_equal(np.asarray(held.read(2)[0]), make_relation("hidden", 0, 2).image)
    training = open_training(data, epochs=3, seed=7)
    assert training.fresh
    assert len(training.images) == 12
    assert np.array_equal(np.asarray(training.read(9)[0]), make_relation("train", 7, 9).image)


def test_the_other_task_has_no_hidden_split():
    assert Relations("hidden", size=1).scene(-1).label in range(len(RELATION_CLASSES))
    with pytest.raises(ValueError, match="must be one of train, val, test "):
        Scenes("hidden")
    with pytest.raises(DataError, match="relation, nowhere"):
        open_validation(DataConfig(name="relation", val_split="nowhere"))


def test_it_is_evaluated_by_its_name():
    from vizgraph.evaluation import data_config, evaluate

    assert data_config("relation").name == "relation"
    network = vizgraph.load_model("gcn_demo", "relation", device="cpu")
    result = evaluate(network, data_config("relation", val_size=20, workers=0), split="test")
    assert result.metrics.top1 > 80
    assert result.localization is None
