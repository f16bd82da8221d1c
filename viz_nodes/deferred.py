"""Fields of a record that are computed when they are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any


class Deferred:
    """What several fields of a record will be, once one of them is asked for.

    Args:
        compute: returns the values by field name; called once, and let go with all it holds.
    """

    def __init__(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        self._compute: Callable[[], Mapping[str, Any]] | None = compute
        self._values: Mapping[str, Any] = {}
        self._lock = threading.Lock()

    def value(self, name: str) -> Any:
        """Of one field; None where nothing was computed for it."""
        with self._lock:
            if self._compute is not None:
                self._values = self._compute()
                self._compute = None
        return self._values.get(name)


class _Field:
    """A field of a dataclass that may be given a `Deferred` instead of its value."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, record: Any, owner: type | None = None) -> Any:
        if record is None:
            return None  # the default, as dataclasses see it
        value = vars(record).get(self.name)
        if isinstance(value, Deferred):
            value = vars(record)[self.name] = value.value(self.name)
        return value

    def __set__(self, record: Any, value: Any) -> None:
        vars(record)[self.name] = value


def when_asked() -> Any:
    """The default of such a field: None."""
    return _Field()


def is_pending(record: Any, name: str) -> bool:
    """Whether a field has not been asked for yet."""
    return isinstance(vars(record).get(name), Deferred)
