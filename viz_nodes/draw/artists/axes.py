"""What every painter does first: put the photograph on the Axes, in pixels, and measure a patch on paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.photograph import Picture, Raster, add_raster, as_picture
from viz_nodes.draw.geometry.places import ShownPlaces, grid_places, places_of
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.grids import Grid, View

FINEST_GRID = 2.4
"""Points between lines below which a patch grid would run into a gray."""


@dataclass(frozen=True)
class ImageAxes:
    """An Axes ready to be painted on, in the pixels of the image shown.

    Attributes:
        ax: the Axes.
        size: (height, width) of that image.
        view: the part of it that the network saw.
        window: the part of it that is shown: left, top, right, bottom.
        points_per_pixel: how large one of its pixels is on paper.
        photograph: its artist, None where no image was given.
        row: of the explanation that is painted.
    """

    ax: Axes
    size: tuple[int, int]
    view: View
    window: View
    points_per_pixel: float
    photograph: Raster | None
    row: int = 0

    def places(self, layer: LayerExplanation, *, keys: bool = False) -> ShownPlaces:
        """Where a layer's nodes, or key nodes, lie."""
        return places_of(layer, self.size, self.view, keys=keys, row=self.row)

    def pitch(self, places: ShownPlaces) -> float:
        """Points on paper between two nodes, the smaller of across and down."""
        return self.points_per_pixel * places.pitch

    def pixels(self, points: float) -> float:
        """Length in image pixels of a length on paper."""
        return points / self.points_per_pixel

    @property
    def width(self) -> float:
        """Points that the picture is wide."""
        return self.points_per_pixel * (self.window[2] - self.window[0])


def require_on_an_image(exp: Explanation) -> None:
    """Points, and graphs that a network is given without an image, are drawn on none.

    Raises:
        ValueError: that is what was explained.
    """
    if exp.image_size[0] == 1 and all(layer.grid[0] == 1 and layer.placed is False for layer in exp.layers):
        raise ValueError(
            "the nodes of this explanation lie on no image, for the network was given none: leave `image` out, or use "
            "its tables and graphs"
        )


def image_axes(
    ax: Axes,
    exp: Explanation,
    image: np.ndarray | Picture | None,
    view: View | None,
    window: View | None = None,
    row: int = 0,
) -> ImageAxes:
    """Show `image` on `ax` with equal aspect and no ticks.

    Where `image` is None the Axes stays without a photograph; if an earlier painter put one there, its frame is kept.

    Args:
        view: the part of the image that the network saw; None for what the picture itself says, else all of it.
        window: show this part of the image only.
        row: of the explanation.
    """
    earlier = next((artist for artist in ax.get_children() if isinstance(artist, Raster) and artist.frame), None)
    photograph: Raster | None = None
    if image is not None:
        require_on_an_image(exp)
    picture = None if image is None else as_picture(image)
    if picture is not None:
        size, view = picture.size, view if view is not None else picture.view
    elif earlier is not None and earlier.frame is not None:
        size = earlier.frame
        view = view if view is not None else earlier.view
    else:
        size = exp.image_size
    height, width = size
    seen = view if view is not None else (0.0, 0.0, float(width), float(height))
    shown = window if window is not None else (0.0, 0.0, float(width), float(height))
    ax.set_xlim(shown[0], shown[2])
    ax.set_ylim(shown[3], shown[1])
    ax.set_aspect("equal")
    if not isinstance(ax, Panel):
        ax.tick_params(which="both", bottom=False, left=False, labelbottom=False, labelleft=False)
    box = ax.get_window_extent()
    inches = min(box.width / (shown[2] - shown[0]), box.height / (shown[3] - shown[1])) / ax.figure.dpi
    scale = max(inches * 72.0, 1e-6)
    if picture is not None:
        part, extent = (picture, (0.0, float(width), float(height), 0.0)) if window is None else picture.part(window)
        photograph = add_raster(ax, part, extent, smooth=True, zorder=0)
        photograph.frame, photograph.view = size, seen
    left, top, right, bottom = (float(edge) for edge in seen)
    return ImageAxes(ax, size, (left, top, right, bottom), shown, scale, photograph, row)


def frame(ax: Axes, color: str, width: float = 0.4) -> None:
    """Draw the Axes' own frame as a hairline."""
    for spine in ax.spines.values():
        spine.set_color(color)
        spine.set_linewidth(width)


def add_veil(on: ImageAxes, color: str, strength: float, zorder: float) -> Rectangle | None:
    """Lay an even color over the photograph, which pales and calms it and stays a vector."""
    if strength <= 0:
        return None
    veil = Rectangle((0, 0), on.size[1], on.size[0], facecolor=color, alpha=strength, linewidth=0, zorder=zorder)
    on.ax.add_artist(veil)
    return veil


def add_patch_grid(
    on: ImageAxes, places: ShownPlaces, color: str, *, alpha: float = 0.22, width: float = 0.3, zorder: float = 1.0
) -> LineCollection:
    """The lines between patches, in one artist."""
    artist = LineCollection(list(places.lines), colors=color, linewidths=width, alpha=alpha, zorder=zorder)
    on.ax.add_collection(artist, autolim=False)
    return artist


def places_on(on: ImageAxes, grid: Grid) -> ShownPlaces:
    """Where the nodes of a grid lie that is no layer's."""
    return grid_places(grid, on.size, on.view)
