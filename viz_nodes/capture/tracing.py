"""Aggregations seen in the arithmetic of a forward, in networks that hand no graph to any module.

While a forward runs under a `Trace`, every torch function it calls is looked at: where elements are moved their origins
move along (`origins`), and where many places become one, by a maximum, a sum or a mean over an axis, by one maximum or
sum after the other, by scattering, or by a product with weights, and what becomes one came from different nodes, there
is a graph: the places are the centers, what came together are their neighbors. What is handed to the network is equal
to the last bit to what it would have got.

One file because it is one mode of torch: all its ways to see an aggregation read and write the same origins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from viz_nodes.capture.adapters.message_passing import ranked_places
from viz_nodes.capture.messages import (
    Heard,
    Lying,
    Seen,
    as_table,
    channel_axes,
    channel_of,
    messages_of,
    on_its_grid,
    repeats,
)
from viz_nodes.capture.origins import MOVES, SHUFFLES, Base, Origin, Origins, mapped, tensors_in
from viz_nodes.capture.spread import SPREADS

Runs = frozenset[tuple[nn.Module, int]]
_REDUCTIONS = {"max": "max", "amax": "max", "sum": "sum", "mean": "mean", "max_pool2d": "max", "min": "min",
               "amin": "min", "std": "std", "var": "var"}  # fmt: skip
_FOLDS = {
    "max": "max",
    "maximum": "max",
    "min": "min",
    "minimum": "min",
    "add": "sum",
    "add_": "sum",
    "__add__": "sum",
    "__radd__": "sum",
    "__iadd__": "sum",
}
_SCATTERS = {"scatter_reduce", "scatter_add", "index_add", "index_reduce", "scatter_reduce_", "scatter_add_",
             "index_add_", "index_reduce_"}  # fmt: skip
_REDUCES = {"amax": "max", "amin": "min", "sum": "sum", "mean": "mean"}
_PRODUCTS = {"matmul", "bmm", "__matmul__", "einsum"}
_TAINTLESS = {"dim", "size", "numel", "__get__", "is_floating_point", "stride", "data_ptr", "is_contiguous", "item",
              "tolist", "topk", "sort", "argsort", "argmax", "argmin", "__len__", "nonzero", "cdist", "norm",
              "conv_transpose2d", "avg_pool2d", "adaptive_avg_pool2d", "interpolate"}  # fmt: skip
_CHOICES = {"topk", "sort", "argsort", "cdist", "gather", "index_select", "roll", "nonzero", "softmax",
            "scaled_dot_product_attention"}  # fmt: skip
_PROPERTIES = {getattr(Tensor, name): name for name in ("T", "mT", "H", "mH")}


def unwatched() -> Any:
    """A context in which no `Trace` looks: for what hooks compute that is no part of the network."""
    return torch._C.DisableTorchFunction()


@dataclass(eq=False)
class _Fold:
    """A maximum or sum that is taken one after the other."""

    kind: str
    parts: list[Tensor]
    made: Tensor


class Trace(TorchFunctionMode):
    """Watches one forward.

    Attributes:
        images: B.
        seen: is told of every aggregation, and gives the nodes the network is to go on with, (B, C, N).
        leaked: is told where features of neighbors were used in a way that is none.
        gathered: where set, gives what is to stand for features that were gathered, so that nodes stand several times.
        paused: while true nothing is looked at.
        inside: gives the runs of modules that the network is in.
        choices: how often nodes were chosen, compared or moved, by the name of the function.
    """

    def __init__(
        self,
        images: int,
        seen: Callable[[Seen], Tensor],
        leaked: Callable[[], None] = lambda: None,
        inside: Callable[[], Runs] = frozenset,
    ) -> None:
        super().__init__()
        self.images, self.seen, self.leaked, self.inside = images, seen, leaked, inside
        self._carried: dict[int, tuple[Tensor, Runs]] = {}
        self.gathered: Callable[[Tensor], Tensor] | None = None
        self.paused = False
        self.choices: dict[str, int] = {}
        self.origins = Origins()
        self._folds: dict[int, _Fold] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if self.paused:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = _PROPERTIES.get(getattr(func, "__self__", None), "__get__")
        if name in (
            "topk",
            "sort",
            "argsort",
            "cdist",
            "gather",
            "index_select",
            "roll",
            "nonzero",
            "softmax",
            "scaled_dot_product_attention",
        ):
            self.choices[name] = self.choices.get(name, 0) + 1
        fold = self._fold(name, args)
        if fold is None and name not in _TAINTLESS and name not in ("shape", "__get__"):
            args, kwargs = self._folded(args, kwargs)
        result = func(*args, **kwargs)
        self._carry(name, args, kwargs, result)
        if name in ("__get__",) or (name in _TAINTLESS and not isinstance(result, Tensor)):
            return result
        if fold is not None:
            return self._note_fold(fold, args, result)
        if name in MOVES or name == "pad":
            self.origins.moved(func, name, args, kwargs, result)
            return result if self.gathered is None or name not in SHUFFLES else self._as_gathered(result)
        handed = None
        if name in _REDUCTIONS:
            handed = self._reduced(name, args, kwargs, result)
        elif name in _SCATTERS:
            handed = self._scattered(name, args, kwargs, result)
        elif name in _PRODUCTS:
            handed = self._multiplied(name, args, result)
        if handed is not None:
            return handed
        if name not in _TAINTLESS:
            if name in _REDUCTIONS:
                self._over_channels(name, args, kwargs, result)
            elif name not in _PRODUCTS:
                self.origins.computed(args, kwargs, result)
            if self._leaks(args, kwargs, result):
                self.leaked()
        self.origins.laid_out(name, args, result)
        return result

    def _as_gathered(self, result: Any) -> Any:
        if self.gathered is None or not isinstance(result, Tensor):
            return result
        known = self.origins.of(result)
        if not any(origin.pure and repeats(origin) for origin in known):
            return result
        other = self.gathered(result)
        self.origins.put(other, known)
        return other

    def _carry(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """Note what was made of features of neighbors to choose by, such as a distance, and what was made of that.

        No harm if it ends in a choice; should it reach what the network returns, it was more than that.
        """
        made = [value for value in tensors_in(result) if value.is_floating_point()]
        if not made:
            return
        given = list(tensors_in((args, kwargs)))
        runs = frozenset().union(*(self.carried(value) for value in given))
        if name in _TAINTLESS and name != "__get__" and any(o.moved for value in given for o in self.origins.of(value)):
            runs |= self.inside()
        for value in made if runs else ():
            self._carried[id(value)] = (value, runs)

    def carried(self, value: Any) -> Runs:
        """In which runs of modules what a tensor was made of was made to choose neighbors by."""
        entry = self._carried.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else frozenset()

    def _leaks(self, args: Any, kwargs: Any, result: Any) -> bool:
        """Whether features that were moved went into something that does not say so."""
        made = [value for value in tensors_in(result) if value.is_floating_point()]
        if not made or any(self.origins.of(value) for value in made):
            return False
        return any(origin.moved for value in tensors_in((args, kwargs)) for origin in self.origins.of(value))

    def _over_channels(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """A reduction over the channels of a place: the place stays."""
        tensor = args[0] if args else kwargs.get("input")
        axis, keep = _axis_of(name, tensor, args, kwargs)
        if axis is None or not isinstance(result, Tensor) or not any(o.moved for o in self.origins.of(tensor)):
            return
        kept = []
        for origin in self.origins.of(tensor):
            first = origin.places.narrow(axis, 0, 1) if keep else origin.places.select(axis, 0)
            if any(
                not bool((origin.base.nodes(origin.places, channel).diff(dim=axis) != 0).any())
                for channel in origin.base.channels
            ):
                kept.append(replace(origin, places=first, pure=False))
        if any(origin.moved for origin in kept):
            self.origins.put(result, kept)

    def finish(self) -> None:
        """After the forward: nothing is left to be told."""
        self._folds.clear()

    # -- over an axis ------------------------------------------------------------------------------------------

    def _reduced(self, name: str, args: Any, kwargs: Any, result: Any) -> Any:
        tensor = args[0] if args else kwargs.get("input")
        known = self.origins.of(tensor)
        if not any(origin.moved for origin in known):
            return None
        axis, keep = _axis_of(name, tensor, args, kwargs)
        if axis is None:
            return None
        values = result[0] if isinstance(result, tuple) else result
        if not isinstance(values, Tensor) or not isinstance(tensor, Tensor):
            return None
        heard = self._heard(known, tensor, axis)
        if heard is None:
            return None
        kind, correction = _REDUCTIONS[name], _correction(name, args, kwargs)
        told = self._tell(kind, tensor, axis, heard, values if not keep else values.squeeze(axis), correction)
        if told is None:
            return None
        told = told.unsqueeze(axis) if keep else told
        return type(result)((told, result[1])) if isinstance(result, tuple) else told

    def _heard(self, known: Sequence[Origin], tensor: Tensor, axis: int) -> Heard | None:
        """Which nodes came together along an axis, if any did."""
        if tensor.shape[axis] < 2:
            return None
        moved = [origin for origin in known if origin.moved and bool((origin.places.diff(dim=axis) != 0).any())]
        for certain in (True, False):  # first those that say along which axes the channels of a node lie
            for origin in moved:
                for channel in origin.base.channels:
                    ids = origin.base.nodes(origin.places, channel)
                    if not bool((ids.diff(dim=axis) != 0).any()):
                        break  # over the channels of a node
                    same = channel_axes(ids, axis)
                    if certain:
                        same = tuple(at for at in same if bool((origin.places.diff(dim=at) != 0).any()))
                    wide = [at for at in same if tensor.shape[at] > 1]
                    places = tuple(at for at in range(tensor.ndim) if at != axis and at not in same)
                    table = as_table(ids, same, places, axis)
                    varies = bool((table.diff(dim=0) != 0).any()) and bool((table.diff(dim=1) != 0).any())
                    if wide and varies and len(table) % self.images == 0 and len(table) > self.images:
                        centers = self._centers(known, tensor, axis, same, places)
                        return Heard(table, centers, origin.base, channel, same, places)
        return None

    def _centers(
        self, known: Sequence[Origin], tensor: Tensor, axis: int, same: tuple[int, ...], places: tuple[int, ...]
    ) -> Tensor | None:
        """Which node each place belongs to: that of the features that are the same for all its messages."""
        for origin in known:
            if bool((origin.places.diff(dim=axis) != 0).any()):
                continue
            for channel in origin.base.channels:
                ids = origin.base.nodes(origin.places, channel)
                if all(bool((ids.narrow(at, 0, 1) == ids).all()) for at in same):
                    table = as_table(ids, same, places, axis)[:, 0]
                    if torch.equal(table.sort().values, torch.arange(len(table), device=table.device)):
                        return table
        return None

    def _tell(
        self, kind: str, tensor: Tensor, axis: int, heard: Heard, values: Tensor, correction: float = 0.0
    ) -> Tensor | None:
        """Say what was seen; gives the values to go on with, in the shape they had."""
        keys = heard.base.tensor.numel() // heard.base.tensor.shape[heard.channel]
        nodes = len(heard.ids) // self.images
        if keys % self.images:
            return None
        keys //= self.images
        ids = heard.ids.view(self.images, nodes, -1)
        first = torch.arange(self.images, device=ids.device)[:, None, None] * keys
        neighbors = torch.where(ids < 0, ids, ids - first)
        if bool(((neighbors >= keys) | (neighbors < -1)).any()):
            return None  # across images
        order = None if heard.centers is None or nodes != keys else heard.centers.argsort()
        if order is not None:
            neighbors = neighbors.flatten(0, 1)[order].view_as(neighbors)
        messages = messages_of(tensor, heard, axis, self.images, order)
        if bool((neighbors < 0).any()) and kind not in ("sum", "mean"):
            return None  # what stands in the padding would be heard
        left = [at - (at > axis) for at in range(tensor.ndim) if at != axis]
        assert values.ndim == len(left)
        lying = Lying(
            tuple(at - (at > axis) for at in heard.channels),
            tuple(at - (at > axis) for at in heard.places),
            values.shape,
            self.images,
            order,
        )
        y = heard.base.features(self.images, heard.channel)
        seen = Seen(kind, messages, neighbors, y, y, lying.to_nodes(values), nodes == keys, correction)
        if nodes != keys:
            seen.x = y.new_zeros(self.images, y.shape[1], nodes)
        return lying.back(self.seen(seen))

    # -- one after the other -----------------------------------------------------------------------------------

    def _fold(self, name: str, args: tuple[Any, ...]) -> str | None:
        kind = _FOLDS.get(name)
        if kind is None or len(args) != 2 or not all(isinstance(value, Tensor) for value in args):
            return None
        one, two = args
        if one.shape != two.shape or one.ndim < 3 or not one.is_floating_point():
            return None
        if any(self._folds.get(id(value)) is not None for value in args):
            return kind
        return kind if any(self._shifted(value) for value in args) else None

    def _shifted(self, tensor: Tensor) -> bool:
        """Whether what stands at a place came from another node, on the same grid."""
        return any(
            origin.moved and origin.base.tensor.shape[2:] == tensor.shape[2:] for origin in self.origins.of(tensor)
        )

    def _note_fold(self, kind: str, args: tuple[Any, ...], result: Tensor) -> Tensor:
        parts: list[Tensor] = []
        for value in args:
            fold = self._folds.pop(id(value), None)
            if fold is not None and fold.kind == kind:
                parts += fold.parts
            elif fold is not None:
                parts.append(self._end_fold(fold))
            else:
                parts.append(value)
        if any(part is result for part in parts):  # in place: what was there before is no longer
            return result
        self._folds[id(result)] = _Fold(kind, parts, result)
        self.origins.put(result, ())
        return result

    def _folded(self, args: Any, kwargs: Any) -> Any:
        """The arguments of a function that takes folds as they are now: those folds have ended."""

        if any(id(value) in self._folds for value in tensors_in((args, kwargs))):
            return mapped((args, kwargs), self.settled)
        return args, kwargs

    def settled(self, value: Tensor) -> Tensor:
        """What a module gives: a maximum or sum taken in it one after the other ends with it."""
        fold = self._folds.pop(id(value), None)
        return value if fold is None or fold.made is not value else self._end_fold(fold)

    def _end_fold(self, fold: _Fold) -> Tensor:
        """Tell of a fold, if it is a graph; gives what the network is to go on with."""
        found = [self._step(part) for part in fold.parts]
        bases = [step[0] for step in found if step is not None]
        if len(bases) < (2 if fold.kind == "sum" else 1) or any(base is not bases[0] for base in bases):
            return fold.made
        base, made = bases[0], fold.made
        channel = channel_of(base)
        own = torch.arange(base.tensor.numel() // base.tensor.shape[channel], device=made.device)
        columns = [own if step is None else step[1] for step in found]
        # The parts lie side by side along a last axis of their own.
        places = tuple(at for at in range(made.ndim) if at != channel)
        heard = Heard(torch.stack(columns, dim=1), None, base, channel, (channel,), places)
        messages = torch.stack([part.expand(made.shape) for part in fold.parts], dim=-1)
        told = self._tell(fold.kind, messages, made.ndim, heard, made)
        return made if told is None else told

    def _step(self, part: Tensor) -> tuple[Base, Tensor] | None:
        """For a part of a fold, whose nodes it brings and which of them to each place, in order."""
        for origin in self.origins.of(part):
            if not origin.moved or not on_its_grid(origin.base, part):
                continue
            channel = channel_of(origin.base)
            table = origin.base.nodes(origin.places, channel).narrow(channel, 0, 1).flatten()
            if not torch.equal(table, torch.arange(len(table), device=table.device)):
                return origin.base, table
        return None

    # -- by receivers ------------------------------------------------------------------------------------------

    def _scattered(self, name: str, args: Any, kwargs: Any, result: Any) -> Tensor | None:
        names = ("input", "dim", "index", "source" if name.startswith("index") else "src", "reduce")
        given = dict(zip(names, args)) | kwargs
        source = given.get("src", given.get("source"))
        into, index = given["input"], given["index"]
        reduce = given.get("reduce", "sum" if "add" in name else "")
        kind = _REDUCES.get(reduce)
        known = self.origins.of(source)
        if kind is None or given["dim"] != 0 or not isinstance(source, Tensor) or source.ndim != 2 or not known:
            return None
        receivers = index if index.ndim == 1 else index[:, 0]
        if not any(origin.moved for origin in known) or len(into) % self.images:
            return None
        counts = kind in ("max", "min") or bool((into != 0).any())
        itself = counts and bool(given.get("include_self", True))
        for origin in known:
            if not origin.moved:
                continue
            for channel in origin.base.channels:
                senders = origin.base.nodes(origin.places, channel)
                keys = origin.base.tensor.numel() // origin.base.tensor.shape[channel]
                if not bool((senders[:, :1] == senders).all()) or torch.equal(senders[:, 0], receivers):
                    continue
                if keys == len(into) and keys % self.images == 0:
                    return self._tell_list(
                        kind, source, senders[:, 0], receivers, into, itself, origin.base, channel, result
                    )
        return None

    def _tell_list(
        self,
        kind: str,
        source: Tensor,
        senders: Tensor,
        receivers: Tensor,
        into: Tensor,
        itself: bool,
        base: Base,
        channel: int,
        result: Tensor,
    ) -> Tensor | None:
        nodes = len(into)
        if itself:  # what was there before counts as a message of the node to itself
            own = torch.arange(nodes, device=senders.device)
            senders, receivers = torch.cat([own, senders]), torch.cat([own, receivers])
            source = torch.cat([into, source])
        places, k = ranked_places(receivers, nodes)
        neighbors = torch.full((nodes * k,), -1, dtype=torch.int64, device=senders.device)
        neighbors[places] = senders
        messages = source.new_zeros(nodes * k, source.shape[1])
        messages = messages.index_put((places,), source)
        per = nodes // self.images
        table = neighbors.view(self.images, per, k)
        first = torch.arange(self.images, device=table.device)[:, None, None] * per
        table = torch.where(table < 0, table, table - first)
        if bool(((table >= per) | (table < -1)).any()):
            return None
        y = base.features(self.images, channel)
        lying = Lying((1,), (0,), result.shape, self.images, None)
        by_node = messages.view(self.images, per, k, -1).permute(0, 3, 1, 2)
        return lying.back(self.seen(Seen(kind, by_node, table, y, y, lying.to_nodes(result), True)))

    # -- by weights --------------------------------------------------------------------------------------------

    def _multiplied(self, name: str, args: tuple[Any, ...], result: Any) -> Tensor | None:
        letters = _letters(name, args)
        if letters is None:
            return None
        left, right, out = letters
        one, two = args[-2:]
        summed = [letter for letter in dict.fromkeys(left + right) if letter not in out]
        whole = [*out, *summed]
        sizes = dict(zip(left, one.shape)) | dict(zip(right, two.shape))
        shape = [sizes[letter] for letter in whole]
        known = [
            replace(origin, places=_aligned(origin.places, own, whole).expand(shape), pure=False)
            for own, tensor in ((left, one), (right, two))
            for origin in self.origins.of(tensor)
            if origin.moved
        ]
        if not known:
            return self._by_weights(one, two, letters, result)
        if len(summed) == 1 and any(repeats(origin) for tensor in (one, two) for origin in self.origins.of(tensor)):
            messages = _aligned(one, left, whole) * _aligned(two, right, whole)
            heard = self._heard(known, messages, len(shape) - 1)
            if heard is not None:
                return self._tell("sum", messages, len(shape) - 1, heard, result)
        self._over_summed_channels(known, len(out), result)
        return None

    def _over_summed_channels(self, known: Sequence[Origin], ahead: int, result: Any) -> None:
        """A product summed over the channels of a place, as of queries and keys: the place stays."""
        kept = []
        for origin in known:
            for channel in origin.base.channels:
                ids = origin.base.nodes(origin.places, channel)
                if all(bool((ids.narrow(at, 0, 1) == ids).all()) for at in range(ahead, ids.ndim)):
                    kept.append(replace(origin, places=origin.places.flatten(ahead)[..., 0]))
                    break
        if kept and isinstance(result, Tensor):
            self.origins.put(result, kept)

    def _by_weights(self, one: Tensor, two: Tensor, letters: tuple[str, str, str], result: Tensor) -> Tensor | None:
        """A product with a matrix of weights on either side, written as `matmul` or as `einsum`."""
        left, right, out = letters
        batch = "".join(letter for letter in left if letter in right and letter in out)
        summed = [letter for letter in left if letter in right and letter not in out]
        rest = [[letter for letter in own if letter not in (*batch, *summed)] for own in (left, right)]
        if len(summed) != 1 or any(len(own) != 1 or own[0] not in out for own in rest):
            return None
        for weights, own, row, values, others, channel in (
            (one, left, rest[0][0], two, right, rest[1][0]),
            (two, right, rest[1][0], one, left, rest[0][0]),
        ):
            turned = out == f"{batch}{channel}{row}"
            if turned or out == f"{batch}{row}{channel}":
                table = weights.permute([own.index(letter) for letter in (*batch, row, summed[0])])
                sent = values.permute([others.index(letter) for letter in (*batch, summed[0], channel)])
                told = self._attended(table, sent, result.mT if turned else result)
                if told is not None:
                    return told.mT if turned else told
        return None

    def _attended(self, weights: Tensor, values: Tensor, result: Tensor) -> Tensor | None:
        """Attention of which only some keys are left: all others have weight zero."""
        places, keys = weights.shape[-2:]
        if weights.numel() % (self.images * places * keys) or places < 2 or result.shape[0] != self.images:
            return None
        some = weights.detach() != 0
        k = int(some.sum(-1).max())
        most = keys - 1 if places < keys else keys // 2  # nodes in groups, of which some may be large
        if not 0 < k <= most or bool((weights.detach() < 0).any()):
            return None
        heads = weights.numel() // (self.images * places * keys)
        top = weights.detach().reshape(self.images, heads, places, keys).topk(k)
        own = values.detach().reshape(self.images, heads, keys, -1)
        index = top.indices[..., None].expand(-1, -1, -1, -1, own.shape[-1])
        sent = own[:, :, None].expand(-1, -1, places, -1, -1).gather(3, index) * top.values[..., None]
        channels = own.shape[-1]
        messages = sent.new_zeros(self.images, heads, channels, places, heads, k)
        for head in range(heads):
            messages[:, head, :, :, head] = sent[:, head].permute(0, 3, 1, 2)
        messages = messages.reshape(self.images, heads * channels, places, heads * k)
        neighbors = torch.where(top.values > 0, top.indices, -1).permute(0, 2, 1, 3).reshape(self.images, places, -1)
        y = own.transpose(2, 3).reshape(self.images, heads * channels, keys)
        x = y if places == keys else y.new_zeros(*y.shape[:2], places)
        inner = (*range(1, result.ndim - 2), result.ndim - 1)
        lying = Lying(inner, (0, result.ndim - 2), result.shape, self.images, None)
        seen = Seen("sum", messages, neighbors, y, x, lying.to_nodes(result), places == keys)
        return lying.back(self.seen(seen))


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
    one, two = args
    if one.ndim != two.ndim or one.shape[:-2] != two.shape[:-2]:
        return None
    batch = "abcdefgh"[: one.ndim - 2]
    return f"{batch}xy", f"{batch}yz", f"{batch}xz"


def _aligned(array: Tensor, own: str, whole: Sequence[str]) -> Tensor:
    """A tensor with the axes `own` seen along all axes, those it lacks with size one."""
    present = [letter for letter in whole if letter in own]
    array = array.permute([own.index(letter) for letter in present])
    sizes = iter(array.shape)
    return array.reshape([next(sizes) if letter in own else 1 for letter in whole])


def _axis_of(name: str, tensor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | None, bool]:
    """Over which axis, and whether it stays with size one."""
    if not isinstance(tensor, Tensor):
        return None, False
    if name == "max_pool2d":
        window = args[1] if len(args) > 1 else kwargs.get("kernel_size")
        fits = (
            tensor.ndim == 4 and tuple(window) == (1, tensor.shape[3]) if isinstance(window, (tuple, list)) else False
        )
        return (3, True) if fits else (None, False)
    axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
    at = 3 if name in SPREADS else 2
    keep = bool(kwargs.get("keepdim", args[at] if len(args) > at else False))
    if isinstance(axis, (tuple, list)) and len(axis) == 1:
        axis = axis[0]
    return (axis % tensor.ndim, keep) if isinstance(axis, int) else (None, False)


def _correction(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
    """What a variance or deviation takes off its count."""
    if name not in SPREADS:
        return 0.0
    said = kwargs.get("correction", kwargs.get("unbiased", args[2] if len(args) > 2 else True))
    return 1.0 if said is None else float(said)
