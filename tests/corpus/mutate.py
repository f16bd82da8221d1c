"""Bytes and plain values, changed as damage and malice change them."""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(rng: np.random.Generator, data: bytes, other: bytes = b"") -> bytes:
    """Another content: one to four changes of bits, bytes, numbers, blocks, length, or a graft of another file."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        out = _changed(rng, out, other)
    return bytes(out)


def _changed(rng: np.random.Generator, out: bytearray, other: bytes) -> bytearray:
    place, kind = _place(rng, len(out)), int(rng.integers(9))
    span = int(rng.integers(1, 65))
    if kind == 0:
        out[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        out[place] = int(rng.integers(256))
    elif kind == 2:  # a number of a header
        size, order = int(rng.choice([1, 2, 4, 8])), "little" if rng.integers(2) else "big"
        number = int(rng.choice(_NUMBERS)) & (256**size - 1)
        out[place : place + size] = number.to_bytes(size, order)
    elif kind == 3:
        del out[place:]
    elif kind == 4:
        del out[place : place + span]
    elif kind == 5:
        out[place:place] = rng.bytes(span)
    elif kind == 6:
        out[place : place + span] = bytes(min(span, len(out) - place))
    elif kind == 7:  # a block twice, somewhere else
        source = _place(rng, len(out))
        out[place:place] = out[source : source + span]
    elif other:
        source = _place(rng, len(other))
        out[place : place + span] = other[source : source + span]
    return out


def _place(rng: np.random.Generator, length: int) -> int:
    """Anywhere, and half of the time where headers and directories are."""
    where = int(rng.integers(4))
    if where == 0:
        return int(rng.integers(min(64, length)))
    if where == 1:
        return length - 1 - int(rng.integers(min(128, length)))
    return int(rng.integers(length))


HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3.5,
    1e-9,
    -1e308,
    1e308,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    10**9,
    10**40,
    "",
    "x",
    "\x00",
    "\ud800",
    "\ufffe",
    "../../x",
    "/etc/passwd",
    "a" * 5000,
    "$\\frac{$",
    "<script>",
    "NaN",
    "9" * 5000,
    [],
    {},
    [[]],
    [None],
    [1],
    [1, 2],
    [9999, 9999],
    [3, 9999, 9999],
    [3, -1, 5],
    [1] * 1000,
    {"a": 1},
    {"": {}},
    ["x"] * 3,
    [1e308] * 4,
    [0, 0, 0, 0],
    "1e999",
    "~nobodyhere/x",
    "con",
    "a/b",
    "a\\b",
    "\u202etxt.exe",
    "{{x}}",
    "%s",
)
"""Values of JSON that stand where others belong."""


def mutated_value(rng: np.random.Generator, value: Any) -> Any:
    """A copy of plain data with one to three values replaced, left out or doubled."""
    import copy

    out = {"": copy.deepcopy(value)}
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(out))
        holder, key = places[int(rng.integers(len(places)))]
        kind = int(rng.integers(8))
        hostile = copy.deepcopy(HOSTILE[int(rng.integers(len(HOSTILE)))])
        if kind == 0 and key != "":
            del holder[key]
        elif kind == 1 and isinstance(holder, dict) and key != "":
            holder[str(hostile)[:50]] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder.insert(key, hostile)
        elif kind == 3 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
            holder[key] = holder[key] * int(rng.choice([-1, 0, 2, 1000])) + int(rng.integers(-2, 3))
        elif kind == 4 and isinstance(holder[key], str) and holder[key]:
            at = int(rng.integers(len(holder[key])))
            holder[key] = holder[key][:at] + str(hostile)[:40] + holder[key][at + 1 :]
        else:
            holder[key] = hostile
    return out[""]


def _places(value: Any) -> Any:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys)[:60]:
        yield value, key
        yield from _places(value[key])
