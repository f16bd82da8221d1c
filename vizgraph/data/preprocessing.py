"""From an image to pixels, by the network's own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

View = tuple[float, float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """What a network's weights were evaluated with, in timm's words.

    Attributes:
        input_size: (channels, height, width).
        mean, std: one number a channel, for values in 0..1.
        interpolation: of the evaluation's resize, "bicubic" or another of timm's names.
        crop_pct: share of the resized image that the evaluation's crop keeps.
        crop_mode: "center", "squash" or "border".
        bands: names of the channels in their order, where the network says them.
    """

    input_size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop_pct: float
    crop_mode: str
    bands: tuple[str, ...] | None = None

    @classmethod
    def of(cls, model: nn.Module) -> Preprocessing:
        """The preprocessing in `model.pretrained_cfg`; what that leaves open is timm's default."""
        from timm.data import resolve_data_config

        cfg = getattr(model, "pretrained_cfg", None) or {}
        if not isinstance(cfg, Mapping):
            cfg = asdict(cfg) if is_dataclass(cfg) and not isinstance(cfg, type) else vars(cfg)
        resolved = resolve_data_config(pretrained_cfg=dict(cfg), model=model)  # type: ignore[no-untyped-call]
        channels, height, width = resolved["input_size"]
        channels = _channels_of(model, cfg) or channels
        bands = cfg.get("bands")
        return cls(
            (int(channels), int(height), int(width)),
            _per_channel(resolved["mean"], channels),
            _per_channel(resolved["std"], channels),
            str(resolved["interpolation"]),
            float(resolved["crop_pct"]),
            str(resolved["crop_mode"]),
            None if bands is None else tuple(map(str, bands)),
        )

    def plain(self) -> dict[str, Any]:
        """The same in plain types, as a checkpoint holds it."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {key: value for key, value in plain.items() if value is not None}

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the input."""
        return self.input_size[1:]

    def squashed(self, image: Image.Image) -> tuple[Image.Image, View]:
        """The whole image at the input size (bilinear, antialiased), and the part of the image that is: all of it."""
        height, width = self.size
        view = (0.0, 0.0, float(image.width), float(image.height))
        return image.resize((width, height), Image.Resampling.BILINEAR), view

    def cropped(self, image: Image.Image) -> tuple[Image.Image, View]:
        """timm's evaluation crop of the image, and the (left, top, right, bottom) of the image that it holds."""
        from timm.data import create_transform

        steps = create_transform(
            self.input_size,
            is_training=False,
            interpolation=self.interpolation,
            crop_pct=self.crop_pct,
            crop_mode=self.crop_mode,
            normalize=False,
        ).transforms
        view = (0.0, 0.0, float(image.width), float(image.height))
        for step in steps:
            after = step(image)
            if not isinstance(after, Image.Image):
                break
            if "Crop" in type(step).__name__:
                view = _cut(view, image.size, after.size)
            image = after
        return image, view

    def evaluation_transform(self) -> Callable[[Any], Any]:
        """From an image to what `cropped` sees of it, (C, H, W) uint8 for `Normalize`.

        Images are PIL's, or (height, width, C) uint8 for networks of other than three channels.
        """
        from timm.data import create_transform

        transform: Callable[[Any], Any] = create_transform(
            input_size=self.input_size,
            is_training=False,
            use_prefetcher=True,
            mean=self.mean,
            std=self.std,
            interpolation=self.interpolation,
            crop_pct=self.crop_pct,
            crop_mode=self.crop_mode,
        )
        return transform if self.input_size[0] == 3 else ByBand(transform)

    def fitted(self, values: np.ndarray, fit: str) -> tuple[np.ndarray, View]:
        """(H, W, C) uint8 at the input size, and the part of `values` it shows: "squash" or "crop"."""
        make = self.squashed if fit == "squash" else self.cropped
        if values.shape[2] == 3:
            image, view = make(Image.fromarray(values))
            return np.array(image), view
        # Pillow resizes images of one, three or four bands; a band at a time is the same.
        planes = [make(Image.fromarray(np.ascontiguousarray(values[..., place]))) for place in range(values.shape[2])]
        return np.stack([np.asarray(image) for image, _ in planes], axis=2), planes[0][1]

    def normalized(self, seen: np.ndarray) -> Tensor:
        """(1, C, H, W) float32 of (H, W, C) uint8: values in 0..1, less the mean, over the standard deviation."""
        values = torch.from_numpy(np.ascontiguousarray(np.moveaxis(seen, 2, 0))).to(torch.float32).div(255)
        mean, std = (torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1) for numbers in (self.mean, self.std))
        return values.sub(mean).div(std)[None]


@dataclass(frozen=True)
class ByBand:
    """(height, width, C) uint8 -> (C, H, W) uint8: a transform of images, of each band as a gray one.

    Pillow resizes images of one, three or four bands; a band at a time is the same.
    """

    transform: Callable[[Any], Any]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        bands = (np.ascontiguousarray(values[..., place]) for place in range(values.shape[2]))
        return np.concatenate([np.asarray(self.transform(Image.fromarray(band))) for band in bands])


class Normalize:
    """(B, C, H, W) uint8 on any device -> float32 there, less the mean, over the standard deviation.

    Args:
        preprocessing: has mean and standard deviation.
        device: where to.
        channels_last: whether to lay the result out that way.
    """

    def __init__(self, preprocessing: Preprocessing, device: torch.device, *, channels_last: bool = False) -> None:
        shape = (1, -1, 1, 1)
        self.mean = torch.tensor(preprocessing.mean, device=device).view(shape) * 255
        self.scale = 1 / (torch.tensor(preprocessing.std, device=device).view(shape) * 255)
        self.device = device
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def __call__(self, pixels: Tensor) -> Tensor:
        moved = pixels.to(self.device, non_blocking=True)
        return moved.to(torch.float32, memory_format=self.format).sub_(self.mean).mul_(self.scale)


def _channels_of(model: nn.Module, cfg: Mapping[str, Any]) -> int | None:
    """How many channels a network was built for: timm's `in_chans` leaves the configuration of three as it was."""
    own = getattr(model, "in_chans", None)
    if own is None and isinstance(name := cfg.get("first_conv"), str):
        first = dict(model.named_modules()).get(name)
        # One in groups, or of patches that were laid side by side, says another number.
        own = first.in_channels if isinstance(first, nn.Conv2d) and first.groups == 1 else None
    return own if isinstance(own, int) and own > 0 else None


def _per_channel(values: Any, channels: int) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) == channels:
        return numbers
    # A network of other channels built from a color configuration: their mean.
    return (sum(numbers) / len(numbers),) * channels


def _cut(
    view: tuple[float, float, float, float], before: tuple[int, int], after: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The view left by a center crop (or padding) from one (width, height) to another.

    torchvision's rule: a crop begins at round(surplus / 2), padding has floor(lack / 2) first.
    """
    kept = []
    for axis in (0, 1):
        start, end = view[axis], view[axis + 2]
        scale = (end - start) / before[axis]
        surplus = before[axis] - after[axis]
        offset = round(surplus / 2) if surplus >= 0 else -(-surplus // 2)
        kept.append((start + offset * scale, start + (offset + after[axis]) * scale))
    (left, right), (top, bottom) = kept
    return left, top, right, bottom
