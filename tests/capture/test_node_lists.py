"""Networks that keep their nodes in a list, (B, N, C) or (B * N, C), and never put them on a grid again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import hooks_on, seeded
from viz_nodes.capture import Adapter, Graph, NoGraphLayer
from viz_nodes.capture.adapters.message_passing import table
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of

SIZE = (24, 16)  # pixels: a grid of 6 x 4 patches
GRID = (6, 4)


def pixels_of(images=2):
    return torch.randn(images, 3, *SIZE, generator=torch.Generator().manual_seed(2)).double()


def test_layouts_by_hand():
    nodes = torch.arange(12.0).view(2, 2, 3)  # (B, C, N)
    for layout, shape in (
        ("channels", (2, 2, 3)),
        ("channels", (2, 2, 3, 1)),
        ("tokens", (2, 3, 2)),
        ("list", (6, 2)),
        ("column", (6, 2, 1)),
    ):
        array = from_nodes(nodes, torch.empty(shape), layout)
        assert tuple(array.shape) == shape
        assert layout_of(array, 2, 3) == layout
        assert torch.equal(as_nodes(array, 2, 3), nodes)
    assert layout_of(torch.empty(2, 4, 3, 3), 2, 9) == "channels"
    assert layout_of(torch.empty(2, 4, 5), 2, 3) is None
    assert as_nodes(torch.empty(5, 3), 2, 3) is None


def cam_by_hand(net, pixels, module, target):
    """Grad-CAM (B, H, W) of a module's output, a list of all nodes, row by row."""
    kept = {}
    handle = module.register_forward_hook(lambda m, a, out: kept.update(out=out))
    score = net(pixels)[:, target].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept["out"])
    acts, gradient = (t.reshape(len(pixels), 24, -1).detach() for t in (kept["out"], gradient))
    return (gradient.mean(1, keepdim=True) * acts).sum(-1).clamp(min=0).view(-1, *GRID)


class TokenBlock(nn.Module):
    """Nodes (B, N, C); finds its neighbors inside, and mixes with a linear layer on (B * N, 2C), interleaved."""

    def __init__(self, channels=6, k=3):
        super().__init__()
        self.k, self.before, self.mix = k, nn.Linear(channels, channels), nn.Linear(2 * channels, channels)

    def forward(self, x):
        batch, nodes, channels = x.shape
        near = torch.cdist(x, x).topk(self.k, largest=False).indices
        features = self.before(x)
        heard = features[torch.arange(batch)[:, None, None], near]
        message = (heard - features[:, :, None]).amax(2)
        both = torch.stack([features, message], -1).reshape(batch * nodes, 2 * channels)
        return x + self.mix(both).view(batch, nodes, channels).tanh()


class TokenNet(nn.Module):
    def __init__(self, stem=True, channels=6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, stride=4) if stem else nn.Linear(48, channels)
        self.blocks = nn.Sequential(TokenBlock(channels), TokenBlock(channels))
        self.head = nn.Linear(channels, 5)

    def forward(self, pixels):
        if isinstance(self.stem, nn.Conv2d):
            x = self.stem(pixels).flatten(2).transpose(1, 2)
        else:
            x = self.stem(pixels.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2))
        return self.head(self.blocks(x).mean(1))


class Inside(Adapter):
    """Computes again what the block keeps to itself."""

    def claims(self, module):
        return isinstance(module, TokenBlock)

    def graph(self, module, args, kwargs):
        x = args[0]
        features = module.before(x).transpose(1, 2)
        return Graph(features, torch.cdist(x, x).topk(module.k, largest=False).indices, features)


