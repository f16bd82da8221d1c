"""Where the truth about edges is known: how well scores tell those that carry the answer, and a dummy that must not."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from viz_nodes.explanation import LayerExplanation
from viz_nodes.text import quoted

DUMMY = "image gradients"
"""The method that every check is to fail: it looks at the image alone."""


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
            raise ValueError(f"`pairs` must name edges (got {quoted(neighbor)} -> {center}, which is none)")
        mask[center] |= hit
    return mask


def image_gradients(
    pixels: Tensor, explained: LayerExplanation, size: tuple[int, int], *, keys: bool = False
) -> np.ndarray:
    """The dummy: how much the image changes within each node, whatever the network is.

    Args:
        pixels: (1, C, H, W).
        explained: a layer, which says where nodes lie.
        size: (height, width) of the input.
        keys: of the key nodes.

    Returns:
        (N,) or (M,) float64, means over the pixels of a node; 0 for a node without pixels.
    """
    image = pixels[0].detach().cpu().double().numpy()
    down, across = np.diff(image, axis=1, append=image[:, -1:]), np.diff(image, axis=2, append=image[..., -1:])
    change = np.abs(down) + np.abs(across)
    regions = explained.regions(size, keys=keys)
    nodes = np.asarray(regions.label_map(change.shape[1:])).ravel()
    inside = nodes >= 0
    sums = np.bincount(nodes[inside], change.sum(0).ravel()[inside], regions.num_nodes)
    means: np.ndarray = sums / np.maximum(np.bincount(nodes[inside], minlength=regions.num_nodes), 1)
    return means
