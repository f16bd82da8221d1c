"""Explanations made from seeded numbers, shaped as networks make them, and the one browser a module drives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders.chromium import ABSENT, CHROMIUM, FLAGS
from builders.explanations import PYRAMID, changed, synthetic
from viz_nodes.explanation import NO_EDGE, Explanation


@pytest.fixture(scope="session")
def make() -> Callable[..., Explanation]:
    return synthetic


@pytest.fixture(scope="session")
def make_pyramid() -> Callable[..., Explanation]:
    return lambda **options: synthetic(grids=PYRAMID, model="synthetic_pyramid", **options)


@pytest.fixture(scope="session")
def with_layer() -> Callable[..., Explanation]:
    return changed


@pytest.fixture(scope="session")
def no_edge() -> int:
    return NO_EDGE


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A (224, 224, 3) photograph, or where scikit-image is absent colored gradients."""
    try:
        from skimage import data, transform

        return (transform.resize(data.astronaut(), (224, 224), anti_aliasing=True) * 255).astype(np.uint8)
    except ImportError:
        y, x = np.indices((224, 224))
        return np.stack([x, y, 255 - x], -1).astype(np.uint8)


@pytest.fixture(scope="module")
def browser(request):
    """A headless Chromium without a network, one a module, which may ask for more `FLAGS`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip(ABSENT)
    with tempfile.TemporaryDirectory() as profile, sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS + getattr(request.module, "FLAGS", []),
            viewport={"width": 1280, "height": 900},
            accept_downloads=True,
        )
        yield context
        context.close()


@pytest.fixture
def visit(browser):
    """Open a page file, offline, and fail the test on any console error, exception or request that leaves the file."""
    opened = []

    def open_page(path: Path, hash: str = "", *, width: int = 1280, height: int = 900):
        page = browser.new_page()
        page.troubles = []

        def hear(message):
            if message.type in ("error", "warning"):
                page.troubles.append(message.text)

        def watch(request):
            if not request.url.startswith(("file:", "data:", "blob:")):
                page.troubles.append(request.url[:80])

        page.on("console", hear)
        page.on("request", watch)
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.on("dialog", lambda dialog: (page.troubles.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.set_viewport_size({"width": width, "height": height})
        page.goto(path.as_uri() + hash)
        page.wait_for_selector(".vge[data-ready='1']", timeout=20000)
        opened.append(page)
        return page

    yield open_page
    troubles = [page.troubles for page in opened]
    for page in opened:
        page.close()
    assert not any(troubles), troubles
