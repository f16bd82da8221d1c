"""Promises, each with a generator of what could break it: made from a seed, small, and our own.

`python -m tests.corpus` tries them in full and prints the table of docs/reliability.md; the suite tries a sample of
each (`test_promises.py`). To add one, write a function that takes a `Case` and raises where the promise is broken, put
`@promise(...)` above it, and name its module in `MODULES`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpus.promises import Promise

MODULES = (
    "images",
    "checkpoints",
    "explanations",
    "texts",
    "servers",
    "disks",
    "everything",
    "options",
    "processes",
    "commands",
    "networks",
    "pages",
    "leaks",
    "edge_sets",
)


def all_promises() -> dict[str, Promise]:
    """Every promise by its name, in the order of the table."""
    # `python -m tests.corpus` imports this file before it can say where the package lies.
    from corpus.promises import PROMISES

    for name in MODULES:
        importlib.import_module(f"corpus.{name}")
    return PROMISES
