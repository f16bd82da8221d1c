"""What is in sight and how it reads: one window without scrolling, a tooltip on each control, no barrier (axe-core)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viz_nodes import write_page
from viz_nodes.places import LabelMap

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
EXPLORER = "document.querySelector('.vge').explorer"
TABS = ("Neighbors", "Most alike", "Whole layer", "Look", "Save", "Help")
PARTS = ".vge-frame > *, .vge-stage, .vge-strip, .vge-panel, .vge-caption, .vge-legend"
OUT_OF_SIGHT = """([parts]) => [...document.querySelectorAll(parts)]
  .filter((node) => node.getClientRects().length)
  .map((node) => [node.getBoundingClientRect(), node.className])
  .filter(([box]) => box.bottom > innerHeight + 0.5 || box.right > innerWidth + 0.5 || box.height < 1)
  .map(([, name]) => name)"""
WITHOUT_TOOLTIP = """() => [...document.querySelectorAll(".vge :is(button, input, select)")]
  .filter((node) => !node.closest("[title]") && !node.matches(".vge-mini"))
  .map((node) => node.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def page_file(make, photograph, tmp_path_factory):
    return write_page(make(), photograph, tmp_path_factory.mktemp("page") / "page.html")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("hash_", ["", "#with=1.3.gradcam&pins=0.3,0.3~0.7,0.6&hops=2"])
def test_all_of_it_is_in_sight_without_scrolling(visit, page_file, width, height, hash_):
    page = visit(page_file, hash_, width=width, height=height)
    assert page.evaluate("document.documentElement.scrollHeight") <= height
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        page.evaluate(f"{EXPLORER}.flush()")
        assert page.evaluate(OUT_OF_SIGHT, [PARTS]) == []
    strip = page.locator(".vge-strip")
    assert strip.evaluate("(node) => node.scrollWidth <= node.clientWidth"), "every layer, beside a key that wraps"
    side = page.locator(".vge-stage").first.bounding_box()["width"]
    assert side >= (300 if hash_ else 350), "and the picture is large enough to see patches of"


def test_wide_and_tall_photographs_stay_in_sight_too(visit, make, photograph, tmp_path):
    for name, picture in (("wide", photograph[:60]), ("tall", photograph[:, :60])):
        page = visit(write_page(make(layers=12), picture.copy(), tmp_path / f"{name}.html"), width=1280, height=720)
        assert page.evaluate("document.documentElement.scrollHeight") <= 720
        assert page.evaluate(OUT_OF_SIGHT, [PARTS]) == []
        assert min(page.locator(".vge-stage").first.bounding_box()[side] for side in ("width", "height")) > 60


def test_every_control_has_a_tooltip(visit, make, photograph, tmp_path):
    pages = write_page([make(), make(seed=1, method="layercam")], photograph, tmp_path / "page.html")
    page = visit(pages, "#pins=0.3,0.3")
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        page.evaluate(f"{EXPLORER}.flush()")
        assert page.evaluate(WITHOUT_TOOLTIP) == []
    assert all(page.locator(".vge-mini").nth(i).get_attribute("aria-label") for i in range(12))


def test_the_first_sentence_says_what_this_is(visit, page_file):
    words = visit(page_file).locator(".vge").inner_text()
    assert "What a vision graph network looked at: in every layer each patch aggregates from" in words
    assert not {"asks", "asked", "wins", "won"} & set(words.replace(",", " ").replace(".", " ").split())


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm install)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(visit, page_file, browser, scheme):
    page = visit(page_file, "#with=1.3.gradcam&pins=0.3,0.3~0.7,0.6")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert_no_barrier(page)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed (npm install)")
@pytest.mark.parametrize(("what", "scheme"), [("effects", "light"), ("regions", "dark")])
def test_axe_finds_no_barrier_with_effects_and_with_regions(visit, make, photograph, tmp_path, what, scheme):
    """Signed widths and colors by effect, unknown ones among them; superpixels that are pointed at."""
    if what == "effects":
        exp = make(layers=3)
        effects = [layer.contribution.clone() * 0.5 for layer in exp.layers]
        effects[-1][:, ::2] = float("nan")
        layers = tuple(replace(layer, effect=each) for layer, each in zip(exp.layers, effects, strict=True))
        hash_ = "#order=effect&pins=0.3,0.3"
    else:
        exp, hash_ = make(layers=2), "#pins=0.3,0.3"
        places = LabelMap(np.arange(196).reshape(14, 14).repeat(16, 0).repeat(16, 1))
        layers = tuple(
            replace(layer, grid=(1, 196), key_grid=(1, 196), cam=layer.cam.flatten(1)[:, None], places=places)
            for layer in exp.layers
        )
    page = visit(write_page(replace(exp, layers=layers), photograph, tmp_path / "page.html"), hash_)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    assert page.evaluate(f"{EXPLORER}.edges().length") > 0
    assert_no_barrier(page)


