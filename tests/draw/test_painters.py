import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from viz_nodes.draw import Style, draw_cam, draw_graph, draw_neighbors, figure
from viz_nodes.draw.artists.edges import EdgeCollection, edge_opacities, edge_widths
from viz_nodes.draw.cam import heat_pixels, heat_table
from viz_nodes.draw.geometry.selection import Selection, egos_of
from viz_nodes.draw.neighbors import shade_path
from viz_nodes.draw.quantities import settled
from viz_nodes.draw.style.palettes import DARK, LIGHT, palette_named, theme_named
from viz_nodes.draw.style.scales import scale_of
from viz_nodes.grids import boxes, centers


def axes(inches=3.0):
    fig = Figure(figsize=(inches, inches), dpi=100)
    return fig.add_axes((0, 0, 1, 1))


def pixels(ax):
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


PAINTERS = {"cam": draw_cam, "neighbors": draw_neighbors, "graph": draw_graph}


@pytest.mark.parametrize("paint", PAINTERS.values(), ids=PAINTERS)
def test_painters_leave_matplotlib_as_it_was(paint, make_explanation, photograph):
    before = dict(mpl.rcParams)
    ax = axes()
    paint(ax, make_explanation(), 7, photograph(), caption=True)
    pixels(ax)
    assert dict(mpl.rcParams) == before
    import matplotlib._pylab_helpers as state

    assert state.Gcf.get_all_fig_managers() == []


@pytest.mark.parametrize("paint", PAINTERS.values(), ids=PAINTERS)
def test_none_draws_the_peak_as_naming_it_does(paint, make_explanation, photograph):
    exp, image = make_explanation(), photograph()
    first, second = axes(), axes()
    paint(first, exp, -1, image)
    options = {} if paint is draw_cam else {"center": int(exp.layer(11).peak[0])}
    paint(second, exp, 11, image, **options)
    assert (pixels(first) == pixels(second)).all()


@pytest.mark.parametrize("paint", PAINTERS.values(), ids=PAINTERS)
def test_a_blank_map_says_so_and_has_no_peak(paint, make_explanation, photograph):
    exp = make_explanation()
    exp.layer(3).cam.zero_()
    exp.layer(3).peak.fill_(-1)
    artists = paint(axes(), exp, 3, photograph(), caption=True)
    assert artists["blank"].get_text() == "no positive\nevidence"
    assert "no positive evidence" in artists["caption"].get_text().replace("\n", " ")
    assert not {"peak", "edges", "neighbors"} & set(artists)


@pytest.mark.parametrize("paint", PAINTERS.values(), ids=PAINTERS)
def test_pixels_of_a_wrong_kind_are_refused(paint, make_explanation):
    with pytest.raises(TypeError, match="uint8"):
        paint(axes(), make_explanation(), 3, np.zeros((224, 224, 3)))
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        paint(axes(), make_explanation(), 3, np.zeros((3, 224, 224), np.uint8))


def test_the_star_stands_on_the_peak(make_explanation, photograph):
    exp = make_explanation()
    row, col = divmod(int(exp.layer(3).peak[0]), 14)
    for paint in (draw_cam, draw_graph):
        star = paint(axes(), exp, 3, photograph())["peak"]
        assert star.get_xydata().tolist() == [[16 * col + 8, 16 * row + 8]]
        assert star.get_marker() == "*"


def test_on_the_original_the_star_is_mapped_back_through_the_view(make_explanation, photograph):
    exp = make_explanation()
    row, col = divmod(int(exp.layer(3).peak[0]), 14)
    view = (100.0, 50.0, 380.0, 330.0)
    star = draw_graph(axes(), exp, 3, photograph(400, 600), view=view)["peak"]
    np.testing.assert_allclose(star.get_xydata(), [[100 + 20 * (col + 0.5), 50 + 20 * (row + 0.5)]])


def test_another_center_is_no_star(make_explanation, photograph):
    artists = draw_graph(axes(), make_explanation(), 3, photograph(), center=(0, 0))
    assert "peak" not in artists
    assert artists["center"].get_marker() == "D"


