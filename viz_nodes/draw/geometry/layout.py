"""Panels in columns and bands on a page of given width: every measure in points, so that nothing overlaps or is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.style.captions import shortened, text_width, wrap
from viz_nodes.draw.style.palettes import Theme

MARGIN = 2.0
"""Points of white around a figure."""
_GAP = 4.0
_LINE = 1.3
_BAR = 3.5
_LEAST_PANEL = 24.0
FLATTEST = 0.4
"""Height over width below which pictures do not stand side by side."""
TALLEST = 2.0
"""Height over width up to which a panel fills its column; a picture that is taller stands in the middle of it."""


@dataclass(frozen=True)
class Cell:
    """One panel.

    Attributes:
        paint: draws it, given its Axes.
        bar: draws a colorbar on the Axes below the panel.
        note: words below, wrapped to the panel.
    """

    paint: Callable[[Axes], object]
    bar: Callable[[Axes], object] | None = None
    note: str = ""


@dataclass(frozen=True)
class Band:
    """Panels side by side, one a column; None leaves a place empty.

    Attributes:
        name: written upright at the left.
        aspect: height over width of its panels.
        cells: as many as the page has columns.
        block: a name that neighboring bands share, written once at their left; "" for none.
    """

    name: str
    aspect: float
    cells: Sequence[Cell | None]
    block: str = ""


@dataclass(frozen=True)
class Page:
    """The paper: what is the same for all panels of a figure.

    Attributes:
        inches: width of the figure.
        look: the theme.
        font_size, small: points of names and of notes.
        font: family.
    """

    inches: float
    look: Theme
    font_size: float = 6.5
    font: str = "DejaVu Sans"
    small: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "small", max(self.font_size - 1.0, 0.8 * self.font_size))

    @property
    def width(self) -> float:
        """Width in points."""
        return self.inches * 72.0

    def panel_width(self, columns: int, *, blocks: bool) -> float:
        """Points that a panel is wide.

        Raises:
            ValueError: too many columns for this page.
        """
        width = (self.width - MARGIN - self.left(blocks) - _GAP * (columns - 1)) / columns
        if width < _LEAST_PANEL:
            raise ValueError(
                f"`width` must leave each of {columns} columns {_LEAST_PANEL:.0f} points "
                f"(got {max(width, 0):.0f} at {self.inches * 25.4:.0f} mm)"
            )
        return width

    def left(self, blocks: bool) -> float:
        """Points left of the first panel."""
        return MARGIN + (2 if blocks else 1) * self.font_size * _LINE + 1.0


def compose(fig: Figure, page: Page, columns: Sequence[str], bands: Sequence[Band], heading: str, legend: str) -> None:
    """Paint bands of panels on an empty figure, and give it the height that they need.

    Args:
        columns: the names above the columns.
        heading: words above all, wrapped.
        legend: words below all, wrapped, in small print.
    """
    blocks = any(band.block for band in bands)
    panel = page.panel_width(len(columns), blocks=blocks)
    inner, look, size, small = page.width - 2 * MARGIN, page.look, page.font_size, page.small
    heading = wrap(heading, inner, size, page.font) if heading else ""
    legend = wrap(legend, inner, small, page.font) if legend else ""

    top = (
        MARGIN
        + (lines(heading) * size * _LINE + 2.0 if heading else 0.0)
        + (size * _LINE + 1.0 if any(columns) else 0.0)
    )
    tops, notes, y = [], [], top
    for at, band in enumerate(bands):
        wrapped = [wrap(cell.note, panel, small, page.font) if cell and cell.note else "" for cell in band.cells]
        below = _BAR + 2.0 + small * 1.15 if any(cell and cell.bar for cell in band.cells) else 0.0
        if any(wrapped):
            below += 1.5 + max(lines(note) for note in wrapped) * small * _LINE
        tops.append(y)
        notes.append(wrapped)
        y += panel * band.aspect + below + _GAP
        if at + 1 < len(bands) and bands[at + 1].block != band.block:
            y += _GAP
    legend_height = lines(legend) * small * _LINE + 1.0 if legend else 0.0
    height = y - _GAP + (2.0 + legend_height if legend else 0.0) + MARGIN
    fig.set_size_inches(page.inches, height / 72.0)

    def axes(x: float, y_top: float, w: float, h: float) -> Axes:
        return fig.add_axes((x / page.width, 1 - (y_top + h) / height, w / page.width, h / height), axes_class=Panel)

    def write(x: float, y_top: float, words: str, points: float, color: str, **more) -> None:
        fig.text(
            x / page.width,
            1 - y_top / height,
            words,
            fontsize=points,
            color=color,
            parse_math=False,
            linespacing=1.22,
            **more,
        )

    def upright(x: float, y_top: float, room: float, words: str, color: str) -> None:
        points = size if text_width(words, size, page.font) <= room else small
        words = shortened(words, room, points, page.font)
        write(x, y_top + room / 2, words, points, color, ha="center", va="center", rotation=90)

    if heading:
        write(MARGIN, MARGIN, heading, size, look.ink, ha="left", va="top")
    left = page.left(blocks)
    for column, name in enumerate(columns):
        x = left + column * (panel + _GAP) + panel / 2
        write(x, top - 2.0, shortened(name, panel, size, page.font), size, look.ink, ha="center", va="baseline")
    for at, (band, y_top, wrapped) in enumerate(zip(bands, tops, notes, strict=True)):
        h = panel * band.aspect
        upright(left - 2.0 - 0.55 * size, y_top, h, band.name, look.muted)
        if band.block and (at == 0 or bands[at - 1].block != band.block):
            last = max(i for i in range(at, len(bands)) if all(b.block == band.block for b in bands[at : i + 1]))
            upright(MARGIN + 0.55 * size, y_top, tops[last] + panel * bands[last].aspect - y_top, band.block, look.ink)
        for column, (cell, note) in enumerate(zip(band.cells, wrapped, strict=True)):
            if cell is None:
                continue
            x = left + column * (panel + _GAP)
            cell.paint(axes(x, y_top, panel, h))
            below = 1.5
            if cell.bar is not None:
                cell.bar(axes(x, y_top + h + 2.0, panel, _BAR))
                below += _BAR + 2.0 + small * 1.15
            if note:
                write(x, y_top + h + below, note, small, look.muted, ha="left", va="top")
    if legend:
        write(MARGIN, height - MARGIN - legend_height + 1.0, legend, small, look.muted, ha="left", va="top")


def lines(text: str) -> int:
    """How many lines a text has; none has 0."""
    return text.count("\n") + 1 if text else 0
