"""The module under the hosts it is written for: two at once, state both ways, and nothing left behind."""

from __future__ import annotations

import json
import re

import pytest

from viz_nodes.explorer import build_document
from viz_nodes.explorer.page import json_block, static

anywidget = pytest.importorskip("anywidget")


def test_the_widget_holds_the_document_and_the_state(make, photograph):
    from viz_nodes import explore

    widget = explore(make(layers=3), photograph, state={"layer": 2})
    assert widget.document["subjects"][0]["depth"] == 3
    assert widget.state == {"layer": 2}
    json.dumps(widget.document, allow_nan=False)
    widget.show(make(layers=4), photograph)
    assert widget.document["subjects"][0]["depth"] == 4
    assert widget.state == {}
    widget.close()


def test_a_widget_shows_several_explanations(make, photograph):
    from viz_nodes import explore

    widget = explore([make(layers=2), make(layers=2, seed=1)], photograph, names=["before", "after"])
    assert [subject["name"] for subject in widget.document["subjects"]] == ["before", "after"]
    widget.close()


HARNESS = """
// As anywidget does: the module from an address of its own.
const source = JSON.parse(document.getElementById("source").textContent);
const { render } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const shown = JSON.parse(document.getElementById("shown").textContent);
const counts = { added: 0, removed: 0 };
function makeModel(values) {
  const listeners = new Map();
  return {
    values, listeners, saves: 0,
    get: (key) => values[key],
    set: (key, value) => { values[key] = value; },
    on: (event, f) => listeners.set(event, [...(listeners.get(event) ?? []), f]),
    off: (event, f) => listeners.set(event, (listeners.get(event) ?? []).filter((g) => g !== f)),
    save_changes() { this.saves += 1; },
    send(key, value) { values[key] = value; for (const f of listeners.get("change:" + key) ?? []) f(); },
  };
}
window.harness = { models: [], undo: [], shown, makeModel, render };
for (const id of ["one", "two"]) {
  const model = makeModel({ document: shown, state: {} });
  window.harness.models.push(model);
  window.harness.undo.push(render({ model, el: document.getElementById(id) }));
}
"""


@pytest.fixture
def host(make, photograph, browser, tmp_path):
    document = build_document(make(layers=4), photograph)
    path = tmp_path / "host.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><style>{static('explorer.css')}</style><div id=one></div>"
        "<div id=two></div>"
        f'<script type="application/json" id="shown">{json_block(document)}</script>'
        f'<script type="application/json" id="source">{json_block(static("explorer.js"))}</script>'
        f'<script type="module">{HARNESS}</script>',
        "utf-8",
    )
    page = browser.new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.vge[data-ready=\"1\"]').length === 2")
    yield page
    assert page.troubles == []
    page.close()


