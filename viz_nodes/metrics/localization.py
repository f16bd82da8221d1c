"""Where a map points: the pointing game and the fraction of the map in an object. They say where a map is, not why."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation


def pointing_game(
    exp: Explanation, masks: Tensor | np.ndarray, layer: int = -1, *, tolerance: float = 0.0
) -> np.ndarray:
    """Whether the peak lies in the object (Zhang et al., arXiv 1608.00507).

    A peak is a node: it hits when its box overlaps the mask by more than `tolerance` of its area.

    Args:
        masks: (R, H, W) or (H, W) bool at the size of the network's input, the object's pixels.
        tolerance: fraction of the box that must be passed, 0 to below 1; 0.5 asks for more than half of the patch.

    Returns:
        (R,) float64: 1 hit, 0 miss, NaN where the map is blank and points nowhere.
    """
    explained = exp.layer(layer)
    inside = _mask_fraction(exp, masks, explained)
    peaks = explained.peak.numpy()
    hits = (inside[np.arange(len(exp)), peaks.clip(min=0)] > tolerance).astype(np.float64)
    return np.where(peaks == NO_PEAK, np.nan, hits)


def energy_inside(exp: Explanation, masks: Tensor | np.ndarray, layer: int = -1) -> np.ndarray:
    """What fraction of the map lies in the object, node by node (the energy-based pointing game of arXiv 1910.01279).

    Returns:
        (R,) float64, NaN where the map is blank.
    """
    explained = exp.layer(layer)
    heat = explained.cam.double().flatten(1).numpy()
    total = heat.sum(1)
    with np.errstate(invalid="ignore"):
        inside = (heat * _mask_fraction(exp, masks, explained)).sum(1)
        return np.asarray(inside / np.where(total > 0, total, np.nan))


def _mask_fraction(exp: Explanation, masks: Tensor | np.ndarray, explained: LayerExplanation) -> np.ndarray:
    """(R, N), how much of each node's region the mask covers."""
    masks = np.asarray(masks, dtype=bool)
    masks = np.broadcast_to(masks, (len(exp), *masks.shape)) if masks.ndim == 2 else masks
    if masks.shape != (len(exp), *exp.image_size):
        raise ValueError(f"`masks` must have shape {(len(exp), *exp.image_size)} (got {masks.shape})")
    if explained.places is None:
        return explained.regions(exp.image_size).covered(masks)
    return np.stack([explained.regions(exp.image_size, row).covered(mask) for row, mask in enumerate(masks)])
