"""Explanations as networkx graphs: a layer's whole graph, a node's ego graph over many hops, and what can reach a node.

Edges point neighbor -> center, the way a message goes. A center is its node number; where a layer pools its keys, a key
node is `("key", j)`, a node of its own. In an ego graph of several hops the nodes of earlier layers are
`(layer, node)`, `(layer, "key", j)` and `(layer, "center", i)`, with the layer's index from 0.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation
from viz_nodes.graphs.edges import Edges, _check_node, _edges, _row
from viz_nodes.graphs.hops import coverage, hop_layers
from viz_nodes.graphs.receptive_field import reach
from viz_nodes.grids import centers

__all__ = ["ego_graph", "layer_graph", "reach"]


def _places(explained: LayerExplanation, row: int, size: tuple[int, int]) -> tuple[list[dict], list[dict]]:
    """Attributes of all nodes and of all key nodes, as plain numbers."""
    heat = explained.cam[row].double().numpy().ravel()
    key_heat = heat
    if explained.key_grid != explained.grid:
        key_heat = coverage(explained.key_grid, explained.grid) @ heat
    tables = []
    for grid, values, is_key in ((explained.grid, heat, False), (explained.key_grid, key_heat, True)):
        rows, cols = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
        middle = centers(grid, size)
        columns = zip(rows.tolist(), cols.tolist(), middle[:, 0].tolist(), middle[:, 1].tolist(), values.tolist())
        key = is_key and explained.key_grid != explained.grid
        tables.append([{"row": r, "col": c, "x": x, "y": y, "cam": cam, "key": key} for r, c, x, y, cam in columns])
    return tables[0], tables[1]


def _merge_parallel(found: Edges, keys: int) -> Edges:
    """One edge a pair: where a center has a neighbor twice (wrapped grids), shares and contributions add up."""
    _, first, place = np.unique(found.center * keys + found.neighbor, return_index=True, return_inverse=True)
    if len(first) == len(found):
        return found
    totals = {}
    for name in ("share", "contribution"):
        column = getattr(found, name)
        totals[name] = np.zeros(len(first), column.dtype)
        np.add.at(totals[name], place, column)
    kept = found.where(first)
    return Edges(
        kept.center, kept.neighbor, kept.rank, totals["share"], totals["contribution"], kept.distance, kept.margin
    )


def _edge_rows(found: Edges) -> list[dict]:
    """Attributes of the edges, as plain numbers."""
    names = [
        name for name in ("rank", "share", "contribution", "distance", "margin") if getattr(found, name) is not None
    ]
    columns = [getattr(found, name).tolist() for name in names]
    return [dict(zip(names, values)) for values in zip(*columns)]


def _describe(exp: Explanation, explained: LayerExplanation, row: int) -> dict:
    """Attributes of the graph: plain numbers and strings, which every file format holds."""
    target = int(exp.target[row])
    return {
        "layer": explained.index,
        "depth": exp.depth,
        "name": explained.name,
        "rows": explained.grid[0],
        "cols": explained.grid[1],
        "key_rows": explained.key_grid[0],
        "key_cols": explained.key_grid[1],
        "width": exp.image_size[1],
        "height": exp.image_size[0],
        "image": row,
        "target": target,
        "label": exp.label(target),
        "method": exp.method,
        "peak": int(explained.peak[row]),
        "exact": bool(explained.exact),
        "model": exp.model,
    }


def layer_graph(exp: Explanation, layer: int, image: int = 0) -> nx.DiGraph:
    """The whole graph of a layer, every node in it whether or not it has edges.

    Args:
        layer: place in the network from 0, negative from its end.
        image: the row of the explanation.

    Returns:
        Nodes with `row`, `col`, `x`, `y` (pixels of the network's input), `cam` (a key node has the mean of the nodes
        pooled into it) and `key`; edges neighbor -> center with `rank`, `share`, `contribution`, and where the layer
        knows them `distance` and `margin`. The graph itself says layer, grids, target, method and peak.
    """
    row, explained = _row(exp, image), exp.layer(layer)
    nodes, keys = _places(explained, row, exp.image_size)
    found = _merge_parallel(_edges(explained, row), len(keys))
    graph = nx.DiGraph(**_describe(exp, explained, row))
    graph.add_nodes_from(enumerate(nodes))
    senders: list = found.neighbor.tolist()
    if explained.key_grid != explained.grid:
        graph.add_nodes_from((("key", j), attributes) for j, attributes in enumerate(keys))
        senders = [("key", j) for j in senders]
    graph.add_edges_from(zip(senders, found.center.tolist(), _edge_rows(found)))
    return graph


def peak_of(exp: Explanation, layer: int, image: int = 0) -> int:
    """The most discriminative node of a layer.

    Raises:
        ValueError: the map is blank, so no node may be called that.
    """
    explained, row = exp.layer(layer), _row(exp, image)
    peak = int(explained.peak[row])
    if peak == NO_PEAK:
        raise ValueError(
            f"layer {explained.number} has a blank map for {exp.label(int(exp.target[row]))!r} (no positive evidence), "
            f"so it has no peak; give `node`"
        )
    return peak


def ego_graph(exp: Explanation, layer: int, node: int | None = None, *, hops: int = 1, image: int = 0) -> nx.DiGraph:
    """A node with its neighbors, and with more hops their neighbors one graph layer earlier, and so on.

    Every hop uses its own layer's edges. An edge carries its layer's `share` and, as `weight`, the product of the
    shares from the node to it, over all ways to get there: with i taking 0.75 from j, and j one layer earlier 0.5 from
    m, the edge m -> j weighs 0.375. The weights of the edges of one hop sum to 1.

    Where two layers have different grids, and from a key node to the nodes pooled into it, edges of `kind` "cover" lead
    from the nodes that a node's box covers, with the fraction covered as `share` (`viz_nodes.graphs.coverage`): node 0
    of a 7 x 7 grid hears nodes 0, 1, 14 and 15 of the 14 x 14 grid before it, a quarter each. They are no hop.

    Args:
        layer: place in the network from 0, negative from its end.
        node: the center; None is the peak.
        hops: how many layers to go back through.
        image: the row of the explanation.

    Returns:
        Nodes as in `layer_graph`, and with `layer`, `node`, `hop` (0 the center, n after n hops, the lowest where a
        node is met twice); edges with `kind` ("graph" or "cover"), `hop`, `layer`, `share`, `weight`, and graph edges
        with `rank`, `contribution` and the rest. Nodes of the layer itself are named as in `layer_graph`, those of
        earlier layers `(layer, node)` or `(layer, "key", j)`, layer the one whose edges they send along, and nodes
        that are only covered `(layer, "center", i)`, layer the one whose messages they receive.

    Raises:
        ValueError: the map is blank and no node is given; more hops than layers.
        IndexError: a layer on the way was not explained.
    """
    layers, row = hop_layers(exp, layer, hops), _row(exp, image)
    if node is None:
        node = peak_of(exp, layer, image)
    _check_node(node, layers[0])
    graph = nx.DiGraph(**_describe(exp, layers[0], row), center=int(node), hops=hops)

    def add(name, number: int, at: LayerExplanation, attributes: dict, hop: int) -> None:
        if name not in graph:
            graph.add_node(name, **attributes, layer=at.index, node=number, hop=hop)

    # who is asked in the coming hop: graph node -> (number on the grid of that layer, weight so far)
    asked: dict = {node: (int(node), 1.0)}
    add(node, int(node), layers[0], _places(layers[0], row, exp.image_size)[0][node], 0)
    for hop, explained in enumerate(layers, start=1):
        nodes, keys = _places(explained, row, exp.image_size)
        pooled = explained.key_grid != explained.grid
        found = _merge_parallel(_edges(explained, row), len(keys))
        by_center = np.searchsorted(found.center, np.arange(len(nodes) + 1))
        heard: dict = {}
        for center, (number, weight) in asked.items():
            sent = found.where(np.arange(by_center[number], by_center[number + 1]))
            for key, details in zip(sent.neighbor.tolist(), _edge_rows(sent)):
                sender = _name(explained, layers[0], key, pooled)
                add(sender, key, explained, keys[key], hop)
                passed = weight * details["share"]
                graph.add_edge(sender, center, **details, kind="graph", hop=hop, layer=explained.index, weight=passed)
                heard[sender] = (key, heard.get(sender, (key, 0.0))[1] + passed)
        if hop == len(layers):
            break
        earlier = layers[hop]
        if explained.key_grid == earlier.grid:
            asked = heard
            continue
        asked = {}
        covered = coverage(explained.key_grid, earlier.grid)
        finer = _places(earlier, row, exp.image_size)[0]
        for center, (number, weight) in heard.items():
            for part in np.flatnonzero(covered[number]).tolist():
                sender = (earlier.index, "center", part)
                share = float(covered[number, part])
                add(sender, part, earlier, finer[part], hop)
                graph.add_edge(
                    sender, center, share=share, kind="cover", hop=hop, layer=earlier.index, weight=weight * share
                )
                asked[sender] = (part, asked.get(sender, (part, 0.0))[1] + weight * share)
    return graph


def _name(explained: LayerExplanation, first: LayerExplanation, key: int, pooled: bool):
    """What a sender is called in the graph."""
    if explained is first:
        return ("key", key) if pooled else key
    return (explained.index, "key", key) if pooled else (explained.index, key)
