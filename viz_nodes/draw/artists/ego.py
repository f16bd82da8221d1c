"""A center with the edges from its neighbors, on an Axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.artists.edges import EdgeCollection
from viz_nodes.draw.artists.marks import (
    add_center,
    add_dots,
    add_ring,
    dot_size,
    mark_radius,
    ring_limit,
    star_size,
)
from viz_nodes.draw.geometry.curves import HEAD_LENGTH, curves_into
from viz_nodes.draw.style.palettes import Color, Theme
from viz_nodes.explanation import LayerExplanation

MOST_HEADS = 36
"""Edges at one center up to which arrowheads have room; beyond, the taper alone shows the direction."""
TAPER = 0.5
HOLLOW = 0.52
"""Of a dot's width, the hole in that of an edge whose shaft is broken."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """The edges into one center, as they are to be drawn.

    Attributes:
        layer: whose edges these are.
        center: the node.
        is_peak: whether its mark is a star.
        keys: (n,) key nodes.
        widths: (n,) points at the start of each edge.
        colors: (n, 4) of the edges, with their opacity.
        tones: (n, 4) of the neighbors' dots and boxes.
        own: (n,) bool, the neighbor that becomes a ring.
        broken: (n,) bool, the edges whose shafts are broken and whose dots are hollow.
        mark: fill of the center's mark.
        obstacles: (m, 2) further dots in pixels that edges keep clear of.
    """

    layer: LayerExplanation
    center: int
    is_peak: bool
    keys: np.ndarray
    widths: np.ndarray
    colors: np.ndarray
    tones: np.ndarray
    own: np.ndarray
    broken: np.ndarray
    mark: Color
    obstacles: np.ndarray


def head_widths(widths: np.ndarray, room: float) -> np.ndarray:
    """Points across arrowheads: wider than their edges, within what stands between two patches."""
    return np.asarray(np.minimum(np.maximum(1.5 * widths + 1.1, max(2.2, 0.24 * room)), max(3.2, 0.7 * room)))


def edge_lines(
    on: ImageAxes, layer: LayerExplanation, center: int, keys: np.ndarray, obstacles: np.ndarray | None = None
) -> np.ndarray:
    """(n, S, 2) the middles of the edges from key nodes to a center in pixels, bent apart by `curves.fan`."""
    starts = on.places(layer, keys=True).centers[keys]
    nodes = on.places(layer)
    left, top, right, bottom = on.window
    bounds = (max(left, 0.0), max(top, 0.0), min(right, float(on.size[1])), min(bottom, float(on.size[0])))
    clearance = max(0.7 * nodes.pitch, on.pixels(3.0))
    return curves_into(starts, nodes.centers[center], clearance=clearance, bounds=bounds, obstacles=obstacles)


def add_ego(on: ImageAxes, bundle: Bundle, theme: Theme, *, least_star: float = 4.4) -> dict[str, Any]:
    """Draw a center with the edges from its neighbors.

    Returns:
        The artists: "edges", "neighbors", "ring", "keys", and "peak" or "center".
    """
    layer, own = bundle.layer, bundle.own
    others = ~own
    nodes, keys = on.places(layer), on.places(layer, keys=True)
    pitch = on.pitch(nodes)
    end = nodes.centers[bundle.center]
    star, dot = star_size(pitch, least=least_star), dot_size(pitch)
    artists: dict[str, Any] = {}
    if layer.key_grid != layer.grid and len(bundle.keys):
        artists["keys"] = _key_boxes(on, keys.corners[bundle.keys], bundle.tones)
    ring = min(float(bundle.widths[own][0]), ring_limit(star)) if own.any() else 0.0
    if others.any():
        artists["edges"] = _add_edges(on, bundle, others, dot, mark_radius(star, ring), pitch, theme)
        rim = 0.1 * dot + 0.1
        tones, at = bundle.tones[others], keys.centers[bundle.keys[others]]
        color = tuple(tones[0]) if (tones == tones[0]).all() else tones
        artists["neighbors"] = add_dots(on, at, dot, color, rim=theme.casing, rim_width=rim, zorder=5)
        if (hollow := bundle.broken[others]).any():
            artists["hollow"] = add_dots(on, at[hollow], HOLLOW * dot, theme.casing, zorder=5.1)
    if own.any():
        broken = bool(bundle.broken[own][0])
        artists["ring"] = add_ring(on, end, star, tuple(bundle.colors[own][0]), ring, theme, broken=broken)[1]
    name = "peak" if bundle.is_peak else "center"
    artists[name] = add_center(on, star, end, bundle.mark, theme, is_peak=bundle.is_peak)
    return artists


def _add_edges(
    on: ImageAxes, bundle: Bundle, others: np.ndarray, dot: float, gap: float, pitch: float, theme: Theme
) -> EdgeCollection:
    """The curves, the narrowest on top: it hides little of a wide one, which would hide all of it."""
    order = np.flatnonzero(others)[np.argsort(-bundle.widths[others], kind="stable")]
    widths = bundle.widths[order]
    dots = np.concatenate([on.places(bundle.layer, keys=True).centers[bundle.keys[order]], bundle.obstacles])
    away = np.hypot(*(dots - on.places(bundle.layer).centers[bundle.center]).T) * on.points_per_pixel
    # A head ends before the nearest dot begins, whichever edge it belongs to.
    longest = float(away.min()) - gap - 0.5 * dot - 0.3
    heads = np.minimum(head_widths(widths, pitch), max(longest / (1.2 * HEAD_LENGTH), 1.6))
    heads = heads if len(bundle.keys) <= MOST_HEADS else np.zeros(len(widths))
    return EdgeCollection(
        on.ax,
        edge_lines(on, bundle.layer, bundle.center, bundle.keys[order], bundle.obstacles),
        widths=widths,
        colors=bundle.colors[order],
        gaps=np.array([0.3 * dot, gap]),
        taper=TAPER,
        heads=heads,
        casing=0.35,
        casing_color=to_rgba(theme.casing, 0.7),
        broken=bundle.broken[order],
        zorder=4,
    )


def _key_boxes(on: ImageAxes, shapes: np.ndarray, tones: np.ndarray) -> PolyCollection:
    """Pooled key nodes at their true size."""
    faces, lines = tones.copy(), tones.copy()
    faces[:, 3], lines[:, 3] = 0.12, 0.8
    boxes = PolyCollection(list(shapes), facecolors=faces, edgecolors=lines, linewidths=0.5, zorder=3)
    on.ax.add_collection(boxes, autolim=False)
    return boxes
