"""What is done to a whole batch: random erasing, then mixup or cutmix (timm's), and the smoothing of labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vizgraph.training.config import AugmentConfig


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
        if config.mixup > 0 or config.cutmix > 0 or config.cutmix_minmax:
            from timm.data import Mixup

            self.mixup = Mixup(
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

            self.erase = RandomErasing(
                config.erase, mode=config.erase_mode, max_count=config.erase_count, device=device
            )

    def start_epoch(self, epoch: int) -> None:
        """Mixup and cutmix end at the epoch that the config names."""
        if self.mixup is not None:
            self.mixup.mixup_enabled = not 0 < self.config.mixup_off_epoch <= epoch

    def __call__(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, float]:
        """Pixels (B, 3, H, W) float and labels (B,), in place; also returns the smoothing that is still to be done.

        Mixed labels are (B, classes) and smoothed already.
        """
        if self.erase is not None:
            pixels = self.erase(pixels)
        if self.mixup is None:
            return pixels, labels, self.config.smoothing
        return *self.mixup(pixels, labels), 0.0
