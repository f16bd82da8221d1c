"""The photograph that the explorer draws on, whatever form the caller holds it in, as a data URL of bounded size."""

from __future__ import annotations

import base64
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from viz_nodes.grids import View

_LOSSLESS_PIXELS = 300 * 300


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture ready for the page.

    Attributes:
        name: how people call it, a file name or "image".
        address: where it was read from, "" where unknown.
        width, height: pixels of the encoded picture.
        view: (left, top, right, bottom) in those pixels, the part the network saw.
        source: the data URL.
        picture: the picture itself.
    """

    name: str
    address: str
    width: int
    height: int
    view: View
    source: str
    picture: Image.Image


def as_photograph(image: Any, *, name: str | None = None, max_side: int = 1600) -> Photograph:
    """Encode a picture.

    Args:
        image: (H, W, 3) uint8, an array or tensor; a PIL image; a path; or a sample as image loaders return it: an
            object with `image`, and where it has them `original` (the full-resolution picture), `view` (the part of
            `original` that the network saw) and `path`.
        name: overrides the name taken from the path.
        max_side: longer side in pixels above which the picture is made smaller.

    Raises:
        TypeError: `image` is none of these, or not uint8.
        ValueError: not of an image's shape.
    """
    path, view = "", None
    if isinstance(image, (str, os.PathLike)):
        path = os.fsdecode(image)
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    elif isinstance(image, Image.Image):
        path = str(getattr(image, "filename", "") or "")
        picture = ImageOps.exif_transpose(image).convert("RGB")
    elif hasattr(image, "image"):
        path = os.fsdecode(getattr(image, "path", None) or "")
        original = getattr(image, "original", None)
        full = original is not None
        picture = _from_array(original if full else image.image)
        view = getattr(image, "view", None) if full else None
    else:
        picture = _from_array(image)
    width, height = picture.size
    seen = tuple(float(v) for v in view) if view is not None else (0.0, 0.0, float(width), float(height))
    shrink = min(1.0, max_side / max(width, height))
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        seen = tuple(v * (size[i % 2] / (width, height)[i % 2]) for i, v in enumerate(seen))
    return Photograph(
        name=name if name is not None else (Path(path).name or "image"),
        address=path,
        width=picture.width,
        height=picture.height,
        view=seen,  # type: ignore[arg-type]
        source=_data_url(picture),
        picture=picture,
    )


def _from_array(image: Any) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if not hasattr(image, "shape"):
        raise TypeError(f"`image` must be an array, PIL image, path or loaded sample (got {type(image).__name__})")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise TypeError(f"`image` must be uint8 in 0..255 (got {pixels.dtype}); what a network saw is `sample.image`")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"`image` must have shape (H, W, 3) (got {tuple(np.shape(image))})")
    return Image.fromarray(np.ascontiguousarray(pixels))


def _data_url(picture: Image.Image) -> str:
    """PNG for small pictures, whose pixels people will see one by one; JPEG without color subsampling for others."""
    stream = io.BytesIO()
    if picture.width * picture.height <= _LOSSLESS_PIXELS:
        picture.save(stream, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(stream, "JPEG", quality=90, subsampling=0, optimize=True)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