def test_dots_stand_on_the_neighbors_drawn(make_explanation, photograph):
    exp = make_explanation(self_first=False)
    artists = draw_graph(axes(), exp, 7, photograph(), k=6, center=90, order="rank")
    keys = exp.layer(7).neighbors[0, 90, :6].numpy()
    np.testing.assert_allclose(artists["neighbors"].get_xydata(), centers((14, 14), (224, 224))[keys])
    strongest = np.sort(np.argsort(-exp.layer(7).contribution[0, 90].abs().numpy(), kind="stable")[:6])
    keys = exp.layer(7).neighbors[0, 90].numpy()[strongest]
    dots = draw_graph(axes(), exp, 7, photograph(), k=6, center=90)["neighbors"]
    np.testing.assert_allclose(dots.get_offsets(), centers((14, 14), (224, 224))[keys])
    assert artists["nodes"].get_xydata().shape == (196, 2)
    assert "ring" not in artists


def test_edges_run_from_the_neighbors_to_the_center_narrowest_on_top(make_explanation, photograph):
    exp = make_explanation(self_first=False)
    edges = draw_graph(axes(), exp, 7, photograph(), k=8, center=90, order="rank")["edges"]
    assert isinstance(edges, EdgeCollection)
    share = exp.layer(7).share[0, 90, :8].numpy()
    order = np.argsort(-share, kind="stable")
    at = centers((14, 14), (224, 224))
    np.testing.assert_allclose(edges.lines[:, 0], at[exp.layer(7).neighbors[0, 90, :8].numpy()[order]])
    np.testing.assert_allclose(edges.lines[:, -1], np.tile(at[90], (8, 1)))
    assert (np.diff(edges.widths) <= 0).all()
    np.testing.assert_allclose(edges.colors[:, 3], edge_opacities(share[order]))


def test_by_default_edges_are_those_of_largest_contribution_as_wide_as_it_is(make_explanation, photograph):
    exp = make_explanation(self_first=False)
    edges = draw_graph(axes(), exp, 7, photograph(), k=5, center=90)["edges"]
    value = exp.layer(7).contribution[0, 90].double().numpy()
    order = np.argsort(-np.abs(value), kind="stable")[:5]
    np.testing.assert_allclose(
        edges.lines[:, 0], centers((14, 14), (224, 224))[exp.layer(7).neighbors[0, 90].numpy()[order]]
    )
    size = np.abs(value[order]) / np.abs(value).max()
    hairline = edges.widths[0] / (0.7 + 4.0 * 0.6) * 0.7
    np.testing.assert_allclose(edges.widths, hairline * (1 + 4.0 * 0.6 * size / 0.7), rtol=1e-6)
    end = np.abs(value).max()
    np.testing.assert_allclose(edges.colors[:, :3], [LIGHT.diverging(0.5 + 0.5 * v / end)[:3] for v in value[order]])
    halved = draw_graph(axes(), exp, 7, photograph(), k=5, center=90, vmax=2 * end)["edges"]
    np.testing.assert_allclose(halved.widths, hairline * (1 + 4.0 * 0.6 * size / 2 / 0.7), rtol=1e-6)


@pytest.mark.parametrize("unknown", ["nothing", "contribution", "both"])
def test_what_is_unknown_is_not_drawn_by(make_explanation, photograph, unknown):
    """Without a gradient contributions are 0; where a sum is dealt out evenly they are all alike, and so are shares."""
    exp = make_explanation(self_first=False, k=6)
    layer = exp.layer(7)
    if unknown != "nothing":
        layer.contribution.zero_()
    if unknown == "both":
        layer.share.fill_(1 / 6)
        object.__setattr__(layer, "exact", False)
    by = {"nothing": "contribution", "contribution": "share", "both": "rank"}[unknown]
    artists = draw_graph(axes(), exp, 7, photograph(), k=3, center=90, caption=True)
    (ego,) = egos_of(exp, 7, settled(Selection(center=90, k=3), Style(), [(layer, 0)])[0])
    assert ego.by == by
    words = " ".join(artists["caption"].get_text().split())
    assert ("width: size of contribution" in words) == (by == "contribution")
    assert ("the largest by share" in words) == (by == "share")
    tones = {tuple(color[:3]) for color in artists["edges"].colors}
    assert (len(tones) > 1) == (by == "contribution")
    fig = figure(exp, photograph(), layers=[3, 7], center=90)
    shown = " ".join(" ".join(text.get_text() for text in ax.texts) for ax in fig.axes)
    assert ("|contribution|, logits" in shown) == (by == "contribution")


