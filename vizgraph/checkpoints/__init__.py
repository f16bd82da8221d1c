"""The published weights and every file of weights: find, fetch, read, rename, load.

`catalog` (what exists), `locate` (what is here), `download` (how the rest comes), `read` (open a file that may be
hostile), `remap` (key layouts), `load` (all of it, into a network). Names are loaded when first used, so that what
needs no torch stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vizgraph.errors import CheckpointError

_HOME = {
    "CheckpointInfo": "load",
    "load_model": "load",
    "load_published": "load",
    "resolve_device": "load",
}
__all__ = ["CheckpointError", "CheckpointInfo", "load_model", "load_published", "resolve_device"]

if TYPE_CHECKING:
    from vizgraph.checkpoints.load import CheckpointInfo, load_model, load_published, resolve_device


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
