"""Graphs that no module is called with, found by what the network computes: edges, shares and logits by hand."""

from __future__ import annotations

import weakref

import networkx
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import viz_nodes
from builders.networks import hooks_on, seeded
from viz_nodes.capture import NoGraphLayer
from viz_nodes.capture.origins import Origins

GRID, NODES = (6, 4), 24


class Net(nn.Module):
    """Pixels (B, 3, 24, 16) to a 6 x 4 grid, layers that take and give (B, C, H, W), 5 classes."""

    def __init__(self, *layers, channels=6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, stride=4)
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 5)

    def forward(self, pixels):
        return self.head(self.layers(self.stem(pixels)).mean((2, 3)))


def nearest(x, k=4):
    """(B, N, k) of (B, C, N), the nearest by their features, the node itself first."""
    return torch.cdist(x.transpose(1, 2), x.transpose(1, 2)).topk(k, largest=False).indices


def take(y, index):
    """(B, C, N, k)."""
    return torch.stack([image[:, near] for image, near in zip(y, index)])


class MaxRelative(nn.Module):
    def __init__(self, channels=6):
        super().__init__()
        self.nn = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x, edges):
        best = (take(x.flatten(2), edges[0]) - x.flatten(2)[..., None]).amax(-1)
        return self.nn(torch.cat([x.flatten(2), best], 1)[..., None])


class Neighbors(nn.Module):
    def forward(self, x):
        near = nearest(x.flatten(2))
        return torch.stack([near, torch.arange(NODES)[:, None].expand_as(near)])


class Inherits(MaxRelative):
    """Is called with features alone, and calls its parent with the edges."""

    def __init__(self):
        super().__init__()
        self.knn = Neighbors()

    def forward(self, x):
        flat = x.flatten(2)[..., None]
        return super().forward(flat, self.knn(flat)).view(x.shape)

    @staticmethod
    def edges(x):
        return nearest(x.flatten(2))


class GatheredMean(nn.Module):
    """Nodes in a list (B, N, C), gathered by torch.gather, their mean taken."""

    def __init__(self, channels=6):
        super().__init__()
        self.fc = nn.Linear(2 * channels, channels)
        self.last = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        near = self.edges(x)
        index = near.flatten(1)[..., None].expand(-1, -1, tokens.shape[2])
        heard = tokens.gather(1, index).view(*near.shape, -1).mean(2)
        out = self.fc(torch.cat([tokens, heard], 2)).transpose(1, 2).reshape(x.shape)
        return x + self.last(out)

    @staticmethod
    def edges(x):
        return nearest(x.flatten(2), 3)


class Gated(nn.Module):
    """The maximum of 0 and gated differences to nodes 1, 2, 4 away, by torch.roll or by slices put side by side."""

    def __init__(self, slices, channels=6):
        super().__init__()
        self.slices, self.nn = slices, nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        best = torch.zeros_like(x)
        for dim in (2, 3):
            step = 1
            while step < x.shape[dim]:
                if self.slices:
                    low, high = x.narrow(dim, x.shape[dim] - step, step), x.narrow(dim, 0, x.shape[dim] - step)
                    other = torch.cat([low, high], dim)
                else:
                    other = torch.roll(x, step, dim)
                gate = torch.exp(-(x - other).abs().sum(1, keepdim=True))
                best = torch.max(best, (other - x) * gate)
                step *= 2
        return x + self.nn(torch.cat([x, best], 1))

    @staticmethod
    def edges(x):
        rows, cols = torch.arange(6)[:, None], torch.arange(4)[None]
        heard = [(rows * 4 + cols).flatten()]
        heard += [((rows - step) % 6 * 4 + cols).flatten() for step in (1, 2, 4)]
        heard += [(rows * 4 + (cols - step) % 4).flatten() for step in (1, 2)]
        return torch.stack(heard, 1).expand(len(x), -1, -1)


class EdgeList(nn.Module):
    """Edges (2, E) over all images, outside PyG; as many a node as are near enough."""

    def __init__(self, receivers_first, channels=6):
        super().__init__()
        self.first, self.nn = receivers_first, nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        batch, channels = x.shape[:2]
        b, i, j = self.near(x).nonzero(as_tuple=True)
        edges = torch.stack([b * NODES + i, b * NODES + j] if self.first else [b * NODES + j, b * NODES + i])
        receive, send = edges if self.first else edges.flip(0)
        rows = x.flatten(2).transpose(1, 2).reshape(-1, channels)
        into = torch.zeros_like(rows)
        index = receive[:, None].expand(-1, channels)
        best = into.scatter_reduce(0, index, rows[send] - rows[receive], "amax", include_self=False)
        best = best.view(batch, NODES, channels).transpose(1, 2).view(x.shape)
        return x + self.nn(torch.cat([x, best], 1))

    @staticmethod
    def near(x):
        tokens = x.flatten(2).transpose(1, 2)
        apart = torch.cdist(tokens, tokens)
        return apart < apart.flatten(1).quantile(0.2, 1)[:, None, None]

    @classmethod
    def edges(cls, x):
        near = cls.near(x)
        table = torch.full((len(x), NODES, int(near.sum(2).max())), -1)
        for b in range(len(x)):
            for i in range(NODES):
                heard = near[b, i].nonzero()[:, 0]
                table[b, i, : len(heard)] = heard
        return table


