"""Messages sent to receivers by number: `scatter_reduce`, `index_add` and their kin."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from viz_nodes.capture.adapters.message_passing import ranked_places
from viz_nodes.capture.hearing import Hearing, order_of
from viz_nodes.capture.messages import Lying, Seen
from viz_nodes.capture.origins import Origin

SCATTERS = {
    "scatter_reduce",
    "scatter_add",
    "index_add",
    "index_reduce",
    "scatter_reduce_",
    "scatter_add_",
    "index_add_",
    "index_reduce_",
}
_REDUCES = {"amax": "max", "amin": "min", "sum": "sum", "mean": "mean"}


def scattered(hearing: Hearing, name: str, args: Any, kwargs: Any, result: Any) -> Tensor | None:
    """Look at rows sent to receivers by number; gives what is to stand for the result where it is an aggregation.

    Args:
        hearing: what is told of it.
        name: one of `SCATTERS`.
        args, kwargs: of the function.
        result: (receivers, ...) what it gave.
    """
    names = ("input", "dim", "index", "source" if name.startswith("index") else "src", "reduce")
    arguments = dict(zip(names, args)) | kwargs
    source = arguments.get("src", arguments.get("source"))
    into, index = arguments["input"], arguments["index"]
    reduce = arguments.get("reduce", "sum" if "add" in name else "")
    kind = _REDUCES.get(reduce)
    known = hearing.origins.of(source)
    if kind is None or arguments["dim"] != 0 or not isinstance(source, Tensor) or source.ndim < 2 or not known:
        return None
    receivers = index if index.ndim == 1 else index.flatten(1)[:, 0]
    if not any(origin.moved for origin in known) or len(into) % hearing.images:
        return None
    if name in ("scatter_add_", "index_add_"):  # what was there before was written over
        into = torch.zeros_like(into)
        again = into.scatter_add(0, index, source) if name == "scatter_add_" else into.index_add(0, index, source)
        if not torch.equal(again, result):
            return None
    counts = kind in ("max", "min") or bool((into != 0).any())
    itself = counts and bool(arguments.get("include_self", True))
    for origin in known:
        if not origin.moved:
            continue
        for channel in origin.base.channels:
            senders = origin.base.nodes(origin.places, channel).flatten(1)
            keys = origin.base.tensor.numel() // origin.base.tensor.shape[channel]
            if not bool((senders[:, :1] == senders).all()) or torch.equal(senders[:, 0], receivers):
                continue
            if keys % hearing.images == 0 and not (itself and keys != len(into)):
                return _tell_list(
                    hearing, kind, source, senders[:, 0], receivers, into, itself, origin, channel, result
                )
    return None


def _tell_list(
    hearing: Hearing,
    kind: str,
    source: Tensor,
    senders: Tensor,
    receivers: Tensor,
    into: Tensor,
    itself: bool,
    origin: Origin,
    channel: int,
    result: Tensor,
) -> Tensor | None:
    """Tell of it as of messages (B, C, N, k), padded where receivers have fewer.

    Args:
        source: (E, ...) what is sent.
        senders, receivers: (E,) nodes over all images.
        into: (N of all images, ...) what was there before, a message too where `itself`.
        origin: of the nodes that send, with `channel`, the axis of channels of its base.
    """
    base, nodes, source, into = origin.base, len(into), source.flatten(1), into.flatten(1)
    own = torch.arange(nodes, device=senders.device)
    centers = order_of(origin, channel, nodes)
    if centers is not None:  # receivers are counted in the order in which the network keeps its nodes
        receivers, into = centers[receivers], into[centers.argsort()]
    if itself:  # what was there before counts as a message of the node to itself
        senders, receivers = torch.cat([own, senders]), torch.cat([own, receivers])
        source = torch.cat([into, source])
    places, k = ranked_places(receivers, nodes)
    neighbors = torch.full((nodes * k,), -1, dtype=torch.int64, device=senders.device)
    neighbors[places] = senders
    messages = source.new_zeros(nodes * k, source.shape[1])
    messages = messages.index_put((places,), source)
    per = nodes // hearing.images
    keys = base.tensor.numel() // base.tensor.shape[channel] // hearing.images
    table = neighbors.view(hearing.images, per, k)
    first = torch.arange(hearing.images, device=table.device)[:, None, None] * keys
    table = torch.where(table < 0, table, table - first)
    if bool(((table >= keys) | (table < -1)).any()):
        return None
    y = base.features(hearing.images, channel)
    x = y if per == keys else y.new_zeros(hearing.images, y.shape[1], per)
    order = None if centers is None else centers.argsort()
    lying = Lying(tuple(range(1, result.ndim)), (0,), result.shape, hearing.images, order)
    by_node = messages.view(hearing.images, per, k, -1).permute(0, 3, 1, 2)
    seen = Seen(kind, by_node, table, y, x, lying.to_nodes(result), per == keys)
    return hearing.hand_on(seen, lying, hearing.origins.made_of(base.tensor))
