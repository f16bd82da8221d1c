"""Nodes that are no grid in the explorer: superpixels and boxes as the regions they are; layers nobody can place."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from builders.explanations import explanation, layer
from viz_nodes import write_page
from viz_nodes.explorer import build_document
from viz_nodes.explorer.document import with_sources
from viz_nodes.explorer.packing import unpack
from viz_nodes.explorer.regions import spots_of
from viz_nodes.explorer.still import still
from viz_nodes.places import Boxes, LabelMap

SIZE = (20, 30)
QUARTERS = LabelMap(np.kron(np.array([[0, 1], [2, 3]]), np.ones((10, 15), int)))
"""Left and right above, left and right below."""
NESTED = Boxes([(0, 0, 30, 20), (10, 5, 20, 15), (12, 8, 16, 12), (22, 2, 28, 8)], SIZE)
"""A box in a box in a box, all but the innermost with its middle in a smaller one."""
EXPLORER = "document.querySelector('.vge').explorer"

PICK = """([x, y]) => {
  const base = document.querySelector('.vge-base');
  const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  copy.drawImage(base, -Math.round(x * base.width), -Math.round(y * base.height));
  return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
"""The color of a place of the picture without its marks."""


def regions(places, rows=1, **more):
    asked = [[[1, 2], [0, 3], [3, 0], [2, 1]]] * rows
    share = [[[0.75, 0.25]] * 4] * rows
    made = layer(0, (1, 4), asked, share, cam=[(0.0, 1.0, 2.0, 4.0)] * rows, places=places, **more)
    return explanation(made, image_size=SIZE)


@pytest.fixture
def white():
    return np.full((*SIZE, 3), 255, np.uint8)


def test_outlines_and_middles_come_back(white):
    (subject,) = build_document(regions(QUARTERS), white)["subjects"]
    (packed,) = subject["regions"]
    assert subject["layers"][0]["regions"] == 0
    corners = unpack(packed["corners"]).reshape(-1, 2) * SIZE[::-1]
    assert unpack(packed["loops"]).tolist() == [1, 1, 1, 1]
    assert unpack(packed["counts"]).tolist() == [4, 4, 4, 4]
    np.testing.assert_allclose(corners[4:8].min(0), (15, 0), atol=1e-3)
    np.testing.assert_allclose(corners[4:8].max(0), (30, 10), atol=1e-3)
    np.testing.assert_allclose(unpack(packed["middles"]).reshape(-1, 2) * SIZE[::-1], QUARTERS.centers(), atol=1e-3)


def test_regions_are_kept_once_for_all_layers_and_each_image_has_its_own(white):
    one = regions(QUARTERS).layers[0]
    exp = explanation(one, dataclasses.replace(one, index=1), image_size=SIZE)
    assert len(build_document(exp, white)["subjects"][0]["regions"]) == 1
    both = dataclasses.replace(regions((QUARTERS, NESTED), rows=2), source=None)
    subjects = build_document(both, [white, white])["subjects"]
    assert len(subjects) == 2, "the same edges between other regions are no one graph"
    assert subjects[0]["regions"] != subjects[1]["regions"]


def test_a_spot_belongs_to_its_region_alone():
    spots = spots_of(NESTED)
    assert [NESTED.at(x, y) for x, y in spots] == [0, 1, 2, 3]
    assert [NESTED.at(x, y) for x, y in NESTED.centers()] != [0, 1, 2, 3]


def test_the_still_shows_regions_and_takes_places_of_nobody_for_the_nearest(white):
    cells = Boxes([(2, 2, 8, 8), (15, 2, 25, 8), (4, 12, 12, 18), (20, 12, 28, 18)], SIZE)
    document, sources = with_sources(regions(cells), white)
    drawn = {pin: still(document, sources, {"pins": [list(pin)]}) for pin in ((0.65, 0.25), (0.62, 0.5), (0.1, 0.25))}
    assert drawn[0.65, 0.25] == drawn[0.62, 0.5] != drawn[0.1, 0.25]
    sent = still(document, sources, {"pins": [[0.65, 0.25]], "out": True})
    assert Image.open(io.BytesIO(sent)).width > 300


def test_what_is_known_of_places_and_ranks_is_handed_on(white):
    (subject,) = build_document(regions(QUARTERS, placed=False, note="nodes were\nadded"), white)["subjects"]
    told = subject["layers"][0]
    assert (told["placed"], told["ranked"], told["note"]) == (False, False, "nodes were\\nadded")
    (subject,) = build_document(regions(QUARTERS), white)["subjects"]
    assert subject["layers"][0]["placed"] is None


@pytest.mark.browser
def test_regions_are_pointed_at_chosen_and_walked(visit, white, tmp_path):
    page = visit(write_page(regions(NESTED), white, tmp_path / "page.html"))
    grid = page.locator(".vge-grid").first.bounding_box()

    def point(x, y):
        page.mouse.move(grid["x"] + grid["width"] * x / 30, grid["y"] + grid["height"] * y / 20)
        page.evaluate(f"{EXPLORER}.flush()")
        return page.evaluate("document.querySelector('.vge').dataset.node")

    assert [point(*at) for at in ((2, 2), (11, 6), (14, 10), (25, 5))] == ["0", "1", "2", "3"]
    page.mouse.click(grid["x"] + grid["width"] * 11 / 30, grid["y"] + grid["height"] * 6 / 20)
    page.evaluate(f"{EXPLORER}.flush()")
    assert page.evaluate("document.querySelector('.vge').dataset.pins") == "1"
    edges = page.evaluate(f"{EXPLORER}.edges()")
    assert [(edge["from"], edge["to"]) for edge in edges] == [(0, 1), (3, 1)]
    assert "Region 1" in page.locator(".vge-center h2, .vge-center h3").first.inner_text()
    page.locator(".vge-grid").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.evaluate(f"{EXPLORER}.flush()")
    assert page.evaluate("document.querySelector('.vge').dataset.node") == "0", "the same middle, and the one before"
    svg = page.evaluate(f"{EXPLORER}.svg()")
    assert svg.count("<path") >= 3


@pytest.mark.browser
def test_a_map_fills_each_region_in_its_own_color_and_what_is_nobody_s_not_at_all(visit, white, tmp_path):
    cells = Boxes([(2, 2, 8, 8), (15, 2, 25, 8), (4, 12, 12, 18), (20, 12, 28, 18)], SIZE)
    page = visit(write_page(regions(cells), white, tmp_path / "page.html"), "#opacity=1&grid=0&smooth=0")
    colors = [page.evaluate(PICK, [x / 30, y / 20]) for x, y in ((3, 3), (17, 3), (5, 13), (21, 13), (1, 1), (14, 10))]
    assert colors[0] == colors[4] == colors[5] == [255, 255, 255], "0 is clear, and so is nobody's"
    assert len({tuple(color) for color in colors[:4]}) == 4
    assert np.abs(np.array(colors[3]) - (252, 255, 164)).max() <= 2, "the top of the palette"


@pytest.mark.browser
def test_a_layer_whose_nodes_lie_elsewhere_is_shown_without_the_photograph_and_says_why(visit, white, tmp_path):
    exp = regions(QUARTERS, placed=False, note="the nodes were moved inside of net.blocks[2]")
    page = visit(write_page(exp, white * 0, tmp_path / "page.html"), "#opacity=0&grid=0")
    text = page.evaluate(f"{EXPLORER}.text()")
    assert text.endswith("nodes do not lie where they are drawn")
    assert page.evaluate(PICK, [0.1, 0.1]) == [213, 215, 219], "no part of the black photograph"
    page.get_by_role("tab", name="Whole layer").click()
    words = page.locator(".vge-side .vge-note").all_inner_texts()
    assert any("do not lie where they are drawn" in each and "moved inside of net.blocks[2]" in each for each in words)
    assert page.locator(".vge-table th").first.evaluate("node => node.parentNode.textContent").count("number") == 1
