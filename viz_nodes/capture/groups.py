"""Hypergraphs: nodes become groups, and nodes hear the groups. Which nodes are in which, and what comes of whom.

One aggregation leads from N nodes to E groups, a second from the groups to the nodes. A node hears the members of the
groups it hears; what a member is to it, is what the group is to it times the member's part of the group.
"""

from __future__ import annotations

import torch
from torch import Tensor

from viz_nodes.capture.messages import Seen


class Gatherings:
    """Tells, of the aggregations of one forward in their order, those that gather nodes into groups and that hear them.

    Attributes:
        sizes: how many groups there were, each number once.
        count: how many aggregations have gathered.
    """

    def __init__(self) -> None:
        self.sizes: set[int] = set()
        self.count = 0
        self._last: Seen | None = None

    def takes(self, seen: Seen) -> bool:
        """Whether an aggregation is no layer of its own: it gathers, or hears groups that nobody saw being made.

        One that hears groups gets what made them as its `through`.
        """
        places, nodes = seen.nodes.shape[2], seen.y.shape[2]
        if places < nodes:
            self.sizes.add(places)
            self.count += 1
            self._last = seen
            return True
        if places != nodes and nodes in self.sizes:
            if not became(self._last, seen):
                return True
            seen.through = self._last
        return False


def became(gathered: Seen | None, heard: Seen) -> bool:
    """Whether the groups that are heard are those that an aggregation before made of the nodes."""
    if gathered is None or gathered.nodes.shape[0] != heard.nodes.shape[0]:
        return False
    if gathered.nodes.shape[2] != heard.y.shape[2] or gathered.y.shape[2] != heard.nodes.shape[2]:
        return False
    if not (gathered.nodes.requires_grad and heard.y.requires_grad):
        return True
    total = heard.y.sum()
    (gradient,) = torch.autograd.grad(total, gathered.nodes, retain_graph=True, allow_unused=True)
    return gradient is not None


def members(gathered: Seen) -> Tensor:
    """(B, E, N) bool, which nodes are in which group."""
    neighbors = gathered.neighbors
    there = torch.zeros(*neighbors.shape[:2], gathered.y.shape[2] + 1, dtype=torch.bool, device=neighbors.device)
    last = gathered.y.shape[2]
    return there.scatter_(2, torch.where(neighbors < 0, last, neighbors), torch.ones_like(there))[..., :last]


def pairs(gathered: Seen, heard: Seen) -> Tensor:
    """(B, N, K) int64, the members of all groups that a node hears, each once; -1 where there are fewer than K."""
    there = _through(heard.neighbors, (heard.neighbors >= 0).double(), members(gathered).double()) > 0
    most = max(1, int(there.sum(-1).max()))
    ranked = there.float().sort(dim=-1, descending=True, stable=True).indices[..., :most]
    return ranked.masked_fill(~there.gather(-1, ranked), -1)


def of_members(values: Tensor, heard: Tensor, parts: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, K) values of groups dealt to the members of each.

    Args:
        values: (B, N, k) of the groups that a node hears.
        heard: (B, N, k) which these are; -1 for none.
        parts: (B, E, N) each node's part of each group.
        neighbors: (B, N, K) from `pairs`.
    """
    dealt = _through(heard, values, parts)
    return dealt.gather(-1, neighbors.clamp(min=0)) * (neighbors >= 0)


def dense(values: Tensor, neighbors: Tensor, nodes: int) -> Tensor:
    """(B, E, N) of values (B, E, m) that belong to nodes (B, E, m); 0 for all other nodes."""
    whole = values.new_zeros(*values.shape[:2], nodes)
    return whole.scatter_add_(2, neighbors.clamp(min=0), values * (neighbors >= 0))


def _through(heard: Tensor, values: Tensor, parts: Tensor) -> Tensor:
    """(B, N, N) sum over the groups a node hears of value x part."""
    incidence = values.new_zeros(*heard.shape[:2], parts.shape[1])
    incidence.scatter_add_(2, heard.clamp(min=0), values * (heard >= 0))
    return incidence @ parts.to(values)