def test_order_width_and_color_can_each_be_another(make_explanation, photograph):
    exp = make_explanation(self_first=False)
    options = {"k": 5, "center": 90, "effect": np.linspace(-1, 1, 17)}
    by_effect = draw_graph(axes(), exp, 7, photograph(), order="effect", **options)["edges"]
    at = centers((14, 14), (224, 224))[exp.layer(7).neighbors[0, 90].numpy()]
    assert {tuple(point) for point in by_effect.lines[:, 0]} == {tuple(at[place]) for place in (0, 1, 2, 15, 16)}
    ranked = draw_graph(axes(), exp, 7, photograph(), order="rank", edge_width="rank", color="share", **options)[
        "edges"
    ]
    np.testing.assert_allclose(ranked.lines[:, 0], at[:5])
    assert (np.diff(ranked.widths) < 0).all()
    with pytest.raises(ValueError, match="edge_width"):
        draw_graph(axes(), exp, 7, photograph(), edge_width="effect", center=90)
    with pytest.raises(ValueError, match="edge_width"):
        Style(edge_width="thick")


def test_edges_are_one_artist_however_many(make_explanation, photograph):
    ax = axes()
    draw_graph(ax, make_explanation(k=72), 3, photograph(), k="all")
    assert sum(isinstance(artist, EdgeCollection) for artist in ax.get_children()) == 1
    assert len(ax.get_children()) < 40


def test_a_center_that_asks_itself_has_a_ring_around_the_star(make_explanation, photograph):
    exp = make_explanation()
    ax = axes()
    artists = draw_graph(ax, exp, 7, photograph(), caption=True)
    star = artists["peak"]
    np.testing.assert_allclose(artists["ring"].center, star.get_xydata()[0])
    points = artists["ring"].radius * 3 * 72 / 224
    assert points > 0.5 * star.get_markersize()
    assert "ring: the center itself" in artists["caption"].get_text().replace("\n", " ")
    assert len(artists["edges"].lines) == 8


def test_several_centers_have_a_color_each(make_explanation, photograph):
    artists = draw_graph(axes(), make_explanation(), 3, photograph(), center=[20, 100, 150])
    tones = [tuple(artists[f"edges{suffix}"].colors[0, :3]) for suffix in ("", "1", "2")]
    assert len(set(tones)) == 3
    assert tones[1] == to_rgba(LIGHT.centers[1])[:3]


def test_contributions_are_colored_around_zero(make_explanation, photograph):
    exp = make_explanation(self_first=False)
    layer = exp.layer(3)
    layer.contribution[0, 90, :3] = layer.contribution.new_tensor([2.0, -2.0, 0.0])
    layer.contribution[0, 90, 3:] = 0
    artists = draw_graph(axes(), exp, 3, photograph(), center=90, k=3, color="contribution", colorbar=True)
    rgb = artists["edges"].colors[:, :3]
    np.testing.assert_allclose(rgb, [LIGHT.diverging(x)[:3] for x in (1.0, 0.0, 0.5)])
    labels = [text.get_text() for text in artists["colorbar"].texts]
    assert labels == ["\N{MINUS SIGN}2", "0", "+2"]
    assert artists["colorbar"].get_ylim() == (-2, 2)


