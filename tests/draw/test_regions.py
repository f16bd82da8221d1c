"""Nodes that are no grid are drawn as the regions they are: superpixels, cells, boxes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from builders.explanations import explanation, layer
from builders.seeing import places_of
from viz_nodes.draw import compare, draw_cam, draw_graph, draw_neighbors, figure, figure_bytes
from viz_nodes.draw.columns import node_at
from viz_nodes.draw.differences import edge_difference
from viz_nodes.draw.geometry.selection import Selection, ego_of
from viz_nodes.draw.subject import subject_of
from viz_nodes.places import Boxes, LabelMap, Polygons
from viz_nodes.places.polygons import inside_of

QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((10, 15), int))
CELLS = Polygons(
    [
        [(2, 2), (8, 3), (5, 8)],
        [(15, 2), (25, 2), (25, 8), (15, 8)],
        [(4, 12), (12, 18), (2, 18)],
        [(20, 12), (28, 15), (20, 18)],
    ],
    (20, 30),
)


def regions(places, heat=(0.0, 1.0, 2.0, 4.0)):
    rows = len(places) if isinstance(places, tuple) else 1
    asked = [[[1, 2], [0, 3], [3, 0], [2, 1]]] * rows
    return explanation(
        layer(0, (1, 4), asked, [[[0.75, 0.25]] * 4] * rows, cam=[heat] * rows, places=places), image_size=(20, 30)
    )


@pytest.fixture
def axes():
    fig = Figure(figsize=(3, 2), dpi=100)
    return lambda: fig.add_axes((0, 0, 1, 1))


@pytest.fixture
def white():
    return np.full((20, 30, 3), 255, np.uint8)


def test_each_region_is_painted_in_its_own_value_and_the_rest_not_at_all(axes, white):
    drawn = draw_cam(axes(), regions(CELLS), 0, white, fade=False, alpha=1.0, palette="gray")
    pixels = drawn["heatmap"].pixels
    finer = pixels.shape[0] // 20
    assert pixels.shape[:2] == (20 * finer, 30 * finer)
    shown = {node: pixels[int(y * finer), int(x * finer)] for node, (x, y) in enumerate(CELLS.centers())}
    assert [int(shade[0]) for shade in shown.values()] == [0, 64, 128, 255]
    assert all(shade[3] == 255 for shade in shown.values())
    assert pixels[0, 0, 3] == 0
    x, y = drawn["peak"].get_xydata()[0]
    assert CELLS.at(x, y) == 3


def test_contours_run_around_the_regions_of_that_value(axes, white):
    exp = regions(LabelMap(QUARTERS), heat=(0.0, 0.0, 3.0, 4.0))
    drawn = draw_cam(axes(), exp, 0, white, contours=[0.5])
    (line,) = drawn["contours"].get_segments()
    assert {tuple(point) for point in np.round(line, 6)} == {(0, 10), (30, 10), (30, 20), (0, 20)}


def test_neighbors_are_outlined_and_left_open_in_the_shade(axes, white):
    drawn = draw_neighbors(axes(), regions(CELLS), 0, white, center=0)
    outlines = [path.vertices for path in drawn["neighbors"].get_paths()]
    assert [{tuple(point) for point in outline} for outline in outlines] == [
        {tuple(point) for point in CELLS.polygons[node]} for node in (1, 2)
    ]
    assert shaded(drawn["shade"].get_path(), CELLS.centers()) == [False, False, False, True]
    assert drawn["rank0.0"].get_position() == tuple(CELLS.centers()[1])


def test_a_region_with_a_hole_is_open_around_it_only(axes, white):
    labels = np.zeros((20, 30), int)
    labels[5:15, 10:20] = 1
    labels[:, 25:] = 2
    labels[:3, :3] = 3
    drawn = draw_neighbors(axes(), regions(LabelMap(labels)), 0, white, center=(0.2, 0.5), k=1)
    # The center 0 left and right of the hole, its neighbor 1 in it, two others.
    points = np.array([(4.5, 10), (22, 10), (15, 10), (28, 10), (1, 1)], float)
    assert shaded(drawn["shade"].get_path(), points) == [False, False, False, True, True]
    drawn = draw_neighbors(axes(), regions(LabelMap(labels)), 0, white, center=2, k=2)
    assert shaded(drawn["shade"].get_path(), points) == [False, False, True, False, False]


def shaded(path, points):
    """Whether points are filled, by the rule of nonzero winding that canvases and files follow."""
    winding = np.zeros(len(points))
    for loop in path.to_polygons(closed_only=True):
        x, y = loop[:-1].T
        turn = np.sign(x @ np.roll(y, -1) - y @ np.roll(x, -1))
        winding += turn * inside_of(points, loop[:-1])
    return (winding != 0).tolist()


def test_edges_run_between_the_middles_of_regions(axes, white):
    drawn = draw_graph(axes(), regions(CELLS), 0, white, center=3, closeups=False)
    starts = {tuple(np.round(point, 6)) for point in places_of(drawn["neighbors"])}
    assert starts == {tuple(np.round(CELLS.centers()[node], 6)) for node in (1, 2)}
    assert len(drawn["grid"].get_segments()) == 4


def test_every_row_has_its_own_regions_and_a_view_moves_them(axes):
    exp = regions((LabelMap(QUARTERS), LabelMap(3 - QUARTERS)))
    large = np.zeros((60, 80, 3), np.uint8)
    view = (10.0, 20.0, 70.0, 60.0)
    for row, corner in ((0, (55.0, 50.0)), (1, (25.0, 30.0)), (-1, (25.0, 30.0))):
        drawn = draw_cam(axes(), exp, 0, large, row=row, view=view)
        assert tuple(drawn["peak"].get_xydata()[0]) == corner


def test_a_whole_figure_and_a_comparison_are_drawn(white):
    exp = regions(CELLS)
    assert figure_bytes(figure(exp, white), "png", dpi=60)
    other = dataclasses.replace(exp, layers=(dataclasses.replace(exp.layer(0), cam=exp.layer(0).cam.flip(2)),))
    other = dataclasses.replace(other, layers=(dataclasses.replace(other.layer(0), peak=torch.tensor([0])),))
    compared = compare([exp, other], white, kinds=["cam", "graph"], dpi=60)
    assert figure_bytes(compared, "png", dpi=60)


def test_the_same_place_is_the_region_there():
    one, two = regions(LabelMap(QUARTERS)), regions(LabelMap(3 - QUARTERS))
    a, b = (subject_of(exp, 0, None) for exp in (one, two))
    assert [node_at(node, a, b) for node in range(4)] == [3, 2, 1, 0]
    holes = subject_of(
        regions(Boxes([[0, 0, 9, 9], [20, 0, 30, 9], [0, 12, 9, 20], [28, 18, 30, 20]], (20, 30))), 0, None
    )
    assert [node_at(node, a, holes) for node in range(4)] == [0, 1, 2, None]


def test_edges_of_other_regions_are_not_compared():
    one, two = regions(LabelMap(QUARTERS)), regions(LabelMap(3 - QUARTERS))
    a, b, c = (ego_of(exp, 0, 0, Selection(), 0) for exp in (one, two, regions(LabelMap(QUARTERS))))
    assert edge_difference(a, c).common == 1
    with pytest.raises(ValueError, match="the same regions"):
        edge_difference(a, b)
