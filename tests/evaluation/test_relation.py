"""The questions asked of a network about a relation: which edges join the objects, and what is left without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import viz_nodes
import vizgraph
from viz_nodes.metrics.known_truth import DUMMY
from vizgraph.data.scenes import Relations, make_relation
from vizgraph.evaluation.relation import (
    CUTS,
    Objects,
    _Cut,
    joining_edges,
    known_of_the_other,
    objects_of,
    strangers,
    without_edges,
)

# Node 0 and 1 are the first object's, 3 the second's; 2 and 4 are ground, 2 in the first half.
HAND = Objects(torch.tensor([[0, 0, -1, 1, -1]]), torch.tensor([[0, 0, 0, 1, 1]]))
EDGES = torch.tensor([[[0, 3, 2], [1, 0, 4], [2, 3, 1], [3, 1, 4], [4, 3, 0]]])


@pytest.fixture(scope="module")
def network():
    return vizgraph.load_model("gcn_demo", "relation", device="cpu")


def test_edges_by_hand():
    assert HAND.joining(EDGES).nonzero().tolist() == [[0, 0, 1], [0, 3, 1]]
    assert HAND.within(EDGES).nonzero().tolist() == [[0, 1, 1]]
    assert HAND.into(EDGES).sum() == 6
    assert HAND.across(EDGES).nonzero()[:, 1:].tolist() == [[0, 1], [1, 2], [2, 1], [3, 1], [4, 2]]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("nothing", 0),
        ("everything", 15),
        ("joining", 2),
        ("as many at random", 2),
        ("as many into objects", 2),
        ("across", 5),
        ("as many as across", 5),
    ],
)
def test_cuts_by_hand(kind, count):
    cut = _Cut(kind, HAND, seed=3)
    mask = cut(EDGES)
    assert cut.counts.tolist() == [count] == [int(mask.sum())]
    itself = torch.arange(5)[None, :, None] == EDGES
    if kind.startswith("as many"):
        like = HAND.across(EDGES) if "across" in kind else HAND.joining(EDGES)
        assert not (mask & (like | itself)).any()
    if kind == "as many into objects":
        assert not (mask & ~HAND.into(EDGES)).any()
    with pytest.raises(ValueError, match="must be among nothing, joining"):
        _Cut("half", HAND, 0)


def test_nodes_are_whose_mask_covers_them(network):
    scenes = [make_relation("val", 0, index) for index in range(3)]
    exp = viz_nodes.explain(network, torch.zeros(1, 3, 144, 144), layers=[0])
    objects = objects_of(scenes, exp.layers[0])
    for scene, nodes, halves in zip(scenes, objects.nodes.view(3, 9, 9), objects.halves.view(3, 9, 9)):
        for row, col in np.ndindex(9, 9):
            patch = scene.masks[:, 16 * row : 16 * row + 16, 16 * col : 16 * col + 16].mean((1, 2))
            whose = -1 if (patch >= 0.3).sum() != 1 else int(patch.argmax())
            assert int(nodes[row, col]) == whose
            if whose >= 0:
                assert int(halves[row, col]) == whose
    both = objects.nodes[:, :, None] == torch.tensor([0, 1])
    assert (both.sum(1) >= 3).all()


def test_edges_that_join_are_scored_beside_the_others(network):
    lines = [
        line for part in joining_edges(network, Relations("val", size=2), methods=("rank", DUMMY)) for line in part
    ]
    table = pd.DataFrame(lines)
    assert len(table) == table["scene"].nunique() * 6 * 2 * 2
    assert table["auroc"].dropna().between(0, 1).all()
    assert table["signed"].isna().all()
    (one,) = joining_edges(network, Relations("val", size=2), methods=("contribution", "random"), only=[1])
    found = pd.DataFrame(one).query("against == 'others' and layer == 5").set_index("method")
    assert found["signed"].notna()["contribution"]
    # By hand, from the explanation.
    scene = make_relation("val", 0, 1)
    pixels = vizgraph.data.prepare(scene.image, network).pixels
    first, second = network(pixels)[0].topk(2).indices.tolist()
    layer = viz_nodes.explain(network, pixels, target=first, versus=second).layer(5)
    objects = objects_of([scene], layer)
    joins, into = objects.joining(layer.neighbors)[0], objects.into(layer.neighbors)[0]
    signed = layer.contribution[0].double()
    pairs = [float(a > b) + 0.5 * float(a == b) for a in signed[joins] for b in signed[into & ~joins]]
    assert found["signed"]["contribution"] == pytest.approx(np.mean(pairs))
    assert found["joining"].iloc[0] == int(joins.sum())


def test_without_edges_the_answer_goes(network):
    scenes = Relations("val", size=4)
    parts = list(without_edges(network, scenes, cuts=("nothing", "joining", "everything"), by_layer=False))
    table = pd.DataFrame([line for part in parts for line in part])
    assert [len(part) for part in parts] == [6] * 4
    means = table.groupby(["cut", "graphs"])[["change", "edges"]].mean()
    assert abs(means["change"]["nothing", "rebuilt"]) < 1e-4
    assert means["edges"]["everything", "frozen"] == 81 * (4 + 4 + 5 + 6 + 7 + 8)
    assert means["change"]["everything", "frozen"] < -2
    assert 0 < means["edges"]["joining", "frozen"] < 600
    assert set(table["cut"]) < set(CUTS)


def test_halves_that_met_answer_together(network):
    lines = pd.DataFrame(strangers(network, Relations("val", size=12)))
    right = lines.groupby("pair")["right"].mean()
    assert right["together"] >= 0.8
    assert right["strangers"] < right["together"]
    with torch.no_grad():
        seen = [make_relation("val", 0, index) for index in range(12)]
        named = network(torch.cat([vizgraph.data.prepare(scene.image, network).pixels for scene in seen])).argmax(1)
    own = [int(one) == scene.label for one, scene in zip(named, seen)]
    assert lines.query("pair == 'together'")["right"].tolist() == own


def test_probes_read_what_nodes_know(network):
    found = known_of_the_other(network, Relations("val", size=40), Relations("test", size=10))
    assert set(found["layer"]) == set(range(7))
    right = found.groupby(["digit", "layer"])["right"].mean()
    assert right["own", 6] > 0.6
    assert len(found.query("digit == 'own' and layer == 0")) == 20
