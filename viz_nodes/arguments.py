"""What arguments and arrays must be, with one sentence for each that is not: expected, got."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from viz_nodes.text import quoted

P = ParamSpec("P")
R = TypeVar("R")
SETS = ("sufficient", "necessary")
"""What a set of edges can be: those that alone keep the answer, those without which it changes."""


def also_image(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function that takes `row` be called with `image=` too, its name in 0.1."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if "image" in kwargs:
            if "row" in kwargs:
                raise TypeError(f"{function.__name__}() got `row` and `image`, which are two names of one thing")
            kwargs["row"] = kwargs.pop("image")
        return function(*args, **kwargs)

    return call


def whole(name: str, value: Any) -> int:
    """A whole number as Python's own, also from numpy and torch.

    Raises:
        TypeError: it is a truth value, a fraction, text or anything else.
    """
    try:
        if isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool"):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number (got {quoted(value)})") from None


def numbers(name: str, values: Any) -> np.ndarray:
    """What was given as an array of float64.

    Raises:
        ValueError: some of it is no number, or its parts have other lengths.
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"`{name}` must be numbers, as many in each place (got {quoted(values)})") from error


def require_shape(name: str, array: Tensor, expected: tuple[int, ...]) -> None:
    """Raise a ValueError with both shapes where an array has another."""
    if tuple(array.shape) != expected:
        raise ValueError(f"`{name}` must have shape {expected} (got {tuple(array.shape)})")


def require_kind(name: str, array: Any, *, integer: bool) -> None:
    """Raise a TypeError where this is no tensor of int64, or of floating point."""
    if not isinstance(array, Tensor):
        raise TypeError(f"`{name}` must be a torch tensor (got {type(array).__name__})")
    if not (array.dtype == torch.int64 if integer else array.is_floating_point()):
        raise TypeError(f"`{name}` must be {'int64' if integer else 'of floating point'} (got {array.dtype})")


def require_range(name: str, array: Tensor, low: int, high: int, of: str) -> None:
    """Raise a ValueError where an int64 array is not all in [low, high)."""
    if array.numel() and not (int(array.min()) >= low and int(array.max()) < high):
        worst = int(array.min()) if int(array.min()) < low else int(array.max())
        raise ValueError(f"`{name}` must lie in [{low}, {high}) for {of} (got {quoted(worst)})")


def all_finite(array: Tensor) -> bool:
    """Whether a tensor holds no NaN and no infinity."""
    array = array.detach()
    # The sum of anything that is not finite is not, and takes a tenth of the time; a sum of large numbers may not be.
    return bool(array.sum().isfinite()) or bool(array.isfinite().all())


def require_pair(name: str, pair: Any) -> None:
    """Raise where a size is not two whole numbers above 0."""
    if len(pair) != 2 or any(whole(name, side) < 1 for side in pair):
        raise ValueError(f"`{name}` must be two whole numbers above 0 (got {quoted(tuple(pair))})")
