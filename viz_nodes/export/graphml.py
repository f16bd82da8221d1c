"""Graphs as GraphML, in a fraction of the time networkx takes: a layer's graph has thousands of edges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import networkx as nx

from viz_nodes.text import quoted

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)


_ABSENT = object()
"""In a column: this node or edge does not have the attribute."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold: control characters, lone surrogates, U+FFFE, U+FFFF."""
    return _UNPRINTABLE.sub("", text)


def graphml(graph: nx.Graph) -> bytes:
    """The file that `networkx.read_graphml` reads back as this graph, its nodes' names as text.

    Numbers keep their kind: a column of whole numbers is "long", one with fractions "double". Equal graphs give equal
    bytes.

    Args:
        graph: attributes of graph, nodes and edges are numbers, truth values or text.

    Raises:
        TypeError: an attribute is anything else, or a column mixes text and numbers.
    """
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges(data=True))
    keys: list[str] = []
    of_graph = _data("graph", [graph.graph], keys)
    of_nodes = _data("node", [data for _, data in nodes], keys)
    of_edges = _data("edge", [data for *_, data in edges], keys)
    names = {node: quoteattr(printable(str(node))) for node, _ in nodes}
    direction = "directed" if graph.is_directed() else "undirected"
    lines = [_HEAD, *keys, f'<graph edgedefault="{direction}">\n', *of_graph]
    lines += [f"<node id={names[node]}>{data}</node>\n" for (node, _), data in zip(nodes, of_nodes, strict=True)]
    lines += [
        f"<edge source={names[start]} target={names[end]}>{data}</edge>\n"
        for (start, end, _), data in zip(edges, of_edges, strict=True)
    ]
    lines.append("</graph>\n</graphml>\n")
    return "".join(lines).encode()


def _data(kind: str, rows: Sequence[Mapping[str, Any]], keys: list[str]) -> list[str]:
    """The elements of each row, joined; declares the attributes in `keys`, in the order in which they first occur."""
    written = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name, _ABSENT) for row in rows]
        kinds = set(map(type, values)) - {object}
        number, declared = f"d{len(keys)}", _declared(name, kinds)
        keys.append(f'<key id="{number}" for="{kind}" attr.name={quoteattr(name)} attr.type="{declared}"/>\n')
        tag = f'<data key="{number}">'
        shown: Iterable[Any] = (
            (value if value is _ABSENT else escape(printable(value)) for value in values) if str in kinds else values
        )
        written.append(["" if value is _ABSENT else f"{tag}{value}</data>" for value in shown])
    return ["".join(row) for row in zip(*written, strict=True)] if written else [""] * len(rows)


def _declared(name: str, kinds: set[type]) -> str:
    for declared, allowed in (("boolean", {bool}), ("long", {int}), ("double", {int, float}), ("string", {str})):
        if kinds <= allowed:
            return declared
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"attribute {quoted(name)} must be all numbers, all truth values or all text (got {quoted(names)})")
