"""A network by depth: what is read off its layers, and its graphs, where both are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import viz_nodes
from builders.explanations import explanation
from builders.explanations import layer as built_layer
from builders.networks import hooks_on, seeded_net, seeded_pixels
from viz_nodes.metrics.profile import SUMMARY, _Graph, _Image, profile_image, profile_summary
from viz_nodes.metrics.reading import Depth, depths, read_off

NOTHING = Depth(0, None, None, None)


@pytest.fixture(scope="module")
def profiled():
    net, pixels = seeded_net(), seeded_pixels(1)
    before = hooks_on(net), [sorted(vars(module)) for module in net.modules()]
    mask = np.zeros((24, 16), dtype=bool)
    mask[8:16, 4:12] = True  # nodes 9, 10, 13, 14 of the 6 x 4 grid
    found = profile_image(net, pixels, label=3, mask=mask, seed=2)
    assert (hooks_on(net), [sorted(vars(module)) for module in net.modules()]) == before
    return net, pixels, found


def value(found, measure, layer, condition):
    wanted = (measure, layer, condition)
    (row,) = [row for row in found.rows if (row["measure"], row["layer"], row["condition"]) == wanted]
    return row["value"]


def features(net, pixels):
    """Of each block, by its hook."""
    gave = []
    handles = [block.register_forward_hook(lambda *args: gave.append(args[2].detach()[0])) for block in net.backbone]
    with torch.no_grad():
        net(pixels)
    for handle in handles:
        handle.remove()
    return gave


def test_the_head_is_applied_to_the_pooled_features_of_every_layer(profiled):
    net, pixels, found = profiled
    exp = viz_nodes.explain(net, pixels)
    target = int(exp.target[0])
    assert found.predicted == target
    for at, block in enumerate(features(net, pixels)):
        likely = net.head(block.mean((1, 2))).softmax(0).detach()
        assert value(found, "probability", at + 1, "class") == pytest.approx(float(likely[target]), abs=1e-9)
        assert value(found, "probability", at + 1, "label") == pytest.approx(float(likely[3]), abs=1e-9)
        assert value(found, "accuracy", at + 1, "label") == (int(likely.argmax()) == 3)
        nodes = net.head(block.flatten(1).T).softmax(1)[:, target].detach()
        torch.testing.assert_close(found.maps[at], nodes.view(6, 4), rtol=0, atol=1e-9)
        on = nodes[[9, 10, 13, 14]].mean()
        assert value(found, "probability", at + 1, "on object") == pytest.approx(float(on), abs=1e-9)
        off = (nodes.sum() - 4 * on) / 20
        assert value(found, "probability", at + 1, "off object") == pytest.approx(float(off), abs=1e-9)
    last = float(exp.probabilities[0, target])
    assert value(found, "probability", 3, "class") == pytest.approx(last, abs=1e-9)


def test_edges_by_brute_force(profiled):
    net, pixels, found = profiled
    exp = viz_nodes.explain(net, pixels)
    inside = {9, 10, 13, 14}
    gave = features(net, pixels)
    handed = [net.stem(pixels)[0], *gave[:-1]]
    patches = pixels[0].unfold(1, 4, 4).unfold(2, 4, 4).permute(1, 2, 0, 3, 4).reshape(24, -1)
    for at, layer in enumerate(exp.layers):
        edges = [(c, n) for c in range(24) for n in layer.neighbors[0, c].tolist() if n != c]
        steps = [(abs(c // 4 - n // 4), abs(c % 4 - n % 4)) for c, n in edges]
        grapher = net.backbone[at][0]
        with torch.no_grad():
            x = grapher.fc1(handed[at][None])[0].flatten(1).T
        cosine = torch.nn.functional.cosine_similarity
        expected = {
            "length": np.mean([np.hypot(*step) for step in steps]),
            "manhattan": np.mean([sum(step) for step in steps]),
            "homophily": np.mean([(c in inside) == (n in inside) for c, n in edges]),
            "embedding": np.mean([float(cosine(x[c], x[n], dim=0)) for c, n in edges]),
            "visual": np.mean([float(cosine(patches[c], patches[n], dim=0)) for c, n in edges]),
        }
        for measure, known in expected.items():
            assert value(found, measure, at + 1, "edges") == pytest.approx(known, abs=1e-9), measure
        pairs = [(c, n) for c in range(24) for n in range(24) if n != c]
        known = np.mean([np.hypot(c // 4 - n // 4, c % 4 - n % 4) for c, n in pairs])
        assert value(found, "length", at + 1, "random") == pytest.approx(known)
        margin = layer.margin[0, :, -1].double().mean()
        assert value(found, "margin", at + 1, "edges") == pytest.approx(float(margin), abs=1e-9)
        block = gave[at].flatten(1).T
        assert value(found, "diversity", at + 1, "nodes") == pytest.approx(float((block - block.mean(0)).norm()))
        if at:
            before = {(c, n) for c in range(24) for n in exp.layers[at - 1].neighbors[0, c].tolist() if n != c}
            kept = len(before & set(edges)) / len(before | set(edges))
            assert value(found, "turnover", at + 1, "edges") == pytest.approx(1 - kept)
    assert not [row for row in found.rows if row["measure"] == "turnover" and row["layer"] == 1]


def measured(neighbors, grid, mask=None):
    """What is measured of a graph that is given."""
    exp = explanation(built_layer(0, grid, neighbors), image_size=(4 * grid[0], 4 * grid[1]))
    pixels = torch.zeros(1, 3, 4 * grid[0], 4 * grid[1])
    graph = _Graph(exp.layers[0], _Image(exp, pixels, mask), 0)
    return {
        (measure, condition): found for measure, condition, found in graph.measured(Depth(0, None, None, None), None)
    }


def test_a_ring_a_grid_and_a_complete_graph_have_the_values_they_must():
    mask = np.zeros((4, 32), dtype=bool)
    mask[:, :16] = True
    ring = measured([[i, (i - 1) % 8, (i + 1) % 8] for i in range(8)], (1, 8), mask)
    assert ring["length", "edges"] == pytest.approx((14 * 1 + 2 * 7) / 16)
    assert ring["gini", "edges"] == pytest.approx(0)
    assert ring["homophily", "edges"] == pytest.approx(12 / 16)
    assert ring["modularity", "edges"] == pytest.approx(1 / 4)
    complete = measured([list(range(8)) for _ in range(8)], (1, 8), mask)
    assert complete["length", "edges"] == pytest.approx(complete["length", "random"]) == pytest.approx(3)
    assert complete["homophily", "edges"] == pytest.approx(complete["homophily", "random"]) == pytest.approx(3 / 7)
    assert complete["gini", "edges"] == pytest.approx(0)
    cells = [
        [
            r * 3 + c,
            *(
                (r + a) * 3 + c + b
                for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))
                if r + a in range(3) and c + b in range(3)
            ),
        ]
        for r in range(3)
        for c in range(3)
    ]
    grid = measured([row + [-1] * (5 - len(row)) for row in cells], (3, 3))
    assert grid["length", "edges"] == grid["manhattan", "edges"] == 1
    assert ("homophily", "edges") not in grid


def test_nodes_of_the_object_cover_at_least_half_of_their_patch():
    exp = explanation(built_layer(0, (1, 4), [[0], [1], [2], [3]]), image_size=(4, 16))
    mask = np.zeros((4, 16), dtype=bool)
    mask[:, :6] = True  # a patch and a half
    mask[:1, 8:12] = True
    assert _Image(exp, torch.zeros(1, 3, 4, 16), mask).kinds(exp.layers[0]).tolist() == [True, True, False, False]


def test_colors_are_means_over_patches():
    exp = explanation(built_layer(0, (1, 2), [[1], [0]]), image_size=(2, 4))
    pixels = torch.arange(24.0).view(1, 3, 2, 4)
    found = _Image(exp, pixels, None).colors(exp.layers[0])
    np.testing.assert_allclose(found[:, 0], [(0 + 1 + 4 + 5) / 4, (2 + 3 + 6 + 7) / 4])
    graph = _Graph(exp.layers[0], _Image(exp, pixels, None), 0)
    values = {(m, c): v for m, c, v in graph.measured(NOTHING, None)}
    assert values["color", "edges"] == pytest.approx(np.sqrt(3 * 2.0**2))


def test_what_cannot_be_read_off_is_said_and_left_out():
    class Widening(nn.Module):
        """A second block of another width, as pyramids have them."""

        def __init__(self):
            super().__init__()
            self.first, self.second = seeded_net(depth=1), seeded_net(depth=1, channels=8, seed=1)
            self.second.stem = nn.Conv2d(6, 8, 1).double()

        def forward(self, pixels):
            return self.second(self.first.backbone(self.first.stem(pixels)))

    found = profile_image(Widening().eval(), seeded_pixels(1))
    assert "layers 1 give other shapes" in found.unknown["probability"]
    assert {row["layer"] for row in found.rows if row["measure"] == "probability"} == {2}
    assert found.maps[0] is None
    assert found.maps[1].shape == (6, 4)
    assert "homophily" in found.unknown


def test_a_head_that_hears_more_than_the_last_block_is_not_believed():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = seeded_net()

        def forward(self, pixels):
            stem = self.net.stem(pixels)
            return self.net.head((self.net.backbone(stem) * stem.mean()).mean((2, 3)))

    net, pixels = Residual().eval(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    reads, why = read_off(net, pixels, exp, depths(net, pixels))
    # The stem is part of what follows, and gives what it gave: the answer is the network's own.
    assert why == ""
    torch.testing.assert_close(reads[-1].logits, exp.logits[0])
    assert not any("forward" in vars(module) for module in net.modules())


def test_means_have_intervals_over_images():
    rows = [
        {"measure": "length", "layer": layer, "condition": "edges", "value": layer + step}
        for layer in (2, 1)
        for step in (0.0, 1.0, 2.0)
    ]
    table = profile_summary(pd.DataFrame(rows))
    assert list(table.columns) == list(SUMMARY)
    assert table["layer"].tolist() == [1, 2]
    assert table["mean"].tolist() == [2.0, 3.0]
    assert table["n"].tolist() == [3, 3]
    assert (table["low"] < table["mean"]).all()
    assert (table["mean"] < table["high"]).all()
