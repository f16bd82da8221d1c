"""`reach` is the nonzero pattern of the Jacobian, on networks small enough to differentiate every output."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import viz_nodes
from viz_nodes.grids import Window, through


class MaxRelative(nn.Module):
    def __init__(self, channels) -> None:
        super().__init__()
        self.nn = nn.Conv2d(2 * channels, 2 * channels, 1)

    def forward(self, x, edge_index, y=None):
        y = x if y is None else y
        neighbors = edge_index[0].flatten(1)[:, None].expand(-1, x.shape[1], -1)
        sent = y[..., 0].gather(2, neighbors).unflatten(2, edge_index.shape[2:])
        message = (sent - x).max(-1, keepdim=True).values
        return self.nn(torch.stack([x, message], 2).flatten(1, 2))


class Grapher(nn.Module):
    def __init__(self, channels, k, reduction) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels, 1)
        self.gconv = MaxRelative(channels)
        self.fc2 = nn.Conv2d(2 * channels, channels, 1)
        self.k, self.reduction = k, reduction

    def forward(self, tokens):
        grid = tokens.shape[2:]
        x = self.fc1(tokens)
        y = F.avg_pool2d(x, self.reduction) if self.reduction > 1 else x
        x, y = x.flatten(2)[..., None], y.flatten(2)[..., None]
        with torch.no_grad():
            away = torch.cdist(x[..., 0].transpose(1, 2), y[..., 0].transpose(1, 2))
            neighbors = away.topk(self.k, largest=False).indices
            edges = torch.stack([neighbors, torch.arange(x.shape[2])[None, :, None].expand_as(neighbors)])
        out = self.gconv(x, edges, y) if self.reduction > 1 else self.gconv(x, edges)
        return self.fc2(out.unflatten(2, grid)[..., 0]) + tokens


class Block(nn.Module):
    """A graph layer, and the 3 x 3 convolution of GraphConvNet where `spatial`."""

    def __init__(self, channels, k, *, reduction=1, spatial=False) -> None:
        super().__init__()
        self.grapher = Grapher(channels, k, reduction)
        self.ffn = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.GELU())
        self.spatial = nn.Conv2d(channels, channels, 3, padding=1) if spatial else None

    def forward(self, tokens):
        y = self.grapher(tokens)
        y = y + self.ffn(y)
        return y if self.spatial is None else y + F.gelu(self.spatial(y))


class Net(nn.Module):
    def __init__(self, *blocks) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, stride=4)
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(8, 3)

    def forward(self, pixels):
        return self.head(self.blocks(self.stem(pixels)).mean((2, 3)))


NETS = {
    "graphs only": lambda: (Block(8, 2), Block(8, 2), Block(8, 2)),
    "with 3 x 3 convolutions": lambda: (Block(8, 2, spatial=True), Block(8, 2, spatial=True), Block(8, 1)),
    "with pooled keys": lambda: (Block(8, 2, reduction=2), Block(8, 1, reduction=2, spatial=True), Block(8, 1)),
    "with a strided convolution": lambda: (
        Block(8, 2, spatial=True),
        nn.Conv2d(8, 8, 3, stride=2, padding=1),
        Block(8, 2),
        Block(8, 1),
    ),
}


@pytest.fixture(params=NETS)
def net(request):
    torch.manual_seed(0)
    return Net(*NETS[request.param]()).double().eval()


@pytest.fixture
def pixels():
    return torch.randn(1, 3, 24, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def jacobian_pattern(net, pixels, layer, node, after="layer"):
    """Input nodes for which any channel of the node depends on any channel, one backward for each channel."""
    tokens = net.stem(pixels).detach().requires_grad_()
    y, seen = tokens, -1
    for module in net.blocks:
        if isinstance(module, Block):
            seen += 1
            if seen == layer:
                y = module.grapher(y) if after == "layer" else module(y)
                break
        y = module(y)
    found = torch.zeros(tokens.shape[2:], dtype=torch.bool)
    for channel in y.flatten(2)[0, :, node]:
        (gradient,) = torch.autograd.grad(channel, tokens, retain_graph=True)
        found |= (gradient[0] != 0).any(0)
    return set(found.flatten().nonzero().flatten().tolist())


def test_reach_is_the_pattern_of_the_jacobian(net, pixels):
    exp = viz_nodes.explain(net, pixels)
    sizes = set()
    for layer in exp.layers:
        for node in range(0, layer.grid[0] * layer.grid[1], 5):
            expected = jacobian_pattern(net, pixels, layer.index, node)
            assert viz_nodes.reach(exp, layer.index, node) == expected, (layer.index, node)
            sizes.add(len(expected))
    assert len(sizes) > 3
    assert min(sizes) < 48


@pytest.mark.parametrize("name", ["graphs only", "with 3 x 3 convolutions"])
def test_reach_after_the_block_counts_what_follows_on_its_grid(name, pixels):
    torch.manual_seed(0)
    net = Net(*NETS[name]()).double().eval()
    exp = viz_nodes.explain(net, pixels)
    for node in (0, 20, 47):
        expected = jacobian_pattern(net, pixels, 1, node, after="block")
        assert viz_nodes.reach(exp, 1, node, after="block") == expected
    wider = len(viz_nodes.reach(exp, 1, 20, after="block")) - len(viz_nodes.reach(exp, 1, 20))
    assert (wider > 0) == (name != "graphs only")


def test_a_network_is_explained_on_the_way(net, pixels):
    exp = viz_nodes.explain(net, pixels)
    assert viz_nodes.reach(net, 1, 3, pixels=pixels) == viz_nodes.reach(exp, 1, 3)
    assert viz_nodes.reach(exp, -1) == viz_nodes.reach(exp, -1, int(exp.layers[-1].peak[0]))


def test_reach_survives_saving(net, pixels, tmp_path):
    exp = viz_nodes.explain(net, pixels)
    exp.save(tmp_path)
    assert viz_nodes.reach(viz_nodes.Explanation.load(tmp_path), 2, 7) == viz_nodes.reach(exp, 2, 7)


def test_what_is_missing_is_said(net, pixels):
    last = viz_nodes.explain(net, pixels, layers=[-1])
    with pytest.raises(IndexError, match="was not explained"):
        viz_nodes.reach(last, -1, 0)
    with pytest.raises(ValueError, match="needs `pixels`"):
        viz_nodes.reach(net, 0, 0)
    exp = viz_nodes.explain(net, pixels)
    with pytest.raises(ValueError, match="`node`"):
        viz_nodes.reach(exp, 0, 48)
    with pytest.raises(ValueError, match="'layer' or 'block'"):
        viz_nodes.reach(exp, 0, 0, after="all")
    exp.extras.clear()
    with pytest.raises(ValueError, match="does not know what runs between"):
        viz_nodes.reach(exp, 0, 0)


def test_windows_by_numbers():
    mask = torch.zeros(2, 2, dtype=torch.bool).numpy()
    mask[0, 1] = True
    strided = Window((3, 3), (2, 2), (1, 1))
    heard = strided.heard(mask, (4, 4))
    assert [(int(r), int(c)) for r, c in zip(*heard.nonzero())] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    both = through([Window((1, 3), padding=(0, 1)), strided], mask, (4, 4))
    assert [(int(r), int(c)) for r, c in zip(*both.nonzero())] == [(r, c) for r in (0, 1) for c in range(4)]
    spread = Window((3, 1), dilation=(2, 1), padding=(2, 0)).heard(mask, (2, 2))
    assert [(int(r), int(c)) for r, c in zip(*spread.nonzero())] == [(0, 1)]
