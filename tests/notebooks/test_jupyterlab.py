"""JupyterLab itself, in a real browser: the demo notebook opened and run, its widgets clicked, the figure seen."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from builders.chromium import ABSENT, CHROMIUM, FLAGS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason=ABSENT),
]
for module in ("jupyterlab", "anywidget", "ipywidgets"):
    pytest.importorskip(module, reason=f"{module} is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

EDGES = """(node) => {
  node.explorer.flush();
  return node.explorer.edges().filter((edge) => edge.hop === 1).map((edge) => edge.to);
}"""


STATE = "application/vnd.jupyter.widget-state+json"
PATIENCE = 120_000
"""Milliseconds that a page is given for one step."""
MENU = 10_000
"""Milliseconds after which its menu is opened again."""
METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """The folder that the server shows."""
    folder = tmp_path_factory.mktemp("lab") / "work"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def server(work):
    """A JupyterLab of its own on the loopback, with every folder it writes to in a temporary one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copy(ROOT / "notebooks" / "viz_demo.ipynb", work)
        overrides = home / "settings"
        overrides.mkdir()
        settings = {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
            # Cells out of sight are else not in the page, and nothing can be clicked in them.
            "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
        }
        (overrides / "overrides.json").write_text(json.dumps(settings))
        environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"} | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "user"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        }
        with open(home / "log", "w") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyterlab",
                    "--no-browser",
                    "--allow-root",
                    "--ip=127.0.0.1",
                    f"--port={port}",
                    "--IdentityProvider.token=",
                    "--ServerApp.password=",
                    f"--ServerApp.root_dir={work}",
                    f"--LabServerApp.app_settings_dir={overrides}",
                ],
                stdout=log,
                stderr=log,
                env=environment,
            )
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(lambda: urllib.request.urlopen(f"{address}/api", timeout=2).status == 200, 90)
                yield address
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


def wait_for(true, seconds: float | None = None) -> None:
    """Ask until it is true; without `seconds` as long as the test may take: how fast a machine is, is not tested."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except OSError:
            pass
        if end is not None and time.monotonic() > end:
            raise TimeoutError(f"not true within {seconds} s")
        time.sleep(0.3)


def seen(page, true):
    """A condition that lets the page go on meanwhile."""
    return lambda: page.wait_for_timeout(200) or true()


def opened(browser, address: str):
    """A page on a notebook whose kernel is there."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    return page


def run_all_cells(page) -> None:
    """Ask until cells run.

    JupyterLab may call a kernel idle before it is connected, and what is run then is lost, though its prompt says `*`;
    and a click on its menu bar closes a menu that is open still, or opens one before its items are known.
    """
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    idle.wait_for()
    prompts = page.locator(".jp-InputPrompt")
    started, done = (prompts.filter(has_text=re.compile(rf"\[{seen}\]")) for seen in (r"(\d+|\*)", r"\d+"))
    lost = True
    while lost:
        page.keyboard.press("Escape")
        page.get_by_role("menuitem", name="Run", exact=True).click(force=True)
        try:
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click(force=True, timeout=MENU)
        except sync_api.TimeoutError:
            continue
        for _ in range(60):
            page.wait_for_timeout(200)
            if started.count():
                break
        quiet = 0  # looks in a row at which the kernel has nothing to do, and no cell is done
        while quiet < 25 and not done.count():
            page.wait_for_timeout(200)
            quiet = quiet + 1 if idle.count() else 0
        lost = not done.count()


def run_cell(page, place: int) -> None:
    """Run a code cell and wait until it has: a key pressed before the editor has the focus is pressed again."""
    cell = page.locator(".jp-CodeCell").nth(place)
    prompt = cell.locator(".jp-InputPrompt").first
    before = prompt.inner_text()
    while prompt.inner_text() == before:
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        for _ in range(50):
            page.wait_for_timeout(100)
            if prompt.inner_text() != before:
                break
    wait_for(seen(page, lambda: re.search(r"\[\d+\]", prompt.inner_text())))


