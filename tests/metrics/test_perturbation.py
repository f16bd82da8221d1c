"""Metrics on networks whose answers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import viz_nodes
from builders.explanations import explanation, layer
from viz_nodes import metrics
from viz_nodes.grids import node_of_pixel
from viz_nodes.metrics import benchmark as scoring

GRID = (3, 4)


class Brightness(nn.Module):
    """Class 1 gains `weights[node]` for each node's mean brightness; sees 6 x 8 pixels."""

    def __init__(self, weights) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.as_tensor(weights, dtype=torch.float32))
        self.dropout = nn.Dropout(0.5)

    def forward(self, pixels):
        nodes = (
            self.dropout(pixels).mean(1, keepdim=True).unflatten(2, (3, 2)).unflatten(4, (4, 2)).mean((3, 5)).flatten(1)
        )
        score = nodes @ self.weights
        return torch.stack([torch.zeros_like(score), score], 1), "something else"


@pytest.fixture
def weights():
    return np.array([0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 2, 0], dtype=np.float32)


def sigmoid(value):
    return 1 / (1 + np.exp(-np.asarray(value, dtype=np.float64)))


def explained(cam, image_size=(6, 8), key_grid=None):
    return explanation(layer(0, GRID, cam=cam, key_grid=key_grid), image_size=image_size)


def test_ranking_is_highest_first_and_stable():
    assert metrics.ranking(torch.tensor([[1.0, 3.0], [3.0, 0.0]])).tolist() == [1, 2, 0, 3]


def test_deletion_of_the_best_first_falls_as_computed_by_hand(weights):
    curve = metrics.node_curve(
        Brightness(weights), torch.ones(3, 6, 8), metrics.ranking(weights), 1, grid=GRID, steps=12
    )
    expected = sigmoid([6, 3, 1] + [0] * 10)
    np.testing.assert_allclose(curve.scores, expected, atol=1e-6)
    np.testing.assert_allclose(curve.fractions, np.arange(13) / 12)
    assert curve.area == pytest.approx(((expected[1:] + expected[:-1]) / 2).mean(), abs=1e-6)


def test_insertion_rises_from_the_blank_image(weights):
    net, pixels = Brightness(weights), torch.ones(1, 3, 6, 8)
    curve = metrics.node_curve(
        net, pixels, metrics.ranking(weights), 1, grid=GRID, mode="insertion", steps=12, baseline="zero"
    )
    np.testing.assert_allclose(curve.scores, sigmoid([0, 3, 5] + [6] * 10), atol=1e-6)


def test_a_good_order_beats_its_reverse_both_ways(weights):
    net, pixels, order = Brightness(weights), torch.ones(3, 6, 8), metrics.ranking(weights)
    for mode, better in (("deletion", -1), ("insertion", 1)):
        areas = [
            metrics.node_curve(net, pixels, o, 1, grid=GRID, mode=mode, baseline="zero").area
            for o in (order, order[::-1])
        ]
        assert (areas[0] - areas[1]) * better > 0.1, mode


def test_fewer_steps_are_points_of_the_same_curve(weights):
    net, pixels, order = Brightness(weights), torch.ones(3, 6, 8), metrics.ranking(weights)
    fine = metrics.node_curve(net, pixels, order, 1, grid=GRID, steps=12, batch_size=5)
    rough = metrics.node_curve(net, pixels, order, 1, grid=GRID, steps=4)
    np.testing.assert_allclose(rough.scores, fine.scores[::3], atol=1e-6)


def test_networks_are_left_in_their_mode(weights):
    net = Brightness(weights).train()
    metrics.node_curve(net, torch.ones(3, 6, 8), metrics.ranking(weights), 1, grid=GRID)
    assert net.training
    assert net.dropout.training
    assert net.weights.grad is None


def test_pixels_belong_to_the_node_whose_box_holds_them():
    assert node_of_pixel((2, 2), (2, 4)).tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]
    odd = node_of_pixel((3, 2), (7, 5))
    assert np.bincount(odd.ravel()).tolist() == [4, 6, 6, 9, 4, 6]
    assert (np.diff(odd[:, 0]) >= 0).all()


@pytest.mark.parametrize("baseline", ["zero", "mean", "blur"])
def test_blank_images(baseline):
    pixels = torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(0))
    blank = metrics.blank_image(pixels, baseline)
    assert blank.shape == pixels.shape
    assert blank.std() < 0.25 * pixels.std()
    if baseline != "zero":
        torch.testing.assert_close(blank.mean((1, 2)), pixels.mean((1, 2)), atol=0.02, rtol=0)
    flat = torch.full((3, 8, 8), 0.7)
    torch.testing.assert_close(metrics.blank_image(flat, baseline), flat * (baseline != "zero"), atol=1e-6, rtol=0)


