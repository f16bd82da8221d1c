"""Which module is the graph layer, which convolution is explained, and what later code may do to captured tensors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from viz_nodes.capture import verify
from viz_nodes.capture.recorder import key_grid


@pytest.mark.parametrize(
    ("grid", "keys", "shape"),
    [
        ((14, 14), 196, (14, 14)),
        ((56, 56), 196, (14, 14)),
        ((6, 4), 6, (3, 2)),
        ((7, 7), 9, (3, 3)),
        ((5, 9), 8, (2, 4)),
    ],
)
def test_key_grids(grid, keys, shape):
    assert key_grid(grid, keys) == shape


@pytest.mark.parametrize("kind", ["mr", "concat", "edge", "sage", "gin"])
def test_captured_edges_are_those_the_convolution_consumed(kind, make_net, make_pixels):
    net, pixels = make_net(kind), make_pixels()
    proofs = verify(net, pixels)
    conv = "mr" if kind == "concat" else kind
    assert [(proof.index, proof.conv, proof.proven) for proof in proofs] == [(i, conv, True) for i in range(3)]
    assert all(p.error == 0 or kind == "gin" for p in proofs)
    assert all(p.nodes == 48 for p in proofs)


@pytest.mark.parametrize("kind", ["mr", "concat", "edge", "sage", "gin"])
def test_a_layer_that_uses_other_edges_than_it_was_given_is_found_out(kind, make_net, make_pixels):
    net, pixels = make_net(kind), make_pixels()
    conv = net.backbone[1][0].graph_conv.static.gconv
    forward = conv.forward

    def swapped(x, edge_index, y=None):
        return forward(x, torch.stack([edge_index[0].roll(1, 1), edge_index[1]]), y)

    conv.forward = swapped
    assert [proof.proven for proof in verify(net, pixels)] == [True, False, True]
    exp = viz_nodes.explain(net, pixels)
    assert [layer.exact for layer in exp.layers] == [True, False, True]


class Overwriting(nn.Module):
    """Writes over what the graph convolution computed, and over the explained convolution's output."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        for block in net.backbone:
            grapher = block[0]
            grapher.fc2 = nn.Sequential(grapher.fc2[0], nn.ReLU(inplace=True))
            conv = grapher.graph_conv.static.gconv
            conv.nn = nn.Sequential(conv.nn[0], nn.ReLU(inplace=True))

    def forward(self, pixels):
        return self.net(pixels)


def test_later_writes_in_place_do_not_change_what_was_captured(make_net, make_pixels):
    net, pixels = make_net(depth=2), make_pixels()
    exp = viz_nodes.explain(Overwriting(net), pixels, target=1)
    calm = make_net(depth=2)
    Overwriting(calm)
    for module in calm.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    wanted = viz_nodes.explain(calm, pixels, target=1)
    for a, b in zip(exp.layers, wanted.layers):
        assert a.exact
        torch.testing.assert_close(a.cam, b.cam)
        torch.testing.assert_close(a.contribution, b.contribution)
    assert exp.layer(0).cam.abs().max() > 0
    assert torch.equal(exp.logits, calm(pixels).detach())


class TwiceUsed(nn.Module):
    """Two graph convolutions on one edge tensor in one block, the deepest of three nested ones each."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.again = net.backbone[0][0].graph_conv.static.gconv
        self.block = TwiceBlock(net)

    def forward(self, pixels):
        return self.net.head(self.block(self.net.stem(pixels)).mean((2, 3)))


class TwiceBlock(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.first, self.second = net.backbone[0][0].graph_conv.static, net.backbone[1][0].graph_conv.static
        self.knn = net.backbone[0][0].graph_conv.knn
        self.out = nn.Conv2d(12, 6, 1).double()

    def forward(self, x):
        nodes = x.flatten(2)[..., None]
        edges = self.knn(nodes)
        return self.out((self.first(nodes, edges) + self.second(nodes, edges)).view(x.shape[0], -1, *x.shape[2:]))


def test_a_graph_that_passes_several_modules_counts_once(make_net, make_pixels):
    exp = viz_nodes.explain(TwiceUsed(make_net()), make_pixels())
    assert exp.depth == 1
    assert exp.layer(0).name.endswith("gconv")


class Shared(nn.Module):
    """One block that runs three times."""

    def __init__(self, net):
        super().__init__()
        self.stem, self.block, self.head = net.stem, net.backbone[0], net.head

    def forward(self, pixels):
        x = self.stem(pixels)
        for _ in range(3):
            x = self.block(x)
        return self.head(x.mean((2, 3)))


def test_a_module_that_runs_three_times_is_three_layers(make_net, make_pixels):
    net, pixels = Shared(make_net()), make_pixels()
    exp = viz_nodes.explain(net, pixels)
    assert [layer.index for layer in exp.layers] == [0, 1, 2]
    assert not torch.equal(exp.layer(0).cam, exp.layer(1).cam)
    with torch.no_grad():
        plain = net(pixels)
        with viz_nodes.edit_edges(net, cut={1: exp.layer(1).share == 0}):
            assert torch.equal(net(pixels), plain)
        with viz_nodes.edit_edges(net, cut={1: exp.layer(1).share > 0}):
            assert not torch.equal(net(pixels), plain)


def test_without_a_convolution_after_it_the_layer_is_explained_on_its_blocks_output(make_net, make_pixels):
    net, pixels = make_net(depth=1), make_pixels(1)
    grapher = net.backbone[0][0]
    grapher.fc2 = nn.Conv2d(12, 6, 1).double()
    weight = grapher.fc2

    class Linear(nn.Module):
        def forward(self, x):
            return torch.einsum("oc,bchw->bohw", weight.weight[:, :, 0, 0], x)

    grapher.fc2 = Linear()
    net.backbone[0][1] = nn.Identity()
    layer = viz_nodes.explain(net, pixels, target=0).layer(0)
    assert layer.grid == (6, 4)
    assert layer.exact
    assert layer.cam.shape == (1, 6, 4)


def test_no_gradient_reaches_a_layer_that_the_answer_ignores(make_net, make_pixels):
    class Ignoring(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, pixels):
            x = self.net.stem(pixels)
            self.net.backbone[1](x)
            return self.net.head(self.net.backbone[0](x).mean((2, 3)))

    exp = viz_nodes.explain(Ignoring(make_net()), make_pixels())
    assert exp.depth == 2
    assert exp.layer(0).cam.abs().max() == 0
    assert exp.layer(0).peak.tolist() == [-1, -1]
    assert exp.layer(1).cam.abs().max() > 0
