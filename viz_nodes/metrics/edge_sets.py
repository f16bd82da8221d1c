"""Sufficient and necessary edges: few that carry the answer alone, and few without which there is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.arguments import SETS
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.metrics.edge_curves import answers

_AT_ONCE = 16
"""Sizes tried in one batch."""
_FINER = 128
"""Sizes tried where none of so few does."""
EPSILON = 0.1
"""How near the score stays that a sufficient set keeps, as a fraction of it."""
DRAWS = 1000
"""Random sets that a set is held beside, unless asked otherwise."""


@dataclass(frozen=True, eq=False)
class EdgeSet:
    """Edges of the layers of one image, found by taking an order from its front.

    Attributes:
        edges: by layer (N, k) bool.
        size, total: how many edges these are, of how many.
        score: the explained score when they alone are replayed (sufficient), or are cut (necessary).
        whole: the score with all edges.
        target: the class that the network names then.
        named: the class that it names with all edges.
        epsilon: how near the score of a sufficient set is, as a fraction of `whole`; None for a necessary one.
        order: the order whose first these are, where one was named.
    """

    edges: dict[int, Tensor]
    size: int
    total: int
    score: float
    whole: float
    target: int
    named: int
    epsilon: float | None = None
    order: str = ""

    @property
    def kind(self) -> str:
        """ "sufficient" or "necessary"."""
        return SETS[self.epsilon is None]

    def does(self, score: float, target: int, *, slack: float = 0.0) -> bool:
        """Whether an answer is what a set of this kind is to give.

        Args:
            slack: how much further from `whole` a score may be, in logits.
        """
        if self.epsilon is None:
            return target != self.named
        return target == self.named and abs(score - self.whole) <= self.epsilon * abs(self.whole) + slack


def sufficient_edges(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    scores: Mapping[int, Tensor],
    *,
    epsilon: float = EPSILON,
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
        The first of the order, as few as were found to do; none of them where the answer needs none, all edges where
        no fewer do.

    Raises:
        ValueError: not all layers are explained, no layer is named, a callable target, scores of another shape.
    """
    return _Replay(model, pixels, exp, scores, row).smallest(epsilon)


def necessary_edges(
    model: nn.Module, pixels: Any, exp: Explanation, scores: Mapping[int, Tensor], *, row: int = 0
) -> EdgeSet | None:
    """The smallest set found without whose edges the network names another class; None where none does.

    Args:
        model, pixels, exp, scores, row: as for `sufficient_edges`.
    """
    return _Replay(model, pixels, exp, scores, row).smallest(None)


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
    draws: int = DRAWS,
    seed: int = 0,
    row: int = 0,
) -> float:
    """How often random sets of the same size, of all edges of the same layers, do not do what a found set does.

    Args:
        edge_set: a set of `sufficient_edges` or `necessary_edges`, whose layers and size are taken.
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
            cuts.append(chosen if edge_set.epsilon is None else ~chosen)
        for score, target in zip(*(each.tolist() for each in asked.run(cuts)), strict=True):
            failed += not edge_set.does(score, target)
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

    def smallest(self, epsilon: float | None) -> EdgeSet | None:
        """The smallest set found; sizes are tried from coarse to fine, all between two that the score passes it by."""
        total = len(self.order)
        blank = EdgeSet({}, 0, total, self.whole[0], self.whole[0], self.whole[1], self.whole[1], epsilon)
        for steps in (_AT_ONCE, _FINER):
            if (best := self._first(blank, -1, total, 0, steps)) is not None:
                break
        else:
            return None
        size, score, target = best
        edges = {layer: mask[0] for layer, mask in self.masks([self.order < size]).items()}
        return replace(blank, edges=edges, size=size, score=score, target=target)

    def _first(
        self, asked: EdgeSet, low: int, high: int, side: int, steps: int = _AT_ONCE
    ) -> tuple[int, float, int] | None:
        """The first size above `low`, up to `high`, that does, with its score and class.

        What does not fall steadily may have a smaller one between those tried, and what rises fast may pass the score
        by between two of them: there it is looked for again.

        Args:
            side: whether the score at `low` is below (-1) or above (1) the whole one; 0 where that is not known.
            steps: sizes tried at once.
        """
        if high <= low:
            return None
        # The least size is tried, too: from it the first crossing is seen.
        sizes = sorted({low + 1, *(round(low + (high - low) * at / steps) for at in range(1, steps + 1))} - {low})
        kept = asked.epsilon is not None
        scores, targets = self.run([(self.order >= size) if kept else (self.order < size) for size in sizes])
        for size, score, target in zip(sizes, scores.tolist(), targets.tolist(), strict=True):
            does = asked.does(score, target)
            now = (score > asked.whole) - (score < asked.whole) if kept else 0
            if (does or now * side < 0) and (between := self._first(asked, low, size - 1, side)) is not None:
                return between
            if does:
                return size, score, target
            low, side = size, now
        return None
