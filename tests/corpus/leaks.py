"""What stays behind: memory, descriptors, threads, figures."""

from __future__ import annotations

import functools
import gc
import io
import os
import threading
from pathlib import Path

import numpy as np
import torch

from builders.networks import seeded_net, seeded_pixels
from corpus.promises import Case, promise, require

ROUNDS, WARM = 1_000, 160


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@functools.cache
def _net() -> torch.nn.Module:
    return seeded_net(depth=2, dtype=torch.float32)


def _round(number: int) -> None:
    import matplotlib.pyplot as plt

    import viz_nodes

    exp = viz_nodes.explain(_net(), seeded_pixels(1, seed=number, dtype=torch.float32))
    figure = viz_nodes.figure(exp, np.zeros((24, 16, 3), np.uint8))
    figure.savefig(io.BytesIO(), dpi=30)
    require(plt.get_fignums() == [], "figures stay with pyplot")


@promise(
    f"nothing grows: over {ROUNDS:,} explanations with figures descriptors and threads stay, and memory grows by less "
    "than 10 kB each",
    how=f"a trial is {ROUNDS:,} explanations of a small network, each drawn, after {WARM} to warm up; the slope is "
    "between the lowest memory of the first and the last third",
    limits="measured on Linux from /proc; memory that the allocator keeps counts as leaked",
    sample=0,
    full=1,
)
def leaks(case: Case) -> None:
    for number in range(WARM):
        _round(number)
    gc.collect()
    descriptors, threads, resident = len(os.listdir("/proc/self/fd")), threading.active_count(), []
    for number in range(ROUNDS):
        _round(number)
        gc.collect()
        resident.append(_resident())
    require(len(os.listdir("/proc/self/fd")) <= descriptors, "descriptors were left open")
    require(threading.active_count() <= threads, "threads stay")
    third = ROUNDS // 3
    slope = (min(resident[-third:]) - min(resident[:third])) / (ROUNDS - third)
    require(slope < 10_240, f"{slope / 1024:.1f} kB each")


@promise(
    "explanations with figures leave no descriptor, thread or figure of pyplot behind",
    how="three explanations of a small network, each drawn",
    sample=1,
    full=20,
)
def nothing_left_open(case: Case) -> None:
    _round(0)
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for number in range(3):
        _round(number)
    require(len(os.listdir("/proc/self/fd")) <= descriptors and threading.active_count() <= threads)
