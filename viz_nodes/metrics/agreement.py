"""Which order of a center's edges foretells what cutting them does: rank, share, contribution and the rest, measured.

The table that decides what pictures draw first and thickest. Edges of the peaks are cut one at a time, all graphs held,
and every method's order is held beside what that did to the score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn

from viz_nodes.explainer import explain
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.metrics.edge_scores import SIGNED, edge_scores, importance
from viz_nodes.metrics.intervals import apart, interval
from viz_nodes.metrics.randomization import rank_correlation

if TYPE_CHECKING:
    import pandas as pd

ORDERS = ("rank", "distance", "cosine", "share", "contribution", "gradient", "integrated", "random")
FIGURES = ("size", "signed", "top1", "top3")
"""The columns with figures, in their order."""
COLUMNS = ("image", "layer", "node", "method", *FIGURES, "strongest")
_FEWEST = 3
"""Edges that change anything a center must have, for a correlation of fewer says nothing."""


def agreement(
    model: nn.Module,
    images: Iterable[tuple[Any, Any]],
    *,
    methods: Sequence[str] = ORDERS,
    layers: Sequence[int] | None = None,
    target: Any = None,
    seed: int = 0,
) -> Iterator[list[dict[str, Any]]]:
    """How well each method foretells the effects of the edges of each peak, image by image.

    Args:
        model: a classifier with graph layers.
        images: (name, pixels of one image) each.
        methods: names of `edge_scores.METHODS`, but "effect".
        layers: places in the network from 0, negative from its end; None for all.
        target: as for `explain`, one class an image.
        seed: of what is random.

    Yields:
        A line for each layer and method: `image`, `layer` (from 0), `node` (the peak), `method`, and

        - `size`: Spearman's correlation of how much the method says that an edge matters with the size of its effect;
        - `signed`: of signed scores with what the edge is worth (minus the effect); NaN for methods without a sign;
        - `top1`: 1 where the method names the edge of the largest effect, 0 where not; 1 / n where it has n first ones;
        - `top3`: which fraction of the three edges of the largest effects is among its three;
        - `strongest`: the size of the largest effect, in logits.

        Blank layers, and centers of fewer than three edges that change anything, give no lines.
    """
    for name, pixels in images:
        exp = explain(model, pixels, target=target)
        kept: dict[Any, Any] = {}
        lines: list[dict[str, Any]] = []
        for explained in exp.pick(layers):
            node = int(explained.peak[0])
            if node == NO_PEAK:
                continue
            of_center = _at(model, pixels, exp, explained.index, node, methods, seed, kept)
            about = {"image": name, "layer": explained.index, "node": node}
            lines += [about | line for line in of_center]
        yield lines


def _at(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    layer: int,
    node: int,
    methods: Sequence[str],
    seed: int,
    kept: dict[Any, Any],
) -> list[dict[str, Any]]:
    """The lines of one center."""
    asked = ("effect", *(method for method in methods if method != "effect"))
    scores = edge_scores(model, pixels, exp, layer, asked, nodes=[node], seed=seed, kept=kept)
    there = ~scores["effect"][node].isnan()
    worth = scores["effect"][node][there]
    if int((worth != 0).sum()) < _FEWEST:
        return []
    strongest = float(worth.abs().max())
    lines = []
    for method in methods:
        values = scores[method][node][there]
        lines.append({"method": method, **foretold(method, values, worth), "strongest": strongest})
    return lines


def foretold(method: str, values: Tensor, worth: Tensor) -> dict[str, float]:
    """The figures of `agreement` for (n,) scores beside what the edges are worth."""
    predicted, size = importance(method, values), worth.abs()
    first = predicted == predicted.max()
    hit = float(first[int(size.argmax())]) / int(first.sum())
    three = min(3, len(size))
    most = set(size.argsort(descending=True, stable=True)[:three].tolist())
    named = set(predicted.argsort(descending=True, stable=True)[:three].tolist())
    return {
        "size": rank_correlation(predicted, size),
        "signed": rank_correlation(values, worth) if method in SIGNED else float("nan"),
        "top1": hit,
        "top3": len(most & named) / three,
    }


def agreement_summary(
    table: pd.DataFrame, by: Sequence[str] = ("layer",), *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Means for each method with bootstrap intervals, resampled by image.

    Args:
        table: the lines of `agreement`.
        by: columns whose values have lines of their own; () for one line a method.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        The columns of `by`, method, images, peaks, and for each figure its mean, `<figure>_low` and `<figure>_high`;
        `tie`: whether `size` has an interval that overlaps that of the best method.
    """
    import pandas as pd

    lines = []
    for _, part in table.groupby(list(by), sort=False) if by else [((), table)]:
        group = []
        for method, own in part.groupby("method", sort=False):
            line: dict[str, Any] = {name: own[name].iloc[0] for name in by}
            line |= {"method": method, "images": own.image.nunique(), "peaks": len(own)}
            for figure in FIGURES:
                low, high = interval(own[figure].to_numpy(), own.image.tolist(), level=level, seed=seed)
                line |= {figure: own[figure].mean(), f"{figure}_low": low, f"{figure}_high": high}
            group.append(line)
        best = max(group, key=lambda line: line["size"] if line["size"] == line["size"] else -np.inf)
        for line in group:
            line["tie"] = not apart(_range(line), _range(best))
        lines += group
    return pd.DataFrame(lines)


def _range(line: dict[str, Any]) -> tuple[float, float]:
    return line["size_low"], line["size_high"]


def best_order(table: pd.DataFrame, candidates: Sequence[str] = ("rank", "share", "contribution")) -> str:
    """Of the orders that cost nothing more than the explanation the one that foretells the size of effects best."""
    means = table.groupby("method")["size"].mean()
    return max(candidates, key=lambda name: float(means[name]))