class Changed(nn.Module):
    """Changes in place what it has aggregated."""

    def __init__(self, channels=6):
        super().__init__()
        self.nn = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        flat = x.flatten(2)
        out = take(flat, nearest(flat)).sum(-1)
        out += flat
        return self.nn(out.view(x.shape))

    @staticmethod
    def edges(x):
        return nearest(x.flatten(2))


class TopAttention(nn.Module):
    """Attention in which each query hears the two keys it weighs most, in two heads."""

    def __init__(self, channels=6):
        super().__init__()
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Conv2d(channels, channels, 1)

    def weights(self, x):
        q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).view(len(x), NODES, 3, 2, 3).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2)
        least = scores.topk(2).values[..., -1:]
        return scores.masked_fill(scores < least, float("-inf")).softmax(-1), v

    def forward(self, x):
        weights, v = self.weights(x)
        return x + self.proj((weights @ v).transpose(1, 2).reshape(len(x), NODES, -1).transpose(1, 2).reshape(x.shape))

    def edges(self, x):
        top = self.weights(x)[0].topk(2).indices
        return top.transpose(1, 2).reshape(len(x), NODES, -1)


class RoutedAttention(nn.Module):
    """Attention over keys gathered by an index, three for each query."""

    def __init__(self, einsum, channels=6):
        super().__init__()
        self.einsum = einsum
        self.q, self.v, self.proj = nn.Linear(channels, channels), nn.Linear(channels, channels), nn.Conv2d(6, 6, 1)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        batch = torch.arange(len(x))[:, None, None]
        near = self.edges(x)
        keys, values = tokens[batch, near], self.v(tokens)[batch, near]  # (B, N, k, C)
        if self.einsum:
            weights = torch.einsum("bnc,bnkc->bnk", self.q(tokens), keys).softmax(-1)
            heard = torch.einsum("bnk,bnkc->bcn", weights, values)
        else:
            weights = (self.q(tokens)[:, :, None] @ keys.transpose(-1, -2)).softmax(-1)
            heard = (weights @ values)[:, :, 0].transpose(1, 2)
        return x + self.proj(heard.reshape(x.shape))

    @staticmethod
    def edges(x):
        return nearest(x.flatten(2), 3)


DESIGNS = {
    "inherited": (Inherits, "max"),
    "gathered mean": (GatheredMean, "sum"),
    "gated rolls": (lambda: Gated(slices=False), "max"),
    "gated slices": (lambda: Gated(slices=True), "max"),
    "receivers first": (lambda: EdgeList(receivers_first=True), "max"),
    "senders first": (lambda: EdgeList(receivers_first=False), "max"),
    "changed in place": (Changed, "sum"),
    "top-k attention": (TopAttention, "sum"),
    "routed attention": (lambda: RoutedAttention(einsum=False), "sum"),
    "routed attention by einsum": (lambda: RoutedAttention(einsum=True), "sum"),
}


