"""Does a map change when the network forgets what it knows? A map that survives says nothing about the network."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.arguments import numbers
from viz_nodes.explainer import explain
from viz_nodes.text import quoted


def rank_correlation(first: Tensor | np.ndarray, second: Tensor | np.ndarray) -> float:
    """Spearman's: 1 the same order, -1 the reverse; equal values share their ranks. NaN where one is constant."""
    ranks = []
    for values in (first, second):
        flat = numbers("values", values).ravel()
        _, place, count = np.unique(flat, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    a, b = (rank - rank.mean() for rank in ranks)
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else float("nan")


def randomized(model: nn.Module, fraction: float = 1.0, *, seed: int = 0) -> nn.Module:
    """A copy of a network with the weights of its last modules shuffled, `fraction` of all modules that have weights.

    Every tensor keeps its values in another order, so that its scale stays. `fraction` 0 is an equal copy, 1 shuffles
    all; between, from the head backwards (the cascade of Adebayo et al., arXiv 1810.03292).
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"`fraction` must lie in [0, 1] (got {quoted(fraction)})")
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    owners = [module for module in model.modules() if any(True for _ in module.parameters(recurse=False))]
    with torch.no_grad():
        for module in owners[len(owners) - round(fraction * len(owners)) :]:
            for parameter in module.parameters(recurse=False):
                mixed = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[mixed].view_as(parameter))
    return model


def parameter_randomization(
    model: nn.Module,
    pixels: Tensor,
    *,
    layer: int = -1,
    method: str = "gradcam",
    target: Any = None,
    fractions: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    seed: int = 0,
) -> dict[float, np.ndarray]:
    """Does the map change when the network forgets what it knows? The sanity check of Adebayo et al. (1810.03292).

    Args:
        pixels: (B, 3, H, W).
        target: as for `explain`; None is what the network as given predicts, also for the shuffled ones.

    Returns:
        For each fraction of shuffled modules (B,) rank correlations between the network's map and the shuffled one's.
        Near 0 is right, near 1 means that the map does not depend on what was learned. NaN where a map is blank.
    """
    trusted = explain(model, pixels, layers=[layer], target=target, method=method)
    correlations = {}
    for fraction in fractions:
        broken = explain(
            randomized(model, fraction, seed=seed),
            pixels,
            layers=[layer],
            target=trusted.target if target is None else target,
            method=method,
        )
        pairs = zip(trusted.layers[0].cam, broken.layers[0].cam)
        correlations[fraction] = np.array([rank_correlation(before, after) for before, after in pairs])
    return correlations
