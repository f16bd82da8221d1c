"""Regions of nodes, whatever they are made of: middles, boxes, masks, outlines and maps that agree with one another."""

from __future__ import annotations

import dataclasses

import networkx as nx
import numpy as np
import pytest
import torch

import viz_nodes
from builders.explanations import explanation, layer
from builders.networks import SmallGNN, seeded
from viz_nodes import export
from viz_nodes.graphs import edges as edges_module
from viz_nodes.metrics import energy_inside, node_curve, pointing_game
from viz_nodes.places import (
    NOBODY,
    Boxes,
    GridPlaces,
    LabelMap,
    Points,
    Polygons,
    as_places,
    from_arrays,
)
from viz_nodes.places.label_map import loops_around
from viz_nodes.places.polygons import inside_of

SIZE = (20, 30)
QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((10, 15), int))


def horseshoe():
    """A region around another one, whose middle lies in the other."""
    labels = np.zeros((9, 9), int)
    labels[3:6, 3:] = 1
    return labels


def island():
    """A region with a hole, in which another one lies; some pixels are nobody's."""
    labels = np.full((8, 10), -5)
    labels[1:7, 1:9] = 0
    labels[3:5, 3:6] = 1
    return labels


KINDS = {
    "grid": GridPlaces((4, 5), SIZE),
    "labels": LabelMap(QUARTERS),
    "labels of another resolution": LabelMap(island(), SIZE),
    "polygons": Polygons([[(1, 1), (9, 2), (5, 9)], [(12, 3), (28, 3), (28, 18), (20, 10), (12, 18)]], SIZE),
    "boxes": Boxes([[0, 0, 10, 10], [5, 5, 28, 18.5]], SIZE),
    "points": Points([(5, 5), (15, 5), (25, 15)], SIZE),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_region_holds_its_center_and_lies_in_its_box_and_its_outline_is_its_mask(name):
    places = KINDS[name]
    centers, boxes, outlines = places.centers(), places.boxes(), places.outlines()
    assert centers.shape == (places.num_nodes, 2)
    assert boxes.shape == (places.num_nodes, 4)
    ys, xs = np.mgrid[0 : SIZE[0], 0 : SIZE[1]] + 0.5
    pixels = np.stack([xs.ravel(), ys.ravel()], 1)
    for node in range(places.num_nodes):
        x, y = centers[node]
        left, top, right, bottom = boxes[node]
        assert left <= x <= right
        assert top <= y <= bottom
        filled = np.zeros(len(pixels), bool)
        for loop in outlines[node]:
            filled ^= inside_of(pixels, loop)
            assert (loop >= [left - 1e-9, top - 1e-9]).all()
            assert (loop <= [right + 1e-9, bottom + 1e-9]).all()
        mask = places.mask(node)
        assert (filled.reshape(SIZE) == mask).all()
        assert sum(inside_of(np.array([[x, y]]) + 1e-7, loop)[0] for loop in outlines[node]) % 2 == 1


@pytest.mark.parametrize("name", KINDS)
def test_a_pixel_has_the_node_that_its_point_has(name):
    places = KINDS[name]
    labels = places.label_map()
    assert labels.shape == SIZE
    for row in range(0, SIZE[0], 3):
        for col in range(0, SIZE[1], 3):
            assert labels[row, col] == places.at(col + 0.5, row + 0.5)
    assert places.at(-1, 5) == NOBODY
    assert places.at(5, 21) == NOBODY


@pytest.mark.parametrize("name", KINDS)
def test_values_are_painted_where_their_nodes_lie(name):
    places = KINDS[name]
    painted = places.paint(np.arange(places.num_nodes), empty=-1)
    assert np.array_equal(painted, places.label_map())
    assert places.paint(np.zeros(places.num_nodes), (5, 6)).shape == (5, 6)
    with pytest.raises(ValueError, match="one for each of"):
        places.paint([1.0] * (places.num_nodes + 1))


@pytest.mark.parametrize("name", KINDS)
def test_places_come_back_from_their_arrays(name):
    places = KINDS[name]
    back = from_arrays(places.kind, places.size, places.arrays())
    assert type(back) is type(places)
    assert back.size == places.size
    assert np.array_equal(back.label_map(), places.label_map())
    assert np.array_equal(back.centers(), places.centers())


@pytest.mark.parametrize("name", KINDS)
def test_a_view_moves_and_scales_everything(name):
    places = KINDS[name]
    view = (100.0, 50.0, 100.0 + 60, 50.0 + 20)  # twice as wide, as high
    for plain, seen in (
        (places.centers(), places.centers(view)),
        (places.boxes()[:, :2], places.boxes(view)[:, :2]),
        (places.outlines()[-1][0], places.outlines(view)[-1][0]),
    ):
        assert seen == pytest.approx(plain * [2, 1] + [100, 50])


def test_the_grid_is_the_grid():
    places = GridPlaces((2, 3), (20, 30))
    assert places.centers().tolist() == [[5, 5], [15, 5], [25, 5], [5, 15], [15, 15], [25, 15]]
    assert places.pitch == 10
    assert places.at(29.9, 0.1) == 2
    assert places.covered(np.arange(600).reshape(20, 30) % 30 < 15).tolist() == [1, 0.5, 0, 1, 0.5, 0]


def test_a_center_lies_in_its_region_even_where_the_middle_does_not():
    places = LabelMap(horseshoe())
    x, y = places.centers()[0]
    assert places.at(x, y) == 0
    assert places.centers()[1].tolist() == [6, 4.5]
    bow = Polygons([[(0, 0), (10, 0), (10, 10), (0, 10), (0, 9), (9, 9), (9, 1), (0, 1)]], SIZE)
    assert bow.at(*bow.centers()[0]) == 0


def test_a_hole_is_an_outline_of_its_own():
    loops = LabelMap(island()).outlines()[0]
    assert [len(loop) for loop in loops] == [4, 4]
    assert {tuple(point) for point in loops[0]} == {(1, 1), (9, 1), (9, 7), (1, 7)}
    assert {tuple(point) for point in loops[1]} == {(3, 3), (6, 3), (6, 5), (3, 5)}


def test_two_parts_that_touch_in_a_corner_are_two_outlines():
    loops = loops_around(np.array([[1, 0], [0, 1]], bool))
    assert sorted(map(len, loops)) == [4, 4]
    assert [loop.min(0).tolist() for loop in loops] == [[0, 0], [1, 1]]


def test_the_smaller_region_lies_on_top_and_each_keeps_its_mask():
    places = Boxes([[0, 0, 30, 20], [10, 5, 20, 15]], SIZE)
    assert places.at(15, 10) == 1
    assert (places.label_map() == 1).sum() == 100
    assert places.mask(0).sum() == 600
    half = np.zeros(SIZE, bool)
    half[:, :15] = True
    assert places.covered(half).tolist() == [0.5, 0.5]
    assert places.covered(np.stack([half, ~half])).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_points_have_discs_that_touch_the_nearest():
    places = Points([(5, 5), (15, 5), (25, 5)], SIZE)
    assert places.pitch == pytest.approx(10)
    assert places.boxes()[0] == pytest.approx([0, 0, 10, 10])
    assert Points([(5, 5)], SIZE, radius=2).boxes()[0] == pytest.approx([3, 3, 7, 7])


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (KINDS["boxes"], Boxes),
        (np.zeros(SIZE, np.int32), LabelMap),
        (torch.zeros(40, 60, dtype=torch.int64), LabelMap),
        ([[0, 0, 4, 4], [1, 1, 3, 3]], Boxes),
        (np.array([[0.5, 1], [2, 3]]), Points),
        ([[(0, 0), (4, 0), (4, 4)], [(1, 1), (2, 1), (2, 2), (1, 2)]], Polygons),
        (np.array([[(0, 0), (4, 0), (4, 4)]]), Polygons),
    ],
)
def test_what_a_user_gives_is_known_by_its_shape(given, kind):
    assert type(as_places(given, SIZE)) is kind


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: LabelMap(np.array([[0, 2, 2]])), ValueError, r"every number from 0 to 2 \(got no pixel of \[1\]\)"),
        (lambda: LabelMap(np.array([[1, 1]])), ValueError, "start_label=0"),
        (lambda: LabelMap(np.array([[-1, -1]])), ValueError, "every number"),
        (lambda: LabelMap(np.array([[0, 10**12]])), ValueError, "below the number of pixels"),
        (lambda: LabelMap(np.zeros((2, 2))), TypeError, "whole numbers"),
        (lambda: LabelMap(np.zeros((2, 2, 2), int)), ValueError, "shape"),
        (lambda: Polygons([], SIZE), ValueError, "at least one"),
        (lambda: Polygons([[(0, 0), (1, 1)]], SIZE), ValueError, "polygon 0"),
        (lambda: Polygons([[(0, 0), (1, 1), (np.nan, 0)]], SIZE), ValueError, "finite"),
        (lambda: Boxes([[5, 5, 4, 9]], SIZE), ValueError, "right above left"),
        (lambda: Points([(1, 1)], SIZE, radius=0), ValueError, "`radius`"),
        (lambda: GridPlaces((0, 4), SIZE), ValueError, "`grid`"),
        (lambda: as_places(KINDS["boxes"], (8, 8)), ValueError, "an image of"),
        (lambda: as_places(np.zeros((3, 5)), SIZE), ValueError, "label map"),
        (lambda: KINDS["boxes"].mask(2), ValueError, "`node`"),
    ],
)
def test_regions_that_are_none_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.fixture
def segments():
    """Two rows on four quarters of an image of 20 x 30; the second row's nodes are numbered the other way round."""
    asked = [[1, 2], [0, 3], [3, 0], [2, 1]]
    heat = [[0.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.0, 4.0]]
    places = (LabelMap(QUARTERS), LabelMap(3 - QUARTERS))
    record = layer(0, (1, 4), [asked] * 2, [[[0.75, 0.25]] * 4] * 2, cam=heat, places=places)
    return explanation(record, image_size=SIZE)


