"""Does a network learn what another learns, and how much does chance matter: the same recipe, several seeds.

    python benchmarks/learning_curves.py --arch gcn_demo --seeds 0 1 2 --at-once 2
    python benchmarks/learning_curves.py --arch gcn_demo vig_demo --at-once 2
    python benchmarks/learning_curves.py --arch graphconvnet_ti vig_ti --config finetune.yaml data.root=photos

Each run is `vizgraph train` in a process of its own, with its seed and its folder; called again, finished runs are kept
and broken ones go on. Then a table of the last epoch, mean and spread over seeds, and `curves.png`: the mean of each
network with the range of its seeds.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from vizgraph.training.config import load
from vizgraph.training.log import COLORS, read_log

PANELS = {
    "validation loss": lambda row: row["val_loss"],
    "top-1 error of the validation images (%)": lambda row: 100 - row["top1"],
}


def train(folder: Path, arch: str, seed: int, config: str, overrides: list[str], epochs: int) -> list[dict]:
    """The log of one run, trained as far as it was not yet."""
    log = folder / "log.csv"
    if not log.exists() or len(read_log(log)) < epochs:
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "vizgraph",
            "train",
            "--config",
            config,
            "--out",
            str(folder),
            "--resume",
            f"model.arch={arch}",
            f"run.seed={seed}",
            *overrides,
        ]
        with open(folder / "output.txt", "a") as output:
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT)
        if done.returncode:
            raise SystemExit(f"{folder}: ended with {done.returncode}; see {folder / 'output.txt'}")
    return read_log(log)


def draw(runs: dict[str, list[list[dict]]]) -> Figure:
    """Mean over seeds, and their range, a color a network; logarithmic, so that the end is seen too.

    Args:
        runs: the logs of each network's seeds.
    """
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    for axes, (title, value) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        smallest = math.inf
        for color, (arch, logs) in zip(COLORS, runs.items()):
            seeds = [{row["epoch"]: value(row) for row in log if row["top1"] is not None} for log in logs]
            epochs = sorted(set.intersection(*(set(seed) for seed in seeds)))
            values = [[seed[epoch] for seed in seeds] for epoch in epochs]
            axes.plot(epochs, [statistics.mean(some) for some in values], color=color, label=arch)
            low, high = [min(some) for some in values], [max(some) for some in values]
            axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
            smallest = min(smallest, *low)
        if smallest > 0:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("epoch")
        axes.set_title(title, fontsize=10)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8, title="mean and range of the seeds", title_fontsize=8)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", nargs="+", default=["gcn_demo"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--config", default="demo.yaml")
    parser.add_argument("--out", type=Path, default=Path("runs/learning_curves"))
    parser.add_argument("--at-once", type=int, default=1, help="runs side by side")
    given, overrides = parser.parse_known_args()
    epochs = load(given.config, overrides).schedule.epochs
    with ThreadPoolExecutor(given.at_once) as pool:
        waiting = {
            (arch, seed): pool.submit(train, given.out / f"{arch}_{seed}", arch, seed, given.config, overrides, epochs)
            for seed in given.seeds
            for arch in given.arch
        }
        runs = {arch: [waiting[arch, seed].result() for seed in given.seeds] for arch in given.arch}
    print(f"{given.config}, {epochs} epochs, seeds {', '.join(map(str, given.seeds))}; last epoch")
    for arch, logs in runs.items():
        for title, value in PANELS.items():
            last = [value(log[-1]) for log in logs]
            spread = statistics.stdev(last) if len(last) > 1 else float("nan")
            print(
                f"  {arch:18} {title:42} {statistics.mean(last):8.3f}, standard deviation {spread:.3f}, "
                f"{min(last):.3f} to {max(last):.3f}"
            )
    picture = given.out / "curves.png"
    draw(runs).savefig(picture, dpi=200)
    print(picture)


if __name__ == "__main__":
    main()
