"""Explanations as graphs: edges as arrays, networkx graphs, hops over layers, and what can reach a node."""

from viz_nodes.graphs.digraphs import ego_graph, layer_graph, peak_of
from viz_nodes.graphs.edges import (
    Edges,
    hubs,
    in_degree,
    length,
    margin_summary,
    mutual,
    overlap,
    skipped,
)
from viz_nodes.graphs.hops import coverage, hop_layers, hop_weights, share_matrix
from viz_nodes.graphs.receptive_field import reach, reach_mask

__all__ = [
    "Edges",
    "coverage",
    "ego_graph",
    "hop_layers",
    "hop_weights",
    "hubs",
    "in_degree",
    "layer_graph",
    "length",
    "margin_summary",
    "mutual",
    "overlap",
    "peak_of",
    "reach",
    "reach_mask",
    "share_matrix",
    "skipped",
]
