"""Sufficient and necessary edges: few that carry the answer alone, and few without which there is another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.metrics.edge_curves import answers

_AT_ONCE = 16
"""Sizes tried in one batch."""


@dataclass(frozen=True, eq=False)
class EdgeSet:
    """Edges of the layers of one image, found by taking an order from its front.

    Attributes:
        edges: by layer (N, k) bool.
        size, total: how many edges these are, of how many.
        score: the explained score when they alone are replayed (sufficient), or are cut (necessary).
        whole: the score with all edges.
        target: the class that the network names then.
    """

    edges: dict[int, Tensor]
    size: int
    total: int
    score: float
    whole: float
    target: int


def sufficient_edges(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    scores: Mapping[int, Tensor],
    *,
    epsilon: float = 0.1,
    row: int = 0,
) -> EdgeSet | None:
    """The smallest set found whose edges alone keep the class, and the score within `epsilon` of what it was.

    Args:
        model: the network that was explained.
        pixels: what it was given.
        exp: the explanation of all its graph layers, whose graphs are held; of classes.
        scores: by layer (N, k), high where an edge is to be taken first, as `edge_scores` gives them. Layers that are
            not named keep all their edges.
        epsilon: as a fraction of the score's size.
        row: of the explanation.

    Returns:
        The first of the order, as few as were found to do; all edges where no fewer do.

    Raises:
        ValueError: not all layers are explained, no layer is named, a callable target, scores of another shape.
    """
    asked = _Replay(model, pixels, exp, scores, row)
    near = epsilon * abs(asked.whole[0])
    return asked.smallest(
        lambda count: asked.order >= count,
        lambda score, target: (abs(score - asked.whole[0]) <= near) & (target == asked.whole[1]),
    )


def necessary_edges(
    model: nn.Module, pixels: Any, exp: Explanation, scores: Mapping[int, Tensor], *, row: int = 0
) -> EdgeSet | None:
    """The smallest set found without whose edges the network names another class; None where none does.

    Args:
        model, pixels, exp, scores, row: as for `sufficient_edges`.
    """
    asked = _Replay(model, pixels, exp, scores, row)
    return asked.smallest(lambda count: asked.order < count, lambda score, target: target != asked.whole[1])


def outcome(
    model: nn.Module, pixels: Any, exp: Explanation, cut: Mapping[int, Tensor], *, row: int = 0
) -> tuple[Tensor, Tensor]:
    """Scores (n,) and classes (n,) when edges are cut, all graphs held.

    Args:
        cut: by layer (n, N, k) bool, n sets.
    """
    count = len(next(iter(cut.values()))) if cut else 1
    answer = answers(model, pixels, exp, cut, row=row, batch=count)
    return answer.scores, answer.classes


def random_sets(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    edge_set: EdgeSet,
    *,
    epsilon: float | None = 0.1,
    draws: int = 1000,
    seed: int = 0,
    row: int = 0,
) -> float:
    """How often random sets of the same size, of all edges of the same layers, do not do what a found set does.

    Args:
        edge_set: a set of `sufficient_edges` or `necessary_edges`, whose layers and size are taken.
        epsilon: as it was given to `sufficient_edges`; None for a set of `necessary_edges`.
        draws: random sets, each replayed alone (sufficient) or cut (necessary), all graphs held.
        seed: of them.

    Returns:
        The fraction that fails: near 1 where the set is no accident.
    """
    order = {layer: torch.zeros(mask.shape) for layer, mask in edge_set.edges.items()}
    asked = _Replay(model, pixels, exp, order, row)
    generator = torch.Generator().manual_seed(seed)
    failed = 0
    for start in range(0, draws, _AT_ONCE):
        cuts = []
        for _ in range(min(_AT_ONCE, draws - start)):
            chosen = torch.zeros(len(asked.order), dtype=torch.bool)
            chosen[torch.randperm(len(chosen), generator=generator)[: edge_set.size]] = True
            cuts.append(chosen if epsilon is None else ~chosen)
        scores, targets = asked.run(cuts)
        if epsilon is None:
            done = targets != asked.whole[1]
        else:
            done = ((scores - asked.whole[0]).abs() <= epsilon * abs(asked.whole[0])) & (targets == asked.whole[1])
        failed += int((~done).sum())
    return failed / draws


class _Replay:
    """One image whose edges are taken in an order.

    Attributes:
        order: (E,) place of every edge in the order, layer after layer.
        whole: score and class with all edges.
    """

    def __init__(self, model: nn.Module, pixels: Any, exp: Explanation, scores: Mapping[int, Tensor], row: int) -> None:
        if not scores:
            raise ValueError("`scores` must name at least one layer (got none)")
        self.asked = (model, pixels, exp)
        self.row = exp.row(row)
        self.there: dict[int, Tensor] = {}
        values = []
        for layer, own in scores.items():
            explained = exp.layer(layer)
            neighbors = explained.neighbors[self.row]
            if own.shape != neighbors.shape:
                raise ValueError(f"`scores` must have shape {tuple(neighbors.shape)} for layer {explained.number}")
            self.there[explained.index] = neighbors != NO_EDGE
            values.append(own[neighbors != NO_EDGE].double().nan_to_num(nan=-torch.inf))
        first = torch.cat(values).argsort(descending=True, stable=True)
        self.order = torch.empty_like(first)
        self.order[first] = torch.arange(len(first))
        score, target = self.run([torch.zeros(len(first), dtype=torch.bool)])
        self.whole = float(score[0]), int(target[0])

    def masks(self, cuts: Sequence[Tensor]) -> dict[int, Tensor]:
        """By layer (n, N, k), of n times (E,)."""
        masks, first = {}, 0
        for layer, there in self.there.items():
            count = int(there.sum())
            own = torch.zeros(len(cuts), *there.shape, dtype=torch.bool)
            for at, cut in enumerate(cuts):
                own[at][there] = cut[first : first + count]
            masks[layer], first = own, first + count
        return masks

    def run(self, cuts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Scores and classes of n cuts."""
        model, pixels, exp = self.asked
        return outcome(model, pixels, exp, self.masks(cuts), row=self.row)

    def smallest(self, cut: Callable[[int], Tensor], does: Callable[[float, int], bool]) -> EdgeSet | None:
        """Sizes are tried from coarse to fine; what does not fall steadily may have a smaller one between."""
        low, high, best = 0, len(self.order) + 1, None
        while high - low > 1:
            sizes = [int(size) for size in np.unique(np.linspace(low, high, _AT_ONCE + 2).round())[1:-1]]
            sizes = [size for size in sizes if low < size < high]
            scores, targets = self.run([cut(size) for size in sizes])
            hits = [at for at in range(len(sizes)) if does(float(scores[at]), int(targets[at]))]
            if not hits:
                if best is None and sizes[-1] < len(self.order) and high > len(self.order):
                    low = sizes[-1]
                    continue
                break
            at = hits[0]
            best = sizes[at], float(scores[at]), int(targets[at])
            low, high = (sizes[at - 1] if at else low), sizes[at]
        if best is None:
            return None
        size, score, target = best
        edges = {layer: mask[0] for layer, mask in self.masks([self.order < size]).items()}
        return EdgeSet(edges, size, len(self.order), score, self.whole[0], target)
