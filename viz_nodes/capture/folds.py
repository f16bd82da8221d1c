"""Maxima and sums taken one after the other: `torch.maximum(torch.maximum(a, b), c)`, `a + b + c`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz_nodes.capture.hearing import Hearing
from viz_nodes.capture.messages import Heard, channel_of, on_its_grid
from viz_nodes.capture.origins import Base, mapped, tensors_in

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
        return any(
            origin.moved and origin.base.tensor.shape[2:] == tensor.shape[2:]
            for origin in self._hearing.origins.of(tensor)
        )

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
        bases = [step[0] for step in steps if step is not None]
        if len(bases) < (2 if fold.kind == "sum" else 1) or any(base is not bases[0] for base in bases):
            return fold.result
        base, result = bases[0], fold.result
        channel = channel_of(base)
        own = torch.arange(base.tensor.numel() // base.tensor.shape[channel], device=result.device)
        columns = [own if step is None else step[1] for step in steps]
        # The parts lie side by side along a last axis of their own.
        places = tuple(at for at in range(result.ndim) if at != channel)
        heard = Heard(torch.stack(columns, dim=1), None, base, channel, (channel,), places)
        messages = torch.stack([part.expand(result.shape) for part in fold.parts], dim=-1)
        nodes = self._hearing.tell(fold.kind, messages, result.ndim, heard, result)
        return result if nodes is None else nodes

    def _step(self, part: Tensor) -> tuple[Base, Tensor] | None:
        """For a part of a fold, whose nodes it brings and which of them to each place, in order."""
        for origin in self._hearing.origins.of(part):
            if not origin.moved or not on_its_grid(origin.base, part):
                continue
            channel = channel_of(origin.base)
            table = origin.base.nodes(origin.places, channel).narrow(channel, 0, 1).flatten()
            if not torch.equal(table, torch.arange(len(table), device=table.device)):
                return origin.base, table
        return None
