"""Which neighbor won, and what it contributed: exact for a maximum (one winner a channel) and for a sum (linear).

A node that takes m[c] = max_j m_j[c] in each of C channels takes every channel from one neighbor. Its share is the
fraction of channels it wins, its contribution the sum of gradient x message over them: shares of a node sum to 1,
contributions to <gradient, message>, and a neighbor with share 0 can be cut without changing anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from viz_nodes.capture.adapters.base import Graph, gather
from viz_nodes.capture.fallback import edge_gradients
from viz_nodes.capture.groups import dense, of_members
from viz_nodes.capture.kinds import Aggregation
from viz_nodes.capture.layouts import as_nodes
from viz_nodes.capture.model_state import doublable
from viz_nodes.capture.recorder import GraphCall
from viz_nodes.capture.spread import SPREADS, spread_contributions, spread_shares


def winner_shares(winner: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, the fraction of channels that each neighbor wins.

    Args:
        winner: (B, C, N) the winning rank in every channel.
        neighbors: (B, N, k), -1 where there is no edge; such a place has no share, nor has a node without edges.

    Example:
        A node that takes three of four channels from rank 0 and one from rank 2 of k = 3: (0.75, 0, 0.25).
    """
    batch, channels, nodes = winner.shape
    won = torch.zeros(batch, nodes, neighbors.shape[2], dtype=torch.float64, device=winner.device)
    unit = torch.ones(1, dtype=torch.float64, device=winner.device).expand(nodes, channels)
    for image in range(batch):  # small arrays stay in the cache
        won[image].scatter_add_(1, winner[image].t().long(), unit)
    return (won / channels) * (neighbors >= 0)


def winner_contributions(winner: Tensor, message: Tensor, gradient: Tensor, k: int) -> Tensor:
    """(B, N, k) float64, gradient x message summed over the channels that each neighbor wins.

    Args:
        winner, message, gradient: (B, C, N).
        k: neighbors of a node.
    """
    batch, _, nodes = winner.shape
    gained = torch.zeros(batch, nodes, k, dtype=torch.float64, device=winner.device)
    for image in range(batch):  # small arrays stay in the cache
        product = message[image].t().double() * gradient[image].t()
        gained[image].scatter_add_(1, winner[image].t().long(), product)
    return gained