def pixels_of(images=2):
    return torch.randn(images, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()


@pytest.mark.parametrize("name", DESIGNS)
def test_the_edges_are_those_of_the_arithmetic(name):
    build, conv = DESIGNS[name]
    net, pixels = seeded(lambda: Net(build(), build())), pixels_of()
    with torch.no_grad():
        plain = net(pixels)
        x = net.stem(pixels)
        wanted = [net.layers[0].edges(x), net.layers[1].edges(net.layers[0](x))]
    for _ in range(2):  # once as for the first time, once as known
        exp = viz_nodes.explain(net, pixels)
        assert torch.equal(exp.logits, plain)
        assert [(layer.grid, layer.conv, layer.exact) for layer in exp.layers] == [(GRID, conv, True)] * 2
        for layer, edges in zip(exp.layers, wanted):
            for found, true in zip(layer.neighbors.flatten(0, 1).tolist(), edges.flatten(0, 1).tolist()):
                assert sorted(found) == sorted(true)
            there = (layer.neighbors >= 0).any(-1)
            torch.testing.assert_close(layer.share.sum(-1), there.double())
            assert float(layer.contribution.abs().max()) > 0
    assert len({layer.name for layer in exp.layers}) == 2
    assert not torch.equal(exp.layers[0].cam, exp.layers[1].cam)
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
    assert hooks_on(net) == 0


def test_contributions_sum_to_gradient_times_message():
    net, pixels = seeded(lambda: Net(Gated(slices=False))), pixels_of(1)
    layer = viz_nodes.explain(net, pixels, target=3).layer(0)
    gated = net.layers[0]
    x = net.stem(pixels).detach()
    best = gated_maximum = torch.zeros_like(x)
    for dim, size in ((2, 6), (3, 4)):
        for step in (1, 2, 4):
            if step < size:
                other = torch.roll(x, step, dim)
                gate = torch.exp(-(x - other).abs().sum(1, keepdim=True))
                best = torch.max(best, (other - x) * gate)
    gated_maximum = best.requires_grad_(True)
    logits = net.head((x + gated.nn(torch.cat([x, gated_maximum], 1))).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[0, 3], gated_maximum)
    torch.testing.assert_close(layer.contribution.sum(-1), (gradient * gated_maximum).detach().sum(1).flatten(1))


class Both(nn.Module):
    """Mean and maximum of the same neighbors, beside the features."""

    def __init__(self, channels=6):
        super().__init__()
        self.nn = nn.Conv2d(3 * channels, channels, 1)

    def forward(self, x, edges):
        flat = x.flatten(2)
        heard = take(flat, edges[0])
        return self.nn(torch.cat([flat, heard.mean(-1), (heard - flat[..., None]).amax(-1)], 1)[..., None])


class GivesEdges(nn.Module):
    def __init__(self):
        super().__init__()
        self.knn, self.gconv = Neighbors(), Both()

    def forward(self, x):
        flat = x.flatten(2)[..., None]
        return self.gconv(flat, self.knn(flat)).view(x.shape)


def test_a_layer_that_hears_in_two_ways_adds_them_up():
    net, pixels = seeded(lambda: Net(GivesEdges())), pixels_of(1)
    exp = viz_nodes.explain(net, pixels, target=1)
    layer = exp.layer(0)
    assert (layer.conv, layer.exact) == ("max+sum", True)
    x = net.stem(pixels).detach().flatten(2)
    assert torch.equal(layer.neighbors, nearest(x))
    heard = take(x, layer.neighbors)
    mean = (heard / 4).requires_grad_(True)
    most = (heard - x[..., None]).requires_grad_(True)
    both = torch.cat([x, mean.sum(-1), most.amax(-1)], 1)[..., None]
    logits = net.head(net.layers[0].gconv.nn(both).mean((2, 3)))
    gradients = torch.autograd.grad(logits[0, 1], (mean, most))
    wanted = sum((gradient * sent).sum(1) for gradient, sent in zip(gradients, (mean, most)))
    torch.testing.assert_close(layer.contribution, wanted.detach())
    winner = most.argmax(-1)
    maximum = torch.stack([(winner == rank).double().mean(1) for rank in range(4)], -1)
    size = mean.detach().abs()
    torch.testing.assert_close(layer.share, (maximum + (size / size.sum(-1, keepdim=True)).mean(1)) / 2)


class Four(nn.Module):
    """Mean, maximum, minimum and deviation at once."""

    def __init__(self, channels=6, unbiased=True):
        super().__init__()
        self.unbiased, self.nn = unbiased, nn.Conv2d(5 * channels, channels, 1)

    def forward(self, x, edges):
        flat = x.flatten(2)
        heard = take(flat, edges[0])
        ways = [heard.mean(-1), heard.amax(-1), heard.min(dim=-1).values, heard.std(-1, self.unbiased)]
        return self.nn(torch.cat([flat, *ways], 1)[..., None])


@pytest.mark.parametrize("unbiased", [True, False])
def test_mean_maximum_minimum_and_deviation_are_added_up(unbiased):
    net, pixels = seeded(lambda: Net(GivesEdges())), pixels_of(1)
    net.layers[0].gconv = seeded(lambda: Four(unbiased=unbiased))
    exp = viz_nodes.explain(net, pixels, target=1)
    layer = exp.layer(0)
    assert (layer.conv, layer.exact) == ("max+min+std+sum", True)
    x = net.stem(pixels).detach().flatten(2)
    leaf = take(x, nearest(x)).requires_grad_(True)
    n = leaf.shape[-1]
    apart = leaf - leaf.mean(-1, keepdim=True)
    deviation = (apart.square().sum(-1) / (n - unbiased)).sqrt()
    ways = [leaf.mean(-1), leaf.amax(-1), leaf.amin(-1), deviation]
    logits = net.head(net.layers[0].gconv.nn(torch.cat([x, *ways], 1)[..., None]).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[0, 1], leaf)
    torch.testing.assert_close(layer.contribution, (gradient * leaf).sum(1).detach())
    sent = leaf.detach()
    parts = [sent.abs() / sent.abs().sum(-1, keepdim=True), apart.detach().square() / apart.square().sum(-1, True)]
    won = [nn.functional.one_hot(best, n).double() for best in (sent.argmax(-1), sent.argmin(-1))]
    wanted = torch.stack([part.mean(1) for part in (*parts, *won)]).mean(0)
    torch.testing.assert_close(layer.share, wanted.detach())
    cut = layer.share < layer.share.median()
    kept = torch.where(cut, torch.nan, 1.0)[:, None]
    with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: cut}):
        edited = net(pixels)
    spread = (sent - (sent * kept).nanmean(-1, keepdim=True)).square() * kept
    count = (~cut).sum(-1)[:, None]
    some = count > int(unbiased)
    ways = [
        (sent * kept).nanmean(-1).nan_to_num(0.0),
        sent.masked_fill(cut[:, None], -torch.inf).amax(-1).masked_fill(count == 0, 0.0),
        sent.masked_fill(cut[:, None], torch.inf).amin(-1).masked_fill(count == 0, 0.0),
        (spread.nansum(-1) / (count - int(unbiased)).clamp(min=1e-12)).sqrt() * some,
    ]
    wanted = net.head(net.layers[0].gconv.nn(torch.cat([x, *ways], 1)[..., None]).mean((2, 3)))
    torch.testing.assert_close(edited, wanted)


