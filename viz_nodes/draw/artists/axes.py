"""What every painter does first: put the photograph on the Axes, in pixels, and measure a patch on paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.photograph import Picture, Raster, add_raster, as_picture
from viz_nodes.explanation import Explanation
from viz_nodes.grids import Grid, View

FINEST_GRID = 2.4
"""Points between lines below which a patch grid would run into a gray."""


@dataclass(frozen=True)
class Stage:
    """An Axes ready to be painted on, in the pixels of the image shown.

    Attributes:
        size: (height, width) of that image.
        view: the part of it that the network saw.
        points_per_pixel: how large one of its pixels is on paper.
        photograph: its artist, None where no image was given.
    """

    size: tuple[int, int]
    view: View
    points_per_pixel: float
    photograph: Raster | None

    def pitch(self, grid: Grid) -> float:
        """Points on paper between two nodes of a grid, the smaller of across and down."""
        left, top, right, bottom = self.view
        return self.points_per_pixel * min((right - left) / grid[1], (bottom - top) / grid[0])

    def pixels(self, points: float) -> float:
        """Length in image pixels of a length on paper."""
        return points / self.points_per_pixel


def set_stage(ax: Axes, exp: Explanation, image: np.ndarray | Picture | None, view: View | None) -> Stage:
    """Show `image` on `ax` with equal aspect and no ticks.

    Where `image` is None the Axes stays without a photograph; if an earlier painter put one there, its frame is kept.
    """
    earlier = next((artist for artist in ax.get_children() if isinstance(artist, Raster) and artist.frame), None)
    photograph: Raster | None = None
    if image is not None:
        picture = as_picture(image)
        size = picture.size
    elif earlier is not None and earlier.frame is not None:
        size = earlier.frame
        view = view if view is not None else earlier.view
    else:
        size = exp.image_size
    height, width = size
    seen = view if view is not None else (0.0, 0.0, float(width), float(height))
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    if not isinstance(ax, Panel):
        ax.tick_params(which="both", bottom=False, left=False, labelbottom=False, labelleft=False)
    if image is not None:
        photograph = add_raster(ax, picture, (0, width, height, 0), smooth=True, zorder=0)
        photograph.frame, photograph.view = size, seen
    box = ax.get_window_extent()
    inches = min(box.width / width, box.height / height) / ax.figure.dpi
    left, top, right, bottom = (float(edge) for edge in seen)
    return Stage(size, (left, top, right, bottom), max(inches * 72.0, 1e-6), photograph)


def frame(ax: Axes, color: str, width: float = 0.4) -> None:
    """Draw the Axes' own frame as a hairline."""
    for spine in ax.spines.values():
        spine.set_color(color)
        spine.set_linewidth(width)


def add_veil(ax: Axes, stage: Stage, color: str, strength: float, zorder: float) -> Rectangle | None:
    """Lay an even color over the photograph, which pales and calms it and stays a vector."""
    if strength <= 0:
        return None
    veil = Rectangle((0, 0), stage.size[1], stage.size[0], facecolor=color, alpha=strength, linewidth=0, zorder=zorder)
    ax.add_artist(veil)
    return veil


def add_patch_grid(
    ax: Axes, stage: Stage, grid: Grid, color: str, *, alpha: float = 0.22, width: float = 0.3, zorder: float = 1.0
) -> LineCollection:
    """The lines between patches, in one artist."""
    left, top, right, bottom = stage.view
    xs, ys = np.linspace(left, right, grid[1] + 1), np.linspace(top, bottom, grid[0] + 1)
    lines = [[(x, top), (x, bottom)] for x in xs] + [[(left, y), (right, y)] for y in ys]
    artist = LineCollection(lines, colors=color, linewidths=width, alpha=alpha, zorder=zorder)
    ax.add_collection(artist, autolim=False)
    return artist
