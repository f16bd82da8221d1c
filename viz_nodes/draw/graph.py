"""The graph picture: the photograph with the center's edges drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb, to_rgba

from viz_nodes.draw.cam import say_blank
from viz_nodes.draw.captions import SEPARATOR, head_words, number
from viz_nodes.draw.curves import bezier, control_points, fan
from viz_nodes.draw.egos import Ego, Hop, choose_centers, edges_words, ego_of
from viz_nodes.draw.marks import add_dots, add_ring, add_star, dot_size, speck_size, star_size
from viz_nodes.draw.neighbors import corners
from viz_nodes.draw.notes import add_caption
from viz_nodes.draw.palettes import Theme, theme_named
from viz_nodes.draw.picture import Picture, add_raster
from viz_nodes.draw.ribbons import Ribbons
from viz_nodes.draw.stage import FINEST_GRID, Stage, add_patch_grid, add_veil, frame, set_stage
from viz_nodes.grids import View, boxes, centers
from viz_nodes.records import Explanation

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
        center: a node, a (row, col) tuple, or a list of these, each in a color of its own; None for the peak. A blank
            map has no peak, and the picture says so.
        k: how many neighbors, "all" for every one.
        order: which ones: "rank" the nearest, "share" those that win most.
        hops: how many layers to go back: a second hop draws the edges of the layer before, lighter, into the
            neighbors drawn. Each of those layers must be among those explained.
        far: how many edges of each further hop, the heaviest.
        color: "center" gives each center a color; "contribution" colors edges by their signed contribution.
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
    if color not in ("center", "contribution"):
        raise ValueError(f'`color` must be "center" or "contribution" (got {color!r})')
    look, record = theme_named(theme), exp.layer(layer)
    stage = set_stage(ax, exp, image, view)
    frame(ax, look.muted)
    artists: dict[str, Artist] = {}
    if stage.photograph is not None:
        artists["photograph"] = stage.photograph
    strength = (look.veil_strength if stage.photograph is not None else 0.0) if veil is None else veil
    if (laid := add_veil(ax, stage, look.veil, strength, zorder=1.0)) is not None:
        artists["veil"] = laid
    shown_grid = record.grid if stage.pitch(record.grid) >= FINEST_GRID else record.key_grid
    if grid and stage.pitch(shown_grid) >= FINEST_GRID:
        artists["grid"] = add_patch_grid(ax, stage, shown_grid, look.dots, alpha=0.15, width=0.25, zorder=1.2)
    at = centers(record.grid, stage.size, stage.view)
    if nodes:
        artists["nodes"] = add_dots(ax, at, speck_size(stage, record.grid), look.dots, alpha=0.4, zorder=1.4)

    egos = [
        ego_of(exp, record.index, node, row=row, k=k, order=order, hops=hops, far=far)
        for node in choose_centers(record, row, center)
    ]
    limit = contribution_limit(egos) if vmax is None else float(vmax)
    for which, ego in enumerate(egos):
        suffix = "" if which == 0 else str(which)
        tone = look.centers[which % len(look.centers)]
        for distance, hop in enumerate(ego.earlier, start=2):
            artists[f"hop{distance}{'.' + suffix if suffix else ''}"] = _draw_hop(ax, stage, hop, tone, look, distance)
        edge_colors = _edge_colors(ego, color, tone, look, limit)
        mark = look.peak if len(egos) == 1 else tone
        for name, artist in _draw_ego(ax, stage, ego, tone, mark, edge_colors, look).items():
            artists[name + suffix] = artist
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


def add_signed_bar(
    ax: Axes, limit: float, look: Theme, font_size: float, *, place: Axes | None = None, horizontal: bool = False
) -> Axes:
    """A bar of the contribution scale, centered on 0, on `place` or in an inset at the right of `ax`."""
    bar = place if place is not None else ax.inset_axes((1.03, 0.0, 0.045, 1.0))
    ramp = (look.diverging(np.linspace(0, 1, 256)) * 255).round().astype(np.uint8)
    end = limit if limit > 0 else 1.0
    words = [f"\N{MINUS SIGN}{number(limit)}", "0", f"+{number(limit)}"]
    if horizontal:
        bar.set_xlim(-end, end)
        bar.set_ylim(0, 1)
        add_raster(bar, ramp[None], (-end, end, 1, 0))
        bar.set_yticks([])
        bar.set_xticks([-end, 0, end], words)
        for label, side in zip(bar.get_xticklabels(), ("left", "center", "right"), strict=True):
            label.set_horizontalalignment(side)
    else:
        bar.set_xlim(0, 1)
        bar.set_ylim(-end, end)
        add_raster(bar, ramp[::-1, None], (0, 1, -end, end))
        bar.set_xticks([])
        bar.set_yticks([-end, 0, end], words)
        bar.yaxis.tick_right()
        for label, side in zip(bar.get_yticklabels(), ("bottom", "center", "top"), strict=True):
            label.set_verticalalignment(side)
    bar.tick_params(length=0, pad=1.5, labelsize=font_size, labelcolor=look.ink)
    frame(bar, look.muted)
    return bar


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


def edge_lines(ego: Ego, stage: Stage) -> np.ndarray:
    """(n, S, 2) the middles of a center's edges in pixels, without the one from itself, bent apart by `curves.fan`."""
    starts = centers(ego.layer.key_grid, stage.size, stage.view)[ego.keys[~ego.is_self]]
    end = centers(ego.layer.grid, stage.size, stage.view)[ego.center]
    ends = np.tile(end, (len(starts), 1))
    pitch = stage.pitch(ego.layer.grid) / stage.points_per_pixel
    bends = fan(
        starts, ends, obstacles=np.concatenate([starts, end[None]]), clearance=max(0.7 * pitch, stage.pixels(3.5)),
        bounds=(0.0, 0.0, float(stage.size[1]), float(stage.size[0])),
    )  # fmt: skip
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
        ax, lines, widths=0.62 * edge_widths(hop.share[moved], pitch), taper=0.5,
        colors=[to_rgba(_paler(tone, look, 0.35), fade * opacity) for opacity in edge_opacities(hop.share[moved])],
        gaps=np.array([0.3 * dot, 0.5 * dot_size(stage, hop.layer.grid)]), casing=0.25,
        casing_color=to_rgba(look.casing, 0.5),
        zorder=3.4,
    )  # fmt: skip