def test_pyramids_draw_key_nodes_at_their_true_size(make_explanation, photograph):
    exp = make_explanation(grid=(56, 56), key_grid=(14, 14), k=9)
    artists = draw_graph(axes(), exp, 3, photograph(), k=9)
    center = int(exp.layer(3).peak[0])
    keys = exp.layer(3).neighbors[0, center].numpy()
    shapes = np.array([path.vertices[:4] for path in artists["keys"].get_paths()])
    expected = boxes((14, 14), (224, 224))[keys]
    np.testing.assert_allclose(shapes.min(axis=1), expected[:, :2])
    np.testing.assert_allclose(shapes.max(axis=1), expected[:, 2:])
    assert artists["nodes"].get_xydata().shape == (3136, 2)
    assert "ring" not in artists


def test_a_grid_too_fine_for_the_paper_is_drawn_as_the_key_grid(make_explanation, photograph):
    exp = make_explanation(grid=(56, 56), key_grid=(14, 14), k=9)
    small = draw_graph(axes(1.0), exp, 3, photograph())["grid"]
    large = draw_graph(axes(6.0), exp, 3, photograph())["grid"]
    assert isinstance(small, LineCollection)
    assert len(small.get_segments()) == 2 * 15
    assert len(large.get_segments()) == 2 * 57


def test_oblong_grids_and_images(make_explanation, photograph):
    exp = make_explanation(grid=(8, 20), size=(128, 320))
    row, col = divmod(int(exp.layer(3).peak[0]), 20)
    for paint in PAINTERS.values():
        ax = axes()
        artists = paint(ax, exp, 3, photograph(128, 320))
        assert ax.get_xlim() == (0, 320)
        assert ax.get_ylim() == (128, 0)
        pixels(ax)
        if "peak" in artists:
            assert artists["peak"].get_xydata().tolist() == [[16 * col + 8, 16 * row + 8]]


def test_missing_neighbors_are_not_drawn(make_explanation, photograph):
    exp = make_explanation(k=9, self_first=False)
    exp.layer(3).neighbors[0, 100, 4:] = -1
    assert len(draw_graph(axes(), exp, 3, photograph(), center=100)["edges"].lines) == 4
    exp.layer(3).neighbors[0, 100] = -1
    artists = draw_graph(axes(), exp, 3, photograph(), center=100)
    assert "edges" not in artists
    assert "center" in artists


def test_two_hops_draw_the_layer_before_paler_and_below(make_explanation, photograph):
    exp = make_explanation(layers=(6, 7))
    artists = draw_graph(axes(), exp, 7, photograph(), hops=2, far=12, caption=True)
    assert artists["hop2"].get_zorder() < artists["edges"].get_zorder()
    assert artists["hop2"].colors[:, 3].max() < 1
    assert sum(artists["hop2"].colors[0, :3]) > sum(artists["edges"].colors[0, :3])
    assert f"layer 7: {len(artists['hop2'].lines)} of" in artists["caption"].get_text().replace("\n", " ")


def test_widths_and_opacities_grow_with_share_up_to_all_of_it():
    share = np.array([0.0, 0.1, 0.2, 0.5, 0.75, 1.0])
    widths = edge_widths(share, 1.0)
    np.testing.assert_allclose(np.diff(widths) / np.diff(share), 4.0, err_msg="twice the share looks twice as strong")
    np.testing.assert_allclose(edge_opacities(share), [0.55, 0.775, 1.0, 1.0, 1.0, 1.0])


def test_edge_widths_stay_in_points_when_the_axes_grow():
    widths = []
    for inches in (2.0, 8.0):
        ax = axes(inches)
        ax.set_xlim(0, 100)
        ax.set_ylim(100, 0)
        line = np.stack([np.linspace(10, 90, 9), np.full(9, 50.0)], 1)[None]
        edges = EdgeCollection(ax, line, widths=3.0, colors=["#c00000"], gaps=(0, 0), taper=1.0)
        pixels(ax)
        height = np.ptp(edges.get_paths()[0].vertices[:, 1])
        widths.append(height * inches * 72 / 100)
    np.testing.assert_allclose(widths, [3.0, 3.0], rtol=1e-6)


