"""The photograph below every painting: checked once, resized once, shared by all panels that show it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from viz_nodes.grids import View

_MOST_SIZES = 6
"""Sizes of a picture that are kept: the panels of a sheet share one, those beside a bar have others."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, and the raster of them that is drawn.

    Attributes:
        source: (h, w, 4) uint8, as they were given.
        size: (height, width) in the pixels that nodes and views are measured in.
        shape: (height, width) of the raster that vector formats hold; smaller or larger than the source after
            `fitted`, for the printed size.
        view: what the network saw of it, as (left, top, right, bottom); None for all, or where it is not known.
    """

    source: np.ndarray
    size: tuple[int, int]
    shape: tuple[int, int]
    view: View | None = None
    _made: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def rgba(self) -> np.ndarray:
        """(h, w, 4) uint8, the raster."""
        return self.scaled(*self.shape)

    def scaled(self, height: int, width: int) -> np.ndarray:
        """(height, width, 4) uint8; made once for all panels of this size."""
        have_h, have_w = self.source.shape[:2]
        if (height, width) == (have_h, have_w):
            return self.source
        if (height, width) not in self._made:
            while len(self._made) >= _MOST_SIZES:
                del self._made[next(iter(self._made))]
            how = cv2.INTER_AREA if width < have_w else cv2.INTER_CUBIC
            self._made[height, width] = cv2.resize(self.source, (width, height), interpolation=how)
        return self._made[height, width]

    def fitted(self, width: float, *, most_enlarged: float = 4.0) -> Picture:
        """The same picture with a raster about `width` pixels wide, so that no viewer has to hold more or guess more.

        A picture is enlarged at most `most_enlarged` times: beyond that a viewer's own smoothing does as well.
        """
        have_h, have_w = self.source.shape[:2]
        scale = min(width / have_w, most_enlarged)
        return replace(self, shape=(max(1, round(have_h * scale)), max(1, round(have_w * scale))))

    def part(self, box: View) -> tuple[Picture, tuple[float, float, float, float]]:
        """A part of the picture in all the pixels it has, and its extent (left, right, bottom, top)."""
        high, wide = self.source.shape[:2]
        down, across = high / self.size[0], wide / self.size[1]
        left, right = (int(np.clip(round(x * across), 0, wide)) for x in (box[0], box[2]))
        top, bottom = (int(np.clip(round(y * down), 0, high)) for y in (box[1], box[3]))
        left, top = min(left, wide - 1), min(top, high - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        pixels = np.ascontiguousarray(self.source[top:bottom, left:right])
        size = (bottom - top, right - left)
        factor = max(1, min(4, round(400 / max(size))))
        return (
            Picture(pixels, size, (size[0] * factor, size[1] * factor)),
            (left / across, right / across, bottom / down, top / down),
        )


def as_picture(image: Any) -> Picture:
    """Check pixels given by a caller.

    Args:
        image: (H, W, 3) uint8, RGB; (H, W) gray and (H, W, 4) with opacity are taken too. A sample with `original` and
            `view`, as `vizgraph.load_image` returns it, is the whole photograph with the part that the network saw.

    Raises:
        TypeError: not uint8.
        ValueError: not the shape of an image.
    """
    if isinstance(image, Picture):
        return image
    if hasattr(image, "original") and hasattr(image, "view"):
        view: Any = image.view
        whole = as_picture(image.original)
        if view is None:
            return whole
        left, top, right, bottom = (float(edge) for edge in view)
        return replace(whole, view=(left, top, right, bottom))
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        raise TypeError(f"`image` must be uint8 in 0..255 (got {pixels.dtype}); what a network saw is `sample.image`")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise ValueError(f"`image` must have shape (H, W, 3) (got {tuple(np.shape(image))})")
    if pixels.shape[2] == 3:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    size = (pixels.shape[0], pixels.shape[1])
    return Picture(np.ascontiguousarray(pixels), size, size)


class Raster(AxesImage):
    """An image of given RGBA pixels that is drawn as it is: once in a vector format, resized once for a raster one.

    matplotlib resamples a shown image anew in each Axes, so a PDF would hold one copy a panel, and a PNG would spend
    most of its time on it. This one hands its own array over instead, which the PDF writer then recognises, and asks
    `scaled` for pixels of just the size that they have on a canvas.

    Attributes:
        frame, view: of the photograph: the size of its coordinates, and what of it the network saw; None for others.
    """

    def __init__(
        self, ax: Axes, raster: np.ndarray | Picture, extent: tuple[float, float, float, float], *, smooth: bool
    ) -> None:
        super().__init__(ax, interpolation="bicubic" if smooth else "nearest", origin="upper", extent=extent)
        self._raster = raster
        self.set_data(np.zeros((1, 1, 4), np.uint8))  # a place holder; the pixels themselves would be copied
        self.frame: tuple[int, int] | None = None
        self.view: View | None = None
        self.smooth = smooth
        self.set_clip_path(ax.patch)

    @property
    def pixels(self) -> np.ndarray:
        """(h, w, 4) uint8."""
        return self._raster.rgba if isinstance(self._raster, Picture) else self._raster

    def scaled(self, height: int, width: int) -> np.ndarray:
        """The pixels at another size."""
        if isinstance(self._raster, Picture):
            return self._raster.scaled(height, width)
        how = cv2.INTER_LINEAR if self.smooth else cv2.INTER_NEAREST_EXACT
        return cv2.resize(self._raster, (width, height), interpolation=how)

    def _check_unsampled_image(self) -> bool:
        return True

    def can_composite(self) -> bool:
        return False

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        box = None if unsampled or magnification != 1.0 else self._whole_box()
        if box is not None:
            left, bottom, right, top = box
            return self.scaled(top - bottom, right - left)[::-1], left, bottom, None
        # In a vector format, or where a part of the image is outside the Axes, matplotlib knows where to put it.
        self.set_data(self.pixels)
        image, x, y, transform = super().make_image(renderer, magnification, unsampled)
        return (self.pixels if unsampled else image), x, y, transform

    def _whole_box(self) -> tuple[int, int, int, int] | None:
        """Left, bottom, right and top in pixels of the canvas; None where not all of it is upright within the Axes."""
        left, right, bottom, top = self.get_extent()
        (x0, y0), (x1, y1) = self.get_transform().transform([(left, bottom), (right, top)])
        around = self.axes.bbox
        inside = min(x0 - around.x0, around.x1 - x1, y0 - around.y0, around.y1 - y1) > -0.01
        if not inside or x1 <= x0 or y1 <= y0:
            return None
        box = (round(x0 - 1e-6), round(y0 - 1e-6), round(x1 - 1e-6), round(y1 - 1e-6))
        return box if box[0] < box[2] and box[1] < box[3] else None


def add_raster(
    ax: Axes,
    raster: np.ndarray | Picture,
    extent: tuple[float, float, float, float],
    *,
    smooth: bool = True,
    zorder: float = 0.0,
) -> Raster:
    """Put pixels on `ax`, spanning `extent` (left, right, bottom, top) in data units; axis limits stay as they are."""
    shown = Raster(ax, raster, extent, smooth=smooth)
    shown.set_zorder(zorder)
    ax.add_artist(shown)
    return shown
