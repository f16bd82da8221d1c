"""Hyperedges in files and tables are the sets they are: nodes, groups, who is in which and who hears which."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
import torch

from builders.explanations import explanation, layer
from viz_nodes import export

GRID = (2, 3)
PARTS = torch.tensor([[0.25, 0.75, -1, -1, -1, -1], [-1, 0.5, 0.5, 0.0, -1, -1], [-1, -1, -1, -1, -1, 1.0]]).double()


@pytest.fixture
def exp():
    """Two layers of six nodes; the second has three groups, and node 4 hears group 1 by two heads."""
    heard = torch.full((1, 6, 2), -1, dtype=torch.int64)
    share = torch.zeros(1, 6, 2, dtype=torch.float64)
    heard[0, 0], share[0, 0] = torch.tensor([0, 2]), torch.tensor([0.9, 0.1]).double()
    heard[0, 4], share[0, 4] = torch.tensor([1, 1]), torch.tensor([0.25, 0.75]).double()
    heard[0, 5, 0] = 1
    groups = {"groups": PARTS[None], "heard": heard, "heard_share": share, "conv": "sum>max"}
    return explanation(layer(index=0, grid=GRID), layer(index=1, grid=GRID, **groups))


def test_a_table_has_a_line_for_each_who_is_in_a_group_or_hears_it(exp):
    table = export.hyperedges_table(exp)
    assert set(table["layer"]) == {1}
    known = {(line.group, line.node): (line.part, line.heard) for line in table.itertuples()}
    assert known.keys() == {(0, 0), (0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 0), (2, 5)}
    assert known[0, 0] == (0.25, pytest.approx(0.9))
    assert known[1, 3][0] == 0.0  # in it, and no part of it
    assert np.isnan(known[1, 4][0])
    assert known[1, 4][1] == pytest.approx(1.0)  # of both heads
    assert known[1, 5][1] == 0.0
    assert (table["node_row"] * 3 + table["node_col"]).tolist() == table["node"].tolist()
    with pytest.raises(ValueError, match="layers of hypergraphs"):
        export.hyperedges_table(exp, 0)


def test_graph_files_hold_groups_as_nodes(exp, tmp_path):
    back = nx.read_graphml(export.to_graphml(exp, tmp_path / "sets.graphml", layer=1))
    assert nx.is_bipartite(back)
    groups = {name for name, kind in back.nodes(data="bipartite") if kind == 1}
    assert groups == {"group_0", "group_1", "group_2"}
    assert set(back.predecessors("group_1")) == {"1", "2", "3"}
    assert back["0"]["group_0"]["share"] == 0.25
    assert back["group_1"]["4"]["share"] == pytest.approx(1.0)
    assert back.nodes["group_1"]["label"] == "group_1"
    data = export.to_json(exp, tmp_path / "all.json")
    assert json.loads((tmp_path / "all.json").read_text()) == data
    names = {node["id"] for node in data["nodes"]}
    assert {"layer_1_node_0", "layer_2_node_5", "layer_2_group_2"} <= names
    assert "layer_1_group_0" not in names
    pairs = export.to_networkx(exp, 1, hyperedges=False)
    assert nx.utils.graphs_equal(pairs, exp.graph(1))
    assert set(export.to_networkx(exp, 1)) == set(exp.hypergraph(1))


def test_pyg_data_has_the_indices_of_its_hypergraph_layers(exp):
    pytest.importorskip("torch_geometric", reason="the extra `pyg` is not installed")
    data = export.to_pyg(exp, 1)
    assert data.num_hyperedges == 3
    pairs = dict(zip(map(tuple, data.hyperedge_index.T.tolist()), data.hyperedge_attr.tolist()))
    assert pairs == {(0, 0): 0.25, (1, 0): 0.75, (1, 1): 0.5, (2, 1): 0.5, (3, 1): 0.0, (5, 2): 1.0}
    heard = dict(zip(map(tuple, data.heard_index.T.tolist()), data.heard_attr.tolist()))
    assert heard == pytest.approx({(0, 0): 0.9, (2, 0): 0.1, (1, 4): 1.0, (1, 5): 0.0})
    assert "hyperedge_index" not in export.to_pyg(exp, 0)
