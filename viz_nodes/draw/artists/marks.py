"""The marks for nodes: a star for the peak, a diamond for another center, dots, the ring of a node that hears itself.

Sizes are in points and follow from the points between two nodes, so that an edge between adjacent patches has room.
"""

from __future__ import annotations

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.style.palettes import Color, Theme

RING_GAP = 0.25
"""Points of ground between a mark, its ring, and the tips that end there."""
_DIAMOND = 0.62
"""Side of a diamond over the width of the star that it stands for: both fill the same circle."""


def star_size(pitch: float, *, least: float = 4.4) -> float:
    """Points across a star: within a patch, and within what reads in print."""
    return float(np.clip(0.56 * pitch, least, 11.5))


def dot_size(pitch: float) -> float:
    """Points across the dot of a neighbor."""
    return float(np.clip(0.3 * pitch, 1.8, 6.0))


def speck_size(pitch: float) -> float:
    """Points across the dot of any other node."""
    return float(np.clip(0.16 * pitch, 0.35, 1.6))


def ring_limit(star: float) -> float:
    """Points that the ring around a mark may be wide."""
    return 0.2 * star


def mark_radius(star: float, ring: float = 0.0) -> float:
    """Points from a center at which edges end: the same beside a star and a diamond."""
    return 0.5 * star + RING_GAP + (ring + RING_GAP if ring else 0.0)


def add_center(
    on: ImageAxes, size: float, at: np.ndarray, color: Color, theme: Theme, *, is_peak: bool = True
) -> Line2D:
    """The peak's star at a pixel; a diamond where a center is not the peak."""
    marker, across = ("*", size) if is_peak else ("D", _DIAMOND * size)
    (mark,) = on.ax.plot(
        [at[0]],
        [at[1]],
        linestyle="none",
        marker=marker,
        markersize=across,
        markerfacecolor=color,
        markeredgecolor=theme.rim,
        markeredgewidth=0.05 * size + 0.12,
        zorder=7,
        clip_on=False,
        scalex=False,
        scaley=False,
    )
    return mark


def add_dots(
    on: ImageAxes,
    at: np.ndarray,
    size: float,
    color: Color | np.ndarray,
    *,
    rim: str | None = None,
    rim_width: float = 0.0,
    alpha: float = 1.0,
    zorder: float = 2.0,
    clip: bool = False,
) -> Line2D | PathCollection:
    """Dots at (n, 2) pixels of one color or (n, 4) of several, in one artist."""
    if isinstance(color, np.ndarray) and color.ndim == 2:
        return on.ax.scatter(
            at[:, 0],
            at[:, 1],
            s=size**2,
            c=color,
            alpha=alpha,
            edgecolors=rim or "none",
            linewidths=rim_width,
            zorder=zorder,
            clip_on=clip,
        )
    (dots,) = on.ax.plot(
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
        clip_on=clip,
        scalex=False,
        scaley=False,
    )
    return dots


def add_ring(
    on: ImageAxes, at: np.ndarray, star: float, color: Color, width: float, theme: Theme, *, broken: bool = False
) -> list[Circle]:
    """The ring of a center that is its own neighbor: a circle around its mark, as wide as the edge would be."""
    middle = (float(at[0]), float(at[1]))
    radius = on.pixels(0.5 * star + RING_GAP + width / 2)
    rim = Circle(
        middle, radius, fill=False, edgecolor=theme.casing, linewidth=width + 0.6, alpha=0.85, zorder=5.8, clip_on=False
    )
    ring = Circle(middle, radius, fill=False, edgecolor=color, linewidth=width, zorder=5.9, clip_on=False)
    if broken:
        ring.set_linestyle((0.0, (2.0 / width, 1.0 / width)))
    on.ax.add_artist(rim)
    on.ax.add_artist(ring)
    return [rim, ring]