def test_the_demo_notebook_works_in_jupyterlab(server):
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1400, "height": 1100}
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            outside, errors = [], []
            page.on("request", lambda request: outside.append(request.url) if leaves(request.url, server) else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{server}/lab/tree/viz_demo.ipynb?reset")
            page.wait_for_selector(".jp-Notebook .jp-CodeCell")
            run_all_cells(page)

            explorers = page.locator(".vge[data-ready='1']")
            wait_for(seen(page, lambda: explorers.count() >= 3))
            figure = page.locator(".jp-OutputArea img.widget-image").first
            wait_for(seen(page, lambda: figure.evaluate("node => node.naturalWidth") > 400))
            first, second = explorers.nth(0), explorers.nth(1)
            wait_for(seen(page, lambda: first.get_attribute("data-layer") == "2"))
            stills = page.locator(".jp-OutputArea-output img:not(.widget-image)")
            wait_for(seen(page, lambda: stills.count() >= 5))  # pictures for places without widgets
            visible = page.locator(".jp-OutputArea-output img:not(.widget-image):visible")
            wait_for(seen(page, lambda: visible.count() == 1))
            assert second.get_attribute("data-panes") == "2", "two trained networks side by side"
            assert first.evaluate("(node) => node.getBoundingClientRect().height") < 800

            first.scroll_into_view_if_needed()
            first.locator(".vge-mini").nth(4).click()
            wait_for(seen(page, lambda: first.get_attribute("data-layer") == "5"))
            first.locator(".vge-grid").first.click(position={"x": 60, "y": 60})
            wait_for(seen(page, lambda: first.get_attribute("data-pins") == "1"))
            drawn = first.evaluate(EDGES)
            assert set(drawn) == {int(first.get_attribute("data-node"))}
            assert second.get_attribute("data-pins") == "0"

            cells = page.locator(".jp-Cell").count()
            for key in ("ArrowRight", "ArrowDown", "o", "o", "c", "Enter", "Escape"):
                page.keyboard.press(key)
            assert page.locator(".jp-Cell").count() == cells, "keys must not reach the notebook's own shortcuts"

            before = figure.get_attribute("src")
            page.locator("select").filter(has_text="layercam").first.select_option("layercam")
            page.get_by_role("button", name="Explain").click()
            wait_for(seen(page, lambda: figure.get_attribute("src") != before))
            wait_for(seen(page, lambda: "Layer-CAM" in explorers.nth(0).inner_text()))
            assert outside == []
            assert errors == []
        finally:
            browser.close()


SMALL = """
import viz_nodes, vizgraph
from vizgraph.data import bundled_images
model = vizgraph.load_model("gcn_demo")
sample = vizgraph.load_image(bundled_images()[0], model)
exp = viz_nodes.explain(model, sample.pixels)
"""
COUNT = "from ipywidgets.widgets.widget import _instances; print('OPEN', len(_instances))"


def test_a_cell_run_again_replaces_its_explorer_and_a_saved_one_lives_without_a_kernel(server, work):
    nbformat = pytest.importorskip("nbformat")
    cells = [nbformat.v4.new_code_cell(source) for source in (SMALL, "viz_nodes.explore(exp, sample)", COUNT)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), work / "small.ipynb")
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1400, "height": 1100}
        )
        try:
            page = opened(browser, f"{server}/lab/tree/small.ipynb?reset")
            page.get_by_role("menuitem", name="Settings", exact=True).click(force=True)
            page.get_by_role("menuitem", name="Save Widget State Automatically").click(force=True)
            run_all_cells(page)
            explorers = page.locator(".vge[data-ready='1']")
            wait_for(seen(page, lambda: "OPEN 2" in page.inner_text(".jp-Notebook")))
            for _ in range(4):
                run_cell(page, 1)
            run_cell(page, 2)
            count = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
            wait_for(seen(page, lambda: "OPEN" in "".join(count.all_inner_texts())))
            assert "OPEN 2" in "".join(count.all_inner_texts()), "the explorer and its layout"
            wait_for(seen(page, lambda: explorers.count() == 1))
            chip = explorers.locator(".vge-chip").first
            assert chip.evaluate("(node) => getComputedStyle(node).borderRadius") == "10px", "JupyterLab styles buttons"

            explorers.locator(".vge-mini").nth(1).click()
            wait_for(seen(page, lambda: explorers.get_attribute("data-layer") == "2"))
            explorers.locator(".vge-grid").first.click(position={"x": 60, "y": 60})
            wait_for(seen(page, lambda: explorers.get_attribute("data-pins") == "1"))
            saved = lambda: json.loads((work / "small.ipynb").read_text("utf-8"))  # noqa: E731

            def holds(layer: int, pins: int) -> bool:
                page.keyboard.press("Control+s")
                page.wait_for_timeout(500)
                try:
                    states = saved()["metadata"].get("widgets", {}).get(STATE, {}).get("state", {}).values()
                except ValueError:  # it is being written
                    return False
                views = [each["state"].get("state", {}) for each in states]
                return any(view.get("layer") == layer and len(view.get("pins", ())) == pins for view in views)

            wait_for(lambda: holds(2, 1))
            page.get_by_role("menuitem", name="Kernel", exact=True).click(force=True)
            page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click(force=True)
            page.get_by_text("No Kernel").first.wait_for()
            page.close()

            page = opened(browser, f"{server}/lab/tree/small.ipynb?reset")
            again = page.locator(".vge[data-ready='1']")
            again.wait_for()
            held = ["2", "1"]
            wait_for(seen(page, lambda: [again.get_attribute(f"data-{name}") for name in ("layer", "pins")] == held))
            page.close()

            # A notebook that others touched is not trusted: JupyterLab runs nothing of it, and shows the picture.
            touched = saved()
            touched["cells"].append({"id": "more", "cell_type": "markdown", "metadata": {}, "source": ["more"]})
            (work / "copy.ipynb").write_text(json.dumps(touched), "utf-8")
            page = opened(browser, f"{server}/lab/tree/copy.ipynb?reset")
            picture = page.locator(".jp-OutputArea-output img")
            picture.wait_for()
            wait_for(seen(page, lambda: picture.evaluate("(node) => node.naturalWidth") > 250))
            assert page.locator(".vge").count() == 0
        finally:
            browser.close()


def leaves(url: str, server: str) -> bool:
    return not url.startswith((server, server.replace("http", "ws"), "data:", "blob:", "about:"))