class DGCNN(nn.Module):
    """The graph is made by a function, and convolution and maximum lie in the network's own forward."""

    def __init__(self, stem=True, channels=6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, stride=4) if stem else nn.Identity()
        given = channels if stem else 3
        self.one, self.two = nn.Conv2d(2 * given, channels, 1), nn.Conv2d(2 * channels, channels, 1)
        self.head = nn.Linear(channels, 5)

    def forward(self, pixels):
        x = self.stem(pixels).flatten(2) if isinstance(self.stem, nn.Conv2d) else pixels
        for conv in (self.one, self.two):
            heard = take(x, nearest(x, 5))
            own = x[..., None].expand_as(heard)
            x = F.leaky_relu(conv(torch.cat([heard - own, own], 1)), 0.2).max(dim=-1, keepdim=False)[0]
        return self.head(x.mean(-1))


def test_a_function_that_makes_the_graph_is_found_on_images():
    net, pixels = seeded(DGCNN), pixels_of()
    exp = viz_nodes.explain(net, pixels)
    assert [(layer.grid, layer.conv, layer.exact) for layer in exp.layers] == [(GRID, "max", True)] * 2
    assert torch.equal(exp.layer(0).neighbors, nearest(net.stem(pixels).flatten(2), 5))
    assert torch.equal(exp.logits, net(pixels).detach())


def test_points_are_no_image():
    net = seeded(lambda: DGCNN(stem=False))
    points = torch.randn(2, 3, 30, generator=torch.Generator().manual_seed(4)).double()
    exp = viz_nodes.explain(net, points)
    assert len(exp) == 2
    assert [layer.num_nodes for layer in exp.layers] == [30, 30]
    assert torch.equal(exp.layer(0).neighbors, nearest(points, 5))
    assert exp.layer(0).exact
    assert exp.layer(0).placed is False
    assert exp.graph(0).number_of_nodes() == 30


class Spread(nn.Module):
    """What neighbors send is used in a way that is neither a maximum nor a sum."""

    def __init__(self):
        super().__init__()
        self.nn = nn.Conv2d(12, 6, 1)

    def forward(self, x):
        flat = x.flatten(2)
        heard = take(flat, nearest(flat))
        return self.nn(torch.cat([heard.mean(-1), heard.median(-1).values], 1).view(len(x), -1, *GRID))


class Distances(nn.Module):
    """The neighbors' features choose again among themselves, and what they were chosen by is used, too."""

    def __init__(self, used, way):
        super().__init__()
        self.used, self.way, self.nn = used, way, nn.Conv2d(12, 6, 1)

    def forward(self, x):
        flat = x.flatten(2)
        heard = take(flat, nearest(flat))
        if self.way == "topk":
            chosen = heard.topk(2, dim=-1).values.select(-1, 1)
        else:
            apart = torch.cdist(heard.permute(0, 2, 3, 1), heard.permute(0, 2, 3, 1))
            chosen = apart.sum((-1, -2))[:, None].expand(-1, 6, -1).sqrt()
        other = chosen if self.used else (chosen > 0).to(x)
        return self.nn(torch.cat([heard.mean(-1), other], 1).view(len(x), -1, *GRID))


@pytest.mark.parametrize("way", ["topk", "cdist"])
def test_what_neighbors_were_chosen_by_is_no_leak_until_it_reaches_the_output(way):
    for used in (False, True):
        net = seeded(lambda used=used: Net(Distances(used, way)))
        layer = viz_nodes.explain(net, pixels_of(1)).layer(0)
        assert (layer.conv, layer.exact) == ("sum", not used)


def test_what_is_also_used_in_another_way_is_not_called_exact():
    exp = viz_nodes.explain(seeded(lambda: Net(Spread())), pixels_of(1))
    assert (exp.layer(0).conv, exp.layer(0).exact) == ("sum", False)


