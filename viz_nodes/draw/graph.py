"""The graph picture: the photograph with the center's edges drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import is_color_like, to_rgb, to_rgba

from viz_nodes.draw.artists.axes import FINEST_GRID, Stage, add_patch_grid, add_veil, frame, set_stage
from viz_nodes.draw.artists.captions import add_caption
from viz_nodes.draw.artists.colorbars import add_signed_bar
from viz_nodes.draw.artists.edges import Ribbons
from viz_nodes.draw.artists.marks import add_dots, add_ring, add_star, dot_size, speck_size, star_size
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.cam import say_blank
from viz_nodes.draw.geometry.curves import bezier, control_points, fan
from viz_nodes.draw.geometry.selection import Ego, Hop, choose_centers, edges_words, ego_of
from viz_nodes.draw.neighbors import corners
from viz_nodes.draw.style.captions import SEPARATOR, head_words
from viz_nodes.draw.style.palettes import Theme, theme_named
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.grids import View, boxes, centers

_MOST_HEADS = 36
"""Edges at one center up to which arrowheads have room; beyond, the taper alone shows the direction."""


def edge_widths(share: np.ndarray, pitch: float) -> np.ndarray:
    """Width in points of edges by their share of the wins: linear, so that twice the share looks twice as strong.

    Args:
        share: (n,) in 0..1.
        pitch: points between nodes; edges grow with the picture.
    """
    unit = float(np.clip(pitch / 6.0, 0.75, 2.0))
    return unit * (0.65 + 5.0 * np.clip(share, 0.0, 0.5))


def edge_opacities(share: np.ndarray) -> np.ndarray:
    """Opacity of edges by share: 0.5 for an edge that wins nothing, full from a fifth of the wins on."""
    return 0.5 + 0.5 * np.clip(np.asarray(share, float) / 0.2, 0.0, 1.0)


def contribution_limit(egos: Sequence[Ego]) -> float:
    """The largest absolute contribution, the end of a diverging scale centered on 0."""
    return max((float(np.abs(ego.contribution).max(initial=0.0)) for ego in egos), default=0.0)


def draw_graph(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    center: int | tuple[int, int] | Sequence[Any] | None = None,
    k: int | str | None = 9,
    order: str = "rank",
    hops: int = 1,
    far: int = 18,
    color: str = "center",
    vmax: float | None = None,
    veil: float | None = None,
    colorbar: bool = False,
    grid: bool = True,
    nodes: bool = True,
    caption: bool | str = False,
    theme: str | Theme = "light",
    font_size: float = 7.0,
) -> dict[str, Artist]:
    """Draw a center's neighbors and the edges from them, curved apart, over the whole photograph.

    An edge runs from the neighbor, where it is wide, to the center, where its arrowhead is; its width and opacity are
    its share of the center's wins. A center that is its own neighbor has a ring, as wide as that edge.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        center: a node, a (row, col) tuple of integers, an (x, y) tuple of floats as fractions of what the network saw,
            or a list of these, each in a color of its own; None for the peak. A blank map has no peak, and the picture
            says so.
        k: how many neighbors, "all" for every one.
        order: which ones: "rank" the nearest, "share" those that win most.
        hops: how many layers to go back: a second hop draws the edges of the layer before, lighter, into the
            neighbors drawn. Each of those layers must be among those explained.
        far: how many edges of each further hop, the heaviest.
        color: "center" gives each center a color; "contribution" colors edges by their signed contribution; a
            color of matplotlib draws all in it.
        vmax: end of the contribution scale; by default the largest of those drawn.
        veil: how much the photograph is paled, 0 to 1; None for the theme's own.
        colorbar: with `color="contribution"`, add a bar at the right, its ends plus and minus the largest contribution.
        grid, nodes: draw the patch grid, and all nodes as small dots.
        caption: True writes layer, class, method and what is hidden below; a string writes that.
        theme: "light" or "dark".
        font_size: in points.

    Returns:
        The artists by name: "photograph", "veil", "grid", "nodes", "edges", "neighbors", "peak" (or "center"), with a
        number behind for further centers; "ring", "keys", "caption", "blank" where drawn.
    """
    if color not in ("center", "contribution") and not is_color_like(color):
        raise ValueError(f'`color` must be "center", "contribution" or a color (got {color!r})')
    look, record = theme_named(theme), exp.layer(layer)
    stage, artists = lay_ground(ax, exp, record, image, view, look, veil=veil, grid=grid, nodes=nodes)
    egos = [
        ego_of(exp, record.index, node, row=row, k=k, order=order, hops=hops, far=far)
        for node in choose_centers(record, row, center)
    ]
    limit = contribution_limit(egos) if vmax is None else float(vmax)
    for which, ego in enumerate(egos):
        suffix = "" if which == 0 else str(which)
        tone = look.centers[which % len(look.centers)] if color in ("center", "contribution") else color
        for distance, hop in enumerate(ego.earlier, start=2):
            artists[f"hop{distance}{'.' + suffix if suffix else ''}"] = _draw_hop(ax, stage, hop, tone, look, distance)
        edge_colors = _edge_colors(ego, color, tone, look, limit)
        mark = look.peak if len(egos) == 1 else tone
        tones = np.tile(to_rgba(tone), (len(ego.keys), 1))
        if color == "contribution":
            tones = np.concatenate([edge_colors[:, :3], np.ones((len(ego.keys), 1))], axis=1)
        drawn = add_edges(
            ax, stage, record, ego.center, ego.keys, ego.share, edge_colors, tones, look, mark=mark, is_peak=ego.is_peak
        )
        artists.update({name + suffix: artist for name, artist in drawn.items()})
    if colorbar and color == "contribution":
        artists["colorbar"] = add_signed_bar(ax, limit, look, font_size)
    if not egos:
        artists["blank"] = say_blank(ax, look, font_size)
    if caption:
        words = (
            caption if isinstance(caption, str) else SEPARATOR.join([*head_words(exp, record, row), edges_words(egos)])
        )
        artists["caption"] = add_caption(ax, words, look, font_size)
    return artists


def lay_ground(
    ax: Axes,
    exp: Explanation,
    record: LayerExplanation,
    image: np.ndarray | Picture | None,
    view: View | None,
    look: Theme,
    *,
    veil: float | None = None,
    grid: bool = True,
    nodes: bool = True,
) -> tuple[Stage, dict[str, Artist]]:
    """What lies below the edges: the photograph under its veil, the patch grid, all nodes as small dots."""
    stage = set_stage(ax, exp, image, view)
    frame(ax, look.muted)
    artists: dict[str, Artist] = {}
    if stage.photograph is not None:
        artists["photograph"] = stage.photograph
    strength = (look.veil_strength if stage.photograph is not None else 0.0) if veil is None else veil
    if (laid := add_veil(ax, stage, look.veil, strength, zorder=1.0)) is not None:
        artists["veil"] = laid
    lined = record.grid if stage.pitch(record.grid) >= FINEST_GRID else record.key_grid
    if grid and stage.pitch(lined) >= FINEST_GRID:
        artists["grid"] = add_patch_grid(ax, stage, lined, look.dots, alpha=0.15, width=0.25, zorder=1.2)
    if nodes:
        at = centers(record.grid, stage.size, stage.view)
        # Thousands of dots at full strength would gray the photograph.
        alpha = 0.4 * float(np.clip(stage.pitch(record.grid) / 6.0, 0.45, 1.0))
        artists["nodes"] = add_dots(ax, at, speck_size(stage, record.grid), look.dots, alpha=alpha, zorder=1.4)
    return stage, artists


def _edge_colors(ego: Ego, color: str, tone: str, look: Theme, limit: float) -> np.ndarray:
    """(n, 4) RGBA of a center's edges."""
    if color == "contribution":
        rgba = look.diverging(
            0.5 + 0.5 * np.clip(ego.contribution / limit if limit > 0 else 0 * ego.contribution, -1, 1)
        )
    else:
        rgba = np.tile(to_rgba(tone), (len(ego.keys), 1))
    rgba[:, 3] = edge_opacities(ego.share)
    return rgba


