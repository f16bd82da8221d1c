"""The page in a real browser, offline: what is drawn is what the explanation holds, whatever is clicked."""

from __future__ import annotations

import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from viz_nodes import write_page
from viz_nodes.graphs.hops import hop_weights

pytestmark = pytest.mark.browser

SVG = "{http://www.w3.org/2000/svg}"
EXPLORER = "document.querySelector('.vge').explorer"


@pytest.fixture(scope="module")
def exp(make):
    return make()


@pytest.fixture(scope="module")
def page_file(exp, photograph, tmp_path_factory):
    return write_page(exp, photograph, tmp_path_factory.mktemp("page") / "page.html")


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const speaks = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  return [...document.querySelectorAll(".vge *")]
    .filter((node) => speaks(node) && node.getClientRects().length && !node.closest("svg"))
    .map((node) => {
      const a = light(rgb(getComputedStyle(node).color)), b = light(behind(node));
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.className + " " + node.textContent.slice(0, 30)];
    });
}"""
NAMELESS = """() => {
  const worded = (node) => node && node.textContent.trim();
  const kinds = ":is(button, input, select, [role=radiogroup], [tabindex]):not([role=tabpanel])";
  return [...document.querySelectorAll(`.vge ${kinds}`)]
    .filter((node) => !(node.getAttribute("aria-label") || worded(node) || [...(node.labels ?? [])].some(worded)))
    .map((node) => node.outerHTML.slice(0, 120));
}"""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
STATUS = """[...document.querySelectorAll(".vge [role=status]")].map((node) => node.textContent).join(" ")"""


def edges(page, pane: int = 0) -> list[dict]:
    return page.evaluate(f"{EXPLORER}.edges({pane})")


def state(page) -> dict:
    return page.evaluate(f"{EXPLORER}.state")


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def settle(page) -> None:
    page.evaluate(f"{EXPLORER}.flush()")


def wait_until(page, expression: str, seconds: float = 5.0) -> None:
    """Ask until it is true (playwright's own waiting needs eval, which the page forbids)."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(30)


def patch(page, node: int, grid=(14, 14), pane: int = 0) -> tuple[float, float]:
    """Middle of a node on the screen."""
    page.evaluate("scrollTo(0, 0)")
    box = page.locator(".vge-grid").nth(pane).bounding_box()
    return box["x"] + (node % grid[1] + 0.5) * box["width"] / grid[1], box["y"] + (node // grid[1] + 0.5) * box[
        "height"
    ] / grid[0]


def assert_draws(page, exp, index: int, node: int, row: int = 0) -> None:
    """Exactly the node's edges are drawn, with their ranks, shares and contributions."""
    layer, drawn = exp.layer(index), edges(page)
    assert [edge["from"] for edge in drawn] == layer.neighbors[row, node].tolist()
    assert {edge["to"] for edge in drawn} == {node}
    assert [edge["rank"] for edge in drawn] == list(range(layer.neighbors.shape[-1]))
    assert [edge["share"] for edge in drawn] == pytest.approx(layer.share[row, node].tolist(), abs=2e-5)
    top = float(layer.contribution[row].abs().max())
    assert [edge["contribution"] for edge in drawn] == pytest.approx(
        layer.contribution[row, node].tolist(), abs=top / 30000
    )


def test_it_opens_on_the_peak_of_the_last_layer(visit, exp, page_file):
    page = visit(page_file)
    assert_draws(page, exp, -1, int(exp.layer(-1).peak[0]))
    assert page.locator(".vge-chip[aria-checked=true]").inner_text().startswith("astronaut")
    assert page.locator(".vge-mini").count() == 12
    assert "18 of 18 neighbors drawn, 100\u00a0% of the channels" in page.locator(".vge-caption").first.inner_text()


def test_hovering_a_patch_draws_its_edges_at_every_node_and_layer(visit, exp, page_file):
    page = visit(page_file)
    for index in (0, 5, 11):
        page.evaluate(f"{EXPLORER}.update({{layer: {index + 1}}})")
        for node in (0, 13, 97, 182, 195):
            page.mouse.move(*patch(page, node))
            settle(page)
            assert_draws(page, exp, index, node)
    page.mouse.move(2, 2)
    settle(page)
    assert_draws(page, exp, -1, int(exp.layer(-1).peak[0]))


def test_every_edge_of_every_layer_equals_the_explanation(visit, exp, page_file):
    page = visit(page_file)
    for index in range(12):
        drawn = page.evaluate(
            f"""() => {{
              const e = {EXPLORER};
              e.update({{layer: {index + 1}, pins: []}});
              return Array.from({{length: 196}}, (_, i) => {{
                e.hover((i % 14 + 0.5) / 14, (Math.floor(i / 14) + 0.5) / 14);
                return e.edges().map((x) => x.from);
              }});
            }}"""
        )
        assert np.array_equal(np.array(drawn), exp.layer(index).neighbors[0].numpy())


def test_click_pins_shift_click_adds_and_click_again_lets_go(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 30))
    page.mouse.move(*patch(page, 170))
    settle(page)
    assert_draws(page, exp, -1, 30)
    page.keyboard.down("Shift")
    page.mouse.click(*patch(page, 100))
    page.keyboard.up("Shift")
    settle(page)
    drawn = edges(page)
    assert [e["from"] for e in drawn if e["center"] == 0] == exp.layer(-1).neighbors[0, 30].tolist()
    assert [e["from"] for e in drawn if e["center"] == 1] == exp.layer(-1).neighbors[0, 100].tolist()
    assert page.locator(".vge-section:visible").count() == 2
    page.keyboard.press("Escape")
    page.mouse.click(*patch(page, 30))
    page.mouse.click(*patch(page, 30))
    assert state(page)["pins"] == []


