"""The graphs that an ablation puts in the place of a network's own, and the layers it puts them in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from viz_nodes.capture.rewiring import (
    borrowed_neighbors,
    grid_neighbors,
    random_neighbors,
    self_neighbors,
    undilated_neighbors,
)
from viz_nodes.explanation import NO_EDGE, Explanation, LayerExplanation

CONDITIONS = ("none", "self", "random", "grid", "undilated", "other")
"""No edges; each node hears itself alone; as many random nodes; the cells around it; the nearest without dilation;
another image's graph of the same layer."""


def scopes(depth: int) -> list[tuple[str, int, tuple[int, ...]]]:
    """(scope, layer from 1, places from 0) of every set of layers whose graphs are changed."""
    each = [("layer", at + 1, (at,)) for at in range(depth)]
    up_to = [("up to", at + 1, tuple(range(at + 1))) for at in range(depth - 1)]
    return [*each, *up_to, ("all", depth, tuple(range(depth)))]


def graph_of(condition: str, layer: LayerExplanation, other: Explanation | None, seed: int) -> Tensor:
    """(N, K) the graph that a condition puts in the place of a layer's, of an explanation's first row.

    Raises:
        ValueError: the layer has no such graph.
    """
    if condition == "other":
        if other is None:
            raise ValueError("`other` is needed for another image's graph")
        return borrowed_neighbors(layer, other.layer(layer.index), row=0, other_row=0)
    graphs: dict[str, Callable[[], Tensor]] = {
        "none": lambda: torch.full_like(layer.neighbors[0], NO_EDGE),
        "self": lambda: self_neighbors(layer, row=0),
        "random": lambda: random_neighbors(layer, row=0, seed=seed * 1009 + layer.index),
        "grid": lambda: grid_neighbors(layer, row=0),
        "undilated": lambda: undilated_neighbors(layer, row=0),
    }
    return graphs[condition]()
