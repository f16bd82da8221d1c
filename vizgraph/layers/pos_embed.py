"""Where a node is: the learned embedding of the input grid, and the fixed relative term of the pyramids."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def _sine_cosine(channels: int, positions: np.ndarray) -> np.ndarray:
    """(N, channels) float64: sin then cos of position * 10000^(-2i / channels), i = 0 .. channels/2 - 1."""
    frequency = 10000.0 ** (-np.arange(channels // 2, dtype=np.float64) / (channels / 2.0))
    angle = positions[:, None] * frequency[None]
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def relative_position(channels: int, grid: tuple[int, int], reduction: int = 1) -> Tensor:
    """The term that the pyramids add to a layer's distances: (1, N, M) float32, nearer is smaller.

    Minus the similarity 2 P P^T / C of the nodes' 2-D sine-cosine embeddings P (N, C), whose first half comes from the
    column and second from the row; in float64, then cast and resized over its second axis to the M pooled keys
    (bicubic). Source: Pyramid ViG, Han et al., arXiv 2206.00272.
    """
    rows, cols = np.divmod(np.arange(grid[0] * grid[1], dtype=np.float64), grid[1])
    embedding = np.concatenate([_sine_cosine(channels // 2, cols), _sine_cosine(channels // 2, rows)], axis=1)
    similarity = torch.from_numpy(2 * (embedding @ embedding.T) / channels).float()[None, None]
    if reduction > 1:
        keys = (grid[0] // reduction) * (grid[1] // reduction)
        similarity = F.interpolate(similarity, size=(grid[0] * grid[1], keys), mode="bicubic", align_corners=False)
    return -similarity[0]


def resize_position(position: Tensor, grid: tuple[int, int]) -> Tensor:
    """A learned embedding (1, C, H, W) for another grid, bicubic; itself when the grid is its own."""
    if tuple(position.shape[-2:]) == tuple(grid):
        return position
    return F.interpolate(position, size=grid, mode="bicubic", align_corners=False)
