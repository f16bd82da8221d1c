"""Notes on tensors that end with them, and tensors inside of other things."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from torch import Tensor

Known = TypeVar("Known")


class TensorNotes(Generic[Known]):
    """What is known of tensors while they live: their places are many times as large as they are.

    Args:
        of_values: whether it is of the values of a tensor, and ends when they are written over.
    """

    def __init__(self, *, of_values: bool = False) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], Known, int]] = {}
        self._of_values = of_values

    def get(self, tensor: Any) -> Known | None:
        """What is known of a tensor, if anything."""
        entry = self._known.get(id(tensor))
        there = None if entry is None else entry[0]()
        if entry is None or there is None or there is not tensor or entry[2] != self._version(there):
            return None
        return entry[1]

    def put(self, tensor: Tensor, known: Known | None) -> None:
        """Note what is known of a tensor; None forgets it."""
        key = id(tensor)
        if known is None:
            self._known.pop(key, None)
            return

        def gone(ref: weakref.ref[Tensor]) -> None:
            if key in self._known and self._known[key][0] is ref:
                del self._known[key]

        self._known[key] = (weakref.ref(tensor, gone), known, self._version(tensor))

    def _version(self, tensor: Tensor) -> int:
        """How often its values were written over; tensors of `inference_mode` do not count that."""
        return tensor._version if self._of_values and not tensor.is_inference() else 0


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors in tuples, lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, tuple):
        return tuple(mapped(part, change) for part in value)
    if isinstance(value, list):
        return [mapped(part, change) for part in value]
    if isinstance(value, dict):
        return {name: mapped(part, change) for name, part in value.items()}
    return value
