"""What `vizgraph render` costs over a folder, as ratios of whole processes in one run.

    python benchmarks/render_batch.py --images 64

Three programs go over the same images with the same network and layers:

- plain: the obvious way. One image at a time, a forward and a backward for each layer, a pyplot figure with
  `savefig(dpi=300)` for each picture, edges by networkx, `nx.write_graphml`, and a sheet of `plt.subplots`;
  `--pictures-only` leaves out all but the nine pictures;
- passes: the bare network, one forward and one backward an image, nothing drawn;
- render: `vizgraph render`, all files.

They take turns over parts of the images (`--rounds`), so that a machine that others use slows all three alike. Counted
are seconds on the wall and of processors (of a program and all processes it starts), once for whole programs, imports
and loading included, and once without those, as the difference to a run over one image.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

PLAIN = """
import json
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

arch, weights, images, out, layers, everything = sys.argv[1:]
images, out, layers = Path(images), Path(out), [int(number) for number in layers.split(",")]
model = vizgraph.load_model(arch, weights, device="cpu")
graphers = [module for module in model.modules() if isinstance(module, Grapher)]
searches = [module for module in model.modules() if isinstance(module, KNNGraph)]


def passed(pixels, number):
    kept = {}
    handles = [
        graphers[number - 1].fc2[0].register_forward_hook(lambda m, i, o: kept.update(features=o)),
        searches[number - 1].register_forward_hook(lambda m, i, o: kept.update(edges=o)),
    ]
    logits = model(pixels)
    for handle in handles:
        handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, logits[0].argmax()], kept["features"])
    cam = (kept["features"] * gradient.mean((2, 3), keepdim=True)).sum(1).relu()[0].detach().numpy()
    return logits, cam, kept["edges"][0, 0].numpy()


