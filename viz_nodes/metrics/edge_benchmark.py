"""Methods that score edges against each other, by the measures that `benchmark` has for maps, of edges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.explainer import explain
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.metrics.benchmark import FIGURES, Measures, mean_of
from viz_nodes.metrics.edge_curves import EdgeCurves, answers, area, edge_curves, first_edges
from viz_nodes.metrics.edge_scores import METHODS, edge_scores
from viz_nodes.metrics.infidelity import complexity, infidelity, taken_away
from viz_nodes.metrics.stability import edge_numbers, jaccard, noisy
from viz_nodes.text import quoted

ALL = "all"
"""Instead of a layer: all of them together."""
ORDERS = ("rank", "distance", "cosine")
"""Methods that order edges and say no amounts: they have no infidelity, no complexity and no part in the object."""
FIRST = 0.2
"""Which part of each node's edges, the first of an order, is compared under noise; at least one where it has three."""
_OBJECT = 0.5

Scores = dict[str, dict[int, Tensor]]
"""By method, by layer (N, k)."""


class EdgeBenchmark:
    """The figures of orders of edges, one image at a time, all methods in the same batches.

    Attributes:
        left_out: methods that cannot be asked of this network, and why.
    """

    def __init__(self, model: nn.Module, measures: Measures, *, layers: Sequence[int] | None = None) -> None:
        """Args:
        model: the network.
        measures: what is measured.
        layers: whose edges go and come, together; None for all.
        """
        self.model, self.measures, self.layers = model, measures, layers
        self.left_out: dict[str, str] = {}

    def lines(
        self,
        pixels: Tensor,
        methods: Sequence[str],
        *,
        target: Any = None,
        label: int | None = None,
        mask: np.ndarray | None = None,
        number: int = 0,
    ) -> list[dict[str, Any]]:
        """A line a method: `layer` "all", `method`, `target`, `probability` and the figures of `benchmark.FIGURES`.

        - `deletion`, `insertion`, `faithfulness`, `accuracy_deletion`, `accuracy_insertion`: areas of `edge_curves`,
          so much of every node's edges, all graphs held.
        - `infidelity`: over random sets of edges of all layers that are cut together.
        - `stability`: Jaccard of the first fifth of each node's edges, of all layers, with those of the image under
          noise, whose graphs are its own.
        - `complexity`: 0 where one edge has all, 1 where all have the same.
        - `pointing`: whether the edge with the highest score comes from the object, mean over the layers; where
          several have it, the fraction of them that does. `inside`: the fraction of the scores' sizes on such edges.
        - `seconds`: of the scores, all layers.

        Args:
            pixels: (1, 3, H, W).
            methods: names of `edge_scores.METHODS`.
            target, label, mask, number: as for `MapScores.lines`.

        Raises:
            ValueError: an unknown method, a target that is not one class.
        """
        for name in methods:
            if name not in METHODS:
                raise ValueError(f"`methods` must be among {', '.join(METHODS)} (got {quoted(name)})")
        seed = self.measures.seed + 7919 * number
        exp = explain(self.model, pixels, target=target)
        if len(exp) != 1 or int(exp.target[0]) < 0:
            raise ValueError(f"`target` must name one class an image to be scored (got {quoted(target)})")
        index = int(exp.target[0])
        scores, seconds = self._scores(pixels, exp, methods, seed)
        if not scores:
            return []
        points = np.linspace(0, 1, self.measures.steps + 1)
        curves = edge_curves(self.model, pixels, exp, scores, label=label, fractions=points)
        losses = self._losses(pixels, exp, seed)
        same = self._stability(pixels, exp, scores, seed)
        lines = []
        for name, values in scores.items():
            line: dict[str, Any] = {"layer": ALL, "method": name, "target": index}
            line |= {"probability": float(exp.probabilities[0, index])} | dict.fromkeys(FIGURES, float("nan"))
            line |= _areas(curves[name], label)
            line["stability"] = same.get(name, float("nan"))
            line["seconds"] = seconds[name] if self.measures.timing else float("nan")
            if name not in ORDERS:
                line["complexity"] = complexity(torch.cat([each.flatten() for each in values.values()]))
                if losses is not None:
                    line["infidelity"] = infidelity(_attributed(values, losses[0]), losses[1])
            if mask is not None:
                line |= _on_object(exp, values, mask, amounts=name not in ORDERS)
            lines.append(line)
        return lines

    def _places(self, exp: Explanation) -> list[int]:
        """The layers asked about, of those whose aggregation is understood."""
        return [layer.index for layer in exp.pick(self.layers) if layer.conv != "other"]

    def _scores(
        self, pixels: Tensor, exp: Explanation, methods: Iterable[str], seed: int
    ) -> tuple[Scores, dict[str, float]]:
        scores: Scores = {}
        seconds = {}
        for name in methods:
            if name in self.left_out:
                continue
            start, kept = time.perf_counter(), {}  # type: ignore[var-annotated]
            try:
                scores[name] = {
                    at: edge_scores(self.model, pixels, exp, at, name, seed=seed, kept=kept)[name]
                    for at in self._places(exp)
                }
            except (ValueError, ImportError) as error:
                self.left_out[name] = str(error)
                continue
            seconds[name] = time.perf_counter() - start
        return scores, seconds

    def _losses(self, pixels: Tensor, exp: Explanation, seed: int) -> tuple[dict[int, Tensor], np.ndarray] | None:
        """Random sets of edges (S, N, k) by layer, and what the score loses with each (S,)."""
        if not self.measures.samples:
            return None
        cut = {}
        for at in self._places(exp):
            there = exp.layer(at).neighbors[0] != NO_EDGE
            gone = taken_away(tuple(there.shape), self.measures.samples, seed + at) & there
            cut[at] = torch.cat([torch.zeros_like(gone[:1]), gone])
        scores = answers(self.model, pixels, exp, cut).scores.numpy()
        return {at: mask[1:] for at, mask in cut.items()}, scores[0] - scores[1:]

    def _stability(self, pixels: Tensor, exp: Explanation, scores: Scores, seed: int) -> dict[str, float]:
        """By method how much of the first edges is the same under noise."""
        overlaps: dict[str, list[float]] = {name: [] for name in scores}
        for copy in noisy(pixels, self.measures.draws, seed):
            other = explain(self.model, copy, target=int(exp.target[0]))
            theirs, _ = self._scores(copy, other, scores, seed)
            for name, values in theirs.items():
                overlaps[name].append(jaccard(_first(exp, scores[name]), _first(other, values)))
        return {name: mean_of(values) for name, values in overlaps.items()}


