"""Borrow a model for a while and give it back as it was found."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_CHECKPOINTING = ("grad_checkpointing", "gradient_checkpointing", "use_checkpoint", "with_cp")

_locks: weakref.WeakKeyDictionary[nn.Module, Any] = weakref.WeakKeyDictionary()
_making_locks = threading.Lock()


def _lock_of(model: nn.Module) -> Any:
    with _making_locks:
        return _locks.setdefault(model, threading.RLock())


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside DataParallel, DistributedDataParallel and torch.compile, however they are nested.

    Raises:
        TypeError: not a module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module (got {type(model).__name__})")
    while True:
        parallel = isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel))
        inner = getattr(model, "module" if parallel else "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


@contextmanager
def eval_mode(model: nn.Module, *, grad: bool = True) -> Iterator[None]:
    """Inside, the model is in eval mode, uncompiled, without gradient checkpointing and with frozen parameters.

    One thread at a time borrows a model. Afterwards, also after an exception, every flag is as it was found.

    Args:
        model: the network, `unwrap`ped.
        grad: whether operations inside are recorded for gradients (of inputs: the parameters are frozen).

    Raises:
        RuntimeError: autograd cannot work with the parameters, which were made under `torch.inference_mode()`.
    """
    with ExitStack() as stack:
        stack.enter_context(_lock_of(model))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(grad))
        if grad and any(tensor.is_inference() for tensor in (*model.parameters(), *model.buffers())):
            raise RuntimeError(
                "the model must have ordinary parameters (got some made under torch.inference_mode(), which autograd "
                "cannot use); build or load the model outside of it"
            )
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        training = [(module, module.training) for module in model.modules()]
        learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
        checkpointing = [
            (module, name) for module, _ in training for name in _CHECKPOINTING if vars(module).get(name) is True
        ]
        try:
            for module, _ in training:
                module.training = False
            for parameter in learning:
                parameter.requires_grad_(False)
            for module, name in checkpointing:
                setattr(module, name, False)
            yield
        finally:
            for module, flag in training:
                module.training = flag
            for parameter in learning:
                parameter.requires_grad_(True)
            for module, name in checkpointing:
                setattr(module, name, True)


def doublable(array: Tensor) -> Tensor:
    """The tensor where float64 can be computed: on the CPU for Apple's GPUs, which lack it, else where it is."""
    return array.cpu() if array.device.type == "mps" else array


def as_batch(model: nn.Module, pixels: Tensor) -> Tensor:
    """A fresh (B, 3, H, W) leaf with the model's device and precision.

    Args:
        pixels: (B, 3, H, W) or (3, H, W), normalized.

    Raises:
        TypeError: not a tensor of floating point numbers.
        ValueError: another shape, no image, or values that are not finite.
    """
    if not isinstance(pixels, Tensor):
        raise TypeError(
            f"`pixels` must be a tensor, normalized as the model expects (got {type(pixels).__name__}); "
            "for a file, `vizgraph.load_image(path, model).pixels`"
        )
    if not pixels.is_floating_point():
        raise TypeError(f"`pixels` must be floating point, normalized as the model expects (got {pixels.dtype})")
    if pixels.ndim not in (3, 4):
        raise ValueError(f"`pixels` must have shape (B, 3, H, W) or (3, H, W) (got {tuple(pixels.shape)})")
    if not pixels.numel():
        raise ValueError(f"`pixels` must hold at least one image (got shape {tuple(pixels.shape)})")
    if not bool(pixels.isfinite().all()):
        raise ValueError("`pixels` must be finite (got NaN or infinity)")
    like = next((p for p in model.parameters() if p.is_floating_point()), pixels)
    with torch.inference_mode(False):  # a leaf that autograd accepts, whatever the caller's mode
        pixels = pixels.detach() if pixels.ndim == 4 else pixels.detach()[None]
        return pixels.to(device=like.device, dtype=like.dtype).clone()


def logits_of(output: Any) -> Tensor:
    """(B, classes) out of what a network returns: a tensor, or the first such tensor in a tuple, list or mapping.

    Raises:
        TypeError: there is none.
    """
    if isinstance(output, Tensor):
        if output.ndim == 4 and output.shape[2:] == (1, 1):
            output = output.flatten(1)
        if output.ndim == 2 and output.is_floating_point():
            return output
        raise TypeError(f"the model must return logits of shape (B, classes) (got shape {tuple(output.shape)})")
    named = getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return logits_of(named)
    if isinstance(output, dict):
        candidates = [output["logits"]] if "logits" in output else list(output.values())
    elif isinstance(output, (tuple, list)):
        candidates = list(output)
    else:
        candidates = []
    for candidate in candidates:
        if isinstance(candidate, (Tensor, tuple, list, dict)):
            try:
                return logits_of(candidate)
            except TypeError:
                continue
    raise TypeError(
        f"the model must return logits of shape (B, classes), alone or in a tuple, list or mapping "
        f"(got {type(output).__name__} without any)"
    )
