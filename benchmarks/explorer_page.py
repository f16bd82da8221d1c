"""The explorer page in a real browser: its size, the time to its first picture, and the time a hover takes.

    python benchmarks/explorer_page.py

Untrained networks explain the top 5 classes in all layers: graphconvnet_ti with 196 nodes in each, graphconvnetp_ti
with up to 3,136. Prints a table. "hover" is the script's own time to draw another patch's edges, in the picture, in all
small multiples and in the panel; "frame" is the time from one frame to the next while the pointer moves to a new patch
in each, 16.7 ms at 60 frames a second.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

import viz_nodes
import vizgraph
from vizgraph.data import bundled_images

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from builders.chromium import CHROMIUM, FLAGS

EXPLORER = "document.querySelector('.vge').explorer"
VISITS = 5

HOVER = """async ([count]) => {
  const explorer = document.querySelector(".vge").explorer;
  explorer.update({ layer: 1, pins: [] });
  explorer.flush();
  const place = (i) => [((i * 37) % 101) / 101, ((i * 61) % 103) / 103];
  const hover = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    explorer.hover(...place(i));
    explorer.flush();
    hover.push(performance.now() - start);
  }
  const frame = [];
  let before = await new Promise(requestAnimationFrame);
  for (let i = 0; i < count; i++) {
    explorer.hover(...place(i + 7));
    const now = await new Promise(requestAnimationFrame);
    frame.push(now - before);
    before = now;
  }
  return { hover, frame };
}"""
PAINTS = """() => ({
  paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
  ready: performance.getEntriesByName("vizgraph-explorer-ready")[0].startTime,
})"""


def spread(values: list[float]) -> str:
    """ "median (95th percentile)" in milliseconds."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.1f} ({ordered[int(0.95 * (len(ordered) - 1))]:.1f})"


def main() -> None:
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        rows = []
        browser = playwright.chromium.launch_persistent_context(
            str(Path(folder) / "profile"), executable_path=CHROMIUM, headless=True, args=FLAGS
        )
        for arch in ("graphconvnet_ti", "graphconvnetp_ti"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the weights are random is meant
                model = vizgraph.load_model(arch, "random", device="cpu")
            sample = vizgraph.load_image(bundled_images()[0], model)
            exp = viz_nodes.explain(model, sample.pixels, target="top5")
            path = viz_nodes.write_page(exp, sample, Path(folder) / f"{arch}.html")
            text = path.read_text("utf-8")
            document = json.loads(re.search(r'id="vizgraph-document">(.*?)</script>', text, re.S)[1])["document"]
            picture = sum(len(image["source"]) for image in document["images"])
            paints, readies = [], []
            for _ in range(VISITS):
                page = browser.new_page()
                page.goto(path.as_uri())
                page.wait_for_selector(".vge[data-ready='1']")
                times = page.evaluate(PAINTS)
                readies.append(times["ready"])
                if times["paint"] is not None:
                    paints.append(times["paint"])
                if len(readies) < VISITS:
                    page.close()
            times = page.evaluate(HOVER, [200])
            page.close()
            nodes = max(layer.neighbors.shape[1] for layer in exp.layers)
            rows.append(
                (
                    f"{nodes:,}",
                    f"{len(text.encode()) / 1e6:.2f}",
                    f"{(len(text.encode()) - picture) / 1e6:.2f}",
                    spread(paints) if paints else "-",
                    spread(readies),
                    spread(times["hover"]),
                    spread(times["frame"]),
                )
            )
        browser.close()
    heads = ("nodes", "page MB", "beside the image", "first paint ms", "drawn ms", "hover ms", "frame ms")
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    for row in (heads, *rows):
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))
    print("median (95th percentile); 5 visits, 200 hovers over the layer with the most nodes")


if __name__ == "__main__":
    main()
