"""An explanation <-> a folder, and formats of other programs: networkx, GraphML, JSON, PyG, tables."""

from viz_nodes.export.archive import (
    BrokenExplanation,
    edges_table,
    load,
    nodes_table,
    save,
    to_graphml,
    to_json,
    to_networkx,
    to_pyg,
)

__all__ = [
    "BrokenExplanation",
    "edges_table",
    "load",
    "nodes_table",
    "save",
    "to_graphml",
    "to_json",
    "to_networkx",
    "to_pyg",
]
