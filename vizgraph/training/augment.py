"""What is done to training images: one by one (timm's transforms), then batch by batch (erasing, mixup or cutmix)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vizgraph.data.preprocessing import ByBand, Preprocessing
from vizgraph.errors import ConfigError, first_line
from vizgraph.training.randomness import seeded
from vizgraph.training.schema import AugmentConfig

_BANDS = 4


def training_transform(preprocessing: Preprocessing, augment: AugmentConfig) -> Callable[[Any], Any]:
    """PIL image, or (height, width, C) uint8 of other than three channels -> (C, H, W) uint8, augmented.

    Raises:
        ConfigError: timm knows no such augmentation, or it is one of colors.
    """
    from timm.data import create_transform

    channels = preprocessing.input_size[0]
    if channels != 3 and augment.auto_augment and not augment.resize_only:
        raise ConfigError(
            f"augment.auto_augment={augment.auto_augment}: works on colors, and the network takes {channels} channels; "
            "set augment.auto_augment=null"
        )
    common: dict[str, Any] = {
        "input_size": preprocessing.input_size,
        "is_training": True,
        "use_prefetcher": True,
        "mean": preprocessing.mean,
        "std": preprocessing.std,
    }
    transform: Callable[[Any], Any]
    if augment.resize_only:
        transform = create_transform(**common, no_aug=True, interpolation=preprocessing.interpolation)
        return transform if channels == 3 else ByBand(transform)
    try:
        transform = create_transform(
            **common,
            scale=(augment.scale[0], augment.scale[1]),
            ratio=(augment.ratio[0], augment.ratio[1]),
            hflip=augment.hflip,
            vflip=augment.vflip,
            color_jitter=augment.color_jitter,
            auto_augment=augment.auto_augment,
            interpolation=augment.interpolation,
        )
    # A policy is a little language of timm's, read with assertions and conversions.
    except Exception as error:
        raise ConfigError(
            f"augment.auto_augment={augment.auto_augment}: cannot be read ({type(error).__name__}: "
            f"{first_line(error)}); write it as timm does, rand-m9-mstd0.5-inc1"
        ) from error
    return transform if channels == 3 else AugmentedByBand(transform)


@dataclass(frozen=True)
class AugmentedByBand:
    """`ByBand` where all bands of an image are cut, turned and brightened by the same numbers drawn."""

    transform: Callable[[Any], Any]

    def __call__(self, values: Any) -> Any:
        key = random.getrandbits(32)

        def augmented(band: Any) -> Any:
            with seeded(_BANDS, key):
                return self.transform(band)

        return ByBand(augmented)(values)


class Mixing:
    """Erases and mixes batches as a config says; draws from the generators of the process.

    Args:
        config: what to do.
        classes: number of classes.
        device: of the batches.

    Attributes:
        mixup: timm's `Mixup`, or None.
        erase: timm's `RandomErasing`, or None.
    """

    def __init__(self, config: AugmentConfig, classes: int, device: torch.device) -> None:
        self.config = config
        self.mixup: Any = None
        self.erase: Any = None
        if config.mixes:
            from timm.data import Mixup

            self.mixup = Mixup(  # type: ignore[no-untyped-call]
                mixup_alpha=config.mixup,
                cutmix_alpha=config.cutmix,
                cutmix_minmax=config.cutmix_minmax,
                prob=config.mixup_prob,
                switch_prob=config.mixup_switch_prob,
                mode=config.mixup_mode,
                label_smoothing=config.smoothing,
                num_classes=classes,
            )
        if config.erase:
            from timm.data.random_erasing import RandomErasing

            self.erase = RandomErasing(  # type: ignore[no-untyped-call]
                config.erase, mode=config.erase_mode, max_count=config.erase_count, device=device
            )

    def start_epoch(self, epoch: int) -> None:
        """Mixup and cutmix end at the epoch that the config names."""
        if self.mixup is not None:
            self.mixup.mixup_enabled = not 0 < self.config.mixup_off_epoch <= epoch

    def __call__(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, float]:
        """Pixels (B, C, H, W) float and labels (B,), in place; also returns the smoothing that is still to be done.

        Mixed labels are (B, classes) and smoothed already.
        """
        if self.erase is not None:
            pixels = self.erase(pixels)
        if self.mixup is None:
            return pixels, labels, self.config.smoothing
        return *self.mixup(pixels, labels), 0.0
