"""Infidelity and complexity: does what an explanation says of parts foretell what happens without them, and how few?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

PART = 0.1
"""How likely each node or edge is taken away in a sample."""


def infidelity(attributed: Tensor | np.ndarray, lost: Tensor | np.ndarray) -> float:
    """The infidelity of Yeh et al. (arXiv 1901.09392), with the scale that fits best, as a fraction.

    Their infidelity is the mean of (sum of what the explanation says of the parts taken away - what the score lost)^2
    over random perturbations. Maps and shares have no unit, so they are multiplied by the factor, not below 0, that
    makes it least; and it is divided by that of an explanation that says nothing, so that images can be averaged.

    Args:
        attributed: (S,) for each perturbation the sum of the explanation over what was taken away.
        lost: (S,) score before minus score after it.

    Returns:
        0 where the explanation foretells every loss, 1 where it is no better than saying nothing; NaN where nothing
        was ever lost.
    """
    x, y = np.asarray(attributed, dtype=np.float64), np.asarray(lost, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"`said` and `lost` must be (S,) both (got {x.shape} and {y.shape})")
    nothing = float((y**2).sum())
    if not nothing > 0:
        return float("nan")
    own = float((x**2).sum())
    scale = max(0.0, float((x * y).sum()) / own) if own > 0 else 0.0
    return float(((scale * x - y) ** 2).sum()) / nothing


def taken_away(shape: tuple[int, ...], samples: int, seed: int, part: float = PART) -> Tensor:
    """(samples, *shape) bool, which parts each perturbation takes away: each with the same probability, at random."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((samples, *shape), generator=generator) < part


def complexity(values: Tensor | np.ndarray) -> float:
    """How spread out an explanation is (Bhatt et al., arXiv 2005.00631): its entropy, as a fraction of the largest.

    Args:
        values: of any shape; their sizes count, NaN is left out.

    Returns:
        0 where one part has all of it, 1 where all parts have the same; NaN of fewer than two parts, or of zeros.
    """
    sizes = np.abs(np.asarray(values, dtype=np.float64).ravel())
    sizes = sizes[sizes == sizes]
    total = float(sizes.sum())
    if len(sizes) < 2 or not total > 0:
        return float("nan")
    parts = sizes[sizes > 0] / total
    return float(-(parts * np.log(parts)).sum() / np.log(len(sizes)))
