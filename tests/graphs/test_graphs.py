"""Graphs, hops and edge statistics of explanations that are small enough to check by hand."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from builders.explanations import explanation, layer
from viz_nodes.graphs import digraphs as graphs
from viz_nodes.graphs import edges, hops


@pytest.fixture
def line():
    """Two layers on a 1 x 3 grid. Layer 1: node 2 takes 0.75 from node 1. Layer 0: node 1 takes 0.5 from node 0."""
    first = layer(0, (1, 3), [[0, 1], [1, 0], [2, 1]], [[0.9, 0.1], [0.5, 0.5], [1.0, 0.0]])
    second = layer(1, (1, 3), [[0, 2], [1, 2], [2, 1]], [[1.0, 0.0], [0.6, 0.4], [0.25, 0.75]], cam=[0.5, 0.0, 2.0])
    return explanation(first, second, image_size=(16, 48))


@pytest.fixture
def pyramid():
    """Layer 0 on 4 x 4 with keys pooled to 2 x 2; layer 1 on 2 x 2."""
    first = layer(
        0, (4, 4), [[i % 4, (i + 1) % 4] for i in range(16)], [[0.5, 0.5]] * 16, key_grid=(2, 2), cam=list(range(16))
    )
    second = layer(1, (2, 2), [[0, 3], [1, 0], [2, 0], [3, 0]], [[0.75, 0.25]] * 4, cam=[4.0, 1.0, 0.0, 0.0])
    return explanation(first, second, image_size=(64, 64))


def test_edges_run_from_neighbor_to_center_with_their_numbers(line):
    graph = line.graph(-1)
    assert isinstance(graph, nx.DiGraph)
    assert set(graph.nodes) == {0, 1, 2}
    assert sorted(graph.in_edges(2)) == [(1, 2), (2, 2)]
    assert graph.edges[1, 2] == {"rank": 1, "share": 0.75, "contribution": 1.5}
    assert graph.nodes[2] == {"row": 0, "col": 2, "x": 40.0, "y": 8.0, "cam": 2.0, "key": False}
    assert graph.graph["layer"] == 1
    assert graph.graph["label"] == "dog"
    assert graph.graph["peak"] == 2


def test_distance_and_margin_are_on_the_edges_where_known():
    known = layer(0, (1, 2), [[0], [1]], [[1.0], [1.0]], margin=torch.tensor([[[0.25], [0.5]]]))
    graph = explanation(known).graph(0)
    assert graph.edges[1, 1]["margin"] == 0.5
    assert "distance" not in graph.edges[1, 1]


def test_key_nodes_are_nodes_of_their_own(pyramid):
    graph = pyramid.graph(0)
    assert len(graph) == 16 + 4
    key = graph.nodes["key", 3]
    assert (key["row"], key["col"], key["x"], key["y"], key["key"]) == (1, 1, 48.0, 48.0, True)
    assert key["cam"] == pytest.approx((10 + 11 + 14 + 15) / 4)
    assert set(graph.predecessors(5)) == {("key", 1), ("key", 2)}
    assert not any(isinstance(sender, int) for sender, _ in graph.edges)


def test_places_without_an_edge_are_no_edges():
    ragged = layer(0, (1, 3), [[0, 1], [1, -1], [-1, -1]], [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    graph = explanation(ragged).graph(0)
    assert sorted(graph.edges) == [(0, 0), (1, 0), (1, 1)]
    assert set(graph.nodes) == {0, 1, 2}


def test_a_neighbor_met_twice_is_one_edge_with_the_sum():
    double = layer(0, (1, 2), [[1, 1, 0], [1, 0, 0]], [[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    graph = explanation(double).graph(0)
    assert graph.edges[1, 0]["share"] == 0.75
    assert graph.edges[1, 0]["contribution"] == 1.5
    assert graph.edges[1, 0]["rank"] == 0
    assert sum(share for *_, share in graph.in_edges(0, data="share")) == 1


def test_one_hop_is_the_center_with_its_neighbors(line):
    ego = line.ego_graph(1)
    assert ego.graph["center"] == 2
    assert set(ego.nodes) == {2, 1}
    assert set(ego.edges) == {(2, 2), (1, 2)}
    whole = line.graph(1)
    for pair in ego.edges:
        assert whole.edges[pair].items() <= ego.edges[pair].items()
    assert ego.edges[1, 2]["weight"] == ego.edges[1, 2]["share"] == 0.75
    assert (ego.nodes[2]["hop"], ego.nodes[1]["hop"]) == (0, 1)


def test_the_second_hop_takes_the_earlier_layers_edges_and_multiplies_shares(line):
    ego = line.ego_graph(1, 2, hops=2)
    assert set(ego.nodes) == {2, 1, (0, 2), (0, 1), (0, 0)}
    assert ego.edges[(0, 0), 1]["weight"] == 0.75 * 0.5
    assert ego.edges[(0, 0), 1]["share"] == 0.5
    assert ego.edges[(0, 2), 2]["weight"] == 0.25
    assert ego.edges[(0, 0), 1]["layer"] == 0
    assert ego.nodes[0, 0]["hop"] == 2
    assert ego.nodes[0, 0]["node"] == 0
    for hop in (1, 2):
        assert sum(data["weight"] for *_, data in ego.edges(data=True) if data["hop"] == hop) == pytest.approx(1)


def test_hop_weights_are_the_products_over_all_paths(line):
    one, two = hops.hop_weights(line, 1, 2, hops=2)
    assert one.tolist() == [0, 0.75, 0.25]
    assert two.tolist() == [0.75 * 0.5, 0.75 * 0.5 + 0.25 * 0.0, 0.25]


def test_hops_over_stages_go_by_the_area_covered(pyramid):
    ego = pyramid.ego_graph(1, 0, hops=2)
    covers = {(a, b): d for a, b, d in ego.edges(data=True) if d["kind"] == "cover"}
    assert {a for a, b in covers if b == 3} == {(0, "center", n) for n in (10, 11, 14, 15)}
    assert covers[(0, "center", 10), 3]["weight"] == 0.25 * 0.25
    assert ego.edges[(0, "key", 2), (0, "center", 10)]["weight"] == 0.25 * 0.25 * 0.5
    for kind, hop in (("graph", 1), ("cover", 1), ("graph", 2)):
        found = [d["weight"] for *_, d in ego.edges(data=True) if (d["kind"], d["hop"]) == (kind, hop)]
        assert not found or sum(found) == pytest.approx(1), (kind, hop)


@pytest.mark.parametrize("node", [0, 1, 3])
def test_weights_in_the_graph_are_hop_weights(pyramid, node):
    ego = pyramid.ego_graph(1, node, hops=2)
    expected = hops.hop_weights(pyramid, 1, node, hops=2)[1]
    found = np.zeros(4)
    for sender, _, data in ego.edges(data=True):
        if data["kind"] == "graph" and data["hop"] == 2:
            found[sender[2]] += data["weight"]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_coverage_by_numbers():
    finer = hops.coverage((2, 2), (4, 4))
    assert np.flatnonzero(finer[0]).tolist() == [0, 1, 4, 5]
    assert finer[0, 0] == 0.25
    assert np.flatnonzero(hops.coverage((4, 4), (2, 2))[5]).tolist() == [0]
    assert np.flatnonzero(hops.coverage((2, 3), (4, 3))[4]).tolist() == [7, 10]
    np.testing.assert_allclose(hops.coverage((1, 3), (1, 2)), [[1, 0], [0.5, 0.5], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(hops.coverage((5, 7), (3, 4)).sum(1), 1)


def test_a_blank_map_has_no_ego_graph_unless_a_node_is_given(line):
    with pytest.raises(ValueError, match=r"layer 1 has a blank map for 'dog'.*give `node`"):
        line.ego_graph(0)
    assert line.ego_graph(0, 1).graph["center"] == 1


def test_hops_stop_at_the_first_layer(line):
    with pytest.raises(ValueError, match="at most 2 from layer 2"):
        line.ego_graph(1, hops=3)
    with pytest.raises(ValueError, match="at least 1"):
        line.ego_graph(1, hops=0)
    with pytest.raises(ValueError, match=r"\[0, 3\)"):
        line.ego_graph(1, 3)


def test_hops_need_every_layer_on_the_way(line):
    gap = explanation(line.layers[1], depth=2)
    assert len(gap.ego_graph(1)) == 2
    with pytest.raises(IndexError, match="layer 0 was not explained"):
        gap.ego_graph(1, hops=2)


def test_rows_out_of_range_are_refused(line):
    with pytest.raises(IndexError, match="`row`"):
        line.graph(0, 1)


def test_in_degree_counts_the_centers_that_chose_a_node(line):
    assert edges.in_degree(line, 0).tolist() == [2, 3, 1]
    assert edges.in_degree(line, 0, weight="share").tolist() == pytest.approx([1.4, 0.6, 1.0])
    assert edges.hubs(line, 0, top=2) == [(1, 3), (0, 2)]
    graph = line.graph(0)
    assert [graph.out_degree(node) for node in graph] == edges.in_degree(line, 0).tolist()
    with pytest.raises(ValueError, match="weight"):
        edges.in_degree(line, 0, weight="margin")


def test_incoming_and_outgoing_edges(line):
    found = edges.edges(line, 1)
    assert found.incoming(2).neighbor.tolist() == [2, 1]
    assert found.incoming(2).rank.tolist() == [0, 1]
    assert found.outgoing(2).center.tolist() == [0, 1, 2]
    assert found.outgoing(2).share.tolist() == pytest.approx([0, 0.4, 0.25])


def test_mutual_edges_need_both_directions_and_two_nodes(line, pyramid):
    found = edges.edges(line, 1)
    both = edges.mutual(line, 1)
    assert {(c, n) for c, n in zip(found.center[both].tolist(), found.neighbor[both].tolist())} == {(1, 2), (2, 1)}
    with pytest.raises(ValueError, match="pools its keys"):
        edges.mutual(pyramid, 0)


def test_length_in_patches_and_pixels():
    neighbors = [[i] for i in range(20)]
    neighbors[19] = [0]
    far = explanation(layer(0, (4, 5), neighbors, [[1.0]] * 20), image_size=(64, 80))
    assert edges.length(far, 0)[19] == 5.0
    assert edges.length(far, 0, unit="pixels")[19] == 80.0
    assert edges.length(far, 0)[0] == 0.0
    with pytest.raises(ValueError, match="unit"):
        edges.length(far, 0, unit="miles")


def test_length_to_a_key_node_is_to_the_middle_of_its_box(pyramid):
    assert edges.length(pyramid, 0)[0] == pytest.approx(np.hypot(0.5, 0.5))


def test_overlap_is_the_jaccard_index(line, pyramid):
    assert edges.overlap(line, 0, 1).tolist() == pytest.approx([1 / 3, 1 / 3, 1.0])
    assert edges.overlap(line, 1, 1).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="same grids"):
        edges.overlap(pyramid, 0, 1)


def test_margin_summary_and_skipped_candidates():
    margin = torch.tensor([[[0.0, 0.5], [1.0, 0.5]]])
    skipped = torch.tensor([[[1, 0], [0, -1]]])
    known = layer(0, (1, 2), [[0, 1], [1, 0]], [[0.5, 0.5]] * 2, margin=margin, skipped=skipped)
    exp = explanation(known)
    assert edges.margin_summary(exp, 0) == {"min": 0, "median": 0.5, "mean": 0.5, "max": 1, "near_ties": 0.25}
    assert edges.skipped(exp, 0, 0) == [1, 0]
    assert edges.skipped(exp, 0, 1) == [0]
    bare = explanation(layer(0, (1, 2), [[0], [1]], [[1.0], [1.0]]))
    assert edges.skipped(bare, 0, 0) == []
    with pytest.raises(ValueError, match="not known"):
        edges.margin_summary(bare, 0)


def test_a_large_pyramid_layer_is_a_graph_at_once():
    generator = torch.Generator().manual_seed(0)
    neighbors = torch.rand(3136, 196, generator=generator).argsort(1)[:, :9].tolist()
    big = explanation(layer(0, (56, 56), neighbors, [[1 / 9] * 9] * 3136, key_grid=(14, 14)), image_size=(224, 224))
    graph = graphs.layer_graph(big, 0)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (3136 + 196, 28224)


def test_reach_is_the_function_whatever_was_imported_before():
    import viz_nodes

    assert callable(viz_nodes.reach)
