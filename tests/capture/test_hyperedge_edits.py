"""Memberships of hyperedges taken out of a running network: what it answers is computed again by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import viz_nodes
from builders.networks import hooks_on, seeded

GRID, NODES = (6, 4), 24


class Net(nn.Module):
    """Pixels (B, 3, 24, 16) to a 6 x 4 grid, layers that take and give (B, C, H, W), 5 classes."""

    def __init__(self, *layers):
        super().__init__()
        self.stem, self.layers, self.head = nn.Conv2d(3, 6, 4, stride=4), nn.Sequential(*layers), nn.Linear(6, 5)

    def forward(self, pixels):
        return self.head(self.layers(self.stem(pixels)).mean((2, 3)))


def take(y, index):
    """(B, C, N, k)."""
    return torch.stack([image[:, near] for image, near in zip(y, index)])


class Hyperedges(nn.Module):
    """Five groups of seven nodes each, of which every node hears two."""

    def __init__(self, largest=False):
        super().__init__()
        self.centers, self.nn, self.largest = nn.Parameter(torch.randn(5, 6)), nn.Conv2d(12, 6, 1), largest

    def lists(self, flat):
        apart = torch.cdist(self.centers[None].expand(len(flat), -1, -1), flat.mT)
        return apart.topk(7, largest=False).indices, apart.mT.topk(2, largest=False).indices

    def forward(self, x, members=None, heard=None):
        """`members` (B, 5, 24) and `heard` (B, 24, 2) bool say by hand which are left."""
        flat = x.flatten(2)
        inside, asked = self.lists(flat)
        if members is None:
            groups = take(flat, inside).amax(-1) if self.largest else take(flat, inside).mean(-1)
        else:
            own = members.gather(2, inside)[:, None]
            groups = (take(flat, inside) * own).sum(-1) / own.sum(-1).clamp(min=1)
        sent = take(groups, asked)
        if heard is not None:
            sent = sent.masked_fill(~heard[:, None], -torch.inf)
            sent = sent.masked_fill(~heard.any(-1)[:, None, :, None], 0)
        return x + self.nn(torch.cat([flat, sent.amax(-1)], 1).view(len(x), -1, *GRID))


@pytest.fixture
def network():
    return seeded(lambda: Net(Hyperedges(), Hyperedges()))


@pytest.fixture
def pixels():
    return torch.randn(2, 3, 24, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def by_hand(net, pixels, members, heard):
    x = net.stem(pixels)
    return net.head(net.layers[1](net.layers[0](x, members, heard)).mean((2, 3)))


def test_who_is_taken_out_of_a_group_and_what_is_no_longer_heard(network, pixels):
    layer = viz_nodes.explain(network, pixels).layer(0)
    inside, heard = layer.groups >= 0, layer.heard >= 0
    node = int(inside[0, 3].nonzero()[0])
    out = torch.zeros_like(inside)
    out[:, 3, node] = True
    silent = torch.zeros_like(heard)
    silent[:, 5], silent[1, 7, 1] = True, True
    for cut, members, asked in (
        ({"members": out}, inside & ~out, None),
        ([(node, ("group", 3))], inside & ~out, None),
        ({"heard": silent}, inside, heard & ~silent),
        ({"members": out[:1], "heard": silent}, inside & ~out[:1], heard & ~silent),
        ({"members": inside}, inside & False, None),
    ):
        with viz_nodes.edit_edges(network, cut={0: cut}) as gone, torch.no_grad():
            answer = network(pixels)
        torch.testing.assert_close(answer, by_hand(network, pixels, members, asked))
        assert not torch.equal(answer, network(pixels))
        count = int((inside & ~members).sum()) + (0 if asked is None else int((heard & ~asked).sum()))
        assert gone == {0: count}
    with viz_nodes.edit_edges(network, keep={0: {"members": out}}) as gone, torch.no_grad():
        kept = network(pixels)
    torch.testing.assert_close(kept, by_hand(network, pixels, inside & out, None))
    assert not hooks_on(network)


def test_what_has_no_share_can_go_without_changing_a_bit(pixels):
    network = seeded(lambda: Net(Hyperedges(largest=True), Hyperedges(largest=True)))
    exp = viz_nodes.explain(network, pixels)
    cut = {
        layer.index: {"members": layer.groups == 0, "heard": (layer.heard_share == 0) & (layer.heard >= 0)}
        for layer in exp.layers
    }
    with viz_nodes.edit_edges(network, cut=cut) as gone, torch.no_grad():
        assert torch.equal(network(pixels), exp.logits)
    assert sum(gone.values()) > 0
    assert viz_nodes.check(network, pixels).in_full


def test_graphs_are_held_where_they_are_the_same(network, pixels):
    exp = viz_nodes.explain(network, pixels)
    cut = {"heard": exp.layer(1).heard_share < 0.3}
    with viz_nodes.edit_edges(network, cut={1: cut}, frozen=exp) as gone, torch.no_grad():
        assert not torch.equal(network(pixels), exp.logits)
    assert gone == {0: 0, 1: int(cut["heard"].sum())}
    everything = {"members": exp.layer(0).groups >= 0}
    with (
        pytest.raises(ValueError, match=r"hold the hyperedges that layer 2 .* makes itself"),
        viz_nodes.edit_edges(network, cut={0: everything}, frozen=exp),
        torch.no_grad(),
    ):
        network(pixels)


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ([(1, 2)], "none can be taken out alone; `cut` must name a mapping"),
        (torch.zeros(24, 14, dtype=torch.bool), "none can be taken out alone"),
        (lambda neighbors: neighbors > 3, "none can be taken out alone"),
        ({"groups": torch.ones(5, 24, dtype=torch.bool)}, "must name a mapping"),
        ({}, "must name a mapping"),
        ({"members": torch.ones(24, 5, dtype=torch.bool)}, r'bool tensor \(5, 24\) or \(2, 5, 24\) as "members"'),
        ({"heard": torch.ones(24, 2)}, "float32"),
        ([(99, ("group", 0))], "which is none"),
        ([(0, ("group", 5))], "which is none"),
        ([(("group", -1), 3)], "which is none"),
    ],
)
def test_what_names_no_membership_is_refused_with_what_to_give(network, pixels, cut, words):
    with pytest.raises(ValueError, match=words), viz_nodes.edit_edges(network, cut={0: cut}):
        network(pixels)
    with (
        pytest.raises(ValueError, match="`weigh` must name layers of graphs"),
        viz_nodes.edit_edges(network, weigh={0: torch.ones(24, 2)}),
    ):
        network(pixels)
    assert not hooks_on(network)


class Inside(nn.Module):
    """A layer of its own, made by a function."""

    def forward(self, x):
        flat = x.flatten(2)
        near = torch.cdist(flat.mT, flat.mT).topk(4, largest=False).indices
        return x + take(flat, near).amax(-1).view(x.shape)


class Around(nn.Module):
    """Gathers its nodes into groups that nobody hears, has a layer inside of it, and another one after that."""

    def __init__(self):
        super().__init__()
        self.inside, self.mix = Inside(), nn.Conv2d(6, 6, 1)

    def forward(self, x, kept=None):
        flat = x.flatten(2)
        groups = take(flat, torch.arange(NODES).view(1, 4, 6).expand(len(x), -1, -1)).amax(-1)
        x = self.inside(self.mix(x)) * groups.mean().sigmoid()
        flat = x.flatten(2)
        near = torch.cdist(flat.mT, flat.mT).topk(5, largest=False).indices
        sent = take(flat, near)
        sent = sent if kept is None else sent.masked_fill(~kept[:, None], -torch.inf)
        return x + F.relu(sent.amax(-1)).view(x.shape)


def test_an_edit_meets_its_own_aggregation_among_others_in_the_same_module(pixels):
    network = seeded(lambda: Net(Around()))
    exp = viz_nodes.explain(network, pixels)
    assert [layer.name for layer in exp.layers] == ["layers.0.inside", "layers.0"]
    kept = exp.layer(1).share > 0.1
    with viz_nodes.edit_edges(network, cut={1: ~kept}) as gone, torch.no_grad():
        answer = network(pixels)
    assert gone == {1: int((~kept).sum())} != {1: 0}
    wanted = network.head(network.layers[0](network.stem(pixels), kept).mean((2, 3)))
    torch.testing.assert_close(answer, wanted)
