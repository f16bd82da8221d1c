"""Which neighbor sent the largest value in each channel: computed, or taken from where the network itself kept it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_LIGHT = {
    "AliasBackward0",
    "CatBackward0",
    "CloneBackward0",
    "ExpandBackward0",
    "PermuteBackward0",
    "ReshapeAliasBackward0",
    "SqueezeBackward0",
    "SqueezeBackward1",
    "StackBackward0",
    "SubBackward0",
    "ToCopyBackward0",
    "TransposeBackward0",
    "UnsafeViewBackward0",
    "UnsqueezeBackward0",
    "ViewBackward0",
}
"""Operations between a maximum and the tensor that holds it; others end the search."""

_KEPT = {"MaxBackward0": "_saved_indices", "GatherBackward0": "_saved_index"}
"""Where autograd keeps which values were taken."""


def maximum_heard(messages: Tensor, neighbors: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, N) maximum over the edges that are there, and the lowest rank where it is reached; 0 where there is none.

    Args:
        messages: (B, C, N, k).
        neighbors: (B, N, k), -1 where there is no edge.
    """
    missing = neighbors < 0
    if not bool(missing.any()):
        return first_maximum(messages)
    best, winner = first_maximum(messages.masked_fill(missing[:, None], float("-inf")))
    return best.masked_fill(missing.all(-1)[:, None], 0), winner


def first_maximum(array: Tensor) -> tuple[Tensor, Tensor]:
    """(..., N) maximum over the last axis of (..., N, k), and the lowest place where it is reached.

    The places are uint8 where k is below 256. Where they are NaN, the last place is given.
    """
    k = array.shape[-1]
    values = array.amax(dim=-1)
    if k > 255:
        return values, (array == values[..., None]).to(torch.uint8).argmax(-1)
    # torch's maximum with indices is not vectorized on CPUs: the maximum alone, then whoever equals it, is faster.
    order = torch.arange(k, 0, -1, dtype=torch.uint8, device=array.device)
    first = (array == values[..., None]).view(torch.uint8).mul_(order).amax(dim=-1)
    return values, (k - first).clamp_(max=k - 1)


def kept_winners(holder: Tensor, neighbors: Tensor, keys: int, channels: int) -> tuple[Tensor, Tensor] | None:
    """The neighbor that won each channel, from the gradient graph of a tensor that holds what the winners sent.

    A network that takes a maximum has found its winners already: autograd keeps the places of `max`, or the key nodes
    of a `gather`. They are read, not trusted: see whether the neighbors of these ranks send what was consumed.

    Args:
        holder: a tensor that holds the maximum, alone or beside other things, before any arithmetic with weights.
        neighbors: (B, N, k), every edge there.
        keys: M.
        channels: C.

    Returns:
        (B, C, N) the ranks, and (B, C, N) int64 the key nodes; None where nothing of the kind is kept, where a key node
        is none of the neighbors, or on a device where the first of equal values is not promised.
    """
    batch, nodes, k = neighbors.shape
    if holder.device.type != "cpu" or holder.grad_fn is None:
        return None
    places, by_key = _kept_places(holder.grad_fn, (batch, channels, nodes))
    if places is None:
        return None
    try:  # that looks at every place itself, in a fraction of the time of `max`
        if not by_key:
            return places, neighbors.gather(2, places.transpose(1, 2)).transpose(1, 2)
        kind = torch.uint8 if k <= 255 else torch.int64
        table = torch.full((batch, nodes, keys), k, dtype=kind)
        order = torch.arange(k, dtype=kind).expand(batch, nodes, k)
        table.scatter_reduce_(2, neighbors, order, "amin")  # of equal neighbors the lowest rank
        ranks = table.gather(2, places.transpose(1, 2)).transpose(1, 2)
    except RuntimeError:  # places that are none of these
        return None
    return (ranks, places) if int(ranks.max()) < k else None


def _kept_places(function: Any, shape: tuple[int, int, int]) -> tuple[Tensor | None, bool]:
    """(B, C, N) the places, and whether they are key nodes rather than ranks."""
    todo, seen = [function], 0
    while todo and seen < 32:
        step = todo.pop()
        seen += 1
        name = type(step).__name__
        places = getattr(
            step, {"MaxBackward0": "_saved_indices", "GatherBackward0": "_saved_index"}.get(name, ""), None
        )
        if isinstance(places, Tensor):
            if places.ndim >= 3 and tuple(places.flatten(2).shape) == shape:
                return places.flatten(2), name == "GatherBackward0"
        elif name in _LIGHT:
            todo += [inner for inner, _ in step.next_functions if inner is not None]
    return None, False
