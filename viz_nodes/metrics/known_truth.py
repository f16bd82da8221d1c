"""Where the truth about edges is known: how well scores tell the edges that carry the answer from the others."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def auroc(scores: Tensor | np.ndarray, truth: Tensor | np.ndarray) -> float:
    """How often an edge that matters has the higher score than one that does not, ties half: 1 all, 0.5 no better.

    Args:
        scores: of any shape; NaN is left out.
        truth: bool of the same shape, which matter.

    Returns:
        NaN where either kind is missing.
    """
    values, true = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(truth, dtype=bool).ravel()
    if values.shape != true.shape:
        raise ValueError(f"`truth` must have the shape of `scores`, {np.shape(scores)} (got {np.shape(truth)})")
    there = np.array([value == value for value in values], dtype=bool)
    values, true = values[there], true[there]
    matter, other = values[true], np.sort(values[~true])
    if not len(matter) or not len(other):
        return float("nan")
    below, up_to = np.searchsorted(other, matter, "left"), np.searchsorted(other, matter, "right")
    return float((below + up_to).sum() / (2 * len(matter) * len(other)))


def edges_named(neighbors: Tensor, pairs: Iterable[tuple[int, int]]) -> Tensor:
    """(N, k) bool, the edges that pairs (neighbor, center) name among neighbors (N, k).

    Raises:
        ValueError: a pair that is no edge.
    """
    mask = torch.zeros_like(neighbors, dtype=torch.bool)
    for neighbor, center in pairs:
        hit = neighbors[center] == neighbor
        if not bool(hit.any()):
            raise ValueError(f"`pairs` must name edges (got {neighbor} -> {center}, which is none)")
        mask[center] |= hit
    return mask