class InsideWithGrid(Inside):
    def grid(self, name, nodes):
        return (nodes // 4, 4)


@pytest.mark.parametrize(("stem", "adapter"), [(True, Inside), (False, InsideWithGrid)])
def test_tokens_are_explained_where_they_are(stem, adapter):
    net, pixels = seeded(lambda: TokenNet(stem)), pixels_of()
    exp = viz_nodes.explain(net, pixels, target=2, adapter=adapter())
    assert [(layer.name, layer.grid, layer.conv, layer.exact) for layer in exp.layers] == [
        (f"blocks.{i}", GRID, "mr", True) for i in range(2)
    ]
    for i, layer in enumerate(exp.layers):
        wanted = cam_by_hand(net, pixels, net.blocks[i], 2)
        assert wanted.max() > 0
        torch.testing.assert_close(layer.cam, wanted, rtol=1e-10, atol=1e-15)
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels, adapter=adapter()))
    with torch.no_grad():
        plain = net(pixels)
        # Where its input asks for gradients and its weights do not, as in `explain`, torch's linear layer takes another
        # way through, on some processors not with the same last bit.
        torch.testing.assert_close(plain, exp.logits, rtol=0, atol=1e-13)
        cut = {i: layer.share == 0 for i, layer in enumerate(exp.layers)}
        with viz_nodes.edit_edges(net, cut=cut, adapter=adapter()) as gone:
            assert torch.equal(net(pixels), plain)
        assert sum(gone.values()) > 0
        with viz_nodes.edit_edges(net, cut={0: exp.layer(0).share > 0}, adapter=adapter()):
            assert not torch.allclose(net(pixels), plain)
    ablated = viz_nodes.explain(net, pixels[:1], layers=[0], target=2, method="node_ablation", adapter=adapter())
    handle = net.blocks[0].register_forward_hook(lambda m, a, out: out.index_fill(1, torch.tensor(7), 0))
    fall = (plain[0, 2] - net(pixels[:1])[0, 2]).item()
    handle.remove()
    assert ablated.layer(0).cam.flatten()[7].item() == pytest.approx(max(0.0, fall), abs=1e-12)
    assert hooks_on(net) == 0


def test_contributions_of_tokens_are_gradient_times_message():
    net, pixels = seeded(TokenNet), pixels_of(1)
    layer = viz_nodes.explain(net, pixels, target=2, adapter=Inside()).layer(0)
    kept = {}
    handle = net.blocks[0].mix.register_forward_pre_hook(lambda m, a: kept.update(given=a[0]))
    score = net(pixels)[0, 2]
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept["given"])
    wanted = (gradient * kept["given"])[:, 1::2].sum(1).detach()
    torch.testing.assert_close(layer.contribution[0].sum(-1), wanted, rtol=1e-10, atol=1e-15)


def test_tokens_whose_grid_nobody_knows_are_an_error_that_names_the_way_out():
    with pytest.raises(NoGraphLayer, match=r"blocks\.0 .*adapter.*grid"):
        viz_nodes.explain(seeded(lambda: TokenNet(stem=False)), pixels_of(), adapter=Inside())


def test_edge_lists_by_hand():
    neighbors, places = table(torch.tensor([[5, 6, 7], [2, 0, 2]]), 3)
    assert neighbors.tolist() == [[6, -1], [-1, -1], [5, 7]]
    assert places.tolist() == [4, 0, 5]


def pyg():
    return pytest.importorskip("torch_geometric.nn", reason="PyTorch Geometric is an optional extra")


def mlp(given, out):
    return nn.Sequential(nn.Linear(given, out), nn.Tanh(), nn.Linear(out, out))


class ListNet(nn.Module):
    """Patches by a convolution, then one list of the nodes of all images, and PyG layers on it."""

    def __init__(self, conv, channels=6, depth=2, k=3):
        super().__init__()
        self.stem, self.k = nn.Conv2d(3, channels, 4, stride=4), k
        self.convs = nn.ModuleList(conv(channels) for _ in range(depth))
        self.head = nn.Linear(channels, 5)

    def edges(self, x, images):
        nodes = x.detach().view(images, 24, -1)
        near = torch.cdist(nodes, nodes).topk(self.k, largest=False).indices
        source = near + 24 * torch.arange(images)[:, None, None]
        return torch.stack([source.flatten(), torch.arange(images * 24).repeat_interleave(self.k)])

    def forward(self, pixels):
        images = len(pixels)
        x = self.stem(pixels).flatten(2).transpose(1, 2).flatten(0, 1)
        for conv in self.convs:
            given = () if hasattr(conv, "own_edges") else (self.edges(x, images),)
            x = x + conv(x, *given)
        return self.head(x.view(images, 24, -1).mean(1))


