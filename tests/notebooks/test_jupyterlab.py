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

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]
for module in ("jupyterlab", "anywidget", "ipywidgets"):
    pytest.importorskip(module, reason=f"{module} is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

EDGES = """(node) => {
  node.explorer.flush();
  return node.explorer.edges().filter((edge) => edge.hop === 1).map((edge) => edge.to);
}"""


@pytest.fixture(scope="module")
def server():
    """A JupyterLab of its own on the loopback, with every folder it writes to in a temporary one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "work").mkdir()
        shutil.copy(ROOT / "notebooks" / "viz_demo.ipynb", home / "work")
        overrides = home / "settings"
        overrides.mkdir()
        settings = {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
            # Cells out of sight are else not in the page, and nothing can be clicked in them.
            "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
        }
        (overrides / "overrides.json").write_text(json.dumps(settings))
        environment = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"} | {
            "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "user"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        }  # fmt: skip
        with open(home / "log", "w") as log:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
                    f"--port={port}", "--IdentityProvider.token=",
                    "--ServerApp.password=", f"--ServerApp.root_dir={home / 'work'}",
                    f"--LabServerApp.app_settings_dir={overrides}",
                ],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip
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


def wait_for(true, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"not true within {seconds} s")
        time.sleep(0.3)


def run_all_cells(page) -> None:
    """JupyterLab may call a kernel idle before it is connected, and what is run then is lost: ask until cells start."""
    started = page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\[(\d+|\*)\]"))
    for _ in range(4):
        page.wait_for_timeout(4000)
        page.keyboard.press("Escape")
        page.get_by_role("menuitem", name="Run", exact=True).click(force=True)
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click(force=True)
        for _ in range(60):
            page.wait_for_timeout(200)
            if started.count():
                return
    raise TimeoutError("no cell of the notebook started")


def test_the_demo_notebook_works_in_jupyterlab(server):
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1400, "height": 1100}
        )
        try:
            page = browser.new_page()
            outside, errors = [], []
            page.on("request", lambda request: outside.append(request.url) if leaves(request.url, server) else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"{server}/lab/tree/viz_demo.ipynb?reset")
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60000)
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60000)
            run_all_cells(page)

            explorers = page.locator(".vge[data-ready='1']")
            wait_for(lambda: page.wait_for_timeout(200) or explorers.count() >= 3, 150)
            figure = page.locator(".jp-OutputArea img.widget-image").first
            assert figure.evaluate("node => node.naturalWidth") > 400
            first, second = explorers.nth(0), explorers.nth(1)
            wait_for(lambda: page.wait_for_timeout(200) or first.get_attribute("data-layer") == "2", 60)

            first.scroll_into_view_if_needed()
            first.locator(".vge-mini").nth(4).click()
            first.locator(".vge-grid").first.click(position={"x": 60, "y": 60})
            drawn = first.evaluate(EDGES)
            assert first.get_attribute("data-layer") == "5"
            assert first.get_attribute("data-pins") == "1"
            assert set(drawn) == {int(first.get_attribute("data-node"))}
            assert second.get_attribute("data-pins") == "0"

            cells = page.locator(".jp-Cell").count()
            for key in ("ArrowRight", "ArrowDown", "o", "o", "c", "Enter", "Escape"):
                page.keyboard.press(key)
            assert page.locator(".jp-Cell").count() == cells, "keys must not reach the notebook's own shortcuts"

            before = figure.get_attribute("src")
            page.locator("select").filter(has_text="layercam").first.select_option("layercam")
            page.get_by_role("button", name="Explain").click()
            wait_for(lambda: page.wait_for_timeout(200) or figure.get_attribute("src") != before, 60)
            wait_for(lambda: page.wait_for_timeout(200) or "Layer-CAM" in explorers.nth(0).inner_text(), 30)
            assert outside == []
            assert errors == []
        finally:
            browser.close()


def leaves(url: str, server: str) -> bool:
    return not url.startswith((server, server.replace("http", "ws"), "data:", "blob:", "about:"))
