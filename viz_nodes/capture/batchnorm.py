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
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.modules import modules_of


@contextmanager
def exact_batchnorms(model: nn.Module) -> Iterator[None]:
    """Inside, the gradients of the model's batch norms and instance norms lie as torch reads them rightly.

    That of a batch norm as its input does, that of an instance norm, which copies its input, as its shape says. Inputs
    are left as they are: how they lie decides how the convolutions behind a norm round.
    """
    batch = nn.modules.batchnorm._BatchNorm
    norms = [module for module in modules_of(model) if isinstance(module, nn.modules.batchnorm._NormBase)]
    handles = [module.register_forward_hook(_as_input if isinstance(module, batch) else _as_shape) for module in norms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _as_input(module: nn.Module, args: Any, output: Any) -> None:
    """Forward hook of a batch norm."""
    if isinstance(output, Tensor) and output.requires_grad and output.is_cpu:
        strides = args[0].stride() if args and args[0].shape == output.shape else None
        output.register_hook(partial(_copied, strides))  # type: ignore[no-untyped-call]


def _as_shape(module: nn.Module, args: Any, output: Any) -> None:
    """Forward hook of an instance norm."""
    if isinstance(output, Tensor) and output.requires_grad and output.is_cpu:
        output.register_hook(partial(_copied, None))  # type: ignore[no-untyped-call]


def _copied(strides: tuple[int, ...] | None, gradient: Tensor) -> Tensor:
    """The gradient with these strides, or as its shape says: for None, and where numbers would lie in one place."""
    if gradient.stride() == strides and gradient.is_contiguous():
        return gradient
    if strides is None or _overlap(gradient.shape, strides):
        # `contiguous` with a memory format would believe the strides and copy nothing.
        return gradient if gradient.is_contiguous() else gradient.clone(memory_format=torch.contiguous_format)
    if gradient.stride() == strides:
        return gradient
    return torch.empty_strided(gradient.shape, strides, dtype=gradient.dtype).copy_(gradient)


def _overlap(shape: torch.Size, strides: tuple[int, ...]) -> bool:
    """Whether two numbers of such a tensor may lie in one place, as those of an expanded one or of windows do."""
    reach = 0
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size > 1 and stride <= reach:
            return True
        reach += stride * (size - 1)
    return False
