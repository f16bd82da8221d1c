"""Make the README's still and animation of the explorer: docs/images/explorer.png and explorer.webp.

    python docs/explorer_pictures.py [CHECKPOINT]

Runs the bundled network (or gcn_demo with another file of weights) on a bundled image, opens the page in a headless
Chromium, moves the pointer over it and photographs it. Needs playwright and a Chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import viz_nodes
import vizgraph
from vizgraph.data import bundled_images, bundled_truth, labels_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from builders.chromium import CHROMIUM, FLAGS

FOLDER = Path(__file__).resolve().parent / "images"
SHOWN = {"x": 0, "y": 0, "width": 1120, "height": 760}
EXPLORER = "document.querySelector('.vge').explorer"


def photograph(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot(clip=SHOWN))).convert("RGB")


def scenes(page: Page, box: tuple[int, int, int, int]) -> list[tuple[Image.Image, int]]:
    """Frames and how long each is shown, in ms: the pointer over the object, a patch kept, the layers, two hops."""
    grid = page.locator(".vge-grid").first.bounding_box()
    assert grid is not None
    at = lambda x, y: (grid["x"] + x * grid["width"] / 224, grid["y"] + y * grid["height"] / 224)  # noqa: E731
    left, top, right, bottom = box
    middle = (left + right) / 2, (top + bottom) / 2
    frames = [(photograph(page), 1400)]
    for i in range(9):
        page.mouse.move(*at(30 + (middle[0] - 30) * i / 8, 190 + (middle[1] - 190) * i / 8))
        page.evaluate(f"{EXPLORER}.flush()")
        frames.append((photograph(page), 170))
    page.mouse.click(*at(*middle))
    frames.append((photograph(page), 900))
    layers = page.locator(".vge-mini").count()
    for layer in [*range(1, layers + 1)]:
        page.evaluate(f"{EXPLORER}.update({{layer: {layer}}})")
        page.wait_for_timeout(350)
        frames.append((photograph(page), 750))
    for hops in (2, 1):
        page.evaluate(f"{EXPLORER}.update({{hops: {hops}}})")
        page.wait_for_timeout(100)
        frames.append((photograph(page), 1100))
    page.evaluate(f"{EXPLORER}.update({{out: true}})")
    page.wait_for_timeout(100)
    frames.append((photograph(page), 1400))
    return frames


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    weights = sys.argv[1] if sys.argv[1:] else "demo"
    model = vizgraph.load_model("gcn_demo", weights, device="cpu")
    path = bundled_images()[0]
    sample = vizgraph.load_image(path, model)
    exp = viz_nodes.explain(model, sample.pixels, target="top5", labels=labels_of(model))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = viz_nodes.write_page(exp, sample, Path(folder) / "explorer.html")
        browser = playwright.chromium.launch_persistent_context(
            str(Path(folder) / "profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": SHOWN["width"], "height": SHOWN["height"]},
            device_scale_factor=1,
        )
        page = browser.new_page()
        page.emulate_media(reduced_motion="reduce", color_scheme="light")
        page.goto(file.as_uri())
        page.wait_for_selector(".vge[data-ready='1']")
        frames = scenes(page, bundled_truth()[path.name].box)
        page.close()
        browser.close()
        browser = playwright.chromium.launch_persistent_context(
            str(Path(folder) / "second"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 800},
            device_scale_factor=1.5,
        )
        page = browser.new_page()
        page.emulate_media(color_scheme="light")
        page.goto(file.as_uri())
        page.wait_for_selector(".vge[data-ready='1']")
        page.screenshot(path=FOLDER / "explorer.png")
        browser.close()
    pictures, durations = [frame for frame, _ in frames], [shown for _, shown in frames]
    for quality in (80, 65, 50, 35):
        pictures[0].save(
            FOLDER / "explorer.webp",
            save_all=True,
            append_images=pictures[1:],
            duration=durations,
            loop=0,
            quality=quality,
            method=6,
        )
        if (FOLDER / "explorer.webp").stat().st_size < 1_500_000:
            break


if __name__ == "__main__":
    main()
