"""pytorch-grad-cam's own classes, used for their arithmetic alone.

Its classes register hooks, set modes and run the network themselves. Here the network has run once already, and its
activations and gradients are at hand. A class is therefore constructed the ordinary way, but around a model of one
parameter and with no layer to hook, and only its method from tensors to a map is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def unhooked(name: str, model: torch.nn.Module | None = None, **options: Any):
    """An instance of `pytorch_grad_cam.<name>` that watches no layer.

    Args:
        name: the class.
        model: what the instance runs, for classes that need forward passes.
        options: as the class takes them.
    """
    import pytorch_grad_cam  # takes a second, so not before a map is wanted

    return getattr(pytorch_grad_cam, name)(model or torch.nn.Linear(1, 1), [], **options)


def image(name: str, activations: Tensor, gradients: Tensor | None, **options: Any) -> Tensor:
    """What the class `name` makes of activations and gradients, before its ReLU, resizing and scaling.

    Args:
        name: class of pytorch-grad-cam.
        activations: (B, C, H, W).
        gradients: (B, C, H, W), or None where the class needs none.
        options: for the constructor of the class.

    Returns:
        (B, H, W) on the CPU, in the dtype the class computes in.
    """
    arrays = [None if array is None else array.detach().cpu().numpy() for array in (activations, gradients)]
    with np.errstate(divide="ignore", invalid="ignore"):
        made = unhooked(name, **options).get_cam_image(None, None, None, *arrays, False)
    return torch.from_numpy(np.ascontiguousarray(made))
