"""The network of a run: built, started from weights if asked to, frozen in part, described for its checkpoints."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from viz_nodes.text import quoted
from vizgraph.checkpoints.provenance import OWN_KEY, Provenance
from vizgraph.checkpoints.read import Contents
from vizgraph.data.preprocessing import Preprocessing
from vizgraph.errors import CheckpointError, ConfigError, first_line
from vizgraph.models import resolve
from vizgraph.training.datasets import MADE
from vizgraph.training.distributed import Distributed
from vizgraph.training.schema import Config, DataConfig, ModelConfig


def build(config: ModelConfig, classes: int) -> tuple[nn.Module, str]:
    """The network, and what it starts from in words.

    Raises:
        ConfigError: no such architecture or option.
        CheckpointError: the weights to start from cannot be had or do not fit.
    """
    import timm

    from vizgraph.checkpoints.load import load_published, start_from

    try:
        arch = resolve(config.arch)
        model = timm.create_model(
            arch,
            num_classes=classes,
            drop_rate=config.drop_rate,
            drop_path_rate=config.drop_path_rate,
            **_as_arguments(config.kwargs),
        )
    except CheckpointError:
        raise
    # What wrong arguments in model.kwargs make a constructor raise.
    except (ValueError, TypeError, RuntimeError, AttributeError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise ConfigError(f"model.arch={config.arch}: cannot be built: {first_line(error)}") from error
    if config.checkpoint is not None:
        return model, start_from(model, arch, config.checkpoint)
    if config.pretrained:
        # Not timm's `pretrained=True`, which lets a network without its weights live until it is used.
        load_published(model, arch)
        return model, "the published weights"
    return model, "random weights"


def _as_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kwargs.items()}


def freeze(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Take modules out of training, their batch-norm statistics too; returns them.

    Args:
        model: the network.
        names: module names such as "stem" or "pos_embed", or a range of numbered ones, "backbone.0-5".

    Raises:
        ConfigError: there is no such module.
    """
    frozen: list[nn.Module] = []
    modules, parameters = dict(model.named_modules()), dict(model.named_parameters())
    for name in (each for written in names for each in _spelled_out(written)):
        if name in modules:
            modules[name].requires_grad_(False)
            frozen.append(modules[name])
        elif name in parameters:
            parameters[name].requires_grad_(False)
        else:
            parts = ", ".join(dict(model.named_children()))
            raise ConfigError(f"model.freeze: the network has no part {quoted(name)}; its parts are {parts}")
    if names and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError("model.freeze: leaves nothing to train")
    return frozen


def _spelled_out(name: str) -> Iterator[str]:
    match = re.fullmatch(r"(.*\.)(\d+)-(\d+)", name)
    if match is None:
        yield name
        return
    first, last = int(match[2]), int(match[3])
    if first > last:
        raise ConfigError(f"model.freeze: {quoted(name)} is empty; write the smaller number first")
    yield from (f"{match[1]}{number}" for number in range(first, last + 1))


def preprocessing_of(model: nn.Module, data: DataConfig) -> Preprocessing:
    """The preprocessing of a network's weights, overridden by what a config says.

    Raises:
        ConfigError: the network does not take the bundled images, or mean and std are not a number a channel.
    """
    try:
        own = Preprocessing.of(model)
    except ValueError as error:
        raise ConfigError(f"model: {error}") from error
    channels = own.input_size[0]
    if channels != 3 and data.name in MADE:
        raise ConfigError(f"model.kwargs.in_chans must be 3, as the images of {data.name} are RGB (got {channels})")
    settings: dict[str, Any] = {}
    if data.input_size is not None:
        settings["input_size"] = (channels, *data.input_size)
    for name in ("mean", "std"):
        numbers = getattr(data, name)
        if numbers is not None and len(numbers) != channels:
            raise ConfigError(f"`data.{name}` must be {channels} numbers, one a channel (got {quoted(numbers)})")
        if numbers is not None:
            settings[name] = tuple(float(number) for number in numbers)
    for name in ("interpolation", "crop_pct", "crop_mode"):
        if getattr(data, name) is not None:
            settings[name] = getattr(data, name)
    return replace(own, **settings)


