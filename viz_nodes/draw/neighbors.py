"""The nodes picture: the center's patch and its neighbors' patches, outlined at their true size, the rest dimmed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from viz_nodes.draw.artists.axes import FINEST_GRID, ImageAxes, add_patch_grid, frame
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.artists.text import add_caption, dressed, say_across
from viz_nodes.draw.cam import BLANK
from viz_nodes.draw.geometry.selection import Ego, egos_of
from viz_nodes.draw.graph import split_options
from viz_nodes.draw.quantities import settled
from viz_nodes.draw.style.captions import SEPARATOR, head_words
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject, subject_of
from viz_nodes.draw.wording import edges_words, number_words
from viz_nodes.explanation import Explanation
from viz_nodes.grids import View


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
    caption: bool | str = False,
    **options: Any,
) -> dict[str, Any]:
    """Draw a center's patch and its neighbors' patches over the photograph, each with its place, the rest dimmed.

    Places are counted by what the neighbors are ordered by, 1 for the largest contribution or the nearest.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8, or a sample with `original` and `view`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original.
        caption: True writes layer, class, method and what is hidden below; a string writes that.
        options: which neighbors, see `Selection` (`center`, `k`, `order`), and how they look, see `Style` (`ranks`,
            `dim`, `grid`, `theme`, `font`, `font_size`).

    Returns:
        The artists by name: "photograph", and where drawn "shade", "grid", "neighbors", "centers",
        "rank0.3" (the text in center 0's neighbor of place 3), "caption", "blank".
    """
    selection, style = split_options(options)
    subject = subject_of(exp, layer, image, row, view)
    selection, style = settled(selection.but(hops=1), style, [(subject.layer, row)])
    egos = egos_of(exp, subject.layer.index, selection, row)
    artists = paint_neighbors(subject.on(ax), egos, style)
    if caption:
        words = caption if isinstance(caption, str) else neighbors_caption(subject, egos, style)
        artists["caption"] = add_caption(ax, words, style.look, style.size, font=style.font)
    return artists


def neighbors_caption(subject: Subject, egos: Sequence[Ego], style: Style) -> str:
    """Layer, class, method, what is drawn of how many neighbors, and what their numbers are."""
    head = head_words(subject.exp, subject.layer, subject.row)
    numbered = [number_words(egos[0].by, ranked=subject.layer.ranked)] if egos and style.ranks else []
    return SEPARATOR.join([*head, edges_words(egos, "among them the center itself"), *numbered])


def paint_neighbors(on: ImageAxes, egos: Sequence[Ego], style: Style) -> dict[str, Any]:
    """Draw the patches of centers and their neighbors, see `draw_neighbors`."""
    theme, ax = style.look, on.ax
    frame(ax, theme.muted)
    artists: dict[str, Any] = {}
    if on.photograph is not None:
        artists["photograph"] = on.photograph
    shade = PathPatch(
        _shade(on, egos), facecolor=to_rgba(theme.veil, style.dim), edgecolor="none", linewidth=0, zorder=1
    )
    ax.add_artist(shade)
    artists["shade"] = shade
    if not egos:
        artists["blank"] = say_across(ax, BLANK, theme, style.small, style.font)
        return artists
    lined = on.places(egos[0].layer, keys=True)
    if style.grid and on.pitch(lined) >= FINEST_GRID:
        artists["grid"] = add_patch_grid(on, lined, theme.dots, alpha=0.14, width=0.25, zorder=1.5)
    width = float(np.clip(0.11 * on.pitch(lined), 0.45, 1.3))
    for which, ego in enumerate(egos):
        artists |= _outline(on, ego, which, theme, width)
        if style.ranks:
            artists |= _write_ranks(on, ego, which, style)
    return artists


def _shade(on: ImageAxes, egos: Sequence[Ego]) -> Path:
    """The whole image but for the regions of centers and neighbors."""
    if egos and on.places(egos[0].layer).regions is not None:
        nodes = np.concatenate([np.append(ego.keys, ego.center) for ego in egos])
        outer, holes = shade_path(on.size, np.zeros((0, 4))), on.places(egos[0].layer).around(nodes)
        # Walked the other way round than the image, so that they are open.
        return Path.make_compound_path(
            outer, *(Path(loop[[*range(len(loop)), 0]][::-1], closed=True) for loop in holes)
        )
    outlined = [on.places(ego.layer, keys=True).boxes[ego.keys] for ego in egos]
    outlined += [on.places(ego.layer).boxes[[ego.center]] for ego in egos]
    return shade_path(on.size, np.concatenate(outlined) if outlined else np.zeros((0, 4)))


def _outline(on: ImageAxes, ego: Ego, which: int, theme: Theme, width: float) -> dict[str, Any]:
    suffix = "" if which == 0 else str(which)
    color = theme.centers[which % len(theme.centers)]
    shown = ~ego.is_self if not ego.pooled else np.ones(len(ego.keys), bool)
    shapes = on.places(ego.layer, keys=True).outlines(ego.keys[shown])
    own = on.places(ego.layer).outlines(np.array([ego.center]))
    # Above the frame, which is at 2.5, so that a patch at the border has four sides.
    drawn = [
        PathCollection(shape, facecolors="none", edgecolors=tone, linewidths=wide, zorder=order, joinstyle="miter")
        for shape, tone, wide, order in (
            (shapes, theme.casing, width + 0.6, 2.6),
            (shapes, color, width, 2.7),
            (own, theme.rim, 1.3 * width + 0.8, 2.8),
            (own, theme.peak, 1.3 * width, 2.9),
        )
    ]
    for artist in drawn:
        artist.set_clip_on(False)
        on.ax.add_collection(artist, autolim=False)
    return {f"neighbors{suffix}": drawn[1], f"centers{suffix}": drawn[3]}


def _write_ranks(on: ImageAxes, ego: Ego, which: int, style: Style) -> dict[str, Any]:
    """A number in each neighbor's patch, as large as the patch holds; none where that could not be read."""
    keys = on.places(ego.layer, keys=True)
    artists = {}
    for place, number, key in zip(ego.ranks, ego.numbers, ego.keys, strict=True):
        size = rank_size(on.pitch(keys), style.small, len(str(number)))
        if number == 0 or size is None:
            continue
        x, y = keys.centers[key]
        text = dressed(
            on.ax.text(
                x,
                y,
                str(int(number)),
                ha="center",
                va="center_baseline",
                fontsize=size,
                color="#ffffff",
                zorder=6,
                parse_math=False,
                clip_on=False,
            ),
            style.font,
        )
        text.set_path_effects([withStroke(linewidth=0.15 * size, foreground="#101216")])
        artists[f"rank{which}.{int(place)}"] = text
    return artists


LEAST_RANK = 5.0
"""Points of the smallest numbers that print can be read at."""


def rank_size(pitch: float, font_size: float, digits: int = 1) -> float | None:
    """Font size of a rank where nodes are `pitch` points apart; None where it would be too small to read.

    A digit is 0.64 of its size wide and 0.73 high, and stays within its patch.
    """
    size = min(1.05 * pitch, 1.5 * pitch / digits, font_size)
    return None if size < LEAST_RANK else size
