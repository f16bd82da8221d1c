"""A folder of images through any network, and what the results say together.

In the order of the data: `options` (what is asked), `inputs` and `naming` (which images, which folder each),
`explainer` (one pass a batch), `folder` (an explanation becomes the files of a folder, `manifest` last), `workers`
(processes that do so), `run` (all of it for a stream of images) with `batch_log`, `ray` (the same on Ray
Data), `render` (the one call). `aggregates` and `aggregate_figures` read the results.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "RenderOptions": "options",
    "RunOptions": "options",
    "Rendered": "render",
    "render_folder": "render",
}
__all__ = ["RenderOptions", "Rendered", "RunOptions", "render_folder"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
