"""The marks for nodes: a star for the peak, a diamond for another center, dots, the ring of a node that asks itself."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from viz_nodes.draw.artists.axes import Stage
from viz_nodes.draw.style.palettes import Color, Theme
from viz_nodes.grids import Grid


def star_size(stage: Stage, grid: Grid) -> float:
    """Points across a star: about a patch, within what reads in print."""
    return float(np.clip(0.95 * stage.pitch(grid), 5.8, 11.5))


def dot_size(stage: Stage, grid: Grid) -> float:
    """Points across the dot of a neighbor."""
    return float(np.clip(0.5 * stage.pitch(grid), 2.4, 7.0))


def speck_size(stage: Stage, grid: Grid) -> float:
    """Points across the dot of any other node."""
    return float(np.clip(0.2 * stage.pitch(grid), 0.35, 2.0))


def add_star(
    ax: Axes, stage: Stage, grid: Grid, at: np.ndarray, color: Color, look: Theme, *, is_peak: bool = True
) -> Line2D:
    """The peak's star at a pixel; a diamond where a center is not the peak."""
    size = star_size(stage, grid)
    marker, size = ("*", size) if is_peak else ("D", 0.5 * size)
    (mark,) = ax.plot(
        [at[0]],
        [at[1]],
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=color,
        markeredgecolor=look.rim,
        markeredgewidth=0.05 * size + 0.12,
        zorder=7,
        clip_on=False,
        scalex=False,
        scaley=False,
    )
    return mark


def add_dots(
    ax: Axes,
    at: np.ndarray,
    size: float,
    color: Color,
    *,
    rim: str | None = None,
    rim_width: float = 0.0,
    alpha: float = 1.0,
    zorder: float = 2.0,
) -> Line2D:
    """Dots at (n, 2) pixels, in one artist."""
    (dots,) = ax.plot(
        at[:, 0],
        at[:, 1],
        linestyle="none",
        marker="o",
        markersize=size,
        markerfacecolor=color,
        alpha=alpha,
        markeredgecolor=rim or "none",
        markeredgewidth=rim_width,
        zorder=zorder,
        clip_on=False,
        scalex=False,
        scaley=False,
    )
    return dots


def add_ring(
    ax: Axes, stage: Stage, at: np.ndarray, size: float, color: Color, width: float, look: Theme
) -> list[Circle]:
    """The ring of a center that is its own neighbor: a circle around its mark, as wide as the edge would be."""
    middle = (float(at[0]), float(at[1]))
    radius = stage.pixels(0.5 * size + 0.3 + width / 2)
    rim = Circle(
        middle, radius, fill=False, edgecolor=look.casing, linewidth=width + 0.7, alpha=0.8, zorder=5.8, clip_on=False
    )
    ring = Circle(middle, radius, fill=False, edgecolor=color, linewidth=width, zorder=5.9, clip_on=False)
    ax.add_artist(rim)
    ax.add_artist(ring)
    return [rim, ring]
