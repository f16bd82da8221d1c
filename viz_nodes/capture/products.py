"""Products with weights: attention of which few keys are left, and messages that are weighed as they are summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from viz_nodes.capture.hearing import Hearing
from viz_nodes.capture.messages import Lying, Seen, repeats
from viz_nodes.capture.origins import Origin

PRODUCTS = {"matmul", "bmm", "__matmul__", "einsum"}
"""Names of functions that are products of two tensors."""
_CHOSEN = 0.9
"""Of queries that keep equally many keys: more than this did not come about by weights too small to be told from 0."""


def multiplied(hearing: Hearing, name: str, args: tuple[Any, ...], result: Any) -> Tensor | None:
    """Look at a product of two tensors; gives what is to stand for its result where it is an aggregation, else None.

    Args:
        hearing: what is told of it.
        name: one of `PRODUCTS`.
        args: of the function, its two factors last.
        result: what it gave.
    """
    letters = _letters(name, args)
    if letters is None:
        return None
    left, right, out = letters
    first, second = args[-2:]
    summed = [letter for letter in dict.fromkeys(left + right) if letter not in out]
    whole = [*out, *summed]
    senders: list[tuple[Origin, frozenset[int]]] = []
    for own, other, tensor in ((left, right, first), (right, left, second)):
        lacking = frozenset(at for at, letter in enumerate(whole) if letter not in own)
        alone = [at for at, letter in enumerate(whole) if letter not in other]
        for origin in hearing.origins.of(tensor):
            if origin.moved:
                aligned = replace(origin, places=_aligned(origin.places, own, whole), pure=False)
                at = 0 if _holds_channels(aligned, alone) else len(senders)
                senders.insert(at, (aligned, lacking))
    known, asking = [origin for origin, _ in senders], [lacking for _, lacking in senders]
    if not known:
        return _by_weights(hearing, first, second, letters, result)
    if len(summed) == 1 and any(repeats(origin) for tensor in (first, second) for origin in hearing.origins.of(tensor)):
        messages = _aligned(first, left, whole) * _aligned(second, right, whole)
        heard = hearing.heard(known, messages, len(whole) - 1, asking)
        if heard is not None:
            return hearing.tell("sum", messages, len(whole) - 1, heard, result)
    _over_summed_channels(hearing, known, len(out), result)
    return None


def _holds_channels(origin: Origin, axes: Sequence[int]) -> bool:
    """Whether the channels of a node lie along one of these axes: of what is weighed, not of its weights."""
    for channel in origin.base.channels:
        ids = origin.base.nodes(origin.places, channel)
        for at in axes:
            if bool((ids.diff(dim=at) == 0).all()) and bool((origin.places.diff(dim=at) != 0).any()):
                return True
    return False


def _over_summed_channels(hearing: Hearing, known: Sequence[Origin], ahead: int, result: Any) -> None:
    """A product summed over the channels of a place, as of queries and keys: the place stays."""
    kept: list[Origin] = []
    for origin in known if isinstance(result, Tensor) else ():
        for channel in origin.base.channels:
            ids = origin.base.nodes(origin.places, channel)
            if all(bool((ids.narrow(at, 0, 1) == ids).all()) for at in range(ahead, ids.ndim)):
                places = origin.places.flatten(ahead)[..., 0].expand(result.shape)
                kept.append(replace(origin, places=places))
                break
    if kept:
        hearing.origins.put(result, kept)


def _by_weights(
    hearing: Hearing, first: Tensor, second: Tensor, letters: tuple[str, str, str], result: Tensor
) -> Tensor | None:
    """A product with a matrix of weights on either side, written as `matmul` or as `einsum`."""
    left, right, out = letters
    batch = "".join(letter for letter in left if letter in right and letter in out)
    summed = [letter for letter in left if letter in right and letter not in out]
    rest = [[letter for letter in own if letter not in (*batch, *summed)] for own in (left, right)]
    if len(summed) != 1 or any(len(own) != 1 or own[0] not in out for own in rest):
        return None
    for weights, own, row, values, others, channel in (
        (first, left, rest[0][0], second, right, rest[1][0]),
        (second, right, rest[1][0], first, left, rest[0][0]),
    ):
        if hearing.origins.are_weights(values) and not hearing.origins.are_weights(weights):
            continue  # features with zeros in them, beside an attention, are no incidence of groups
        turned = out == f"{batch}{channel}{row}"
        if turned or out == f"{batch}{row}{channel}":
            table = weights.permute([own.index(letter) for letter in (*batch, row, summed[0])])
            sent = values.permute([others.index(letter) for letter in (*batch, summed[0], channel)])
            made_of = hearing.origins.made_of(values)
            nodes = _attended(hearing, table, sent, result.mT if turned else result, made_of)
            if nodes is not None:
                return nodes.mT if turned else nodes
    return None


def _attended(
    hearing: Hearing, weights: Tensor, values: Tensor, result: Tensor, made_of: frozenset[int]
) -> Tensor | None:
    """Attention of which only some keys are left: all others have weight zero."""
    places, keys = weights.shape[-2:]
    if weights.numel() % (hearing.images * places * keys) or places < 2 or result.shape[0] != hearing.images:
        return None
    some = weights.detach() != 0
    kept = some.sum(-1)
    k = int(kept.max())
    chosen = float((kept == k).double().mean()) > _CHOSEN
    if places < keys:  # nodes in groups, of which some may hold all nodes, but not all
        most = keys - int(bool(some.all()))
    else:
        most = keys - 1 if chosen else keys // 2
    if not 0 < k <= most or bool((weights.detach() < 0).any()) or _are_edges(values):
        return None
    heads = weights.numel() // (hearing.images * places * keys)
    top = weights.detach().reshape(hearing.images, heads, places, keys).topk(k)
    own = values.detach().reshape(hearing.images, heads, keys, -1)
    index = top.indices[..., None].expand(-1, -1, -1, -1, own.shape[-1])
    sent = own[:, :, None].expand(-1, -1, places, -1, -1).gather(3, index) * top.values[..., None]
    channels = own.shape[-1]
    messages = sent.new_zeros(hearing.images, heads, channels, places, heads, k)
    for head in range(heads):
        messages[:, head, :, :, head] = sent[:, head].permute(0, 3, 1, 2)
    messages = messages.reshape(hearing.images, heads * channels, places, heads * k)
    neighbors = torch.where(top.values > 0, top.indices, -1).permute(0, 2, 1, 3).reshape(hearing.images, places, -1)
    y = own.transpose(2, 3).reshape(hearing.images, heads * channels, keys)
    x = y if places == keys else y.new_zeros(*y.shape[:2], places)
    inner = (*range(1, result.ndim - 2), result.ndim - 1)
    lying = Lying(inner, (0, result.ndim - 2), result.shape, hearing.images, None)
    seen = Seen("sum", messages, neighbors, y, x, lying.to_nodes(result), places == keys)
    return hearing.hand_on(seen, lying, made_of)


def _are_edges(values: Tensor) -> bool:
    """Whether what is weighed is itself a graph, as where edges of edges are computed: square, and mostly zero."""
    return values.shape[-1] == values.shape[-2] and float((values.detach() == 0).double().mean()) > 0.5


def _letters(name: str, args: tuple[Any, ...]) -> tuple[str, str, str] | None:
    """A product of two tensors as `einsum` writes it: the axes of both and of what comes out."""
    if name == "einsum":
        equation = str(args[0]).replace(" ", "") if args else ""
        parts = equation.replace("->", ",").split(",")
        if "->" not in equation or len(parts) != 3 or len(args) != 3 or "." in equation:
            return None
        return None if any(len(set(part)) < len(part) for part in parts) else (parts[0], parts[1], parts[2])
    if len(args) != 2 or not all(isinstance(value, Tensor) and value.ndim > 2 for value in args):
        return None
    first, second = args
    if first.ndim != second.ndim or first.shape[:-2] != second.shape[:-2]:
        return None
    batch = "abcdefgh"[: first.ndim - 2]
    return f"{batch}xy", f"{batch}yz", f"{batch}xz"


def _aligned(array: Tensor, own: str, whole: Sequence[str]) -> Tensor:
    """A tensor with the axes `own` seen along all axes, those it lacks with size one."""
    present = [letter for letter in whole if letter in own]
    array = array.permute([own.index(letter) for letter in present])
    sizes = iter(array.shape)
    return array.reshape([next(sizes) if letter in own else 1 for letter in whole])
