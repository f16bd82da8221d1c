"""Figures on slides use the slide: panels as large as they can be, words beside them where these are low."""

from __future__ import annotations

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.text import Text

from builders.texts import require_apart
from viz_nodes.draw import compare, depths, figure, networks, overview, panel
from viz_nodes.draw.artists.photograph import Raster


def pictures_of(fig):
    """Boxes, in fractions of the figure, of all panels with a photograph, close-ups too."""
    return [ax.get_position() for ax in fig.axes if any(isinstance(a, Raster) and a.frame for a in ax.get_children())]


def white_at_the_sides(fig):
    """Fraction of the width that neither panels nor words reach."""
    fig.canvas.draw()
    drawn = fig.findobj(lambda artist: isinstance(artist, Text | Axes))
    ends = [artist.get_window_extent() for artist in drawn if artist.get_visible()]
    ends = [box for box in ends if box.width > 0]
    return 1 - (max(box.x1 for box in ends) - min(box.x0 for box in ends)) / fig.bbox.width


@pytest.fixture
def several(make_explanation, photograph):
    """Three images, each with an explanation of one network and of another."""
    first = [make_explanation(layers=(0, 11), seed=seed) for seed in range(3)]
    second = [make_explanation(layers=(0, 11), seed=seed + 9) for seed in range(3)]
    return [photograph()] * 3, first, second


def test_three_layers_and_three_kinds_fill_a_slide(make_explanation, photograph):
    """They were 73 points wide in the middle of a slide of 720."""
    fig = figure(make_explanation(), photograph(), width="slide")
    assert fig.panel_points > 90
    assert white_at_the_sides(fig) < 0.15
    require_apart(fig)


@pytest.mark.parametrize("kinds", [["cam"], ["graph"], ["cam", "graph"]], ids=" ".join)
def test_tables_fill_a_slide_and_their_words_stand_apart(several, kinds):
    images, first, second = several
    fig = networks({"a network": first, "another": second}, images, kinds=kinds, width="slide")
    assert fig.panel_points > (80 if len(kinds) == 1 else 60)
    assert fig.get_figheight() <= 5.4 + 1e-6
    assert white_at_the_sides(fig) < 0.15
    require_apart(fig)


def test_other_tables_fill_a_slide(several):
    images, first, _ = several
    for fig in (
        overview(first, images, width="slide"),
        depths(first[:2], images[:2], center=[(0.3, 0.3), (0.7, 0.6)], width="slide"),
    ):
        assert fig.panel_points > 80
        require_apart(fig)


def test_beside_panels_there_is_room_for_the_whole_key(make_explanation, photograph):
    fig = figure(make_explanation(), photograph(), layers=[7, 11], width="slide")
    words = " ".join(text.get_text() for text in fig.findobj(Text)).replace("\n", " ")
    assert "star: its peak" in words
    left = max(box.x1 for box in pictures_of(fig))
    beside = [text for text in fig.texts if "star" in text.get_text()]
    assert all(text.get_position()[0] > left for text in beside)


def test_close_ups_are_drawn_however_layers_stand(make_explanation, photograph):
    """Of layers side by side in a line they were lost, and counted."""
    exp = make_explanation(layers=(3, 7, 11), grid=(56, 56), key_grid=(56, 56), k=9)
    for layer in exp.layers:
        peak = int(layer.peak[0])
        layer.neighbors[0, peak] = peak + torch.tensor([0, 1, -1, 56, -56, 57, -57, 55, -55])
    for kinds in (["graph"], ["cam", "graph"]):
        fig = figure(exp, photograph(), kinds=kinds, width="slide")
        shown = pictures_of(fig)
        closeups = [box for box in shown if box.width < 0.99 * max(each.width for each in shown)]
        assert len(shown) == 3 * len(kinds) + 3, f"{len(closeups)} close-ups for three layers"


def test_names_of_columns_are_small_before_they_are_cut(several):
    images, first, second = several
    fig = networks({"network of one": first, "network of another": second}, images, kinds=["graph"], width="60mm")
    assert any("network of another" in text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in fig.findobj(Text))


def test_the_number_below_a_narrow_bar_is_no_wider_than_the_bar(several):
    images, first, second = several
    fig = networks({"a": first, "b": second}, images, kinds=["graph"], width="slide", font_size=40)
    require_apart(fig)


def test_notes_of_a_graph_have_the_place_below_its_close_up_too(several):
    images, first, _ = several
    fig = overview(first, images, width="page", kinds=["photograph", "graph"])
    notes = [text.get_text() for text in fig.texts if "neighbors drawn" in text.get_text()]
    assert notes
    assert max(note.count("\n") for note in notes) <= 1


def test_a_single_graph_on_a_slide_has_words_beside_it(make_explanation, photograph):
    fig = panel("graph", make_explanation(), 11, photograph(), width="slide")
    assert fig.panel_points > 330
    require_apart(fig)


def test_close_ups_beside_a_graph_are_no_higher_than_it(several):
    """Two of them below one another stood on the note."""
    images, first, _ = several
    for exp in first:
        for layer in exp.layers:
            for node, near in ((62, (63, 48, 61)), (133, (134, 147, 119))):
                layer.neighbors[0, node, 1:4] = torch.tensor(near)
    for width in ("column", "page", 84):
        fig = depths(first[:2], images[:2], layers=(0, 11), center=[62, 133], width=width)
        shown = pictures_of(fig)
        assert max(box.height for box in shown) * fig.get_figheight() * 72 <= fig.panel_points + 0.5
        require_apart(fig)


def test_twelve_layers_of_a_panorama_fit_a_page(make_explanation, photograph):
    exp = make_explanation(layers=tuple(range(12)), size=(224, 224))
    fig = figure(exp, photograph(80, 640), layers="all", width="page")
    assert fig.get_figheight() <= 8.8 + 1e-6
    assert fig.panel_points > 60
    require_apart(fig)


def test_a_comparison_says_which_of_two_networks_is_untrained(make_explanation, photograph):
    trained, untrained = make_explanation(model="net"), make_explanation(model="net, untrained")
    fig = compare([trained, untrained], photograph(), names=["demo", "random"])
    assert "random: untrained" in fig.heading
    assert "demo: untrained" not in fig.heading
    assert "untrained" not in compare([trained, untrained], photograph(), names=["a", "b, untrained"]).heading