def _first(exp: Explanation, values: Mapping[int, Tensor]) -> np.ndarray:
    return edge_numbers(exp, {at: mask[0] for at, mask in first_edges(exp, values, (FIRST,)).items()})


def _areas(curves: EdgeCurves, label: int | None) -> dict[str, float]:
    line = {}
    for mode in ("deletion", "insertion"):
        curve = getattr(curves, mode)
        line[mode] = curve.area
        if label is not None:
            line[f"accuracy_{mode}"] = area(curve.fractions, curve.right(label))
    return line | {"faithfulness": curves.difference}


def _attributed(values: Mapping[int, Tensor], cut: Mapping[int, Tensor]) -> np.ndarray:
    """(S,) what a method says of each set of edges together."""
    sums = [(mask * values[at].nan_to_num(nan=0.0)).sum((1, 2)) for at, mask in cut.items()]
    return np.asarray(torch.stack(sums).sum(0))


def _on_object(exp: Explanation, values: Mapping[int, Tensor], mask: np.ndarray, *, amounts: bool) -> dict[str, float]:
    """Whether the first edges, and which part of all amounts, come from the object."""
    pointing, inside = [], []
    for at, worth in values.items():
        layer = exp.layer(at)
        neighbors = layer.neighbors[0]
        covered = np.asarray(exp.regions(at, keys=True).covered(mask)) > _OBJECT
        there = (neighbors != NO_EDGE) & ~worth.isnan()
        from_object = torch.from_numpy(covered)[neighbors.clamp(min=0)][there]
        known = worth[there]
        if not len(known):
            continue
        pointing.append(float(from_object[known == known.max()].double().mean()))
        if amounts and float(known.abs().sum()) > 0:
            inside.append(float(known.abs()[from_object].sum() / known.abs().sum()))
    return {"pointing": mean_of(pointing), "inside": mean_of(inside)}
