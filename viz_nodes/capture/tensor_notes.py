"""Notes on tensors that end with them."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

from torch import Tensor

Known = TypeVar("Known")


class TensorNotes(Generic[Known]):
    """What is known of tensors while they live: their places are many times as large as they are."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], Known]] = {}

    def get(self, tensor: Any) -> Known | None:
        """What is known of a tensor, if anything."""
        entry = self._known.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def put(self, tensor: Tensor, known: Known | None) -> None:
        """Note what is known of a tensor; None forgets it."""
        key = id(tensor)
        if known is None:
            self._known.pop(key, None)
            return

        def gone(ref: weakref.ref[Tensor]) -> None:
            if key in self._known and self._known[key][0] is ref:
                del self._known[key]

        self._known[key] = (weakref.ref(tensor, gone), known)