def test_who_aggregates_from_it_draws_every_center_that_chose_the_patch(visit, exp, page_file):
    page = visit(page_file)
    page.get_by_role("radio", name="who aggregates from it").click()
    page.mouse.click(*patch(page, 75))
    settle(page)
    neighbors = exp.layer(-1).neighbors[0].numpy()
    wanted = {(int(center), int(rank)) for center, rank in np.argwhere(neighbors == 75)}
    assert {(edge["to"], edge["rank"]) for edge in edges(page)} == wanted
    assert {edge["from"] for edge in edges(page)} == {75}


def test_hops_go_back_a_layer_each_with_that_layer_s_own_edges(visit, exp, page_file):
    page = visit(page_file, "#far=0")
    page.mouse.click(*patch(page, 60))
    for hops in (2, 3):
        page.get_by_role("radiogroup", name="Hops").get_by_role("radio", name=str(hops)).click()
        wanted, weight = set(), {60: 1.0}
        for back in range(hops):
            layer, reached = exp.layer(11 - back), {}
            for center, carried in weight.items():
                for neighbor, share in zip(
                    layer.neighbors[0, center].tolist(), layer.share[0, center].tolist(), strict=True
                ):
                    wanted.add((back + 1, center, neighbor))
                    reached[neighbor] = reached.get(neighbor, 0.0) + carried * share
            weight = reached
        drawn = edges(page)
        assert {(e["hop"], e["to"], e["from"]) for e in drawn} == wanted
        assert sum(e["weight"] for e in drawn if e["hop"] == hops) == pytest.approx(1, abs=2e-3)


def test_k_and_share_hide_edges_and_the_caption_says_how_many(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 60))
    page.get_by_role("slider", name="Neighbors").fill("5")
    largest = np.argsort(-np.abs(exp.layer(-1).contribution[0, 60].numpy()), kind="stable")[:5]
    assert [e["rank"] for e in edges(page)] == sorted(largest.tolist())
    won = float(exp.layer(-1).share[0, 60, largest].sum())
    settle(page)
    assert (
        f"5 of 18 neighbors drawn, the largest by contribution, {round(100 * won)}\u00a0% of the channels"
        in page.locator(".vge-caption").first.inner_text()
    )
    page.get_by_role("slider", name="Neighbors").fill("18")
    page.get_by_role("slider", name="Share at least").fill("10")
    share = exp.layer(-1).share[0, 60].numpy()
    assert {e["rank"] for e in edges(page)} == set(np.flatnonzero(share >= 0.1).tolist())


def test_changing_the_class_keeps_the_graph_and_changes_map_and_contributions(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 60))
    before = page.evaluate("document.querySelector('.vge-base').toDataURL()")
    page.get_by_role("radio", name="rocket").click()
    settle(page)
    assert_draws(page, exp, -1, 60, row=1)
    assert page.evaluate("document.querySelector('.vge-base').toDataURL()") != before
    assert page.get_by_role("radio", name="coin").is_disabled()