class Windows(nn.Module):
    """Attention in windows of a grid that is rolled before and rolled back after: no graph."""

    def __init__(self, channels=6):
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels)

    def forward(self, x):
        batch, channels, height, width = x.shape
        rolled = torch.roll(x.permute(0, 2, 3, 1), (-1, -1), (1, 2))
        cut = rolled.reshape(batch, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        q, k, v = self.qkv(cut.reshape(-1, 4, channels)).chunk(3, -1)
        out = (q @ k.transpose(-1, -2)).softmax(-1) @ v
        out = out.view(batch, height // 2, width // 2, 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
        back = torch.roll(out.reshape(batch, height, width, channels), (1, 1), (1, 2))
        return x + back.permute(0, 3, 1, 2)


class Affinity(nn.Module):
    """Every node hears every other, twice, the second time of features that a ReLU left half empty (VGU-Net)."""

    def __init__(self, channels=6):
        super().__init__()
        self.qkv, self.mix = nn.Conv2d(channels, 3 * channels, 1), nn.Linear(channels, channels)

    def forward(self, x):
        q, k, v = self.qkv(x).flatten(2).chunk(3, 1)
        weights = torch.bmm(q.mT, k).softmax(2)
        heard = torch.bmm(weights, self.mix(torch.bmm(weights, v.mT)).relu())
        return heard.mT.reshape(x.shape)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Affinity, r"Net makes no graph .*1 attentions in which every token hears every other.*never chosen"),
        (lambda: nn.Conv2d(6, 6, 3, padding=1), r"Net makes no graph .*it ran 2 Conv2d.*never chosen"),
        (Windows, r"Net makes no graph .*1 attentions.*rolled alone, as windows are shifted"),
    ],
)
def test_a_network_without_a_graph_is_told_apart(layer, said):
    net = seeded(lambda: Net(layer()))
    for _ in range(2):
        with pytest.raises(NoGraphLayer, match=said):
            viz_nodes.explain(net, pixels_of(1))
    assert hooks_on(net) == 0


class Lost(nn.Module):
    def forward(self, x):
        flat = x.flatten(2)
        return x + take(flat, nearest(flat)).median(-1).values.view(x.shape)


def test_a_graph_that_was_missed_is_told_apart_from_none():
    with pytest.raises(
        NoGraphLayer, match=r"no graph layer was found in Net, which chose or moved nodes \(.*topk 1 times"
    ):
        viz_nodes.explain(seeded(lambda: Net(Lost())), pixels_of(1))


class Hyperedges(nn.Module):
    """Nodes are gathered into five groups, and each node hears the two groups nearest to it."""

    def __init__(self):
        super().__init__()
        self.centers, self.nn = nn.Parameter(torch.randn(5, 6)), nn.Conv2d(12, 6, 1)

    def forward(self, x):
        flat = x.flatten(2)
        apart = torch.cdist(self.centers[None].expand(len(x), -1, -1), flat.transpose(1, 2))
        groups = take(flat, apart.topk(7, largest=False).indices).mean(-1)
        heard = take(groups, apart.transpose(1, 2).topk(2, largest=False).indices).amax(-1)
        return x + self.nn(torch.cat([flat, heard], 1).view(len(x), -1, *GRID))


def test_a_hypergraph_is_its_groups_and_their_members():
    net, pixels = seeded(lambda: Net(Hyperedges())), pixels_of(2)
    exp = viz_nodes.explain(net, pixels, target=1)
    layer = exp.layer(0)
    assert (layer.grid, layer.conv, layer.exact) == (GRID, "sum>max", True)
    block, x = net.layers[0], net.stem(pixels).detach()
    flat = x.flatten(2)
    apart = torch.cdist(block.centers[None].expand(2, -1, -1), flat.transpose(1, 2))
    members = apart.topk(7, largest=False).indices
    heard = apart.transpose(1, 2).topk(2, largest=False).indices
    assert torch.equal(layer.heard, heard)
    for row, group in ((0, 0), (1, 3), (1, 4)):
        assert (layer.groups[row, group] >= 0).nonzero().flatten().tolist() == members[
            row, group
        ].sort().values.tolist()
    sent = take(flat, members).abs()
    parts = (sent / sent.sum(-1, keepdim=True)).mean(1)
    torch.testing.assert_close(layer.groups.gather(2, members), parts)
    torch.testing.assert_close(layer.groups.clamp(min=0).sum(-1), torch.ones(2, 5).double())
    groups = take(flat, members).mean(-1)
    best = take(groups, heard).amax(-1).requires_grad_(True)
    logits = net.head((x + block.nn(torch.cat([flat, best], 1).view(2, -1, *GRID))).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), best)
    torch.testing.assert_close(layer.contribution.sum(-1), (gradient * best).sum(1).detach())
    won = nn.functional.one_hot(take(groups, heard).argmax(-1), 2).double().mean(1)
    torch.testing.assert_close(layer.heard_share, won)
    node = 9
    wanted = torch.zeros(24).double()
    for place in range(2):
        wanted[members[1, heard[1, node, place]]] += won[1, node, place] * parts[1, heard[1, node, place]]
    near, share = layer.neighbors[1, node], layer.share[1, node]
    assert sorted(near[near >= 0].tolist()) == sorted(set(members[1, heard[1, node]].flatten().tolist()))
    torch.testing.assert_close(share[near >= 0], wanted[near[near >= 0]])
    both = exp.hypergraph(0, 1)
    assert networkx.is_bipartite(both)
    assert set(both.predecessors(("group", 3))) == set(members[1, 3].tolist())
    assert set(both.predecessors(node)) == {("group", group) for group in heard[1, node].tolist()}
    assert both[("group", int(heard[1, node, 0]))][node]["share"] == pytest.approx(float(won[1, node, 0]))


