"""The bars that say which color is which value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgba

from viz_nodes.draw.artists.axes import frame
from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.photograph import add_raster
from viz_nodes.draw.artists.text import dressed
from viz_nodes.draw.geometry.layout import SMALLEST_LETTERS
from viz_nodes.draw.style.captions import number, percent
from viz_nodes.draw.style.fonts import DEFAULT_FONT, text_width
from viz_nodes.draw.style.scales import Scale
from viz_nodes.draw.style.style import Style

_GRAY = 118.0
_INSET = (1.03, 0.0, 0.045, 1.0)
_BROKEN = np.concatenate([np.arange(first, first + 5) for first in range(10, 120, 20)])
"""Of 256 colors, those left out on the side of the edges that are broken."""
_PAD = 1.5
"""Points between a bar and its numbers."""


def add_colorbar(
    ax: Axes, table: np.ndarray, scale: Scale, style: Style, *, place: Axes | None = None, horizontal: bool = False
) -> Axes:
    """A bar of raw CAM values from 0 to the top of their scale.

    It shows the colors at the opacity of the heatmap, as they look over a medium gray.

    Args:
        table: (256, 4) uint8, see `viz_nodes.draw.cam.heat_table`.
        place: Axes for the bar; by default an inset at the right of `ax`.
    """
    top = scale.top if scale.top > 0 else 1.0
    ticks = [(0.0, "0"), (top, number(scale.top))]
    return _add_bar(ax, over_gray(table), (0.0, top), ticks, style, place, horizontal)


def add_value_bar(
    ax: Axes, limits: tuple[float, float], style: Style, *, place: Axes | None = None, horizontal: bool = False
) -> Axes:
    """A bar of the values that edges are colored by, in the colors of `edge_palette`."""
    low, high = limits
    if style.signed:
        return add_signed_bar(ax, high, style, place=place, horizontal=horizontal)
    pixels = opaque(edge_palette(style))
    if style.color == "rank":
        high = max(high, low + 1)
        ticks = [(low, f"{low:.0f}"), (high, f"{high:.0f}")]
    else:
        high = high if high > low else low + 1.0
        ticks = [(low, percent(low)), (high, percent(high))]
    return _add_bar(ax, pixels, (low, high), ticks, style, place, horizontal)


def add_signed_bar(
    ax: Axes,
    limit: float,
    style: Style,
    *,
    place: Axes | None = None,
    horizontal: bool = False,
    table: np.ndarray | None = None,
    ends: tuple[str, str] = ("", ""),
) -> Axes:
    """A bar of signed values, centered on 0.

    Args:
        table: (256, 4) uint8 where the colors are drawn with opacity; by default the theme's own, opaque.
        ends: words behind the lowest and the highest value.
    """
    end = limit if limit > 0 else 1.0
    pixels = opaque(style.look.diverging) if table is None else over_gray(table)
    if table is None and style.signs:
        pixels[_BROKEN] = [round(255 * part) for part in to_rgba(style.look.page)]
    ticks = [(-end, number(-limit) + ends[0]), (0.0, "0"), (end, number(limit, signed=True) + ends[1])]
    return _add_bar(ax, pixels, (-end, end), ticks, style, place, horizontal)


def edge_palette(style: Style) -> Colormap:
    """The colors of edges that stand for a value: diverging for signed ones, else from gray to the first center's."""
    if style.signed:
        return style.look.diverging
    ends = [style.look.muted, style.look.centers[0]]
    return LinearSegmentedColormap.from_list("edges", ends[::-1] if style.color == "rank" else ends)


def opaque(palette: Colormap) -> np.ndarray:
    """(256, 4) uint8, a palette from end to end."""
    return (np.asarray(palette(np.linspace(0, 1, 256))) * 255).round().astype(np.uint8)


def over_gray(table: np.ndarray) -> np.ndarray:
    """(256, 4) uint8, colors with opacity as they look over a medium gray."""
    opacity = table[:, 3:].astype(float) / 255
    mixed = table[:, :3] * opacity + _GRAY * (1 - opacity)
    return np.asarray(np.concatenate([mixed, np.full((len(table), 1), 255.0)], axis=1).round().astype(np.uint8))


def _that_fit(ticks: Sequence[tuple[float, str]], bar: Axes, style: Style) -> tuple[Sequence[tuple[float, str]], float]:
    """The labels that stand below a bar without touching, and in letters of how many points.

    Without the middle one, else of the highest value alone, in smaller letters where that is wider than the bar.
    """
    figure = bar.get_figure(root=True)
    assert figure is not None
    wide = bar.get_position().width * figure.get_figwidth() * 72.0
    room = [text_width(words, style.small, style.font or DEFAULT_FONT) + 2 * _PAD for _, words in ticks]
    if len(ticks) == 3 and max(room[0], room[2]) + room[1] / 2 > wide / 2:
        ticks, room = [ticks[0], ticks[2]], [room[0], room[2]]
    if sum(room) <= wide:
        return ticks, style.small
    low, high = ticks[0], ticks[-1]
    alone = ((low[0] + high[0]) / 2, "±" + high[1].removeprefix("+")) if low[0] < 0 else high
    needed = text_width(alone[1], style.small, style.font or DEFAULT_FONT)
    return [alone], max(style.small * min(1.0, wide / needed), min(style.small, SMALLEST_LETTERS))


def _add_bar(
    ax: Axes,
    pixels: np.ndarray,
    span: tuple[float, float],
    ticks: Sequence[tuple[float, str]],
    style: Style,
    place: Axes | None,
    horizontal: bool,
) -> Axes:
    """A bar of 256 colors over `span`; the labels at its ends stay within its length."""
    bar = place if place is not None else ax.inset_axes(_INSET, axes_class=Panel)
    low, high = span
    points = style.small
    if horizontal:
        ticks, points = _that_fit(ticks, bar, style)
        bar.set_xlim(low, high)
        bar.set_ylim(0, 1)
        add_raster(bar, pixels[None], (low, high, 1, 0))
        beside, sides = (0.0, -_PAD), ("left", "center", "right")
    else:
        bar.set_xlim(0, 1)
        bar.set_ylim(low, high)
        add_raster(bar, pixels[::-1, None], (0, 1, low, high))
        beside, sides = (_PAD, 0.0), ("bottom", "center_baseline", "top")
    for value, words in ticks:
        side = sides[0] if value == low else sides[2] if value == high else sides[1]
        written = bar.annotate(
            words,
            (value, 0.0) if horizontal else (1.0, value),
            xytext=beside,
            textcoords="offset points",
            ha=side if horizontal else "left",
            va="top" if horizontal else side,
            fontsize=points,
            color=style.look.ink,
            parse_math=False,
            annotation_clip=False,
        )
        dressed(written, style.font)
    frame(bar, style.look.muted)
    return bar
