"""Random numbers to come are those that would have come anyway, whatever the network and the methods draw."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import viz_nodes


class Drawing(nn.Module):
    """Draws from every source in every forward, and may raise after that."""

    def __init__(self, net):
        super().__init__()
        self.net, self.fails = net, False

    def forward(self, x):
        noise = torch.rand(()) + np.random.rand() + random.random()
        if self.fails:
            raise RuntimeError("broken")
        return self.net(x) + 0 * noise


def states():
    return torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()


def untouched(before):
    after = states()
    return torch.equal(after[0], before[0]) and np.array_equal(after[1], before[1]) and after[2] == before[2]


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "eigencam", "kpcacam", "scorecam", "ablationcam"])
def test_explaining_moves_nothing(method, make_net, make_pixels):
    net, pixels = Drawing(make_net()), make_pixels()
    for _ in range(2):
        before = states()
        viz_nodes.explain(net, pixels, layers=[1], method=method)
        assert untouched(before)


def test_verifying_and_looking_for_layers_moves_nothing(make_net, make_pixels):
    net, pixels = Drawing(make_net()), make_pixels()
    before = states()
    viz_nodes.verify(net, pixels)
    assert untouched(before)
    net = Drawing(make_net())
    with torch.no_grad():
        net(pixels)  # what one forward draws
        after_one = states()[0]
        torch.set_rng_state(before[0])
        with viz_nodes.edit_edges(net, cut={0: lambda neighbors: neighbors == 3}):
            net(pixels)  # the same, although the layers were looked for in another
    assert torch.equal(torch.get_rng_state(), after_one)


def test_a_forward_or_a_target_that_fails_moves_nothing(make_net, make_pixels):
    net, pixels = Drawing(make_net()), make_pixels()

    def broken(output):
        torch.rand(5)
        raise ZeroDivisionError

    before = states()
    with pytest.raises(ZeroDivisionError):
        viz_nodes.explain(net, pixels, target=broken)
    assert untouched(before)
    net.fails = True
    for call in (viz_nodes.explain, viz_nodes.verify):
        with pytest.raises(RuntimeError, match="broken"):
            call(net, pixels)
        assert untouched(before)


def test_a_network_that_draws_gives_the_same_explanation_each_time(make_net, make_pixels):
    class Noisy(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x + 0.1 * torch.randn_like(x))

    net, pixels = Noisy(make_net()), make_pixels()
    one, two = viz_nodes.explain(net, pixels), viz_nodes.explain(net, pixels)
    assert torch.equal(one.logits, two.logits)
    assert torch.equal(one.layers[0].cam, two.layers[0].cam)
