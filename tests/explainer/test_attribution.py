"""Shares and contributions: the numbers of hand-made graphs, and the identities that make them exact."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from viz_nodes import attribution

EXACT = ["mr", "concat", "edge", "sage", "gin"]


class ByHand(nn.Module):
    """Two channels on a 1 x 3 grid, every node hears itself and the next; logits are sums of the layer's message."""

    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.nn = nn.Conv2d(4, 2, 1, bias=False)
            with torch.no_grad():
                self.nn.weight.copy_(torch.tensor([[0.0, 0, 2, 0], [0, 0, 0, 5]])[:, :, None, None])

        def forward(self, x, edge_index):
            channels = x.shape[1]
            heard = torch.stack([x[0, :, i, 0] for i in edge_index[0].flatten()], 1).view(1, channels, 3, 2)
            message = (heard - x).max(-1, keepdim=True).values
            return self.nn(torch.cat([x, message], 1))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.gconv = ByHand.Conv()
            self.out = nn.Conv2d(2, 2, 1, bias=False)
            with torch.no_grad():
                self.out.weight.copy_(torch.eye(2)[:, :, None, None])

        def forward(self, x):
            neighbors = torch.tensor([[0, 1], [1, 2], [2, 0]])
            centers = torch.arange(3)[:, None].expand(3, 2)
            done = self.gconv(x.flatten(2)[..., None], torch.stack([neighbors, centers])[:, None])
            return self.out(done.view(x.shape))

    def __init__(self):
        super().__init__()
        self.block = self.Block()

    def forward(self, pixels):
        return self.block(pixels).sum((2, 3))


def test_a_net_solved_by_hand():
    # Channel 0 holds 1, 4, 2 and channel 1 holds 3, 3, -1. Node 0 hears node 1 say 3 in channel 0 (its own message is
    # 0) and ties with it in channel 1: the lower rank, itself, wins. Node 1 wins both from itself. Node 2 hears node 0:
    # -1 in channel 0, so itself; 4 in channel 1.
    pixels = torch.tensor([[1.0, 4, 2], [3, 3, -1]])[None, :, None, :]
    exp = viz_nodes.explain(ByHand(), pixels, target=[1])
    layer = exp.layer(0)
    assert exp.logits.tolist() == [[6.0, 20.0]]
    assert layer.grid == (1, 3)
    assert layer.neighbors[0].tolist() == [[0, 1], [1, 2], [2, 0]]
    assert layer.share[0].tolist() == [[0.5, 0.5], [1, 0], [0.5, 0.5]]
    assert layer.contribution[0].tolist() == [[0, 0], [0, 0], [0, 20]]
    assert layer.exact
    assert layer.conv == "mr"
    other = viz_nodes.explain(ByHand(), pixels, target=[0]).layer(0)
    assert other.contribution[0].tolist() == [[0, 6], [0, 0], [0, 0]]
    # The map of class 1: channel 1 of the output is 0, 0, 20, its gradient 1 everywhere.
    assert layer.cam[0].tolist() == [[0, 0, 20]]
    assert layer.peak.tolist() == [2]


def test_shares_and_contributions_by_hand():
    winner = torch.tensor([[[0], [0], [0], [2]]])
    neighbors = torch.tensor([[[5, 1, 7]]])
    assert attribution.winner_shares(winner, neighbors).tolist() == [[[0.75, 0, 0.25]]]
    message, gradient = torch.tensor([[[1.0], [2], [3], [4]]]), torch.tensor([[[1.0], [-1], [2], [0.5]]])
    assert attribution.winner_contributions(winner, message, gradient, 3).tolist() == [[[5, 0, 2]]]
    sent = torch.tensor([[[[1.0, -3, 0]], [[0, 0, 0]]]])
    assert attribution.sum_shares(sent, neighbors)[0, 0].tolist() == pytest.approx([7 / 24, 13 / 24, 1 / 6])
    hole = torch.tensor([[[5, -1, 7]]])
    assert attribution.sum_shares(sent, hole)[0, 0].tolist() == pytest.approx([0.75, 0, 0.25])
    weight = torch.tensor([[[2.0], [9]]])
    assert attribution.sum_contributions(sent, weight, neighbors).tolist() == [[[2, -6, 0]]]
    assert attribution.even_shares(hole).tolist() == [[[0.5, 0, 0.5]]]
    assert attribution.shares_by_size(torch.tensor([[[1.0, 5, -3]]]), hole).tolist() == [[[0.25, 0, 0.75]]]


