"""What `vizgraph render` costs over a folder, as ratios of whole processes in one run.

    python benchmarks/render_batch.py --images 64

Three processes make the pictures of the same images with the same network and layers:

- plain: the obvious way. One image at a time, a forward and a backward for each layer, a pyplot figure with
  `savefig(dpi=300)` for each picture, edges by networkx;
- passes: the bare network, one forward and one backward an image, nothing drawn;
- render: `vizgraph render`, all files.

Times are of whole processes, imports and loading included; in brackets without those, as the difference to one image.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PLAIN = """
import sys
from pathlib import Path
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
import vizgraph
from vizgraph.layers import Grapher, KNNGraph

arch, weights, images, out, layers = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
model = vizgraph.load_model(arch, weights, device="cpu")
graphers = [module for module in model.modules() if isinstance(module, Grapher)]
searches = [module for module in model.modules() if isinstance(module, KNNGraph)]
for path in sorted(images.iterdir()):
    sample = vizgraph.load_image(path, model)
    folder = out / path.stem
    folder.mkdir(parents=True)
    for index in (int(number) - 1 for number in layers.split(",")):
        kept = {}
        handles = [
            graphers[index].fc2[0].register_forward_hook(lambda m, i, o: kept.update(features=o)),
            searches[index].register_forward_hook(lambda m, i, o: kept.update(edges=o)),
        ]
        logits = model(sample.pixels)
        for handle in handles:
            handle.remove()
        (gradient,) = torch.autograd.grad(logits[0, logits[0].argmax()], kept["features"])
        cam = (kept["features"] * gradient.mean((2, 3), keepdim=True)).sum(1).relu()[0].detach().numpy()
        neighbors = kept["edges"][0, 0].numpy()
        height, width = cam.shape
        peak = int(cam.argmax())
        step = sample.image.shape[0] / height
        at = lambda node: ((node % width + 0.5) * step, (node // width + 0.5) * step)
        for kind in ("cam", "neighbors", "graph"):
            plt.figure(figsize=(3.3, 3.6))
            plt.imshow(sample.image)
            plt.axis("off")
            if kind == "cam":
                plt.imshow(cam, cmap="jet", alpha=0.5, extent=(0, step * width, step * height, 0))
                plt.colorbar()
            elif kind == "neighbors":
                for node in neighbors[peak][:9]:
                    x, y = at(int(node))
                    corner = (x - step / 2, y - step / 2)
                    plt.gca().add_patch(plt.Rectangle(corner, step, step, fill=False, color="red"))
            else:
                graph = nx.DiGraph()
                graph.add_nodes_from(range(height * width))
                graph.add_edges_from((int(node), peak) for node in neighbors[peak][:9])
                places = {node: at(node) for node in graph}
                nx.draw_networkx_nodes(graph, places, node_size=2)
                nx.draw_networkx_edges(graph, places, connectionstyle="arc3,rad=0.2", node_size=2)
            plt.title(f"layer {index + 1}")
            plt.savefig(folder / f"layer_{index + 1}_{kind}.png", dpi=300)
            plt.close()
"""

PASSES = """
import sys
from pathlib import Path
import torch
import vizgraph

arch, weights, images = sys.argv[1], sys.argv[2], Path(sys.argv[3])
model = vizgraph.load_model(arch, weights, device="cpu").requires_grad_(False)
for path in sorted(images.iterdir()):
    pixels = vizgraph.load_image(path, model).pixels.requires_grad_(True)
    torch.autograd.grad(model(pixels).max(), pixels)
"""


def timed(name: str, arguments: list[str]) -> float:
    """Seconds a process takes."""
    since = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    return time.monotonic() - since


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--arch", default="graphconvnet_ti")
    parser.add_argument("--layers", default="4,8,12")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vizgraph-bench-") as top:
        measure(Path(top), given)


def measure(top: Path, given: argparse.Namespace) -> None:
    import timm
    import torch

    import vizgraph  # noqa: F401

    torch.manual_seed(0)
    weights = top / "weights.pth"
    model = timm.create_model(given.arch).train()
    with torch.no_grad():
        for _ in range(10):  # sane batch statistics, so that maps are no noise
            model(torch.randn(2, 3, 224, 224))
    torch.save(model.state_dict(), weights)
    folders = {"one": 1, "all": given.images}
    for name, number in folders.items():
        (top / name).mkdir()
        for seed in range(number):
            coarse = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(top / name / f"{seed:04}.jpg")

    def plain(name: str) -> list[str]:
        out = top / f"plain_{name}"
        return [sys.executable, "-c", PLAIN, given.arch, str(weights), str(top / name), str(out), given.layers]

    def passes(name: str) -> list[str]:
        return [sys.executable, "-c", PASSES, given.arch, str(weights), str(top / name)]

    def render(name: str) -> list[str]:
        return [
            sys.executable, "-m", "vizgraph", "render", "--arch", given.arch, "--ckpt", str(weights), "--img",
            str(top / name), "--layers", given.layers, "--workers", str(given.workers), "--device", "cpu", "--out",
            str(top / f"render_{name}"),
        ]  # fmt: skip

    seconds = {}
    for way, command in (("plain", plain), ("passes", passes), ("render", render)):
        start = timed(way, command("one"))
        seconds[way] = timed(way, command("all"))
        seconds[f"{way} net"] = max(seconds[way] - start, 1e-3)
        each = seconds[f"{way} net"] / max(given.images - 1, 1)
        print(f"{way:7} {seconds[way]:8.1f} s, {each:6.3f} s an image after the start", flush=True)
    for above, below in (("plain", "render"), ("render", "passes")):
        whole, net = (seconds[above + of] / seconds[below + of] for of in ("", " net"))
        print(f"{above} / {below}: {whole:.1f} ({net:.1f})")


if __name__ == "__main__":
    main()
