"""Do maps and edges change when the network forgets what it knows (Adebayo et al., arXiv 1810.03292)?

    python benchmarks/sanity.py --arch gcn_demo --scenes 40 --out docs/tables

Parameters are shuffled part by part from the head down, positions last, another shuffle for every image. Prints the
table of the first and last steps and of chance, and writes `sanity_<arch>.csv` and `sanity_<arch>.png`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch

import vizgraph
from viz_nodes.draw.files import figure_bytes
from viz_nodes.draw.sanity_figure import sanity_figure
from viz_nodes.metrics import cascade_images, cascade_summary, sane
from viz_nodes.metrics.known_truth import DUMMY
from viz_nodes.progress import progress
from vizgraph.data import Scenes, prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="gcn_demo")
    parser.add_argument("--ckpt", default="demo")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--method", nargs="+", default=["gradcam", "layercam"])
    parser.add_argument("--layers", nargs="+", type=int, default=[-1], help="from 0, negative from the end")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--out", type=Path, default=Path("viz_output"))
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
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
