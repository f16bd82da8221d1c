"""Painters on Axes of yours (`draw_cam`, `draw_neighbors`, `draw_graph`), `figure` for a whole sheet, and files."""

from viz_nodes.draw.cam import draw_cam
from viz_nodes.draw.comparison import compare
from viz_nodes.draw.figures import figure, panel, prepared
from viz_nodes.draw.files import figure_bytes, read_provenance, save_figure
from viz_nodes.draw.graph import draw_graph
from viz_nodes.draw.neighbors import draw_neighbors

__all__ = [
    "compare",
    "draw_cam",
    "draw_graph",
    "draw_neighbors",
    "figure",
    "figure_bytes",
    "panel",
    "prepared",
    "read_provenance",
    "save_figure",
]
