import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from builders.texts import require_apart, texts
from viz_nodes.draw import figure, panel
from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.photograph import Raster, as_picture
from viz_nodes.draw.files import _SETTINGS, pixels_of
from viz_nodes.draw.style.widths import width_in_inches

LONG = ("Cardigan, Cardigan Welsh corgi, a dog with a very long name indeed", "b", "c")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": "page"},
        {"theme": "dark", "font_size": 9},
        {"kinds": ["graph"], "color": "contribution"},
        {"layers": [11], "width": "neurips"},
        {"title": False, "key": False},
        {"rows": [0, 1], "kinds": ["cam", "graph"]},
        {"width": "60mm", "font_size": 5},
        {"width": "slide"},
        {"width": "slide", "layers": [3, 11], "kinds": ["cam", "graph"]},
        {"width": "45mm", "order": "contribution"},
    ],
    ids=str,
)
def test_no_text_is_cut_or_runs_into_another(make_explanation, photograph, options):
    exp = make_explanation(rows=2, labels=LONG)
    require_apart(figure(exp, photograph(), **options))


def test_of_one_layer_and_on_slides_kinds_stand_side_by_side(make_explanation, photograph):
    exp, picture = make_explanation(), photograph()
    for width, kinds, least in (
        ("slide", ["cam", "neighbors", "graph"], 220),
        ("slide", ["cam", "graph"], 260),
        ("page", ["cam", "neighbors", "graph"], 110),
        ("column", ["cam", "graph"], 100),
        ("column", ["photograph", "cam", "neighbors", "graph"], 100),
    ):
        fig = figure(exp, picture, layers=[7], kinds=kinds, width=width)
        assert fig.panel_points > least, (width, kinds)
        assert fig.get_figheight() < fig.get_figwidth() or len(kinds) == 4
    upright = figure(exp, picture, layers=[7, 11], kinds=["cam", "neighbors", "graph"])
    assert upright.get_figheight() > upright.get_figwidth(), "several layers on paper are columns, as in the release"


def test_a_close_up_on_a_slide_stands_beside_its_graph(make_explanation, photograph):
    fig = figure(make_explanation(), photograph(), layers=[3, 7, 11], width="slide")
    closeups = [ax for ax in fig.axes if ax.get_position().height * fig.get_figheight() > 0.4]
    assert fig.panel_points > 60
    assert max(ax.get_position().x1 for ax in closeups) <= 1.0


def test_panels_of_a_slide_are_large_and_its_caption_says_what_the_key_would(make_explanation, photograph):
    fig = figure(make_explanation(), photograph(), width="slide", layers=[3, 11], kinds=["cam", "graph"])
    assert fig.panel_points > 100
    assert "contribution" in fig.caption


@pytest.mark.parametrize(("width", "inches"), [("column", 3.3), ("84mm", 84 / 25.4), (84, 84 / 25.4), ("3.5in", 3.5)])
def test_the_figure_has_exactly_the_width_asked(make_explanation, photograph, width, inches):
    assert figure(make_explanation(), photograph(), width=width).get_size_inches()[0] == pytest.approx(inches)
    assert panel("graph", make_explanation(), 3, photograph(), width=width).get_size_inches()[0] == pytest.approx(
        inches
    )


@pytest.mark.parametrize("width", ["colum", "3 feet", 5, "10mm", float("nan")])
def test_widths_that_are_none_are_refused(width):
    with pytest.raises(ValueError, match="width"):
        width_in_inches(width)


def test_panels_are_rows_of_kinds_and_columns_of_layers(make_explanation, photograph):
    fig = figure(make_explanation(), photograph())
    panels = [
        ax
        for ax in fig.axes
        if any(isinstance(a, Raster) and a.smooth for a in ax.get_children()) and ax.get_xlim()[1] == 224
    ]
    assert len(panels) == 9
    sizes = np.array([ax.get_position().bounds for ax in panels])
    width, height = fig.get_size_inches()
    np.testing.assert_allclose(sizes[:, 2] * width, sizes[:, 3] * height)
    np.testing.assert_allclose(sizes[:, 2], sizes[0, 2])
    names = [words for words, _ in texts(fig)]
    for number in (4, 8, 12):
        assert f"layer {number} of 12".replace(" ", "\N{NO-BREAK SPACE}") in names


def test_layers_come_in_the_order_asked(make_explanation, photograph):
    fig = figure(make_explanation(), photograph(), layers=[11, 3], kinds=["cam"])
    at = {words.replace("\N{NO-BREAK SPACE}", " "): box.x0 for words, box in texts(fig)}
    assert at["layer 12 of 12"] < at["layer 4 of 12"]


def test_without_layers_a_third_two_thirds_and_the_last_are_shown(make_explanation):
    fig = figure(make_explanation(layers=tuple(range(12))), None, kinds=["cam"])
    names = {words.replace("\N{NO-BREAK SPACE}", " ") for words, _ in texts(fig)}
    assert {"layer 4 of 12", "layer 8 of 12", "layer 12 of 12"} <= names
    assert "layer 1 of 12" not in names


def test_all_panels_share_one_photograph(make_explanation, photograph):
    fig = figure(make_explanation(), photograph())
    whole = [ax for ax in fig.axes if ax.get_xlim() == (0, 224)]
    shown = [a for ax in whole for a in ax.get_children() if isinstance(a, Raster) and a.frame]
    assert len(shown) == 9
    assert len({id(raster.pixels) for raster in shown}) == 1


