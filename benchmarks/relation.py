"""Where a network keeps a relation: do the edges between two far objects stand out, and does the answer need them?

    python benchmarks/relation.py measure --arch gcn_demo --ckpt relation --out runs/relation/gcn_demo-0
    python benchmarks/relation.py measure --arch vig_demo --ckpt runs/vig-1/best.pth.tar --out runs/relation/vig_demo-1
    python benchmarks/relation.py tables runs/relation/gcn_demo-* --out runs/relation/gcn_demo

`measure` writes a CSV for each question (`vizgraph.evaluation.relation`), scene by scene, and goes on where it was
stopped. `tables` puts the networks of several seeds together: means with 95 % bootstrap intervals, scenes resampled
with all that the seeds saw of them, and the smallest and largest mean of a seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import torch

import vizgraph
from viz_nodes.metrics.intervals import interval
from viz_nodes.progress import progress
from vizgraph.data.scenes import Relations
from vizgraph.evaluation import evaluate
from vizgraph.evaluation.relation import METHODS, joining_edges, known_of_the_other, strangers, without_edges
from vizgraph.training.schema import DataConfig

FILES = {
    "edges": (["against", "same", "method", "layer"], ["auroc", "signed"]),
    "cuts": (["layer", "cut", "graphs"], ["right", "right_relation", "change", "edges"]),
    "probes": (["digit", "layer"], ["right"]),
    "strangers": (["pair"], ["right", "right_relation"]),
}
"""By file what its lines are grouped by, and what is averaged."""


def measure(arch: str, checkpoint: str, out: Path, sizes: dict[str, int], split: str, slow: int) -> None:
    """The files of one network."""
    out.mkdir(parents=True, exist_ok=True)
    model = vizgraph.load_model(arch, checkpoint, device="cpu")
    if not (out / "accuracy.csv").exists():
        data = DataConfig(name="relation", val_split=split, val_size=sizes["accuracy"], batch_size=32, workers=0)
        metrics = evaluate(model, data).metrics
        pd.DataFrame([{"split": split, "scenes": sizes["accuracy"], "top1": metrics.top1}]).to_csv(
            out / "accuracy.csv", index=False
        )
    probed = Relations(split, size=sizes["probes"])
    if not (out / "strangers.csv").exists():
        pd.DataFrame(strangers(model, probed)).to_csv(out / "strangers.csv", index=False)
    if not (out / "probes.csv").exists():
        known = known_of_the_other(model, Relations("val", size=sizes["fit"]), probed)
        known.to_csv(out / "probes.csv", index=False)
    if not (out / "cuts.csv").exists():
        lines = progress(
            without_edges(model, Relations(split, size=sizes["cuts"])), show=True, total=sizes["cuts"], doing="cuts"
        )
        pd.DataFrame([line for part in lines for line in part]).to_csv(out / "cuts.csv", index=False)
    scene_by_scene(model, Relations(split, size=sizes["edges"]), METHODS, out / "edges.csv")
    if slow:
        scene_by_scene(model, Relations(split, size=slow), ("gnnexplainer",), out / "edges_slow.csv")


def scene_by_scene(model: torch.nn.Module, scenes: Relations, methods: Iterable[str], path: Path) -> None:
    """AUROCs of edges, appended to the file after every scene."""
    done = set(pd.read_csv(path)["scene"]) if path.exists() else set()
    for at in progress(range(len(scenes)), show=True, doing="edges"):
        if at in done:
            continue
        for lines in joining_edges(model, scenes, methods=tuple(methods), only=[at]):
            pd.DataFrame(lines).to_csv(path, mode="a", header=not path.exists(), index=False)


def tables(folders: list[Path], out: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Means over scenes and seeds, with intervals, as CSV."""
    out.mkdir(parents=True, exist_ok=True)
    for name, (by, figures) in FILES.items():
        files = [(folder.name, path) for folder in folders for path in sorted(folder.glob(f"{name}*.csv"))]
        parts = [pd.read_csv(path).assign(seed=seed) for seed, path in files]
        table = pd.concat(parts, ignore_index=True)
        if "layer" in table:
            table["layer"] = table["layer"].fillna(-1).astype(int) + (name != "probes")
        found = pd.DataFrame([summed(own, dict(zip(by, key)), figures) for key, own in table.groupby(by, sort=False)])
        found.to_csv(out / f"{name}.csv", index=False)
        yield name, found


def summed(own: pd.DataFrame, line: dict, figures: list[str]) -> dict:
    """Mean, interval, and the range over seeds of each figure."""
    for figure in figures:
        values = own[figure].astype(float)
        low, high = interval(values.to_numpy(), own["scene"].tolist())
        seeds = values.groupby(own["seed"]).mean()
        line |= {figure: values.mean(), f"{figure}_low": low, f"{figure}_high": high}
        line |= {f"{figure}_least": seeds.min(), f"{figure}_most": seeds.max()}
    return line | {"scenes": own["scene"].nunique(), "seeds": own["seed"].nunique()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("--arch", default="gcn_demo")
    one.add_argument("--ckpt", default="relation")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--split", default="hidden")
    one.add_argument("--slow", type=int, default=0, help="scenes whose edges GNNExplainer orders, too")
    for name, size in {"accuracy": 2000, "edges": 40, "cuts": 96, "probes": 400, "fit": 1000}.items():
        one.add_argument(f"--{name}", type=int, default=size, help="scenes")
    many = commands.add_parser("tables")
    many.add_argument("folders", nargs="+", type=Path)
    many.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.command == "measure":
        sizes = {name: getattr(given, name) for name in ("accuracy", "edges", "cuts", "probes", "fit")}
        measure(given.arch, given.ckpt, given.out, sizes, given.split, given.slow)
        return
    for name, table in tables(given.folders, given.out):
        print(f"\n{name}\n{table.round(3).to_string(index=False)}")


if __name__ == "__main__":
    main()
