"""Graphs in windows, graphs that are rolls, graphs as edge lists, and a user's own: mapped to the whole image."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import seeded
from viz_nodes.capture import Adapter, Graph, NoGraphLayer
from viz_nodes.capture.adapters.message_passing import ranked_places
from viz_nodes.capture.adapters.partition import Partition, shifted_windows
from viz_nodes.capture.adapters.shifts import crossed, rolled


class Net(nn.Module):
    """Pixels to a grid by patches of 4, the given mixers one after another, and a linear head."""

    def __init__(self, *mixers, channels=6):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, stride=4)
        self.mixers = nn.Sequential(*mixers)
        self.head = nn.Linear(channels, 5)

    def forward(self, pixels):
        return self.head(self.mixers(self.stem(pixels)).mean((2, 3)))


class NearestKeys(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k

    def forward(self, x, y, penalty=None):
        return knn_edges(x, y, self.k, penalty)


def knn_edges(x, y, k, penalty=None):
    distance = torch.cdist(x.flatten(2).transpose(1, 2), y.flatten(2).transpose(1, 2))
    if penalty is not None:
        distance = distance + penalty
    nearest = distance.topk(k, largest=False).indices
    centers = torch.arange(nearest.shape[1])[:, None].expand_as(nearest)
    return torch.stack([nearest, centers])


class MaxRelative(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.nn = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 1), nn.GELU())

    def forward(self, x, edge_index, y=None):
        y = x if y is None else y
        heard = torch.stack([row[:, index] for row, index in zip(y[..., 0], edge_index[0])])
        message = (heard - x).max(-1, keepdim=True).values
        return self.nn(torch.stack([x, message], 2).flatten(1, 2))


class WindowConv(nn.Module):
    """The dynamic graph convolution inside a window; also returns its edges, as WiGNet's does."""

    def __init__(self, channels, k, reduction):
        super().__init__()
        self.gconv, self.knn, self.reduction = MaxRelative(channels), NearestKeys(k), reduction

    def forward(self, x, penalty):
        folded, channels, height, width = x.shape
        y = x
        if self.reduction > 1:
            y = nn.functional.avg_pool2d(x, self.reduction)
        flat = x.reshape(folded, channels, -1, 1)
        keys = y.reshape(folded, channels, -1, 1)
        edges = self.knn(flat[..., 0].detach(), keys[..., 0].detach(), penalty)
        out = self.gconv(flat, edges, None if self.reduction == 1 else keys)
        return out.reshape(folded, -1, height, width), edges