def edge_lines(layer: LayerExplanation, center: int, keys: np.ndarray, stage: Stage) -> np.ndarray:
    """(n, S, 2) the middles of the edges from key nodes to a center in pixels, bent apart by `curves.fan`."""
    starts = centers(layer.key_grid, stage.size, stage.view)[keys]
    end = centers(layer.grid, stage.size, stage.view)[center]
    ends = np.tile(end, (len(starts), 1))
    pitch = stage.pitch(layer.grid) / stage.points_per_pixel
    bends = fan(
        starts,
        ends,
        obstacles=np.concatenate([starts, end[None]]),
        clearance=max(0.7 * pitch, stage.pixels(3.5)),
        bounds=(0.0, 0.0, float(stage.size[1]), float(stage.size[0])),
    )
    return bezier(starts, control_points(starts, ends, bends), ends)


def _draw_hop(ax: Axes, stage: Stage, hop: Hop, tone: str, look: Theme, distance: int) -> Artist:
    """The edges of an earlier layer: thinner and paler the further back, without arrowheads."""
    starts = centers(hop.layer.key_grid, stage.size, stage.view)[hop.senders]
    ends = centers(hop.layer.grid, stage.size, stage.view)[hop.receivers]
    pitch = stage.pitch(hop.layer.grid)
    moved = np.hypot(*(ends - starts).T) > 1e-6
    starts, ends = starts[moved], ends[moved]
    bends = fan(
        starts, ends, clearance=0.5 * stage.pixels(pitch), bounds=(0.0, 0.0, float(stage.size[1]), float(stage.size[0]))
    )
    lines = bezier(starts, control_points(starts, ends, bends), ends)
    dot = 0.62 * dot_size(stage, hop.layer.grid)
    add_dots(ax, starts, dot, _paler(tone, look, 0.35), rim=look.casing, rim_width=0.25, zorder=3.6)
    fade = 0.75 ** (distance - 1)
    return Ribbons(
        ax,
        lines,
        widths=0.62 * edge_widths(hop.share[moved], pitch),
        taper=0.5,
        colors=[to_rgba(_paler(tone, look, 0.35), fade * opacity) for opacity in edge_opacities(hop.share[moved])],
        gaps=np.array([0.3 * dot, 0.5 * dot_size(stage, hop.layer.grid)]),
        casing=0.25,
        casing_color=to_rgba(look.casing, 0.5),
        zorder=3.4,
    )