def test_edges_follow_when_the_axes_are_resized_after_drawing():
    ax = axes(2.0)
    ax.set_xlim(0, 100)
    ax.set_ylim(100, 0)
    line = np.stack([np.linspace(10, 90, 9), np.full(9, 50.0)], 1)[None]
    edges = EdgeCollection(ax, line, widths=3.0, colors=["#c00000"], gaps=(0, 0), taper=1.0)
    ax.figure.set_size_inches(4.0, 4.0)
    pixels(ax)
    assert np.ptp(edges.get_paths()[0].vertices[:, 1]) * 4 * 72 / 100 == pytest.approx(3.0)


def test_neighbor_boxes_and_ranks(make_explanation, photograph):
    exp = make_explanation()
    artists = draw_neighbors(axes(), exp, 7, photograph(), k=9, order="rank")
    center = int(exp.layer(7).peak[0])
    keys = exp.layer(7).neighbors[0, center, :9].numpy()
    assert keys[0] == center
    shapes = np.array([path.vertices[:4] for path in artists["neighbors"].get_paths()])
    np.testing.assert_allclose(shapes.min(axis=1), boxes((14, 14), (224, 224))[keys[1:], :2])
    numbers = {place: artists[f"rank0.{place}"].get_text() for place in range(1, 9)}
    assert numbers == {place: str(place) for place in range(1, 9)}, "the center itself takes no number"
    at = centers((14, 14), (224, 224))[keys[3]]
    np.testing.assert_allclose(artists["rank0.3"].get_position(), at)
    artists = draw_neighbors(axes(), exp, 7, photograph(), k=9)
    size = exp.layer(7).contribution[0, center].abs()
    wanted = [place for place in size.argsort(descending=True, stable=True).tolist()[:9] if place != 0]
    found = {int(text.get_text()): name for name, text in artists.items() if name.startswith("rank0.")}
    assert [found[number] for number in sorted(found)] == [f"rank0.{place}" for place in wanted]


def test_outside_the_boxes_the_picture_is_dimmed_and_inside_untouched(make_explanation):
    exp = make_explanation(self_first=False)
    ax = axes(2.24)
    image = np.full((224, 224, 3), 60, np.uint8)
    draw_neighbors(ax, exp, 7, image, k=4, ranks=False, grid=False, order="rank")
    shown = pixels(ax)
    center = int(exp.layer(7).peak[0])
    asked = {center, *exp.layer(7).neighbors[0, center, :4].tolist()}
    for node, (x, y) in enumerate(centers((14, 14), (224, 224)).astype(int)):
        if x < 16 or y < 16 or x > 208 or y > 208:
            continue
        assert (shown[y, x, 0] == 60) == (node in asked)


def test_overlapping_holes_stay_open():
    path = shade_path((10, 10), np.array([[1.0, 1, 6, 6], [4.0, 4, 9, 9]]))
    inside = [path.contains_point(p) for p in [(2, 2), (5, 5), (8, 8), (2, 8), (8, 2)]]
    assert inside[3:] == [True, True]
    rings = path.to_polygons()
    area = sum(0.5 * np.sum(r[:-1, 0] * r[1:, 1] - r[1:, 0] * r[:-1, 1]) for r in rings)
    assert abs(area) == pytest.approx(100 - (25 + 25 - 4))


def test_heat_is_never_brighter_than_the_map():
    values = np.zeros((6, 6))
    values[2, 2] = 1.0
    table = heat_table(palette_named("gray"), 1.0, False)
    smooth = heat_pixels(values, table, smooth=True)
    bright = np.argwhere(smooth[..., 0] > 128)
    cell = smooth.shape[0] / 6
    assert np.abs(bright / cell - 2.5).max() < 1, "what overshoots must not wrap around to bright or dark"
    assert smooth[int(2.5 * cell), int(2.5 * cell), 0] > 240
    assert smooth[..., 0].min() == 0
    cells = heat_pixels(values, table, smooth=False)
    assert cells.shape == (6, 6, 4)
    assert (cells[..., 0] == values * 255).all()