def test_a_node_of_regions_is_named_by_a_point_not_by_a_row_and_column(segments):
    record = segments.layer(0)
    assert record.node((0.9, 0.1)) == 1
    assert record.node((0.9, 0.1), row=1) == 2
    assert record.node(3) == 3
    with pytest.raises(ValueError, match="no grid"):
        record.node((0, 1))
    assert segments.ego_graph(0, (0.9, 0.1), row=1).graph["center"] == 2


def test_graphs_and_tables_have_the_middles_of_regions_and_no_rows(segments):
    graph = segments.graph(0, 1)
    assert graph.nodes[0] == {"x": 22.5, "y": 15.0, "cam": 0.0, "key": False}
    table = export.nodes_table(segments)
    assert "col" not in table
    assert table.query("image == 0 and node == 1")[["x", "y"]].to_numpy().tolist() == [[22.5, 5.0]]
    assert edges_module.length(segments, 0, unit="pixels")[0] == 15
    assert edges_module.length(segments, 0)[0] == pytest.approx(15 / KINDS["labels"].pitch)
    assert export.edges_table(segments, 0, 0).query("center == 0 and rank == 1").neighbor.tolist() == [2]


def test_regions_are_saved_once_and_come_back(segments, tmp_path):
    shared = dataclasses.replace(segments.layer(0), index=1, places=segments.layer(0).places)
    one = dataclasses.replace(segments.layer(0), index=2, places=KINDS["labels"])
    exp = dataclasses.replace(segments, layers=(segments.layer(0), shared, one), depth=3)
    path = export.save(exp, tmp_path)
    assert sum(name.startswith("places/") for name in np.load(path).files) == 3
    back = viz_nodes.Explanation.load(tmp_path)
    for row in (0, 1):
        for index in (0, 1, 2):
            assert np.array_equal(back.regions(index, row).label_map(), exp.regions(index, row).label_map())
    assert back.layer(0).places[0] is back.layer(1).places[0]
    written = nx.read_graphml(export.to_graphml(exp, tmp_path / "graph.graphml", layer=0))
    assert written.nodes["2"]["y"] == 15


