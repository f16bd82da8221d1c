"""Less memory in training must change nothing else: not a bit of a value, a gradient or a running statistic."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
import torch.nn.functional as F

import vizgraph  # noqa: F401
from vizgraph.layers import Grapher, KNNGraph

WAYS = ("activations", "blocks")
pytestmark = pytest.mark.usefixtures("one_thread")


def steps(model, way, count=2):
    """The last loss, gradients and buffers of a few forwards and backwards in training."""
    model = copy.deepcopy(model)
    model.set_grad_checkpointing(way)
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(4)
    for _ in range(count):
        pixels = torch.randn(3, 3, 96, 96, generator=generator)
        loss = F.cross_entropy(model(pixels), torch.tensor([0, 1, 2]))
        loss.backward()
    gradients = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    return loss.detach(), gradients, dict(model.named_buffers())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("arch", "options"),
    [
        ("gcn_demo", {}),
        ("gcn_demo", {"use_stochastic": True, "epsilon": 0.5, "drop_path_rate": 0.4, "drop_rate": 0.2}),
        ("gcn_demo", {"conv": "edge", "norm": "instance"}),
        ("gcn_demo", {"conv": "sage"}),
        ("gcn_demo", {"conv": "gin", "norm": "none"}),
        ("pvig_ti", {"img_size": 96, "k": 2, "drop_path_rate": 0.3}),
    ],
)
def test_every_bit_is_the_same_whether_kept_or_computed_again(arch, options, way):
    torch.manual_seed(0)
    model = timm.create_model(arch, num_classes=3, **options).train()
    plain, again = steps(model, False), steps(model, way)
    assert torch.equal(plain[0], again[0])
    for kept, computed in zip(plain[1:], again[1:], strict=True):
        assert kept.keys() == computed.keys()
        assert [name for name in kept if not torch.equal(kept[name], computed[name])] == []


@pytest.mark.parametrize("way", WAYS)
def test_neighbors_are_searched_once(way, monkeypatch):
    model = timm.create_model("gcn_demo", num_classes=3).train()
    searches = []
    search = KNNGraph._nearest
    monkeypatch.setattr(KNNGraph, "_nearest", lambda *given: searches.append(1) or search(*given))
    steps(model, way, count=1)
    assert len(searches) == len([module for module in model.modules() if isinstance(module, Grapher)])


def test_activations_take_less_than_half():
    torch.manual_seed(0)
    model = timm.create_model("graphconvnet_ti").train()
    pixels = torch.randn(2, 3, 224, 224)
    allocated = {}
    for way in (False, "activations", "blocks"):
        model.set_grad_checkpointing(way)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as recorded:
            logits = model(pixels)
        # What was allocated and not released while the graph is alive.
        allocated[way] = sum(
            event.nbytes() for event in recorded.profiler.kineto_results.events() if event.name() == "[memory]"
        )
        del logits
    assert allocated["activations"] < 0.5 * allocated[False]
    assert allocated["blocks"] < 0.25 * allocated[False]


def test_in_eval_mode_hooks_see_every_module_once():
    model = timm.create_model("gcn_demo").eval()
    model.set_grad_checkpointing("activations")
    calls = []
    for name, module in model.named_modules():
        if "relu" not in name:  # one for both places in its block
            module.register_forward_hook(lambda *_, name=name: calls.append(name))
    model(torch.randn(1, 3, 96, 96)).sum().backward()
    assert len(calls) == len(set(calls)) > 200


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="'activations' or 'blocks'"):
        timm.create_model("gcn_demo").set_grad_checkpointing("everything")