def _paler(tone: str, look: Theme, much: float) -> tuple[float, float, float]:
    """A color moved toward the page."""
    return tuple(np.array(to_rgb(tone)) * (1 - much) + np.array(to_rgb(look.veil)) * much)


def _draw_ego(
    ax: Axes, stage: Stage, ego: Ego, tone: str, mark: str, colors: np.ndarray, look: Theme
) -> dict[str, Artist]:
    grid, key_grid = ego.layer.grid, ego.layer.key_grid
    artists: dict[str, Artist] = {}
    end = centers(grid, stage.size, stage.view)[ego.center]
    others = ~ego.is_self
    if ego.pooled:
        shapes = corners(boxes(key_grid, stage.size, stage.view)[ego.keys])
        keys = PolyCollection(
            shapes, facecolors=to_rgba(tone, 0.12), edgecolors=to_rgba(tone, 0.8), linewidths=0.5, zorder=3
        )
        ax.add_collection(keys, autolim=False)
        artists["keys"] = keys
    crowded = float(np.clip((14 / max(len(ego.keys), 1)) ** 0.5, 0.6, 1.0))
    star, dot = star_size(stage, grid), crowded * dot_size(stage, key_grid)
    widths = crowded * edge_widths(ego.share, stage.pitch(key_grid))
    star = star if ego.is_peak else 0.6 * star
    ring_width = min(float(widths[ego.is_self][0]), 0.16 * star) if ego.is_self.any() else 0.0
    keys_at = centers(key_grid, stage.size, stage.view)[ego.keys[others]]
    if others.any():
        strongest_last = np.argsort(ego.share[others], kind="stable")
        gaps = np.tile([0.3 * dot, 0.5 * star + (0.5 + ring_width if ring_width else 0.0)], (int(others.sum()), 1))
        thick = widths[others][strongest_last]
        heads = np.clip(2.2 * thick, 2.4 * crowded, None) if len(ego.keys) <= _MOST_HEADS else 0.0
        artists["edges"] = Ribbons(
            ax, edge_lines(ego, stage)[strongest_last], widths=thick, colors=colors[others][strongest_last], gaps=gaps,
            taper=0.5, heads=heads, casing=0.35, casing_color=to_rgba(look.casing, 0.7), zorder=4,
        )  # fmt: skip
        artists["neighbors"] = add_dots(ax, keys_at, dot, tone, rim=look.casing, rim_width=0.11 * dot + 0.1, zorder=5)
    if ego.is_self.any():
        ring = add_ring(ax, stage, end, star, colors[ego.is_self][0], ring_width, look)
        artists["ring"] = ring[1]
    artists["peak" if ego.is_peak else "center"] = add_star(ax, stage, grid, end, mark, look, is_peak=ego.is_peak)
    return artists
