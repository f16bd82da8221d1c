import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from viz_nodes.draw import compare, figure, figure_bytes
from viz_nodes.draw.artists.photograph import Raster
from viz_nodes.draw.columns import column_names, same_place
from viz_nodes.draw.differences import (
    cam_difference,
    common_edges,
    draw_cam_difference,
    draw_edge_difference,
    edge_difference,
    signed_table,
)
from viz_nodes.draw.geometry.selection import ego_of
from viz_nodes.draw.style.palettes import DARK, LIGHT
from viz_nodes.draw.style.scales import Scale


def words_of(fig):
    return " ".join(text.get_text() for text in fig.findobj(Text)).replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")


def test_a_model_against_itself_shows_no_difference(make_explanation, photograph):
    exp = make_explanation()
    words = words_of(compare([exp, exp], photograph(), layers=[7]))
    assert "no difference" in words
    assert "the same graph in all columns" in words
    assert "only in A" not in words


def test_two_models_show_theirs(make_explanation, photograph):
    words = words_of(compare([make_explanation(), make_explanation(seed=5)], photograph(), layers=[7]))
    assert "no difference" not in words
    assert "0 only in A" not in words


def test_edges_are_sorted_by_who_has_them(make_explanation):
    a, b = make_explanation(k=9), make_explanation(k=9)
    b.layer(3).neighbors[0, 100] = a.layer(3).neighbors[0, 100]
    kept = set(a.layer(3).neighbors[0, 100, :6].tolist())
    spare = [node for node in range(196) if node not in set(a.layer(3).neighbors[0, 100].tolist())][:3]
    b.layer(3).neighbors[0, 100, 6:] = b.layer(3).neighbors.new_tensor(spare)
    found = edge_difference(ego_of(a, 3, 100), ego_of(b, 3, 100))
    assert set(found.both) == kept
    assert set(found.only_a) == set(a.layer(3).neighbors[0, 100, 6:].tolist())
    assert set(found.only_b) == set(spare)
    either = 196 * 9 + 3
    assert found.common == pytest.approx((196 * 9 - 3) / either)
    one = found.both[0]
    shares = [float(exp.layer(3).share[0, 100][exp.layer(3).neighbors[0, 100] == one].sum()) for exp in (a, b)]
    assert found.share[one] == pytest.approx(np.mean(shares))


def test_missing_edges_are_no_edges_in_common(make_explanation):
    a, b = make_explanation(k=4), make_explanation(k=4)
    a.layer(3).neighbors[0, :, 2:] = -1
    b.layer(3).neighbors[0, :, 2:] = -1
    assert common_edges(a.layer(3), b.layer(3)) == 1.0
    b.layer(3).neighbors[0] = -1
    assert common_edges(a.layer(3), b.layer(3)) == 0.0
    a.layer(3).neighbors[0] = -1
    assert common_edges(a.layer(3), b.layer(3)) == 1.0


def test_edges_on_other_grids_cannot_be_compared(make_explanation):
    a, b = make_explanation(), make_explanation(grid=(7, 7))
    with pytest.raises(ValueError, match="equal grids"):
        edge_difference(ego_of(a, 3, 10), ego_of(b, 3, 10))


def test_edges_in_both_are_gray_and_others_in_their_column_s_color(make_explanation, photograph):
    a, b = make_explanation(), make_explanation(seed=9)
    egos = [ego_of(exp, 3, 100) for exp in (a, b)]
    found = edge_difference(*egos)
    ax = Figure(figsize=(3, 3)).add_axes((0, 0, 1, 1))
    artists = draw_edge_difference(ax, a, egos[0], found, photograph())
    drawn = [tuple(color[:3]) for color in artists["edges"].colors]
    gray, first, second = (to_rgba(tone)[:3] for tone in (LIGHT.muted, LIGHT.centers[0], LIGHT.centers[1]))
    assert drawn.count(first) == len(found.only_a)
    assert drawn.count(second) == len(found.only_b)
    assert drawn.count(gray) == len([key for key in found.both if key != 100])


def test_map_differences_are_signed_and_on_the_finer_grid():
    assert cam_difference(np.ones((2, 2)), np.full((2, 2), 3.0)).tolist() == [[-2, -2], [-2, -2]]
    assert cam_difference(np.ones((2, 2)), np.zeros((4, 4))).shape == (4, 4)
    scaled = cam_difference(np.full((1, 1), 2.0), np.full((1, 1), 30.0), (Scale(4.0, ""), Scale(40.0, "")))
    assert scaled[0, 0] == pytest.approx(-0.25)


def test_zero_is_transparent_and_both_ends_are_alike(make_explanation):
    for look in (LIGHT, DARK):
        table = signed_table(look)
        assert table[127, 3] <= 12
        assert table[0, 3] == table[-1, 3] > 200
    ax = Figure(figsize=(3, 3)).add_axes((0, 0, 1, 1))
    artists = draw_cam_difference(ax, make_explanation(), np.zeros((14, 14)), 0.0)
    assert artists["equal"].get_text() == "no difference"
    assert np.unique(artists["heatmap"].pixels.reshape(-1, 4), axis=0).shape[0] == 1


def test_columns_share_a_scale_unless_the_methods_differ(make_explanation, photograph):
    a = make_explanation()
    b = make_explanation(seed=2)
    for layer in b.layers:
        layer.cam.mul_(3)
    shared = words_of(compare([a, b], photograph(), layers=[3], kinds=["cam"]))
    assert "one scale a row" in shared
    other = dataclasses.replace(b, method="eigencam")
    own = words_of(compare([a, other], photograph(), layers=[3], kinds=["cam"]))
    assert "each map to its own maximum" in own
    assert "Eigen-CAM" in own


