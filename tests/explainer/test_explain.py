"""One forward, one backward, the right numbers, and everything as it was found."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref

import pytest
import torch
from torch import nn

import viz_nodes
from builders.networks import hooks_on
from viz_nodes.capture import NoGraphLayer


def flags(net):
    return [m.training for m in net.modules()], [p.requires_grad for p in net.parameters()], torch.is_grad_enabled()


def same(a, b, **near):
    torch.testing.assert_close(a.logits, b.logits, **near)
    assert a.target.tolist() == b.target.tolist()
    for one, other in zip(a.layers, b.layers, strict=True):
        assert torch.equal(one.neighbors, other.neighbors)
        torch.testing.assert_close(one.cam, other.cam, **near)
        torch.testing.assert_close(one.share, other.share, **near)
        torch.testing.assert_close(one.contribution, other.contribution, **near)


def test_the_map_is_grad_cam_of_the_convolution_after_the_graph(make_net, make_pixels):
    net, pixels = make_net(seed=1), make_pixels()
    exp = viz_nodes.explain(net, pixels, target=[2, 3])
    for index, block in enumerate(net.backbone):
        kept = {}
        handle = block[0].fc2[0].register_forward_hook(lambda m, a, out, kept=kept: kept.update(a=out))
        score = net(pixels)[[0, 1], [2, 3]].sum()
        handle.remove()
        (gradient,) = torch.autograd.grad(score, kept["a"])
        wanted = (gradient.mean((2, 3), keepdim=True) * kept["a"]).sum(1).clamp(min=0).detach()
        torch.testing.assert_close(exp.layer(index).cam, wanted, rtol=1e-10, atol=1e-15)
        assert exp.layer(index).peak.tolist() == wanted.flatten(1).argmax(1).tolist()
    assert [layer.name for layer in exp.layers] == [f"backbone.{i}.0.graph_conv.static.gconv" for i in range(3)]
    assert exp.depth == 3
    assert exp.image_size == (24, 16)
    assert exp.model == "SmallGNN"


def test_one_forward_and_one_backward(make_net, make_pixels, monkeypatch):
    net, counts = make_net(), {"forward": 0, "backward": 0}
    net.head.register_forward_hook(lambda *_: counts.update(forward=counts["forward"] + 1))
    grad = torch.autograd.grad

    def counted(*args, **kwargs):
        counts["backward"] += 1
        return grad(*args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    viz_nodes.explain(net, make_pixels())
    # The first time a forward more, to prove where nodes lie, a backward through each layer alone, to prove that it
    # hears its neighbors in no second way, and one from the first layer to the pixels, to see whether the image is cut.
    assert counts == {"forward": 2, "backward": 1 + 3 + 1}
    counts.update(forward=0, backward=0)
    viz_nodes.explain(net, make_pixels())
    assert counts == {"forward": 1, "backward": 1}
    viz_nodes.explain(net, make_pixels(), target="top3")
    assert counts == {"forward": 2, "backward": 4}


def test_a_batch_is_its_images_one_by_one(make_net, make_pixels):
    net, pixels = make_net(k=3, dilation=2), make_pixels(3)
    together = viz_nodes.explain(net, pixels)
    for row in range(3):
        alone = viz_nodes.explain(net, pixels[row])
        assert len(alone) == 1
        for one, other in zip(alone.layers, together.layers):
            torch.testing.assert_close(one.cam[0], other.cam[row], rtol=1e-9, atol=1e-14)
            torch.testing.assert_close(one.contribution[0], other.contribution[row], rtol=1e-9, atol=1e-14)
            assert torch.equal(one.neighbors[0], other.neighbors[row])


def test_layers_in_any_order_and_from_the_end(make_net, make_pixels):
    net, pixels = make_net(), make_pixels(1)
    exp = viz_nodes.explain(net, pixels, layers=[-1, 0, 2])
    assert [layer.index for layer in exp.layers] == [0, 2]
    assert exp.depth == 3
    whole = viz_nodes.explain(net, pixels)
    assert torch.equal(exp.layer(-1).contribution, whole.layer(2).contribution)
    assert [layer.index for layer in viz_nodes.explain(net, pixels, layers=1).layers] == [1]
    for wrong, kind in (
        ([3], ValueError),
        ([-4], ValueError),
        ([], ValueError),
        (["a"], TypeError),
        ([0.5], TypeError),
    ):
        with pytest.raises(kind, match="`layers` must"):
            viz_nodes.explain(net, pixels, layers=wrong)
    assert hooks_on(net) == 0


def test_top_rows_are_the_single_targets(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    exp = viz_nodes.explain(net, pixels, target="top3")
    assert exp.source.tolist() == [0, 0, 0, 1, 1, 1]
    order = net(pixels).topk(3).indices
    assert exp.target.tolist() == order.flatten().tolist()
    for place in range(3):
        one = viz_nodes.explain(net, pixels, target=order[:, place].tolist())
        for a, b in zip(exp.layers, one.layers):
            torch.testing.assert_close(a.cam[place::3], b.cam, rtol=1e-10, atol=1e-15)
            torch.testing.assert_close(a.contribution[place::3], b.contribution, rtol=1e-10, atol=1e-15)
            assert torch.equal(a.neighbors[place::3], b.neighbors)


@pytest.mark.parametrize(
    "method", ["layercam", "gradcam++", "hirescam", "eigencam", "xgradcam", "shapleycam", "finercam", "fem"]
)
def test_every_method_answers_from_the_same_pass(method, make_net, make_pixels):
    net, pixels = make_net(depth=2, seed=2), make_pixels()
    exp = viz_nodes.explain(net, pixels, method=method, target=1)
    plain = viz_nodes.explain(net, pixels, target=1)
    assert exp.method == method
    assert all((layer.cam >= 0).all() for layer in exp.layers)
    assert any(not torch.equal(a.cam, b.cam) for a, b in zip(exp.layers, plain.layers))
    if method != "finercam":
        assert torch.equal(exp.layer(0).contribution, plain.layer(0).contribution)


def test_hirescam_by_its_formula(make_net, make_pixels):
    net, pixels = make_net(depth=1), make_pixels(1)
    activations = net.backbone[0][0].fc2[0](net.backbone[0][0].graph_conv(net.backbone[0][0].fc1(net.stem(pixels))))
    activations = activations.detach().requires_grad_(True)
    grapher, tail = net.backbone[0]
    logits = net.head(tail(grapher.fc2[1](activations) + net.stem(pixels)).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[0, 2], activations)
    found = viz_nodes.explain(net, pixels, method="hirescam", target=2).layer(0).cam
    torch.testing.assert_close(found, (gradient * activations).sum(1).clamp(min=0).detach(), rtol=1e-10, atol=1e-15)


def test_node_ablation_runs_the_network_again(make_net, make_pixels):
    net, pixels = make_net(depth=2), make_pixels(1)
    cam = viz_nodes.explain(net, pixels, method="node_ablation", layers=[0], target=1).layer(0).cam
    plain = net(pixels)[0, 1].item()

    def without(_module, _args, output):
        output = output.clone()
        output[0, :, 2, 3] = 0
        return output

    handle = net.backbone[0][0].fc2[0].register_forward_hook(without)
    fall = plain - net(pixels)[0, 1].item()
    handle.remove()
    assert cam[0, 2, 3].item() == pytest.approx(max(0.0, fall), abs=1e-12)
    assert hooks_on(net) == 0


def test_a_blank_map_stays_zero_and_has_no_peak(make_net, make_pixels):
    net = make_net(depth=1)
    with torch.no_grad():
        net.head.weight.zero_()
    layer = viz_nodes.explain(net, make_pixels(), target=0).layer(0)
    assert layer.cam.abs().max() == 0
    assert layer.peak.tolist() == [-1, -1]


def test_everything_is_as_it_was_found(make_net, make_pixels):
    net, pixels = make_net().train(), make_pixels()
    net.backbone[1].eval()
    for parameter in net.backbone[0].parameters():
        parameter.requires_grad_(False)
    before, statistics = flags(net), {k: v.clone() for k, v in net.state_dict().items()}
    for call in (
        lambda: viz_nodes.explain(net, pixels),
        lambda: viz_nodes.explain(net, pixels, target=77),
        lambda: viz_nodes.explain(net, pixels, layers=[9]),
        lambda: viz_nodes.explain(net, pixels[:, :, :7, :7], target=0),
        lambda: viz_nodes.verify(net, pixels),
    ):
        with contextlib.suppress(ValueError, RuntimeError, IndexError):
            call()
        assert flags(net) == before
        assert hooks_on(net) == 0
        assert all(parameter.grad is None for parameter in net.parameters())
    assert all(torch.equal(v, statistics[k]) for k, v in net.state_dict().items())
    assert not pixels.requires_grad


def test_a_crash_inside_the_network_leaves_nothing(make_net, make_pixels):
    net = make_net()

    def crash(*_):
        raise KeyError("inside")

    handle = net.backbone[2][1].register_forward_hook(crash)
    before = flags(net)
    with pytest.raises(KeyError, match="inside"):
        viz_nodes.explain(net, make_pixels())
    assert flags(net) == before
    handle.remove()
    assert hooks_on(net) == 0
    assert viz_nodes.explain(net, make_pixels()).depth == 3


@pytest.mark.usefixtures("one_thread")  # for many small calls threads mostly wait for one another
def test_many_calls_leave_nothing_behind(make_net, make_pixels):
    """No tensor, no object, no memory of Python's, no hook, no flag: after 25 rounds of everything as after 3."""
    net, pixels = make_net(depth=1), make_pixels(1)
    before = flags(net)

    def once():
        exp = viz_nodes.explain(net, pixels)
        viz_nodes.explain(net, pixels, method="shapleycam", target="top2")
        viz_nodes.verify(net, pixels)
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: exp.layer(0).share == 0}, frozen=exp):
            net(pixels)
        with pytest.raises(ValueError, match="target"):
            viz_nodes.explain(net, pixels, target=77)

    def left():
        gc.collect()
        things = gc.get_objects()
        return sum(type(thing) is torch.Tensor for thing in things), len(things), sys.getallocatedblocks()

    for _ in range(3):
        once()
    start = left()
    for _ in range(25):
        once()
    tensors, objects, blocks = (after - was for after, was in zip(left(), start))
    assert tensors == 0
    assert objects < 25  # less than one a round: the interpreter's own caches
    assert blocks < 25 * 5
    assert flags(net) == before
    assert hooks_on(net) == 0


