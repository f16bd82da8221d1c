"""Official files through the loader compute what the official code computed: float64 logits, every neighbor."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch

import vizgraph
from vizgraph.checkpoints.remap import to_project


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


@pytest.mark.parametrize("layout", ["official", "mmpretrain"])
@pytest.mark.parametrize("name", ["vig_ti", "pvig_ti"])
def test_logits_and_every_neighbor(name, layout, reference, fill, shapes_of, renamed, tmp_path):
    state, stored = official_state(name, reference, fill, shapes_of)
    if layout == "mmpretrain":
        state = renamed["mmpretrain"](to_project(state)[1])
    path = tmp_path / "published.pth"
    torch.save(state, path)
    model = vizgraph.load_model(name, path, device="cpu").double()
    assert model.checkpoint_info.layout.startswith(layout)

    graphs = []
    convolutions = [module for key, module in model.named_modules() if key.endswith("graph_conv.gconv")]
    handles = [m.register_forward_hook(lambda _m, inputs, _o: graphs.append(inputs[1][0])) for m in convolutions]
    for seed in stored["images"].tolist():
        graphs.clear()
        with torch.inference_mode():
            logits = model(fill.image(seed).double())[0]
        assert np.abs(logits.numpy() - stored[f"{seed}/logits"]).max() < 1e-9
        assert int(logits.argmax()) == int(stored[f"{seed}/class"])
        assert len(graphs) == len(stored["layers"]) == len(convolutions)
        for layer, graph in enumerate(graphs):
            assert np.array_equal(graph[0].numpy(), stored[f"{seed}/neighbors/{layer}"]), layer
    for handle in handles:
        handle.remove()
