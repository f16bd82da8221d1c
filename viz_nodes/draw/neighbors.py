"""The nodes picture: the center's patch and the patches it asked, outlined at their true size, the rest dimmed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from viz_nodes.draw.artists.axes import FINEST_GRID, Stage, add_patch_grid, frame, set_stage
from viz_nodes.draw.artists.captions import add_caption
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.cam import say_blank
from viz_nodes.draw.geometry.selection import Ego, choose_centers, edges_words, ego_of
from viz_nodes.draw.style.captions import SEPARATOR, head_words
from viz_nodes.draw.style.palettes import Theme, theme_named
from viz_nodes.explanation import Explanation
from viz_nodes.grids import View, boxes


def corners(box: np.ndarray) -> np.ndarray:
    """(n, 4) left, top, right, bottom to (n, 4, 2) corner points, clockwise on the page."""
    left, top, right, bottom = box.T
    return np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)


def shade_path(size: tuple[int, int], holes: np.ndarray) -> Path:
    """The whole image as a path with the given (n, 4) boxes left open; overlapping boxes open it together."""
    height, width = size
    outer = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]], float)
    rows = _disjoint(holes)
    pieces, codes = [outer], [_CODES]
    for left, top, right, bottom in rows:
        pieces.append(np.array([[left, top], [left, bottom], [right, bottom], [right, top], [left, top]]))
        codes.append(_CODES)
    return Path(np.concatenate(pieces), np.concatenate(codes))


_CODES = np.array([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], dtype=Path.code_type)


def _disjoint(holes: np.ndarray) -> np.ndarray:
    """The union of boxes as boxes that do not overlap, cut along all their edges."""
    if not len(holes):
        return np.zeros((0, 4))
    xs, ys = np.unique(holes[:, [0, 2]].round(6)), np.unique(holes[:, [1, 3]].round(6))
    cells = []
    for top, bottom in pairwise(ys):
        inside = [
            bool(
                (
                    (holes[:, 0] < x1)
                    & (holes[:, 2] > x0)
                    & (holes[:, 1] < bottom)
                    & (holes[:, 3] > top)
                    & (np.minimum(holes[:, 2], x1) - np.maximum(holes[:, 0], x0) > 1e-6)
                    & (np.minimum(holes[:, 3], bottom) - np.maximum(holes[:, 1], top) > 1e-6)
                ).any()
            )
            for x0, x1 in pairwise(xs)
        ]
        start = None
        for i, open_ in enumerate([*inside, False]):
            if open_ and start is None:
                start = i
            elif not open_ and start is not None:
                cells.append((xs[start], top, xs[i], bottom))
                start = None
    return np.array(cells)


def draw_neighbors(
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
    ranks: bool = True,
    dim: float = 0.62,
    grid: bool = True,
    caption: bool | str = False,
    theme: str | Theme = "light",
    font_size: float = 7.0,
) -> dict[str, Artist]:
    """Draw a center's patch and its neighbors' patches over the photograph, each with its rank, the rest dimmed.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        center: a node, a (row, col) tuple, or a list of these; None for the peak. A blank map has no peak, and the
            picture says so.
        k: how many neighbors, "all" for every one.
        order: which ones: "rank" the nearest, "share" those that win most.
        ranks: write each neighbor's rank, from 1 for the nearest; the center's own patch as neighbor has none.
        dim: how much of the rest is hidden, 0 to 1.
        grid: draw the patch grid.
        caption: True writes layer, class, method and what is hidden below; a string writes that.
        theme: "light" or "dark".
        font_size: in points.

    Returns:
        The artists by name: "photograph", and where drawn "shade", "grid", "neighbors", "centers",
        "rank0.3" (the text in center 0's neighbor of place 3), "caption", "blank".
    """
    look, record = theme_named(theme), exp.layer(layer)
    stage = set_stage(ax, exp, image, view)
    frame(ax, look.muted)
    artists: dict[str, Artist] = {}
    if stage.photograph is not None:
        artists["photograph"] = stage.photograph
    egos = [ego_of(exp, record.index, node, row=row, k=k, order=order) for node in choose_centers(record, row, center)]
    node_boxes = boxes(record.grid, stage.size, stage.view)
    key_boxes = boxes(record.key_grid, stage.size, stage.view)
    outlined = [key_boxes[ego.keys] for ego in egos] + [node_boxes[[ego.center]] for ego in egos]
    holes = np.concatenate(outlined) if outlined else np.zeros((0, 4))
    shade = PathPatch(
        shade_path(stage.size, holes), facecolor=to_rgba(look.veil, dim), edgecolor="none", linewidth=0, zorder=1
    )
    ax.add_artist(shade)
    artists["shade"] = shade
    lined = record.key_grid if egos and egos[0].pooled else record.grid
    if grid and stage.pitch(lined) >= FINEST_GRID:
        artists["grid"] = add_patch_grid(ax, stage, lined, look.dots, alpha=0.14, width=0.25, zorder=1.5)
    if egos:
        width = float(np.clip(0.11 * stage.pitch(record.key_grid), 0.45, 1.3))
        for which, ego in enumerate(egos):
            color = look.centers[which % len(look.centers)]
            artists.update(_outline(ax, stage, ego, which, color, look, width, key_boxes, node_boxes))
            if ranks:
                artists.update(_write_ranks(ax, stage, ego, which, look, key_boxes, font_size))
    else:
        artists["blank"] = say_blank(ax, look, font_size)
    if caption:
        words = (
            caption
            if isinstance(caption, str)
            else SEPARATOR.join([*head_words(exp, record, row), edges_words(egos, "among them the center itself")])
        )
        artists["caption"] = add_caption(ax, words, look, font_size)
    return artists


def _outline(ax, stage, ego: Ego, which: int, color, look: Theme, width, key_boxes, node_boxes) -> dict[str, Artist]:
    suffix = "" if which == 0 else str(which)
    # Above the frame, which is at 2.5, so that a patch at the border has four sides.
    shapes = list(corners(key_boxes[ego.keys[~ego.is_self]]))
    rim = PolyCollection(
        shapes, facecolors="none", edgecolors=look.casing, linewidths=width + 0.6, zorder=2.6, joinstyle="miter"
    )
    lines = PolyCollection(shapes, facecolors="none", edgecolors=color, linewidths=width, zorder=2.7, joinstyle="miter")
    own = list(corners(node_boxes[[ego.center]]))
    center_rim = PolyCollection(
        own, facecolors="none", edgecolors=look.rim, linewidths=1.3 * width + 0.8, zorder=2.8, joinstyle="miter"
    )
    center = PolyCollection(
        own, facecolors="none", edgecolors=look.peak, linewidths=1.3 * width, zorder=2.9, joinstyle="miter"
    )
    for artist in (rim, lines, center_rim, center):
        artist.set_clip_on(False)
        ax.add_collection(artist, autolim=False)
    return {f"neighbors{suffix}": lines, f"centers{suffix}": center}


def _write_ranks(ax, stage: Stage, ego: Ego, which: int, look: Theme, key_boxes, font_size: float) -> dict[str, Artist]:
    """A number in each neighbor's patch, as large as the patch holds; none where that is below 3 points."""
    size = rank_size(stage.pitch(ego.layer.key_grid), font_size)
    if size is None:
        return {}
    artists = {}
    for place, key, own in zip(ego.ranks, ego.keys, ego.is_self, strict=True):
        if own:
            continue
        left, top, right, bottom = key_boxes[key]
        text = ax.text(
            (left + right) / 2,
            (top + bottom) / 2,
            str(rank_shown(ego, int(place))),
            ha="center",
            va="center_baseline",
            fontsize=size,
            color="#ffffff",
            zorder=6,
            parse_math=False,
            clip_on=False,
        )
        text.set_path_effects([withStroke(linewidth=0.22 * size, foreground="#101216")])
        artists[f"rank{which}.{int(place)}"] = text
    return artists


def rank_size(pitch: float, font_size: float) -> float | None:
    """Font size of the ranks where nodes are `pitch` points apart; None where they would be too small to read."""
    size = min(0.62 * pitch, font_size)
    return None if size < 3.0 else size


def rank_shown(ego: Ego, place: int) -> int:
    """A neighbor's rank for people: from 1 for the nearest; the center as its own neighbor is not counted."""
    before = int((ego.ranks[ego.is_self] < place).sum())
    return place + 1 - before
