"""A layer of a hypergraph as a bipartite networkx graph: nodes, groups, and who is in which and hears which."""

from __future__ import annotations

import networkx as nx

from viz_nodes.explanation import Explanation
from viz_nodes.graphs.digraphs import describe, node_rows


def hypergraph(exp: Explanation, layer: int, row: int = 0) -> nx.DiGraph:
    """Nodes i (`bipartite` 0) and groups `("group", e)` (`bipartite` 1).

    An edge i -> ("group", e) says that node i is in the group, `share` its part of it. An edge ("group", e) -> i says
    that node i hears the group, `share` how much of what it hears that is.

    Raises:
        ValueError: the layer's graph has no groups.
    """
    explained, at = exp.layer(layer), exp.row(row)
    if explained.groups is None or explained.heard is None or explained.heard_share is None:
        raise ValueError(f"layer {explained.number} ({explained.name}) must be one of a hypergraph, and has no groups")
    graph = nx.DiGraph(**describe(exp, explained, at))
    graph.add_nodes_from((node, {"bipartite": 0, **about}) for node, about in enumerate(node_rows(exp, explained, at)))
    groups, heard, share = explained.groups[at], explained.heard[at], explained.heard_share[at]
    graph.add_nodes_from((("group", group), {"bipartite": 1}) for group in range(len(groups)))
    for group, node in (groups >= 0).nonzero().tolist():
        graph.add_edge(node, ("group", group), share=float(groups[group, node]))
    for node, place in (heard >= 0).nonzero().tolist():
        group = ("group", int(heard[node, place]))
        before = graph.edges[group, node]["share"] if graph.has_edge(group, node) else 0.0  # of another head
        graph.add_edge(group, node, share=before + float(share[node, place]))
    return graph