def test_a_model_can_be_forgotten(make_net, make_pixels):
    net = make_net(depth=1)
    viz_nodes.explain(net, make_pixels(1))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_callers_without_gradients_get_the_same(mode, make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    wanted = viz_nodes.explain(net, pixels)
    with mode():
        same(viz_nodes.explain(net, pixels.clone()), wanted)
        assert not torch.is_grad_enabled()
    assert not wanted.layer(0).cam.requires_grad
    with torch.inference_mode():
        made_there = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4))
    with pytest.raises(RuntimeError, match="inference_mode"):
        viz_nodes.explain(made_there, pixels)


def test_wrapped_models_are_unwrapped(make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    wanted = viz_nodes.explain(net, pixels)
    same(viz_nodes.explain(nn.DataParallel(net, device_ids=[]), pixels), wanted)
    same(viz_nodes.explain(torch.compile(net, backend="eager"), pixels), wanted)
    net.backbone[1] = torch.compile(net.backbone[1], backend="eager")
    inside = viz_nodes.explain(net, pixels)
    same(inside, wanted)
    assert inside.layer(1).name == wanted.layer(1).name


def test_channels_last_and_half_precision(make_net, make_pixels):
    net, pixels = make_net(dtype=torch.float32), make_pixels(dtype=torch.float32)
    wanted = viz_nodes.explain(net, pixels)
    net = net.to(memory_format=torch.channels_last)
    same(viz_nodes.explain(net, pixels.to(memory_format=torch.channels_last)), wanted, rtol=1e-4, atol=1e-6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = viz_nodes.explain(net, pixels)
    for layer in half.layers:
        assert layer.cam.dtype == layer.contribution.dtype == layer.share.dtype == torch.float32
        assert layer.exact
        torch.testing.assert_close(layer.share.sum(-1), torch.ones(2, 24))
    assert half.logits.dtype == torch.float32


def test_pixels_follow_the_model(make_net, make_pixels):
    net = make_net(depth=1)
    assert viz_nodes.explain(net, make_pixels(dtype=torch.float32)).layer(0).cam.dtype == torch.float64
    for wrong, kind, words in (
        (torch.zeros(3, 24), ValueError, r"\(B, 3, H, W\)"),
        (torch.zeros(1, 3, 24, 16, dtype=torch.uint8), TypeError, "floating point"),
        (torch.zeros(0, 3, 24, 16), ValueError, "at least one"),
        (torch.full((1, 3, 24, 16), float("nan")), ValueError, "finite"),
        ([[1.0]], TypeError, "tensor"),
    ):
        with pytest.raises(kind, match=words):
            viz_nodes.explain(net, wrong)
    with pytest.raises(TypeError, match="Module"):
        viz_nodes.explain("net", make_pixels())


def test_threads_do_not_disturb_one_another(make_net, make_pixels):
    shared, pixels = make_net(), [make_pixels(1, seed=s) for s in range(4)]
    wanted = [viz_nodes.explain(shared, p) for p in pixels]
    found, failed = {}, []

    def work(at):
        try:
            for _ in range(2):
                found[at] = viz_nodes.explain(shared, pixels[at])
        except BaseException as error:
            failed.append(error)

    def only_run():
        with torch.no_grad():
            for _ in range(10):
                shared(pixels[0])

    threads = [threading.Thread(target=work, args=(at,)) for at in range(4)] + [threading.Thread(target=only_run)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for at in range(4):
        same(found[at], wanted[at])
    assert hooks_on(shared) == 0


class Answers(nn.Module):
    def __init__(self, net, pack):
        super().__init__()
        self.net, self.pack = net, pack

    def forward(self, pixels):
        return self.pack(self.net(pixels))


@pytest.mark.parametrize(
    "pack",
    [
        lambda logits: (logits, {"aux": 1}),
        lambda logits: [torch.zeros(3), logits],
        lambda logits: {"features": torch.zeros(2, 3, 4, 4), "logits": logits},
        lambda logits: logits[..., None, None],
        lambda logits: ((torch.zeros(3), logits), None),
    ],
)
def test_logits_may_come_packed(pack, make_net, make_pixels):
    net, pixels = make_net(), make_pixels()
    same(viz_nodes.explain(Answers(net, pack), pixels), viz_nodes.explain(net, pixels))
    with pytest.raises(TypeError, match="logits"):
        viz_nodes.explain(Answers(net, lambda logits: "class 3"), pixels)
    with pytest.raises(ValueError, match="gradients"):
        viz_nodes.explain(Answers(net, lambda logits: logits.detach()), pixels)


def test_labels_come_from_the_models_config(make_net, make_pixels):
    net, pixels = make_net(depth=1), make_pixels(1)
    net.pretrained_cfg = {"label_names": ["ant", "bee", "cat", "dog", "eel"], "architecture": "small_gnn"}
    exp = viz_nodes.explain(net, pixels, target="dog", versus="bee")
    assert (exp.target.tolist(), exp.versus.tolist()) == ([3], [1])
    assert exp.labels[3] == "dog"
    assert exp.model == "small_gnn"
    net.pretrained_cfg = {"label_names": ["ant"]}
    assert viz_nodes.explain(net, pixels).labels is None
    with pytest.raises(ValueError, match="labels"):
        viz_nodes.explain(net, pixels, labels=["ant"])
    with pytest.raises(ValueError, match="unknown"):
        viz_nodes.explain(net, pixels, method="nocam")


def test_no_graph_layer_is_an_error_that_names_the_way_out():
    plain = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(NoGraphLayer, match="adapter"):
        viz_nodes.explain(plain, torch.zeros(1, 3, 16, 16))
    with pytest.raises(NoGraphLayer, match="adapter"):
        viz_nodes.verify(plain, torch.zeros(1, 3, 16, 16))
