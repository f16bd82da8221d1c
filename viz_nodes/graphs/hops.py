"""Walking back through the layers: whose features a node is made of, several graph layers earlier.

A hop uses one layer's edges. Between two hops a set of nodes may have to change grids: from key nodes to the nodes that
were pooled into them, and from a pyramid's stage to the finer one before it. Both go by area: a node passes to the
nodes of the other grid that its box covers, each with the fraction of the box that it covers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from viz_nodes.arguments import also_image, whole
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.edges import edges_of
from viz_nodes.grids import Grid
from viz_nodes.text import quoted


def _covered_along(length: int, other: int) -> np.ndarray:
    """(length, other): what fraction of each of `length` equal parts of a line each of `other` parts covers."""
    edges, others = np.linspace(0, 1, length + 1), np.linspace(0, 1, other + 1)
    low = np.maximum(edges[:-1, None], others[None, :-1])
    high = np.minimum(edges[1:, None], others[None, 1:])
    part = np.clip(high - low, 0, None) * length
    return np.where(part < 1e-9, 0, part)


def coverage(grid: Grid, other: Grid) -> np.ndarray:
    """How much of each node's box the nodes of another grid over the same image cover.

    From 2 x 2 to 4 x 4, node 0 (the top left quarter) is covered by nodes 0, 1, 4 and 5 of the finer grid, a quarter
    each. From 4 x 4 to 2 x 2, node 5 lies in node 0 wholly. From 1 x 3 to 1 x 2, node 1 lies half in node 0, half in 1.

    Returns:
        (N, N') float64, rows sum to 1.
    """
    return np.kron(_covered_along(grid[0], other[0]), _covered_along(grid[1], other[1]))


def share_matrix(layer: LayerExplanation, row: int = 0) -> np.ndarray:
    """(N, M) float64, the share each center took from each key node; rows sum to 1 (to 0 at nodes with no edge)."""
    table = edges_of(layer, row)
    matrix = np.zeros((layer.num_nodes, layer.num_keys))
    np.add.at(matrix, (table.center, table.neighbor), table.share.astype(np.float64))
    return matrix


def hop_layers(exp: Explanation, layer: int, hops: int) -> list[LayerExplanation]:
    """The layers that `hops` hops from `layer` use: itself, then one earlier each.

    Raises:
        ValueError: `hops` is below 1, or goes back beyond the first graph layer.
        TypeError: `hops` is no whole number.
        IndexError: a layer on the way was not explained.
    """
    first, hops = exp.layer(layer), whole("hops", hops)
    if hops < 1:
        raise ValueError(f"`hops` must be a whole number of at least 1 (got {quoted(hops)})")
    if hops > first.index + 1:
        raise ValueError(
            f"`hops` must be at most {first.index + 1} from layer {first.number}, one a layer (got {quoted(hops)})"
        )
    return [exp.layer(first.index - hop) for hop in range(hops)]


@also_image
def hop_weights(exp: Explanation, layer: int, node: Any, *, hops: int = 1, row: int = 0) -> list[np.ndarray]:
    """How much of a node's messages goes back to each node after 1, 2, ... hops: products of shares, over all paths.

    Where i takes 0.75 from j and 0.25 from itself, and one layer earlier j takes 0.5 from m, two hops give m 0.375.

    Returns:
        For each hop (M,) float64 over the key nodes of its layer; each sums to 1 where all nodes have neighbors.
    """
    layers, row = hop_layers(exp, layer, hops), exp.row(row)
    weight = np.zeros(layers[0].num_nodes)
    weight[layers[0].node(node, row=row)] = 1.0
    weights: list[np.ndarray] = []
    for at, explained in enumerate(layers):
        if at:
            weight = weights[-1] @ coverage(layers[at - 1].key_grid, explained.grid)
        weights.append(weight @ share_matrix(explained, row))
    return weights