def test_layers_change_by_slider_strip_keys_and_play(visit, page_file):
    page = visit(page_file)
    page.get_by_label("Layer", exact=True).fill("3")
    assert state(page)["layer"] == 4
    page.locator(".vge-mini").nth(6).click()
    assert state(page)["layer"] == 7
    page.locator(".vge-grid").first.focus()
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert state(page)["layer"] == 5
    page.get_by_role("button", name="Play through the layers").click()
    wait_until(page, "document.querySelector('.vge').dataset.layer === '7'")
    page.get_by_role("button", name="Stop").click()
    stopped = state(page)["layer"]
    page.wait_for_timeout(1300)
    assert state(page)["layer"] == stopped


def test_arrow_keys_step_through_layers_and_classes_one_at_a_time(visit, make, make_pyramid, photograph, tmp_path):
    page = visit(write_page([make(), make_pyramid()], photograph, tmp_path / "two.html"), "#layer=4")
    for subject in ("1", "0"):
        page.get_by_label("Image and network").select_option(subject)
    page.locator(".vge-mini").nth(3).focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["layer"] == 5
    page.locator(".vge-chip[aria-checked=true]").focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["target"] == 3
    page.keyboard.press("ArrowLeft")
    assert state(page)["target"] == 2


def test_pointing_at_a_kept_patch_s_neighbor_marks_its_edge_and_its_line(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 60))
    neighbor = exp.layer(-1).neighbors[0, 60].tolist()[7]
    page.mouse.move(*patch(page, neighbor))
    settle(page)
    line = page.locator("tr.vge-lit")
    assert line.count() == 1
    assert line.locator(".vge-rank").inner_text() == "7"


def test_the_keyboard_alone_reaches_every_patch_and_says_where_it_is(visit, exp, page_file):
    page = visit(page_file)
    grid = page.locator(".vge-grid").first
    grid.focus()
    page.keyboard.press("Home")
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    settle(page)
    assert_draws(page, exp, -1, 15)
    cell = page.locator("#" + grid.get_attribute("aria-activedescendant"))
    assert cell.get_attribute("aria-label").startswith("Row 2, column 2. Aggregates from 18 neighbors; most: row ")
    assert (grid.get_attribute("aria-rowcount"), cell.get_attribute("aria-colindex")) == ("14", "2")
    page.keyboard.press("Enter")
    settle(page)
    assert cell.get_attribute("aria-selected") == "true"
    wait_until(page, f"({STATUS}).includes('Row 2, column 2')")
    assert len(state(page)["pins"]) == 1


def test_the_link_reopens_the_same_view(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 30))
    change = {"layer": 4, "hops": 2, "k": 7, "share": 0.02, "target": 5, "palette": "viridis", "opacity": 0.4}
    beside = {"subject": 0, "target": 3, "method": "gradcam"}
    page.evaluate(f"(change) => {EXPLORER}.update(change)", {**change, "smooth": False, "with": beside})
    wait_until(page, "location.hash.includes('hops=2')")
    kept, hash_ = state(page), page.evaluate("location.hash")
    again = visit(page_file, hash_)
    assert state(again) == kept
    assert edges(again) == edges(page)
    again.evaluate("location.hash = '#layer=2&pins=0.5,0.5'")
    wait_until(again, "document.querySelector('.vge').dataset.layer === '2'")
    assert state(again)["hops"] == 1


def test_a_hash_that_means_nothing_is_harmless(visit, page_file):
    page = visit(
        page_file, "#layer=99&pins=2,x~7&k=-4&palette=__proto__&subject=9&with=3.a.b&hops=NaN&constructor=1&share=1e999"
    )
    assert state(page)["layer"] == 12
    assert state(page)["pins"] == []
    assert state(page)["palette"] == "inferno"
    assert len(edges(page)) == 18


