"""Batch norms whose gradients are right: torch's own, on a CPU, of one image, may not be.

Seen in torch 2.14: the backward pass of `batch_norm` on a CPU reads a gradient of one image as it lies in memory when
it comes as rows of a table of nodes, (1, C, H, W) with strides (C, 1, W C, C), as gathers of neighbors give it. The
stride of a batch of one means nothing, and by it the order of the rows is taken for the order of the input. What comes
out is another gradient, off by 40 % of its largest value in the network where it was found (an edge convolution, whose
nodes are only gathered); with two images in the batch it is right. Instance norms go the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def exact_batchnorms(model: nn.Module) -> Iterator[None]:
    """Inside, the gradients of the model's batch norms and instance norms come in an order that torch reads rightly."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._NormBase)]
    handles = [module.register_forward_hook(_laid_out) for module in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _laid_out(module: nn.Module, args: Any, output: Any) -> None:
    if isinstance(output, Tensor) and output.requires_grad and output.device.type == "cpu":
        output.register_hook(_copied)  # type: ignore[no-untyped-call]


def _copied(gradient: Tensor) -> Tensor:
    # `contiguous` with a memory format would believe the strides and copy nothing.
    return gradient if gradient.is_contiguous() else gradient.clone(memory_format=torch.contiguous_format)
