"""Open image files safely, and make of them what a network takes."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

import numpy as np
from PIL import Image, ImageOps

from vizgraph.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor, nn

Fit = Literal["squash", "crop"]
View = tuple[float, float, float, float]

MAX_PIXELS = 178_956_970
"""Images with more pixels are refused: half a gigabyte decoded, from a file that may hold a few bytes."""
FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "TIFF",
    "BMP",
    "DIB",
    "MPO",
    "JPEG2000",
    "AVIF",
    "PPM",
    "TGA",
    "ICO",
    "PCX",
    "SGI",
    "QOI",
)
"""What is read. Formats that start other programs (EPS) or only work on one system (WMF) are not."""
MAX_ELONGATION = 100
_SHORT_PIXEL = 65535


@dataclass(frozen=True, eq=False)
class Sample:
    """An image as a network takes it, and as it was.

    Attributes:
        pixels: (1, C, H, W) float32, normalised for the network.
        image: (H, W, 3) uint8 RGB, exactly what the network sees before it is normalised.
        original: (height, width, 3) uint8 RGB, upright, the whole image.
        view: (left, top, right, bottom) of what the network sees, in pixels of `original`; beyond its edges where the
            network's preprocessing pads.
        path: the file, None for an image that came from memory.
    """

    pixels: Tensor
    image: np.ndarray
    original: np.ndarray
    view: View
    path: Path | None = None


def load_image(path: str | os.PathLike[str], model: nn.Module, *, fit: Fit = "squash") -> Sample:
    """Open an image and prepare it for a network.

    Args:
        path: the file.
        model: the network; its own size, mean, std, interpolation and crop are used (`model.pretrained_cfg`).
        fit: "squash" resizes the whole image to the network's size (bilinear, antialiased), so that nothing is cut
            off; "crop" is the resize and center crop that the network is evaluated with.

    Raises:
        ImageError: the file cannot be read as an image.
        ValueError: no such fit.
    """
    sample = prepare(open_image(path), model, fit=fit)
    return Sample(sample.pixels, sample.image, sample.original, sample.view, Path(path))


def prepare(image: np.ndarray | Image.Image, model: nn.Module, *, fit: Fit = "squash") -> Sample:
    """Prepare an image that is in memory; arguments as `load_image`.

    Args:
        image: (height, width, 3) uint8 RGB, or a PIL image of any mode.
    """
    from vizgraph.data.preprocessing import Preprocessing

    if fit not in get_args(Fit):
        raise ValueError(f"`fit` must be one of {', '.join(get_args(Fit))} (got {fit!r})")
    if isinstance(image, Image.Image):
        image = as_rgb(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"`image` must be (height, width, 3) uint8 (got {image.shape} {image.dtype})")
    height, width = image.shape[:2]
    if fit == "crop" and max(height, width) > MAX_ELONGATION * min(height, width):
        raise ImageError(f"the image is {width} x {height}, too elongated to crop; squash it (fit='squash')")
    preprocessing = Preprocessing.of(model)
    whole = Image.fromarray(image)
    seen, view = preprocessing.squashed(whole) if fit == "squash" else preprocessing.cropped(whole)
    return Sample(preprocessing.normalised(seen), np.array(seen), image, view)


def open_image(path: str | os.PathLike[str] | BinaryIO) -> np.ndarray:
    """Read an image file (or an open one) as people see it, (height, width, 3) uint8 RGB.

    EXIF rotation is honoured, transparency is laid on white, 16-bit values are scaled to 8 bits by their full range,
    gray, palette and CMYK become RGB, and of an animation or a stack of pages the first is taken.

    Raises:
        ImageError: the file is not there, is no image, is damaged or cut short, or has more than `MAX_PIXELS`.
    """
    if isinstance(path, str | os.PathLike):
        path = name = Path(path)
    else:
        name = Path(str(getattr(path, "name", "the image")))
    try:
        with warnings.catch_warnings():
            # PIL warns of odd metadata and of sizes from half the limit below on; what matters is an error here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_readable()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                image.load()
                return as_rgb(image)
    except FileNotFoundError:
        reason = "there is no such file; check the name"
    except IsADirectoryError:
        reason = "it is a folder; name an image in it"
    except PermissionError:
        reason = "it may not be read; check its permissions"
    except Image.UnidentifiedImageError:
        empty = name.is_file() and name.stat().st_size == 0
        reason = "the file is empty" if empty else f"it is no image of a known format ({', '.join(FORMATS[:5])}, ...)"
    except (Image.DecompressionBombError, MemoryError):
        reason = f"it has more than the {MAX_PIXELS:,} pixels that are allowed; make it smaller"
    except Exception as error:
        # Decoders meet hostile bytes and fail in any way they like; all of them mean a bad file.
        said = " ".join(str(error).split())[:120] or type(error).__name__
        reason = f"it is damaged or cut short ({said}); get the file again"
    raise ImageError(f"{name}: {reason}")


def _readable() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def as_rgb(image: Image.Image) -> np.ndarray:
    """(height, width, 3) uint8 of a decoded image of any mode, as `open_image` says."""
    image = _upright(image)
    if image.mode.startswith("I") or image.mode == "F":
        gray = _eight_bits(np.asarray(image, dtype=np.float64), image.mode)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return np.array(image.convert("RGB"))


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF orientation says; one that cannot be read says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Values of more than 8 bits as uint8.

    16-bit values are divided by their full range. 32-bit and floating values have no range of their own: within
    0..65535 or 0..1 that range is taken, otherwise that from their smallest to their largest.
    """
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    full = 1.0 if mode == "F" else float(_SHORT_PIXEL)
    if mode == "F" and 1.0 < high <= 255.0:
        full = 255.0
    if low >= 0 and high <= full:
        low, high = 0.0, full
    return np.rint((values - low) * (255.0 / max(high - low, 1e-12))).astype(np.uint8)
