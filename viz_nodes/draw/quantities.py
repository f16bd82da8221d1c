"""Which quantity orders, widens and colors the edges of a picture: what is asked for, or the next that is known.

By default the contribution, which foretells best what cutting an edge does to the score (docs/trust.md has the table,
`vizgraph score --edges` makes it). Where contributions are unknown the share; where shares are, the network's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from viz_nodes.draw.geometry.selection import Ego, Selection
from viz_nodes.draw.style.style import SIGNED, Style
from viz_nodes.explanation import NO_EDGE, Explanation, LayerExplanation

FALLBACK = ("contribution", "share", "rank")
"""What edges are ordered by, in this order, where the one before is not known."""

WIDEST = 0.6
"""How wide an edge at the top of a scale is that ends at the largest value drawn: as one with this share."""


def is_known(name: str, layer: LayerExplanation, row: int) -> bool:
    """Whether a layer's contributions or shares tell its edges apart.

    Not where the score does not depend on the layer (all are 0), nor where an aggregation that is not understood had
    its sum dealt out evenly.

    Args:
        name: "contribution" or "share"; ranks are always there.
    """
    if name == "rank":
        return True
    there = layer.neighbors[row] != NO_EDGE
    values = getattr(layer, name)[row].double().masked_fill(~there, 0.0)
    if not bool(values.isfinite().all()) or not bool((values != 0).any()):
        return False
    highest = values.masked_fill(~there, -torch.inf).amax(1)
    lowest = values.masked_fill(~there, torch.inf).amin(1)
    apart = (highest - lowest)[there.any(1)]
    return layer.exact or bool((apart > 1e-6 * float(values.abs().max())).any())


def settled(
    selection: Selection,
    style: Style,
    shown: Iterable[tuple[LayerExplanation, int]],
    *,
    colored: bool = False,
) -> tuple[Selection, Style]:
    """The same with what is left open decided: one order, one meaning of width and one of color for a whole figure.

    Args:
        shown: the layers, with the rows, whose edges are drawn.
        colored: whether colors tell something else apart, such as two networks.

    Returns:
        An order that is known in all of these layers. Unless they are named, widths follow it (where it is the rank,
        the share), and colors where it has a sign and they need not tell centers apart.
    """
    order = selection.order
    if order in FALLBACK:
        layers = list(shown)
        order = next(
            name
            for name in FALLBACK[FALLBACK.index(order) :]
            if all(is_known(name, layer, row) for layer, row in layers)
        )
    named: dict[str, Any] = {}
    if style.edge_width == "auto":
        named["edge_width"] = "share" if order == "rank" else order
    if style.color == "auto":
        free = order in SIGNED and not colored and count_centers(selection) <= 1
        named["color"] = order if free else "center"
    return selection.but(order=order), style.but(**named) if named else style


def count_centers(selection: Selection) -> int:
    """How many centers a selection names; 0 for the peak."""
    center: Any = selection.center
    if center is None:
        return 0
    return len(center) if isinstance(center, list) or getattr(center, "ndim", 0) > 0 else 1


def top_of(egos: Sequence[Ego], by: str, vmax: float | None = None) -> float:
    """The value at which edges are widest: for a share 1, else the largest that is drawn.

    Args:
        by: see `Style.edge_width`.
        vmax: in place of the largest contribution or effect.

    Raises:
        ValueError: effects that nobody gave.
    """
    if by == "share":
        return 1.0
    values = np.concatenate([ego.value(by) for ego in egos] or [np.zeros(0)])
    if by == "effect" and len(values) and not np.isfinite(values).any():
        raise ValueError('`edge_width="effect"` needs `effect`: what `viz_nodes.effect` found for this center')
    if by in SIGNED and vmax is not None:
        return float(vmax)
    return float(np.abs(np.nan_to_num(values)).max(initial=0.0))


def strengths(ego: Ego, by: str, top: float) -> np.ndarray:
    """(n,) how wide edges are, from 0 to 1: the share itself, else up to `WIDEST` at the top of the scale.

    Unknown values, and 0, are hairlines; the nearest of ranks is widest.
    """
    return np.asarray(ego.share) if by == "share" else widths_of(ego.value(by), by, top)


def widths_of(values: np.ndarray, by: str, top: float) -> np.ndarray:
    """(n,) `strengths` of values."""
    if by == "rank":
        most = max(top, 1.0)
        return np.asarray(WIDEST * np.clip((most + 1 - np.maximum(values, 1)) / most, 0.0, 1.0))
    size = np.abs(np.nan_to_num(values)) / (top if top > 0 else 1.0)
    return np.asarray(np.clip(size, 0.0, 1.0) * (1.0 if by == "share" else WIDEST))


def unit_of(exp: Explanation, row: int) -> str:
    """What contributions and effects are measured in: "logits" of a class, else the "score" that was explained."""
    return "logits" if int(exp.target[row]) >= 0 and exp.activation in ("softmax", "sigmoid") else "score"
