"""The published weights and every file of weights: find, fetch, read, load.

`catalog` (what exists), `locate` (what is here), `download` and `hub` (how the rest comes), `read` (open a file that
may be hostile; `pickles` and `pickle_size` its pickle), `wrappers` (which of it are the weights), `shapes` (what they
are of), `provenance` (what belongs to them), `load` (all of it, into a network). How keys are renamed is the
networks' own business (`vizgraph.models._filter`). Names are loaded when first used, so that what needs no torch stays
quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vizgraph.errors import CheckpointError

_HOME = {
    "CheckpointInfo": "provenance",
    "load_model": "load",
    "load_published": "load",
    "Provenance": "provenance",
    "resolve_device": "devices",
}
__all__ = ["CheckpointError", "CheckpointInfo", "Provenance", "load_model", "load_published", "resolve_device"]

if TYPE_CHECKING:
    from vizgraph.checkpoints.devices import resolve_device
    from vizgraph.checkpoints.load import load_model, load_published
    from vizgraph.checkpoints.provenance import CheckpointInfo, Provenance


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
