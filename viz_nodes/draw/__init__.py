"""Painters on Axes of yours (`draw_cam`, `draw_neighbors`, `draw_graph`), whole figures, and files.

Names are imported when they are first used, so that palettes and widths can be looked at without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Column": "rows",
    "Style": "style.style",
    "compare": "comparison",
    "depths": "tables",
    "draw_cam": "cam",
    "draw_graph": "graph",
    "draw_hyperedges": "hyperedges",
    "draw_neighbors": "neighbors",
    "draw_strongest": "strongest",
    "figure": "figures",
    "figure_bytes": "files",
    "latex_of": "paper",
    "networks": "tables",
    "overview": "tables",
    "panel": "figures",
    "read_provenance": "files",
    "save_figure": "files",
    "save_latex": "paper",
    "table": "tables",
}
__all__ = [
    "Column",
    "Style",
    "compare",
    "depths",
    "draw_cam",
    "draw_graph",
    "draw_hyperedges",
    "draw_neighbors",
    "draw_strongest",
    "figure",
    "figure_bytes",
    "latex_of",
    "networks",
    "overview",
    "panel",
    "read_provenance",
    "save_figure",
    "save_latex",
    "table",
]

if TYPE_CHECKING:
    from viz_nodes.draw.cam import draw_cam
    from viz_nodes.draw.comparison import compare
    from viz_nodes.draw.figures import figure, panel
    from viz_nodes.draw.files import figure_bytes, read_provenance, save_figure
    from viz_nodes.draw.graph import draw_graph
    from viz_nodes.draw.hyperedges import draw_hyperedges
    from viz_nodes.draw.neighbors import draw_neighbors
    from viz_nodes.draw.paper import latex_of, save_latex
    from viz_nodes.draw.rows import Column
    from viz_nodes.draw.strongest import draw_strongest
    from viz_nodes.draw.style.style import Style
    from viz_nodes.draw.tables import depths, networks, overview, table


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
