"""Painters on Axes of yours (`draw_cam`, `draw_neighbors`, `draw_graph`), whole figures, and files."""

from viz_nodes.draw.cam import draw_cam
from viz_nodes.draw.comparison import compare
from viz_nodes.draw.figures import figure, panel
from viz_nodes.draw.files import figure_bytes, read_provenance, save_figure
from viz_nodes.draw.graph import draw_graph
from viz_nodes.draw.neighbors import draw_neighbors
from viz_nodes.draw.paper import latex_of, save_latex
from viz_nodes.draw.strongest import draw_strongest
from viz_nodes.draw.style.style import Style

__all__ = [
    "Style",
    "compare",
    "draw_cam",
    "draw_graph",
    "draw_neighbors",
    "draw_strongest",
    "figure",
    "figure_bytes",
    "latex_of",
    "panel",
    "read_provenance",
    "save_figure",
    "save_latex",
]
