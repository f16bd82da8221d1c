"""The fast writer of GraphML says the same as networkx's."""

from __future__ import annotations

import io
import math

import networkx as nx
import pytest

from viz_nodes.export.graphml import graphml


def read(data):
    return nx.read_graphml(io.BytesIO(data))


def graph():
    made = nx.DiGraph(label='a "b" & <c>', depth=12, exact=True)
    made.add_node("key 1", row=0, cam=0.1 + 0.2, key=True, label="(0, 0)")
    made.add_node(7, row=1, cam=1.0, key=False, label="tab\there & <there>")
    made.add_node('quo"te', row=2, cam=1e-300, key=False, label="")
    made.add_edge("key 1", 7, rank=0, share=0.5, weight=0.5)
    made.add_edge(7, 7, rank=1, share=0, contribution=-math.pi)
    made.add_edge('quo"te', "key 1", rank=2, share=1 / 3)
    return made


def test_it_reads_back_as_what_networkx_writes():
    theirs = io.BytesIO()
    nx.write_graphml(graph(), theirs, infer_numeric_types=True)
    ours, expected = read(graphml(graph())), read(theirs.getvalue())
    assert dict(ours.nodes(data=True)) == dict(expected.nodes(data=True))
    assert list(ours.edges(data=True)) == list(expected.edges(data=True))
    assert ours.graph["exact"] is True
    assert {name: ours.graph[name] for name in ("label", "depth")} == {"label": 'a "b" & <c>', "depth": 12}


def test_numbers_survive_to_the_last_bit():
    back = read(graphml(graph()))
    assert back.nodes["key 1"]["cam"] == 0.1 + 0.2
    assert back.edges["7", "7"]["contribution"] == -math.pi
    assert isinstance(back.edges["7", "7"]["rank"], int)


def test_undirected_graphs_stay_undirected():
    assert not read(graphml(nx.path_graph(3))).is_directed()


def test_equal_graphs_give_equal_bytes():
    assert graphml(graph()) == graphml(graph())


@pytest.mark.parametrize("value", [None, [1], "text"])
def test_columns_that_no_format_holds_are_refused(value):
    made = graph()
    made.nodes[7]["row"] = value
    with pytest.raises(TypeError, match="'row'"):
        graphml(made)
