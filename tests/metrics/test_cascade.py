"""The sanity check finds what is left when a network forgets, and is failed by what looks at the image alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import seeded_net, seeded_pixels
from builders.planted import Planted, edge_detector, planted_pixels
from viz_nodes.metrics.cascade import (
    AS_TRAINED,
    GRAPH,
    PERMUTED,
    cascade,
    cascade_images,
    cascade_summary,
    sane,
    steps_of,
)
from viz_nodes.metrics.known_truth import DUMMY, image_gradients

STEPS = ["head", "backbone.2.1", "backbone.2.0", "backbone.1.1", "backbone.1.0", "backbone.0.1", "backbone.0.0", "stem"]


@pytest.fixture(scope="module")
def checked():
    net, pixels = seeded_net(), seeded_pixels(6)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    table = cascade(net, pixels, methods=("layercam", DUMMY), layers=(-1,))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    return table


def test_the_head_goes_first_and_positions_last():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.positions = nn.Parameter(torch.zeros(3))
            self.stem = nn.Conv2d(3, 4, 1)
            self.blocks = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2, bias=False))
            self.head = nn.Linear(2, 2)

    names = ["head", "blocks.1", "blocks.0.0", "stem", "positions"]
    assert [name for name, _ in steps_of(Net())] == names
    assert dict(steps_of(Net()))["head"] == ("head.weight", "head.bias")
    wrapped = nn.Module()
    wrapped.net = Net()
    assert [name for name, _ in steps_of(wrapped)] == [f"net.{name}" for name in names]
    every = [parameter for _, own in steps_of(Net()) for parameter in own]
    assert sorted(every) == sorted(name for name, _ in Net().named_parameters())


def test_every_step_is_in_the_table_in_its_order(checked):
    assert list(checked.columns[:8]) == ["layer", "method", "measure", "step", "mean", "low", "high", "n"]
    for _, part in checked.groupby(["method", "measure"]):
        assert part["step"].tolist() == [AS_TRAINED, *STEPS, PERMUTED]
    trained = checked[checked.step == AS_TRAINED].set_index(["method", "measure"])["mean"]
    assert (trained.drop(index="peak", level="measure") > 1 - 1e-12).all()
    assert (trained.xs("peak", level="measure") == 0).all()


def test_what_the_network_has_learned_falls_to_chance(checked):
    passed = sane(checked).set_index(["method", "measure"])
    honest = [("layercam", "map"), ("layercam", "peak"), ("contribution", "edges"), ("share", "edges")]
    assert passed.loc[honest, "passes"].all()
    assert passed.loc[(GRAPH, "graph"), "passes"]
    assert abs(passed.loc[("layercam", "map"), "permuted"]) < 0.1


def test_the_dummy_fails_each_part_of_the_check(checked):
    passed = sane(checked).set_index(["method", "measure"]).loc[DUMMY]
    assert set(passed.index) == {"map", "peak", "edges"}
    assert not passed["passes"].any()
    assert passed.loc["map", "last"] == pytest.approx(1)
    assert passed.loc["peak", "last"] == 0
    assert passed.loc["edges", "last"] == 1


def test_a_part_alone_is_put_back():
    net, pixels = seeded_net(), seeded_pixels(1)
    stream = [("a", pixels, None)]
    (after,) = cascade_images(net, stream, methods=("layercam",))
    (alone,) = cascade_images(net, stream, methods=("layercam",), alone=True)
    tables = [
        pd.DataFrame(lines).query("measure == 'edges' and method == 'contribution'").set_index("step").value
        for lines in (after, alone)
    ]
    assert tables[0]["head"] == tables[1]["head"]
    # With its own graph held, the last layer's edges are ordered by what comes behind them and what is sent.
    assert tables[0].drop(["head", AS_TRAINED, PERMUTED]).max() < tables[1]["backbone.0.1"]


def test_the_planted_edge_is_forgotten_and_the_dummy_forgets_nothing():
    net, pixels = Planted(0).double().eval(), planted_pixels(6)
    table = cascade(net, pixels, methods=("layercam", DUMMY), target=0, layers=(0,))
    at = table[table.measure == "edges"].set_index(["method", "step"])["mean"]
    assert at["contribution", AS_TRAINED] == 1
    assert at["contribution", "stem"] < 0.9
    assert at[DUMMY, "stem"] == 1
    assert not sane(table).set_index(["method", "measure"]).loc[DUMMY, "passes"].any()


def test_the_dummy_is_the_change_of_the_image_in_each_node():
    net, pixels = Planted(0).double().eval(), planted_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    found = image_gradients(pixels, exp.layer(0), exp.image_size)
    by_hand = np.zeros(24)
    image = pixels[0].numpy()
    for row in range(24):
        for col in range(16):
            here = image[:, row, col]
            below = image[:, min(row + 1, 23), col]
            right = image[:, row, min(col + 1, 15)]
            by_hand[row // 4 * 4 + col // 4] += np.abs(below - here).sum() + np.abs(right - here).sum()
    np.testing.assert_allclose(found, by_hand / 16)
    striped = edge_detector(pixels, torch.arange(24)[:, None])[:, 0].numpy()
    assert set(np.argsort(-found)[:8]) == set(np.argsort(-striped)[:8])


def test_chance_is_one_sided_and_blank_maps_count_nowhere():
    steps = {AS_TRAINED: 1.0, "head": 0.5, "stem": -0.4, PERMUTED: 0.0}
    lines = [
        {"image": image, "layer": 0, "method": "m", "measure": measure, "step": step, "value": sign * value + shake}
        for measure, sign in (("map", 1), ("peak", -1))
        for step, value in steps.items()
        for image, shake in enumerate((-0.01, 0.0, 0.01, np.nan))
    ]
    table = cascade_summary(pd.DataFrame(lines))
    assert (table.n == 3).all()
    chance = table.set_index(["measure", "step"]).chance
    for measure in ("map", "peak"):
        assert not chance[measure, AS_TRAINED]
        assert not chance[measure, "head"]
        assert chance[measure, "stem"]
        assert chance[measure, PERMUTED]
    assert sane(table)["passes"].all()
    assert table.set_index(["measure", "step"])["mean"]["map", "head"] == pytest.approx(0.5)


def test_a_fraction_of_edges_is_a_fraction():
    with pytest.raises(ValueError, match="strongest"):
        next(cascade_images(seeded_net(), [("a", seeded_pixels(1), None)], strongest=0.0))
