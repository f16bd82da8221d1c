"""A graph without an image as input, as networks of PyTorch Geometric take it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes

NODES = 7


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        pyg = pytest.importorskip("torch_geometric.nn")
        self.one, self.two = pyg.SAGEConv(5, 6, aggr="max"), pyg.SAGEConv(6, 6, aggr="max")
        self.head = nn.Linear(6, 3)

    def forward(self, x, edge_index):
        return self.head(self.two(self.one(x, edge_index).relu(), edge_index).mean(0, keepdim=True))


class OfData(Pooled):
    def forward(self, data):
        return super().forward(data.x, data.edge_index)


def graph():
    generator = torch.Generator().manual_seed(2)
    edges = torch.tensor([[1, 2, 3, 0, 5, 6, 4, 0, 2], [0, 0, 1, 2, 3, 4, 5, 6, 6]])
    return torch.randn(NODES, 5, dtype=torch.float64, generator=generator), edges


def network(kind):
    torch.manual_seed(0)
    return kind().double().eval()


def heard(layer, node):
    return sorted(layer.neighbors[0, node][layer.neighbors[0, node] >= 0].tolist())


def assert_explained(exp, net, x, edges):
    logits = net.head(net.two(net.one(x, edges).relu(), edges).mean(0, keepdim=True))
    torch.testing.assert_close(exp.logits, logits.detach())
    assert [(layer.exact, layer.placed, layer.grid) for layer in exp.layers] == [(True, False, (1, NODES))] * 2
    for layer in exp.layers:
        for node in range(NODES):
            assert heard(layer, node) == sorted(edges[0, edges[1] == node].tolist())


def test_features_and_edges_are_a_graph():
    net, (x, edges) = network(Pooled), graph()
    assert_explained(viz_nodes.explain(net, (x, edges)), net, x, edges)
    assert_explained(viz_nodes.explain(net, {"edge_index": edges, "x": x}), net, x, edges)
    assert all(proof.proven for proof in viz_nodes.verify(net, (x, edges)))


def test_a_data_is_a_graph_and_is_left_as_it_was():
    data = pytest.importorskip("torch_geometric.data")
    net, (x, edges) = network(OfData), graph()
    given = data.Data(x=x.clone(), edge_index=edges)
    assert_explained(viz_nodes.explain(net, given), net, x, edges)
    assert torch.equal(given.x, x)
    assert not given.x.requires_grad


def test_several_graphs_at_once_are_refused_with_the_cure():
    data = pytest.importorskip("torch_geometric.data")
    x, edges = graph()
    both = data.Batch.from_data_list([data.Data(x=x, edge_index=edges)] * 2)
    with pytest.raises(ValueError, match="to_data_list"):
        viz_nodes.explain(network(OfData), both)
    with pytest.raises(ValueError, match="to_data_list"):
        viz_nodes.explain(network(Pooled), (both.x, both.edge_index, both.batch))


def test_no_picture_on_an_image_no_versions_and_no_edits():
    net, (x, edges) = network(Pooled), graph()
    exp = viz_nodes.explain(net, (x, edges))
    with pytest.raises(ValueError, match="image"):
        viz_nodes.figure(exp, torch.zeros(8, 8, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match="several versions"):
        viz_nodes.explain(net, (x, edges), method="scorecam")
    with pytest.raises(ValueError, match="in what is given"), viz_nodes.edit_edges(net, cut={0: []}):
        net(x, edges)
    check = viz_nodes.check(net, (x, edges))
    assert (check.edges_proven, check.places_proven, check.cut_exact) == (2, 0, None)


def test_features_without_edges_are_no_graph():
    x, edges = graph()
    for wrong in ((x,), (x, edges + NODES), (x, edges.float())):
        with pytest.raises((ValueError, TypeError)):
            viz_nodes.explain(network(Pooled), wrong)


class OfTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        return self.head(x.mean(dim=0, keepdim=True))


class OfImage(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 2)

    def forward(self, pixels):
        return self.stem(pixels).mean((2, 3))


@pytest.mark.parametrize("kind", [OfImage, OfTensor])
def test_a_data_for_a_network_of_tensors_says_what_to_give(kind):
    data = pytest.importorskip("torch_geometric.data")
    x, edges = graph()
    with pytest.raises(TypeError, match=rf"{kind.__name__} takes, which is no Data.*image \(B, C, H, W\)"):
        viz_nodes.explain(network(kind), data.Data(x=x, edge_index=edges))
    with pytest.raises(TypeError, match="also takes 'edge_index'"):
        viz_nodes.explain(network(Pooled), data.Data(x=x, edge_index=edges))