def gradient_times_message(net, pixels, target, kind):
    """<gradient, message> of every layer, as the slope of the score when all messages are scaled."""
    found = []
    for block in net.backbone:
        conv = block[0].graph_conv.static.gconv
        scale = torch.ones((), dtype=pixels.dtype, requires_grad=True)
        channels = block[0].fc1[0].out_channels

        def on_input(_module, args, scale=scale, channels=channels):
            given = args[0]
            if kind == "mr":
                mask = torch.arange(given.shape[1]) % 2 == 1
            elif kind == "gin":
                return None
            else:
                mask = torch.arange(given.shape[1]) >= channels
            factor = torch.where(mask, scale, torch.ones_like(scale))
            return (given * factor[None, :, None, None],)

        def on_output(_module, args, output, scale=scale):
            return output * scale

        handle = (
            conv.register_forward_hook(on_output) if kind == "edge" else conv.nn.register_forward_pre_hook(on_input)
        )
        score = net(pixels)[:, target].sum()
        handle.remove()
        found.append(torch.autograd.grad(score, scale)[0].item())
    return found


@pytest.mark.parametrize("kind", ["mr", "concat", "edge", "sage"])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_contributions_sum_to_gradient_times_message(kind, dtype, near, make_net, make_pixels):
    net, pixels = make_net(kind, dtype=dtype), make_pixels(dtype=dtype)
    exp = viz_nodes.explain(net, pixels, target=3)
    wanted = gradient_times_message(net, pixels, 3, kind)
    for layer, value in zip(exp.layers, wanted):
        assert layer.exact
        assert layer.contribution.double().sum().item() == pytest.approx(value, rel=near)
        assert layer.contribution.dtype == dtype
        assert layer.cam.dtype == dtype


def test_gin_contributions_sum_to_gradient_times_sum(make_net, make_pixels):
    net, pixels = make_net("gin", depth=1), make_pixels(1)
    exp = viz_nodes.explain(net, pixels, target=2)
    grapher = net.backbone[0][0]
    features = grapher.fc1(net.stem(pixels)).detach().flatten(2)
    total = features[0][:, exp.layer(0).neighbors[0]].sum(-1)
    given = {}

    def keep(_module, args):
        given["z"] = args[0].detach().requires_grad_(True)
        return (given["z"],)

    handle = grapher.graph_conv.static.gconv.nn.register_forward_pre_hook(keep)
    (gradient,) = torch.autograd.grad(net(pixels)[0, 2], given["z"])
    handle.remove()
    wanted = (gradient[0, :, :, 0] * total).sum().item()
    assert exp.layer(0).contribution.sum().item() == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("options", [{}, {"dilation": 2}, {"reduction": 2, "k": 3, "positions": True}])
def test_shares_sum_to_one(kind, options, make_net, make_pixels):
    exp = viz_nodes.explain(make_net(kind, **options), make_pixels())
    for layer in exp.layers:
        assert layer.exact
        assert layer.conv == {"concat": "mr"}.get(kind, kind)
        assert layer.dilation == options.get("dilation", 1)
        assert layer.key_grid == ((3, 2) if "reduction" in options else (6, 4))
        torch.testing.assert_close(layer.share.sum(-1), torch.ones(2, 24, dtype=torch.float64))


