"""Borrow a model for a while and give it back as it was found."""

from __future__ import annotations

import random
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.batchnorm import exact_batchnorms
from viz_nodes.capture.modules import modules_of

_CHECKPOINTING = ("grad_checkpointing", "gradient_checkpointing", "use_checkpoint", "with_cp")

_locks: weakref.WeakKeyDictionary[nn.Module, Any] = weakref.WeakKeyDictionary()
_making_locks = threading.Lock()


def _lock_of(model: nn.Module) -> Any:
    with _making_locks:
        return _locks.setdefault(model, threading.RLock())


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside DataParallel, DistributedDataParallel, torch.compile and moving averages, however nested.

    Raises:
        TypeError: not a module, or one whose own modules do not run any more: traced, scripted, exported.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"`model` must be a torch.nn.Module (got {type(model).__name__}){_instead(model)}")
    while True:
        wraps = isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)) or _averages(model)
        inner = getattr(model, "module" if wraps else "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            break
        model = inner
    if isinstance(model, (torch.jit.ScriptModule, torch.fx.GraphModule)):
        raise TypeError(
            f"`model` must be a network whose modules run (got {type(model).__name__}, in which nothing can be "
            "watched); give the module that it was made from, with the same weights"
        )
    return model


def _averages(model: nn.Module) -> bool:
    """Whether a module keeps a moving average of another and nothing else: torch's, timm's and their kin."""
    kinds = [kind.__name__ for kind in type(model).__mro__]
    named = any(name.lower().startswith(("modelema", "ema", "averagedmodel")) for name in kinds)
    return named and [name for name, _ in model.named_children()] == ["module"]


def _instead(model: Any) -> str:
    """What to give in the place of something that is no module."""
    home = type(model).__module__.split(".")[0]
    if home in ("onnx", "onnxruntime") or type(model).__name__ == "ExportedProgram":
        return ": what was exported cannot be watched; give the module that it was made from, with the same weights"
    if isinstance(model, str) or hasattr(model, "__fspath__"):
        return ": build the network and load the weights, as in `vizgraph.load_model(arch, checkpoint)`"
    if isinstance(model, dict):
        return ": these are weights; build the network and load them with `load_state_dict`"
    return ""


def config_of(network: nn.Module, field: str) -> Any:
    """What a network says about itself in its `pretrained_cfg`, as timm's do; None where it does not."""
    config = getattr(network, "pretrained_cfg", None)
    return config.get(field) if isinstance(config, dict) else getattr(config, field, None)


def name_of(network: nn.Module) -> str:
    """The architecture's name, or that of the class."""
    return str(config_of(network, "architecture") or type(network).__name__)


@contextmanager
def random_state_kept(model: nn.Module) -> Iterator[None]:
    """Afterwards, also after an exception, the random numbers to come are those that would have come anyway.

    Of torch on the CPU and on the model's devices, of NumPy and of Python: a network may draw, and so may methods.
    """
    with _random_state_kept(_tensors_of(modules_of(model))):
        yield


@contextmanager
def _random_state_kept(tensors: list[Tensor]) -> Iterator[None]:
    kinds: dict[str, set[int]] = {}
    for device in {tensor.device for tensor in tensors}:
        if device.type not in ("cpu", "meta"):
            kinds.setdefault(device.type, set()).add(device.index or 0)
    of_numpy, of_python = np.random.get_state(), random.getstate()
    with ExitStack() as stack:
        for kind, devices in (kinds or {"cuda": set()}).items():
            stack.enter_context(torch.random.fork_rng(devices=sorted(devices), device_type=kind))
        try:
            yield
        finally:
            np.random.set_state(of_numpy)
            random.setstate(of_python)


def _tensors_of(modules: list[nn.Module]) -> list[Tensor]:
    held = [table for module in modules for table in (module._parameters, module._buffers) if table]
    return [tensor for table in held for tensor in table.values() if tensor is not None]


@contextmanager
def eval_mode(model: nn.Module, *, grad: bool = True) -> Iterator[None]:
    """Inside, the model is in eval mode, uncompiled, without gradient checkpointing and with frozen parameters.

    One thread at a time borrows a model. Afterwards, also after an exception, every flag is as it was found, and so is
    the state of random numbers.

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
        modules = modules_of(model)
        tensors = _tensors_of(modules)
        stack.enter_context(_random_state_kept(tensors))
        if grad and any(tensor.is_inference() for tensor in tensors):
            raise RuntimeError(
                "the model must have ordinary parameters (got some made under torch.inference_mode(), which autograd "
                "cannot use); build or load the model outside of it"
            )
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        training = [(module, module.training) for module in modules]
        learning = [tensor for tensor in tensors if tensor.requires_grad and tensor.is_leaf]
        checkpointing = [
            (module, name) for module in modules for name in _CHECKPOINTING if module.__dict__.get(name) is True
        ]
        try:
            for module, flag in training:
                if flag:  # modules are slow to set anything of
                    module.training = False
            for parameter in learning:
                parameter.requires_grad_(False)
            for module, name in checkpointing:
                setattr(module, name, False)
            if grad:
                stack.enter_context(exact_batchnorms(model))
            yield
        finally:
            for module, flag in training:
                if module.training is not flag:
                    module.training = flag
            for parameter in learning:
                parameter.requires_grad_(True)
            for module, name in checkpointing:
                setattr(module, name, True)


def doublable(array: Tensor) -> Tensor:
    """The tensor where float64 can be computed: on the CPU for Apple's GPUs, which lack it, else where it is."""
    return array.cpu() if array.device.type == "mps" else array
