"""From raw map values to 0..1 for display: which maximum is the top of the palette, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from viz_nodes.arguments import numbers
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.text import quoted

NORMALIZATIONS = ("image", "layer", "shared", "none")


@dataclass(frozen=True)
class Scale:
    """The raw values that a palette spans, from 0 (no evidence) to `top`, and the words for it."""

    top: float
    words: str

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values divided by `top`, clipped to 0..1; all 0 where `top` is 0. NaN counts as 0."""
        if self.top <= 0:
            return np.zeros_like(values, dtype=float)
        return np.asarray(np.clip(np.nan_to_num(values.astype(float), nan=0.0) / self.top, 0.0, 1.0))


def scale_of(
    exp: Explanation, layer: LayerExplanation, row: int, normalize: str = "image", vmax: float | None = None
) -> Scale:
    """The display scale of one map.

    Args:
        normalize: "image": each map up to its own maximum; "layer": one maximum over all rows of a layer; "shared":
            one over all rows and layers; "none": raw values against 0..1.
        vmax: an explicit top, in raw values; overrides `normalize`.

    Raises:
        ValueError: an unknown normalization, or a top that is none.
    """
    if normalize not in NORMALIZATIONS:
        raise ValueError(f"`normalize` must be one of {', '.join(NORMALIZATIONS)} (got {quoted(normalize)})")
    if vmax is not None:
        top = numbers("vmax", vmax)
        if top.ndim or not 0 < top < np.inf:
            raise ValueError(f"`vmax` must be one number above 0 (got {quoted(vmax)})")
        return Scale(float(top), "given scale")
    if normalize == "none":
        return Scale(1.0, "raw values, 0 to 1")
    if normalize == "image":
        return Scale(_peak_value(layer.cam[row]), "own maximum")
    if normalize == "layer":
        return Scale(_peak_value(layer.cam), "one scale a layer")
    return Scale(max(_peak_value(each.cam) for each in exp.layers), "one scale for all")


def _peak_value(cam: torch.Tensor) -> float:
    return float(np.nan_to_num(cam.numpy(), nan=0.0).max(initial=0.0))
