"""A forward pass against the textbook graph convolution, as a ratio, both timed in turns in this one run.

python benchmarks/forward.py --arch graphconvnet_ti --arch graphconvnetp_ti --batch 8 --threads 2
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time

import torch
from textbook import textbook

import vizgraph  # noqa: F401

import timm  # isort: skip


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", action="append", help="timm name, several times")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for arch in options.arch or ["graphconvnet_ti", "graphconvnetp_ti"]:
        ours = timm.create_model(arch).eval()
        theirs = textbook(copy.deepcopy(ours))
        pixels = torch.randn(options.batch, 3, 224, 224)
        with torch.inference_mode():
            gap = (ours(pixels) - theirs(pixels)).abs().max()
            pairs = [(seconds(lambda: ours(pixels)), seconds(lambda: theirs(pixels))) for _ in range(options.rounds)]  # noqa: B023
        ratios = sorted(b / a for a, b in pairs)
        best = [min(column) for column in zip(*pairs, strict=True)]
        print(
            f"{arch}, batch {options.batch}, {options.threads} threads: textbook / ours = "
            f"{statistics.median(ratios):.2f} (median of {options.rounds}; {ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"best times {best[1]:.3f} s / {best[0]:.3f} s; logits differ by {gap:.1e}"
        )


if __name__ == "__main__":
    main()
