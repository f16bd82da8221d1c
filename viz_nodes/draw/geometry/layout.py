"""Panels in columns and bands on a page of given width: every measure in points, so that nothing overlaps or is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from viz_nodes.draw.style.fonts import DEFAULT_FONT, text_width
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.style.widths import page_height
from viz_nodes.draw.style.wrapping import count_lines, fitting, wrap

MARGIN = 2.0
"""Points of white around a figure."""
GAP = 4.0
LINE = 1.3
BAR = 3.5
LEAST_PANEL = 24.0
SMALL_PANEL = 46.0
"""Points below which panels are rather put into more rows than made smaller."""
FLATTEST = 0.4
"""Height over width below which pictures do not stand side by side."""
LOW = 50.0
"""Points high that a panorama is with its bar and note, about."""
TALLEST = 2.0
"""Height over width up to which a panel fills its column; a picture that is taller stands in the middle of it."""
SMALLEST_LETTERS = 5.0
"""Points of the smallest letters that print shows, as those of ranks."""
_MOST_NOTE_LINES = 4
ASIDE = 12.0
"""Letters that fit beside panels where words stand there, at least."""
_BETWEEN = 14.0
"""Points between panels and the words beside them."""


@dataclass(frozen=True)
class Cell:
    """One panel.

    Attributes:
        paint: draws it, given its Axes; None for words alone.
        bar: draws a colorbar on the Axes below the panel.
        notes: words below, wrapped to the panel; several ways to say them, the longest first.
        across: columns that these words have for themselves.
    """

    paint: Callable[[Axes], object] | None
    bar: Callable[[Axes], object] | None = None
    notes: tuple[str, ...] = ()
    across: int = 1


@dataclass(frozen=True)
class Band:
    """Panels side by side, one a column; None leaves a place empty.

    Attributes:
        name: written upright at the left.
        aspect: height over width of its panels.
        cells: as many as the page has columns.
        block: a name that neighboring bands share, written once at their left; "" for none.
        names: of its columns, written above it, each in several ways, which may have lines; () for none.
        attached: whether it belongs to the band above, and stands close to it.
    """

    name: str
    aspect: float
    cells: Sequence[Cell | None]
    block: str = ""
    names: Sequence[Sequence[str]] = ()
    attached: bool = False


@dataclass(frozen=True)
class Page:
    """The paper: what is the same for all panels of a figure."""

    style: Style

    @property
    def font(self) -> str:
        """Family of all words."""
        return self.style.font or DEFAULT_FONT

    @property
    def inches(self) -> float:
        """Width of the figure."""
        return self.style.inches

    @property
    def width(self) -> float:
        """Width in points."""
        return self.inches * 72.0

    @property
    def most(self) -> float:
        """Points that a figure may be high."""
        return page_height(self.style.width) * 72.0

    def panel_width(self, columns: int, *, named: bool = True, blocks: bool = False) -> float:
        """Points that a panel is wide where the page is filled.

        Raises:
            ValueError: too many columns for this page.
        """
        width = (self.width - MARGIN - self.left(named=named, blocks=blocks) - GAP * (columns - 1)) / columns
        if width < LEAST_PANEL:
            raise ValueError(
                f"`width` must leave each of {columns} columns {LEAST_PANEL:.0f} points "
                f"(got {max(width, 0):.0f} at {self.inches * 25.4:.0f} mm)"
            )
        return width

    def left(self, *, named: bool, blocks: bool) -> float:
        """Points left of the first panel."""
        return MARGIN + (int(named) + int(blocks)) * self.style.size * LINE + (1.0 if named or blocks else 0.0)


def columns_for(page: Page, count: int, *, blocks: bool = False, named: bool = True) -> int:
    """How many panels stand side by side: all, or as many as leave each of them large enough to be read."""
    for groups in range(1, count + 1):
        columns = -(-count // groups)
        try:
            if groups == count or page.panel_width(columns, blocks=blocks, named=named) >= SMALL_PANEL:
                return columns
        except ValueError:
            continue
    return 1


@dataclass(frozen=True)
class Placed:
    """Where everything of a figure stands, in points from the top left.

    Attributes:
        panel: width of a panel.
        left: of the first panel.
        slack: points by which all panels are moved into the middle.
        tops: of each band's panels.
        notes: of each band's cells, wrapped.
        names: top of each band's column names, None where it has none.
        heading, legend: wrapped words.
        legend_top: where the legend begins.
        height: of the figure.
        words: left edge and width of heading, strip and legend.
    """

    panel: float
    left: float
    slack: float
    tops: list[float]
    notes: list[list[str]]
    names: list[float | None]
    heading: str
    legend: str
    legend_top: float
    height: float
    words: tuple[float, float]


def bar_room(cell: Cell | None, style: Style) -> float:
    """Points that a bar and its numbers take below a panel."""
    return BAR + 2.0 + style.small * 1.15 if cell is not None and cell.bar is not None and style.scales else 0.0


def below_of(cell: Cell | None, note: str, style: Style) -> float:
    """Points that a bar and a note take below a panel."""
    return bar_room(cell, style) + (1.5 + count_lines(note) * style.small * LINE if note else 0.0)


def place(
    page: Page,
    bands: Sequence[Band],
    panel: float,
    heading: str,
    legend: str,
    *,
    strip: Callable[[float], float] | None = None,
    widest: float | None = None,
    aside: bool = False,
) -> Placed:
    """Place bands of panels of one width.

    Args:
        panel: points that each panel is wide.
        heading: words above all.
        legend: words below all, in small print.
        strip: points high of what is drawn between the panels and the legend's words, by how wide it may be.
        widest: points that panels could be wide; narrower ones stand in the middle of the page.
        aside: heading, strip and legend stand right of the panels, not above and below.
    """
    style, size, small = page.style, page.style.size, page.style.small
    left = page.left(named=any(band.name for band in bands), blocks=any(band.block for band in bands))
    columns = max((len(band.cells) for band in bands), default=1)
    slack = 0.0 if widest is None or aside else max(0.0, (widest - panel) * columns / 2)
    begin = left + columns * (panel + GAP) - GAP + _BETWEEN if aside else MARGIN
    inner = page.width - MARGIN - begin
    heading = wrap(heading, inner, size, page.font) if heading else ""
    legend = wrap(legend, inner, small, page.font) if legend else ""
    below_heading = MARGIN + (count_lines(heading) * size * LINE + 2.0 if heading else 0.0)
    y = MARGIN if aside else below_heading
    tops: list[float] = []
    notes: list[list[str]] = []
    names: list[float | None] = []
    for at, band in enumerate(bands):
        if at:
            y += 2.0 if band.attached else GAP + (GAP if band.block != bands[at - 1].block else 0.0)
        named = any(any(name) for name in band.names)
        names.append(y if named else None)
        if named:
            y += max(count_lines(name) for name in column_names(band.names, panel, page)[0]) * size * LINE + 2.0
        tops.append(y)
        y += panel * band.aspect
        wrapped = notes_of(band.cells, panel, page) if style.notes else [""] * len(band.cells)
        notes.append(wrapped)
        y += max((below_of(cell, note, style) for cell, note in zip(band.cells, wrapped, strict=True)), default=0.0)
    below = (below_heading if aside else y) + (3.0 + strip(inner) if strip else 0.0) + (2.0 if legend else 0.0)
    height = max(below + (count_lines(legend) * small * LINE + 1.0 if legend else 0.0), y) + MARGIN
    words = (begin, inner)
    return Placed(panel, left + slack, slack, tops, notes, names, heading, legend, below, height, words)


def fit_aside(
    page: Page, build: Callable[[float], Sequence[Band]], most: float, columns: int, measure: Callable[..., Placed]
) -> Placed:
    """As `fit`, with room for words right of the panels.

    Args:
        most: points that a panel would be wide without these words.

    Raises:
        ValueError: no room for them.
    """
    return fit(page, build, most - (ASIDE * page.style.size + _BETWEEN) / columns, measure)


def notes_of(cells: Sequence[Cell | None], panel: float, page: Page) -> list[str]:
    """The notes of cells side by side, all in the longest way that takes few lines."""
    ways: list[list[str]] = []
    for cell in cells:
        wide = panel + (panel + GAP) * (cell.across - 1 if cell else 0)
        notes = cell.notes if cell else ()
        ways.append([wrap(note, wide, page.style.small, page.font) if note else "" for note in notes])
    for level in range(max(map(len, ways), default=0)):
        chosen = [each[min(level, len(each) - 1)] if each else "" for each in ways]
        if all(count_lines(words) <= _MOST_NOTE_LINES for words in chosen):
            return chosen
    return [each[-1] if each else "" for each in ways]


def fit(page: Page, build: Callable[[float], Sequence[Band]], most: float, measure: Callable[..., Placed]) -> Placed:
    """The widest panels, up to `most` points, with which a figure is no higher than its page.

    Args:
        build: bands for a panel width.
        measure: places bands at a panel width.

    Raises:
        ValueError: not even the smallest panels fit.
    """
    width = most
    placed = measure(build(width), width)
    for _ in range(40):
        if placed.height <= page.most + 1e-6:
            return placed
        width *= max(0.8, min(0.985, (page.most / placed.height)))
        if width < LEAST_PANEL:
            break
        placed = measure(build(width), width)
    raise ValueError(
        f"the figure would be {placed.height / 72:.1f} inches high, more than a page has ({page.most / 72:.1f}); "
        f"draw fewer rows, layers or kinds, or give it a larger `width`"
    )


def column_names(names: Sequence[Sequence[str]], panel: float, page: Page) -> tuple[list[str], float]:
    """What is written above each column, the longest way to say it that fits, and in letters of how many points."""
    longest = max((len(name) for name in names), default=0)
    for points in (page.style.size, page.style.small):
        for level in range(longest):
            chosen = [name[min(level, len(name) - 1)] if name else "" for name in names]
            if all(text_width(line, points, page.font) <= panel for words in chosen for line in words.split("\n")):
                return chosen, points
    # Smaller, as far as print shows letters, before anything is left out.
    short = [name[-1] if name else "" for name in names]
    widest = max(text_width(line, page.style.small, page.font) for words in short for line in words.split("\n"))
    points = max(min(page.style.small * 0.98 * panel / widest, page.style.small), SMALLEST_LETTERS)
    return [fitting(name, panel, points, page.font) if name else "" for name in names], points
