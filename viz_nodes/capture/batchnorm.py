"""Batch norms whose gradients are right: torch's own, on a CPU, may not be.

Seen in torch 2.14, in eval and in train mode: the backward pass of `batch_norm` on a CPU takes the order of its input
and of the gradient from their strides, and where one of the two comes as rows of a table of nodes, (B, N, C) seen as
(B, C, N, 1) or, for one image, as (1, C, H, W), and the other does not, it multiplies the numbers of one node with
those of another. The gradient is then off by as much as it is large (a relative error of about one; the forward pass
is right). Gathers of neighbors give such rows. Instance norms go the same way. What lies in memory as its shape says is
always right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def exact_batchnorms(model: nn.Module) -> Iterator[None]:
    """Inside, inputs and gradients of the model's batch norms and instance norms lie as torch reads them rightly."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._NormBase)]
    handles = [module.register_forward_pre_hook(_input_laid_out) for module in norms]
    handles += [module.register_forward_hook(_gradient_laid_out) for module in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _input_laid_out(module: nn.Module, args: Any) -> Any:
    if args and isinstance(args[0], Tensor) and args[0].device.type == "cpu" and torch.is_grad_enabled():
        return (_copied(args[0]), *args[1:])
    return None


def _gradient_laid_out(module: nn.Module, args: Any, output: Any) -> None:
    if isinstance(output, Tensor) and output.requires_grad and output.device.type == "cpu":
        output.register_hook(_copied)  # type: ignore[no-untyped-call]


def _copied(tensor: Tensor) -> Tensor:
    # `contiguous` with a memory format would believe the strides and copy nothing.
    return tensor if tensor.is_contiguous() else tensor.clone(memory_format=torch.contiguous_format)
