"""What drawn edges carry: the score when they are cut together, beside as many edges of the layer drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.effects import BATCH, effect
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.text import quoted

DRAWS = 100
"""Random sets that drawn edges are held beside, unless asked otherwise."""


@dataclass(frozen=True)
class Carried:
    """What cutting edges of a layer together does to the score, all graphs held.

    Attributes:
        layer: place in the network from 0.
        row: of the explanation.
        count: how many edges were cut.
        effect: score after the cut minus before.
        random: mean of the same for as many edges of the layer, drawn at random.
        low, high: between these lie 95 % of the random sets.
        draws: how many random sets.
        seed: of them.
        score: before any cut.
    """

    layer: int
    row: int
    count: int
    effect: float
    random: float
    low: float
    high: float
    draws: int
    seed: int
    score: float

    def record(self) -> dict[str, Any]:
        """As a manifest holds it, its layer from 1."""
        rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return {**rounded, "layer": self.layer + 1}


def carried(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    layer: int,
    edges: Tensor,
    *,
    row: int = 0,
    draws: int = DRAWS,
    seed: int = 0,
    batch: int = BATCH,
    adapter: Adapter | Sequence[Adapter] | None = None,
) -> Carried:
    """Cut edges of a layer together, and as many others drawn at random, again and again.

    Random sets are drawn from all edges of the layer, without those of nodes to themselves, which no picture draws as
    an edge; so many of them are cut at once in one batch, from the layer on.

    Args:
        model, pixels, exp, row, batch, adapter: as for `viz_nodes.effect`.
        layer: place in the network from 0, negative from its end.
        edges: (N, k) bool, which are cut.
        draws: random sets.
        seed: of them.

    Raises:
        ValueError: no edge is named, more edges than there are to draw, or see `viz_nodes.effect`.

    Example:
        >>> drawn = torch.zeros(exp.layer(-1).neighbors.shape[1:], dtype=torch.bool)
        >>> drawn[int(exp.layer(-1).peak[0])] = True
        >>> viz_nodes.carried(model, pixels, exp, -1, drawn)
        Carried(layer=5, row=0, count=8, effect=-0.081, random=-0.004, low=-0.03, high=0.02, draws=100, seed=0, ...)
    """
    explained, at = exp.layer(layer), exp.row(row)
    neighbors = explained.neighbors[at]
    if edges.dtype != torch.bool or edges.shape != neighbors.shape:
        raise ValueError(f"`edges` must be bool {tuple(neighbors.shape)} (got {edges.dtype} {tuple(edges.shape)})")
    if draws < 1:
        raise ValueError(f"`draws` must be at least 1 (got {quoted(draws)})")
    chosen = edges & (neighbors != NO_EDGE)
    count = int(chosen.sum())
    own = torch.arange(len(neighbors))[:, None] if not explained.pooled else torch.full((1, 1), NO_EDGE)
    pool = ((neighbors != NO_EDGE) & (neighbors != own)).flatten().nonzero().flatten()
    if not 0 < count <= len(pool):
        raise ValueError(f"`edges` must name 1 to {len(pool)} edges of the layer (got {quoted(count)})")
    sets = torch.zeros(draws + 1, neighbors.numel(), dtype=torch.bool)
    sets[0] = chosen.flatten()
    generator = torch.Generator().manual_seed(seed)
    for each in range(1, draws + 1):
        sets[each, pool[torch.randperm(len(pool), generator=generator)[:count]]] = True
    changes = effect(
        model,
        pixels,
        exp,
        explained.index,
        edges=sets.view(-1, *neighbors.shape),
        row=at,
        batch=batch,
        adapter=adapter,
    ).double()
    random = changes[1:].numpy()
    low, high = np.quantile(random, (0.025, 0.975))
    target = int(exp.target[at])
    score = float(exp.logits[at, target]) if target >= 0 else float("nan")
    if target >= 0 and exp.versus is not None and int(exp.versus[at]) >= 0:
        score -= float(exp.logits[at, int(exp.versus[at])])
    return Carried(
        layer=explained.index,
        row=at,
        count=count,
        effect=float(changes[0]),
        random=float(random.mean()),
        low=float(low),
        high=float(high),
        draws=draws,
        seed=seed,
        score=score,
    )
