"""Explanations made from seeded numbers, shaped as networks make them, and the one browser a module drives."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation, LayerExplanation

LABELS = ("cat", "cup", "astronaut", "rocket", "coin", "moon")
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def synthetic(
    *,
    layers: int = 12,
    grids: list[tuple[tuple[int, int], tuple[int, int], int]] | None = None,
    targets: tuple[int, ...] = (2, 3, 0, 5, 1),
    sources: int = 1,
    labels: tuple[str, ...] | None = LABELS,
    method: str = "gradcam",
    model: str = "synthetic_ti",
    seed: int = 0,
    image_size: tuple[int, int] = (224, 224),
    focus: tuple[float, float] = (0.5, 0.25),
) -> Explanation:
    """An explanation with the shapes and the habits of a real one: near neighbors early, meaning later, sharper maps.

    Args:
        layers: how many of a 14 x 14 grid; with `grids`, its length.
        grids: for each layer (grid, key grid, k) instead.
        targets: classes explained, a row each for every source.
        focus: where the last maps peak, as fractions (x, y).
    """
    rng = np.random.default_rng(seed)
    plan = grids or [((14, 14), (14, 14), int(k)) for k in np.linspace(9, 18, layers)]
    rows = len(targets) * sources
    records = []
    for index, (grid, key_grid, k) in enumerate(plan):
        late = index / max(1, len(plan) - 1)
        y, x = (np.indices(grid).reshape(2, -1) + 0.5) / np.array(grid)[:, None]
        ky, kx = (np.indices(key_grid).reshape(2, -1) + 0.5) / np.array(key_grid)[:, None]
        here = np.stack([x, y, np.sin(7 * x + 3 * y) * late], 1)
        there = np.stack([kx, ky, np.sin(7 * kx + 3 * ky) * late], 1)
        per_source = []
        for _ in range(sources):
            distance = ((here[:, None] - there[None]) ** 2).sum(-1) + late * 0.05 * rng.random((len(here), len(there)))
            neighbors = np.argsort(distance, axis=1, kind="stable")[:, :k]
            share = rng.dirichlet(np.full(k, 0.6), len(here))
            per_source.append((neighbors, share, np.take_along_axis(distance, neighbors, 1)))
        cams, contributions = [], []
        for _source in range(sources):
            for place in range(len(targets)):
                fx, fy = (focus[0] + 0.13 * place) % 1, (focus[1] + 0.21 * place) % 1
                bump = np.exp(-((x - fx) ** 2 + (y - fy) ** 2) / (0.3 - 0.24 * late))
                cam = np.clip(bump + 0.35 * (1 - late) * rng.random(len(x)) - 0.15, 0, None) * (0.1 + 0.3 * late)
                cams.append(cam.reshape(grid))
                contributions.append(rng.normal(0.004, 0.02, (len(here), k)) * (0.3 + cam.reshape(-1, 1)))
        neighbors, share, distance = (
            torch.tensor(np.stack([each[part] for each in per_source for _ in targets])) for part in range(3)
        )
        cam = torch.tensor(np.stack(cams), dtype=torch.float32)
        peak = cam.flatten(1).argmax(1)
        peak[cam.flatten(1).amax(1) <= 0] = NO_PEAK
        records.append(
            LayerExplanation(
                index=index,
                name=f"backbone.{index}.grapher.graph_conv.gconv",
                grid=grid,
                key_grid=key_grid,
                cam=cam,
                peak=peak,
                neighbors=neighbors.long(),
                share=share.float(),
                contribution=torch.tensor(np.stack(contributions), dtype=torch.float32),
                conv="mr",
                distance=distance.float(),
            )
        )
    logits = torch.full((1, len(labels) if labels else 6), -1.0)
    for place, target in enumerate(targets):
        logits[0, target] = 4.0 - 1.3 * place
    return Explanation(
        logits=logits.repeat(rows, 1),
        target=torch.tensor(list(targets) * sources),
        layers=tuple(records),
        method=method,
        image_size=image_size,
        depth=len(plan),
        labels=labels,
        model=model,
        source=torch.arange(sources).repeat_interleave(len(targets)),
    )


PYRAMID = [
    *[((56, 56), (14, 14), 9)] * 2,
    *[((28, 28), (14, 14), 9)] * 2,
    *[((14, 14), (14, 14), 9)] * 3,
    *[((7, 7), (7, 7), 9)] * 2,
]


def changed(exp: Explanation, place: int, **fields) -> Explanation:
    """The explanation with fields of one of its layers replaced."""
    layers = list(exp.layers)
    layers[place] = dataclasses.replace(layers[place], **fields)
    return dataclasses.replace(exp, layers=tuple(layers))


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
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
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