def assert_no_barrier(page):
    """Every panel, by axe-core."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    session = page.context.new_cdp_session(page)  # the page's own policy lets no script in
    session.send("Page.setBypassCSP", {"enabled": True})
    session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
    for name in TABS:
        page.get_by_role("tab", name=name, exact=True).click()
        page.evaluate(f"{EXPLORER}.flush()")
        page.wait_for_timeout(200)
        found = page.evaluate(
            "axe.run(document).then((r) => r.violations.map((v) => [v.id, v.nodes[0].html.slice(0, 200)]))"
        )
        assert found == [], name


def test_edges_against_the_class_are_broken_on_screen_and_in_what_is_saved(visit, page_file):
    page = visit(page_file, "#pins=0.3,0.3")
    edges = page.evaluate(f"{EXPLORER}.edges().filter((edge) => edge.hop === 1 && edge.from !== edge.to)")
    against = [edge for edge in edges if edge["contribution"] < 0]
    assert 0 < len(against) < len(edges)
    svg = page.evaluate(f"{EXPLORER}.svg(1)")
    paths = re.findall(r'<path[^>]*?d="([^"]*)"[^>]*data-layer', svg)
    assert len(paths) == len(edges)
    assert sum(path.count("M") > 1 for path in paths) == len(against), "several pieces each"
    assert "against the class" in svg


def test_compare_with_is_grouped_by_image_and_network(visit, make, photograph, tmp_path):
    exps = [make(targets=(2, 3)), make(targets=(2, 3), seed=1)]
    page = visit(write_page(exps, photograph, tmp_path / "two.html", names=["one", "other"]))
    groups = page.evaluate(
        """[...document.querySelectorAll("optgroup")].map((group) => [
          group.label, [...group.querySelectorAll("option")].map((option) => option.textContent)])"""
    )
    classes = ["astronaut (7", "rocket (2"]
    assert [label for label, _ in groups] == ["one", "other"]
    assert all(
        [option[: len(c)] for option, c in zip(options, classes, strict=True)] == classes for _, options in groups
    )
    page.get_by_label("Compare with").select_option(index=4)
    assert page.evaluate(f"{EXPLORER}.state.with") == {"subject": 1, "target": 3, "method": "gradcam"}


def test_the_patches_most_alike_are_those_not_chosen_with_their_distances(visit, make, photograph, tmp_path):
    exp = make(layers=3)
    page = visit(write_page(exp, photograph, tmp_path / "page.html"), "#pins=0.5,0.5&layer=2")
    page.get_by_role("tab", name="Most alike").click()
    page.evaluate(f"{EXPLORER}.flush()")
    lines = page.locator(".vge-patches:visible li:visible")
    layer, node = exp.layer(1), 7 * 14 + 7
    wanted = [f"row {int(key) // 14 + 1}, column {int(key) % 14 + 1}" for key in layer.rejected[0, node, :12]]
    assert [text.split("\n")[0] for text in lines.all_inner_texts()] == wanted
    shown = [float(text) for text in page.locator(".vge-patch-value:visible").all_inner_texts()]
    assert shown == pytest.approx(layer.rejected_distance[0, node, :12].tolist(), rel=0.01, abs=1e-3)
    lines.first.get_by_role("button").click()
    (x, y), *_ = page.evaluate(f"{EXPLORER}.state.pins")
    assert int(y * 14) * 14 + int(x * 14) == int(layer.rejected[0, node, 0])


def test_the_whole_layer_shows_its_hubs_and_how_often_each_patch_is_chosen(visit, make, photograph, tmp_path):
    exp = make(layers=3)
    page = visit(write_page(exp, photograph, tmp_path / "page.html"), "#layer=3")
    page.get_by_role("tab", name="Whole layer").click()
    page.evaluate(f"{EXPLORER}.flush()")
    neighbors = exp.layer(2).neighbors[0]
    chosen = (neighbors.flatten().bincount(minlength=196)) - (
        neighbors == neighbors.new_tensor(range(196))[:, None]
    ).sum(1)
    lines = page.locator(".vge-patches:visible li:visible")
    counts = [int(text.split("\n")[-1].split()[0]) for text in lines.all_inner_texts()]
    assert counts == sorted(chosen.tolist(), reverse=True)[:12]
    page.get_by_label("paint how often each patch is chosen").check()
    page.evaluate(f"{EXPLORER}.flush()")
    legend = page.locator("div.vge-legend").first.inner_text()
    assert "chosen by" in legend
    assert str(int(chosen.max())) in legend
    lines.first.get_by_role("button").click()
    page.evaluate(f"{EXPLORER}.flush()")
    assert page.evaluate(f"{EXPLORER}.state.out") is True
    assert len(page.evaluate(f"{EXPLORER}.edges().filter((edge) => !edge.itself)")) == int(chosen.max())


def test_full_screen_and_back(visit, page_file):
    page = visit(page_file)
    button = page.get_by_role("button", name="Full screen")
    button.click()
    page.wait_for_timeout(300)
    assert page.evaluate("document.fullscreenElement === document.querySelector('.vge')")
    button.click()
    page.wait_for_timeout(300)
    assert page.evaluate("document.fullscreenElement") is None


def test_a_command_gives_what_is_seen_or_says_why_it_cannot(visit, make, photograph, tmp_path):
    words = ["vizgraph", "render", "--arch", "gcn_ti", "--img", "x.jpg"]
    page = visit(write_page(make(layers=4), photograph, tmp_path / "c.html", commands=[words]), "#layer=3&hops=2")
    page.get_by_role("tab", name="Save").click()
    line, note = page.get_by_label("Command line that renders this view"), page.locator(".vge-side:visible .vge-note")
    assert "--hops 2 --canvas original" in line.input_value()
    page.evaluate(f"{EXPLORER}.update({{canvas: 'input', share: 0.2, zoom: 2}})")
    page.evaluate(f"{EXPLORER}.flush()")
    assert line.input_value().endswith("--canvas input")
    assert "without the least share, the zoom" in " ".join(note.all_inner_texts())
    page.evaluate(f"{EXPLORER}.update({{out: true}})")
    page.evaluate(f"{EXPLORER}.flush()")
    assert page.get_by_role("button", name="Copy as command line").is_disabled()
    assert "No command line draws who aggregates" in " ".join(note.all_inner_texts())


def test_a_network_that_no_command_loads_offers_none(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=2, model=""), photograph, tmp_path / "c.html"))
    page.get_by_role("tab", name="Save").click()
    assert page.get_by_role("button", name="Copy as command line").is_disabled()
    assert "no command line for this network" in page.locator(".vge-side:visible").inner_text()