class WindowMixer(nn.Module):
    """Cuts the (rolled) grid into windows that become the batch, mixes, and puts it together again."""

    def __init__(self, channels=6, window=4, shift=0, k=3, reduction=1, attribute="shift_size"):
        super().__init__()
        self.windows_size, self.attribute = window, attribute
        setattr(self, attribute, shift)
        self.fc1 = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.graph_conv = WindowConv(channels, k, reduction)
        self.fc2 = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x):
        short, x, w, shift = x, self.fc1(x), self.windows_size, getattr(self, self.attribute)
        batch, channels, height, width = x.shape
        x = x.roll((-shift, -shift), (2, 3))
        x = x.view(batch, channels, height // w, w, width // w, w).permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, w, w)
        x, _ = self.graph_conv(x, None)
        x = x.view(batch, height // w, width // w, -1, w, w).permute(0, 3, 1, 4, 2, 5)
        x = x.reshape(batch, -1, height, width).roll((shift, shift), (2, 3))
        return self.fc2(x) + short


def test_windows_by_hand():
    assert shifted_windows((4, 4), (2, 2), (1, 1)).tolist() == [
        [5, 6, 9, 10],
        [7, 4, 11, 8],
        [13, 14, 1, 2],
        [15, 12, 3, 0],
    ]
    partition = Partition(shifted_windows((2, 4), (2, 2)), shifted_windows((2, 4), (2, 2)))
    whole = torch.arange(16).view(2, 8, 1)
    assert partition.to_windows(whole)[1, :, 0].tolist() == [2, 3, 6, 7]
    assert torch.equal(partition.to_grid(partition.to_windows(whole)), whole)
    local = torch.tensor([[[0], [3], [-1], [1]]]).expand(4, 4, 1)
    assert partition.neighbors_on_grid(local)[0, :, 0].tolist() == [0, 5, 2, 7, -1, 1, -1, 3]


@pytest.mark.parametrize(("shift", "reduction"), [(0, 1), (1, 1), (2, 2)])
def test_shifted_windows_land_on_the_whole_image(shift, reduction):
    net = seeded(lambda: Net(WindowMixer(shift=shift, reduction=reduction), WindowMixer()))
    pixels = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(0)
    assert exp.depth == 2
    assert layer.grid == (8, 12)
    assert layer.key_grid == (8 // reduction, 12 // reduction)
    assert layer.exact
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
    assert layer.skipped.shape == (2, 96, 0)
    assert (layer.margin[..., :-1] >= layer.margin[..., 1:]).all()
    features = net.mixers[0].fc1(net.stem(pixels)).detach()
    keys = nn.functional.avg_pool2d(features.roll((-shift, -shift), (2, 3)), reduction)
    keys = keys.roll((shift // reduction, shift // reduction), (2, 3))
    mixer = net.mixers[0]
    # By brute force: every node, its window, and in it the nearest keys, in the image's own numbers.
    for image, node in ((0, 0), (0, 5), (1, 13), (1, 95), (0, 88)):
        row, col = divmod(node, 12)
        top, left = ((row - shift) % 8) // 4 * 4, ((col - shift) % 12) // 4 * 4
        inside = []
        for r in range(0, 4, reduction):
            for c in range(0, 4, reduction):
                key_row = (top + r + shift) % 8 // reduction
                key_col = (left + c + shift) % 12 // reduction
                inside.append((key_row, key_col))
        apart = [(features[image, :, row, col] - keys[image, :, r, c]).norm().item() for r, c in inside]
        nearest = sorted(range(len(inside)), key=apart.__getitem__)[:3]
        wanted = [inside[at][0] * (12 // reduction) + inside[at][1] for at in nearest]
        assert layer.neighbors[image, node].tolist() == wanted
        message = torch.stack([keys[image, :, n // (12 // reduction), n % (12 // reduction)] for n in wanted], 1)
        won = message.argmax(1)
        share = [(won == rank).double().mean().item() for rank in range(3)]
        assert layer.share[image, node].tolist() == pytest.approx(share)
    assert mixer.fc2[0].weight.requires_grad


def test_the_shift_is_found_where_no_attribute_tells_it():
    pixels = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)).double()
    told, found = (
        viz_nodes.explain(seeded(lambda name=name: Net(WindowMixer(shift=3, attribute=name))), pixels).layer(0)
        for name in ("shift_size", "moved_by")
    )
    assert found.exact
    assert torch.equal(found.neighbors, told.neighbors)


def test_edges_in_windows_can_be_cut():
    net = seeded(lambda: Net(WindowMixer(shift=1), WindowMixer()))
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    with torch.no_grad():
        plain = net(pixels)
        with viz_nodes.edit_edges(net, cut={0: exp.layer(0).share == 0, 1: exp.layer(1).share == 0}):
            assert torch.equal(net(pixels), plain)
        with viz_nodes.edit_edges(net, frozen=exp):
            assert torch.equal(net(pixels), plain)
        best = exp.layer(0).share >= exp.layer(0).share.max(-1, keepdim=True).values
        with viz_nodes.edit_edges(net, cut={0: best}):
            assert not torch.allclose(net(pixels), plain)


class MRConv4d(nn.Module):
    def __init__(self, channels=6, K=2):
        super().__init__()
        self.nn = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 1), nn.GELU())
        self.K = K

    def forward(self, x):
        most = torch.zeros_like(x)
        for i in range(self.K, x.shape[2], self.K):
            most = torch.max(most, x - x.roll(i, 2))
        for i in range(self.K, x.shape[3], self.K):
            most = torch.max(most, x - x.roll(i, 3))
        return self.nn(torch.cat([x, most], 1))


class DynamicMRConv4d(nn.Module):
    def __init__(self, channels=6, K=2):
        super().__init__()
        self.nn = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 1), nn.GELU())
        self.K = K

    def forward(self, x):
        height, width = x.shape[2:]
        far = (x - x.roll((-(-height // 2), -(-width // 2)), (2, 3))).abs().sum(1, keepdim=True)
        limit = far.mean((2, 3), keepdim=True) - far.std((2, 3), keepdim=True)
        most = torch.zeros_like(x)
        for dim, size in ((2, height), (3, width)):
            for i in range(0, size, self.K):
                other = x.roll(i, dim)
                near = (x - other).abs().sum(1, keepdim=True) < limit
                most = torch.max(most, (other - x) * near)
        return self.nn(torch.cat([x, most], 1))


class RollMixer(nn.Module):
    def __init__(self, conv, channels=6):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels, 1)
        self.graph_conv = conv
        self.fc2 = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x):
        return self.fc2(self.graph_conv(self.fc1(x))) + x


def test_rolls_by_hand():
    assert rolled((4, 4), 2)[5].tolist() == [5, 13, 7]
    assert sorted(rolled((3, 5), 2)[1 * 5 + 1].tolist()) == sorted([6, 11, 9, 7])
    assert crossed((4, 4), 1)[5].tolist() == [5, 1, 9, 4, 6]
    assert crossed((4, 6), 2)[0].tolist() == [0, 12, 12, 4, 2]
    assert crossed((2, 4), 3)[5].tolist() == [5, 5, 5, 6, 4]  # no roll along a side that is not longer than the step


def test_mobilevig_hears_the_rolls():
    net = seeded(lambda: Net(RollMixer(MRConv4d()), RollMixer(MRConv4d())))
    pixels = torch.randn(2, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(0)
    assert (exp.depth, layer.grid, layer.exact) == (2, (6, 4), True)
    for node in range(24):
        row, col = divmod(node, 4)
        heard = {(row - i) % 6 * 4 + col for i in (2, 4)} | {row * 4 + (col - 2) % 4} | {node}
        assert set(layer.neighbors[0, node].tolist()) == heard
    features = net.mixers[0].fc1(net.stem(pixels)).detach().flatten(2)
    for node in (0, 9, 23):
        told = features[1, :, node, None] - features[1][:, layer.neighbors[1, node]]
        share = [(told.argmax(1) == rank).double().mean().item() for rank in range(4)]
        assert layer.share[1, node].tolist() == pytest.approx(share)
    assert exp.layer(1).name == "mixers.1.graph_conv"
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
    with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: layer.share == 0}):
        assert torch.equal(net(pixels), exp.logits)


def named_as(name):
    """Gives a class the name under which published code is known."""

    def rename(kind):
        kind.__name__ = name
        return kind

    return rename


@named_as("MRConv4d")
class CrossConv(MRConv4d):
    """MobileViGv2's: the same name, four neighbors, and the neighbor minus the node."""

    def forward(self, x):
        most = torch.zeros_like(x)
        for dim in (2, 3):
            for roll in (self.K, -self.K):
                # As slices, which leave x as it is where the side is not longer than K.
                other = x.roll(roll, dim) if x.shape[dim] > self.K else x
                most = torch.max(most, other - x)
        return self.nn(torch.cat([x, most], 1))


@named_as("MRConv4d")
class RolledConv(MRConv4d):
    """All rolls, but the neighbor minus the node."""

    def forward(self, x):
        most = torch.zeros_like(x)
        for dim in (2, 3):
            for i in range(self.K, x.shape[dim], self.K):
                most = torch.max(most, x.roll(i, dim) - x)
        return self.nn(torch.cat([x, most], 1))


@named_as("MRConv4d")
class DiagonalConv(MRConv4d):
    def forward(self, x):
        return self.nn(torch.cat([x, torch.relu(x.roll((self.K, self.K), (2, 3)) - x)], 1))


@pytest.mark.parametrize(
    ("kind", "places", "step"), [(CrossConv, crossed, 2), (CrossConv, crossed, 4), (RolledConv, rolled, 1)]
)
def test_what_a_name_means_shows_in_the_messages(kind, places, step):
    net = seeded(lambda: Net(RollMixer(kind(K=step)), RollMixer(kind(K=step))))
    pixels = torch.randn(2, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(1)
    assert (exp.depth, layer.grid, layer.exact, layer.conv) == (2, (6, 4), True, "mr")
    assert torch.equal(layer.neighbors[1], places((6, 4), step))
    features = net.mixers[0].fc1(net.stem(pixels)).detach().flatten(2)
    first = exp.layer(0)
    told = features[0][:, first.neighbors[0, 9]] - features[0, :, 9, None]
    share = [(told.argmax(1) == rank).double().mean().item() for rank in range(told.shape[1])]
    assert first.share[0, 9].tolist() == pytest.approx(share)
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))
    with torch.no_grad():
        plain = net(pixels)
        cut = {0: first.share == 0, 1: layer.share == 0}
        with viz_nodes.edit_edges(net, cut=cut, frozen=exp):
            assert torch.equal(net(pixels), plain)
        with viz_nodes.edit_edges(net, cut={0: first.neighbors != torch.arange(24)[:, None]}) as gone:
            alone = viz_nodes.explain(net, pixels)
    assert gone[0] > 0
    assert set(alone.layer(0).neighbors.unique().tolist()) == set(range(-1, 24))
    assert alone.layer(0).exact


def test_a_name_that_the_messages_do_not_bear_out_is_no_graph():
    net = seeded(lambda: Net(RollMixer(DiagonalConv())))
    for ask in (viz_nodes.explain, viz_nodes.verify):
        with pytest.raises(NoGraphLayer, match=r"mixers\.0\.graph_conv .*MRConv4d.*adapter"):
            ask(net, torch.randn(1, 3, 24, 16).double())


@pytest.mark.parametrize("size", [(32, 32), (28, 20)])
def test_greedyvig_hears_only_what_is_near(size):
    net = seeded(lambda: Net(RollMixer(DynamicMRConv4d(K=1)), RollMixer(DynamicMRConv4d())))
    pixels = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(3)).double()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(0)
    grid = (size[0] // 4, size[1] // 4)
    assert layer.exact
    assert (layer.neighbors == -1).any()
    assert (layer.neighbors[..., 1:] >= 0).any()
    features = net.mixers[0].fc1(net.stem(pixels)).detach()
    half = (-(-grid[0] // 2), -(-grid[1] // 2))
    far = (features - features.roll(half, (2, 3))).abs().sum(1)
    if grid == (8, 8):
        limit = far.mean((1, 2)) - far.std((1, 2))
        for node in (0, 11, 63):
            row, col = divmod(node, 8)
            rolls = {(row - i) % 8 * 8 + col for i in range(1, 8)} | {row * 8 + (col - i) % 8 for i in range(1, 8)}
            apart = (features[0].flatten(1)[:, [node]] - features[0].flatten(1)).abs().sum(0)
            heard = {other for other in rolls if apart[other] < limit[0]} | {node}
            assert set(layer.neighbors[0, node].tolist()) - {-1} == heard
    assert layer.share[layer.neighbors == -1].abs().max() == 0
    torch.testing.assert_close(layer.share.sum(-1), torch.ones(2, grid[0] * grid[1], dtype=torch.float64))
    assert all(proof.proven for proof in viz_nodes.verify(net, pixels))


class SomeDistances(nn.Module):
    """A graph convolution that is called with no graph: it makes its own, of the nodes to the left and right."""

    def __init__(self, channels=6):
        super().__init__()
        self.mix = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        message = torch.max(x.roll(1, 3) - x, x.roll(-1, 3) - x)
        return self.mix(torch.cat([x, message], 1))


class LeftAndRight(Adapter):
    def claims(self, module):
        return isinstance(module, SomeDistances)

    def graph(self, module, args, kwargs):
        x = args[0]
        rows, cols = torch.arange(x.shape[2])[:, None], torch.arange(x.shape[3])[None]
        places = [(rows * x.shape[3] + (cols + d) % x.shape[3]).flatten() for d in (-1, 1)]
        neighbors = torch.stack(places, 1).expand(x.shape[0], -1, -1)
        return Graph(x.flatten(2), neighbors, x.flatten(2))

    def cam_layer(self, name):
        return f"{name}.mix"


def test_a_users_adapter_makes_an_unknown_network_known():
    net = seeded(lambda: Net(SomeDistances(), SomeDistances()))
    pixels = torch.randn(1, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels, adapter=LeftAndRight())
    layer = exp.layer(-1)
    seen = viz_nodes.explain(net, pixels).layer(-1)  # in the arithmetic, which hears the right one first
    assert torch.equal(seen.neighbors.sort(-1).values, layer.neighbors.sort(-1).values)
    torch.testing.assert_close(seen.cam, layer.cam)
    assert layer.exact
    assert layer.grid == (6, 4)
    assert layer.neighbors[0, 4].tolist() == [7, 5]
    activations = net.mixers(net.stem(pixels)).detach().requires_grad_(True)
    gradient = torch.autograd.grad(net.head(activations.mean((2, 3)))[0, exp.target[0]], activations)[0]
    cam = (gradient.mean((2, 3), keepdim=True) * activations).sum(1).clamp(min=0)
    torch.testing.assert_close(layer.cam, cam.detach())
    with pytest.raises(TypeError, match="adapter"):
        viz_nodes.explain(net, pixels, adapter="mine")


def test_places_of_an_edge_list_by_hand():
    places, k = ranked_places(torch.tensor([2, 0, 2]), 3)
    assert (places.tolist(), k) == ([4, 0, 5], 2)


@pytest.mark.parametrize("kind", ["max", "mean", "sum"])
def test_pytorch_geometric_layers(kind):
    pyg = pytest.importorskip("torch_geometric.nn", reason="PyTorch Geometric is an optional extra")

    class Layer(pyg.MessagePassing):
        def __init__(self, channels=6):
            super().__init__(aggr=kind)
            self.lin = nn.Linear(2 * channels, channels)

        def forward(self, x, edge_index):
            return self.lin(torch.cat([x, self.propagate(edge_index, x=x)], 1))

        def message(self, x_i, x_j):
            return x_j - x_i

    class Mixer(nn.Module):
        def __init__(self, channels=6):
            super().__init__()
            self.conv, self.out = Layer(channels), nn.Conv2d(channels, channels, 1)

        def forward(self, x):
            batch, channels, height, width = x.shape
            nodes = x.flatten(2).transpose(1, 2)
            near = torch.cdist(nodes.detach(), nodes.detach()).topk(3, largest=False).indices
            source = near + torch.arange(batch)[:, None, None] * height * width
            target = torch.arange(batch * height * width).view(batch, -1, 1).expand_as(source)
            done = self.conv(nodes.reshape(-1, channels), torch.stack([source.flatten(), target.flatten()]))
            return x + self.out(done.view(batch, -1, channels).transpose(1, 2).reshape(x.shape))

    net = seeded(lambda: Net(Mixer(), Mixer()))
    pixels = torch.randn(2, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(0)
    assert (exp.depth, layer.grid, layer.exact) == (2, (6, 4), True)
    features = net.stem(pixels).detach().flatten(2)
    apart = torch.cdist(features.transpose(1, 2), features.transpose(1, 2))
    assert torch.equal(layer.neighbors, apart.topk(3, largest=False).indices)
    torch.testing.assert_close(layer.share.sum(-1), torch.ones(2, 24, dtype=torch.float64))
    if kind == "max":
        told = features[0][:, layer.neighbors[0, 7]] - features[0][:, 7, None]
        share = [(told.argmax(1) == rank).double().mean().item() for rank in range(3)]
        assert layer.share[0, 7].tolist() == pytest.approx(share)
    conv = net.mixers[0].conv
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    handle = conv.register_aggregate_forward_hook(lambda m, i, out: out * scale)
    score = net(pixels).gather(1, exp.target[:, None]).sum()
    handle.remove()
    wanted = torch.autograd.grad(score, scale)[0].item()
    assert layer.contribution.sum().item() == pytest.approx(wanted, rel=1e-10)
    assert not conv._message_forward_hooks


def test_edges_in_windows_can_be_replaced_by_others_of_the_window_alone():
    """An edge into another window had been taken for one to the same place in its own."""
    net = seeded(lambda: Net(WindowMixer(shift=1), WindowMixer()))
    pixels = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)).double()
    exp = viz_nodes.explain(net, pixels)
    turned = exp.layer(0).neighbors.flip(2)
    with viz_nodes.edit_edges(net, replace={0: turned}):
        assert torch.equal(viz_nodes.explain(net, pixels).layer(0).neighbors, turned)
    turned[0, 0, 0] = 28
    with pytest.raises(ValueError, match="inside a window"), viz_nodes.edit_edges(net, replace={0: turned}):
        net(pixels)
