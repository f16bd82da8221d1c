"""Every one of a layer's strongest edges that is counted can be seen, however many lie on top of one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import viz_nodes
import vizgraph
from builders.explanations import explanation, layer
from builders.seeing import photograph_of, strongest_sights
from viz_nodes.draw import draw_strongest, figure, panel
from viz_nodes.draw.geometry.overlaps import told_apart
from viz_nodes.draw.strongest import strongest_edges
from viz_nodes.draw.style.style import Style

SEEN = 40
"""Pixels at 300 dpi, outside of all dots."""
SAMPLES = Path(vizgraph.__file__).parent / "assets" / "samples"


@pytest.fixture(scope="module")
def demo_network():
    return vizgraph.load_model("gcn_demo", "demo", device="cpu")


@pytest.mark.parametrize("name", ["cat_6", "coffee_5", "palace_9"])
def test_the_strongest_edges_of_the_bundled_images_are_seen(name, demo_network):
    sample = vizgraph.load_image(SAMPLES / f"{name}.png", demo_network)
    exp = viz_nodes.explain(demo_network, sample.pixels, layers=[0, 3, 5])
    for at, each in enumerate(exp.layers):
        style = Style(theme=("light", "dark")[at % 2])
        pixels, strongest = strongest_sights(photograph_of(exp, each.index, sample.image), style)
        assert len(pixels) == len(strongest.values) > 5
        assert min(pixels) >= SEEN, f"{name}, layer {each.number}: {sorted(pixels)[:5]}"


def many_edges(grid, k=9, seed=0):
    """Every node has neighbors near and far, of random contribution."""
    rng = np.random.default_rng(seed)
    nodes = grid[0] * grid[1]
    asked = rng.integers(nodes, size=(nodes, k))
    near = np.arange(nodes)[:, None] + rng.integers(-2, 3, size=(nodes, k))
    asked = np.where(rng.random((nodes, k)) < 0.5, near % nodes, asked)
    worth = rng.normal(size=(nodes, k)) ** 3
    share = np.full((nodes, k), 1 / k)
    return explanation(
        layer(0, grid, asked, share, contribution=torch.from_numpy(worth[None]).float()), image_size=(224, 224)
    )


@pytest.mark.parametrize("grid", [(14, 14), (28, 28)])
def test_of_hundreds_of_edges_only_those_seen_are_counted(grid):
    exp = many_edges(grid)
    white = np.full((224, 224, 3), 255, np.uint8)
    pixels, strongest = strongest_sights(photograph_of(exp, 0, white), Style(), part=6.0)
    assert strongest.hidden > 0
    assert len(pixels) + strongest.hidden == round(0.06 * strongest.total)
    assert min(pixels) >= SEEN, sorted(pixels)[:5]
    assert f"{len(pixels)} of the strongest {len(pixels) + strongest.hidden} of" in strongest.words()[0]
    assert f"{strongest.hidden} more cannot be told apart at this size" in strongest.words()[0]


def test_a_line_below_another_is_not_told_apart_from_it():
    line = np.stack([np.linspace(0, 40, 9), np.zeros(9)], axis=1)
    lines = line + np.array([[0, 0], [0, 0], [0, 5]])[:, None]
    assert told_apart(lines, np.ones(3), []).tolist() == [True, False, True]
    # Nor is one that ends where its own dots begin.
    ends = lines[2][[0, -1]]
    assert told_apart(lines[2:], np.ones(1), [(ends, 22.0)]).tolist() == [False]


def test_a_wider_panel_tells_more_edges_apart():
    exp = many_edges((14, 14))
    white = np.full((224, 224, 3), 255, np.uint8)
    subject = photograph_of(exp, 0, white)
    narrow, wide = (strongest_edges(subject, 6.0).seen_at(subject, size / 224).hidden for size in (60, 300))
    assert wide < narrow


def test_figures_take_how_many_and_by_what(demo_network):
    sample = vizgraph.load_image(SAMPLES / "cat_6.png", demo_network)
    exp = viz_nodes.explain(demo_network, sample.pixels, layers=[3])
    words = [
        text.get_text().replace("\n", " ")
        for options in ({}, {"part": 0.5}, {"order": "share"})
        for text in figure(exp, sample, kinds=["edges"], width="page", **options).texts
    ]
    assert any("of 980 edges by contribution" in each for each in words)
    assert any("5 of 980 edges by contribution" in each for each in words)
    assert any("edges by share" in each for each in words)
    with pytest.raises(ValueError, match="`part` must be a percentage"):
        panel("edges", exp, 3, sample, part=0.0)


def test_lines_lie_where_an_earlier_painter_put_the_photograph():
    exp = many_edges((14, 14))
    fig = Figure(figsize=(3, 3))
    ax, bare = fig.add_axes((0, 0, 1, 1)), fig.add_axes((0, 0, 1, 1))
    big = np.full((448, 448, 3), 255, np.uint8)
    first = draw_strongest(ax, exp, 0, big)["edges"].lines
    draw_strongest(bare, exp, 0, big)
    again = draw_strongest(bare, exp, 0)["edges"].lines
    np.testing.assert_allclose(again, first, atol=1e-6)
