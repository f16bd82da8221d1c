"""What an explanation is asked, and what it may hold: rows, layers and nodes named in any way, arrays that fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import viz_nodes
from builders.explanations import build_explanation, explanation, layer
from viz_nodes import export
from viz_nodes.draw.comparison import compare
from viz_nodes.draw.geometry.selection import choose_centers
from viz_nodes.graphs import edges as edges_module
from viz_nodes.graphs import hop_weights, hubs, peak_of, reach

GRID = layer(0, (3, 4), cam=np.arange(24).reshape(2, 3, 4))
POOLED = layer(1, (4, 4), cam=np.eye(4), key_grid=(2, 2))


@pytest.mark.parametrize(
    ("where", "node"),
    [
        (7, 7),
        (np.int64(7), 7),
        (torch.tensor(7), 7),
        ((1, 3), 7),
        ((np.int32(1), np.int64(3)), 7),
        ((0.99, 0.4), 7),
        ((np.float32(0.8), 0.4), 7),
        ((0.0, 0.0), 0),
        ((1.0, 1.0), 11),
        ((0, 0.5), 4),
    ],
)
def test_a_node_is_named_by_number_by_place_or_by_fractions(where, node):
    assert GRID.node(where) == node
    assert type(GRID.node(where)) is int


@pytest.mark.parametrize("where", ["5", 2.7, True, np.bool_(True), [0.5, 0.25], (1,), (1, 2, 3), ("1", "2"), (True, 1)])
def test_what_names_no_node_is_a_type_error_that_says_what_does(where):
    with pytest.raises(TypeError, match=r"`node` must be a node number, a \(row, col\)"):
        GRID.node(where)


@pytest.mark.parametrize("where", [12, -1, (0, 4), (3, 0), (-1, 0), (1.5, 0.2), (float("nan"), 0.2)])
def test_a_node_that_is_not_there_is_a_value_error(where):
    with pytest.raises(ValueError, match="`node`"):
        GRID.node(where)


@pytest.mark.parametrize("center", ["5", 2.7, True, [0.5, 0.25]])
def test_every_verb_refuses_the_same_centers(center):
    exp = build_explanation(grid=(14, 14))
    for ask in (
        lambda: choose_centers(exp.layer(3), 0, center),
        lambda: compare([exp, exp], None, center=center),
        lambda: exp.ego_graph(3, center),
        lambda: hop_weights(exp, 3, center),
        lambda: edges_module.skipped(skipping(), 0, center),
        lambda: reach(known(), 0, center),
    ):
        with pytest.raises(TypeError, match="must be a node number"):
            ask()


def skipping():
    return explanation(dataclasses.replace(GRID, skipped=torch.zeros(2, 12, 1, dtype=torch.int64)))


def known():
    return explanation(GRID, extras={"between": [[]]})


def test_compare_draws_the_center_that_figure_draws():
    exp = build_explanation(grid=(14, 14))
    for center, node in (((0.5, 0.5), 105), ((2, 3), 31), (np.int64(9), 9)):
        figure = compare([exp, exp], None, center=center, layers=[3], kinds=("graph",), difference=False)
        row, col = divmod(node, 14)
        at = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() == "D"]
        assert [tuple(place) for place in at] == [((col + 0.5) * 16, (row + 0.5) * 16)]
    with pytest.raises(ValueError, match="`center` must be a \\(row, col\\)"):
        compare([exp, exp], None, center=(0, 20))


@pytest.mark.parametrize("row", [1, -1, np.int64(1), np.int32(-1), torch.tensor(1)])
def test_a_row_is_counted_from_either_end_in_any_whole_number(row):
    exp = explanation(GRID)
    assert exp.row(row) == 1
    assert exp.graph(0, row).graph["image"] == 1
    assert exp.ego_graph(0, hops=np.int64(1), image=row).graph["center"] == 11
    assert peak_of(exp, 0, image=row) == 11
    assert hubs(exp, np.int64(0), row=row, top=1) == [(0, 12)]
    assert export.to_networkx(exp, np.int64(0), image=row).graph["image"] == 1
    assert set(export.nodes_table(exp, np.int64(0), row)["image"]) == {1}
    assert "center" not in viz_nodes.figure(exp, None, rows=[row], kinds=["cam"]).axes[0].get_title()
    compare([exp, exp], None, rows=row, layers=np.int64(0))


@pytest.mark.parametrize("row", [2, -3, 1.0, "1", True, None])
def test_a_row_that_is_none_says_so(row):
    with pytest.raises((IndexError, TypeError), match="`row`"):
        explanation(GRID).row(row)


def test_row_and_image_are_two_names_of_one_thing():
    with pytest.raises(TypeError, match="two names"):
        peak_of(explanation(GRID), 0, row=0, image=1)


@pytest.mark.parametrize(("index", "error"), [(1, IndexError), (True, TypeError), ("0", TypeError), (0.0, TypeError)])
def test_a_layer_is_named_by_a_whole_number(index, error):
    with pytest.raises(error, match="`layer`"):
        explanation(GRID).layer(index)


def test_one_some_and_all_layers_are_picked():
    exp = explanation(layer(0, (3, 4), cam=np.ones((1, 3, 4))), POOLED)
    assert [each.index for each in exp.pick()] == [0, 1]
    for one in (-1, np.int64(-1), [1], np.array([1]), np.array(1), torch.tensor(1)):
        assert [each.index for each in exp.pick(one)] == [1]
    assert viz_nodes.figure(exp, None, layers=-1, kinds=["cam"]).axes


def test_a_layer_knows_how_many_nodes_it_has_and_whether_its_keys_are_pooled():
    assert (GRID.num_nodes, GRID.num_keys, GRID.pooled) == (12, 12, False)
    assert (POOLED.num_nodes, POOLED.num_keys, POOLED.pooled) == (16, 4, True)
    assert (GRID.dilation, GRID.placed) == (None, None)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"peak": torch.tensor([99, 0])}, ValueError, "`peak` must lie in"),
        ({"peak": torch.tensor([-2, 0])}, ValueError, "`peak` must lie in"),
        ({"peak": torch.tensor([1.0, 0.0])}, TypeError, "`peak` must be int64"),
        ({"neighbors": torch.full((2, 12, 1), 12)}, ValueError, "`neighbors` must lie in"),
        ({"neighbors": torch.zeros(2, 12, 1)}, TypeError, "`neighbors` must be int64"),
        ({"skipped": torch.full((2, 12, 1), 12)}, ValueError, "`skipped` must lie in"),
        ({"skipped": torch.zeros((2, 11, 1), dtype=torch.int64)}, ValueError, "`skipped` must have shape"),
        ({"share": torch.full((2, 12, 1), 1.5)}, ValueError, "`share` must lie in"),
        ({"share": torch.full((2, 12, 1), -0.5)}, ValueError, "`share` must lie in"),
        ({"cam": torch.full((2, 3, 4), -1.0)}, ValueError, "`cam` must be 0 or above"),
        ({"cam": torch.full((2, 3, 4), torch.nan)}, ValueError, "`cam` must be finite"),
        ({"cam": torch.full((2, 3, 4), torch.inf)}, ValueError, "`cam` must be finite"),
        ({"cam": torch.ones(2, 3, 4, dtype=torch.int64)}, TypeError, "`cam` must be of floating point"),
        ({"cam": np.ones((2, 3, 4))}, TypeError, "`cam` must be a torch tensor"),
        ({"grid": (0, 4)}, ValueError, "`grid` must be two whole numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_when_a_layer_is_made(fields, error, words):
    with pytest.raises(error, match=words):
        dataclasses.replace(GRID, **fields)


def test_a_map_of_nan_is_kept_where_nothing_is_called_its_peak():
    blank = dataclasses.replace(GRID, cam=torch.full((2, 3, 4), torch.nan), peak=torch.tensor([-1, -1]))
    assert blank.cam.isnan().all()


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"target": torch.tensor([2, 0])}, ValueError, "`target` must lie in"),
        ({"target": torch.tensor([0.0, 0.0])}, TypeError, "`target` must be int64"),
        ({"versus": torch.tensor([7, 0])}, ValueError, "`versus` must lie in"),
        ({"logits": torch.zeros(2, 2, dtype=torch.int64)}, TypeError, "`logits` must be of floating point"),
        ({"layers": (POOLED, GRID)}, ValueError, "in the order of the network"),
        ({"depth": 0}, ValueError, "in the order of the network"),
        ({"image_size": (0, 8)}, ValueError, "`image_size`"),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_an_explanation_is_made(fields, error, words):
    with pytest.raises(error, match=words):
        dataclasses.replace(explanation(GRID), **fields)


def test_a_grid_whose_nodes_no_integer_can_name_is_refused():
    with pytest.raises(ValueError, match="`key_grid` must be at most"):
        layer(0, (2, 3), key_grid=(2, 10**40))
