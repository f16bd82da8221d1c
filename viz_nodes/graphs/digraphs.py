"""Explanations as networkx graphs: a layer's whole graph, a node's ego graph over many hops, and what can reach a node.

Edges point neighbor -> center, the way a message goes. A center is its node number; where a layer pools its keys, a key
node is `("key", j)`, a node of its own. In an ego graph of several hops the nodes of earlier layers are
`(layer, node)`, `(layer, "key", j)` and `(layer, "center", i)`, with the layer's index from 0.
"""

from __future__ import annotations

import math
from typing import Any

import networkx as nx
import numpy as np

from viz_nodes.arguments import also_image
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.edges import Edges, edges_of
from viz_nodes.graphs.hops import coverage, hop_layers
from viz_nodes.grids import NO_PEAK
from viz_nodes.text import quoted

Attributes = dict[str, Any]

__all__ = ["center_of", "ego_graph", "layer_graph", "peak_of"]


def node_rows(exp: Explanation, explained: LayerExplanation, row: int, *, keys: bool = False) -> list[Attributes]:
    """Attributes of all nodes, or of all key nodes, as plain numbers.

    A node of a grid has `row` and `col`; all have a middle `x`, `y` in pixels of the network's input.
    """
    heat = explained.cam[row].double().numpy().ravel()
    if keys and explained.pooled:
        heat = coverage(explained.key_grid, explained.grid) @ heat
    middle = explained.regions(exp.image_size, row, keys=keys).centers()
    columns: dict[str, list[Any]] = {}
    if explained.places is None:
        grid = explained.key_grid if keys else explained.grid
        rows, cols = np.divmod(np.arange(len(heat)), grid[1])
        columns |= {"row": rows.tolist(), "col": cols.tolist()}
    columns |= {"x": middle[:, 0].tolist(), "y": middle[:, 1].tolist(), "cam": heat.tolist()}
    columns["key"] = [keys and explained.pooled] * len(heat)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _edge_rows(table: Edges) -> list[Attributes]:
    """Attributes of the edges, as plain numbers."""
    names = [
        name for name in ("rank", "share", "contribution", "distance", "margin") if getattr(table, name) is not None
    ]
    columns = [getattr(table, name).tolist() for name in names]
    rows: list[Attributes] = [dict(zip(names, values)) for values in zip(*columns)]
    if table.effect is not None:
        for row, effect in zip(rows, table.effect.tolist()):
            if math.isfinite(effect):
                row["effect"] = effect
    return rows


def describe(exp: Explanation, explained: LayerExplanation, row: int) -> Attributes:
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


@also_image
def layer_graph(exp: Explanation, layer: int, row: int = 0) -> nx.DiGraph:
    """The whole graph of a layer, every node in it whether or not it has edges.

    Args:
        layer: place in the network from 0, negative from its end.
        row: of the explanation; also called `image`.

    Returns:
        Nodes with `row`, `col`, `x`, `y` (pixels of the network's input), `cam` (a key node has the mean of the nodes
        pooled into it) and `key`; edges neighbor -> center with `rank`, `share`, `contribution`, where the layer knows
        them `distance` and `margin`, and `effect` where it was measured. The graph itself says layer, grids, target,
        method and peak.
    """
    row, explained = exp.row(row), exp.layer(layer)
    nodes = node_rows(exp, explained, row)
    merged = edges_of(explained, row).merged()
    graph = nx.DiGraph(**describe(exp, explained, row))
    graph.add_nodes_from(enumerate(nodes))
    senders: list[Any] = merged.neighbor.tolist()
    if explained.pooled:
        keys = node_rows(exp, explained, row, keys=True)
        graph.add_nodes_from((("key", j), attributes) for j, attributes in enumerate(keys))
        senders = [("key", j) for j in senders]
    graph.add_edges_from(zip(senders, merged.center.tolist(), _edge_rows(merged)))
    return graph


