"""Maxima and sums taken one after the other: `torch.maximum(torch.maximum(a, b), c)`, `a + b + c`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz_nodes.capture.hearing import Hearing, order_of
from viz_nodes.capture.messages import Heard, channel_of, on_its_grid
from viz_nodes.capture.origins import Base
from viz_nodes.capture.tensor_notes import mapped, tensors_in

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


@dataclass(eq=False)
class _Fold:
    """A maximum or sum that is taken one after the other."""

    kind: str
    parts: list[Tensor]
    result: Tensor


class Folds:
    """The maxima and sums of a forward that may go on yet."""

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._folds: dict[int, _Fold] = {}

    @staticmethod
    def by_place(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a function that may go on with a fold, its two operands by place where they came by name."""
        for place, operand in enumerate(("input", "other") if name in _FOLDS else ()):
            if len(args) == place and operand in kwargs:
                args, kwargs = (*args, kwargs[operand]), {key: kwargs[key] for key in kwargs if key != operand}
        return args, kwargs

    def kind_of(self, name: str, args: tuple[Any, ...]) -> str | None:
        """Which fold a function goes on with or begins, if it does."""
        kind = _FOLDS.get(name)
        if kind is None or len(args) != 2 or not all(isinstance(value, Tensor) for value in args):
            return None
        first, second = args
        if first.shape != second.shape or first.ndim < 3 or not first.is_floating_point():
            return None
        if any(self._folds.get(id(value)) is not None for value in args):
            return kind
        return kind if any(self._shifted(value) for value in args) else None

    def _shifted(self, tensor: Tensor) -> bool:
        """Whether what stands at a place came from another node, on the same grid."""
        return any(origin.moved and _as_many(origin.base, tensor.shape) for origin in self._hearing.origins.of(tensor))

    def note(self, kind: str, args: tuple[Any, ...], result: Tensor) -> Tensor:
        """Keep the parts of a fold until it ends."""
        parts: list[Tensor] = []
        for value in args:
            fold = self._folds.pop(id(value), None)
            if fold is not None and fold.kind == kind:
                parts += fold.parts
            elif fold is not None:
                parts.append(self._end(fold))
            else:
                parts.append(value)
        if any(part is result for part in parts):  # in place: what was there before is no longer
            return result
        self._folds[id(result)] = _Fold(kind, parts, result)
        self._hearing.origins.put(result, ())
        return result

    def ended_in(self, args: Any, kwargs: Any) -> Any:
        """The arguments of a function that takes folds as they are now: those folds have ended."""
        if any(id(value) in self._folds for value in tensors_in((args, kwargs))):
            return mapped((args, kwargs), self.settled)
        return args, kwargs

    def settled(self, value: Tensor) -> Tensor:
        """What a module gives: a maximum or sum taken in it one after the other ends with it."""
        fold = self._folds.pop(id(value), None)
        return value if fold is None or fold.result is not value else self._end(fold)

    def _end(self, fold: _Fold) -> Tensor:
        """Tell of a fold, if it is a graph; gives what the network is to go on with."""
        steps = [self._step(part) for part in fold.parts]
        taken = [step for step in steps if step is not None]
        if len(taken) < (2 if fold.kind == "sum" else 1):
            return fold.result
        base, channel, axis, _ = taken[0]
        if any(step[0] is not base or step[1:3] != (channel, axis) for step in taken):
            return fold.result
        result = fold.result
        own = torch.arange(base.tensor.numel() // base.tensor.shape[channel], device=result.device)
        order = self._order(fold.parts, base, channel, len(own))
        columns = [(own if order is None else order) if step is None else step[3] for step in steps]
        if all(torch.equal(column, columns[0]) for column in columns[1:]):
            return result  # nodes that were moved once, and something of the same nodes
        # The parts lie side by side along a last axis of their own.
        places = tuple(at for at in range(result.ndim) if at != axis)
        heard = Heard(torch.stack(columns, dim=1), order, base, channel, (axis,), places)
        messages = torch.stack([part.expand(result.shape) for part in fold.parts], dim=-1)
        nodes = self._hearing.tell(fold.kind, messages, result.ndim, heard, result)
        return result if nodes is None else nodes

    def _order(self, parts: list[Tensor], base: Base, channel: int, places: int) -> Tensor | None:
        """Which node is at each place of the parts of a fold, where they were rolled or sorted before.

        The first part may be the nodes as they were before they were moved once more; the last one is not.
        """
        for part in reversed(parts):
            for origin in self._hearing.origins.of(part):
                if origin.moved and origin.base is base:
                    return order_of(origin, channel, places)
        return None

    def _step(self, part: Tensor) -> tuple[Base, int, int, Tensor] | None:
        """For a part of a fold, whose nodes it brings, the axes of channels there and here, and which node comes where.

        The nodes may have been a list when they were moved, and lie on their grid now.
        """
        for origin in self._hearing.origins.of(part):
            if not origin.moved or not _as_many(origin.base, part.shape) or origin.places.shape != part.shape:
                continue
            alike = on_its_grid(origin.base, part)
            for channel in (channel_of(origin.base),) if alike else origin.base.channels:
                ids = origin.base.nodes(origin.places, channel)
                axis = channel if alike else _axis_of_channels(ids, origin.base.tensor.shape[channel])
                if axis is None:
                    continue
                table = ids.narrow(axis, 0, 1).flatten()
                if not torch.equal(table, torch.arange(len(table), device=table.device)):
                    return origin.base, channel, axis, table
        return None


def _as_many(base: Base, shape: torch.Size) -> bool:
    """Whether a tensor of that shape has a place for every node of a base, whatever its channels."""
    tensor = base.tensor
    return tensor.shape[2:] == shape[2:] or tensor.shape.numel() == shape.numel()


def _axis_of_channels(ids: Tensor, channels: int) -> int | None:
    """The axis of that length along which the node stays the same."""
    axes = (at for at in range(1, ids.ndim) if ids.shape[at] == channels)
    return next((at for at in axes if bool((ids.narrow(at, 0, 1) == ids).all())), None)
