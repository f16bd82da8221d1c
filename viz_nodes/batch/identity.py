"""What identifies a keyword of `explain` in a manifest: a value by itself, code by its source."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

from viz_nodes.text import shortened

_LONGEST = 500
"""Characters of a value."""


def identified(value: Any) -> Any:
    """A value as JSON holds it, with what tells it from another.

    Plain values and containers of them stand for themselves. A function or class is told by module, name and SHA-256 of
    its source, an object by its class and its attributes, a tensor or array by the SHA-256 of its numbers. Where there
    is no source to be had (built in, or typed into an interpreter) "source" is None: two such of the same name cannot
    be told apart. What a function closes over counts, what it calls does not.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return shortened(value, _LONGEST)
    if isinstance(value, Mapping):
        return {str(key): identified(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [identified(each) for each in value]
    if isinstance(value, functools.partial):
        return {
            "partial": identified(value.func),
            "args": identified(value.args),
            "keywords": identified(value.keywords),
        }
    if inspect.isroutine(value) or isinstance(value, type):
        return _code(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return {"type": _name(type(value)), "shape": list(value.shape), "sha256": _digest_of_numbers(value)}
    return {"object": _code(type(value)), "attributes": _attributes(value)}


def _code(value: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"name": _name(value), "source": _source(value)}
    closed = getattr(value, "__closure__", None)
    if closed:
        names = value.__code__.co_freevars
        about["closes over"] = {name: _shallow(cell) for name, cell in zip(names, closed, strict=True)}
    owner = getattr(value, "__self__", None)
    if owner is not None and not inspect.ismodule(owner):
        about["of"] = _name(owner if isinstance(owner, type) else type(owner))
    return about


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _source(value: Any) -> str | None:
    """SHA-256 of the source, 64 hexadecimal digits; None where there is none."""
    try:
        return hashlib.sha256(inspect.getsource(value).encode()).hexdigest()
    except (OSError, TypeError):
        return None


def _shallow(cell: Any) -> Any:
    """What a function closes over: numbers and words as they are, of anything else the class."""
    try:
        value = cell.cell_contents
    except ValueError:  # not yet filled
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else _name(type(value))


def _attributes(value: Any) -> dict[str, Any]:
    """Numbers, words and lists of these that an object holds."""
    plain = bool | int | float | str | None
    held = {}
    for key, each in sorted(getattr(value, "__dict__", {}).items()):
        if isinstance(each, frozenset | set):
            each = sorted(map(str, each))
        if isinstance(each, plain) or (
            isinstance(each, list | tuple) and all(isinstance(part, plain) for part in each)
        ):
            held[key] = list(each) if isinstance(each, tuple) else each
    return held


def _digest_of_numbers(value: Any) -> str | None:
    try:
        numbers = value.detach().cpu().contiguous().numpy() if hasattr(value, "detach") else value
        return hashlib.sha256(numbers.tobytes()).hexdigest()
    except (TypeError, RuntimeError, ValueError, AttributeError):
        return None
