"""The graph picture: the photograph with the center's edges drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba

from viz_nodes.draw.cam import say_blank
from viz_nodes.draw.captions import SEPARATOR, head_words
from viz_nodes.draw.curves import bezier, control_points, fan
from viz_nodes.draw.egos import Ego, choose_centers, edges_words, ego_of
from viz_nodes.draw.marks import add_dots, add_ring, add_star, dot_size, speck_size, star_size
from viz_nodes.draw.neighbors import corners
from viz_nodes.draw.notes import add_caption
from viz_nodes.draw.palettes import Theme, palette_named, theme_named
from viz_nodes.draw.picture import Picture
from viz_nodes.draw.ribbons import Ribbons
from viz_nodes.draw.stage import Stage, add_patch_grid, add_veil, frame, set_stage
from viz_nodes.grids import View, boxes, centers
from viz_nodes.records import Explanation

_FINEST_GRID = 2.4
"""Points between nodes below which grid lines would run into a gray."""


def edge_widths(share: np.ndarray, pitch: float) -> np.ndarray:
    """Width in points of edges by their share of the wins: linear, so that twice the share looks twice as strong.

    Args:
        share: (n,) in 0..1.
        pitch: points between nodes; edges grow with the picture.
    """
    unit = float(np.clip(pitch / 6.0, 0.75, 2.0))
    return unit * (0.5 + 5.5 * np.clip(share, 0.0, 0.5))


def edge_opacities(share: np.ndarray) -> np.ndarray:
    """Opacity of edges by share: 0.4 for an edge that wins nothing, full from a quarter of the wins on."""
    return 0.4 + 0.6 * np.clip(np.asarray(share, float) / 0.25, 0.0, 1.0)


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
    color: str = "center",
    vmax: float | None = None,
    veil: float | None = None,
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
        color: "center" gives each center a color; "contribution" colors edges by their signed contribution.
        vmax: end of the contribution scale; by default the largest of those drawn.
        veil: how much the photograph is paled, 0 to 1; None for the theme's own.
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
    shown_grid = record.grid if stage.pitch(record.grid) >= _FINEST_GRID else record.key_grid
    if grid and stage.pitch(shown_grid) >= _FINEST_GRID:
        artists["grid"] = add_patch_grid(ax, stage, shown_grid, look.dots, alpha=0.2, width=0.25, zorder=1.2)
    at = centers(record.grid, stage.size, stage.view)
    if nodes:
        artists["nodes"] = add_dots(ax, at, speck_size(stage, record.grid), look.dots, alpha=0.45, zorder=1.4)

    egos = [ego_of(record, row, node, k, order) for node in choose_centers(record, row, center)]
    limit = contribution_limit(egos) if vmax is None else float(vmax)
    for which, ego in enumerate(egos):
        suffix = "" if which == 0 else str(which)
        tone = look.centers[which % len(look.centers)]
        edge_colors = _edge_colors(ego, color, tone, look, limit)
        for name, artist in _draw_ego(ax, stage, ego, tone, edge_colors, look).items():
            artists[name + suffix] = artist
    if not egos:
        artists["blank"] = say_blank(ax, look, font_size)
    if caption:
        words = caption if isinstance(caption, str) else SEPARATOR.join([*head_words(exp, record, row), edges_words(egos)])
        artists["caption"] = add_caption(ax, words, look, font_size)
    return artists


def _edge_colors(ego: Ego, color: str, tone: str, look: Theme, limit: float) -> np.ndarray:
    """(n, 4) RGBA of a center's edges."""
    if color == "contribution":
        palette = palette_named(look.diverging)
        rgba = palette(0.5 + 0.5 * np.clip(ego.contribution / limit if limit > 0 else 0 * ego.contribution, -1, 1))
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


def _draw_ego(ax: Axes, stage: Stage, ego: Ego, tone: str, colors: np.ndarray, look: Theme) -> dict[str, Artist]:
    grid, key_grid = ego.layer.grid, ego.layer.key_grid
    artists: dict[str, Artist] = {}
    end = centers(grid, stage.size, stage.view)[ego.center]
    others = ~ego.is_self
    if ego.pooled:
        shapes = corners(boxes(key_grid, stage.size, stage.view)[ego.keys])
        keys = PolyCollection(shapes, facecolors=to_rgba(tone, 0.12), edgecolors=to_rgba(tone, 0.8), linewidths=0.5, zorder=3)
        ax.add_collection(keys, autolim=False)
        artists["keys"] = keys
    star, dot = star_size(stage, grid if not ego.pooled else key_grid), dot_size(stage, grid)
    widths = edge_widths(ego.share, stage.pitch(key_grid))
    star = star if ego.is_peak else 0.6 * star
    ring_gap = (widths[ego.is_self][0] + 1.6) if ego.is_self.any() else 0.0
    keys_at = centers(key_grid, stage.size, stage.view)[ego.keys[others]]
    if others.any():
        strongest_last = np.argsort(ego.share[others], kind="stable")
        gaps = np.tile([0.3 * dot, 0.5 * star + 0.6 + ring_gap], (int(others.sum()), 1))
        thick = widths[others][strongest_last]
        artists["edges"] = Ribbons(
            ax, edge_lines(ego, stage)[strongest_last], widths=thick, colors=colors[others][strongest_last], gaps=gaps,
            taper=0.5, heads=np.clip(2.1 * thick, 2.6, None), casing=0.45, casing_color=to_rgba(look.casing, 0.75), zorder=4,
        )  # fmt: skip
        artists["neighbors"] = add_dots(ax, keys_at, dot, tone, rim=look.casing, rim_width=0.11 * dot + 0.1, zorder=5)
    if ego.is_self.any():
        ring = add_ring(ax, stage, end, star, colors[ego.is_self][0], float(widths[ego.is_self][0]), look)
        artists["ring"] = ring[1]
    mark = look.peak
    artists["peak" if ego.is_peak else "center"] = add_star(ax, stage, grid, end, mark, look, is_peak=ego.is_peak)
    return artists
