"""Where every element of a tensor came from, followed through everything that only moves elements around.

Indexing, gathering, rolling, cutting and pasting move elements; the same operation on a tensor of places moves the
places along. So what a layer gathers by an index it made itself, rolls of the grid and slices put together again are
all known by what they compute, whatever the module is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.functions import CHANNELS, IN_PLACE, MOVES, SHUFFLES, WRITES
from viz_nodes.capture.tensor_notes import TensorNotes, mapped, tensors_in

_MOST = 4
"""Origins kept for one tensor: a message holds a neighbor and a center, seldom more."""


@dataclass(eq=False)
class Base:
    """A tensor whose elements are followed.

    Attributes:
        tensor: the tensor.
        channel: its axis of channels, None while unknown.
    """

    tensor: Tensor
    channel: int | None = None

    def strides(self) -> list[int]:
        """How many elements lie between two steps along each axis, counted row by row."""
        shape = self.tensor.shape
        return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]

    def nodes(self, places: Tensor, channel: int) -> Tensor:
        """Element places as node numbers, over all images, if the channels lie along that axis; -1 stays."""
        step, size = self.strides()[channel], self.tensor.shape[channel]
        nodes = places.div(step * size, rounding_mode="floor") * step + places % step
        return torch.where(places < 0, places, nodes)

    def features(self, images: int, channel: int) -> Tensor:
        """(B, C, M)."""
        array = self.tensor.movedim(channel, -1)
        return array.reshape(images, -1, array.shape[-1]).transpose(1, 2)

    @property
    def channels(self) -> tuple[int, ...]:
        """The axes along which its channels may lie, the likeliest first."""
        if self.channel is not None:
            return (self.channel,)
        dims = self.tensor.ndim
        return (1,) if dims == 2 else (1, dims - 1) if dims > 2 else ()


@dataclass(frozen=True, eq=False)
class Origin:
    """Where the elements of one tensor lay in another.

    Attributes:
        base: the other tensor.
        places: int64 of the tensor's shape, the element of `base`; -1 for padding.
        pure: whether they are these elements; else they were computed from them, place by place.
        moved: whether they came by an operation that can bring an element to more than one place.
        before: `places` of the tensor that was last gathered from, rolled or indexed, where it held every element of
            the base once: in the order of its nodes, those that hear what was gathered are counted.
    """

    base: Base
    places: Tensor
    pure: bool = True
    moved: bool = False
    before: Tensor | None = None

    def order(self, channel: int) -> Tensor | None:
        """(nodes,) which node of the base each place of the tensor before was; None where it did not hold each once."""
        if self.before is None:
            return None
        ids = self.base.nodes(self.before, channel)
        for at in range(1, ids.ndim):
            if bool((ids.narrow(at, 0, 1) == ids).all()):
                ids = ids.narrow(at, 0, 1)
        ids = ids.flatten()
        return ids if torch.equal(ids.sort().values, torch.arange(len(ids), device=ids.device)) else None


class Origins:
    """The origins of all tensors of one forward."""

    def __init__(self) -> None:
        self._known: TensorNotes[tuple[Origin, ...]] = TensorNotes(of_values=True)
        self._channels: TensorNotes[int] = TensorNotes()
        self._weights: TensorNotes[bool] = TensorNotes()
        self._made_of: TensorNotes[frozenset[int]] = TensorNotes()

    def of(self, tensor: Any) -> tuple[Origin, ...]:
        """What is known of a tensor; nothing for most."""
        return self._known.get(tensor) or ()

    def put(self, tensor: Tensor, origins: Sequence[Origin]) -> None:
        """Note where the elements of a tensor lay."""
        self._known.put(tensor, tuple(origins[:_MOST]) or None)

    def copy(self, of: Tensor, to: Tensor) -> None:
        """A tensor stands in for another."""
        self.put(to, self.of(of))

    def note_channels(self, tensor: Tensor, axis: int) -> None:
        """Note along which axis the channels of a tensor lie."""
        self._channels.put(tensor, axis)

    def laid_out(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """A function said where channels lie, or computed something of a tensor of which that is known."""
        operands = [*args, *kwargs.values()]
        if not isinstance(result, Tensor) or not operands or not isinstance(operands[0], Tensor):
            return
        if name in CHANNELS and result.ndim > 1:
            self._channels.put(result, CHANNELS[name] % result.ndim)
        elif operands[0].shape == result.shape:
            alike = (value for value in operands if isinstance(value, Tensor) and value.shape == result.shape)
            known = (axis for value in alike if (axis := self._channels.get(value)) is not None)
            self._channels.put(result, next(known, None))

    def weighs(self, name: str, args: Any, result: Any) -> None:
        """A function gave weights that sum to one, or did something to such weights, one by one."""
        if not isinstance(result, Tensor) or not args or not isinstance(args[0], Tensor):
            return
        same = name in MOVES or args[0].shape == result.shape
        if name == "softmax" or (same and self.are_weights(args[0])):
            self._weights.put(result, True)

    def are_weights(self, tensor: Tensor) -> bool:
        """Whether a tensor holds what a softmax gave."""
        return bool(self._weights.get(tensor))

    def made_of(self, tensor: Tensor) -> frozenset[int]:
        """The numbers of the aggregations that a tensor was computed from."""
        return self._made_of.get(tensor) or frozenset()

    def note_made_of(self, tensor: Tensor, numbers: frozenset[int]) -> None:
        """Note these numbers."""
        self._made_of.put(tensor, numbers or None)

    def passes_on(self, args: Any, kwargs: Any, result: Any) -> None:
        """What a function gives was computed from all that its arguments were."""
        numbers = frozenset[int]().union(*(self.made_of(tensor) for tensor in tensors_in((args, kwargs))))
        for tensor in tensors_in(result) if numbers else ():
            self.note_made_of(tensor, numbers | self.made_of(tensor))

    def before_writing(self, name: str, args: Any) -> tuple[Origin, ...]:
        """What is known of a tensor that a function is about to change element by element, and nothing of any other."""
        changes = (name.endswith("_") and not name.endswith("__")) or name in IN_PLACE
        return self.of(args[0]) if changes and name not in WRITES and args else ()

    # -- operations --------------------------------------------------------------------------------------------

    def moved(self, function: Callable[..., Any], name: str, args: Any, kwargs: Any, result: Any) -> None:
        """A function moved elements."""
        inputs = [tensor for tensor in tensors_in((args, kwargs)) if _followed(tensor)]
        outputs = [tensor for tensor in tensors_in(result) if tensor.is_floating_point()]
        if not inputs or not outputs:
            return
        if len(inputs) == 1:
            for origin in self._or_itself(inputs[0]):
                self._replay(function, name, args, kwargs, outputs, [origin])
            return
        if name in ("cat", "concat", "concatenate", "stack"):
            self._joined(function, name, args, kwargs, inputs, outputs)

    def _or_itself(self, tensor: Tensor) -> tuple[Origin, ...]:
        known = self.of(tensor)
        if known:
            return known
        places = torch.arange(tensor.numel(), device=tensor.device).view(tensor.shape)
        self.put(tensor, [Origin(Base(tensor, self._channels.get(tensor)), places)])
        return self.of(tensor)

    def _replay(
        self,
        function: Callable[..., Any],
        name: str,
        args: Any,
        kwargs: Any,
        outputs: list[Tensor],
        parts: list[Origin],
    ) -> bool:
        """The same operation on places, those of each input in its order."""
        remaining = iter(parts)
        dtype = torch.float64 if name in ("unfold", "pad") else torch.int64
        shift = int(name == "unfold")  # which may pad, with zeros

        def place(value: Tensor) -> Tensor:
            return next(remaining).places.to(dtype) + shift if _followed(value) else value

        if name in ("to", "type_as", "float", "double", "half"):
            moved: Any = parts[0].places
        else:
            swapped = mapped((args, kwargs), place)
            if name == "pad":
                swapped = _padded_with_nothing(swapped)
            try:
                moved = function(*swapped[0], **swapped[1])
            except (RuntimeError, TypeError, NotImplementedError):
                return False
        pure = all(part.pure for part in parts)
        shuffles = name in SHUFFLES and not _cut_alone(name, args)
        shuffled = shuffles or any(part.moved for part in parts)
        whole = shuffles and len(parts) == 1 and parts[0].places.numel() == parts[0].base.tensor.numel()
        before = parts[0].places if whole else parts[0].before
        for output, places in zip(outputs, tensors_in(moved)):
            places = places - shift
            if places.shape != output.shape:
                return False
            origin = Origin(parts[0].base, places.long(), pure, shuffled, before)
            self.put(output, (*self.of(output), origin))
        return True

    def _joined(
        self,
        function: Callable[..., Any],
        name: str,
        args: Any,
        kwargs: Any,
        inputs: list[Tensor],
        outputs: list[Tensor],
    ) -> None:
        """Tensors were put side by side."""
        known = [self.of(tensor) for tensor in inputs]
        beside = name != "stack"
        pure = [origins[0] for origins in known if len(origins) == 1 and origins[0].pure]
        whole = len(pure) == len(inputs) and all(origin.base is pure[0].base for origin in pure)
        output = outputs[0]
        axis = int(kwargs.get("dim", args[1] if len(args) > 1 else 0)) % max(1, output.ndim)
        if whole and not (beside and self._along_channels(pure, axis)):
            self._replay(function, name, args, kwargs, outputs, pure)
            return
        if beside:  # features beside features: every part says where this place came from
            joined: list[Origin] = []
            for tensor, origins in zip(inputs, known):
                for origin in origins if tensor.numel() else ():
                    places = self._first_channel(origin, axis)
                    if tensor.ndim == output.ndim:
                        joined.append(replace(origin, places=places.expand(output.shape), pure=False))
            self.put(output, _distinct(joined))
            self._channels.put(output, self._channels_beside(inputs, axis))
            return
        count = {len(origins) for origins in known if origins}
        if len(count) == 1:  # messages one after the other: each part has its own
            own = [origins for origins in known if origins]
            for at in range(count.pop()):
                if len(own) == len(known) and all(part[at].base is own[0][at].base for part in own):
                    self._replay(function, name, args, kwargs, outputs, [part[at] for part in own])

    def _channels_beside(self, inputs: Sequence[Tensor], axis: int) -> int | None:
        """The axis of channels of nodes that were put beside others, if it is known of some and the same for all."""
        known = {self._channels.get(tensor) for tensor in inputs} - {None}
        return known.pop() if len(known) == 1 and axis not in known else None

    @staticmethod
    def _along_channels(parts: Sequence[Origin], axis: int) -> bool:
        """Whether an axis of these tensors is the whole axis of channels of their base."""
        base, shape = parts[0].base, parts[0].base.tensor.shape
        for channel in base.channels:
            step = base.strides()[channel]
            if all(part.places.shape[axis] == shape[channel] and _regular(part.places, axis, step) for part in parts):
                return True
        return False

    @staticmethod
    def _first_channel(origin: Origin, axis: int) -> Tensor:
        """The places at the first of the channels, which lie along that axis of the tensor."""
        if origin.places.shape[axis] > 1 and origin.base.channel is None:
            for channel in origin.base.channels:
                if _regular(origin.places, axis, origin.base.strides()[channel]):
                    origin.base.channel = channel
                    break
        return origin.places.narrow(axis, 0, 1)

    def computed(self, args: Any, kwargs: Any, result: Any) -> None:
        """A function computed something, place by place or over the channels of a place."""
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return
        origins: list[Origin] = []
        for tensor in tensors_in((args, kwargs)):
            for origin in self.of(tensor):
                places = self._fitted(origin, result.shape)
                if places is not None:
                    origins.append(replace(origin, places=places, pure=False))
        self.put(result, _distinct(origins) if any(origin.moved for origin in origins) else ())

    def _fitted(self, origin: Origin, shape: torch.Size) -> Tensor | None:
        """Places of a result of that shape: the same axes, broadcast, or another number of channels along one."""
        places = origin.places
        ahead = len(shape) - places.ndim
        if ahead < 0:
            return None
        wide = places.view((1,) * ahead + tuple(places.shape))
        differing = [axis for axis, (a, b) in enumerate(zip(wide.shape, shape)) if a != b and a != 1]
        if not differing:
            return wide.expand(shape)
        if len(differing) == 1 and not ahead and places.shape[differing[0]]:
            return self._first_channel(origin, differing[0]).expand(shape)
        return None


def _cut_alone(name: str, args: Any) -> bool:
    """Whether an indexing cuts, selects or adds axes, and moves nothing: `x[:, 1:, None]`, not `x[:, index]`."""
    index = args[1] if name == "__getitem__" and len(args) > 1 else ()
    parts = index if isinstance(index, tuple) else (index,)
    return name == "__getitem__" and all(
        part is None or part is Ellipsis or (isinstance(part, (slice, int)) and not isinstance(part, bool))
        for part in parts
    )


def _padded_with_nothing(swapped: Any) -> Any:
    """The arguments of a padding, of places: what is filled in came from nowhere."""
    args, kwargs = list(swapped[0]), dict(swapped[1])
    mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
    if mode == "constant":
        args = args[:3]
        kwargs["value"] = -1.0
    return args, kwargs


def _regular(places: Tensor, axis: int, step: int) -> bool:
    """Whether places grow by the same step along an axis, everywhere."""
    return places.shape[axis] < 2 or bool((places.diff(dim=axis) == step).all())


def _distinct(origins: Sequence[Origin]) -> list[Origin]:
    kept: list[Origin] = []
    for origin in origins:
        same = (other.base is origin.base and torch.equal(other.places, origin.places) for other in kept)
        if not any(same):
            kept.append(origin)
    return kept


def _followed(tensor: Tensor) -> bool:
    """Whether the elements of a tensor may be features of nodes: neither numbers of a module nor indices."""
    return tensor.is_floating_point() and tensor.ndim > 1 and not isinstance(tensor, nn.Parameter)
