"""The picture itself, by its pixels: every edge is seen, stays inside, and the photograph is what it was."""

from __future__ import annotations

import base64
import io
import itertools
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from viz_nodes import write_page

pytestmark = pytest.mark.browser

EXPLORER = "document.querySelector('.vge').explorer"
SVG = "{http://www.w3.org/2000/svg}"
PNG = f"""async (scale) => {{
  const bytes = new Uint8Array(await (await {EXPLORER}.png(scale)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}}"""
SEEN = 6
"""Pixels that an edge changes at least, at the size of the screen."""


def picture(page, scale: float = 1.0) -> np.ndarray:
    """What would be saved, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(page.evaluate(PNG, scale)))).convert("RGB")).astype(int)


def update(page, **state) -> None:
    page.evaluate(f"(state) => {EXPLORER}.update(state)", state)
    page.evaluate(f"{EXPLORER}.flush()")


def without(exp, with_layer, node: int, rank: int):
    """The explanation without an edge, whose share its dot keeps at another place of the same patch."""
    layer = exp.layers[-1]
    neighbors = layer.neighbors.clone()
    neighbors[:, node, rank] = -1
    return with_layer(exp, len(exp.layers) - 1, neighbors=neighbors)


@pytest.mark.parametrize("grid", [(14, 14), (7, 7), (28, 28)])
def test_the_edge_to_an_adjacent_patch_is_seen_outside_of_all_marks(
    visit, make, with_layer, photograph, tmp_path, grid
):
    """A node whose neighbors are the eight around it: each shaft and head changes pixels between the two marks."""
    rows, cols = grid
    exp = make(grids=[(grid, grid, 9)], targets=(2,))
    node = (rows // 2) * cols + cols // 2
    around = [node + dr * cols + dc for dr in (-1, 0, 1) for dc in (-1, 0, 1)]
    neighbors, share = exp.layers[0].neighbors.clone(), exp.layers[0].share.clone()
    neighbors[:, node] = neighbors.new_tensor([node, *(each for each in around if each != node)])
    share[:, node] = 1 / 9
    exp = with_layer(exp, 0, neighbors=neighbors, share=share)
    at = [(cols // 2 + 0.5) / cols, (rows // 2 + 0.5) / rows]
    state = {"pins": [at], "opacity": 0, "grid": False}
    page = visit(write_page(exp, photograph, tmp_path / "with.html", state=state))
    whole = picture(page)[:640, :640]
    tree = ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)"))
    marks = [
        (float(each.get("cx")), float(each.get("cy")), float(each.get("r")) + float(each.get("stroke-width")))
        for each in tree.iter(f"{SVG}circle")
        if each.get("stroke-width")  # the holes in dots lie within them
    ]
    y, x = np.indices((640, 640)) + 0.5
    outside = np.all([np.hypot(x - cx, y - cy) > r for cx, cy, r in marks], axis=0)
    for rank in range(1, 9):
        other = visit(write_page(without(exp, with_layer, node, rank), photograph, tmp_path / "less.html", state=state))
        differs = (np.abs(picture(other)[:640, :640] - whole).max(-1) > 40) & outside
        assert differs.sum() >= SEEN * (14 / max(grid)) ** 0.5, f"{rank}: {differs.sum()}"
        other.close()


def pieces(path):
    """[(n, 2)] the corners of each closed outline of an SVG path; a broken edge has several, the last with its head."""
    return [
        np.array([[float(v) for v in point.split()] for point in piece.strip("Z").split("L")])
        for piece in path.split("M")[1:]
    ]


def test_no_edge_leaves_the_picture(visit, make, photograph, tmp_path):
    exp = make(layers=3, targets=(2,))
    page = visit(write_page(exp, np.ascontiguousarray(photograph[:100]), tmp_path / "page.html"))
    for node in (0, 13, 98, 182, 195):
        update(page, pins=[[(node % 14 + 0.5) / 14, (node // 14 + 0.5) / 14]], hops=3)
        tree = ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)"))
        inner = tree.find(f"{SVG}g/{SVG}svg")
        width, height = float(inner.get("width")), float(inner.get("height"))
        paths = [each.get("d") for each in tree.iter(f"{SVG}path") if each.get("data-hop")]
        assert len(paths) > 20
        points = np.concatenate([piece for d in paths for piece in pieces(d)])
        assert points.min() >= -2
        assert (points <= np.array([width, height]) + 2).all()


def test_every_edge_has_a_head_at_its_center(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=1, targets=(2,)), photograph, tmp_path / "page.html"), "#pins=0.5,0.5")
    tree = ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)"))
    middle = 640 * (7.5 / 14)
    for path in (each for each in tree.iter(f"{SVG}path") if each.get("data-hop")):
        points = pieces(path.get("d"))[-1]
        away = np.hypot(*(points - middle).T)
        tip = int(away.argmin())
        barbs = np.hypot(*(points[tip - 1] - points[tip + 1]).T)
        shaft = np.hypot(*(points[tip - 2] - points[tip + 2]).T)
        assert barbs > 1.5 * shaft, "the barbs stand out from the shaft"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_photograph_is_as_it_was_where_the_map_is_0(visit, make, with_layer, tmp_path, scheme):
    """On screen and in the saved picture, in light and dark: not one pixel of a white photograph is darkened."""
    white = np.full((224, 224, 3), 255, np.uint8)
    exp = make(layers=2, targets=(2,))
    cam = exp.layers[1].cam * 0
    cam[:, :7] = 1.0
    exp = with_layer(exp, 1, cam=cam, peak=exp.layers[1].peak * 0 + 20)
    page = visit(write_page(exp, white, tmp_path / "page.html"), "#grid=0&pins=0.5,0.1&opacity=1")
    page.emulate_media(color_scheme=scheme)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    on_screen = page.evaluate(
        "() => { const c = document.querySelector('.vge-base'); "
        "return [...c.getContext('2d').getImageData(0, Math.round(c.height * 0.7), c.width, 1).data]; }"
    )
    assert set(on_screen) == {255}
    saved = picture(page)
    assert saved[10:300, 10:630].min() < 120, "the map is there"
    assert (saved[420:630, 10:630] == 255).mean() > 0.9, "but for edges and dots"
    assert (saved[600:635, 10:630] == 255).all()


def test_what_the_network_did_not_see_is_framed_and_not_darkened(visit, make, tmp_path):
    class Sample:
        image = np.full((224, 224, 3), 255, np.uint8)
        original = np.full((300, 600, 3), 255, np.uint8)
        view = (150.0, 0.0, 450.0, 300.0)
        path = "wide.jpg"

    page = visit(write_page(make(layers=1, targets=(2,)), Sample(), tmp_path / "page.html"), "#grid=0&opacity=0")
    saved = picture(page)
    assert (saved[5:310, 5:150] == 255).all(), "left of the view"
    update(page, canvas="input")
    seen = picture(page)
    assert seen.shape[0] > saved.shape[0], "what a square network saw is square"
    assert page.locator(".vge-stage").first.evaluate("(n) => n.clientWidth / n.clientHeight") == pytest.approx(
        1, abs=0.02
    )


def test_saved_pictures_hold_bars_key_and_caption(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=4), photograph, tmp_path / "page.html"), "#pins=0.3,0.3&layer=3")
    tree = ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)"))
    words = " ".join(each.text or "" for each in tree.iter(f"{SVG}text"))
    for word in ("map", "contribution", "width: size of contribution", "peak", "kept patch", "layer 3 of 4"):
        assert word in words
    assert len(list(tree.iter(f"{SVG}linearGradient"))) == 2
    saved = picture(page)
    bars = saved[648:672, 20:400].reshape(-1, 3)
    assert len(np.unique(bars, axis=0)) > 40, "two bars of many colors"


def test_zoomed_in_the_same_patch_is_larger_and_still_found(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=2), photograph, tmp_path / "page.html"))
    page.get_by_role("button", name="Zoom in (+)").click(click_count=3, delay=20)
    state = page.evaluate(f"{EXPLORER}.state")
    assert state["zoom"] == pytest.approx(1.5**3, abs=0.01)
    page.evaluate(f"{EXPLORER}.flush()")
    stage, grid = (page.locator(name).first.bounding_box() for name in (".vge-stage", ".vge-grid"))
    assert grid["width"] == pytest.approx(stage["width"] * state["zoom"], rel=0.01)
    page.mouse.move(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 2 - 60, stage["y"] + stage["height"] / 2, steps=4)
    page.mouse.up()
    moved = page.evaluate(f"{EXPLORER}.state")
    assert moved["at"][0] > 0.5
    assert moved["pins"] == [], "dragging keeps no patch"
    page.mouse.click(stage["x"] + 30, stage["y"] + 30)
    (x, _), zoom = page.evaluate(f"{EXPLORER}.state.pins")[0], state["zoom"]
    assert x == pytest.approx(moved["at"][0] - 0.5 / zoom + 30 / stage["width"] / zoom, abs=0.5 / 14)
    page.keyboard.press("0")
    assert page.evaluate(f"{EXPLORER}.state.zoom") == 1


def test_further_hops_draw_the_heaviest_edges_that_lead_to_what_is_drawn(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=4), photograph, tmp_path / "page.html"), "#hops=3&pins=0.5,0.5&k=5")
    edges = page.evaluate(f"{EXPLORER}.edges()")
    hops = [[edge for edge in edges if edge["hop"] == hop] for hop in (1, 2, 3)]
    assert [len(each) for each in hops] == [5, 18, 18]
    for near, far in itertools.pairwise(hops):
        assert {edge["to"] for edge in far} <= {edge["from"] for edge in near}
    update(page, far=0)
    every = page.evaluate(f"{EXPLORER}.edges()")
    second = sorted((edge["weight"] for edge in every if edge["hop"] == 2), reverse=True)
    assert len(second) > 18
    assert sorted((edge["weight"] for edge in hops[1]), reverse=True) == pytest.approx(second[:18])
    update(page, far=18)
    assert "layer 3: 18 of" in page.locator(".vge-caption").first.inner_text()
