"""Look and touch: the explorer, as a widget in a notebook (`explore`) and as one offline HTML file (`write_page`).

Both run `static/explorer.js` on the same plain document, which `viz_nodes.explorer.document` makes of explanations.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "build_document": "viz_nodes.explorer.document",
    "Embedded": "viz_nodes.explorer.page",
    "embed": "viz_nodes.explorer.page",
    "page_html": "viz_nodes.explorer.page",
    "write_page": "viz_nodes.explorer.page",
    "Explorer": "viz_nodes.explorer.widget",
    "explore": "viz_nodes.explorer.widget",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
