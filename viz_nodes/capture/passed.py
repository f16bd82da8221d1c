"""Messages that a layer hands around edge by edge, and what it made of them."""

from __future__ import annotations

from torch import Tensor

from viz_nodes.capture.adapters.base import Sent
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.kinds import Aggregation, difference, tolerance
from viz_nodes.capture.spread import minimum_heard, ways_heard
from viz_nodes.capture.winners import maximum_heard


def passed_messages(call: GraphCall) -> Aggregation | None:
    sent, neighbors = call.graph.sent, call.graph.neighbors
    if sent is None or sent.messages is None or sent.aggregate is None or sent.rounds != 1:
        return None
    batch, nodes, k = neighbors.shape
    messages = sent.messages.detach().flatten(1)  # of all heads
    if len(messages) != len(sent.places) or sent.aggregate.shape[0] != batch * nodes:
        return None
    table = messages.new_zeros(batch * nodes * k, messages.shape[1])
    table[sent.places] = messages
    table = table.view(batch, nodes, k, -1).permute(0, 3, 1, 2)
    aggregate = sent.aggregate.detach().reshape(batch, nodes, -1).transpose(1, 2)
    winner = None
    if sent.reduce == "max":
        best, winner = maximum_heard(table, neighbors)
    elif sent.reduce in ("sum", "add", "mean"):
        best = table.sum(-1)
        if sent.reduce == "mean":
            best = best / (neighbors >= 0).sum(-1).clamp(min=1)[:, None]
    else:
        return _in_several_ways(sent, table, neighbors, aggregate)
    if best.shape != aggregate.shape:
        return None
    error = difference(aggregate, best)
    if error > (1 if winner is not None else k) * tolerance(best):
        return None
    # Maximum, sum and mean are homogeneous: gradient x message over the edges is gradient x what they became.
    kind = "max" if winner is not None else "sum"
    return Aggregation(
        kind, sent.messages, slice(None), table if winner is None else None, winner, error, True, places=sent.places
    )


def _in_several_ways(sent: Sent, table: Tensor, neighbors: Tensor, aggregate: Tensor) -> Aggregation | None:
    assert sent.messages is not None
    heads = sent.messages.shape[1] if sent.messages.ndim > 2 else 1
    ways = ways_heard(table, neighbors, aggregate, heads)
    if ways is None:
        return None
    parts = []
    for way in ways[0]:
        if way in ("max", "min"):
            value, winner = (maximum_heard if way == "max" else minimum_heard)(table, neighbors)
            parts.append(Aggregation(way, message=value, winner=winner))
        else:
            parts.append(Aggregation(way, message=table))
    kinds = "+".join(sorted(set(ways[0])))
    return Aggregation(kinds, sent.messages, error=ways[1], exact=True, places=sent.places, parts=tuple(parts))
