"""The edges of an earlier layer on an Axes: thinner and paler the further back, without arrowheads."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb, to_rgba

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.artists.edges import EdgeCollection, edge_opacities, edge_widths
from viz_nodes.draw.artists.marks import add_dots, dot_size
from viz_nodes.draw.geometry.curves import bezier, control_points, fan
from viz_nodes.draw.geometry.selection import Hop
from viz_nodes.draw.style.palettes import Theme


def add_hop(on: ImageAxes, hop: Hop, tone: Any, theme: Theme, distance: int, unit: float) -> EdgeCollection:
    """Draw the edges of one further hop.

    Args:
        distance: 2 for the layer before the center's.
        unit: of widths, see `viz_nodes.draw.artists.edges.edge_unit`.
    """
    nodes = on.places(hop.layer)
    starts = on.places(hop.layer, keys=True).centers[hop.senders]
    ends = nodes.centers[hop.receivers]
    moved = np.hypot(*(ends - starts).T) > 1e-6
    starts, ends, share = starts[moved], ends[moved], hop.share[moved]
    bounds = (0.0, 0.0, float(on.size[1]), float(on.size[0]))
    bends = fan(starts, ends, clearance=0.5 * nodes.pitch, bounds=bounds)
    dot = dot_size(on.pitch(nodes))
    pale = paler(tone, theme, 0.35)
    add_dots(on, starts, 0.62 * dot, pale, rim=theme.casing, rim_width=0.25, zorder=3.6)
    fade = 0.75 ** (distance - 1)
    return EdgeCollection(
        on.ax,
        bezier(starts, control_points(starts, ends, bends), ends),
        widths=0.62 * edge_widths(share, unit),
        taper=0.5,
        colors=[to_rgba(pale, fade * opacity) for opacity in edge_opacities(share)],
        gaps=np.array([0.2 * dot, 0.5 * dot]),
        casing=0.25,
        casing_color=to_rgba(theme.casing, 0.5),
        zorder=3.4,
    )


def paler(tone: Any, theme: Theme, much: float) -> tuple[float, float, float]:
    """A color moved toward the page."""
    red, green, blue = np.array(to_rgb(tone)) * (1 - much) + np.array(to_rgb(theme.veil)) * much
    return float(red), float(green), float(blue)
