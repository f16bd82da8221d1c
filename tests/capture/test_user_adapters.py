"""What an adapter can say, and what is said to the one who writes it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import seeded
from viz_nodes.capture import GUIDE, Adapter, Graph, Ignore, NoGraphLayer, gather


class Scaled(nn.Module):
    """Takes the maximum of learned multiples of what two sides send, by a sort, which no rule reads."""

    def __init__(self, channels=6):
        super().__init__()
        self.factor, self.nn = nn.Parameter(torch.rand(channels) + 0.5), nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x):
        sides = torch.stack([x.roll(1, 3), x.roll(-1, 3)]) * self.factor[:, None, None]
        best = sides.sort(0).values[-1]
        return self.nn(torch.cat([x, best], 1))


class Net(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, stride=4)
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(6, 5)

    def forward(self, pixels):
        return self.head(self.layers(self.stem(pixels)).mean((2, 3)))


def sides(x, steps=(-1, 1)):
    rows, cols = torch.arange(6)[:, None], torch.arange(4)[None]
    return torch.stack([(rows * 4 + (cols + step) % 4).flatten() for step in steps], 1).expand(len(x), -1, -1)


class Sides(Adapter):
    def claims(self, module):
        return isinstance(module, Scaled)

    def graph(self, module, args, kwargs):
        x = args[0].flatten(2)
        distance = torch.arange(2.0, dtype=x.dtype).expand(len(x), 24, 2)
        return Graph(x, sides(x), x, distance=distance, dilation=3)

    def messages(self, graph, module):
        return gather(graph.y, graph.neighbors) * module.factor[:, None, None]


class WrongSides(Sides):
    def graph(self, module, args, kwargs):
        x = args[0].flatten(2)
        return Graph(x, sides(x, (-1, 2)), x)


def pixels_of(images=1):
    return torch.randn(images, 3, 24, 16, generator=torch.Generator().manual_seed(2)).double()


def test_messages_are_given_the_module_and_a_ranking_can_be_said():
    net, pixels = seeded(lambda: Net(Scaled(), Scaled())), pixels_of(2)
    exp = viz_nodes.explain(net, pixels, adapter=Sides())
    for layer in exp.layers:
        assert (layer.exact, layer.conv, layer.dilation) == (True, "max", 3)
        assert layer.distance[0, 5].tolist() == [0, 1]
    with viz_nodes.edit_edges(net, cut={0: exp.layer(0).share == 0}, adapter=Sides()), torch.no_grad():
        assert torch.equal(net(pixels), exp.logits)


class OneArgument(Sides):
    def messages(self, graph):
        return gather(graph.y, graph.neighbors) * self.factor[:, None, None]


def test_messages_of_adapters_written_before_take_the_graph_alone():
    net, adapter = seeded(lambda: Net(Scaled())), OneArgument()
    adapter.factor = net.layers[0].factor
    assert viz_nodes.explain(net, pixels_of(), adapter=adapter).layers[0].exact


def test_a_mismatch_says_what_was_tried_and_how_near_it_came():
    net = seeded(lambda: Net(Scaled()))
    (proof,) = viz_nodes.verify(net, pixels_of(), adapter=Sides())
    assert (proof.proven, proof.tried) == (True, "")
    (proof,) = viz_nodes.verify(net, pixels_of(), adapter=WrongSides())
    assert not proof.proven
    x = net.stem(pixels_of()).flatten(2)
    told, true = (gather(x, sides(x, steps)) * net.layers[0].factor[:, None, None] for steps in ((-1, 2), (-1, 1)))
    off = float((told.amax(-1) - true.amax(-1)).detach().abs().max())
    assert f"the maximum of its messages beside x: off by {off:.2g}" in proof.tried
    assert "allowed" in proof.tried


def test_gather_copes_with_missing_edges():
    y = torch.arange(6.0).view(1, 2, 3)
    found = gather(y, torch.tensor([[[2, -1], [0, 1]]]))
    assert found.shape == (1, 2, 2, 2)
    assert found[0, :, 1].tolist() == [[0, 1], [3, 4]]
    assert found[0, :, 0, 0].tolist() == [2, 5]


class Rolled(nn.Module):
    def forward(self, x):
        return torch.max(x, x.roll(1, 3))


@pytest.mark.parametrize("name", ["layers.1", "Second"])
def test_a_module_can_be_ignored(name):
    class Second(Rolled):
        pass

    net, pixels = seeded(lambda: Net(Rolled(), Second())), pixels_of()
    assert [layer.name for layer in viz_nodes.explain(net, pixels).layers] == ["layers.0", "layers.1"]
    assert [layer.name for layer in viz_nodes.explain(net, pixels, adapter=Ignore(name)).layers] == ["layers.0"]
    with pytest.raises(NoGraphLayer):
        viz_nodes.explain(net, pixels, adapter=Ignore(name, "Rolled"))
    with pytest.raises(TypeError, match="module paths or class names"):
        Ignore()


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.lines = Tokens()

    def forward(self, x):
        return self.lines(x.flatten(2).view(len(x), 6, 12, 2).mean(-1).transpose(1, 2)).mean(1)[:, :, None, None]


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 6)

    def forward(self, nodes):
        return self.fc(torch.cat([nodes, nodes.roll(1, 1).cos()], 2))


class Regions(Adapter):
    def claims(self, module):
        return isinstance(module, Tokens)

    def graph(self, module, args, kwargs):
        nodes = args[0].transpose(1, 2)
        return Graph(nodes, torch.arange(12)[None, :, None].roll(1, 1).expand(len(nodes), -1, -1), nodes)

    def places(self, name, nodes):
        labels = torch.arange(12).repeat_interleave(2).view(6, 4)
        return labels.repeat_interleave(4, 0).repeat_interleave(4, 1).numpy()


def test_an_adapter_can_say_in_which_regions_nodes_lie():
    layer = viz_nodes.explain(seeded(lambda: Net(Inner())), pixels_of(), adapter=Regions()).layers[0]
    assert layer.num_nodes == 12
    assert layer.places is not None
    assert layer.places.num_nodes == 12


def test_messages_name_the_page_about_adapters_where_it_is():
    assert GUIDE.is_file()
    with pytest.raises(NoGraphLayer) as told:
        viz_nodes.explain(seeded(lambda: Net(nn.Identity())), pixels_of())
    assert str(GUIDE) in str(told.value)


class Beside(nn.Module):
    """x beside the sum or mean of what three sides send, sorted first, so that no rule reads it by itself."""

    def __init__(self, mean, turns):
        super().__init__()
        self.mean, self.turns, self.nn = mean, turns, nn.Conv2d(12, 6, 1)

    def forward(self, x, kept=None):
        sent = torch.stack([x.roll(-step, 3) for step in (-1, 1, 2)], -1)
        if kept is not None:
            sent = sent * kept.view(len(x), 1, 6, 4, 3)
        total = sent.sort(-1).values.sum(-1)
        if self.mean:
            total = total / (3 if kept is None else kept.sum(-1).clamp(min=1).view(len(x), 1, 6, 4))
        both = torch.stack([x, total], 2).flatten(1, 2) if self.turns else torch.cat([x, total], 1)
        return self.nn(both)


class ThreeSides(Adapter):
    def claims(self, module):
        return isinstance(module, Beside)

    def graph(self, module, args, kwargs):
        x = args[0].flatten(2)
        return Graph(x, sides(x, (-1, 1, 2)), x)


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("turns", [True, False])
def test_a_sum_or_mean_beside_x_is_proven_and_can_be_cut(mean, turns):
    network = seeded(lambda: Net(Beside(mean, turns), Beside(mean, turns)))
    pixels = torch.randn(2, 3, 24, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for _ in range(2):  # as for the first time, and as it is known
        exp = viz_nodes.explain(network, pixels, target=2, adapter=ThreeSides())
        assert [(layer.conv, layer.exact) for layer in exp.layers] == [("sum", True)] * 2
    assert all(proof.proven for proof in viz_nodes.verify(network, pixels, adapter=ThreeSides()))
    layer, x = exp.layer(0), network.stem(pixels).detach()
    sent = torch.stack([x.roll(-step, 3) for step in (-1, 1, 2)], -1).flatten(2, 3)
    torch.testing.assert_close(layer.share, (sent.abs() / sent.abs().sum(-1, keepdim=True)).mean(1))
    total = (sent.mean(-1) if mean else sent.sum(-1)).view(x.shape).requires_grad_(True)
    both = torch.stack([x, total], 2).flatten(1, 2) if turns else torch.cat([x, total], 1)
    after = network.layers[1](network.layers[0].nn(both)).mean((2, 3))
    (gradient,) = torch.autograd.grad(network.head(after)[:, 2].sum(), total)
    wanted = torch.einsum("bcnk,bcn->bnk", sent / 3 if mean else sent, gradient.flatten(2))
    torch.testing.assert_close(layer.contribution, wanted)
    kept = torch.rand(2, 24, 3, generator=torch.Generator().manual_seed(2)) > 0.3
    with viz_nodes.edit_edges(network, cut={0: ~kept}, adapter=ThreeSides()) as gone, torch.no_grad():
        answer = network(pixels)
    assert gone == {0: int((~kept).sum())}
    by_hand = network.head(network.layers[1](network.layers[0](network.stem(pixels), kept)).mean((2, 3)))
    torch.testing.assert_close(answer, by_hand)


def test_another_sum_beside_x_is_not_taken_for_it():
    class Twice(Beside):
        def forward(self, x, kept=None):
            sent = torch.stack([2 * x.roll(1, 3), x.roll(-1, 3), x.roll(-2, 3)], -1)
            return self.nn(torch.cat([x, sent.sort(-1).values.sum(-1)], 1))

    network = seeded(lambda: Net(Twice(False, False)))
    pixels = torch.randn(1, 3, 24, 16, dtype=torch.float64)
    (proof,) = viz_nodes.verify(network, pixels, adapter=ThreeSides())
    assert (proof.conv, proof.proven) == ("other", False)
