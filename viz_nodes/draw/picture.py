"""The photograph below every painting: checked once, resized once, shared by all panels that show it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from viz_nodes.grids import View


@dataclass(frozen=True, eq=False)
class Picture:
    """A raster and the pixel coordinates it spans.

    Attributes:
        rgba: (h, w, 4) uint8, what is drawn.
        size: (height, width) in the pixels that nodes and views are measured in; larger than the raster when the
            raster was made smaller for the printed size.
    """

    rgba: np.ndarray
    size: tuple[int, int]

    def fitted(self, width: float, *, most_enlarged: float = 4.0) -> Picture:
        """The same picture with a raster about `width` pixels wide, so that no painter resamples it again.

        A picture is enlarged at most `most_enlarged` times: beyond that a viewer's own smoothing does as well.
        """
        have_h, have_w = self.rgba.shape[:2]
        scale = min(width / have_w, most_enlarged)
        new_w, new_h = max(1, round(have_w * scale)), max(1, round(have_h * scale))
        if (new_w, new_h) == (have_w, have_h):
            return self
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return Picture(np.ascontiguousarray(cv2.resize(self.rgba, (new_w, new_h), interpolation=how)), self.size)


def as_picture(image: np.ndarray | Picture) -> Picture:
    """Check pixels given by a caller.

    Args:
        image: (H, W, 3) uint8, RGB; (H, W) gray and (H, W, 4) with opacity are taken too.

    Raises:
        TypeError: not uint8.
        ValueError: not the shape of an image.
    """
    if isinstance(image, Picture):
        return image
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise TypeError(f"`image` must be uint8 in 0..255 (got {pixels.dtype}); what a network saw is `sample.image`")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise ValueError(f"`image` must have shape (H, W, 3) (got {tuple(np.shape(image))})")
    if pixels.shape[2] == 3:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return Picture(np.ascontiguousarray(pixels), (pixels.shape[0], pixels.shape[1]))


class Raster(AxesImage):
    """An image of given RGBA pixels that vector formats take as it is, once.

    matplotlib resamples a shown image anew in each Axes, so a PDF would hold one copy a panel. This one hands its own
    array over instead: the PDF writer then recognises it, and no resolution is lost or invented.

    Attributes:
        pixels: (h, w, 4) uint8.
        frame, view: of the photograph: the size of its coordinates, and what of it the network saw; None for others.
    """

    def __init__(self, ax: Axes, rgba: np.ndarray, extent: tuple[float, float, float, float], *, smooth: bool) -> None:
        super().__init__(ax, interpolation="bicubic" if smooth else "nearest", origin="upper", extent=extent)
        self.set_data(rgba)
        self.pixels = rgba
        self.frame: tuple[int, int] | None = None
        self.view: View | None = None
        self.smooth = smooth
        self.set_clip_path(ax.patch)

    def _check_unsampled_image(self) -> bool:
        return True

    def can_composite(self) -> bool:
        return False

    def make_image(self, renderer, magnification=1.0, unsampled=False):
        image, x, y, transform = super().make_image(renderer, magnification, unsampled)
        return (self.pixels if unsampled else image), x, y, transform


def add_raster(
    ax: Axes, rgba: np.ndarray, extent: tuple[float, float, float, float], *, smooth: bool = True, zorder: float = 0.0
) -> Raster:
    """Put pixels on `ax`, spanning `extent` (left, right, bottom, top) in data units; axis limits stay as they are."""
    raster = Raster(ax, rgba, extent, smooth=smooth)
    raster.set_zorder(zorder)
    ax.add_artist(raster)
    return raster