def sum_shares(sent: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, the mean over channels of |y_j| / sum_j |y_j|: how much of a sum each neighbor sends.

    Channels in which nobody sends anything count evenly.

    Args:
        sent: (B, C, N, k) what neighbors send.
        neighbors: (B, N, k), -1 where there is no edge; such a place has no share.
    """
    there = (neighbors >= 0)[:, None]
    size = sent.double().abs() * there
    total = size.sum(-1, keepdim=True)
    even = there / there.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(total > 0, size / total.where(total > 0, 1.0), even.double()).mean(1)


def sum_contributions(sent: Tensor, gradient: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, gradient x what each neighbor sends, summed over channels.

    Args:
        sent: (B, C, N, k).
        gradient: (B, C, N) of the sum.
        neighbors: (B, N, k), -1 where there is no edge.
    """
    product = torch.einsum("bcnk,bcn->bnk", sent.double(), gradient.double())
    return product * (neighbors >= 0)


def even_shares(neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, every edge of a node alike: what is said where nothing is known."""
    there = (neighbors >= 0).double()
    return there / there.sum(-1, keepdim=True).clamp(min=1)


def shares_by_size(contribution: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, |contribution| of each edge over the node's sum; even where all are zero.

    Args:
        contribution: (B, N, k).
        neighbors: (B, N, k), -1 where there is no edge.
    """
    size = contribution.double().abs() * (neighbors >= 0)
    total = size.sum(-1, keepdim=True)
    return torch.where(total > 0, size / total.where(total > 0, 1.0), even_shares(neighbors))


@torch.no_grad()
def contributions(call: GraphCall, aggregation: Aggregation, gradients: Mapping[int, Tensor]) -> Tensor:
    """(B, N, k) float64, what every edge of a layer was worth to one score an image.

    Args:
        call: the layer.
        aggregation: how it hears its neighbors.
        gradients: of the scores, by identity of the tensor; nothing for those the score does not depend on.
    """
    neighbors = doublable(call.graph.neighbors)
    if aggregation.through is not None:
        heard, parts = heard_groups(call, aggregation)
        gained = contributions(heard, of_groups(aggregation), gradients)
        return of_members(gained, doublable(heard.graph.neighbors), parts, neighbors)
    if aggregation.parts and aggregation.source is None:
        return torch.stack([contributions(call, part, gradients) for part in aggregation.parts]).sum(0)
    gradient = gradients.get(id(aggregation.source))
    if gradient is None:
        return even_shares(neighbors) * 0
    if aggregation.places is not None and aggregation.source is not None:
        gained = torch.zeros(neighbors.numel(), dtype=torch.float64, device=neighbors.device)
        product = doublable(aggregation.source).double() * doublable(gradient).double()
        gained[doublable(aggregation.places)] = product.flatten(1).sum(1)
        return gained.view(neighbors.shape)
    if aggregation.message is None:
        return _first_order(call, gradient, neighbors)
    by_node = as_nodes(gradient, neighbors.shape[0], neighbors.shape[1])
    assert by_node is not None
    gradient = doublable(by_node[:, aggregation.slots])
    if aggregation.winner is not None:
        winner, message = doublable(aggregation.winner), doublable(aggregation.message)
        return winner_contributions(winner, message, gradient, neighbors.shape[2])
    if aggregation.kind in SPREADS:
        sent = doublable(aggregation.message)
        return spread_contributions(sent, neighbors, gradient, aggregation.kind, aggregation.correction)
    sent = aggregation.message if aggregation.kind == "sum" else gather(call.graph.y, call.graph.neighbors)
    return sum_contributions(doublable(sent), gradient, neighbors)


def _first_order(call: GraphCall, gradient: Tensor, neighbors: Tensor) -> Tensor:
    """Where the aggregation is not understood: gradient x feature, else gradient x output dealt out evenly."""
    gradients = edge_gradients(call, gradient)
    if gradients is not None:
        return gradients
    even = even_shares(neighbors)
    if call.output is None:
        return even * 0
    product = doublable(call.output).double() * doublable(gradient).double()
    by_node = as_nodes(product, even.shape[0], even.shape[1])
    return even * (0 if by_node is None else by_node.sum(1)[..., None])


@torch.no_grad()
def shares(call: GraphCall, aggregation: Aggregation) -> Tensor | None:
    """(B, N, k) float64, how much of what a layer's nodes hear each edge sends; None where it is not understood."""
    neighbors = doublable(call.graph.neighbors)
    if aggregation.through is not None:
        heard, parts = heard_groups(call, aggregation)
        share = shares(heard, of_groups(aggregation))
        return None if share is None else of_members(share, doublable(heard.graph.neighbors), parts, neighbors)
    if aggregation.parts:
        return _shares_of_parts(call, aggregation)
    if aggregation.winner is not None:
        return winner_shares(doublable(aggregation.winner), neighbors)
    if aggregation.kind == "sum" and aggregation.message is not None:
        return sum_shares(doublable(aggregation.message), neighbors)
    if aggregation.kind in SPREADS and aggregation.message is not None:
        return spread_shares(doublable(aggregation.message), neighbors)
    if aggregation.kind == "gin":
        return sum_shares(gather(doublable(call.graph.y), neighbors), neighbors)
    return None


def of_groups(aggregation: Aggregation) -> Aggregation:
    """How a layer of a hypergraph hears its groups, whatever these were made of."""
    return replace(aggregation, through=None, kind=aggregation.kind.partition(">")[2])


@torch.no_grad()
def heard_groups(call: GraphCall, aggregation: Aggregation) -> tuple[GraphCall, Tensor]:
    """A layer of a hypergraph as one whose nodes hear groups, and (B, E, N) float64 each node's part of each group."""
    heard = call.seen[0]
    aggregated = heard.through
    assert aggregated is not None
    assert aggregation.through is not None
    groups = replace(call, graph=Graph(aggregated.x, aggregated.neighbors, aggregated.y), seen=[aggregated])
    share = shares(groups, aggregation.through)
    assert share is not None
    parts = dense(share, doublable(aggregated.neighbors), aggregated.y.shape[2])
    return replace(call, graph=Graph(heard.x, heard.neighbors, heard.y)), parts


def _shares_of_parts(call: GraphCall, aggregation: Aggregation) -> Tensor | None:
    """Shares of what a layer hears in several ways, each counted by its channels."""
    total, channels = None, 0
    for part in aggregation.parts:
        share = shares(call, part)
        if share is None or part.message is None:
            return None
        weighed = share * part.message.shape[1]
        total, channels = weighed if total is None else total + weighed, channels + part.message.shape[1]
    return None if total is None else total / channels
