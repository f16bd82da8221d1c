"""Do maps and edges change when the network forgets what it knows (Adebayo et al., arXiv 1810.03292)?

    python benchmarks/sanity.py --arch gcn_demo --scenes 40 --out docs/tables
    python benchmarks/sanity.py --arch gcn_demo --scenes 16 --graphs

Parameters are shuffled part by part from the head down, positions last, another shuffle for every image. Prints the
table of the first and last steps and of chance, and writes `sanity_<arch>.csv` and `sanity_<arch>.png`.

`--graphs` asks where the overlap of graphs comes from that is left when all is shuffled: it takes scenes, the same
scenes with their patches in another order (colors stay, places do not), and noise without structure, and holds the
trained network's graph beside that of a shuffled one on the same image and on another image (places alone), and beside
the nearest patches in raw pixels (colors alone).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import viz_nodes
import vizgraph
from viz_nodes.draw.files import figure_bytes
from viz_nodes.draw.sanity_figure import sanity_figure
from viz_nodes.graphs.edges import jaccard
from viz_nodes.metrics import cascade_images, cascade_summary, sane
from viz_nodes.metrics.intervals import interval
from viz_nodes.metrics.known_truth import DUMMY
from viz_nodes.metrics.randomization import randomized
from viz_nodes.progress import progress
from vizgraph.data import Scenes, prepare

PATCH = 16
"""Pixels of a node's patch in the demo networks."""
CONTROLS = {
    "shuffled": "a shuffled network, same image",
    "elsewhere": "a shuffled network, another image",
    "pixels": "nearest patches in pixels",
    "chance": "nodes permuted",
}


def as_asked(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8: a scene, its patches in another order, or noise of its mean and deviation."""
    if kind == "scenes":
        return image
    if kind == "noise":
        return rng.normal(image.mean(), image.std(), image.shape).clip(0, 255).astype(np.uint8)
    rows, cols = image.shape[0] // PATCH, image.shape[1] // PATCH
    patches = image.reshape(rows, PATCH, cols, PATCH, 3).swapaxes(1, 2).reshape(-1, PATCH, PATCH, 3)
    mixed = patches[rng.permutation(len(patches))].reshape(rows, cols, PATCH, PATCH, 3)
    return mixed.swapaxes(1, 2).reshape(image.shape)


def graph_of(model: torch.nn.Module, pixels: torch.Tensor, layer: int) -> tuple[np.ndarray, int]:
    """(N, N) bool, whom each node asks but itself, and k."""
    explained = viz_nodes.explain(model, pixels, layers=[layer]).layers[0]
    return beside_itself(explained.neighbors[0].numpy()), explained.neighbors.shape[2]


def beside_itself(neighbors: np.ndarray) -> np.ndarray:
    asked = np.zeros((len(neighbors), len(neighbors)), dtype=bool)
    np.put_along_axis(asked, neighbors, True, axis=1)
    np.fill_diagonal(asked, False)
    return asked


def nearest_in_pixels(pixels: torch.Tensor, k: int) -> np.ndarray:
    patches = torch.nn.functional.unfold(pixels, PATCH, stride=PATCH)[0].T
    return beside_itself(torch.cdist(patches, patches).argsort(1)[:, :k].numpy())


def graphs(arch: str, ckpt: str, count: int, layers: list[int]) -> pd.DataFrame:
    """Jaccard of the trained network's edges with those of each control, by image and layer."""
    model = vizgraph.load_model(arch, ckpt, device="cpu")
    scenes = Scenes("test", size=count + 1)
    lines = []
    for kind in ("scenes", "patches shuffled", "noise"):
        for at in progress(range(count), show=True, doing=kind):
            rng = np.random.default_rng([at, len(kind)])
            images = [
                as_asked(np.asarray(scenes.scene(each).image), kind, rng) for each in (at, (at + 1) % (count + 1))
            ]
            own, other = (prepare(each, model).pixels for each in images)
            forgetful = randomized(model, seed=at)
            for layer in layers:
                trained, k = graph_of(model, own, layer)
                order = rng.permutation(len(trained))
                controls = {
                    "shuffled": graph_of(forgetful, own, layer)[0],
                    "elsewhere": graph_of(forgetful, other, layer)[0],
                    "pixels": nearest_in_pixels(own, k),
                    "chance": trained[order][:, order],
                }
                shares = {name: float(jaccard(trained, graph)) for name, graph in controls.items()}
                alone = float(jaccard(controls["shuffled"], controls["pixels"]))
                lines.append({"images": kind, "layer": layer, "scene": at, **shares, "shuffled, pixels": alone})
    return pd.DataFrame(lines)


def graphs_table(lines: pd.DataFrame) -> str:
    """Markdown, with 95 % bootstrap intervals."""
    names = [name for name in lines if name not in ("images", "layer", "scene")]
    rows = [f"| images | layer | {' | '.join(CONTROLS.get(name, 'shuffled with pixels') for name in names)} |"]
    rows.append("| --- " * (len(names) + 2) + "|")
    for (kind, layer), own in lines.groupby(["images", "layer"], sort=False):
        cells = [
            f"{own[name].mean():.2f} ({interval(own[name])[0]:.2f} to {interval(own[name])[1]:.2f})" for name in names
        ]
        rows.append(f"| {kind} | {layer} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="gcn_demo")
    parser.add_argument("--ckpt", default="demo")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--method", nargs="+", default=["gradcam", "layercam"])
    parser.add_argument("--layers", nargs="+", type=int, default=[-1], help="from 0, negative from the end")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=Path("viz_output"))
    parser.add_argument("--graphs", action="store_true", help="where the overlap comes from that is left")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    if given.graphs:
        lines = graphs(given.arch, given.ckpt, given.scenes, given.layers)
        given.out.mkdir(parents=True, exist_ok=True)
        lines.to_csv(given.out / f"graphs_{given.arch}.csv", index=False)
        print(graphs_table(lines))
        return
    model = vizgraph.load_model(given.arch, given.ckpt)
    scenes = Scenes("test", size=given.scenes)
    stream = ((at, prepare(scenes.scene(at).image, model).pixels, None) for at in range(given.scenes))
    parts = cascade_images(model, stream, methods=(*given.method, DUMMY), layers=given.layers)
    lines = [line for part in progress(parts, total=given.scenes, show=True, doing="forgetting") for line in part]
    table = cascade_summary(pd.DataFrame(lines))
    given.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out / f"sanity_{given.arch}.csv", index=False)
    figure = sanity_figure(table, name=given.arch, width="page")
    (given.out / f"sanity_{given.arch}.png").write_bytes(figure_bytes(figure, "png"))
    print(table.round(3).to_string(index=False))
    print(sane(table).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
