"""`viz_nodes.check`: what is proven of a network and what is not, as one row of a table."""

from __future__ import annotations

import json

import torch
from torch import nn

import viz_nodes
from builders.networks import hooks_on, select
from viz_nodes.checks import HEADER


def images(count=2):
    return torch.randn(count, 3, 56, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def cells(check):
    return [cell.strip() for cell in str(check).strip("|").split("|")]


def test_a_network_in_full_is_one_row(make_net):
    net = make_net("mr", grid=(14, 10))
    check = viz_nodes.check(net, images())
    assert check.in_full
    assert (check.edges_proven, check.places_proven, check.cut_exact, check.problem) == (3, 3, True, "")
    assert check.unknown == ()
    row = cells(check)
    assert row[:5] == ["SmallGNN", "3", "mr", "3 of 3", "3 of 3"]
    assert row[5] == "bit-exact"
    assert row[6] == "-"
    assert len(row) == len(HEADER.splitlines()[0].strip("|").split("|"))
    exp = viz_nodes.explain(net, images())
    assert check.cut == sum(int((layer.share == 0).sum()) for layer in exp.layers)
    assert hooks_on(net) == 0
    assert json.loads(json.dumps(check.record()))["in_full"] is True


def test_what_is_not_known_is_named(make_net):
    net = make_net("softmax", grid=(14, 10))
    conv = net.backbone[1][0].graph_conv.static.gconv
    conv.forward = lambda x, edge_index, y=None: conv.nn(
        torch.cat([x, select(x, edge_index[0]).median(-1, keepdim=True).values], 1)
    )
    check = viz_nodes.check(net, images())
    assert not check.in_full
    assert check.edges_proven == 2
    assert [layer.edges for layer in check.layers] == [True, False, True]
    assert "how messages are aggregated" in check.layers[1].unknown
    assert check.cut_exact is True  # of those that can be cut


def test_a_network_without_a_graph_has_a_problem():
    net = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).double()
    check = viz_nodes.check(net, images())
    assert check.layers == ()
    assert check.problem
    assert check.problem.replace("|", "\\|") in str(check)
    assert not check.in_full


def test_a_cut_that_changes_the_output_is_told(make_net, monkeypatch):
    from viz_nodes import checks

    own = checks.explain

    def wrong(*args, **kwargs):
        exp = own(*args, **kwargs)
        exp.layers[0].share[:, :, 0] = 0
        return exp

    monkeypatch.setattr(checks, "explain", wrong)
    check = viz_nodes.check(make_net("mr", grid=(14, 10)), images())
    assert check.cut_exact is False
    assert "changes the output" in str(check)


def test_an_output_that_cannot_be_explained_as_it_is_leaves_the_rest(make_net):
    class Two(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            logits = self.net(x)
            return {"a": logits, "b": 2 * logits}

    net = Two(make_net("mr", grid=(14, 10)))
    check = viz_nodes.check(net, images())
    assert (check.edges_proven, check.places_proven) == (3, 3)
    assert "output" in check.problem
    assert viz_nodes.check(net, images(), output="a").in_full


def test_what_the_networks_own_code_raises_is_told_with_its_line(make_net):
    class Broken(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            raise ValueError("no such class")

    check = viz_nodes.check(Broken(make_net("mr", grid=(14, 10))), images())
    assert check.problem.startswith("test_checks.py line ")
    assert check.problem.endswith(": ValueError: no such class")


def test_nodes_in_regions_are_checked_where_they_are_said_to_lie():
    regions = torch.arange(12).repeat_interleave(8).view(12, 8).numpy().repeat(2, 0)

    class Regions(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(6, 4, 1), nn.Linear(4, 2)

        def forward(self, x):
            one = nn.functional.one_hot(torch.from_numpy(regions).flatten()).to(x)
            nodes = x.flatten(2) @ (one / one.sum(0))
            near = torch.cdist(nodes.mT, nodes.mT).topk(3, largest=False).indices
            heard = torch.stack([own[:, index] for own, index in zip(nodes, near)]) - nodes[..., None]
            return self.head(self.conv(torch.cat([nodes, heard.amax(-1)], 1)[..., None]).mean((2, 3)))

    torch.manual_seed(0)
    pixels = torch.randn(2, 3, 24, 8, generator=torch.Generator().manual_seed(0))
    check = viz_nodes.check(Regions(), pixels, places=regions)
    assert [(layer.grid, layer.edges) for layer in check.layers] == [((1, 12), True)]
    assert "where nodes lie" in check.unknown


def test_a_network_that_draws_random_numbers_is_compared_with_the_same_ones_drawn(make_net):
    net = make_net("mr", grid=(14, 10))
    before = torch.random.get_rng_state()
    net.register_forward_pre_hook(lambda module, args: (args[0] + torch.rand_like(args[0]),))
    check = viz_nodes.check(net, images())
    assert (check.cut_exact, check.in_full, check.edges_proven, check.random) == (True, True, 3, True)
    assert check.cut > 0
    assert "draws random numbers" in cells(check)[6]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_network_that_differs_whatever_is_drawn_cannot_be_compared(make_net):
    net, runs = make_net("mr", grid=(14, 10)), []
    net.register_forward_hook(lambda module, args, output: output + float(runs.append(0) or len(runs)))
    check = viz_nodes.check(net, images())
    assert (check.cut_exact, check.in_full, check.edges_proven) == (None, False, 3)
    assert "differs from run to run" in check.uncut[0]
