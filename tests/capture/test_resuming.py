"""Methods that replace a layer's output run the network from that layer on, and get what the whole would say."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

import viz_nodes
from viz_nodes.capture.inputs import prepare
from viz_nodes.capture.resuming import resuming


def counted(module):
    runs = []
    forward = module.forward

    def count(*args, **kwargs):
        runs.append(threading.get_ident())
        return forward(*args, **kwargs)

    module.forward = count
    return runs


def whole(net, pixels, module, activations, rows):
    handle = module.register_forward_hook(lambda m, a, out: activations)
    try:
        with torch.no_grad():
            return net(pixels[rows])
    finally:
        handle.remove()


@pytest.mark.parametrize("place", [0, 2])
def test_what_lies_before_the_layer_does_not_run_and_the_logits_are_the_same(place, make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    layer = net.backbone[place][0].fc2[0]
    before, after = counted(net.stem), counted(net.head)
    with resuming(net, layer, 0, prepare(net, pixels), lambda activations, output: activations) as run:
        learned = len(before)
        for seed, rows in enumerate(([0, 1], [1, 1, 0], [1])):
            activations = torch.randn(len(rows), 6, 6, 4, generator=torch.Generator().manual_seed(seed)).double()
            found = run(activations, torch.tensor(rows))
            assert len(before) == learned
            torch.testing.assert_close(found, whole(net, pixels, layer, activations, rows), rtol=1e-10, atol=1e-12)
            before.pop()
    assert len(after) > 3
    assert net.backbone.forward.__func__ is nn.Sequential.forward
    assert not any("forward" in vars(m) for m in net.modules() if m not in (net.stem, net.head))
    assert sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()) == 0


@pytest.mark.parametrize("method", ["node_ablation", "ablationcam", "scorecam"])
def test_the_maps_are_those_of_the_whole_network(method, make_net, make_pixels, monkeypatch):
    net, pixels = make_net(dtype=torch.float32), make_pixels(dtype=torch.float32)
    found = viz_nodes.explain(net, pixels, method=method, target="top5")
    monkeypatch.setattr(torch, "allclose", lambda *args, **kwargs: False)  # as if resuming had led elsewhere
    wanted = viz_nodes.explain(net, pixels, method=method, target="top5")
    assert max(layer.cam.max() for layer in wanted.layers) > 0
    for a, b in zip(found.layers, wanted.layers):
        torch.testing.assert_close(a.cam, b.cam, rtol=1e-4, atol=1e-5)


def test_a_network_with_dice_in_it_runs_whole(make_net, make_pixels):
    class Dice(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    net, pixels = make_net(), make_pixels()
    net.backbone[2][0].fc1 = nn.Sequential(Dice(), net.backbone[2][0].fc1)
    runs = counted(net.stem)
    with resuming(
        net, net.backbone[0][0].fc2[0], 0, prepare(net, pixels), lambda activations, output: activations
    ) as run:
        learned = len(runs)
        run(torch.zeros(2, 6, 6, 4).double(), torch.arange(2))
        assert len(runs) == learned + 1


def test_another_thread_runs_the_network_itself(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    with torch.no_grad():
        plain = net(pixels)
    seen = []
    with resuming(
        net, net.backbone[1][0].fc2[0], 0, prepare(net, pixels), lambda activations, output: activations
    ):  # patched here
        other = threading.Thread(target=lambda: seen.append(net(pixels.flip(0)).detach()))
        other.start()
        other.join()
    torch.testing.assert_close(seen[0].flip(0), plain, rtol=1e-10, atol=1e-12)


def test_a_crash_leaves_the_modules_as_they_were(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    with pytest.raises(KeyError), resuming(net, net.backbone[1][0].fc2[0], 0, prepare(net, pixels), lambda a, out: a):
        raise KeyError("inside")
    assert not any("forward" in vars(module) for module in net.modules())
