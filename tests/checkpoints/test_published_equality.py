"""Official files through the loader compute what the official code did: float64 logits, every neighbor, every map."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch

import viz_nodes
import vizgraph
from vizgraph.models._filter import remap


def official_state(name, reference, fill, shapes_of):
    """The official state dict as data: `fill.values`, the stored statistics, positions as the network makes them."""
    stored = np.load(reference / "official" / f"{name}_224_gelu.npz")
    made = timm.create_model(name).state_dict()
    state = {}
    for key, shape in shapes_of(reference / "official" / f"{name}_224_gelu.json").items():
        if f"bn/{key}" in stored:
            state[key] = torch.from_numpy(stored[f"bn/{key}"].astype(np.float32))
        elif key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(0)
        elif key.endswith("relative_pos"):
            state[key] = made[key.replace(".0.relative_pos", ".0.grapher.relative_pos")]
        else:
            state[key] = torch.from_numpy(fill.values(key, shape, int(stored["fill_seed"]))).float()
    return state, stored


def assert_same_map(cam: torch.Tensor, wanted: np.ndarray) -> None:
    assert np.abs(cam.numpy() - wanted).max() <= 1e-9 * max(np.abs(wanted).max(), 1e-30)


@pytest.mark.parametrize("layout", ["official", "mmpretrain"])
@pytest.mark.parametrize("name", ["vig_ti", "pvig_ti"])
def test_logits_every_neighbor_and_every_map(name, layout, reference, fill, shapes_of, renamed, tmp_path):
    state, stored = official_state(name, reference, fill, shapes_of)
    if layout == "mmpretrain":
        state = renamed["mmpretrain"](remap(state).state)
    path = tmp_path / "published.pth"
    torch.save(state, path)
    model = vizgraph.load_model(name, path, device="cpu").double()
    assert model.checkpoint_info.layout.startswith(layout)

    for seed in stored["images"].tolist():
        pixels = fill.image(seed).double()
        exp = viz_nodes.explain(model, pixels)
        assert np.abs(exp.logits[0].numpy() - stored[f"{seed}/logits"]).max() < 1e-9
        assert exp.target.tolist() == [int(stored[f"{seed}/class"])]
        assert exp.depth == len(stored["layers"])
        for layer in exp.layers:
            assert np.array_equal(layer.neighbors[0], stored[f"{seed}/neighbors/{layer.index}"]), layer.name
            assert_same_map(layer.cam[0], stored[f"{seed}/cam/{layer.index}"])
        if f"{seed}/other_class" in stored:
            for layer in viz_nodes.explain(model, pixels, target=int(stored[f"{seed}/other_class"])).layers:
                assert_same_map(layer.cam[0], stored[f"{seed}/other_cam/{layer.index}"])
