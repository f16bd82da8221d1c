"""Explanations as graphs for other programs: networkx, GraphML, node-link JSON, PyTorch Geometric data.

In a file layers count from 1, in the attribute `layer` as in the nodes' names: "layer_4_node_17" has `layer` 4. In
Python, in `to_networkx` too, they count from 0.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import torch

from viz_nodes.arguments import also_image
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.export.graphml import graphml, printable
from viz_nodes.files import write_atomically
from viz_nodes.graphs.digraphs import layer_graph
from viz_nodes.graphs.edges import edges_of
from viz_nodes.graphs.hypergraphs import group_shares, hypergraph

if TYPE_CHECKING:
    from torch_geometric.data import Data


@also_image
def to_networkx(
    exp: Explanation, layer: int | Iterable[int] | None = None, row: int = 0, *, hyperedges: bool = True
) -> nx.DiGraph:
    """One graph of one, several or all explained layers.

    For a single `layer` this is `layer_graph`, or `hypergraph` where it has hyperedges. For more, every layer is a part
    of its own: its nodes are named `(layer, node)`, `(layer, "key", j)` and `(layer, "group", e)` and carry `layer`,
    from 0.

    Args:
        layer: one layer, several, or None for all explained ones.
        row: of the explanation; also called `image`.
        hyperedges: False has the edges between nodes of layers of hypergraphs instead, those of the groups dealt to the
            members.
    """
    if layer is not None and np.ndim(layer) == 0:  # type: ignore[arg-type]
        return _graph_of(exp, layer, row, hyperedges)  # type: ignore[arg-type]
    parts = []
    for explained in exp.pick(layer):
        part, index = _graph_of(exp, explained.index, row, hyperedges), explained.index
        nx.set_node_attributes(part, index, "layer")
        nx.set_edge_attributes(part, index, "layer")
        names = {name: (index, *name) if isinstance(name, tuple) else (index, name) for name in part}
        parts.append(nx.relabel_nodes(part, names))
    whole = nx.union_all(parts)
    first, *others = (part.graph for part in parts)
    # What the layers say alike of themselves.
    whole.graph = {name: value for name, value in first.items() if all(o.get(name) == value for o in others)}
    return whole


def _graph_of(exp: Explanation, layer: int, row: int, hyperedges: bool) -> nx.DiGraph:
    grouped = hyperedges and exp.layer(layer).groups is not None
    return hypergraph(exp, layer, row) if grouped else layer_graph(exp, layer, row)


def _name(name: Any) -> str | int:
    """A node's name as a number or one word: 17, "key_3", "group_2", "layer_4_node_17", "layer_4_key_3" (from 1).

    One word without a space, as GraphML's schema (NMTOKEN) has the names of nodes.
    """
    if not isinstance(name, tuple):
        return name  # type: ignore[no-any-return]
    if isinstance(name[0], str):
        return f"{name[0]}_{name[1]}"
    kind, number = name[1:] if len(name) == 3 else ("node", name[1])
    return f"layer_{name[0] + 1}_{kind}_{number}"


def _for_files(
    source: Explanation | nx.Graph, layer: int | Iterable[int] | None, row: int, hyperedges: bool
) -> nx.Graph:
    """The graph with names and texts that files can hold, its layers counted from 1."""
    graph = to_networkx(source, layer, row, hyperedges=hyperedges) if isinstance(source, Explanation) else source
    graph = nx.relabel_nodes(graph, {name: _name(name) for name in graph})
    changed = set()
    about = [graph.graph]
    about += [attributes for _, attributes in graph.nodes(data=True)]
    about += [attributes for *_, attributes in graph.edges(data=True)]
    for attributes in about:
        if "layer" in attributes:
            attributes["layer"] += 1
        for name, value in attributes.items():
            if isinstance(value, str) and (clean := printable(value)) != value:
                attributes[name] = clean
                changed.add(name)
    if changed:
        warnings.warn(
            f"{', '.join(sorted(changed))}: characters that files of graphs cannot hold were left out", stacklevel=4
        )
    return graph


@also_image
def to_graphml(
    source: Explanation | nx.Graph,
    path: str | os.PathLike[str],
    *,
    layer: int | Iterable[int] | None = None,
    row: int = 0,
    hyperedges: bool = True,
) -> Path:
    """Write GraphML with plain numbers and strings, for networkx, Gephi, Cytoscape, igraph.

    Args:
        source: an explanation, or any graph of this package, such as an ego graph.
        path: the file.
        layer: of an explanation: one layer, several, or None for all of them in one file.
        row: of an explanation; also called `image`.
        hyperedges: as for `to_networkx`.

    Nodes get a `label`; edges a `weight` where there is none yet, their share, left out where it is 0, which Gephi
    does not take. Characters that XML has no place for are left out of texts, with a warning.
    """
    graph = _for_files(source, layer, row, hyperedges)
    for name, attributes in graph.nodes(data=True):
        attributes.setdefault(
            "label", f"({attributes['row']}, {attributes['col']})" if "row" in attributes else str(name)
        )
    for _, _, attributes in graph.edges(data=True):
        if attributes.setdefault("weight", attributes.get("share", 1.0)) <= 0:
            del attributes["weight"]
    write_atomically(path, graphml(graph))
    return Path(path)


@also_image
def to_json(
    source: Explanation | nx.Graph,
    path: str | os.PathLike[str] | None = None,
    *,
    layer: int | Iterable[int] | None = None,
    row: int = 0,
    hyperedges: bool = True,
) -> dict[str, Any]:
    """Node-link JSON, as `networkx.node_link_graph(..., edges="edges")` and d3 read it.

    Args:
        source: an explanation, or any graph of this package.
        path: a file to write, or None to return the data only.
        layer: of an explanation: one layer, several, or None for all of them.
        row: of an explanation; also called `image`.
        hyperedges: as for `to_networkx`.

    Returns:
        The data: "nodes" with "id", "edges" with "source" and "target", "graph".
    """
    data: dict[str, Any] = nx.node_link_data(_for_files(source, layer, row, hyperedges), edges="edges")
    if path is not None:
        write_atomically(path, json.dumps(data, allow_nan=False).encode())
    return data


def _hyperedges(explained: LayerExplanation, row: int) -> dict[str, Any]:
    """Of a layer of a hypergraph, what `to_pyg` has of it; nothing for others."""
    if explained.groups is None:
        return {}
    parts, heard = (torch.from_numpy(each) for each in group_shares(explained, row))
    inside, asked = (~each.isnan() for each in (parts, heard))
    return {
        "hyperedge_index": inside.nonzero().T.flip(0).contiguous(),
        "hyperedge_attr": parts[inside],
        "heard_index": asked.nonzero().T.contiguous(),
        "heard_attr": heard[asked],
        "num_hyperedges": len(parts),
    }


@also_image
def to_pyg(exp: Explanation, layer: int, row: int = 0) -> Data:
    """A layer's graph as `torch_geometric.data.Data`.

    Args:
        layer: place in the network from 0, negative from its end.
        row: of the explanation; also called `image`.

    Returns:
        `edge_index` (2, E) neighbor and center, `edge_attr` (E, 2) share and contribution, `rank` (E,), `pos` (n, 2)
        pixels x and y, `cam` (n,), `is_key` (n,) and `y` the target. Where keys are pooled, key node j is node N + j,
        and n = N + M; else n = N. A layer of a hypergraph has `hyperedge_index` (2, P), node and group,
        `hyperedge_attr` (P,) the node's part, `heard_index` (2, Q), group and node, `heard_attr` (Q,) its share, and
        `num_hyperedges`, too.

    Raises:
        ImportError: PyTorch Geometric is not installed.
    """
    try:
        from torch_geometric.data import Data
    except ImportError as error:
        raise ImportError("`to_pyg` needs PyTorch Geometric: pip install 'vizgraph[pyg]'") from error
    explained, row = exp.layer(layer), exp.row(row)
    edges = edges_of(explained, row)
    table = [attributes for _, attributes in layer_graph(exp, layer, row).nodes(data=True)]
    first_key = explained.num_nodes if explained.pooled else 0
    return Data(
        **_hyperedges(explained, row),
        edge_index=torch.from_numpy(np.stack([edges.neighbor + first_key, edges.center])),
        edge_attr=torch.from_numpy(np.stack([edges.share, edges.contribution], axis=1)),
        rank=torch.from_numpy(edges.rank),
        pos=torch.tensor([[node["x"], node["y"]] for node in table]),
        cam=torch.tensor([node["cam"] for node in table], dtype=explained.cam.dtype),
        is_key=torch.tensor([node["key"] for node in table]),
        y=exp.target[row : row + 1].clone(),
        num_nodes=len(table),
    )
