"""The ways in which networks lay out one value for each node and channel, and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def layout_of(array: Tensor, images: int, nodes: int) -> str | None:
    """How a tensor holds a value for every node of every image.

    Returns:
        "channels" for (B, C, N), (B, C, N, 1) or (B, C, H, W), "tokens" for (B, N, C), "list" for (B * N, C), "column"
        for (B * N, C, 1), None where it does not. (B, N, N) counts as channels.
    """
    shape = tuple(array.shape)
    if len(shape) >= 3 and shape[0] == images and math.prod(shape[2:]) == nodes:
        return "channels"
    if len(shape) == 3 and shape[:2] == (images, nodes):
        return "tokens"
    if len(shape) == 2 and shape[0] == images * nodes:
        return "list"
    if len(shape) == 3 and shape[0] == images * nodes and shape[2] == 1:
        return "column"
    return None


def as_nodes(array: Tensor, images: int, nodes: int) -> Tensor | None:
    """(B, C, N), a view wherever one can be had; None where the tensor holds no value for each node."""
    layout = layout_of(array, images, nodes)
    if layout == "channels":
        return array.flatten(2)
    if layout == "tokens":
        return array.transpose(1, 2)
    if layout in ("list", "column"):
        return array.reshape(images, nodes, -1).transpose(1, 2)
    return None


def from_nodes(array: Tensor, like: Tensor, layout: str) -> Tensor:
    """Back from (B, C, N) to a layout; `like` is a tensor that has it, perhaps of another number of images."""
    if layout == "channels":
        return array.reshape(*array.shape[:2], *like.shape[2:])
    array = array.transpose(1, 2)
    return array if layout == "tokens" else array.reshape(-1, *like.shape[1:])


def connected(tensor: Tensor) -> Tensor:
    """The tensor itself, or a leaf of its values where gradients are recorded and none would reach it.

    So a layer behind a frozen or detached stem has gradients of the logits, though none of the pixels.
    """
    if tensor.requires_grad or not torch.is_grad_enabled() or not tensor.is_floating_point():
        return tensor
    return tensor.detach().requires_grad_(True)