def test_split_view_shows_two_classes_in_step(visit, exp, page_file):
    page = visit(page_file)
    page.get_by_label("Compare with").select_option(label="rocket (20\u00a0%)")
    page.mouse.click(*patch(page, 60, pane=1))
    settle(page)
    for pane, row in ((0, 0), (1, 1)):
        drawn = edges(page, pane)
        assert [e["from"] for e in drawn] == exp.layer(-1).neighbors[row, 60].tolist()
        top = float(exp.layer(-1).contribution[row].abs().max())
        assert [e["contribution"] for e in drawn] == pytest.approx(
            exp.layer(-1).contribution[row, 60].tolist(), abs=top / 30000
        )
    assert "18 of 18 edges in both" in page.locator(".vge-key").inner_text()


def test_two_models_of_other_depths_and_grids_walk_together(visit, make, make_pyramid, photograph, tmp_path):
    page = visit(write_page([make(), make_pyramid()], photograph, tmp_path / "two.html"), "#with=2.2.gradcam&layer=12")
    assert "layer 9 of 9" in page.evaluate(f"{EXPLORER}.text(1)")
    page.evaluate(f"{EXPLORER}.update({{layer: 1}})")
    assert "layer 1 of 9" in page.evaluate(f"{EXPLORER}.text(1)")


def test_pyramids_draw_key_nodes_at_their_true_size_and_every_edge(visit, make_pyramid, photograph, tmp_path):
    exp = make_pyramid()
    page = visit(write_page(exp, photograph, tmp_path / "pyramid.html"), "#layer=1")
    for node in (0, 1000, 3135):
        page.mouse.move(*patch(page, node, (56, 56)))
        settle(page)
        assert_draws(page, exp, 0, node)
    page.mouse.click(*patch(page, 1000, (56, 56)))
    page.evaluate(f"{EXPLORER}.update({{grid: false, opacity: 0}})")
    boxes = [
        e for e in ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)")).iter(f"{SVG}rect") if e.get("stroke")
    ]
    assert {round(float(box.get("width")), 1) for box in boxes} == {round(640 / 14, 1), round(640 / 56, 1)}