def test_metrics_count_the_pixels_of_regions(segments):
    mask = QUARTERS == 3
    assert pointing_game(segments, mask, 0).tolist() == [0, 0]
    assert pointing_game(segments, QUARTERS == 0, 0).tolist() == [0, 1]
    assert energy_inside(segments, mask, 0).tolist() == [0.25, 0]


def test_a_curve_takes_regions_away(make_pixels):
    net = seeded(lambda: SmallGNN("mr"))
    pixels = make_pixels(1)
    labels = np.zeros((24, 16), int)
    labels[:, 8:] = 1
    curve = node_curve(net, pixels, [1, 0], 2, grid=LabelMap(labels), steps=2, baseline="zero")
    half = pixels.clone()
    half[..., 8:] = 0
    with torch.no_grad():
        expected = [net(each).softmax(-1)[0, 2].item() for each in (pixels, half, 0 * pixels)]
    assert curve.scores == pytest.approx(expected)


def test_a_layer_says_where_its_regions_do_not_fit():
    record = layer(0, (1, 4))
    for places, error, words in (
        (LabelMap(np.zeros((4, 4), int)), ValueError, "`places` must have 4 regions"),
        ((LabelMap(QUARTERS), LabelMap(QUARTERS)), ValueError, "one for each of 1 rows"),
        (QUARTERS, TypeError, "made by `viz_nodes.places`"),
    ):
        with pytest.raises(error, match=words):
            dataclasses.replace(record, places=places)
    with pytest.raises(ValueError, match="key grid"):
        layer(0, (1, 4), key_grid=(1, 2), places=LabelMap(QUARTERS))