def own_edges(channels):
    """A layer that is given features only, as `DynamicEdgeConv` is."""

    class OwnEdges(pyg().MessagePassing):
        own_edges = True

        def __init__(self):
            super().__init__(aggr="max")
            self.mlp = mlp(2 * channels, channels)

        def forward(self, x):
            edges = ListNet.edges(self, x, len(x) // 24)
            return self.propagate(edges, x=x)

        k = 4

        def message(self, x_i, x_j):
            return self.mlp(torch.cat([x_i, x_j - x_i], -1))

    return OwnEdges()


CONVS = {
    "edge": (lambda c: pyg().EdgeConv(mlp(2 * c, c), aggr="max"), "max"),
    "sage mean": (lambda c: pyg().SAGEConv(c, c), "sum"),
    "sage max": (lambda c: pyg().SAGEConv(c, c, aggr="max"), "max"),
    "gin": (lambda c: pyg().GINConv(mlp(c, c), train_eps=True), "sum"),
    "gat, two heads": (lambda c: pyg().GATConv(c, c // 2, heads=2), "sum"),
    "gcn": (lambda c: pyg().GCNConv(c, c), "sum"),
    "edges of its own": (own_edges, "max"),
}


@pytest.mark.parametrize("name", CONVS)
def test_pyg_layers_on_a_list_of_nodes(name):
    build, kind = CONVS[name]
    pyg()
    net, pixels = seeded(lambda: ListNet(build)), pixels_of()
    exp = viz_nodes.explain(net, pixels, target=2)
    assert [(layer.name, layer.grid, layer.conv, layer.exact) for layer in exp.layers] == [
        (f"convs.{i}", GRID, kind, True) for i in range(2)
    ]
    for i, layer in enumerate(exp.layers):
        wanted = cam_by_hand(net, pixels, net.convs[i], 2)
        assert wanted.max() > 0
        torch.testing.assert_close(layer.cam, wanted, rtol=1e-10, atol=1e-15)
        torch.testing.assert_close(layer.share.sum(-1), torch.ones(2, 24, dtype=torch.float64))
        scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        handle = net.convs[i].register_aggregate_forward_hook(lambda m, a, out, scale=scale: out * scale)
        (wanted,) = torch.autograd.grad(net(pixels)[:, 2].sum(), scale)
        handle.remove()
        assert layer.contribution.sum().item() == pytest.approx(wanted.item(), rel=1e-10)
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
    with torch.no_grad():
        plain = net(pixels)
        cut = {i: layer.share == 0 for i, layer in enumerate(exp.layers)}
        with viz_nodes.edit_edges(net, cut=cut, frozen=exp):
            assert torch.equal(net(pixels), plain)
        with viz_nodes.edit_edges(net, cut={0: exp.layer(0).share > 0.4}) as gone:
            assert not torch.allclose(net(pixels), plain)
            seen = viz_nodes.explain(net, pixels)
        assert gone[0] == int((exp.layer(0).share > 0.4).sum())
        assert int((seen.layer(0).neighbors < 0).sum() - (exp.layer(0).neighbors < 0).sum()) == gone[0]
        assert all(layer.exact for layer in seen.layers)
        assert torch.equal(net(pixels), plain)
    assert hooks_on(net) == 0


def test_self_loops_that_a_layer_adds_are_edges():
    pyg()
    net, pixels = seeded(lambda: ListNet(CONVS["gcn"][0], k=3)), pixels_of()
    neighbors = viz_nodes.explain(net, pixels).layer(0).neighbors
    own = (neighbors == torch.arange(24)[:, None]).sum(-1)
    assert (own == 1).all()  # the nearest node is the node itself, and is not counted twice
    far = ListNet.edges
    try:
        ListNet.edges = lambda self, x, images: far(self, x, images).view(2, -1, 3)[:, :, 1:].flatten(1)
        neighbors = viz_nodes.explain(net, pixels).layer(0).neighbors
    finally:
        ListNet.edges = far
    assert neighbors.shape[-1] == 3
    assert ((neighbors == torch.arange(24)[:, None]).sum(-1) == 1).all()


def test_a_mean_without_an_edge_is_the_mean_of_the_others():
    pyg()
    net, pixels = seeded(lambda: ListNet(CONVS["sage mean"][0], depth=1)), pixels_of(1)
    exp = viz_nodes.explain(net, pixels)
    features = net.stem(pixels).flatten(2)[0].T
    seen = {}
    handle = net.convs[0].register_aggregate_forward_hook(lambda m, a, out: seen.update(out=out))
    gone = exp.layer(0).neighbors[0, 7, 1].item()
    with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: [(gone, 7)]}):
        net(pixels)
    handle.remove()
    left = [n for n in exp.layer(0).neighbors[0, 7].tolist() if n != gone]
    torch.testing.assert_close(seen["out"][7], features[left].mean(0).detach())


def test_several_rounds_in_one_layer_are_not_called_exact():
    pyg()
    net, pixels = seeded(lambda: ListNet(lambda c: pyg().TAGConv(c, c, K=2))), pixels_of()
    exp = viz_nodes.explain(net, pixels)
    assert [(layer.conv, layer.exact) for layer in exp.layers] == [("other", False)] * 2
    with pytest.raises(ValueError, match="understood"), viz_nodes.edit_edges(net, cut={0: exp.layer(0).share == 0}):
        net(pixels)


def test_edges_that_are_not_a_list_are_an_error():
    pyg()

    class Dense(pyg().MessagePassing):
        def forward(self, x):
            return x

    with pytest.raises(NoGraphLayer, match="edge_index"):
        viz_nodes.explain(seeded(lambda: ListNet(lambda c: named(Dense()))), pixels_of())


def named(layer):
    layer.own_edges = True
    return layer


def test_message_passing_inside_message_passing_is_two_layers():
    from torch_geometric.nn import MessagePassing

    class Inner(MessagePassing):
        def __init__(self):
            super().__init__(aggr="max")

        def forward(self, x, edge_index):
            return self.propagate(edge_index, x=x)

        def message(self, x_i, x_j):
            return x_j - x_i

    class Outer(MessagePassing):
        def __init__(self, sends):
            super().__init__(aggr="mean")
            self.inner, self.sends = Inner(), sends

        def forward(self, x, edge_index):
            x = self.inner(x, edge_index)
            return self.propagate(edge_index, x=x) if self.sends else x

        def message(self, x_j):
            return x_j

    class Block(nn.Module):
        def __init__(self, sends):
            super().__init__()
            self.conv = Outer(sends)

        def forward(self, x):
            nodes = x.flatten(2).transpose(1, 2)
            near = torch.cdist(nodes, nodes).topk(3, largest=False).indices[0]
            edges = torch.stack([near.flatten(), torch.arange(24).repeat_interleave(3)])
            return x + self.conv(nodes[0], edges).T.view(x.shape)

    class Net(nn.Module):
        def __init__(self, sends):
            super().__init__()
            self.stem, self.block, self.head = nn.Conv2d(3, 6, 4, stride=4), Block(sends), nn.Linear(6, 5)

        def forward(self, pixels):
            return self.head(self.block(self.stem(pixels)).mean((2, 3)))

    pixels = torch.randn(1, 3, 24, 16, generator=torch.Generator().manual_seed(3)).double()
    found = {sends: viz_nodes.explain(seeded(lambda sends=sends: Net(sends)), pixels).layers for sends in (True, False)}
    assert {(layer.name, layer.conv, layer.exact) for layer in found[True]} == {
        ("block.conv", "sum", True),
        ("block.conv.inner", "max", True),
    }
    assert [(layer.name, layer.conv, layer.exact) for layer in found[False]] == [("block.conv.inner", "max", True)]
    net = seeded(lambda: Net(True))
    first, again = (viz_nodes.explain(net, pixels) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in again.layers]