def test_each_row_shows_the_image_it_explains(make_explanation, photograph):
    exp = make_explanation(rows=2)
    light, dark = np.full((224, 224, 3), 250, np.uint8), np.full((224, 224, 3), 5, np.uint8)
    for rows in ({"rows": [0, 1]}, {}):
        fig = figure(exp, [light, dark], kinds=["cam"], layers=[3], **rows)
        shown = [a.pixels.mean() for ax in fig.axes for a in ax.get_children() if isinstance(a, Raster) and a.frame]
        assert shown[0] > 200 > 80 > shown[1]
    (one,) = [
        a.pixels.mean()
        for ax in figure(exp, [light, dark], row=1, kinds=["cam"], layers=[3]).axes
        for a in ax.get_children()
        if isinstance(a, Raster) and a.frame
    ]
    assert one < 80
    with pytest.raises(ValueError, match="2 input images"):
        figure(exp, [light], rows=[0, 1])


def test_nothing_to_draw_and_unknown_kinds_are_errors(make_explanation):
    with pytest.raises(ValueError, match="kinds"):
        figure(make_explanation(), None, kinds=["cams"])
    with pytest.raises(ValueError, match="at least one"):
        figure(make_explanation(), None, layers=[])
    with pytest.raises(ValueError, match="`width`"):
        figure(make_explanation(layers=tuple(range(12)), rows=9), None, layers="all", rows=range(9), width="60mm")
    with pytest.raises(ValueError, match="kind"):
        panel("walks", make_explanation(), 3, None)


@pytest.mark.parametrize("kind", ["cam", "neighbors", "graph"])
def test_a_panel_holds_its_whole_caption(make_explanation, photograph, kind):
    exp = make_explanation(labels=LONG)
    fig = panel(kind, exp, 7, photograph(), width="60mm")
    for words, box in texts(fig):
        assert box.x0 >= -0.5, words
        assert box.y0 >= -0.5, words
        assert box.x1 <= fig.bbox.x1 + 0.5, words
        assert box.y1 <= fig.bbox.y1 + 0.5, words


def test_large_photographs_are_made_small_once_and_keep_their_coordinates():
    image = np.zeros((3000, 4000, 3), np.uint8)
    fitted = as_picture(image).fitted(400)
    assert fitted.rgba.shape == (300, 400, 4)
    assert fitted.size == (3000, 4000)


def test_gray_photographs_and_such_with_opacity_are_taken():
    assert as_picture(np.zeros((8, 9), np.uint8)).rgba.shape == (8, 9, 4)
    assert as_picture(np.zeros((8, 9, 4), np.uint8)).rgba[..., 3].max() == 0


@pytest.mark.parametrize("dpi", [60, 100, 120])
def test_no_text_is_cut_in_small_files_either(make_explanation, photograph, dpi):
    fig = figure(make_explanation(rows=2, labels=LONG), photograph(), layers=[3, 7, 11], kinds=["graph"])
    with mpl.rc_context(_SETTINGS):
        for words, box in texts(fig, dpi):
            assert box.x1 <= fig.bbox.x1 + 1, words


def test_a_panel_without_ticks_looks_like_an_axes_whose_ticks_are_hidden():
    drawn = []
    for kind in (Axes, Panel):
        fig = Figure(figsize=(1, 1), dpi=80)
        ax = fig.add_axes((0.1, 0.2, 0.7, 0.6), axes_class=kind)
        ax.set_xlim(0, 224)
        ax.set_ylim(100, 0)
        ax.tick_params(which="both", bottom=False, left=False, labelbottom=False, labelleft=False)
        ax.plot([10, 200], [20, 90])
        drawn.append(pixels_of(fig, 160))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize(("height", "width"), [(60, 480), (480, 60)])
def test_pictures_far_from_square_give_figures_that_a_page_holds(make_explanation, height, width):
    exp = make_explanation()
    fig = figure(exp, np.zeros((height, width, 3), np.uint8), view=(0, 0, width, height))
    assert fig.get_figwidth() == width_in_inches("column")
    assert fig.get_figheight() < 9
    shown = [ax for ax in fig.axes if any(isinstance(a, Raster) and a.frame for a in ax.get_children())]
    shown = [ax for ax in shown if (ax.get_xlim(), ax.get_ylim()) == ((0, width), (height, 0))]
    assert len(shown) == 9
    for ax in shown:
        ax.apply_aspect()
        box = ax.get_window_extent()
        assert box.width / box.height == pytest.approx(width / height, rel=0.01), "aspect kept"
        assert max(box.width, box.height) * 72 / fig.dpi > 100, "large enough to be seen"


def test_layers_of_a_panorama_follow_one_another_each_with_its_name(make_explanation):
    fig = figure(make_explanation(), np.zeros((60, 480, 3), np.uint8))
    words = [text.get_text() for text in fig.texts]
    lines = [
        words.index(f"layer\N{NO-BREAK SPACE}{number}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}12") for number in (4, 8, 12)
    ]
    heights = [fig.texts[at].get_position()[1] for at in lines]
    assert heights == sorted(heights, reverse=True)
    assert len({fig.texts[at].get_position()[0] for at in lines}) == 1


def test_a_blank_map_has_no_bar_of_values_of_edges(make_explanation, photograph):
    exp = make_explanation(layers=(3, 11))
    exp.layers[0].cam.zero_()
    exp.layers[0].peak.fill_(-1)
    fig = figure(exp, photograph(), kinds=["graph"])
    bars = [ax for ax in fig.axes if ax.get_ylim() == (0, 1) and any(isinstance(a, Raster) for a in ax.get_children())]
    assert len(bars) == 1