def test_second_hops_of_a_pyramid_ask_for_all_the_nodes_a_key_node_covers(visit, make_pyramid, photograph, tmp_path):
    exp = make_pyramid()
    page = visit(write_page(exp, photograph, tmp_path / "pyramid.html"), "#layer=2&hops=2&far=0")
    page.mouse.click(*patch(page, 1000, (56, 56)))
    key = exp.layer(1).neighbors[0, 1000].tolist()[3]
    rows, cols = [4 * (key // 14) + i for i in range(4)], [4 * (key % 14) + i for i in range(4)]
    covered = [r * 56 + c for r in rows for c in cols]
    share = {}
    for node in covered:
        for neighbor, part in zip(
            exp.layer(0).neighbors[0, node].tolist(), exp.layer(0).share[0, node].tolist(), strict=True
        ):
            share[neighbor] = share.get(neighbor, 0) + part / 16
    middle = ((key % 14 + 0.5) / 14, (key // 14 + 0.5) / 14)
    drawn = {
        e["from"]: e["share"] for e in edges(page) if e["hop"] == 2 and (e["x1"], e["y1"]) == pytest.approx(middle)
    }
    assert drawn == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("grids", ["stages", "odd"])
def test_hops_weigh_nodes_as_the_toolkit_does(visit, make, photograph, tmp_path, grids):
    plan = {
        "stages": [((28, 28), (14, 14), 6), ((14, 14), (14, 14), 5), ((7, 7), (7, 7), 4)],
        "odd": [((10, 15), (5, 5), 6), ((7, 9), (7, 9), 5), ((4, 5), (4, 5), 4)],
    }[grids]
    exp = make(grids=plan)
    page = visit(write_page(exp, photograph, tmp_path / "hops.html"), "#layer=3&hops=3&far=0")
    node = 9
    page.mouse.click(*patch(page, node, exp.layer(2).grid))
    found = [np.zeros(rows * cols) for _, (rows, cols), _ in reversed(plan)]
    for edge in edges(page):
        found[edge["hop"] - 1][edge["from"]] += edge["weight"]
    for mine, theirs in zip(found, hop_weights(exp, 2, node, hops=3), strict=True):
        assert mine == pytest.approx(theirs, abs=2e-4)


def test_ragged_graphs_draw_no_edge_where_there_is_none(visit, make, with_layer, no_edge, photograph, tmp_path):
    exp = make(layers=2)
    neighbors, share = exp.layers[1].neighbors.clone(), exp.layers[1].share.clone()
    neighbors[:, 60, 2:] = no_edge
    share[:, 60, 2:] = 0
    page = visit(write_page(with_layer(exp, 1, neighbors=neighbors, share=share), photograph, tmp_path / "ragged.html"))
    page.mouse.click(*patch(page, 60))
    settle(page)
    assert [e["rank"] for e in edges(page)] == [0, 1]
    assert "2 of 2 neighbors drawn" in page.locator(".vge-caption").first.inner_text()


def test_a_blank_map_has_no_peak_and_says_so(visit, make, with_layer, photograph, tmp_path):
    exp = make(layers=2, targets=(2,))
    last = exp.layers[1]
    page = visit(
        write_page(with_layer(exp, 1, cam=last.cam * 0, peak=last.peak * 0 - 1), photograph, tmp_path / "blank.html")
    )
    assert edges(page) == []
    assert "blank map: no peak" in page.locator(".vge-caption").first.inner_text()
    assert "NaN" not in page.locator("body").inner_text()
    page.mouse.move(*patch(page, 5))
    settle(page)
    assert len(edges(page)) == 18


def test_unknown_values_are_called_unknown(visit, make, with_layer, photograph, tmp_path):
    exp = make(layers=2, targets=(2,))
    cam, contribution = exp.layers[1].cam.clone(), exp.layers[1].contribution.clone()
    cam[0, 0, 3], contribution[0, 3] = float("nan"), float("nan")
    exp = with_layer(exp, 1, cam=cam, peak=exp.layers[1].peak.new_full((len(exp),), -1), contribution=contribution)
    page = visit(write_page(exp, photograph, tmp_path / "nan.html"))
    page.mouse.click(*patch(page, 3))
    settle(page)
    words = page.locator(".vge").inner_text()
    assert "map ?" in words
    assert "NaN" not in words
    assert "NaN" not in page.evaluate(f"{EXPLORER}.svg(1)")


def test_an_exported_svg_holds_exactly_the_drawn_edges_as_vectors(visit, exp, page_file):
    page = visit(page_file)
    page.mouse.click(*patch(page, 60))
    with page.expect_download() as download:
        open_tab(page, "Save")
        page.get_by_role("button", name="Save SVG").click()
    text = Path(download.value.path()).read_text("utf-8")
    tree = ElementTree.fromstring(text)
    drawn = {int(e.get("data-from")) for e in tree.iter(f"{SVG}path") if e.get("data-hop")}
    assert drawn | {60} == set(exp.layer(-1).neighbors[0, 60].tolist())
    assert {e.get("data-to") for e in tree.iter(f"{SVG}path") if e.get("data-hop")} == {"60"}
    assert (tree.get("width"), tree.get("viewBox")) == ("1280", "0 0 640 730")
    assert "layer 12 of 12" in "".join(e.text or "" for e in tree.iter(f"{SVG}text"))
    assert re.fullmatch(r"image_layer_12\.svg", download.value.suggested_filename)


def test_an_exported_png_has_the_size_asked_for_and_shows_the_edges(visit, page_file):
    page = visit(page_file)
    pictures = []
    open_tab(page, "Save")
    for query in ("{pins: [[0.3, 0.6]]}", "{pins: [[0.3, 0.6]], share: 1}"):
        page.evaluate(f"{EXPLORER}.update({query})")
        page.get_by_role("spinbutton", name="scale").fill("1.5")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save PNG").click()
        pictures.append(np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int))
    assert pictures[0].shape == (1095, 960, 3)
    differs = np.abs(pictures[0] - pictures[1]).max(-1) > 40
    assert 0.002 < differs.mean() < 0.4


def test_the_command_line_is_quoted_for_a_shell(visit, make, photograph, tmp_path):
    import shlex

    words = ["vizgraph", "render", "--arch", "gcn_ti", "--img", 'it\'s a $(rm) `x` "y".jpg']
    page = visit(write_page(make(layers=4), photograph, tmp_path / "c.html", commands=[words]), "#layer=3&k=9&class=1")
    command = page.get_by_label("Command line that renders this view").input_value()
    shown = "--layers 3 --k 9 --target 2 --method gradcam --canvas original"
    assert shlex.split(command) == [*words, *shown.split()]
    page.evaluate(f"{EXPLORER}.update({{pins: [[0.25, 0.4], [1, 0]], k: 0, palette: 'jet'}})")
    settle(page)
    shown = "--k all --target 2 --method gradcam --center 0.25,0.4 --center 1,0 --canvas original --palette jet"
    assert page.get_by_label("Command line that renders this view").input_value().endswith(shown)


def test_markup_in_names_and_labels_is_shown_and_runs_nothing(visit, make, photograph, tmp_path):
    name = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">.png"
    exp = make(labels=(name,) * 6, model=name, layers=2, method=name)

    class Sample:
        image, path = photograph, name

    page = visit(write_page([exp, make(seed=1)], Sample(), tmp_path / "x.html"), "#with=2.2.gradcam")
    page.mouse.click(*patch(page, 60))
    settle(page)
    assert page.locator(".vge-title").inner_text() == name.split("/")[-1]
    assert page.locator(".vge-chip-label").first.inner_text() == name
    assert page.title() != "owned"
    assert page.locator(".vge script, .vge img").count() == 0
    assert page.evaluate("document.images.length") == 0
    page.evaluate(f"{EXPLORER}.update({{smooth: false}})")
    ElementTree.fromstring(page.evaluate(f"{EXPLORER}.svg(1)"))
    late = "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)"
    page.evaluate(late)
    assert page.title() not in ("owned", "1")
    assert any("Content Security Policy" in trouble for trouble in page.troubles)
    page.troubles.clear()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844), (320, 568)])
