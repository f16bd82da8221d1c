"""Arrays as short text: quantised to integers, base64, with what is needed to undo it. NaN becomes a mark."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from torch import Tensor

UNKNOWN_SIGNED = -32768
"""In packed signed arrays: the value was NaN or infinite."""
UNKNOWN_UNSIGNED = 65535
"""In packed unsigned arrays: the value was NaN or infinite."""


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode("ascii")


def pack_indices(array: Tensor) -> dict[str, Any]:
    """Node numbers (-1 for no edge) as int16, as int32 where a number needs it."""
    numbers = array.numpy()
    wide = numbers.size and int(numbers.max()) > 32767
    return {"type": "int32" if wide else "int16", "data": _text(numbers.astype(np.int32 if wide else np.int16))}


def pack_unsigned(array: Tensor) -> dict[str, Any]:
    """Values >= 0 as uint16 times a scale, which puts the largest at 65534; smaller than 1e-5 of it is lost.

    Negative values, which no share, distance or map may hold beyond rounding, count as 0.
    """
    values = array.double().numpy()
    known = np.isfinite(values)
    top = float(values[known].max(initial=0.0))
    scale = top / (UNKNOWN_UNSIGNED - 1) if top > 0 else 1.0
    packed = np.full(values.shape, UNKNOWN_UNSIGNED, np.uint16)
    packed[known] = np.rint(np.clip(values[known] / scale, 0, UNKNOWN_UNSIGNED - 1)).astype(np.uint16)
    return {"type": "uint16", "scale": scale, "data": _text(packed)}


def pack_signed(array: Tensor) -> dict[str, Any]:
    """Signed values as int16 times a scale, which puts the largest magnitude at 32767."""
    values = array.double().numpy()
    known = np.isfinite(values)
    top = float(np.abs(values[known]).max(initial=0.0))
    scale = top / 32767 if top > 0 else 1.0
    packed = np.full(values.shape, UNKNOWN_SIGNED, np.int16)
    packed[known] = np.rint(values[known] / scale).astype(np.int16)
    return {"type": "int16", "scale": scale, "data": _text(packed)}


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Undo any of the above: (n,) int64 for indices, float64 for values, NaN where one is unknown."""
    raw = np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["type"]).newbyteorder("<"))
    if "scale" not in packed:
        return raw.astype(np.int64)
    unknown = UNKNOWN_SIGNED if packed["type"] == "int16" else UNKNOWN_UNSIGNED
    return np.where(raw == unknown, np.nan, raw * packed["scale"])
