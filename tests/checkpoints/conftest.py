"""State dicts in every published layout, made by renaming: the opposite direction of what the loader does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor

import vizgraph  # noqa: F401  registers the networks

State = dict[str, Tensor]


def to_official(state: State) -> State:
    """Project to official, isotropic or pyramid."""
    renamed = {}
    for key, value in state.items():
        key = re.sub(r"^(backbone\.\d+)(?:\.0)?\.grapher\.", r"\1.0.", key)
        renamed[re.sub(r"^(backbone\.\d+)(?:\.0)?\.FFN\.", r"\1.1.", key)] = value
    return renamed


def to_mmpretrain(state: State) -> State:
    """Project to mmpretrain: stages renumbered from the places of the down-samplings, the head made Linear."""
    pyramid = any(".conv." in key and key.startswith("backbone") for key in state if "grapher" not in key)
    starts = sorted({int(key.split(".")[1]) for key in state if re.match(r"backbone\.\d+\.conv\.", key)})
    head = {"0": "fc1", "1": "bn", "4": "fc2"}
    renamed = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "prediction":
            value = value.flatten(1) if value.ndim == 4 else value
            key = ".".join(["head", head[parts[1]], *parts[2:]])
        elif key == "pos_embed":
            key = "backbone.pos_embed"
        elif parts[0] == "stem":
            key = ".".join(["backbone.stem", *parts[2:]])
        elif pyramid:
            place = int(parts[1])
            stage = sum(place >= start for start in starts)
            within = place - ([0, *starts][stage])
            rest = parts[2:] if parts[2] == "conv" else parts[3:]
            rest[0] = {"conv": "", "grapher": "0", "FFN": "1"}[rest[0]]
            key = ".".join(["backbone.stages", str(stage), str(within), *filter(None, rest)])
        else:
            half = {"grapher": "0", "FFN": "1"}[parts[2]]
            key = ".".join(["backbone.blocks", parts[1], half, *parts[3:]])
        renamed[key] = value
    return renamed


@pytest.fixture(scope="session")
def state_of() -> Callable[[str], State]:
    """A state dict of an architecture in the project's layout, its values different everywhere; made once."""
    made: dict[str, State] = {}

    def make(arch: str) -> State:
        if arch not in made:
            generator = torch.Generator().manual_seed(1)
            state = timm.create_model(arch).state_dict()
            for key, value in state.items():
                if value.is_floating_point() and not key.endswith("relative_pos"):
                    noise = torch.rand(value.shape, generator=generator)
                    value.copy_(0.5 + noise if key.endswith("running_var") else 0.1 * noise)
            made[arch] = state
        return dict(made[arch])

    return make


@pytest.fixture
def demo_file(state_of, tmp_path) -> Callable[..., Path]:
    """Write any object, a `gcn_demo` state dict by default, as torch does, and return the file."""

    def write(content: object = None, name: str = "weights.pth", **kwargs: object) -> Path:
        path = tmp_path / name
        torch.save(state_of("gcn_demo") if content is None else content, path, **kwargs)
        return path

    return write


@pytest.fixture(scope="session")
def renamed() -> dict[str, Callable[[State], State]]:
    """From the project's layout to each of the others."""
    return {"project": dict, "official": to_official, "mmpretrain": to_mmpretrain}


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a reference JSON, in its order."""
    listed = json.loads(path.read_text())["state_dict"]
    items = listed.items() if isinstance(listed, dict) else listed
    return {key: tuple(int(n) for n in re.findall(r"\d+", kind.partition("[")[2])) for key, kind in items}


@pytest.fixture(scope="session")
def shapes_of() -> Callable[[Path], dict[str, tuple[int, ...]]]:
    return _shapes


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """No test sees this machine's weights, its cache or its mirror."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("VIZGRAPH_WEIGHTS_URL", raising=False)
