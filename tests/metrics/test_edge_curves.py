"""Deletion and insertion of edges: every point of a curve against the network run with just these edges cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import viz_nodes
from builders.networks import hooks_on, seeded_net, seeded_pixels
from viz_nodes.metrics.edge_curves import EdgeCurves, area, edge_curves, first_edges

HALVES = (0.0, 0.25, 0.5, 1.0)


@pytest.fixture(scope="module")
def asked():
    net, pixels = seeded_net(), seeded_pixels(1)
    return net, pixels, viz_nodes.explain(net, pixels)


def test_the_first_edges_of_an_order_by_hand():
    exp = viz_nodes.explain(seeded_net(), seeded_pixels(1))
    values = torch.zeros(exp.layer(0).neighbors.shape[1:])  # (24, 4)
    values[5] = torch.tensor([1.0, 4.0, float("nan"), 2.0])
    first = first_edges(exp, {0: values}, (0.0, 0.25, 0.5, 0.75, 1.0))[0]
    assert first[:, 5].tolist() == [
        [False, False, False, False],
        [False, True, False, False],
        [False, True, False, True],
        [True, True, False, True],
        [True, True, True, True],
    ]
    assert first[1, 4].tolist() == [True, False, False, False]  # ties in the order of the edges
    together = first_edges(exp, {0: values, -1: values - 10}, (0.0, 3 / 192, 96 / 192, 1.0), of="all")
    assert int(together[0][1].sum()) == 3
    assert together[0][1, 5].tolist() == [True, True, False, True]
    assert int(together[0][2].sum()) == 95  # what is NaN comes after all edges of the other layer
    assert not together[0][2, 5, 2]
    assert int(together[2][2].sum()) == 1
    assert all(bool(mask[3].all()) for mask in together.values())


@pytest.mark.parametrize("of", ["node", "all"])
def test_every_point_is_the_network_with_these_edges_cut(asked, of):
    net, pixels, exp = asked
    orders = {name: {at: getattr(exp.layer(at), name)[0] for at in (0, -1)} for name in ("share", "contribution")}
    found = edge_curves(net, pixels, exp, orders, label=2, fractions=HALVES, of=of, batch=3)
    target = int(exp.target[0])
    for name, values in orders.items():
        first = first_edges(exp, values, HALVES, of=of)
        for mode in ("deletion", "insertion"):
            curve = getattr(found[name], mode)
            for at in range(len(HALVES)):
                cut = {layer: mask[at] if mode == "deletion" else ~mask[at] for layer, mask in first.items()}
                with torch.no_grad(), viz_nodes.edit_edges(net, cut=cut, frozen=exp):
                    logits = net(pixels)[0]
                assert curve.scores[at] == pytest.approx(float(logits[target]), abs=1e-10)
                assert curve.probability[at] == pytest.approx(float(logits.softmax(0)[target]), abs=1e-10)
                assert curve.label_probability[at] == pytest.approx(float(logits.softmax(0)[2]), abs=1e-10)
                assert curve.classes[at] == int(logits.argmax())
                assert curve.right(int(logits.argmax()))[at] == 1
    one, two = found["share"], found["contribution"]
    assert not np.allclose(one.deletion.scores, two.deletion.scores)
    assert one.deletion.scores[0] == two.deletion.scores[0] == one.insertion.scores[-1]  # the same set is run once
    assert hooks_on(net) == 0


def test_areas_are_those_of_trapezoids():
    assert area(np.array([0, 0.5, 1]), np.array([1, 0, 0])) == 0.25
    curve = edge_curves(*_tiny(), fractions=(0, 0.5, 1))["share"]
    p, q = curve.deletion.probability, curve.insertion.probability
    assert curve.deletion.area == pytest.approx((p[0] + 2 * p[1] + p[2]) / 4)
    assert curve.difference == pytest.approx((2 * q[1] - 2 * p[1]) / 4)
    assert np.isnan(curve.deletion.label_area)
    assert isinstance(curve, EdgeCurves)


def _tiny():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    return net, pixels, exp, {"share": {-1: exp.layer(-1).share[0]}}


def test_rebuilt_graphs_lose_edges_by_sender_and_receiver(asked):
    net, pixels, exp = asked
    values = {at: exp.layer(at).contribution[0] for at in range(3)}
    found = edge_curves(net, pixels, exp, {"all": values}, fractions=HALVES, held=False)["all"]
    held = edge_curves(net, pixels, exp, {"all": values}, fractions=HALVES)["all"]
    # The whole network, and the network without any edge, are the same whoever builds the graphs.
    for mode in ("deletion", "insertion"):
        own, frozen = getattr(found, mode), getattr(held, mode)
        assert own.scores[[0, -1]] == pytest.approx(frozen.scores[[0, -1]], abs=1e-9)
    assert not np.allclose(found.deletion.scores, held.deletion.scores, atol=1e-9)
    first = first_edges(exp, values, HALVES)
    for mode in ("deletion", "insertion"):
        curve, at = getattr(found, mode), 2

        def cut(neighbors, layer, mode=mode, at=at):
            gone = first[layer][at] if mode == "deletion" else ~first[layer][at]
            known = exp.layer(layer).neighbors[0].tolist()
            mask = torch.zeros_like(neighbors, dtype=torch.bool)
            for center, row in enumerate(neighbors[0].tolist()):
                for rank, sender in enumerate(row):
                    new = sender not in known[center]
                    mask[0, center, rank] = (mode == "insertion") if new else gone[center, known[center].index(sender)]
            return mask

        edits = {layer: (lambda neighbors, layer=layer: cut(neighbors, layer)) for layer in range(3)}
        with torch.no_grad(), viz_nodes.edit_edges(net, cut=edits):
            logits = net(pixels)[0]
        assert curve.scores[at] == pytest.approx(float(logits[exp.target[0]]), abs=1e-10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"orders": {}}, "at least one order"),
        ({"orders": {"x": {}}}, "at least one layer"),
        ({"orders": {"x": {0: torch.zeros(3)}}}, r"shape \(24, 4\) for layer 1"),
        ({"fractions": (0.0, 0.5)}, "rise from 0 to 1"),
        ({"of": "edge"}, "node, all"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, change, said):
    net, pixels, exp = asked
    options = {"orders": {"share": {0: exp.layer(0).share[0]}}} | change
    with pytest.raises(ValueError, match=said):
        edge_curves(net, pixels, exp, **options)
    with pytest.raises(ValueError, match="all 3 graph layers"):
        edge_curves(net, pixels, viz_nodes.explain(net, pixels, layers=[0]), {"a": {0: exp.layer(0).share[0]}})