def test_wrong_arguments_are_named(weights):
    net, pixels, order = Brightness(weights), torch.ones(3, 6, 8), np.arange(12)
    for change, message in (
        ({"order": order[:11]}, "each of the 12 nodes once"),
        ({"order": np.zeros(12, int)}, "each of the 12 nodes once"),
        ({"mode": "delete"}, "'deletion' or 'insertion'"),
        ({"baseline": "black"}, "'zero', 'mean', 'blur'"),
        ({"baseline": torch.zeros(3, 2, 2)}, r"shape \(3, 6, 8\)"),
        ({"steps": 0}, "at least 1"),
        ({"pixels": torch.ones(2, 3, 6, 8)}, "one image"),
    ):
        arguments = {"pixels": pixels, "order": order} | change
        with pytest.raises(ValueError, match=message):
            metrics.node_curve(net, target=1, grid=GRID, **arguments)


def test_pointing_game_by_hand():
    cam = np.zeros((3, *GRID))
    cam[0, 1, 2] = cam[1, 0, 0] = 1
    exp = explained(cam)
    mask = np.zeros((6, 8), bool)
    mask[2:4, 4] = True
    hits = metrics.pointing_game(exp, mask)
    assert hits[:2].tolist() == [1, 0]
    assert np.isnan(hits[2])
    assert metrics.pointing_game(exp, mask, tolerance=0.5)[0] == 0
    assert metrics.pointing_game(exp, mask, tolerance=0.49)[0] == 1
    with pytest.raises(ValueError, match=r"\(3, 6, 8\)"):
        metrics.pointing_game(exp, np.zeros((8, 6), bool))


def test_energy_inside_by_hand():
    cam = np.zeros((2, *GRID))
    cam[0, 1, 2], cam[0, 0, 0] = 3, 1
    mask = np.zeros((2, 6, 8), bool)
    mask[:, 2:4, 4] = True
    found = metrics.energy_inside(explained(cam), mask)
    assert found[0] == pytest.approx(3 * 0.5 / 4)
    assert np.isnan(found[1])


def test_rank_correlation_by_hand():
    assert metrics.rank_correlation([1, 2, 3, 4], [10, 20, 30, 400]) == pytest.approx(1)
    assert metrics.rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert metrics.rank_correlation([1, 2, 2, 3], [1, 3, 2, 4]) == pytest.approx(0.9486833)
    assert np.isnan(metrics.rank_correlation([1, 1], [1, 2]))


def test_randomized_shuffles_the_last_modules_first_and_copies():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    before = [module.weight.clone() for module in net]
    half = metrics.randomized(net, 0.5)
    assert [torch.equal(a.weight, b) for a, b in zip(half, before)] == [True, True, False, False]
    assert all(torch.equal(a.weight.flatten().sort().values, b.flatten().sort().values) for a, b in zip(half, before))
    assert all(torch.equal(module.weight, b) for module, b in zip(net, before))
    assert all(torch.equal(a.weight, b) for a, b in zip(metrics.randomized(net, 0.0), before))
    again = metrics.randomized(net, 1.0)
    assert torch.equal(again[0].weight, metrics.randomized(net, 1.0)[0].weight)
    assert not torch.equal(again[0].weight, metrics.randomized(net, 1.0, seed=1)[0].weight)


