"""Figures with a row an image, and those of many layers: what papers print, at column and page width, on one page."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.text import Text

from viz_nodes.draw import (
    Column,
    Style,
    compare,
    depths,
    figure,
    latex_of,
    networks,
    overview,
    panel,
    save_latex,
    table,
)
from viz_nodes.draw.artists.photograph import Raster
from viz_nodes.draw.style.widths import page_height, width_in_inches


def words_of(fig):
    return " ".join(text.get_text() for text in fig.findobj(Text)).replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")


def columns_of(fig):
    """Left edges of the panels that show a whole photograph."""
    shown = [ax for ax in fig.axes if any(isinstance(a, Raster) and a.frame for a in ax.get_children())]
    return sorted({round(ax.get_position().x0, 3) for ax in shown if ax.get_xlim() == (0, 224)})


@pytest.fixture
def several(make_explanation, photograph):
    """Three images, each with an explanation of one network and of another."""
    first = [make_explanation(layers=(0, 11), seed=seed) for seed in range(3)]
    second = [make_explanation(layers=(0, 11), seed=seed + 9) for seed in range(3)]
    return [photograph()] * 3, first, second


@pytest.mark.parametrize("width", ["column", "page"])
def test_every_figure_of_papers_fits_its_page(several, make_explanation, photograph, width):
    images, first, second = several
    deep = make_explanation(layers=tuple(range(12)))
    figures = {
        "three rows": figure(deep, photograph(), width=width),
        "a row an image": overview(first, images, width=width),
        "two networks": networks({"a": first, "b": second}, images, width=width),
        "early and late": depths(first, images, center=[(0.3, 0.3), (0.7, 0.6)], width=width),
        "strongest edges": figure(deep, photograph(), kinds=["edges"], width=width),
        "all layers": figure(deep, photograph(), layers="all", width=width),
        "comparison": compare([first[0], second[0]], photograph(), width=width),
    }
    for name, fig in figures.items():
        assert fig.get_figwidth() == pytest.approx(width_in_inches(width)), name
        assert fig.get_figheight() <= page_height(width) + 1e-6, name
        assert fig.panel_points >= 24, name


def test_a_table_has_the_plain_photograph_and_its_columns(several):
    images, first, second = several
    fig = networks({"one network": first, "another": second}, images)
    assert len(columns_of(fig)) == 3
    for name in ("image", "one network", "another"):
        assert name in words_of(fig)
    rasters = [[a for a in ax.get_children() if isinstance(a, Raster)] for ax in fig.axes]
    assert sum(len(each) == 1 and each[0].frame is not None for each in rasters) == 3, "a plain photograph a row"


def test_maps_of_two_networks_have_a_scale_each(several):
    images, first, second = several
    for exp in second:
        for layer in exp.layers:
            layer.cam.mul_(1000)
    fig = networks({"a": first, "b": second}, images)
    tops = {words for words in words_of(fig).split() if words.replace(".", "").isdigit()}
    assert len(tops) > 3, "numbers at the bars differ by network and image"


def test_close_ups_stand_beside_the_graphs_of_a_table(several):
    images, first, _ = several
    fig = overview(first, images, kinds=("photograph", "cam", "graph"))
    assert len(columns_of(fig)) == 3
    assert "close-up" in words_of(fig)


def test_what_a_table_is_given_has_to_fit_together(several, make_explanation):
    images, first, _ = several
    with pytest.raises(ValueError, match="one for each of 3 images"):
        overview(first[:2], images)
    with pytest.raises(ValueError, match="at least one"):
        table(first, [], ["cam"])
    with pytest.raises(ValueError, match="none explains image 2"):
        overview(make_explanation(), images)
    with pytest.raises(ValueError, match="`kind`"):
        Column("cams")
    with pytest.raises(ValueError, match="needed"):
        table(None, images, ["cam"])


def test_one_explanation_of_several_images_is_taken_too(make_explanation, photograph):
    exp = make_explanation(rows=3, layers=(11,))
    fig = overview(exp, [photograph()] * 3, names=["first", "second", "third"])
    assert {"first", "second", "third"} <= set(words_of(fig).split())


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ({"title": False}, "Grad-CAM"),
        ({"key": False}, "width and opacity"),
        ({"notes": False}, "neighbors drawn"),
        ({"caption": False}, "width and opacity"),
        ({"caption": False}, "neighbors drawn"),
        ({"caption": False}, "Grad-CAM"),
    ],
)
def test_what_a_papers_own_caption_says_can_be_left_out(make_explanation, photograph, left_out, words):
    exp = make_explanation(layers=(3,))
    assert words in words_of(figure(exp, photograph()))
    assert words not in words_of(figure(exp, photograph(), **left_out))


def test_ranks_and_scales_can_be_left_out(make_explanation, photograph):
    exp = make_explanation(layers=(3,))
    assert any(text.get_text() == "3" for text in figure(exp, photograph()).findobj(Text))
    bare = figure(exp, photograph(), ranks=False, scales=False)
    # The strip of widths begins with one of 0.
    assert not any(text.get_text().strip(".").isdigit() for text in bare.findobj(Text) if text.get_text() != "0")
    assert bare.get_figheight() < figure(exp, photograph()).get_figheight()


def test_unknown_keywords_are_answered_with_near_ones(make_explanation):
    exp = make_explanation()
    for call in (
        figure,
        lambda *a, **k: panel("cam", exp, 3, None, **k),
        lambda *a, **k: compare([exp, exp], None, **k),
    ):
        with pytest.raises(TypeError, match="did you mean font_size"):
            call(exp, None, fontsize=7)
    with pytest.raises(TypeError, match="did you mean order"):
        figure(exp, None, ordr="share")


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 1.5},
        {"theme": "blue"},
        {"palette": "nope"},
        {"normalize": "minmax"},
        {"color": "nocolor"},
        {"width": "wide"},
        {"font_size": 0},
        {"dpi": 1e6},
        {"contours": [1.5]},
        {"veil": -1},
    ],
)
def test_a_style_checks_itself(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Style(**wrong)


def test_a_slide_has_letters_for_a_slide():
    assert Style(width="slide").size >= 14
    assert Style(width="slide", font_size=9).size == 9
    assert Style().size == 6.5


def test_a_caption_says_what_is_drawn_and_latex_includes_it(make_explanation, photograph, tmp_path):
    fig = figure(make_explanation(labels=("50 % wool & silk", "b", "c")), photograph())
    for words in ("graphconvnet_ti", "layers 4, 8 and 12 of 12", "50 % wool & silk", "Grad-CAM", "edges are drawn"):
        assert words in fig.caption
    latex = save_latex(fig, tmp_path / "my figure.tex").read_text()
    assert r"\includegraphics[width=3.300in]{my figure.pdf}" in latex
    assert r"graphconvnet\_ti" in latex
    assert r"50 \% wool \& silk" in latex
    assert r"\label{fig:my-figure}" in latex
    assert latex.startswith(r"\begin{figure}")
    assert latex_of(figure(make_explanation(), None, width="page"), "a.pdf").startswith(r"\begin{figure*}")


def test_a_figure_says_that_its_network_is_untrained(make_explanation, photograph):
    exp = make_explanation()
    exp.extras["about"] = {"note": "untrained"}
    for fig in (figure(exp, photograph()), panel("cam", exp, 3, photograph()), overview([exp], [photograph()])):
        assert "untrained" in words_of(fig)
        assert "Untrained." in fig.caption
    other = make_explanation(seed=1)
    assert "untrained" in words_of(compare([exp, other], photograph(), names=["a", "b"]))


def test_samples_bring_the_whole_photograph_and_its_view(make_explanation):
    class Sample:
        original = np.full((400, 600, 3), 90, np.uint8)
        view = (100.0, 50.0, 380.0, 330.0)

    fig = figure(make_explanation(layers=(3,)), Sample(), kinds=["cam"])
    ax = fig.axes[0]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 600), (400, 0))
    heat = next(a for a in ax.get_children() if isinstance(a, Raster) and not a.frame)
    assert tuple(heat.get_extent()) == (100, 380, 330, 50)


def test_effects_order_and_color_edges(make_explanation, photograph):
    exp = make_explanation(layers=(3,), self_first=False, k=9)
    effect = np.linspace(-2.0, 1.0, 9)
    fig = panel("graph", exp, 3, photograph(), effect=effect, order="effect", color="effect", k=2)
    assert "−2" in words_of(fig)
    assert "+2" in words_of(fig)
    for more in ({"order": "effect"}, {"color": "effect"}):
        with pytest.raises(ValueError, match=r"viz_nodes\.effect"):
            panel("graph", exp, 3, photograph(), **more)
    with pytest.raises(ValueError, match=r"shape \(9,\)"):
        panel("graph", exp, 3, photograph(), effect=effect[:4], color="effect")


@pytest.mark.parametrize("color", ["rank", "share", "contribution"])
def test_edges_colored_by_a_value_have_a_bar(make_explanation, photograph, color):
    fig = figure(make_explanation(layers=(3,)), photograph(), kinds=["graph"], color=color)
    assert f"color: {'rank' if color == 'rank' else color}" in words_of(fig)
