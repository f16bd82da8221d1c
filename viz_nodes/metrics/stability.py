"""Does an explanation stay as it is while the image does not change for people? Noise, and what is compared then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation

NOISE = 0.1
"""Standard deviation of the noise, as a fraction of that of the image's pixels as the network takes them."""


def noisy(pixels: Tensor, draws: int, seed: int, size: float = NOISE) -> Iterator[Tensor]:
    """Copies of an image (1, C, H, W) with Gaussian noise, the same ones for the same seed.

    Args:
        size: its standard deviation, as a fraction of that of all pixel values of the image.
    """
    generator = torch.Generator().manual_seed(seed)
    deviation = float(pixels.double().std())
    for _ in range(draws):
        noise = torch.randn(pixels.shape, generator=generator, dtype=torch.float64)
        yield pixels + (size * deviation * noise).to(pixels)


def jaccard(first: Tensor | np.ndarray, second: Tensor | np.ndarray) -> float:
    """How much of two sets of numbers is in both: 1 the same, 0 nothing in common; NaN of two empty ones."""
    a, b = (np.unique(np.asarray(each)) for each in (first, second))
    both = len(np.intersect1d(a, b, assume_unique=True))
    either = len(a) + len(b) - both
    return both / either if either else float("nan")


def edge_numbers(exp: Explanation, chosen: Mapping[int, Tensor], row: int = 0) -> np.ndarray:
    """A number for each chosen edge, by layer, receiver and sender, so that edges of two images can be compared.

    Args:
        chosen: by layer (N, k) bool.
    """
    numbers: list[Tensor] = []
    for layer, mask in chosen.items():
        explained = exp.layer(layer)
        neighbors = explained.neighbors[row]
        mask = mask & (neighbors != NO_EDGE)
        centers = torch.arange(len(neighbors))[:, None].expand_as(neighbors)
        place = (explained.index * len(neighbors) + centers) * 2**24 + neighbors
        numbers.append(place[mask])
    return np.asarray(torch.cat(numbers)) if numbers else np.empty(0, dtype=np.int64)


def displacement(first: Explanation, second: Explanation, layer: int, row: int = 0) -> float:
    """How far the peak of a layer moved, as a fraction of the image's diagonal; NaN where a map is blank."""
    centers = []
    for exp in (first, second):
        peak = int(exp.layer(layer).peak[row])
        if peak == NO_PEAK:
            return float("nan")
        centers.append(np.asarray(exp.regions(layer, row).centers())[peak])
    height, width = first.image_size
    return float(np.hypot(*(centers[0] - centers[1])) / np.hypot(width, height))
