"""Graph layers that were seen in the arithmetic of a forward alone, and how they aggregate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph
from viz_nodes.capture.groups import pairs
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.spread import SPREADS, minimum_heard, spread_heard
from viz_nodes.capture.winners import maximum_heard


class Traced(Adapter):
    """Stands for no family of networks: a graph that no module was called with."""

    def claims(self, module: nn.Module) -> bool:
        return False

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        return None


def graph_of(seen: Seen) -> Graph:
    """The graph of an aggregation; of one that hears groups, from their members."""
    if seen.through is not None:
        nodes = seen.through.y
        return Graph(nodes, pairs(seen.through, seen), nodes)
    return Graph(seen.x, seen.neighbors, seen.y)


def same_graph(first: Seen, second: Seen) -> bool:
    """Whether two aggregations go along the same edges, as where a layer takes maximum and mean of its neighbors."""
    return torch.equal(first.neighbors, second.neighbors) and first.y.shape[2] == second.y.shape[2]


def weighed(seen: Seen) -> Tensor:
    """(B, C, N, k) messages whose sum over the edges that are there is what they became."""
    there = (seen.neighbors >= 0)[:, None]
    messages = seen.messages.detach() * there
    return messages / there.sum(-1, keepdim=True).clamp(min=1) if seen.kind == "mean" else messages


def aggregated(seen: Seen, kept: Tensor | None = None) -> Tensor:
    """(B, C, N) what the messages become, of the edges that are kept (B, N, k); 0 where a node is left with none.

    A node that loses no edge keeps what the network itself computed, to the last bit.
    """
    if kept is None:
        return seen.nodes
    neighbors = seen.neighbors.masked_fill(~kept, -1)
    there = (neighbors >= 0)[:, None]
    if seen.kind in ("max", "min"):
        best, _ = (maximum_heard if seen.kind == "max" else minimum_heard)(seen.messages, neighbors)
    elif seen.kind in SPREADS:
        best = spread_heard(seen.messages, neighbors, seen.kind, seen.correction)
    else:
        best = (seen.messages * there).sum(-1)
        if seen.kind == "mean":
            best = best / there.sum(-1).clamp(min=1)
    whole = ((neighbors >= 0) == (seen.neighbors >= 0)).all(-1)
    return torch.where(whole[:, None], seen.nodes, best.to(seen.nodes.dtype))
