"""The preprocessing of a run: what the network's weights want, overridden by the config, as timm's transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vizgraph.training.config import AugmentConfig, DataConfig


def resolve(model: nn.Module, data: DataConfig) -> dict[str, Any]:
    """input_size, mean, std, interpolation, crop_pct and crop_mode, as plain types."""
    from timm.data import resolve_data_config

    given: dict[str, Any] = {}
    if data.input_size is not None:
        given["input_size"] = (int(getattr(model, "in_chans", 3)), *data.input_size)
    for name in ("mean", "std", "interpolation", "crop_pct", "crop_mode"):
        value = getattr(data, name)
        if value is not None:
            given[name] = tuple(value) if isinstance(value, list) else value
    resolved = resolve_data_config(given, model=model)
    return {
        "input_size": [int(n) for n in resolved["input_size"]],
        "mean": [float(v) for v in resolved["mean"]],
        "std": [float(v) for v in resolved["std"]],
        "interpolation": str(resolved["interpolation"]),
        "crop_pct": float(resolved["crop_pct"]),
        "crop_mode": str(resolved["crop_mode"]),
    }


def training_transform(preprocessing: dict[str, Any], augment: AugmentConfig) -> Callable[[Any], Any]:
    """PIL image -> (3, H, W) uint8, augmented."""
    from timm.data import create_transform

    common: dict[str, Any] = {
        "input_size": tuple(preprocessing["input_size"]),
        "is_training": True,
        "use_prefetcher": True,
        "mean": tuple(preprocessing["mean"]),
        "std": tuple(preprocessing["std"]),
    }
    if augment.resize_only:
        return create_transform(**common, no_aug=True, interpolation=preprocessing["interpolation"])
    return create_transform(
        **common,
        scale=(augment.scale[0], augment.scale[1]),
        ratio=(augment.ratio[0], augment.ratio[1]),
        hflip=augment.hflip,
        vflip=augment.vflip,
        color_jitter=augment.color_jitter,
        auto_augment=augment.auto_augment,
        interpolation=augment.interpolation,
    )


def measuring_transform(preprocessing: dict[str, Any]) -> Callable[[Any], Any]:
    """PIL image -> (3, H, W) uint8, resized and center-cropped."""
    from timm.data import create_transform

    return create_transform(
        input_size=tuple(preprocessing["input_size"]),
        is_training=False,
        use_prefetcher=True,
        mean=tuple(preprocessing["mean"]),
        std=tuple(preprocessing["std"]),
        interpolation=preprocessing["interpolation"],
        crop_pct=preprocessing["crop_pct"],
        crop_mode=preprocessing["crop_mode"],
    )


class Normalize:
    """(B, 3, H, W) uint8 on any device -> float32 there, less the mean, over the standard deviation."""

    def __init__(self, preprocessing: dict[str, Any], device: torch.device, *, channels_last: bool = False) -> None:
        shape = (1, -1, 1, 1)
        self.mean = torch.tensor(preprocessing["mean"], device=device).view(shape) * 255
        self.scale = 1 / (torch.tensor(preprocessing["std"], device=device).view(shape) * 255)
        self.device = device
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def __call__(self, pixels: Tensor) -> Tensor:
        moved = pixels.to(self.device, non_blocking=True)
        return moved.to(torch.float32, memory_format=self.format).sub_(self.mean).mul_(self.scale)
