"""Key layouts: found from the keys alone, renamed without loss, for every published network."""

from __future__ import annotations

import pytest
import torch

from vizgraph.checkpoints import CheckpointError
from vizgraph.checkpoints.shapes import Build
from vizgraph.models._filter import detect, remap


def to_project(state):
    remapped = remap(state)
    return remapped.layout, remapped.state


OFFICIAL = [f"{name}_224_gelu" for name in ("vig_ti", "vig_s", "vig_b", "pvig_ti", "pvig_s", "pvig_m", "pvig_b")]
PROJECT = ["graphconvnet_ti", "graphconvnet_s", "graphconvnetp_ti", "graphconvnetp_s", "vig_ti", "vig_s", "vig_b"]


def tensors(shapes):
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


@pytest.mark.parametrize("name", PROJECT)
def test_the_release_layout_is_our_own(name, reference, shapes_of):
    state = tensors(shapes_of(reference / "graphconvnet" / f"{name}.json"))
    layout, mapped = to_project(state)
    assert layout == "project"
    assert list(mapped) == list(state)
    assert Build.of(mapped).arch() == name


@pytest.mark.parametrize("name", ["vig_ti", "vig_s", "vig_b"])
def test_official_vig_becomes_the_release_layout(name, reference, shapes_of):
    layout, mapped = to_project(tensors(shapes_of(reference / "official" / f"{name}_224_gelu.json")))
    assert layout == "official ViG"
    expected = shapes_of(reference / "graphconvnet" / f"{name}.json")
    assert [(key, tuple(value.shape)) for key, value in mapped.items()] == list(expected.items())


@pytest.mark.parametrize("size", ["ti", "s"])
def test_official_pyramid_becomes_the_release_layout_without_its_bottlenecks(size, reference, shapes_of):
    layout, mapped = to_project(tensors(shapes_of(reference / "official" / f"pvig_{size}_224_gelu.json")))
    assert layout == "official Pyramid ViG"
    with_bottlenecks = shapes_of(reference / "graphconvnet" / f"graphconvnetp_{size}.json")
    expected = {k: v for k, v in with_bottlenecks.items() if ".res_block." not in k and ".0.bn." not in k}
    assert {key: tuple(value.shape) for key, value in mapped.items()} == expected


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_official_network_is_told_by_its_shapes_and_comes_back(name, reference, shapes_of, renamed):
    state = tensors(shapes_of(reference / "official" / f"{name}.json"))
    _, mapped = to_project(state)
    assert Build.of(mapped).arch() == name.removesuffix("_224_gelu")
    assert list(renamed["official"](mapped)) == list(state)


@pytest.mark.parametrize("name", OFFICIAL)
def test_mmpretrain_is_the_same_network_under_other_names(name, reference, shapes_of, renamed):
    _, project = to_project(tensors(shapes_of(reference / "official" / f"{name}.json")))
    theirs = renamed["mmpretrain"](project)
    layout, mapped = to_project(theirs)
    assert layout == ("mmpretrain PyramidVig" if name.startswith("p") else "mmpretrain Vig")
    assert {k: v.shape for k, v in mapped.items()} == {k: v.shape for k, v in project.items()}


def test_mmpretrain_keys_are_numbered_through_the_stages():
    keys = {
        "backbone.pos_embed": "pos_embed",
        "backbone.stem.13.running_var": "stem.convs.13.running_var",
        "backbone.stages.0.0.0.fc1.0.weight": "backbone.0.0.grapher.fc1.0.weight",
        "backbone.stages.0.1.1.fc2.1.bias": "backbone.1.0.FFN.fc2.1.bias",
        "backbone.stages.1.0.0.weight": "backbone.2.conv.0.weight",
        "backbone.stages.1.0.1.running_mean": "backbone.2.conv.1.running_mean",
        "backbone.stages.1.1.0.relative_pos": "backbone.3.0.grapher.relative_pos",
        "backbone.stages.2.0.1.weight": "backbone.4.conv.1.weight",
        "backbone.stages.2.1.0.graph_conv.gconv.nn.0.bias": "backbone.5.0.grapher.graph_conv.gconv.nn.0.bias",
        "head.fc1.weight": "prediction.0.weight",
        "head.bn.weight": "prediction.1.weight",
        "head.fc2.weight": "prediction.4.weight",
    }
    weights = dict.fromkeys(keys, torch.zeros(5, 3))
    _, mapped = to_project(weights)
    assert list(mapped) == list(keys.values())
    assert mapped["prediction.0.weight"].shape == mapped["prediction.4.weight"].shape == (5, 3, 1, 1)
    assert mapped["prediction.1.weight"].shape == (5, 3)
    assert weights["head.fc2.weight"].shape == (5, 3)


def test_renaming_shares_tensors_and_leaves_the_file_as_it_is():
    state = {
        "backbone.0.0.fc1.0.weight": torch.ones(2, 2, 1, 1),
        "backbone.0.conv.0.weight": torch.ones(1),
        "more": torch.ones(1),
    }
    layout, mapped = to_project(state)
    assert layout == "official Pyramid ViG"
    assert set(mapped) == {"backbone.0.0.grapher.fc1.0.weight", "backbone.0.conv.0.weight"}
    assert mapped["backbone.0.conv.0.weight"] is state["backbone.0.conv.0.weight"]
    assert len(state) == 3


def test_foreign_keys_are_no_layout():
    with pytest.raises(CheckpointError, match=r"its 2 keys \(layer1.0.conv1.weight, fc.weight"):
        detect(["layer1.0.conv1.weight", "fc.weight"])


def test_two_keys_of_one_meaning_are_refused():
    state = {"backbone.blocks.0.0.fc1.0.bias": torch.ones(1), "backbone.0.grapher.fc1.0.bias": torch.ones(1)}
    with pytest.raises(CheckpointError, match="mixes two layouts"):
        to_project(state)


def test_a_build_is_read_although_keys_are_missing(state_of):
    state = state_of("pvig_ti")
    del state["backbone.3.0.grapher.fc2.0.weight"], state["prediction.4.bias"]
    assert Build.of(state).arch() == "pvig_ti"
