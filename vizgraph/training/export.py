"""From a checkpoint of a run to one small file of weights, with all that is needed to use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from vizgraph.checkpoints.provenance import OWN_KEY
from vizgraph.training.checkpoint import read, replacing


def export(checkpoint: Path, target: Path, *, half: bool = False) -> dict[str, Any]:
    """Write the averaged weights of a checkpoint (the plain ones where there are none) as safetensors.

    Args:
        checkpoint: of a run.
        target: the file to write; its metadata holds architecture, labels and preprocessing as JSON.
        half: store floating-point tensors as float16, half the size, rounded.

    Returns:
        What the metadata says.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        CannotWrite: the file cannot be written.
    """
    from safetensors.torch import save

    content = read(checkpoint)
    averaged = "state_dict_ema" in content
    state = content["state_dict_ema" if averaged else "state_dict"]
    tensors = {
        name: value.to(torch.float16 if half and value.is_floating_point() else value.dtype).contiguous().clone()
        for name, value in state.items()
    }
    description = dict(content[OWN_KEY])
    progress = content["training"]["progress"]
    training = {
        "ema": averaged,
        "epoch": content["epoch"] + 1,
        "seed": content["args"]["run"]["seed"],
        "top1": round(float(progress["best_top1"]), 4),
    }
    metadata = {OWN_KEY: json.dumps(description), "training": json.dumps(training), "format": "pt"}
    with replacing(target) as file:
        file.write(save(tensors, metadata))
    return {**description, "training": training}
