"""Tables of neighbors for `edit_edges(replace=)`, held beside the whole network run on the graph they name."""

from __future__ import annotations

import pytest
import torch

import viz_nodes
from builders.explanations import layer as built_layer
from viz_nodes.capture import (
    borrowed_neighbors,
    grid_neighbors,
    random_neighbors,
    self_neighbors,
    undilated_neighbors,
)
from viz_nodes.grids import covering
from viz_nodes.places import LabelMap


def handing(edges):
    return lambda *_: edges


def rerun(net, pixels, graphs):
    """Logits of a `SmallGNN` whose layers are handed these neighbors (B, N, k) by their kNN, which is patched out."""
    knns = [block[0].graph_conv.knn for block in net.backbone]
    try:
        for knn, graph in zip(knns, graphs):
            centers = torch.arange(graph.shape[1]).view(1, -1, 1).expand_as(graph)
            knn.forward = handing(torch.stack([graph, centers]))
        with torch.no_grad():
            return net(pixels)
    finally:
        for knn in knns:
            knn.__dict__.pop("forward", None)


@pytest.mark.parametrize("kind", ["mr", "edge", "sage", "gin"])
@pytest.mark.parametrize("reduction", [1, 2])
def test_a_network_runs_on_a_random_graph_as_if_it_had_built_it(make_net, make_pixels, kind, reduction):
    net, pixels = make_net(kind, reduction=reduction), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    table = random_neighbors(exp.layer(1), seed=3)
    with viz_nodes.edit_edges(net, replace={1: table}, frozen=exp), torch.no_grad():
        answer = net(pixels)
    graphs = [exp.layer(0).neighbors, table, exp.layer(2).neighbors]
    torch.testing.assert_close(answer, rerun(net, pixels, graphs), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(answer, exp.logits, atol=1e-6)


@pytest.mark.parametrize("reduction", [1, 2])
def test_random_edges_are_as_many_and_others(make_net, make_pixels, reduction):
    layer = viz_nodes.explain(make_net(reduction=reduction), make_pixels()).layer(0)
    table = random_neighbors(layer, seed=0)
    own = torch.from_numpy(covering(layer.grid, layer.key_grid))[None, :, None]
    assert table.shape == layer.neighbors.shape
    assert torch.equal(table == own, layer.neighbors == own)
    assert int(table.min()) >= 0
    assert int(table.max()) < layer.num_keys
    assert not (table.sort(2).values.diff(dim=2) == 0).any()
    assert not torch.equal(table, random_neighbors(layer, seed=1))
    assert torch.equal(table, random_neighbors(layer, seed=0))
    assert torch.equal(table[1], random_neighbors(layer, seed=0, row=1))
    # All key nodes are drawn, none much more often than the others: 200 tables of 24 nodes with 3 or 4 edges.
    counts = torch.zeros(layer.num_keys)
    for seed in range(100):
        drawn = random_neighbors(layer, seed=seed)
        counts += torch.bincount(drawn[drawn != own.expand_as(drawn)], minlength=layer.num_keys)
    assert float(counts.min() / counts.max()) > 0.75


def test_random_edges_of_unequal_lists_and_small_graphs():
    layer = built_layer(0, (2, 2), [[0, 1, -1], [-1, 1, 2], [3, 0, 1], [-1, -1, -1]])
    table = random_neighbors(layer, row=0)
    assert ((table >= 0) == (layer.neighbors[0] >= 0)).all()
    assert table[0, 0] == 0  # its own
    assert table[1, 1] == 1
    assert sorted(table[2].tolist()) == [0, 1, 3]  # there are no others
    crowded = built_layer(0, (1, 2), [[1, 1, 1], [0, 0, 1]])
    assert random_neighbors(crowded, row=0).tolist() == [[1, -1, -1], [0, -1, 1]]


def test_grid_neighbors_by_hand(make_net, make_pixels):
    neighbors = [[0], [1], [0], [3], [4], [1], [6], [7], [8]]
    table = grid_neighbors(built_layer(0, (3, 3), neighbors), row=0)
    assert table[4].tolist() == [4, 0, 1, 2, 3, 5, 6, 7, 8]
    assert table[0].tolist() == [0, -1, -1, -1, -1, 1, -1, 3, 4]
    assert table[5].tolist() == [-1, 1, 2, -1, 4, -1, 7, 8, -1]  # does not hear itself, and need not
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    with viz_nodes.edit_edges(net, replace={0: grid_neighbors(exp.layer(0))}):
        inside = viz_nodes.explain(net, pixels)
    # By brute force: the cells at most one row and one column away.
    for node in range(24):
        row, col = divmod(node, 4)
        near = {r * 4 + c for r in range(6) for c in range(4) if max(abs(r - row), abs(c - col)) <= 1}
        assert set(inside.layer(0).neighbors[0, node].tolist()) - {-1} == near
    assert inside.layer(0).exact


def test_grid_neighbors_of_pooled_keys_lie_around_the_key_that_a_node_lies_in():
    layer = built_layer(0, (4, 6), [[4]] * 24, key_grid=(2, 3))
    table = grid_neighbors(layer, row=0)
    assert table[0].tolist() == [-1, -1, -1, -1, -1, 1, -1, 3, 4]
    assert table[8].tolist() == [-1, -1, -1, -1, 0, 2, 3, 4, 5]
    assert table[14].tolist() == [4, 0, 1, 2, 3, 5, -1, -1, -1]


def test_regions_have_no_grid_around_them():
    places = LabelMap([[0, 0, 1], [2, 2, 1]])
    layer = built_layer(0, (1, 3), [[0], [1], [2]], places=places)
    with pytest.raises(ValueError, match="on a grid"):
        grid_neighbors(layer)
    assert self_neighbors(layer, row=0).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize(("dilation", "reduction"), [(2, 1), (3, 1), (2, 2)])
def test_without_dilation_neighbors_are_those_of_the_network_built_without(make_net, make_pixels, dilation, reduction):
    options = {"reduction": reduction, "k": 3 if reduction == 1 else 2}
    net, plain, pixels = make_net(dilation=dilation, **options), make_net(**options), make_pixels()
    plain.load_state_dict(net.state_dict())
    exp = viz_nodes.explain(net, pixels)
    table = undilated_neighbors(exp.layer(0))
    assert torch.equal(table, viz_nodes.explain(plain, pixels).layer(0).neighbors)
    assert not torch.equal(table, exp.layer(0).neighbors)
    same = viz_nodes.explain(plain, pixels).layer(0)
    assert torch.equal(undilated_neighbors(same), same.neighbors)
    with pytest.raises(ValueError, match="rank its neighbors"):
        undilated_neighbors(built_layer(0, (2, 2)))


def test_graphs_of_another_image_and_of_another_layer(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    first, second = exp.layer(0), exp.layer(1)
    assert torch.equal(borrowed_neighbors(first, first, row=0, other_row=1), first.neighbors[1])
    assert torch.equal(borrowed_neighbors(first, second), second.neighbors)
    with viz_nodes.edit_edges(net, replace={2: borrowed_neighbors(exp.layer(2), first)}, frozen=exp), torch.no_grad():
        answer = net(pixels)
    wanted = rerun(net, pixels, [first.neighbors, second.neighbors, first.neighbors])
    torch.testing.assert_close(answer, wanted, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="1 or 2 rows"):
        borrowed_neighbors(first, viz_nodes.explain(net, make_pixels(3)).layer(0))


def test_a_graph_on_another_grid_is_carried_over_by_place():
    coarse = built_layer(0, (2, 2), [[0, 3], [1, 2], [2, 0], [3, 1]])
    fine = built_layer(1, (4, 4))
    table = borrowed_neighbors(fine, coarse, row=0)
    assert table[0].tolist() == table[5].tolist() == [5, 15]  # cells in which the middles of 0 and 3 lie, by (2x2)
    assert table[15].tolist() == [15, 7]
    back = borrowed_neighbors(coarse, built_layer(1, (4, 4), [[0, 1, 5, 15]] * 16), row=0)
    assert back[0].tolist() == [0, -1, -1, 3]  # 0, 1 and 5 fall together


def test_chosen_nodes_alone_are_rewired(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(0)
    for make in (random_neighbors, grid_neighbors, undilated_neighbors, self_neighbors):
        table = make(layer, nodes=[3, (2, 1)])
        whole = make(layer)
        for node in range(24):
            wanted = whole if node in (3, 9) else layer.neighbors
            width = wanted.shape[2]
            assert torch.equal(table[:, node, :width], wanted[:, node])
            assert (table[:, node, width:] == -1).all()
        with viz_nodes.edit_edges(net, replace={0: table}, frozen=exp):
            inside = viz_nodes.explain(net, pixels).layer(0).neighbors
        assert torch.equal(inside, table)
    with pytest.raises(ValueError, match="nodes"):
        random_neighbors(layer, nodes=[24])