@pytest.mark.browser
def test_two_widgets_do_not_disturb_one_another(host):
    host.locator("#one .vge-mini").nth(1).click()
    host.locator("#one .vge-grid").first.click(position={"x": 40, "y": 40})
    one, two = (host.evaluate(f"document.querySelector('#{name} .vge').explorer.state") for name in ("one", "two"))
    assert (one["layer"], len(one["pins"])) == (2, 1)
    assert (two["layer"], two["pins"]) == (4, [])
    ids = host.evaluate("[...document.querySelectorAll('[id]')].map((n) => n.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.browser
def test_state_goes_to_the_kernel_and_comes_from_it(host):
    host.locator("#one .vge-mini").nth(0).click()
    host.wait_for_function("harness.models[0].saves === 1")
    assert host.evaluate("harness.models[0].values.state.layer") == 1
    host.evaluate("harness.models[0].send('state', {layer: 3, hops: 2})")
    assert host.evaluate("document.querySelector('#one .vge').explorer.state.layer") == 3
    host.wait_for_timeout(300)
    assert host.evaluate("harness.models[0].saves") == 1, "what came from the kernel must not be sent back"
    assert host.evaluate("document.querySelector('#two .vge').explorer.state.layer") == 4


@pytest.mark.browser
def test_another_document_replaces_the_first(host):
    host.evaluate(
        """() => {
          const subjects = harness.shown.subjects.map((subject) => ({ ...subject, name: "renamed" }));
          harness.models[1].send("document", { ...harness.shown, title: "another", subjects });
        }"""
    )
    host.wait_for_function("document.querySelector('#two .vge-facts').textContent.startsWith('renamed')")
    assert host.locator("#two .vge").count() == 1
    host.evaluate("() => { try { harness.models[1].send('document', {format: 7}); } catch {} }")
    assert "format 1 (got 7)" in host.locator("#two").inner_text()
    host.troubles.clear()


@pytest.mark.browser
def test_thirty_runs_leave_no_element_listener_timer_frame_or_observer(host):
    left = host.evaluate(
        """async () => {
          const left = { intervals: 0, observers: 0, listeners: 0, frames: 0, children: 0, model: 0 };
          const timed = [window.setInterval, window.clearInterval, window.requestAnimationFrame];
          window.setInterval = (...rest) => { left.intervals += 1; return timed[0].apply(window, rest); };
          window.clearInterval = (id) => { if (id) left.intervals -= 1; return timed[1].call(window, id); };
          for (const kind of ["ResizeObserver", "MutationObserver"]) {
            window[kind] = class extends window[kind] {
              constructor(f) { super(f); left.observers += 1; }
              disconnect() { super.disconnect(); left.observers -= 1; }
            };
          }
          for (const target of [window, document, document.body, document.documentElement, MediaQueryList.prototype]) {
            const real = target.addEventListener;
            target.addEventListener = function (type, f, options) {
              left.listeners += 1;
              options?.signal?.addEventListener("abort", () => { left.listeners -= 1; });
              return real.call(this, type, f, options);
            };
          }
          const el = document.createElement("div");
          document.body.append(el);
          const model = harness.makeModel({ document: harness.shown, state: { layer: 1 } });
          for (let run = 0; run < 30; run++) {
            const undo = harness.render({ model, el });
            const { explorer } = el.querySelector(".vge");
            await explorer.ready;
            if (!left.observers || !left.listeners) throw new Error("nothing was counted");
            explorer.hover(0.3, 0.3);
            el.querySelector(".vge-play").click();
            undo();
            undo();
          }
          await new Promise((done) => setTimeout(done, 300));
          window.requestAnimationFrame = (f) => { left.frames += 1; return timed[2].call(window, f); };
          await new Promise((done) => setTimeout(done, 1200));
          window.requestAnimationFrame = timed[2];
          left.children = el.childElementCount;
          left.model = [...model.listeners.values()].flat().length;
          return left;
        }"""
    )
    assert left == {"intervals": 0, "observers": 0, "listeners": 0, "frames": 0, "children": 0, "model": 0}


class Shell:
    """What a notebook's kernel says of the cell that runs."""

    def __init__(self):
        self.request = {}

    def get_parent(self):
        return self.request

    def run(self, cell: str, run: str):
        self.request = {"header": {"msg_id": run}, "metadata": {"cellId": cell}}


@pytest.fixture
def shell(monkeypatch):
    import IPython

    from viz_nodes.explorer import runs

    made = Shell()
    monkeypatch.setattr(IPython, "get_ipython", lambda: made)
    monkeypatch.setattr(runs, "_shown", {})
    return made


def test_thirty_runs_of_a_cell_keep_one_widget_open(make, photograph, shell):
    from ipywidgets.widgets.widget import _instances

    from viz_nodes import explore

    exp, before, kept = make(layers=2), len(_instances), []
    for run in range(30):
        shell.run("a", f"a{run}")
        kept.append(explore(exp, photograph))
        kept[-1]._repr_mimebundle_()
    assert len(_instances) - before == 2, "the explorer and its layout"
    assert [each.comm is not None for each in kept] == [False] * 29 + [True]
    shell.run("b", "b0")
    data, _ = kept[3]._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == kept[3].model_id
    assert kept[3].comm is not None, "what is shown again is opened again"
    kept[3].close()
    kept[-1].close()
    assert len(_instances) == before


def test_one_run_may_show_several_and_a_widget_shown_in_two_cells_stays(make, photograph, shell):
    from viz_nodes import explore

    exp = make(layers=2)
    shell.run("a", "a0")
    one, two = explore(exp, photograph), explore(exp, photograph)
    one._repr_mimebundle_()
    two._repr_mimebundle_()
    shell.run("b", "b0")
    one._repr_mimebundle_()
    shell.run("a", "a1")
    three = explore(exp, photograph)
    three._repr_mimebundle_()
    assert [each.comm is not None for each in (one, two, three)] == [True, False, True]
    one.close()
    three.close()


def test_nothing_of_a_widget_travels_as_a_binary_buffer(make, photograph):
    """Hosts hand buffers over as ArrayBuffer, DataView or Uint8Array; text is the same everywhere."""
    from ipywidgets.widgets.widget import _remove_buffers

    from viz_nodes import explore

    widget = explore(make(layers=3), photograph)
    _, _, buffers = _remove_buffers(widget.get_state())
    assert buffers == []
    widget.close()


THEME = """async ([marks, background, shadow]) => {
  const { body, documentElement } = document;
  for (const [key, value] of Object.entries(marks)) (key === "theme" ? documentElement : body).setAttribute(key, value);
  body.style.background = background;
  const host = document.createElement("div");
  body.append(host);
  const inner = document.createElement("div");
  (shadow ? host.attachShadow({ mode: "open" }) : host).append(inner);
  const undo = harness.render({ model: harness.makeModel({ document: harness.shown, state: {} }), el: inner });
  const root = inner.querySelector(".vge");
  await root.explorer.ready;
  const seen = [getComputedStyle(root).colorScheme];
  body.style.background = background === "rgb(20, 20, 20)" ? "white" : "rgb(20, 20, 20)";
  for (const [key, value] of Object.entries(marks)) {
    const flipped = { "true": "false", "false": "true", light: "dark", dark: "light", "vscode-dark": "vscode-light",
      "vscode-light": "vscode-dark", "vscode-high-contrast": "vscode-high-contrast-light" }[value];
    (key === "theme" ? documentElement : body).setAttribute(key, flipped);
  }
  await new Promise((done) => setTimeout(done, 50));
  seen.push(getComputedStyle(root).colorScheme);
  undo();
  host.remove();
  for (const key of Object.keys(marks)) (key === "theme" ? documentElement : body).removeAttribute(key);
  return seen;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_widget_takes_its_host_s_theme_and_not_the_system_s(host, system):
    host.emulate_media(color_scheme=system)
    cases = [
        ({}, "white", "light"),
        ({}, "rgb(20, 20, 20)", "dark"),
        ({"data-jp-theme-light": "true"}, "transparent", "light"),
        ({"data-jp-theme-light": "false"}, "transparent", "dark"),
        ({"data-vscode-theme-kind": "vscode-light"}, "transparent", "light"),
        ({"data-vscode-theme-kind": "vscode-high-contrast"}, "transparent", "dark"),
        ({"theme": "dark"}, "transparent", "dark"),
    ]
    for shadow in (False, True):
        for marks, background, theme in cases:
            other = "light" if theme == "dark" else "dark"
            assert host.evaluate(THEME, [marks, background, shadow]) == [theme, other], (marks, background, shadow)


@pytest.mark.browser
def test_a_notebook_offers_no_link_that_would_open_nothing(host):
    for name in ("one", "two"):
        host.locator(f"#{name}").get_by_role("tab", name="Save").click()
    assert host.get_by_role("button", name="Copy as command line").count() == 2
    assert host.get_by_role("button", name="Copy link").count() == 0


@pytest.mark.browser
def test_the_embedded_page_lives_in_a_frame_without_an_origin(make, photograph, browser, tmp_path):
    """What a saved or exported notebook holds: no cookies, no storage, no address; and all of it works."""
    from viz_nodes.explorer import embed

    path = tmp_path / "notebook.html"
    shown = embed(make(layers=3), photograph, commands=[["vizgraph"]])._repr_html_()
    path.write_text(
        "<!DOCTYPE html><meta charset=utf-8>" + shown,
        "utf-8",
    )
    page = browser.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(".vge[data-ready='1']").wait_for()
    frame.locator(".vge-grid").first.click(position={"x": 40, "y": 40})
    frame.locator(".vge-mini").nth(1).click()
    frame.locator(".vge[data-layer='2'][data-pins='1']").wait_for()
    assert frame.get_by_role("button", name="Copy link").count() == 0
    frame.get_by_role("tab", name="Save").click()
    with page.expect_download() as download:
        frame.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "image_layer_2.png"
    frame.get_by_role("button", name="Copy as command line").click()
    frame.get_by_text(re.compile("^Command line (copied|is selected)")).wait_for()
    assert troubles == []
    page.close()


HIDES = """async ([mine, other]) => {
  const area = document.createElement("div");
  area.className = "jp-OutputArea";
  const childOf = (node) => {
    const child = document.createElement("div");
    child.className = "jp-OutputArea-child";
    child.append(node);
    area.append(child);
    return child;
  };
  const pictures = [mine, other].map((data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    return childOf(image);
  });
  const el = document.createElement("div");
  const model = harness.makeModel({ document: harness.shown, state: {}, key: "0123456789abcdef" });
  const undo = harness.render({ model, el });  // a host draws a widget before it puts it into the page
  childOf(el);
  document.body.append(area);
  await new Promise((done) => setTimeout(done, 200));
  const seen = () => pictures.map((child) => child.style.display);
  const alive = seen();
  undo();
  const after = seen();
  area.remove();
  return [alive, after];
}"""


@pytest.mark.browser
def test_a_live_widget_hides_the_picture_that_stands_in_for_it_and_no_other(host):
    import base64
    import io

    from PIL import Image

    from viz_nodes.explorer.stills import marked

    stream = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(stream, "PNG")
    pictures = [marked(stream.getvalue(), key) for key in ("0123456789abcdef", "fedcba9876543210")]
    assert Image.open(io.BytesIO(pictures[0])).text == {"vizgraph-explorer": "0123456789abcdef"}
    data = [base64.b64encode(picture).decode("ascii") for picture in pictures]
    assert host.evaluate(HIDES, data) == [["none", ""], ["", ""]]


def test_a_saved_notebook_holds_the_view_as_a_picture_that_an_export_shows(make, photograph):
    nbformat = pytest.importorskip("nbformat")
    exporters = pytest.importorskip("nbconvert.exporters")
    from viz_nodes import explore

    widget = explore(make(layers=3, labels=("<b>cat",) * 6), photograph, state={"layer": 2, "pins": [[0.1, 0.2]]})
    data, metadata = widget._repr_mimebundle_()
    widget.close()
    assert data["text/plain"] == "Explorer: image · synthetic_ti · layer 2 of 3 · <b>cat · Grad-CAM"
    output = nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)
    cells = [nbformat.v4.new_code_cell("explore(exp, image)", outputs=[output], execution_count=1)]
    body, _ = exporters.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    assert f"data:image/png;base64,{data['image/png'][:200]}" in body.replace("\n", "")