def _require_fitting(model: nn.Module, preprocessing: Preprocessing) -> None:
    """Run a blank image through the network, which draws nothing and leaves no trace in it.

    Raises:
        ConfigError: it does not take images of that size.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            model(torch.zeros(1, *preprocessing.input_size))
    # What networks make of images they are not built for: too few nodes, a grid of another size, no place for a window.
    except (ValueError, RuntimeError, IndexError, AssertionError) as error:
        height, width = preprocessing.size
        raise ConfigError(
            f"model: the network does not take images of {height} x {width} ({first_line(error)}); change "
            "data.input_size or model.kwargs"
        ) from error
    finally:
        for module, training in modes:
            module.training = training


def describe(
    config: ModelConfig, classes: int, labels: Sequence[str] | None, preprocessing: Preprocessing
) -> dict[str, Any]:
    """What belongs to the weights of a run, as it lies in its checkpoints.

    Raises:
        ConfigError: `vizgraph.load_model` would not believe it, and refuse the checkpoints.
    """
    names = None if labels is None else tuple(str(label) for label in labels)
    entry = Provenance(resolve(config.arch), config.kwargs, classes, names, preprocessing.plain()).as_entry()
    try:
        Provenance.of(Contents(Path("record"), "", {OWN_KEY: entry}))
    except CheckpointError as error:
        reason = str(error).partition("entry ")[2].partition(";")[0]
        raise ConfigError(f"a checkpoint of this run could not be loaded, as its record {reason}") from error
    return entry


class TrainedNetwork:
    """A network as a run trains it: on its device, with frozen parts, compiled and wrapped as the config says.

    Args:
        config: of the run.
        start: what it starts from; the model section, or that without what is not needed any more.
        classes: how many it tells apart.
        distributed: this process among those of the run.

    Attributes:
        model: the network.
        forward: what runs forward: the same, or compiled, or one of many ranks.
        average: its moving average (timm's `ModelEmaV3`), or None.
        frozen: modules that are not trained.
        preprocessing: of its images.
        origin: what it starts from, in words.
        amp: precision of the forward pass; None is float32.

    Raises:
        ConfigError: it cannot be built as the config says.
        CheckpointError: the weights to start from cannot be had or do not fit.
    """

    def __init__(self, config: Config, start: ModelConfig, classes: int, distributed: Distributed) -> None:
        device = distributed.device
        model, self.origin = build(start, classes)
        self.preprocessing = preprocessing_of(model, config.data)
        _require_fitting(model, self.preprocessing)
        if config.model.grad_checkpointing != "none":
            model.set_grad_checkpointing(config.model.grad_checkpointing)  # type: ignore[operator]
        self.frozen = freeze(model, config.model.freeze)
        if config.model.sync_bn and distributed.world_size > 1:
            from timm.layers import convert_sync_batchnorm

            model = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        memory_format = torch.channels_last if config.run.channels_last else torch.contiguous_format
        self.model: nn.Module = model.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
        self.average: Any = None
        if config.average.decay:
            from timm.utils import ModelEmaV3

            self.average = ModelEmaV3(self.model, decay=config.average.decay, use_warmup=config.average.warmup)
        self.forward = self.model
        if config.run.compile:
            self.forward = torch.compile(self.forward)
        if distributed.world_size > 1:
            from torch.nn.parallel import DistributedDataParallel

            ids = [device.index] if device.type == "cuda" else None
            self.forward = DistributedDataParallel(self.forward, device_ids=ids)
        self.amp = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}[config.run.amp]
        self._device = device

    def train(self) -> None:
        """Training mode, but for what is frozen."""
        self.forward.train()
        for module in self.frozen:
            module.eval()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The context of a forward pass in the run's precision."""
        if self.amp is None:
            return contextlib.nullcontext()
        return torch.autocast(self._device.type, self.amp)
