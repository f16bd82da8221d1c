"""How a graph convolution aggregated its neighbors, recognized by what its children were given and gave.

Nothing is assumed from class names: a scheme counts as recognized when its message, computed again from the captured
features and edges, is the one that the network consumed.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from viz_nodes.capture.adapters.base import gather, messages_of
from viz_nodes.capture.adapters.guide import GUIDE
from viz_nodes.capture.calls import GraphCall, Known, NoGraphLayer
from viz_nodes.capture.kinds import Aggregation, difference, near, tolerance
from viz_nodes.capture.layouts import as_nodes
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.model_state import doublable
from viz_nodes.capture.otherwise import heard_otherwise
from viz_nodes.capture.passed import passed_messages
from viz_nodes.capture.spread import SPREADS, minimum_heard, spread_heard
from viz_nodes.capture.traced import Traced, same_graph, weighed
from viz_nodes.capture.winners import kept_winners, maximum_heard


@torch.no_grad()
def recognize(call: GraphCall) -> Aggregation:
    """The aggregation of a graph layer, right after the forward.

    Tries, on each direct child: its input holds x and max_j(messages) side by side or interleaved (max-relative); its
    output (B, C', N, k) is maximized into the layer's output (edge) or into a later child's input after x (GraphSAGE);
    its input is a x + sum_j y_j for one number a (GIN). Where nothing fits, the adapter's variants are tried, and the
    call has the graph of the one that does.

    A layer that was recognized before is looked at where its messages were then: what the network consumed is still
    compared with what its edges lead to, but nothing else is tried, and that no other neighbor sends more is believed.

    Raises:
        NoGraphLayer: the graph was guessed, and the messages do not bear it out.
    """
    known = call.known
    if known.kind and not call.seen:
        aggregation = _as_it_is(call, known)
        if aggregation.exact or known.kind == "other":
            return aggregation
    aggregation = _recognize(call)
    known.kind, known.slots, known.layout, known.child, known.inner, known.passed, known.variant = (
        aggregation.kind,
        aggregation.slots,
        aggregation.layout,
        aggregation.child,
        aggregation.inner,
        aggregation.exact and call.graph.sent is not None,
        next((place for place, variant in enumerate(call.family.variants) if variant is call.adapter), -1),
    )
    edited = call.seen and aggregation.exact and aggregation.child < 0 and not known.passed
    known.steps, known.gathering = tuple(call.steps) if edited else (), call.gathering
    return aggregation


def _recognize(call: GraphCall) -> Aggregation:
    aggregation = Aggregation("other") if isinstance(call.adapter, Traced) else _as_it_is(call)
    if aggregation.exact and not heard_otherwise(call, aggregation):
        return aggregation
    if aggregation.exact:
        aggregation, call.leaking = Aggregation("other", source=call.output), call.leaking or not call.seen
    sent = call.graph.sent
    if call.seen and (sent is None or sent.rounds <= 1):  # of several rounds of messages, one is not the layer
        seen = _in_arithmetic(call)
        if seen is not None:
            return seen
    own = (call.adapter, call.graph, call.versions)
    for variant in (call.family, *call.family.variants):
        graph = None if variant is own[0] else variant.graph(call.module, call.args, call.kwargs)
        if graph is None or not call.untouched:
            continue
        call.adapter, call.graph = variant, graph.of_images(own[1].x.shape[0])
        call.versions = [graph.x._version, graph.y._version]
        tried = _as_it_is(call)
        if tried.exact:
            return tried
        call.adapter, call.graph, call.versions = own
    if call.adapter.guessed:
        raise NoGraphLayer(
            f"{call.name} must aggregate as its class name {type(call.module).__name__} says, and what it computed is "
            "not what any network known by that name computes; tell where its graph is with an `adapter` "
            f"({GUIDE})"
        )
    return aggregation


def _as_it_is(call: GraphCall, known: Known | None = None) -> Aggregation:
    if not call.untouched or not call.graph.aligned:
        return Aggregation("other", source=call.output)
    if call.graph.sent is not None:
        return passed_messages(call) or Aggregation("other", source=call.output)
    kind = "" if known is None else known.kind  # "other" is none of these
    for kinds, attempt in ((("mr", "max"), _relative), (("edge", "sage"), _maximized), *_SUMS):
        aggregation = attempt(call, known) if not kind or kind in kinds else None
        if aggregation is not None:
            return aggregation
    return Aggregation("other", source=call.output)


def _in_arithmetic(call: GraphCall) -> Aggregation | None:
    """What was seen of a layer's arithmetic, if it is all that its neighbors were used for."""
    first = call.seen[0]
    if not all(same_graph(first, seen) for seen in call.seen):
        return None
    neighbors = call.graph.neighbors
    if not isinstance(call.adapter, Traced) and not torch.equal(neighbors, first.neighbors):
        return None
    parts = [_part(seen, leaking=call.leaking) for seen in call.seen]
    if len(parts) == 1:
        whole = parts[0]
    else:
        kinds = "+".join(sorted({part.kind for part in parts}))
        error = max(part.error for part in parts)
        whole = Aggregation(kinds, error=error, exact=all(part.exact for part in parts), parts=tuple(parts))
    if first.through is not None:
        groups = _part(first.through, leaking=call.leaking)
        whole = replace(
            whole,
            kind=f"{groups.kind}>{whole.kind}",
            error=max(groups.error, whole.error),
            exact=groups.exact and whole.exact,
            through=groups,
        )
    return whole


def _part(seen: Seen, *, leaking: bool) -> Aggregation:
    """One aggregation that was seen, computed again."""
    values, sent = seen.nodes.detach(), seen.messages.detach()
    if seen.kind in ("max", "min"):
        best, winner = (maximum_heard if seen.kind == "max" else minimum_heard)(sent, seen.neighbors)
        part = Aggregation(seen.kind, seen.nodes, message=values, winner=winner)
    elif seen.kind in SPREADS:
        best = spread_heard(sent, seen.neighbors, seen.kind, seen.correction)
        part = Aggregation(seen.kind, seen.nodes, message=sent, correction=seen.correction)
    else:
        table = weighed(seen)
        best = table.sum(-1)
        part = Aggregation("sum", seen.nodes, message=table)
    part.error = difference(values, best)
    part.exact = near(part.error, best, seen.messages.shape[3]) and not leaking
    return part


def inputs_by_node(call: GraphCall, known: Known | None) -> list[tuple[int, Tensor, Tensor]]:
    """(place, tensor, its values (B, C', N)) of children's inputs with one value a node."""
    batch, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
    inputs = []
    for place, child in enumerate(call.consumed):
        tensor = child.input
        if known is not None and known.kind != "edge" and place != known.child:
            continue
        if tensor is not None and tensor.is_floating_point() and child.untouched:
            values = as_nodes(tensor.detach(), batch, nodes)
            if values is not None:
                inputs.append((place, tensor, values))
    return inputs


def _relative(call: GraphCall, known: Known | None) -> Aggregation | None:
    x = call.graph.x.detach()
    channels = x.shape[1]
    plain = call.adapter.max_relative
    heard = None
    for place, tensor, values in inputs_by_node(call, known):
        if values.shape[1] != 2 * channels:
            continue
        for layout, centers, slots in (
            ("interleaved", slice(0, None, 2), slice(1, None, 2)),
            ("concatenated", slice(0, channels), slice(channels, None)),
        ):
            if known is not None and layout != known.layout:
                continue
            if not near(difference(values[:, centers], x), x):
                continue
            message = values[:, slots]
            if known is not None and plain:
                winner = _kept_relative(call, tensor, message)
                if winner is not None:
                    return Aggregation("mr", tensor, slots, message, winner, 0.0, True, layout, child=place)
            heard = heard or largest_messages(call, plain)
            if heard is None:
                return None
            error = difference(message, heard[0])
            if near(error, heard[0]):
                kind = "mr" if plain else "max"
                return Aggregation(kind, tensor, slots, message, heard[1], error, True, layout, child=place)
    return None


def largest_messages(call: GraphCall, plain: bool) -> tuple[Tensor, Tensor] | None:
    """(B, C, N) the largest message in each channel, and the rank of the neighbor that sent it."""
    x, neighbors = call.graph.x, call.graph.neighbors
    messages = gather(call.graph.y, neighbors) if plain else messages_of(call.adapter, call.graph, call.module)
    if messages is None:
        return None
    best, winner = maximum_heard(messages, neighbors)
    if plain:
        # Rounding keeps order, so max_j(y_j - x_i) in any precision is max_j(y_j) - x_i to the last bit.
        best = (best - x).masked_fill((neighbors < 0).all(-1)[:, None], 0)
    return best, winner


def _kept_relative(call: GraphCall, tensor: Tensor, message: Tensor) -> Tensor | None:
    """(B, C, N) the winners that the network kept, if these neighbors send to the last bit what was consumed."""
    graph = call.graph
    if bool((graph.neighbors < 0).any()):
        return None
    kept = kept_winners(tensor, graph.neighbors, graph.y.shape[2], message.shape[1])
    if kept is None:
        return None
    ranks, keys = kept
    sent = graph.y.detach().gather(2, keys).sub_(graph.x.detach())
    return ranks if torch.equal(sent, message) else None


def _maximized(call: GraphCall, known: Known | None) -> Aggregation | None:
    neighbors = call.graph.neighbors
    batch, nodes, k = neighbors.shape
    for place, child in enumerate(call.consumed):
        gave = child.output
        if gave is None or gave.ndim != 4 or not child.untouched:
            continue
        if (gave.shape[0], *gave.shape[2:]) != (batch, nodes, k):
            continue
        if known is None:
            if not _holds_neighbors(child.input, call):
                continue
        elif place != (known.inner if known.kind == "sage" else known.child):
            continue
        best, winner = maximum_heard(gave.detach(), neighbors)
        if call.output is not None and call.output.ndim >= 3:
            values = call.output.detach().flatten(2)
            if values.shape == best.shape and near(error := difference(values, best), best):
                return Aggregation("edge", call.output, slice(None), values, winner, error, True, child=place)
        for later, tensor, values in inputs_by_node(call, known):
            own = values.shape[1] - best.shape[1]
            if later <= place or own < 0:
                continue
            message = values[:, own:]
            error = difference(message, best)
            if near(error, best):
                layout = "concatenated" if own else "alone"
                slots = slice(own, None)
                return Aggregation("sage", tensor, slots, message, winner, error, True, layout, None, later, place)
    return None


def _holds_neighbors(tensor: Tensor | None, call: GraphCall) -> bool:
    """Whether place j of a (B, C', N, k) input holds y_j or y_j - x_i, alone or beside the same number of channels."""
    if tensor is None or tensor.ndim != 4:
        return False
    graph, channels = call.graph, call.graph.y.shape[1]
    sent = gather(graph.y, graph.neighbors)
    there = (graph.neighbors >= 0)[:, None]
    parts = [tensor] if tensor.shape[1] == channels else []
    if tensor.shape[1] == 2 * channels:
        parts = [tensor[:, channels:], tensor[:, :channels], tensor[:, 1::2], tensor[:, 0::2]]
    for part in parts:
        if part.shape != sent.shape:
            return False
        for features in (sent, sent - graph.x[..., None] if graph.x.shape[1] == channels else sent):
            if difference(part * there, features * there) <= tolerance(features):
                return True
    return False


def _summed(call: GraphCall, known: Known | None) -> Aggregation | None:
    x, neighbors = call.graph.x, call.graph.neighbors
    inputs = [entry for entry in inputs_by_node(call, known) if entry[2].shape[1] == x.shape[1]]
    if not inputs:
        return None
    sent = gather(call.graph.y, neighbors)
    total = sent.masked_fill((neighbors < 0)[:, None], 0.0).sum(dim=-1)
    for place, tensor, values in inputs:
        rest, own = doublable(values - total).double(), doublable(x).double()
        square = float(own.square().sum())
        factor = float((rest * own).sum()) / square if square else 0.0
        error = difference(rest, factor * own)
        if error <= neighbors.shape[2] * tolerance(values):
            return Aggregation("gin", tensor, slice(None), total, None, error, True, "alone", child=place)
    return None


def _summed_beside(call: GraphCall, known: Known | None) -> Aggregation | None:
    """x and the sum, or the mean, of the neighbors side by side or in turns."""
    x, neighbors = call.graph.x.detach(), call.graph.neighbors
    channels = x.shape[1]
    inputs = [entry for entry in inputs_by_node(call, known) if entry[2].shape[1] == 2 * channels]
    if not inputs:
        return None
    there = (neighbors >= 0)[:, None]
    sent = gather(call.graph.y, neighbors).detach() * there
    for place, tensor, values in inputs:
        for layout, centers, slots in (
            ("interleaved", slice(0, None, 2), slice(1, None, 2)),
            ("concatenated", slice(0, channels), slice(channels, None)),
        ):
            if known is not None and known.layout not in ("", layout):
                continue
            if not torch.equal(values[:, centers], x):
                continue
            for table in (sent, sent / there.sum(-1, keepdim=True).clamp(min=1)):
                error = difference(values[:, slots], table.sum(-1))
                if error <= neighbors.shape[2] * tolerance(values):
                    return Aggregation("sum", tensor, slots, table, None, error, True, layout, child=place)
    return None


_SUMS = ((("gin",), _summed), (("sum",), _summed_beside))
"""Ways to hear a sum, by their kinds."""