def test_contrast_is_the_difference_of_two_contributions(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    both = viz_nodes.explain(net, pixels, target=1, versus=4)
    one, other = viz_nodes.explain(net, pixels, target=1), viz_nodes.explain(net, pixels, target=4)
    for a, b, c in zip(both.layers, one.layers, other.layers):
        torch.testing.assert_close(a.contribution, b.contribution - c.contribution, rtol=1e-10, atol=1e-14)
    assert both.versus.tolist() == [4, 4]


def test_foreign_aggregation_says_it_is_not_exact_and_follows_the_gradient(make_net, make_pixels):
    net, pixels = make_net("spread", depth=1), make_pixels(1)
    layer = viz_nodes.explain(net, pixels, target=0).layer(0)
    assert not layer.exact
    assert layer.conv == "other"
    torch.testing.assert_close(layer.share.sum(-1), torch.ones(1, 24, dtype=torch.float64))
    # Scaling what all nodes hear from their neighbors changes the score as the contributions say.
    conv = net.backbone[0][0].graph_conv.static.gconv

    def score(factor):
        def scaled(_module, args):
            x, edges = args[:2]
            return x, edges, x * factor

        handle = conv.register_forward_pre_hook(scaled)
        value = net(pixels)[0, 0].item()
        handle.remove()
        return value

    slope = (score(1 + 1e-6) - score(1 - 1e-6)) / 2e-6
    assert layer.contribution.sum().item() == pytest.approx(slope, rel=1e-5)


def test_attention_is_a_sum_of_weighted_features(make_net, make_pixels):
    net, pixels = make_net("softmax", depth=1), make_pixels(2)
    exp = viz_nodes.explain(net, pixels, target=0)
    layer = exp.layer(0)
    assert (layer.conv, layer.exact) == ("sum", True)
    grapher = net.backbone[0][0]
    x = grapher.fc1(net.stem(pixels)).detach().flatten(2)
    heard = torch.stack([image[:, near] for image, near in zip(x, layer.neighbors)])  # (B, C, N, k)
    weight = (heard * x[..., None]).sum(1, keepdim=True).softmax(-1)
    sent = (weight * heard).requires_grad_(True)
    both = torch.cat([x, sent.sum(-1)], 1)[..., None]
    out = grapher.graph_conv.static.gconv.nn(both).reshape(2, -1, 6, 4)
    logits = net.head(net.backbone[0][1](grapher.fc2(out) + net.stem(pixels)).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), sent)
    torch.testing.assert_close(layer.contribution, (gradient * sent).sum(1).detach(), rtol=1e-9, atol=1e-12)
    size = sent.detach().abs()
    torch.testing.assert_close(layer.share, (size / size.sum(-1, keepdim=True)).mean(1))


def test_ties_go_to_the_lowest_rank(make_net, make_pixels):
    net = make_net(depth=1)
    with torch.no_grad():
        net.stem.weight.zero_()  # all nodes alike: every neighbor ties in every channel
    layer = viz_nodes.explain(net, make_pixels(1)).layer(0)
    assert layer.share[0, :, 0].tolist() == [1.0] * 24


def test_distance_margin_and_skipped_are_those_of_the_ranking(make_net, make_pixels):
    net, pixels = make_net(depth=1, k=3, dilation=2, positions=True), make_pixels(1)
    layer = viz_nodes.explain(net, pixels).layer(0)
    grapher = net.backbone[0][0]
    features = torch.nn.functional.normalize(grapher.fc1(net.stem(pixels)).detach().flatten(2)[0], dim=0).T
    distance = torch.cdist(features, features) ** 2 + grapher.relative_pos[0]
    ordered, nearest = distance.sort(dim=1)
    torch.testing.assert_close(layer.distance[0], ordered[:, :6:2], atol=1e-9, rtol=0)
    torch.testing.assert_close(layer.margin[0], ordered[:, 6:7] - ordered[:, :6:2], atol=1e-9, rtol=0)
    assert torch.equal(layer.skipped[0], nearest[:, 1:6:2])


def test_no_distance_where_the_graph_was_not_ranked_by_it(make_net, make_pixels):
    net = make_net(depth=1)
    net.backbone[0][0].graph_conv.knn.register_forward_hook(lambda m, a, out: torch.stack([out[0].flip(-1), out[1]]))
    layer = viz_nodes.explain(net, make_pixels(1)).layer(0)
    assert layer.distance is None
    assert layer.margin is None
    assert layer.skipped is None
    assert layer.exact