@pytest.mark.parametrize("way", ["matmul", "turned", "einsum"])
def test_an_incidence_matrix_is_a_hypergraph(way):
    class Incidence(nn.Module):
        def __init__(self):
            super().__init__()
            self.centers, self.out = nn.Parameter(torch.randn(5, 6)), nn.Linear(6, 6)

        def matrix(self, tokens):
            near = torch.cdist(tokens, self.centers[None].expand(len(tokens), -1, -1)).topk(2, largest=False).indices
            return torch.zeros(*tokens.shape[:2], 5).to(tokens).scatter(2, near, 1.0)

        def forward(self, x):
            tokens = x.flatten(2).mT
            h = self.matrix(tokens)
            down, up = h / h.sum(1, keepdim=True).clamp(min=1), h / h.sum(2, keepdim=True)
            if way == "matmul":
                heard = up @ self.out(down.mT @ tokens).relu()
            elif way == "turned":
                heard = (self.out((tokens.mT @ down).mT).relu().mT @ up.mT).mT
            else:
                groups = self.out(torch.einsum("bne,bnc->bec", down, tokens)).relu()
                heard = torch.einsum("bne,bec->bnc", up, groups)
            return x + heard.mT.reshape(x.shape)

    net, pixels = seeded(lambda: Net(Incidence(), Incidence())), pixels_of(2)
    exp = viz_nodes.explain(net, pixels)
    assert [(layer.conv, layer.exact) for layer in exp.layers] == [("sum>sum", True)] * 2
    incidence = net.layers[0].matrix(net.stem(pixels).flatten(2).mT)
    assert torch.equal(exp.layer(0).groups >= 0, incidence.mT > 0)
    assert torch.equal(exp.logits, net(pixels).detach())


class Pixels(nn.Module):
    """Graph layers and convolutions in turns inside one module, on nodes (B, C, N, 1)."""

    def __init__(self, between):
        super().__init__()
        self.convs = nn.ModuleList(MaxRelative() for _ in range(3))
        self.mixes = nn.ModuleList(nn.Conv2d(6, 6, 1) if between else nn.Identity() for _ in range(3))
        self.knn = Neighbors()
        self.last = nn.Conv2d(6, 6, 1)

    def forward(self, x):
        nodes = x.flatten(2)[..., None]
        for conv, mix in zip(self.convs, self.mixes):
            nodes = nodes + mix(conv(nodes, self.knn(nodes)))
        return self.last(nodes.view(x.shape))


@pytest.mark.parametrize("between", [True, False])
def test_each_layer_of_one_module_has_a_map_of_its_own(between):
    net, pixels = seeded(lambda: Net(Pixels(between))), pixels_of(1)
    exp = viz_nodes.explain(net, pixels, method="hirescam", target=0)
    block = net.layers[0]
    own = block.mixes if between else block.convs
    kept = {}
    handles = [
        module.register_forward_hook(lambda m, a, out, at=at: kept.__setitem__(at, out))
        for at, module in enumerate([*own[:2], block.last])
    ]
    logits = net(pixels.requires_grad_(True))
    for handle in handles:
        handle.remove()
    for at, layer in enumerate(exp.layers):
        (gradient,) = torch.autograd.grad(logits[0, 0], kept[at], retain_graph=True)
        wanted = (gradient * kept[at]).sum(1).clamp(min=0).view(1, *GRID)
        torch.testing.assert_close(layer.cam, wanted.detach())


@pytest.mark.parametrize("name", DESIGNS)
def test_edges_without_share_can_be_cut_and_others_matter(name):
    build = DESIGNS[name][0]
    net, pixels = seeded(lambda: Net(build(), build())), pixels_of()
    exp = viz_nodes.explain(net, pixels)
    with torch.no_grad():
        idle = {at: layer.share == 0 for at, layer in enumerate(exp.layers)}
        with viz_nodes.edit_edges(net, cut=idle) as gone:
            assert torch.equal(net(pixels), exp.logits)
        there = [layer.neighbors >= 0 for layer in exp.layers]
        assert gone == {at: int((idle[at] & there[at]).sum()) for at in (0, 1)}
        with viz_nodes.edit_edges(net, cut={1: exp.layer(1).share == exp.layer(1).share.amax(-1, keepdim=True)}):
            assert not torch.equal(net(pixels), exp.logits)
        assert torch.equal(net(pixels), exp.logits)
    assert hooks_on(net) == 0


