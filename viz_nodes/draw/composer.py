"""Bands of panels become a figure: what `figure`, `panel`, `compare` and the figures of papers all go through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.text import dressed
from viz_nodes.draw.geometry.layout import (
    BAR,
    GAP,
    LINE,
    MARGIN,
    SMALLEST_LETTERS,
    Band,
    Cell,
    Page,
    Placed,
    bar_room,
    column_names,
    fit,
    fit_aside,
    place,
)
from viz_nodes.draw.style.fonts import text_width
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.style.wrapping import shortened

_BETTER = 1.1
OVERHANG = 2.0
"""Points by which the smallest letters beside a low band may stand over its ends, into the gaps between bands."""
SCREEN_DPI = 200.0
"""Resolution on screens and in notebooks, at which the smallest letters are read."""


Strip = tuple[Callable[[float], float], Callable[[Axes], Any]]
"""How many points high at a width in points, and what draws it."""


class PaperFigure(Figure):
    """A figure at its final size that notebooks show, and that says in words what is on it.

    Attributes:
        caption: what is drawn, of what, and how, in sentences for a paper.
        heading: the words above it.
        panel_points: how wide its panels are.
    """

    caption: str = ""
    heading: str = ""
    panel_points: float = 0.0

    def _repr_png_(self) -> bytes:
        from viz_nodes.draw.files import figure_bytes

        return figure_bytes(self, "png", dpi=SCREEN_DPI)


def compose(
    style: Style,
    build: Callable[[float], Sequence[Band]],
    *,
    columns: int,
    heading: str = "",
    legend: Callable[[Sequence[Band]], str] | str = "",
    strip: Strip | None = None,
    caption: Callable[[Sequence[Band]], str] | str = "",
    brief: str = "",
    most: float | None = None,
) -> PaperFigure:
    """Paint bands of panels on a figure of the style's width, as high as they need and no higher than a page.

    Args:
        build: the bands for panels of a width in points; called again while they are too high.
        columns: panels side by side.
        heading: words above all, wrapped.
        legend: words below all, wrapped, in small print; on a slide, which has no notes either, only where
            there is room beside the panels.
        brief: what stands there on other slides.
        strip: how high it is at a width in points, and what draws a strip of samples between the panels and the legend.
        caption: what the figure says of itself.
        most: points that a panel may be wide; by default what the width holds.

    Raises:
        ValueError: more columns or rows than the page holds.
    """
    whole: Callable[[Sequence[Band]], str] | str = ""
    if style.width == "slide":  # read from afar: letters are large, and what the key and notes say is in the caption
        style, legend, whole = style.but(notes=False), brief, legend
    page = Page(style)
    first = build(page.width / columns)
    named, blocks = any(band.name for band in first), any(band.block for band in first)
    widest = page.panel_width(columns, named=named, blocks=blocks)
    built: dict[float, Sequence[Band]] = {}

    def bands_at(width: float) -> Sequence[Band]:
        built[width] = build(width)
        return built[width]

    def measure(bands: Sequence[Band], width: float) -> Placed:
        words = legend if isinstance(legend, str) else legend(bands)
        return place(page, bands, width, heading, words, strip=strip[0] if strip else None, widest=widest)

    def measure_aside(bands: Sequence[Band], width: float) -> Placed:
        """With the whole key where the words beside panels are no higher than these."""
        words = whole if isinstance(whole, str) else whole(bands)
        short, long = (
            place(page, bands, width, heading, each, strip=strip[0] if strip else None, aside=True)
            for each in (brief, words)
        )
        return long if long.height <= short.height + 1e-6 else short

    widest_panel = min(widest, most or widest)
    if style.width == "slide":
        placed = _larger(
            lambda: fit(page, bands_at, widest_panel, measure),
            lambda: fit_aside(page, bands_at, widest_panel, columns, measure_aside),
        )
        bands = bands_at(placed.panel)  # again: what is said is of the bands made last
    else:
        placed = fit(page, bands_at, widest_panel, measure)
        bands = built[placed.panel]
    with mpl.rc_context({"font.family": [page.font], "axes.linewidth": 0.4}):
        fig = PaperFigure(figsize=(page.inches, placed.height / 72.0), dpi=SCREEN_DPI, facecolor=style.look.page)
        _Painter(fig, page, placed).all(bands, strip)
    fig.heading, fig.panel_points = heading, placed.panel
    fig.caption = caption if isinstance(caption, str) else caption(bands)
    return fig


def _larger(first: Callable[[], Placed], second: Callable[[], Placed]) -> Placed:
    """Of two ways to place what there is that with larger panels; the first where the other is hardly better."""
    ways: list[Placed] = []
    refused: ValueError | None = None
    for way in (first, second):
        try:
            ways.append(way())
        except ValueError as error:
            refused = refused or error
    if not ways:
        raise refused or ValueError("there is nothing to place")
    return ways[-1] if ways[-1].panel > _BETTER * ways[0].panel else ways[0]


@dataclass(frozen=True, eq=False)
class Way:
    """One way to compose a figure.

    Attributes:
        columns: panels side by side.
        build: see `compose`.
        filled: what part of the places is filled.
        holds: asked when it is composed, whether it does well; where it does not, it is taken for want of a better one.
    """

    columns: int
    build: Callable[[float], Sequence[Band]]
    filled: float = 1.0
    holds: Callable[[], bool] | None = None


def compose_best(style: Style, ways: Sequence[Way], **more: Any) -> PaperFigure:
    """Compose in the way that gives panels most of the page; the first where another is hardly better.

    Args:
        more: see `compose`.

    Raises:
        ValueError: none fits the page; what is said of the first.
    """
    best: tuple[float, PaperFigure] | None = None
    spare: PaperFigure | None = None
    refused: ValueError | None = None
    for way in ways:
        try:
            fig = compose(style, way.build, columns=way.columns, **more)
        except ValueError as error:
            refused = refused or error
            continue
        if way.holds is not None and not way.holds():
            spare = spare or fig
            continue
        worth = way.columns * (fig.panel_points * way.filled) ** 2
        if best is None or worth > _BETTER * best[0]:
            best = worth, fig
    if best is None and spare is None:
        raise refused or ValueError("there is nothing to compose")
    return best[1] if best is not None else spare  # type: ignore[return-value]


def beside(parts: Sequence[Sequence[Band]], columns: int) -> list[Band]:
    """Bands of several parts side by side: those of one name become one band."""
    if len(parts) == 1 and len(parts[0][0].cells) == columns:
        return list(parts[0])
    parts = [_with_attached(part, [band for other in parts for band in other if band.attached]) for part in parts]
    order = list(dict.fromkeys(_key_of(band) for part in parts for band in part))
    order.sort(key=lambda key: max([_key_of(band) for band in part].index(key) for part in parts if _keyed(part, key)))
    bands = []
    for key in order:
        parts_named = [_keyed(part, key) for part in parts]
        width = len(parts[0][0].cells)
        cells: list[Cell | None] = []
        names: list[Sequence[str]] = []
        for band in parts_named:
            cells += list(band.cells) if band else [None] * width
            names += list(band.names) if band and band.names else [("",)] * width
        cells += [None] * (columns - len(cells))
        names += [("",)] * (columns - len(names))
        there = [band for band in parts_named if band]
        bands.append(
            Band(
                key[0],
                max(band.aspect for band in there),
                cells,
                names=names if any(any(ways) for ways in names) else (),
                attached=there[0].attached,
            )
        )
    return bands


def in_groups(parts: Sequence[Sequence[Band]], together: int) -> list[Band]:
    """Bands of parts, so many of them side by side, and below these the next."""
    columns = together * len(parts[0][0].cells)
    bands: list[Band] = []
    for first in range(0, len(parts), together):
        bands += beside(parts[first : first + together], columns)
    return bands


def _with_attached(part: Sequence[Band], attached: Sequence[Band]) -> list[Band]:
    """A part whose bars and notes stand as low as those of parts that have a close-up where it has none."""
    if not attached or any(band.attached for band in part):
        return list(part)
    *above, last = part
    shown = [cell and Cell(cell.paint) for cell in last.cells]
    below = [cell and Cell(None, cell.bar, cell.notes) for cell in last.cells]
    room = replace(attached[0], cells=below, block=last.block, names=())
    return [*above, replace(last, cells=shown), room]


def _key_of(band: Band) -> tuple[str, bool]:
    return band.name, band.attached


def _keyed(part: Sequence[Band], key: tuple[str, bool]) -> Band | None:
    return next((band for band in part if _key_of(band) == key), None)


class _Painter:
    """Puts what was placed on a figure.

    Args:
        fig: an empty figure of the right size.
    """

    def __init__(self, fig: Figure, page: Page, placed: Placed) -> None:
        self.fig, self.page, self.placed = fig, page, placed

    def all(self, bands: Sequence[Band], strip: Strip | None) -> None:
        page, placed, theme = self.page, self.placed, self.page.style.look
        left, wide = placed.words
        if placed.heading:
            self._write(left, MARGIN, placed.heading, page.style.size, theme.ink, ha="left", va="top")
        for at, band in enumerate(bands):
            self._names(band, at)
            self._sides(bands, at)
            for column, (cell, note) in enumerate(zip(band.cells, placed.notes[at], strict=True)):
                if cell is not None:
                    self._cell(band, at, column, cell, note)
        if strip:
            high = strip[0](wide)
            strip[1](self._axes(left, self._strip_top(high), wide, high))
        if placed.legend:
            self._write(left, placed.legend_top, placed.legend, page.style.small, theme.muted, ha="left", va="top")

    def _strip_top(self, height: float) -> float:
        return self.placed.legend_top - height - (2.0 if self.placed.legend else 0.0)

    def _cell(self, band: Band, at: int, column: int, cell: Cell, note: str) -> None:
        placed, style = self.placed, self.page.style
        x, top, high = placed.left + column * (placed.panel + GAP), placed.tops[at], placed.panel * band.aspect
        if cell.paint is not None:
            cell.paint(self._axes(x, top, placed.panel, high))
        below = 1.5 + bar_room(cell, style)
        if cell.bar is not None and style.scales:
            cell.bar(self._axes(x, top + high + 2.0, placed.panel, BAR))
        if note:
            self._write(x, top + high + below, note, style.small, style.look.muted, ha="left", va="top")

    def _names(self, band: Band, at: int) -> None:
        top = self.placed.names[at]
        if top is None:
            return
        placed, style = self.placed, self.page.style
        names, points = column_names(band.names, placed.panel, self.page)
        for column, name in enumerate(names):
            x = placed.left + column * (placed.panel + GAP) + placed.panel / 2
            for above, line in enumerate(reversed(name.split("\n"))):
                base = placed.tops[at] - 1.5 - (0.18 + above * LINE) * style.size
                self._write(x, base, line, points, style.look.ink, ha="center", va="baseline")

    def _sides(self, bands: Sequence[Band], at: int) -> None:
        """The name of a band, and of the block that begins with it, upright at the left."""
        placed, style, band = self.placed, self.page.style, bands[at]
        high = placed.panel * band.aspect
        if band.name:
            x = placed.left - 2.0 - 0.55 * style.size
            self._upright(x, placed.tops[at], high, band.name, style.look.muted)
        if band.block and (at == 0 or bands[at - 1].block != band.block):
            last = max(i for i in range(at, len(bands)) if all(b.block == band.block for b in bands[at : i + 1]))
            room = placed.tops[last] + placed.panel * bands[last].aspect - placed.tops[at]
            self._upright(placed.slack + MARGIN + 0.55 * style.size, placed.tops[at], room, band.block, style.look.ink)

    def _axes(self, x: float, top: float, wide: float, high: float) -> Axes:
        width, height = self.page.width, self.placed.height
        return self.fig.add_axes((x / width, 1 - (top + high) / height, wide / width, high / height), axes_class=Panel)

    def _write(self, x: float, top: float, words: str, points: float, color: str, **more: Any) -> None:
        dressed(
            self.fig.text(
                x / self.page.width,
                1 - top / self.placed.height,
                words,
                fontsize=points,
                color=color,
                parse_math=False,
                linespacing=1.22,
                **more,
            ),
            self.page.font,
        )

    def _upright(self, x: float, top: float, room: float, words: str, color: str) -> None:
        style = self.page.style
        points = style.size if text_width(words, style.size, self.page.font) <= room else style.small
        wide = text_width(words, points, self.page.font)
        if wide > room:  # smaller, as far as print shows letters, before anything is left out
            points = max(points * 0.98 * room / wide, min(points, SMALLEST_LETTERS))
            room += 2 * OVERHANG
        words = shortened(words, room, points, self.page.font)
        self._write(x, top + room / 2, words, points, color, ha="center", va="center", rotation=90)
