"""marimo, in a real browser: its widgets live in shadow roots, and its theme is its own. Skipped where it is absent."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from builders.chromium import ABSENT, CHROMIUM, FLAGS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason=ABSENT),
]
for module in ("marimo", "anywidget"):
    pytest.importorskip(module, reason=f"{module} is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NOTEBOOK = """
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    import viz_nodes, vizgraph
    from vizgraph.data import bundled_images
    model = vizgraph.load_model("gcn_demo")
    sample = vizgraph.load_image(bundled_images()[0], model)
    exp = viz_nodes.explain(model, sample.pixels)
    return exp, mo, sample, viz_nodes

@app.cell
def _(exp, mo, sample, viz_nodes):
    one = mo.ui.anywidget(viz_nodes.explore(exp, sample))
    two = mo.ui.anywidget(viz_nodes.explore(exp, sample, state={"layer": 2}))
    mo.vstack([one, two])
    return one, two

@app.cell
def _(mo, one, two):
    at = lambda widget: (widget.value["state"].get("layer"), len(widget.value["state"].get("pins", [])))
    mo.md(f"PYTHON KNOWS {at(one)} {at(two)}")
    return
"""


@pytest.fixture(scope="module")
def server():
    """A marimo of its own on the loopback, with every folder it writes to in a temporary one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "notebook.py").write_text(NOTEBOOK)
        (home / "config" / "marimo").mkdir(parents=True)
        (home / "config" / "marimo" / "marimo.toml").write_text('[display]\ntheme = "light"\n')
        environment = os.environ | {
            "HOME": folder,
            "XDG_CONFIG_HOME": str(home / "config"),
            "MARIMO_SKIP_UPDATE_CHECK": "1",
            "DO_NOT_TRACK": "1",
        }
        words = ["run", "notebook.py", "--headless", "--no-token", "--host", "127.0.0.1", "-p", str(port)]
        with open(home / "log", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "marimo", "-q", *words], cwd=folder, stdout=log, stderr=log, env=environment
            )
            try:
                address, end = f"http://127.0.0.1:{port}", time.monotonic() + 90
                while True:
                    try:
                        urllib.request.urlopen(f"{address}/health", timeout=2)
                        break
                    except OSError:
                        assert time.monotonic() < end, (home / "log").read_text()
                        time.sleep(0.3)
                yield address
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


def test_two_widgets_in_marimo_keep_apart_speak_with_python_and_wear_its_theme(server):
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            color_scheme="dark",
            viewport={"width": 1300, "height": 1000},
        )
        try:
            page = browser.new_page()
            outside, errors = [], []
            own = (server, server.replace("http", "ws"), "data:", "blob:", "about:")
            page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(server)
            explorers = page.locator(".vge[data-ready='1']")
            explorers.nth(1).wait_for(timeout=120000)
            one, two = explorers.nth(0), explorers.nth(1)
            one.locator(".vge-mini").nth(3).click()
            one.locator(".vge-grid").first.click(position={"x": 60, "y": 60})
            two.locator(".vge-mini").nth(4).click()
            page.get_by_text(re.compile(r"PYTHON KNOWS \(4, 1\) \(5, 0\)")).wait_for(timeout=30000)
            assert one.evaluate("(root) => root.getRootNode().constructor.name") == "ShadowRoot"
            assert one.evaluate("(root) => getComputedStyle(root).colorScheme") == "light"
            assert outside == []
            assert errors == []
        finally:
            browser.close()
