"""A layer of a hypergraph as a bipartite networkx graph: nodes, groups, and who is in which and hears which."""

from __future__ import annotations

import networkx as nx
import numpy as np

from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.digraphs import describe, node_rows


def hypergraph(exp: Explanation, layer: int, row: int = 0) -> nx.DiGraph:
    """Nodes i (`bipartite` 0) and groups `("group", e)` (`bipartite` 1).

    An edge i -> ("group", e) says that node i is in the group, `share` its part of it. An edge ("group", e) -> i says
    that node i hears the group, `share` how much of what it hears that is.

    Raises:
        ValueError: the layer's graph has no groups.
    """
    explained, at = exp.layer(layer), exp.row(row)
    parts, heard = group_shares(explained, at)
    graph = nx.DiGraph(**describe(exp, explained, at))
    graph.add_nodes_from((node, {"bipartite": 0, **about}) for node, about in enumerate(node_rows(exp, explained, at)))
    graph.add_nodes_from((("group", group), {"bipartite": 1}) for group in range(len(parts)))
    for group, node in np.argwhere(~np.isnan(parts)).tolist():
        graph.add_edge(node, ("group", group), share=float(parts[group, node]))
    for group, node in np.argwhere(~np.isnan(heard)).tolist():
        graph.add_edge(("group", group), node, share=float(heard[group, node]))
    return graph


def group_shares(explained: LayerExplanation, row: int) -> tuple[np.ndarray, np.ndarray]:
    """(E, N) each node's part of each group, and (E, N) how much of what each node hears each group is, by all heads.

    NaN where a node is not in the group, or does not hear it.

    Raises:
        ValueError: the layer has no groups.
    """
    if explained.groups is None or explained.heard is None or explained.heard_share is None:
        raise ValueError(f"layer {explained.number} ({explained.name}) must be one of a hypergraph, and has no groups")
    parts = explained.groups[row].double().numpy()
    heard, share = explained.heard[row].numpy(), explained.heard_share[row].double().numpy()
    shares = np.full(parts.shape, np.nan)
    node, place = np.nonzero(heard >= 0)
    group = heard[node, place]
    shares[group, node] = 0.0
    np.add.at(shares, (group, node), share[node, place])
    return np.where(parts < 0, np.nan, parts), shares