def draw(ax, kind, image, cam, neighbors, number):
    height, width = cam.shape
    peak, step = int(cam.argmax()), image.shape[0] / height
    at = lambda node: ((node % width + 0.5) * step, (node // width + 0.5) * step)
    ax.imshow(image)
    ax.axis("off")
    if kind == "cam":
        shown = ax.imshow(cam, cmap="jet", alpha=0.5, extent=(0, step * width, step * height, 0))
        ax.figure.colorbar(shown, ax=ax)
    elif kind == "neighbors":
        for node in neighbors[peak][:9]:
            x, y = at(int(node))
            ax.add_patch(plt.Rectangle((x - step / 2, y - step / 2), step, step, fill=False, color="red"))
    else:
        graph = nx.DiGraph()
        graph.add_nodes_from(range(height * width))
        graph.add_edges_from((int(node), peak) for node in neighbors[peak][:9])
        places = {node: at(node) for node in graph}
        nx.draw_networkx_nodes(graph, places, node_size=2, ax=ax)
        nx.draw_networkx_edges(graph, places, connectionstyle="arc3,rad=0.2", node_size=2, ax=ax)
    ax.set_title(f"layer {number}")


for path in sorted(images.iterdir()):
    sample = vizgraph.load_image(path, model)
    folder = out / path.stem
    folder.mkdir(parents=True)
    found = {}
    for number in layers:
        logits, cam, neighbors = passed(sample.pixels, number)
        found[number] = cam, neighbors
        for kind in ("cam", "neighbors", "graph"):
            plt.figure(figsize=(3.3, 3.6))
            draw(plt.gca(), kind, sample.image, cam, neighbors, number)
            plt.savefig(folder / f"layer_{number}_{kind}.png", dpi=300)
            plt.close()
    if everything == "pictures":
        continue
    fig, axes = plt.subplots(3, len(layers), figsize=(3.3, 4.2))
    for column, number in enumerate(layers):
        for ax, kind in zip(axes[:, column], ("cam", "neighbors", "graph")):
            draw(ax, kind, sample.image, *found[number], number)
    fig.savefig(folder / "figure.png", dpi=300)
    plt.close(fig)
    graph = nx.DiGraph()
    for number, (cam, neighbors) in found.items():
        for node, value in enumerate(cam.ravel()):
            row, column = divmod(node, cam.shape[1])
            graph.add_node(f"{number} {node}", layer=number, row=row, col=column, cam=float(value))
        for node, asked in enumerate(neighbors):
            for rank, neighbor in enumerate(asked):
                graph.add_edge(f"{number} {neighbor}", f"{number} {node}", layer=number, rank=rank)
    nx.write_graphml(graph, folder / "graph.graphml")
    arrays = {f"{name} {number}": array for number, pair in found.items() for name, array in zip(("cam", "knn"), pair)}
    np.savez_compressed(folder / "explanation.npz", logits=logits.detach().numpy(), **arrays)
    best = logits[0].softmax(0).topk(5)
    (folder / "top_5.json").write_text(json.dumps(dict(zip(best.indices.tolist(), best.values.tolist()))))
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


def adopt_orphans() -> None:
    """Become the parent of processes that a program leaves behind, such as the server of its workers, to count them."""
    pr_set_child_subreaper = 36
    if ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise SystemExit("this needs Linux, to count the seconds of workers too")


def cost(name: str, arguments: list[str], threads: int | None) -> np.ndarray:
    """(2,) seconds on the wall and of processors that a program takes, with the processes it starts."""
    environment = os.environ if threads is None else os.environ | {"OMP_NUM_THREADS": str(threads)}
    since, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment)
    wall = time.monotonic() - since
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-2000:]}")
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return np.array([wall, used])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4, help="parts that the images are taken in (default: 4)")
    parser.add_argument("--arch", default="graphconvnet_ti")
    parser.add_argument("--layers", default="4,8,12")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--threads",
        type=int,
        help="of the network in `plain` and `passes` (default: torch's own); give 1 where others"
        " use the machine, as threads that wait for a processor count as using one",
    )
    parser.add_argument("--pictures-only", action="store_true", help="of the plain way only the nine pictures")
    given = parser.parse_args()
    adopt_orphans()
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
    parts = [list(part) for part in np.array_split(np.arange(given.images), given.rounds) if len(part)]
    for name, seeds in {"one": [0], **{f"part{at}": part for at, part in enumerate(parts)}}.items():
        (top / name).mkdir()
        for seed in seeds:
            coarse = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC).save(top / name / f"{seed:04}.jpg")

    def command(way: str, name: str, out: Path) -> list[str]:
        images = str(top / name)
        if way == "plain":
            files = "pictures" if given.pictures_only else "everything"
            return [sys.executable, "-c", PLAIN, given.arch, str(weights), images, str(out), given.layers, files]
        if way == "passes":
            return [sys.executable, "-c", PASSES, given.arch, str(weights), images]
        return [
            sys.executable,
            "-m",
            "vizgraph",
            "render",
            "--arch",
            given.arch,
            "--ckpt",
            str(weights),
            "--img",
            images,
            "--layers",
            given.layers,
            "--workers",
            str(given.workers),
            "--device",
            "cpu",
            "--out",
            str(out),
        ]

    ways = ("plain", "passes", "render")
    whole: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    starts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for at, _ in enumerate(parts):
        for way in ways:
            with tempfile.TemporaryDirectory(dir=top) as out:
                starts[way] += cost(way, command(way, "one", Path(out) / "one"), given.threads)
                whole[way] += cost(way, command(way, f"part{at}", Path(out) / "part"), given.threads)
        print(f"round {at + 1} of {len(parts)} done", file=sys.stderr, flush=True)
    later = {way: np.maximum(whole[way] - starts[way], 1e-3) for way in ways}
    for way in ways:
        wall, used = later[way] / max(given.images - len(parts), 1)
        print(
            f"{way:7} {whole[way][0]:7.1f} s on the wall, {whole[way][1]:7.1f} s of processors; "
            f"an image after the start {wall:.3f} s, {used:.3f} s"
        )
    for above, below in (("plain", "render"), ("render", "passes")):
        wall, used = whole[above] / whole[below]
        wall_later, used_later = later[above] / later[below]
        print(
            f"{above} / {below}: wall {wall:.2f}, processors {used:.2f}; "
            f"after the start {wall_later:.2f}, {used_later:.2f}"
        )


if __name__ == "__main__":
    main()