def test_names_say_what_differs(make_explanation):
    a = make_explanation()
    b = dataclasses.replace(a, target=a.target + 1)
    assert column_names([a, b], [0, 0]) == ["tabby cat", "tiger cat"]
    c = dataclasses.replace(a, model="vig_ti", method="layercam")
    assert column_names([a, c], [0, 0]) == ["graphconvnet_ti · Grad-CAM", "vig_ti · Layer-CAM"]
    assert column_names([a, a], [0, 0]) == ["graphconvnet_ti", "graphconvnet_ti"]


def test_networks_of_other_depths_and_grids_stand_side_by_side(make_explanation, photograph):
    a = make_explanation()
    b = make_explanation(layers=(1, 5, 9), depth=10, grid=(28, 28), key_grid=(14, 14), k=9)
    words = words_of(compare([a, b], photograph(), kinds=["cam", "neighbors", "graph"]))
    assert "layer 4" in words
    assert "layer 2" in words


def test_more_than_two_have_no_difference_column(make_explanation, photograph):
    exps = [make_explanation(seed=seed) for seed in range(3)]
    words = words_of(compare(exps, photograph(), names=["one", "two", "three"], layers=[7]))
    assert "only in A" not in words
    assert "three" in words


def test_a_blank_first_map_lends_its_center_from_the_next(make_explanation, photograph):
    a, b = make_explanation(), make_explanation(seed=3)
    a.layer(7).cam.zero_()
    a.layer(7).peak.fill_(-1)
    words = words_of(compare([a, b], photograph(), layers=[7]))
    assert "no positive evidence" in words
    assert "in both" in words
    b.layer(7).peak.fill_(-1)
    assert "in both" not in words_of(compare([a, b], photograph(), layers=[7], kinds=["graph"], key=False))


def test_same_place_keeps_to_the_box():
    assert same_place(5, (4, 4), (2, 2)) == 0
    assert same_place(3, (2, 2), (4, 4)) == 15
    assert [same_place(node, (14, 14), (14, 14)) for node in (0, 77, 195)] == [0, 77, 195]


def test_comparisons_have_the_same_bytes_every_time(make_explanation, photograph):
    def make():
        return figure_bytes(compare([make_explanation(), make_explanation(seed=1)], photograph(), layers=[3]), dpi=80)

    assert make() == make()


def test_lists_of_other_lengths_are_errors(make_explanation):
    exp = make_explanation()
    with pytest.raises(ValueError, match="at least two"):
        compare([exp], None)
    with pytest.raises(ValueError, match="names"):
        compare([exp, exp], None, names=["one"])
    with pytest.raises(ValueError, match="layers"):
        compare([exp, exp], None, layers=[[3], [3, 7]])
    with pytest.raises(ValueError, match="image"):
        compare([exp, exp], [np.zeros((8, 8, 3), np.uint8)])


def test_every_column_lies_where_its_own_network_saw_the_original(make_explanation, photograph):
    views = [(0, 0, 100, 100), (50, 0, 150, 100)]
    image = photograph(100, 200)
    fig = compare([make_explanation(), make_explanation(seed=1)], image, view=views, layers=[3], kinds=["cam"])
    heats = [a for ax in fig.axes for a in ax.get_children() if isinstance(a, Raster) and not a.frame and a.smooth]
    extents = [tuple(heat.get_extent()) for heat in heats if heat.get_extent()[2] == 100]
    assert extents == [(0, 100, 100, 0), (50, 150, 100, 0), (0, 100, 100, 0)], "A, B, and their difference at A"
    assert any("patch by patch" in text.get_text().replace("\n", " ") for text in fig.texts)
    with pytest.raises(ValueError, match="`view` must have one entry for each"):
        compare([make_explanation(), make_explanation(seed=1)], image, view=views[:1], layers=[3])


def test_three_layers_of_two_networks_leave_no_part_of_the_page_white(make_explanation, photograph):
    exps = [dataclasses.replace(make_explanation(seed=seed), model=f"net {seed}") for seed in (0, 1)]
    fig = compare(exps, photograph(), layers=[3, 7, 11])
    panels = [ax.get_position() for ax in fig.axes if ax.get_images() or len(ax.get_children()) > 8]
    rows = {}
    for box in panels:
        rows.setdefault(round(box.y1, 3), []).append(box.x1)
    tall = [right for right in rows.values() if len(right) >= 3]
    assert tall
    assert min(max(right) for right in tall) > 0.9, "every row reaches the right end"


def test_scales_of_a_comparison_are_what_is_asked_for(make_explanation, photograph):
    first, second = make_explanation(model="one", seed=0), make_explanation(model="two", seed=3)

    def tops(**more):
        fig = compare([first, second], photograph(), kinds=["cam"], layers=[3, 7], difference=False, **more)
        return [text.get_text() for ax in fig.axes for text in ax.texts if text.get_text() not in ("", "0")]

    assert len(set(tops())) > 2, "two networks: each map on its own"
    assert len(set(tops(normalize="layer"))) == 2
    assert len(set(tops(normalize="shared"))) == 1
    assert set(tops(map_max=0.25)) == {"0.25"}
    assert set(tops(normalize="none")) == {"1"}


def test_edges_of_two_figures_may_end_at_the_same_value(make_explanation, photograph):
    exp = make_explanation()
    fig = figure(exp, photograph(), layers=[7], kinds=["graph"], edge_max=2.5)
    words = [text.get_text() for ax in fig.axes for text in ax.texts]
    assert "+2.5" in words
    assert "2.5" in words, "the samples of width"
    with pytest.raises(ValueError, match="`edge_max` must be a number above 0"):
        figure(exp, photograph(), edge_max=-1.0)
