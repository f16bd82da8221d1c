"""Images and labels: from a file to the pixels a network takes, and the bundled task with known truth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_HOME = {
    "Scene": "vizgraph.data.scenes",
    "Scenes": "vizgraph.data.scenes",
}
__all__ = ["Scene", "Scenes"]

if TYPE_CHECKING:
    from vizgraph.data.scenes import Scene, Scenes


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
