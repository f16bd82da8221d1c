"""Open image files safely, and make of them, or of any other image, what a network takes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

import numpy as np
from PIL import Image

from viz_nodes.text import quoted
from vizgraph.data.decoding import FORMATS, decode, name_of
from vizgraph.data.limits import AS_USUAL, MAX_PIXELS, Reading
from vizgraph.data.rasters import Range, Raster, as_rgb, from_array, from_pil
from vizgraph.errors import ImageError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vizgraph.data.preprocessing import Preprocessing

__all__ = [
    "FORMATS",
    "MAX_ELONGATION",
    "MAX_PIXELS",
    "Fit",
    "ImageError",
    "ImageWarning",
    "Raster",
    "Sample",
    "as_rgb",
    "as_seen",
    "channels_of",
    "load_image",
    "open_image",
    "prepare",
    "read_image",
]

Fit = Literal["squash", "crop"]
View = tuple[float, float, float, float]
Bands = Sequence["str | int"]

MAX_ELONGATION = 100
"""How many times as long as it is wide an image may be that is cropped: the resize before asks for so much memory."""


class ImageWarning(UserWarning):
    """Something about an image had to be guessed, or was left out."""


@dataclass(frozen=True, eq=False)
class Sample:
    """An image as a network takes it, and as it was.

    Attributes:
        pixels: (1, C, H, W) float32, normalized for the network.
        image: (H, W, 3) uint8 RGB, what the network sees before it is normalized; of more than three bands the colors.
        original: (height, width, 3) uint8 RGB, upright, the whole image.
        view: (left, top, right, bottom) of what the network sees, in pixels of `original`; beyond its edges where the
            network's preprocessing pads.
        path: the file, None for an image that came from memory.
        notes: what was guessed about the image or left out, in sentences.
        sha256: of the file that was decoded; "" for an image that came from memory.
        raster: the whole image with all its bands.
    """

    pixels: Tensor
    image: np.ndarray
    original: np.ndarray
    view: View
    path: Path | None = None
    notes: tuple[str, ...] = ()
    sha256: str = ""
    raster: Raster | None = None


def load_image(
    source: Any,
    model: nn.Module,
    *,
    fit: Fit = "squash",
    bands: Bands | None = None,
    value_range: Range | None = None,
    frame: int = 1,
    max_pixels: int | None = None,
) -> Sample:
    """Prepare an image for a network; what is guessed about it is warned of, and in `Sample.notes`.

    Args:
        source: a file, an open one or its bytes; a PIL image; an array or tensor of any type, (H, W), (H, W, C) or
            (C, H, W); a `Sample`, prepared for another network or in another way.
        model: the network; its own size, mean, std, interpolation and crop are used (`model.pretrained_cfg`).
        fit: "squash" resizes the whole image to the network's size (bilinear, antialiased), so that nothing is cut
            off; "crop" is the resize and center crop that the network is evaluated with.
        bands: which bands of the image the network's channels are, by name ("red", "nir") or number from 1. By default
            those that `model.pretrained_cfg["bands"]` names, else colors for three channels, gray for one, and all
            bands in their order for any other number.
        value_range: (black, white) of values of more than 8 bits, such as (0, 4095).
        frame: which frame of an animation or page of a stack, from 1.
        max_pixels: how many pixels are allowed, whatever memory they take.

    Raises:
        ImageError: the file cannot be read as an image, or has not the bands that the network takes.
        UsageError: no such fit or band, or nothing that could be an image.
    """
    from vizgraph.data.preprocessing import Preprocessing

    if fit not in get_args(Fit):
        raise UsageError(f"`fit` must be one of {', '.join(get_args(Fit))} (got {quoted(fit)})")
    preprocessing = Preprocessing.of(model)
    path = Path(source) if isinstance(source, (str, os.PathLike)) else getattr(source, "path", None)
    reading = Reading(preprocessing.input_size[0], frame, value_range, max_pixels, digest=True)
    raster = read_image(source, reading)
    sample = _prepared(raster, preprocessing, fit, bands, str(path or "the image"))
    for note in sample.notes:
        warnings.warn(f"{path or 'the image'}: {note}", ImageWarning, stacklevel=2)
    return replace(sample, path=path)


def prepare(image: Any, model: nn.Module, *, fit: Fit = "squash") -> Sample:
    """`load_image` of what is in memory."""
    return load_image(image, model, fit=fit)


def read_image(source: Any, reading: Reading = AS_USUAL) -> Raster:
    """The one way from anything that is an image to its bands; says what it guessed in `Raster.notes`, and no more.

    Args:
        source: as in `load_image`.
        reading: which frame, range and so on; how many channels the network has that it is for.

    Raises:
        ImageError: the file cannot be read as an image.
        UsageError: it is nothing that could be an image.
    """
    if isinstance(source, Raster):
        return source
    if isinstance(source, Sample):
        return source.raster if source.raster is not None else from_array(source.original)
    if isinstance(source, Image.Image):
        return from_pil(source, value_range=reading.value_range)
    if isinstance(source, (str, os.PathLike, bytes)) or hasattr(source, "read"):
        return decode(source, reading)
    if isinstance(source, (np.ndarray, list, tuple)) or hasattr(source, "detach") or hasattr(source, "__array__"):
        return from_array(source, value_range=reading.value_range)
    raise UsageError(
        f"an image must be a file, a PIL image, an array, a tensor or a sample (got {type(source).__name__})"
    )


def open_image(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    frame: int = 1,
    value_range: Range | None = None,
    max_pixels: int | None = None,
) -> np.ndarray:
    """Read an image file (or an open one) as people see it, (height, width, 3) uint8 RGB.

    EXIF rotation is honoured, transparency is laid on white, values of more bits are scaled to 8 by their full range,
    gray, palette and CMYK become RGB, and of an animation or a stack of pages the first is taken, with a warning. An
    image of more than 40 million pixels is made smaller by a whole factor, with a warning, too.

    Args:
        frame, value_range, max_pixels: as in `load_image`.

    Raises:
        ImageError: the file is not there, is no image, is damaged or cut short, or too large.
    """
    raster = decode(path, Reading(frame=frame, value_range=value_range, max_pixels=max_pixels))
    for note in raster.notes:
        warnings.warn(f"{name_of(path)}: {note}", ImageWarning, stacklevel=2)
    return raster.rgb()


def _prepared(raster: Raster, preprocessing: Preprocessing, fit: Fit, bands: Bands | None, name: str) -> Sample:
    height, width = raster.size
    if fit == "crop" and max(height, width) > MAX_ELONGATION * min(height, width):
        raise ImageError(f"{name}: the image is {width} x {height}, too elongated to crop; squash it (fit='squash')")
    count = preprocessing.input_size[0]
    try:
        values, notes = channels_of(raster, preprocessing, bands)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    seen, view = preprocessing.fitted(values, fit)
    original = raster.rgb()
    image = seen if count == 3 else as_seen(seen)
    return Sample(
        preprocessing.normalized(seen), image, original, view, None, (*raster.notes, *notes), raster.sha256, raster
    )


def channels_of(
    raster: Raster, preprocessing: Preprocessing, bands: Bands | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """`Raster.channels` for a network: the bands asked for, else those it names where the image has them.

    Raises:
        ImageError: the bands are not as many as the channels.
        UsageError: there is no such band.
    """
    wanted = bands or preprocessing.bands
    if bands is None and wanted is not None and not set(wanted) <= set(raster.bands):
        wanted = None
    return raster.channels(preprocessing.input_size[0], wanted)


def as_seen(seen: np.ndarray) -> np.ndarray:
    """(H, W, 3) to look at of (H, W, C): one band as gray, of more the first three."""
    return np.repeat(seen[..., :1], 3, axis=2) if seen.shape[2] < 3 else np.ascontiguousarray(seen[..., :3])
