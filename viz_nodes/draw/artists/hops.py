"""The edges of an earlier layer on an Axes: thinner and paler the further back, without arrowheads."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_rgb, to_rgba

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.artists.edges import EdgeCollection, edge_opacities, edge_widths
from viz_nodes.draw.artists.marks import add_dots, dot_size
from viz_nodes.draw.geometry.curves import bezier, control_points, fan
from viz_nodes.draw.geometry.places import ShownPlaces
from viz_nodes.draw.geometry.selection import Hop
from viz_nodes.draw.style.palettes import Theme

HOP_WIDTH, HOP_DOT = 0.62, 0.62
"""Widths of edges and dots over those of the center's own."""


def add_hop(on: ImageAxes, hop: Hop, tone: Any, theme: Theme, distance: int, unit: float) -> EdgeCollection:
    """Draw the edges of one further hop.

    Args:
        distance: 2 for the layer before the center's.
        unit: of widths, see `viz_nodes.draw.artists.edges.edge_unit`.
    """
    nodes = on.places(hop.layer)
    keys = on.places(hop.layer, keys=True)
    moved = moving(nodes, keys, hop)
    starts, share = keys.centers[hop.senders[moved]], hop.share[moved]
    dot = dot_size(on.pitch(nodes))
    pale = paler(tone, theme, 0.2)
    add_dots(on, starts, HOP_DOT * dot, pale, rim=theme.casing, rim_width=0.25, zorder=3.6)
    fade = 0.75 ** (distance - 1)
    return EdgeCollection(
        on.ax,
        hop_lines(nodes, keys, hop, on.size),
        widths=HOP_WIDTH * edge_widths(share, unit),
        taper=0.5,
        colors=[to_rgba(pale, fade * opacity) for opacity in edge_opacities(share)],
        gaps=np.array([0.2 * dot, 0.5 * dot]),
        casing=0.3,
        casing_color=to_rgba(theme.casing, 0.75),
        zorder=3.4,
    )


def moving(nodes: ShownPlaces, keys: ShownPlaces, hop: Hop) -> np.ndarray:
    """(n,) bool, the edges of a hop that are not from a node to itself; the others cannot be drawn."""
    away = nodes.centers[hop.receivers] - keys.centers[hop.senders]
    return np.asarray(np.hypot(*away.T) > 1e-6)


def hop_lines(nodes: ShownPlaces, keys: ShownPlaces, hop: Hop, size: tuple[int, int]) -> np.ndarray:
    """(n, S, 2) the middles of those of a hop's edges that move, in pixels of a picture of this height and width."""
    moved = moving(nodes, keys, hop)
    starts, ends = keys.centers[hop.senders[moved]], nodes.centers[hop.receivers[moved]]
    bends = fan(starts, ends, clearance=0.5 * nodes.pitch, bounds=(0.0, 0.0, float(size[1]), float(size[0])))
    return bezier(starts, control_points(starts, ends, bends), ends)


def paler(tone: Any, theme: Theme, much: float) -> tuple[float, float, float]:
    """A color moved toward the page."""
    red, green, blue = np.array(to_rgb(tone)) * (1 - much) + np.array(to_rgb(theme.veil)) * much
    return float(red), float(green), float(blue)
