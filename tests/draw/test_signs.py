"""The sign of an edge is read without its color: in gray print, and by every color vision."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from viz_nodes.draw import draw_graph, draw_strongest, figure, panel
from viz_nodes.draw.artists.edges import EdgeCollection
from viz_nodes.draw.geometry.curves import arrow_outline, broken_outline

GRAY = np.array([0.2126, 0.7152, 0.0722])
"""Luminance of linear RGB (ITU-R BT.709)."""
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Of linear RGB: Machado, Oliveira and Fernandes 2009, deuteranomaly of severity 1."""


def axes():
    fig = Figure(figsize=(3, 3), dpi=300)
    return fig.add_axes((0, 0, 1, 1))


def area(outline):
    x, y = outline.T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


@pytest.mark.parametrize(("length", "pieces"), [(2.6, 2), (10.0, 4), (60.0, 19)])
def test_a_broken_shaft_has_gaps_and_the_same_head(length, pieces):
    line = np.stack([np.linspace(0, length, 33), np.zeros(33)], axis=1)
    broken, whole = broken_outline(line, 1.0, 1.0, 0.0), arrow_outline(line, 1.0, 1.0)
    assert len(broken) == pieces
    assert 0.5 * area(whole) < sum(map(area, broken)) < 0.85 * area(whole)
    headed = broken_outline(line, 1.0, 0.5, 2.0)[-1]
    assert headed[:, 0].max() == pytest.approx(length)
    assert np.ptp(headed[:, 1]) == pytest.approx(2.0)


def test_edges_against_the_class_are_broken_and_hollow(make_explanation, photograph):
    exp = make_explanation()
    drawn = draw_graph(axes(), exp, 7, photograph(), center=100)
    negative = exp.layer(7).contribution[0, 100].numpy() < 0
    assert 0 < negative.sum() < len(negative)
    assert drawn["edges"].broken.sum() == len(drawn["hollow"].get_xydata())
    assert 0 < drawn["edges"].broken.sum() <= negative.sum()
    plain = draw_graph(axes(), exp, 7, photograph(), center=100, signs=False)
    assert not plain["edges"].broken.any()
    assert "hollow" not in plain
    by_share = draw_graph(axes(), exp, 7, photograph(), center=100, order="share")
    assert not by_share["edges"].broken.any()


def test_several_centers_show_signs_too_and_say_so(make_explanation, photograph):
    exp = make_explanation()
    fig = figure(exp, photograph(), layers=[7], kinds=["graph"], center=[100, 60])
    assert "Broken and hollow: against the class." in fig.caption
    edges = [each for ax in fig.axes for each in ax.collections if isinstance(each, EdgeCollection)]
    assert any(each.broken.any() for each in edges)
    quiet = figure(exp, photograph(), layers=[7], kinds=["graph"], center=[100, 60], signs=False)
    assert "roken" not in quiet.caption


def test_strongest_edges_against_the_class_are_broken(make_explanation, photograph):
    exp = make_explanation()
    edges = draw_strongest(axes(), exp, 7, photograph(), part=5.0)["edges"]
    assert 0 < edges.broken.sum() < len(edges.lines)
    assert not draw_strongest(axes(), exp, 7, photograph(), part=5.0, by="share")["edges"].broken.any()
    assert "blue and broken against it" in panel("edges", exp, 7, photograph()).caption


@pytest.mark.parametrize("seen", ["gray", "deuteranopia"])
def test_two_edges_of_one_size_and_other_signs_differ_in_print(seen):
    """Beside each other, equally dark: what parts them are gaps, as light as paper."""
    darkest = []
    for broken in (False, True):
        ax = axes()
        ax.set(xlim=(0, 60), ylim=(60, 0))
        line = np.stack([np.linspace(5, 55, 33), np.full(33, 30.0)], axis=1)
        EdgeCollection(ax, line[None], widths=3.0, colors=["#b33c00"], gaps=(0, 0), heads=5.0, broken=broken)
        ax.set_axis_off()
        canvas = FigureCanvasAgg(ax.figure)
        canvas.draw()
        rgb = np.asarray(canvas.buffer_rgba())[..., :3] / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        light = linear @ GRAY if seen == "gray" else (linear @ DEUTERANOPIA.T).min(-1)
        middle = light[light.shape[0] // 2, 100:700]
        darkest.append(int((np.diff((middle > 0.5).astype(int)) != 0).sum()))
    solid, gaps = darkest
    assert solid == 0
    assert gaps >= 20