def test_fading_falls_to_none_where_the_map_is_zero():
    table = heat_table(palette_named("inferno"), 0.75, True)
    assert table[0, 3] == 0
    assert table[-1, 3] == pytest.approx(0.75 * 255, abs=1)


def luminance_over(ground, palette):
    """(256,) luminance of values 0 to 1 as they look over a photograph of one gray (ITU-R BT.601)."""
    table = heat_table(palette_named(palette), 0.75, True).astype(float)
    opacity = table[:, 3:] / 255
    return (table[:, :3] * opacity + ground * (1 - opacity)) @ [0.299, 0.587, 0.114]


def test_in_gray_print_the_palette_for_it_falls_all_the_way_over_what_is_brighter_than_middle_gray():
    for ground in range(127, 256):
        gray = luminance_over(ground, "print")
        assert gray[0] == pytest.approx(ground)
        assert (np.diff(gray) < 0.5).all(), ground
        assert ground - gray[255] >= 79, ground
    white = luminance_over(255, "print")
    assert [round(white[at]) for at in (0, 64, 128, 255)] == [255, 204, 161, 79]
    # What the page says of the default, which cannot be read so.
    white = luminance_over(255, "inferno")
    assert [round(white[at]) for at in (0, 128, 255)] == [255, 177, 247]


def test_scales_say_what_the_top_of_the_palette_is(make_explanation):
    exp = make_explanation(rows=2)
    record = exp.layer(3)
    own, other = float(record.cam[0].max()), float(record.cam[1].max())
    assert own != other
    assert scale_of(exp, record, 0).top == own
    assert scale_of(exp, record, 0, "layer").top == max(own, other)
    assert scale_of(exp, record, 0, "shared").top == max(float(layer.cam.max()) for layer in exp.layers)
    assert scale_of(exp, record, 0, "none").top == 1.0
    assert scale_of(exp, record, 0, vmax=7).top == 7.0
    with pytest.raises(ValueError, match="normalize"):
        scale_of(exp, record, 0, "minmax")


def test_the_colorbar_carries_raw_values(make_explanation, photograph):
    exp = make_explanation()
    exp.layer(3).cam[0] *= 0.125 / exp.layer(3).cam[0].max()
    bar = draw_cam(axes(), exp, 3, photograph(), colorbar=True)["colorbar"]
    assert [text.get_text() for text in bar.texts] == ["0", "0.125"]
    assert bar.get_ylim() == pytest.approx((0, 0.125))


def test_the_releases_jet_goes_by_name_and_a_wrong_name_gets_near_ones():
    assert palette_named("release").name == "jet"
    with pytest.raises(ValueError, match="viridis"):
        palette_named("viridus")
    assert theme_named("dark") is DARK
    with pytest.raises(ValueError, match="dark"):
        theme_named("black")


def test_a_graph_over_a_cam_keeps_the_photograph_and_its_frame(make_explanation, photograph):
    exp = make_explanation()
    ax = axes()
    view = (100.0, 50.0, 380.0, 330.0)
    draw_cam(ax, exp, 3, photograph(400, 600), view=view, peak=False)
    artists = draw_graph(ax, exp, 3, view=view)
    assert ax.get_xlim() == (0, 600)
    assert "photograph" not in artists
    row, col = divmod(int(exp.layer(3).peak[0]), 14)
    np.testing.assert_allclose(artists["peak"].get_xydata(), [[100 + 20 * (col + 0.5), 50 + 20 * (row + 0.5)]])


def test_dollar_signs_in_labels_are_drawn_as_they_are(make_explanation, photograph):
    exp = make_explanation(labels=("$\\frac{broken$", "b", "c"))
    ax = axes()
    caption = draw_graph(ax, exp, 3, photograph(), caption=True)["caption"]
    pixels(ax)
    assert "$\\frac{broken$" in caption.get_text().replace("\n", "")
