"""An explanation <-> a folder, and formats of other programs: networkx, GraphML, JSON, PyG, tables."""

from viz_nodes.export.archive import BrokenExplanation, load, save
from viz_nodes.export.graph_files import to_graphml, to_json, to_networkx, to_pyg
from viz_nodes.export.tables import edges_table, hyperedges_table, nodes_table

__all__ = [
    "BrokenExplanation",
    "edges_table",
    "hyperedges_table",
    "load",
    "nodes_table",
    "save",
    "to_graphml",
    "to_json",
    "to_networkx",
    "to_pyg",
]
