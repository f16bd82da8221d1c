"""The networks are the published ones: layouts, sizes, and in float64 what they compute."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

import vizgraph

LAYOUTS = [
    "graphconvnet_ti",
    "graphconvnet_s",
    "graphconvnetp_ti",
    "graphconvnetp_s",
    "vig_ti",
    "vig_s",
    "vig_b",
]
OFFICIAL = ["vig_ti", "vig_s", "vig_b", "pvig_ti", "pvig_s", "pvig_m", "pvig_b"]


def layout(model: torch.nn.Module) -> list[tuple[str, str]]:
    shapes = model.state_dict().items()
    return [(key, f"{str(v.dtype).removeprefix('torch.')}[{','.join(map(str, v.shape))}]") for key, v in shapes]


def parameters(model: torch.nn.Module) -> tuple[int, int]:
    all_of_them = list(model.parameters())
    return sum(p.numel() for p in all_of_them), sum(p.numel() for p in all_of_them if p.requires_grad)


def gmacs(model: torch.nn.Module, size: int = 224) -> float:
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model.eval()(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize("arch", LAYOUTS)
def test_state_dict_is_the_releases(arch, reference):
    facts = json.loads((reference / "graphconvnet" / f"{arch}.json").read_text())
    model = timm.create_model(arch)
    assert layout(model) == list(facts["state_dict"].items())
    assert parameters(model) == (facts["parameters"], facts["trainable"])


@pytest.mark.parametrize("arch", OFFICIAL)
def test_sizes_are_the_official_ones(arch, reference):
    facts = json.loads((reference / "official" / f"{arch}_224_gelu.json").read_text())
    assert parameters(timm.create_model(arch)) == (facts["parameters"], facts["trainable"])


@pytest.mark.parametrize(
    ("folder", "arch"), [("graphconvnet", a) for a in LAYOUTS] + [("official", a) for a in OFFICIAL[3:]]
)
def test_gmacs(folder, arch, reference):
    name = arch if folder == "graphconvnet" else f"{arch}_224_gelu"
    facts = json.loads((reference / folder / f"{name}.json").read_text())
    assert gmacs(timm.create_model(arch)) == pytest.approx(facts["gmacs"], abs=6e-4)


@pytest.mark.parametrize("arch", ["graphconvnet_ti", "graphconvnet_s", "graphconvnetp_ti", "vig_ti"])
def test_logits_and_every_neighbor_in_float64(arch, reference, fill):
    facts = np.load(reference / "graphconvnet" / f"{arch}.npz")
    model = fill.fill(timm.create_model(arch), int(facts["fill_seed"]))
    state = model.state_dict()
    for key in facts.files:
        if key.startswith("bn/"):
            state[key.removeprefix("bn/")].copy_(torch.from_numpy(facts[key]))
    model.double()
    graphs = []
    for name, module in model.named_modules():
        if name.endswith("gconv"):
            module.register_forward_hook(lambda _module, inputs, _output: graphs.append(inputs[1]))
    for seed in facts["images"].tolist():
        graphs.clear()
        with torch.inference_mode():
            logits = model(fill.image(seed).double())[0].numpy()
        np.testing.assert_allclose(logits, facts[f"{seed}/logits"], rtol=0, atol=1e-9)
        assert len(graphs) == len(facts["layers"])
        for i, edges in enumerate(graphs):
            np.testing.assert_array_equal(edges[0, 0].numpy(), facts[f"{seed}/neighbors/{i}"])
            assert torch.equal(edges[1, 0], torch.arange(edges.shape[2])[:, None].expand_as(edges[1, 0]))


def fingerprint(model: torch.nn.Module) -> str:
    return hashlib.sha256(json.dumps(layout(model)).encode()).hexdigest()[:16]


# Taken when the tests above passed; they hold where the reference data is absent too.
FINGERPRINTS = {
    "graphconvnet_ti": "021f42c428599285",
    "graphconvnet_s": "95267b13c55e75a3",
    "graphconvnetp_ti": "cc4b46fd01eee610",
    "graphconvnetp_s": "24a17b7fe5bc5bfd",
    "vig_ti": "989f5b353a3fd4c1",
    "vig_s": "c5af8801854271cf",
    "vig_b": "63e1bf716782ed42",
    "pvig_ti": "95ae2072816e2a28",
    "pvig_s": "db989109d265da44",
    "pvig_m": "9ab8d98d1c5353b9",
    "pvig_b": "e7d0bb51b81e7c7d",
}


@pytest.mark.parametrize("arch", list(FINGERPRINTS))
def test_layout_has_not_moved(arch):
    assert fingerprint(timm.create_model(arch)) == FINGERPRINTS[arch]


def test_all_architectures_are_listed():
    assert {*FINGERPRINTS, "gcn_demo", "vig_demo"} == set(vizgraph.list_models())