def test_nothing_runs_out_of_the_window_and_nothing_moves_under_the_pointer(visit, page_file, width, height):
    page = visit(page_file, "#layer=6", width=width, height=height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    before = page.locator(".vge-stage").first.bounding_box()
    for node in (0, 60, 120, 195):
        page.mouse.move(*patch(page, node))
        settle(page)
        assert page.locator(".vge-stage").first.bounding_box() == before
        assert page.locator(".vge-strip").bounding_box()["y"] == page.locator(".vge-strip").bounding_box()["y"]
    assert page.locator(".vge-strip").bounding_box()["y"] < height + 400


def test_text_keeps_its_contrast_in_light_and_dark(visit, page_file):
    for scheme in ("light", "dark"):
        page = visit(page_file)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        settle(page)
        page.evaluate(PAINTED)  # until then Chromium has new backgrounds under old text
        ratios = page.evaluate(CONTRASTS)
        assert len(ratios) > 60
        assert min(ratios)[0] >= 4.5, min(ratios)


def test_every_control_has_a_name(visit, page_file):
    page = visit(page_file)
    nameless = page.evaluate(NAMELESS)
    assert nameless == []


def test_print_shows_the_picture_without_the_controls(visit, page_file):
    page = visit(page_file)
    page.emulate_media(media="print")
    assert page.locator(".vge-stage").first.is_visible()
    assert not page.locator(".vge-tools").is_visible()


def test_a_newcomer_is_told_what_to_do_and_a_hand_without_keys_can_keep_several_and_let_go(visit, page_file):
    page = visit(page_file)
    hint, add = page.locator(".vge-hint"), page.get_by_role("button", name="Add another")
    assert hint.inner_text().strip() == "Point at a patch to see its neighbors. Click to keep it."
    before = page.locator(".vge-stage").first.bounding_box()
    page.mouse.click(*patch(page, 30))
    settle(page)
    assert hint.inner_text().startswith("1 patch kept.")
    assert page.locator(".vge-stage").first.bounding_box() == before
    add.click()
    page.mouse.click(*patch(page, 100))
    page.mouse.click(*patch(page, 75))
    settle(page)
    assert (add.get_attribute("aria-pressed"), len(state(page)["pins"])) == ("true", 3)
    page.get_by_role("button", name="Let go").click()
    settle(page)
    assert state(page)["pins"] == []
    page.mouse.click(*patch(page, 30))
    page.mouse.click(*patch(page, 100))
    settle(page)
    assert (add.get_attribute("aria-pressed"), len(state(page)["pins"])) == ("false", 1)


def test_a_patch_just_kept_does_not_dim_its_own_edges(visit, make, with_layer, photograph, tmp_path):
    exp = make(layers=2)
    neighbors = exp.layers[1].neighbors.clone()
    neighbors[:, 60, 0] = 60
    page = visit(write_page(with_layer(exp, 1, neighbors=neighbors), photograph, tmp_path / "itself.html"))
    page.mouse.click(*patch(page, 60))
    settle(page)
    assert page.locator("tr.vge-lit").count() == 0


def test_who_aggregates_from_it_sorts_by_contribution_until_another_heading_is_chosen(visit, exp, page_file):
    page = visit(page_file, "#out=1&pins=0.5,0.5")
    sorted_by = "th[aria-sort=descending], th[aria-sort=ascending]"
    assert page.locator(sorted_by).inner_text().startswith("contribution")
    page.get_by_role("button", name="rank").click()
    settle(page)
    assert page.locator(sorted_by).inner_text().startswith("rank")
    ranks = [int(text) for text in page.locator(".vge-rank:visible").all_inner_texts() if text != "itself"]
    assert ranks == sorted(ranks)


def test_settings_that_hide_every_edge_say_so_and_name_the_cure(visit, exp, page_file):
    page = visit(page_file, "#layer=1&pins=0.5,0.5")
    page.get_by_role("slider", name="Share at least").fill("50")
    share = float(exp.layer(0).share[0, 7 * 14 + 7].max())
    page.evaluate(f"{EXPLORER}.update({{share: {min(1.0, share + 0.01)}}})")
    settle(page)
    panel = page.locator(".vge-panel").inner_text()
    assert "aggregates from 9 neighbors, 0 shown" in panel
    assert 'Lower "Share at least"' in panel
    assert re.search("\N{MINUS SIGN}\\s+\\+", page.locator("div.vge-legend").first.inner_text())


def test_each_picture_has_the_scales_of_its_own(visit, make, photograph, tmp_path):
    pages = write_page([make(), make(seed=1)], photograph, tmp_path / "two.html")
    page = visit(pages, "#with=2.3.gradcam&pins=0.3,0.3&layer=6")
    scales = page.locator("div.vge-legend").all_inner_texts()
    tops = page.evaluate(
        f"[0, 1].map((pane) => Math.max(...{EXPLORER}.edges(pane).map((edge) => Math.abs(edge.contribution))))"
    )
    assert tops[0] != pytest.approx(tops[1], rel=0.02)
    for text, top in zip(scales, tops, strict=True):
        shown = float(re.search(r"\+([\d.]+)\s*$", text)[1])
        assert shown == pytest.approx(top, rel=0.01)


def test_who_aggregates_from_a_key_node_is_asked_of_the_key_node(visit, make_pyramid, photograph, tmp_path):
    page = visit(write_page(make_pyramid(), photograph, tmp_path / "p.html"), "#layer=1&out=1&pins=0.51,0.51")
    panel = page.locator(".vge-panel").inner_text()
    assert "Row 8, column 8 of 14 × 14 key nodes" in panel
    assert "key node 105, which covers node 1596" in panel
    page.evaluate(f"{EXPLORER}.update({{out: false, k: 4}})")
    settle(page)
    assert "aggregates from 9 of 14 × 14 key nodes, 4 shown" in page.locator(".vge-panel").inner_text()


def test_the_size_of_a_saved_picture_is_said_before_it_is_saved(visit, page_file):
    page = visit(page_file)
    open_tab(page, "Save")
    page.get_by_role("spinbutton", name="scale").fill("3")
    settle(page)
    assert page.locator(".vge-row").first.inner_text().endswith("1920 × 2190 pixels")


def test_a_printed_page_begins_with_the_picture(visit, page_file, tmp_path):
    import shutil
    import subprocess

    if shutil.which("pdftoppm") is None:
        pytest.skip("no pdftoppm on this machine (Debian: apt-get install poppler-utils)")
    page = visit(page_file, "#pins=0.5,0.5")
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    subprocess.run(["pdftoppm", "-r", "30", "-png", tmp_path / "page.pdf", tmp_path / "sheet"], check=True)
    sheet = np.asarray(Image.open(sorted(tmp_path.glob("sheet*.png"))[0]).convert("L"))
    assert (sheet[: len(sheet) // 2] < 128).mean() > 0.2, "the photograph is dark and on the first sheet"
    assert np.median(sheet[:, -3:]) > 250, "no ink on an empty margin"