@also_image
def peak_of(exp: Explanation, layer: int, row: int = 0) -> int:
    """The most discriminative node of a layer.

    Raises:
        ValueError: the map is blank, so no node may be called that.
    """
    explained, row = exp.layer(layer), exp.row(row)
    peak = int(explained.peak[row])
    if peak == NO_PEAK:
        raise ValueError(
            f"layer {explained.number} has a blank map for {quoted(exp.label(int(exp.target[row])))} "
            "(no positive evidence), so it has no peak; give `node`"
        )
    return peak


def center_of(exp: Explanation, layer: int, node: Any = None, row: int = 0) -> int:
    """Number of the node that is meant, by whatever `LayerExplanation.node` takes; None is the peak.

    Raises:
        ValueError: no such node; or None, and the map is blank.
    """
    return peak_of(exp, layer, row) if node is None else exp.layer(layer).node(node, row=exp.row(row))


@also_image
def ego_graph(exp: Explanation, layer: int, node: Any = None, *, hops: int = 1, row: int = 0) -> nx.DiGraph:
    """A node with its neighbors, and with more hops their neighbors one graph layer earlier, and so on.

    Every hop uses its own layer's edges. An edge carries its layer's `share` and, as `weight`, the product of the
    shares from the node to it, over all ways to get there: with i taking 0.75 from j, and j one layer earlier 0.5 from
    m, the edge m -> j weighs 0.375. The weights of the edges of one hop sum to 1.

    Where two layers have different grids, and from a key node to the nodes pooled into it, edges of `kind` "cover" lead
    from the nodes that a node's box covers, with the fraction covered as `share` (`viz_nodes.graphs.coverage`): node 0
    of a 7 x 7 grid hears nodes 0, 1, 14 and 15 of the 14 x 14 grid before it, a quarter each. They are no hop.

    Args:
        layer: place in the network from 0, negative from its end.
        node: the center, as `LayerExplanation.node` takes it; None is the peak.
        hops: how many layers to go back through.
        row: of the explanation; also called `image`.

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
    layers, row = hop_layers(exp, layer, hops), exp.row(row)
    node = center_of(exp, layer, node, row)
    graph = nx.DiGraph(**describe(exp, layers[0], row), center=node, hops=len(layers))

    def add(name: Any, number: int, at: LayerExplanation, attributes: Attributes, hop: int) -> None:
        if name not in graph:
            graph.add_node(name, **attributes, layer=at.index, node=number, hop=hop)

    # whose neighbors the coming hop shows: graph node -> (number on the grid of that layer, weight so far)
    reached: dict[Any, tuple[int, float]] = {node: (node, 1.0)}
    add(node, node, layers[0], node_rows(exp, layers[0], row)[node], 0)
    for hop, explained in enumerate(layers, start=1):
        keys, pooled = node_rows(exp, explained, row, keys=True), explained.pooled
        merged = edges_of(explained, row).merged()
        by_center = np.searchsorted(merged.center, np.arange(explained.num_nodes + 1))
        heard: dict[Any, tuple[int, float]] = {}
        for center, (number, weight) in reached.items():
            sent = merged.where(np.arange(by_center[number], by_center[number + 1]))
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
            reached = heard
            continue
        reached = {}
        covered = coverage(explained.key_grid, earlier.grid)
        finer = node_rows(exp, earlier, row)
        for center, (number, weight) in heard.items():
            for part in np.flatnonzero(covered[number]).tolist():
                sender = (earlier.index, "center", part)
                share = float(covered[number, part])
                add(sender, part, earlier, finer[part], hop)
                graph.add_edge(
                    sender, center, share=share, kind="cover", hop=hop, layer=earlier.index, weight=weight * share
                )
                reached[sender] = (part, reached.get(sender, (part, 0.0))[1] + weight * share)
    return graph


def _name(explained: LayerExplanation, first: LayerExplanation, key: int, pooled: bool) -> Any:
    """What a sender is called in the graph."""
    if explained is first:
        return ("key", key) if pooled else key
    return (explained.index, "key", key) if pooled else (explained.index, key)