def test_road_prefers_the_true_map_to_its_reverse():
    torch.manual_seed(0)
    weights = np.zeros(12, dtype=np.float32)
    weights[5] = 6
    pixels = torch.zeros(2, 3, 6, 8)
    pixels[:, :, 2:4, 2:4] = 1
    pixels += torch.rand(pixels.shape, generator=torch.Generator().manual_seed(1)) * 0.1
    good = torch.zeros(2, *GRID)
    good[0].flatten()[5] = 1
    good[0] += torch.arange(12).reshape(GRID) * 0.01
    state = torch.get_rng_state()
    scores = metrics.road(Brightness(weights), pixels, good, [1, 1], percentiles=(50, 80))
    reverse = metrics.road(Brightness(weights), pixels, good.max() - good, [1, 1], percentiles=(50, 80))
    assert scores[0] > 0.1
    assert scores[0] > reverse[0] + 0.2
    assert np.isnan(scores[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert metrics.road(Brightness(weights), pixels, good, [1, 1], percentiles=(50, 80))[0] == scores[0]


def probability(net, pixels, target):
    with torch.no_grad():
        return net(pixels).softmax(-1)[0, target].item()


@pytest.mark.parametrize("kind", ["mr", "gin"])
def test_edge_deletion_runs_from_the_network_to_a_layer_without_edges(make_net, make_pixels, kind):
    net, pixels = make_net(kind), make_pixels(2)
    exp = viz_nodes.explain(net, pixels)
    target = int(exp.target[1])
    curve = metrics.edge_curve(net, pixels[1], exp, 1, image=1, steps=3)
    assert curve.fractions.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert curve.scores[0] == pytest.approx(probability(net, pixels[1:], target), abs=1e-12)
    with viz_nodes.edit_edges(
        net, cut={1: torch.ones(24, 4, dtype=torch.bool)}, frozen=viz_nodes.explain(net, pixels[1:])
    ):
        assert curve.scores[-1] == pytest.approx(probability(net, pixels[1:], target), abs=1e-12)
    back = metrics.edge_curve(net, pixels[1], exp, 1, image=1, steps=3, mode="insertion")
    assert back.scores[0] == pytest.approx(curve.scores[-1], abs=1e-12)
    assert back.scores[-1] == pytest.approx(curve.scores[0], abs=1e-12)


def test_edges_that_win_nothing_can_go_first_for_nothing(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    share = exp.layer(-1).share[0]
    lost = int((share == 0).sum())
    assert lost > 3
    curve = metrics.edge_curve(net, pixels, exp, -1, by=-share, steps=share.numel())
    assert np.ptp(curve.scores[: lost + 1]) == 0
    assert curve.scores[lost + 1 :].std() > 0


def test_edge_curves_name_what_is_wrong(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels(1)
    exp = viz_nodes.explain(net, pixels, layers=[-1])
    for options, message in (
        ({"mode": "cut"}, "'deletion' or 'insertion'"),
        ({"by": "distance"}, "'contribution', 'share' or values"),
        ({"by": torch.zeros(3)}, r"\(24, 4\)"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.edge_curve(net, pixels, exp, -1, **options)


def test_parameter_randomization_is_one_where_nothing_is_shuffled(make_net, make_pixels):
    net, pixels = make_net("mr", channels=16), make_pixels(2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = metrics.parameter_randomization(net, pixels, method="layercam", fractions=(0.0, 1.0))
    np.testing.assert_allclose(found[0.0], 1, atol=1e-12)
    assert (found[1.0] < 0.9).all()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_score_makes_a_line_for_each_image_layer_and_method(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels(2)
    mask = torch.zeros(2, 24, 16, dtype=torch.bool)
    mask[:, :12] = True
    options = {
        "methods": ("layercam", "eigencam", "random"),
        "layers": (0, -1),
        "steps": 4,
        "names": ["a", "b"],
        "masks": mask,
    }
    table = scoring.score(net, pixels, **options)
    assert list(table.columns) == list(scoring.COLUMNS)
    assert len(table) == 2 * 2 * 3
    line = table.query("image == 'b' and layer == 2 and method == 'layercam'").iloc[0]
    exp = viz_nodes.explain(net, pixels[1], method="layercam")
    order = metrics.ranking(exp.layer(2).cam[0])
    curve = metrics.node_curve(net, pixels[1], order, int(exp.target[0]), grid=(6, 4), steps=4)
    assert line.deletion == pytest.approx(curve.area)
    assert line.faithfulness == pytest.approx(line.insertion - line.deletion)
    assert line.inside == pytest.approx(metrics.energy_inside(exp, mask[1], 2)[0])
    assert line.target == int(exp.target[0])
    dice = table[table.method == "random"]
    assert dice.randomized.isna().all()
    assert dice.deletion.notna().all()
    again = scoring.score(net, pixels, **options)
    assert table.drop(columns="seconds").equals(again.drop(columns="seconds"))
    means = scoring.summary(table)
    assert means.images.tolist() == [2] * 6
    assert "road" not in means
    assert means.query("layer == 0 and method == 'eigencam'").inside.item() == pytest.approx(
        table.query("layer == 0 and method == 'eigencam'").inside.mean()
    )


def test_score_refuses_targets_that_are_not_one_class(make_net, make_pixels):
    net, pixels = make_net("mr"), make_pixels(1)
    with pytest.raises(ValueError, match="one class an image"):
        scoring.score(net, pixels, target="top3")
    with pytest.raises(ValueError, match="a callable"):
        scoring.score(net, pixels, target=lambda logits: logits[:, 0])
    with pytest.raises(ValueError, match="did you mean"):
        scoring.score(net, pixels, methods=["gradcm"])