def test_a_node_without_edges_hears_nothing():
    net, pixels = seeded(lambda: Net(Gated(slices=True))), pixels_of(1)
    with torch.no_grad(), viz_nodes.edit_edges(net, keep={0: []}):
        alone = net(pixels)
        x = net.stem(pixels)
        gated = net.layers[0]
        wanted = net.head((x + gated.nn(torch.cat([x, torch.zeros_like(x)], 1))).mean((2, 3)))
    torch.testing.assert_close(alone, wanted)


def test_an_effect_is_the_change_of_the_score():
    net, pixels = seeded(lambda: Net(Gated(slices=False), Gated(slices=False))), pixels_of(1)
    exp = viz_nodes.explain(net, pixels, target=2)
    effect = viz_nodes.effect(net, pixels, exp, 0, 9)
    for rank in range(exp.layer(0).neighbors.shape[2]):
        cut = torch.zeros(24, 6, dtype=torch.bool)
        cut[9, rank] = True
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: cut}):
            change = net(pixels)[0, 2] - exp.logits[0, 2]
        assert float(effect[rank]) == pytest.approx(float(change), abs=1e-12)
    assert float(effect[exp.layer(0).share[0, 9] == 0].abs().max()) == 0


class Logarithmic(nn.Module):
    """The maximum of 0 and differences to nodes 0, 1 and 3 before and after, by slices, which are empty for 0."""

    def __init__(self, channels=6):
        super().__init__()
        self.nn = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        best = x - x
        for dim in (2, 3):
            for step in (0, 1, 3):
                cut = x.shape[dim] - step if step else 0
                other = torch.cat([x.narrow(dim, cut, x.shape[dim] - cut), x.narrow(dim, 0, cut)], dim)
                best = torch.max(best, x - other)
        return self.nn(torch.cat([x, best], 1))

    @staticmethod
    def edges(x):
        rows, cols = torch.arange(24)[:, None], torch.arange(16)[None]
        heard = [((rows - step) % 24 * 16 + cols).flatten() for step in (0, 1, 3)]
        return torch.stack(heard + [(rows * 16 + (cols - step) % 16).flatten() for step in (0, 1, 3)], 1)


class Around(nn.Module):
    """A block that takes the grid, which is where places are asked for."""

    def __init__(self, layer):
        super().__init__()
        self.fc, self.layer = nn.Conv2d(6, 6, 1), layer

    def forward(self, x):
        return x + self.layer(self.fc(x))


