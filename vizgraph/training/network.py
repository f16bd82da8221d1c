"""The network of a run: built, started from weights if asked to, frozen in part, described for its checkpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from torch import nn

from vizgraph.errors import TrainingError
from vizgraph.training.config import ModelConfig


def build(config: ModelConfig, classes: int) -> tuple[nn.Module, str]:
    """The network, and what it starts from in words.

    Raises:
        TrainingError: no such architecture or option.
        CheckpointError: the weights to start from cannot be had or do not fit.
    """
    import timm

    from vizgraph.checkpoints.load import load_published, start_from
    from vizgraph.models import resolve

    try:
        arch = resolve(config.arch)
        model = timm.create_model(
            arch,
            num_classes=classes,
            drop_rate=config.drop_rate,
            drop_path_rate=config.drop_path_rate,
            **_as_arguments(config.kwargs),
        )
    except (ValueError, TypeError) as error:
        raise TrainingError(f"model.arch={config.arch}: {error}") from error
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
        TrainingError: there is no such module.
    """
    frozen: list[nn.Module] = []
    for name in names:
        for one in _spelled_out(name):
            try:
                found = model.get_submodule(one)
            except AttributeError:
                parameter = dict(model.named_parameters()).get(one)
                if parameter is None:
                    parts = ", ".join(dict(model.named_children()))
                    raise TrainingError(
                        f"model.freeze: the network has no part {one!r}; its parts are {parts}"
                    ) from None
                parameter.requires_grad_(False)
                continue
            found.requires_grad_(False)
            frozen.append(found)
    if names and not any(parameter.requires_grad for parameter in model.parameters()):
        raise TrainingError("model.freeze: leaves nothing to train")
    return frozen


def _spelled_out(name: str) -> list[str]:
    match = re.fullmatch(r"(.*\.)(\d+)-(\d+)", name)
    if match is None:
        return [name]
    return [f"{match[1]}{number}" for number in range(int(match[2]), int(match[3]) + 1)]


def describe(
    config: ModelConfig, classes: int, labels: Sequence[str] | None, preprocessing: dict[str, Any]
) -> dict[str, Any]:
    """What `vizgraph.load_model` reads beside the weights, in plain types."""
    from vizgraph.models import resolve

    return {
        "arch": resolve(config.arch),
        "model_kwargs": {key: list(v) if isinstance(v, tuple) else v for key, v in config.kwargs.items()},
        "num_classes": classes,
        "label_names": None if labels is None else [str(label) for label in labels],
        "data": dict(preprocessing),
    }
