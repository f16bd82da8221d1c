"""An image as a data set gives it, made what a transform takes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import EpsImagePlugin, Image

from vizgraph.data.images import MAX_ELONGATION, as_rgb, read_image
from vizgraph.errors import ImageError


def upright_rgb(image: Any) -> Image.Image:
    """An image as a data set gives it (pixels, a PIL image of any mode, an open file) in RGB, as `render` reads it.

    Raises:
        ImageError: it cannot be read, or is too elongated to crop: the resize that a crop begins with would ask for any
            amount of memory.
    """
    if isinstance(image, Image.Image):
        pixels = as_rgb(image)
    elif isinstance(image, np.ndarray):
        pixels = image
    else:
        with contextlib.closing(image):
            pixels = read_image(image).rgb()
    require_croppable(pixels)
    return Image.fromarray(pixels)


def require_croppable(pixels: np.ndarray) -> None:
    """Refuse an image whose crop would begin with a resize to any amount of memory.

    Raises:
        ImageError: it is too elongated.
    """
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_ELONGATION * min(height, width):
        raise ImageError(f"the image is {width} x {height}, too elongated to crop; cut it, or remove it")


@contextlib.contextmanager
def no_other_programs() -> Iterator[None]:
    """Meanwhile Pillow starts no Ghostscript, whatever an image of a data set turns out to be."""
    before = EpsImagePlugin.gs_binary
    EpsImagePlugin.gs_binary = False
    try:
        yield
    finally:
        EpsImagePlugin.gs_binary = before