def _paler(tone: str, look: Theme, much: float) -> tuple[float, float, float]:
    """A color moved toward the page."""
    red, green, blue = np.array(to_rgb(tone)) * (1 - much) + np.array(to_rgb(look.veil)) * much
    return float(red), float(green), float(blue)


def add_edges(
    ax: Axes,
    stage: Stage,
    layer: LayerExplanation,
    center: int,
    keys: np.ndarray,
    share: np.ndarray,
    colors: np.ndarray,
    tones: np.ndarray,
    look: Theme,
    *,
    mark: str,
    is_peak: bool,
) -> dict[str, Artist]:
    """A center with the edges from its neighbors.

    Args:
        keys: (n,) key nodes; where one is the center itself it becomes the ring.
        share: (n,) in 0..1, for the widths.
        colors: (n, 4) of the edges, with their opacity.
        tones: (n, 4) of the neighbors' dots and boxes.
        mark: fill of the center's star or diamond.
        is_peak: whether it is a star.

    Returns:
        The artists: "edges", "neighbors", "ring", "keys", and "peak" or "center".
    """
    artists: dict[str, Artist] = {}
    pooled = layer.pooled
    own = (keys == center) & (not pooled)
    others = ~own
    end = centers(layer.grid, stage.size, stage.view)[center]
    if pooled and len(keys):
        shapes = corners(boxes(layer.key_grid, stage.size, stage.view)[keys])
        faces, lines = tones.copy(), tones.copy()
        faces[:, 3], lines[:, 3] = 0.12, 0.8
        key_boxes = PolyCollection(list(shapes), facecolors=faces, edgecolors=lines, linewidths=0.5, zorder=3)
        ax.add_collection(key_boxes, autolim=False)
        artists["keys"] = key_boxes
    crowded = float(np.clip((14 / max(len(keys), 1)) ** 0.5, 0.6, 1.0))
    star, dot = star_size(stage, layer.grid), crowded * dot_size(stage, layer.key_grid)
    star = star if is_peak else 0.6 * star
    widths = crowded * edge_widths(share, stage.pitch(layer.key_grid))
    ring_width = min(float(widths[own][0]), 0.16 * star) if own.any() else 0.0
    if others.any():
        order = np.flatnonzero(others)[np.argsort(share[others], kind="stable")]
        gap = 0.5 * star + (0.5 + ring_width if ring_width else 0.0)
        heads = np.clip(2.2 * widths[order], 2.4 * crowded, None) if len(keys) <= _MOST_HEADS else 0.0
        artists["edges"] = Ribbons(
            ax,
            edge_lines(layer, center, keys[order], stage),
            widths=widths[order],
            colors=colors[order],
            gaps=np.array([0.3 * dot, gap]),
            taper=0.5,
            heads=heads,
            casing=0.35,
            casing_color=to_rgba(look.casing, 0.7),
            zorder=4,
        )
        at, rim = centers(layer.key_grid, stage.size, stage.view), 0.11 * dot + 0.1
        for number, tone in enumerate(np.unique(tones[others], axis=0)):
            these = keys[others & (tones == tone).all(axis=1)]
            dots = add_dots(ax, at[these], dot, tuple(tone), rim=look.casing, rim_width=rim, zorder=5)
            artists["neighbors" + (f".{number}" if number else "")] = dots
    if own.any():
        artists["ring"] = add_ring(ax, stage, end, star, colors[own][0], ring_width, look)[1]
    artists["peak" if is_peak else "center"] = add_star(ax, stage, layer.grid, end, mark, look, is_peak=is_peak)
    return artists
