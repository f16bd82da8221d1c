"""The architectures: `names` (what there is), `layout` (what tells them apart), `vision_gnn` (the network they share),
`graphconvnet` and `vig` (their blocks, and timm's entrypoints, which register when they are imported).

Names are loaded when first used, so that asking for a name needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vizgraph.models.names import ARCHITECTURES, SHORT_NAMES, list_models, resolve

_HOME = {"Layout": "layout", "Options": "layout", "VisionGNN": "vision_gnn"}
__all__ = ["ARCHITECTURES", "SHORT_NAMES", "Layout", "Options", "VisionGNN", "list_models", "resolve"]

if TYPE_CHECKING:
    from vizgraph.models.layout import Layout, Options
    from vizgraph.models.vision_gnn import VisionGNN


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
