"""The edges of a layer as arrays, and what can be counted on them: in-degree, mutual edges, length, overlap, margin.

An edge runs from a key node (the neighbor, which sends) to a center (which receives). In a networkx graph of this
project that is its direction too, so "how many centers chose this node", the in-degree of the k-nearest-neighbor graph,
is an out-degree there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from torch import Tensor

from viz_nodes.arguments import also_image
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.grids import NO_EDGE
from viz_nodes.text import quoted


@dataclass(frozen=True, eq=False)
class Edges:
    """E edges of one layer for one row, by center and then by rank; E = N * k where every node has k neighbors.

    Attributes:
        center: (E,) int64 the receiving node.
        neighbor: (E,) int64 the sending key node.
        rank: (E,) int64 place among the center's neighbors, nearest first, from 0.
        share: (E,) fraction of the center's channels in which its message is the largest.
        contribution: (E,) in logits, signed.
        distance: (E,) or None.
        margin: (E,) or None.
        effect: (E,) what cutting it did to the score, NaN where not measured; or None.
    """

    center: np.ndarray
    neighbor: np.ndarray
    rank: np.ndarray
    share: np.ndarray
    contribution: np.ndarray
    distance: np.ndarray | None = None
    margin: np.ndarray | None = None
    effect: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.center)

    def where(self, mask: np.ndarray) -> Edges:
        """The edges that a boolean (E,) or an index array picks."""
        columns: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        picked: dict[str, Any] = {name: None if column is None else column[mask] for name, column in columns.items()}
        return Edges(**picked)

    def merged(self) -> Edges:
        """One edge a pair: where a center has a neighbor twice (wrapped grids), shares and contributions add up."""
        keys = int(self.neighbor.max(initial=0)) + 1
        _, first, place = np.unique(self.center * keys + self.neighbor, return_index=True, return_inverse=True)
        if len(first) == len(self):
            return self
        totals: dict[str, Any] = {}
        for name in ("share", "contribution"):
            column = getattr(self, name)
            totals[name] = np.zeros(len(first), column.dtype)
            np.add.at(totals[name], place, column)
        if self.effect is not None:  # each alone; nobody cut them together
            totals["effect"] = np.where(np.bincount(place) > 1, np.nan, self.effect[first])
        return replace(self.where(first), **totals)

    def incoming(self, node: int) -> Edges:
        """The edges into a center, from its nearest neighbor on."""
        return self.where(self.center == node)

    def outgoing(self, neighbor: int) -> Edges:
        """The edges out of a key node: the centers that chose it."""
        return self.where(self.neighbor == neighbor)


@also_image
def edges(exp: Explanation, layer: int, row: int = 0) -> Edges:
    """All edges of a layer for one row of an explanation.

    Args:
        layer: place in the network from 0, negative from its end.
        row: the row, also called `image`.
    """
    return edges_of(exp.layer(layer), exp.row(row))


def edges_of(layer: LayerExplanation, row: int) -> Edges:
    """All edges of a layer for one row."""
    neighbors = layer.neighbors[row].numpy()
    center, rank = np.nonzero(neighbors != NO_EDGE)

    def column(array: Tensor | None) -> Any:
        return None if array is None else array[row].numpy()[center, rank]

    return Edges(
        center=center,
        neighbor=neighbors[center, rank],
        rank=rank,
        share=column(layer.share),
        contribution=column(layer.contribution),
        distance=column(layer.distance),
        margin=column(layer.margin),
        effect=column(layer.effect),
    )


@also_image
def in_degree(exp: Explanation, layer: int, row: int = 0, *, weight: str | None = None) -> np.ndarray:
    """How many centers chose each key node.

    Args:
        weight: sum this column of the edges instead of counting them: "share" (how many channels, in nodes' worth, the
            key node fills) or "contribution" (what it gave to the class, in logits).

    Returns:
        (M,) int64, or float with `weight`. Without it the sum is the number of edges; with "share" it is N.
    """
    drawn = edges(exp, layer, row)
    weights = None if weight is None else _column(drawn, weight)
    return np.bincount(drawn.neighbor, weights=weights, minlength=exp.layer(layer).num_keys)


@also_image
def hubs(
    exp: Explanation, layer: int, row: int = 0, *, top: int = 5, weight: str | None = None
) -> list[tuple[int, float]]:
    """The key nodes that most centers chose, as (node, in-degree), highest first; ties by node number."""
    degree = in_degree(exp, layer, row, weight=weight)
    order = np.lexsort((np.arange(len(degree)), -degree))[:top]
    return [(int(node), degree[node].item()) for node in order]


def _column(table: Edges, name: str) -> np.ndarray:
    column = getattr(table, name, None) if name in ("share", "contribution", "distance", "margin") else None
    if column is None:
        raise ValueError(
            f"`weight` must be a column that the edges have: share, contribution, ... (got {quoted(name)})"
        )
    return np.asarray(column, dtype=np.float64)


@also_image
def mutual(exp: Explanation, layer: int, row: int = 0) -> np.ndarray:
    """Which edges are mutual: i aggregates from j and j from i, with i and j different.

    Returns:
        (E,) bool, beside `edges`.

    Raises:
        ValueError: the layer pools its keys, so that a neighbor is never a center.
    """
    explained = exp.layer(layer)
    if explained.pooled:
        raise ValueError(f"layer {layer} pools its keys to {explained.key_grid}, so no edge of it can be mutual")
    own = edges(exp, layer, row)
    there = own.center * explained.num_nodes + own.neighbor
    back = own.neighbor * explained.num_nodes + own.center
    return np.asarray(np.isin(back, there) & (own.center != own.neighbor))


@also_image
def length(exp: Explanation, layer: int, row: int = 0, *, unit: str = "patches") -> np.ndarray:
    """How far each edge reaches, between the middles of the two nodes.

    On a 14 x 14 grid of a 224 x 224 image an edge from (0, 0) to (3, 4) is 5 patches or 80 pixels long. Patches are
    nodes of the layer's own grid, also for key nodes, whose middles can lie between patches; of regions that are no
    grid, the middle distance to the nearest other.

    Args:
        unit: "patches" or "pixels".

    Returns:
        (E,) float64, beside `edges`.
    """
    if unit not in ("patches", "pixels"):
        raise ValueError(f"`unit` must be 'patches' or 'pixels' (got {quoted(unit)})")
    explained = exp.layer(layer)
    own = edges(exp, layer, row)
    size = exp.image_size if unit == "pixels" else explained.grid
    near, far = (explained.regions(size, exp.row(row), keys=keys) for keys in (False, True))
    step = near.centers()[own.center] - far.centers()[own.neighbor]
    if unit == "patches" and explained.places is not None:
        step /= near.pitch
    return np.asarray(np.hypot(step[:, 0], step[:, 1]))


@also_image
def overlap(exp: Explanation, layer: int, other: int, row: int = 0) -> np.ndarray:
    """How much of their neighbors two layers share, node by node (Jaccard: common over all; 1 where neither has any).

    {0, 1, 2} and {0, 2, 5, 7} have two in common out of five: 0.4.

    Returns:
        (N,) float64.

    Raises:
        ValueError: the layers have different grids or key grids.
    """
    first, second = exp.layer(layer), exp.layer(other)
    if (first.grid, first.key_grid) != (second.grid, second.key_grid):
        raise ValueError(
            f"layers {layer} and {other} must have the same grids to be compared "
            f"(got {first.grid} with keys {first.key_grid}, and {second.grid} with keys {second.key_grid})"
        )
    return jaccard(chosen(first, exp.row(row)), chosen(second, exp.row(row)), axis=1)


def chosen(layer: LayerExplanation, row: int) -> np.ndarray:
    """(N, M) bool, which key nodes each center chose."""
    own = edges_of(layer, row)
    matrix = np.zeros((layer.num_nodes, layer.num_keys), bool)
    matrix[own.center, own.neighbor] = True
    return matrix


def jaccard(first: np.ndarray, second: np.ndarray, axis: int | None = None) -> np.ndarray:
    """How much two sets of edges share, as masks: those in both over those in either; 1 where both are empty.

    Args:
        axis: along which edges are counted; None for all of them.

    Returns:
        float64, a number where `axis` is None.
    """
    common, either = (first & second).sum(axis), (first | second).sum(axis)
    return np.where(either > 0, common / np.maximum(either, 1), 1.0)


@also_image
def margin_summary(exp: Explanation, layer: int, row: int = 0, *, tie: float = 1e-6) -> dict[str, float]:
    """How certain the edges of a layer are: how much nearer a neighbor is than the first candidate turned away.

    Args:
        tie: edges with a smaller margin count as near-ties, which another precision or batch size may decide otherwise.

    Returns:
        "min", "median", "mean" and "max" of the margins, and "near_ties", the fraction of the edges below `tie`.

    Raises:
        ValueError: margins of this layer are not known.
    """
    own = edges(exp, layer, row)
    if own.margin is None:
        raise ValueError(f"margins of layer {layer} are not known: its neighbors were not ranked by a distance")
    margin = own.margin.astype(np.float64)
    return {
        "min": float(margin.min()),
        "median": float(np.median(margin)),
        "mean": float(margin.mean()),
        "max": float(margin.max()),
        "near_ties": float((margin < tie).mean()),
    }


@also_image
def skipped(exp: Explanation, layer: int, node: Any, row: int = 0) -> list[int]:
    """The nearer candidates that dilation left out at a node, nearest first; empty where nothing was skipped.

    With k = 3 and dilation 2 the six nearest are ranked, ranks 0, 2, 4 are kept, and 1, 3, 5 are these.
    """
    explained = exp.layer(layer)
    if explained.skipped is None:
        return []
    ranks = explained.skipped[exp.row(row), explained.node(node, row=exp.row(row))].tolist()
    return [candidate for candidate in ranks if candidate != NO_EDGE]