def test_places_are_proven_where_a_graph_shows_in_the_arithmetic_alone():
    net = seeded(lambda: Net(Around(Logarithmic()), Around(Logarithmic())))
    pixels = torch.randn(2, 3, 96, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    exp = viz_nodes.explain(net.double(), pixels)
    assert [(layer.exact, layer.placed, layer.note) for layer in exp.layers] == [(True, True, "")] * 2
    for layer in exp.layers:
        heard = [set(row.tolist()) for row in layer.neighbors[0]]
        assert heard == [set(row.tolist()) for row in Logarithmic.edges(None)]


def test_what_is_known_of_tensors_ends_with_them():
    origins = Origins()
    features = torch.randn(2, 6, 4, 4)
    moved = features.roll(1, 2)
    origins.moved(torch.roll, "roll", (features, 1, 2), {}, moved)
    assert origins.of(moved)
    kept = weakref.ref(moved)
    del moved
    assert kept() is None
    assert len(origins._known._known) == 1  # of the features, which are still there


def test_edits_of_a_graph_in_the_arithmetic_end_with_their_forward():
    net, pixels = seeded(lambda: Net(Inherits())), pixels_of(1)
    with (
        viz_nodes.edit_edges(net, cut={0: lambda neighbors: neighbors[..., :1] >= 0}),
        pytest.raises(ValueError, match=r"mask|shape"),
    ):
        net(pixels)
    assert torch.overrides._get_current_function_mode_stack() == []
    nothing = {0: lambda neighbors: torch.zeros_like(neighbors, dtype=torch.bool)}
    with viz_nodes.edit_edges(net, cut=nothing), pytest.raises(ValueError, match="cannot be explained while"):
        viz_nodes.explain(net, pixels)
    assert torch.overrides._get_current_function_mode_stack() == []
    with (
        pytest.raises(ValueError, match="handed an edge tensor"),
        viz_nodes.edit_edges(net, replace={0: torch.zeros(24, 4).long()}),
    ):
        net(pixels)


class Own(torch.autograd.Function):
    """The largest of the neighbors' features, as a function with a backward of its own."""

    @staticmethod
    def forward(ctx, y, index):
        best = take(y, index).max(-1)
        ctx.save_for_backward(index.gather(2, best.indices.mT).mT)
        return best.values

    @staticmethod
    def backward(ctx, gradient):
        (winner,) = ctx.saved_tensors
        return torch.zeros_like(gradient).scatter_add_(2, winner, gradient), None


class Gathered(torch.autograd.Function):
    """Features of the neighbors, as a function with a backward of its own."""

    @staticmethod
    def forward(ctx, y, index):
        ctx.save_for_backward(index)
        return take(y, index)

    @staticmethod
    def backward(ctx, gradient):
        index = ctx.saved_tensors[0].flatten(1)[:, None].expand(-1, gradient.shape[1], -1)
        return torch.zeros_like(gradient[..., 0]).scatter_add_(2, index, gradient.flatten(2)), None


class ByFunction(nn.Module):
    def __init__(self, heard):
        super().__init__()
        self.heard, self.nn = heard, nn.Conv2d(12, 6, 1)

    def forward(self, x):
        flat = x.flatten(2)
        return x + self.nn(torch.cat([flat, self.heard(flat, nearest(flat))], 1).view(len(x), -1, *GRID))


def test_what_a_function_with_its_own_backward_computes_is_followed_or_said_to_be_not_exact():
    pixels = pixels_of(2)
    plain, gathers, whole = (
        viz_nodes.explain(seeded(lambda own=heard: Net(ByFunction(own))), pixels, target=1).layer(0)
        for heard in (
            lambda y, near: take(y, near).amax(-1),
            lambda y, near: Gathered.apply(y, near).amax(-1),
            Own.apply,
        )
    )
    assert (plain.exact, gathers.exact, whole.exact) == (True, True, False)
    assert torch.equal(plain.contribution, gathers.contribution)
    assert torch.equal(plain.neighbors, whole.neighbors)
    assert bool(plain.contribution.any())
    (proof,) = viz_nodes.verify(seeded(lambda: Net(ByFunction(Own.apply))), pixels)
    assert not proof.proven
    assert "inside of a `torch.autograd.Function`" in proof.tried


def test_an_effect_before_a_layer_that_chooses_anew_says_why_not_and_what_to_do():
    net, pixels = (
        seeded(lambda: Net(*(ByFunction(lambda y, near: take(y, near).amax(-1)) for _ in range(2)))),
        pixels_of(1),
    )
    exp = viz_nodes.explain(net, pixels)
    assert viz_nodes.effect(net, pixels, exp, 1, node=3).abs().sum() > 0
    everything = torch.ones(1, NODES, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"layer 2 makes its own.*measure from layer 2 on, or cut with `edit_edges`"):
        viz_nodes.effect(net, pixels, exp, 0, edges=everything)


class Residual(nn.Module):
    """Nodes as rows, (B, N, C): what is heard goes through a linear layer and is added to what was there."""

    def __init__(self, add, channels=6):
        super().__init__()
        self.add, self.nn = add, nn.Linear(channels, channels)

    def forward(self, x):
        near = torch.cdist(x, x).topk(4, largest=False).indices
        heard = torch.stack([image[index] for image, index in zip(x, near)]).amax(2)
        return self.add(x, self.nn(heard))


class Rows(Net):
    def forward(self, pixels):
        return self.head(self.layers(self.stem(pixels).flatten(2).transpose(1, 2)).mean(1))


@pytest.mark.parametrize(
    "add",
    [
        lambda x, heard: x + heard,
        lambda x, heard: heard + x,
        torch.add,
        lambda x, heard: torch.add(x, other=heard),
        lambda x, heard: torch.add(input=x, other=heard),
        lambda x, heard: x.add(other=heard),
    ],
)
def test_every_layer_is_found_where_each_adds_to_what_was_there(add):
    """Along which axis of a sum the channels lie is known from either of what was added."""
    net = seeded(lambda: Rows(*(Residual(add) for _ in range(3))))
    exp = viz_nodes.explain(net, torch.rand(2, 3, 24, 16, dtype=torch.float64))
    assert [layer.name for layer in exp.layers] == ["layers.0", "layers.1", "layers.2"]
    assert all(layer.exact for layer in exp.layers)


class Named(nn.Module):
    """The maximum of 0 and differences to the nodes 1 and 2 away, one after the other, operands by place or by name."""

    def __init__(self, larger, channels=6):
        super().__init__()
        self.larger, self.nn = larger, nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        best = torch.zeros_like(x)
        for step in (1, 2):
            best = self.larger(best, torch.roll(x, step, 3) - x)
        return x + self.nn(torch.cat([x, best], 1))


@pytest.mark.parametrize(
    "larger",
    [
        lambda best, apart: torch.maximum(best, other=apart),
        lambda best, apart: torch.max(input=best, other=apart),
        lambda best, apart: best.maximum(other=apart),
    ],
)
def test_a_maximum_taken_with_operands_by_name_is_heard_as_by_place(larger):
    pixels = torch.rand(1, 3, 24, 16, dtype=torch.float64)
    by_name, by_place = (
        viz_nodes.explain(seeded(lambda how=how: Net(Named(how))), pixels).layer(0) for how in (larger, torch.maximum)
    )
    assert by_name.exact
    assert torch.equal(by_name.neighbors, by_place.neighbors)
    assert torch.equal(by_name.share, by_place.share)
