"""Kinds of picture side by side, a line for each layer or row: what one layer asks for, and what wide slides do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from viz_nodes.draw.cells import KIND_NAMES, graph_and_closeup, graph_bands
from viz_nodes.draw.composer import Way, in_groups
from viz_nodes.draw.geometry.layout import SMALL_PANEL, Band, Cell, Page
from viz_nodes.draw.graph import value_limits
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.style.captions import SEPARATOR
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject

_COMFORTABLE = 72.0
"""Points across a panel from which on pictures stand side by side where there is no slide: as three in a column."""


@dataclass(frozen=True, eq=False)
class Line:
    """What stands in a line.

    Attributes:
        block: written at its left.
        short: what tells it from the other lines, in a word.
        subject: the layer and row.
        plan: of its graph, None where none is drawn.
        cell: makes a picture that is no graph, given its kind.
    """

    block: str
    short: str
    subject: Subject
    plan: Plan | None
    cell: Callable[[str], Cell | None]


def columns_beside(page: Page, count: int, lines: int) -> int:
    """How many of so many kinds of picture stand side by side; 1 where they would be too small.

    One line may be broken where no place is left empty: four kinds in a column are two and two.
    """
    if lines > 1 or page.style.width == "slide":
        return count if _panel(page, count) >= SMALL_PANEL else 1
    return max(
        (each for each in range(2, count + 1) if count % each == 0 and _panel(page, each) >= _COMFORTABLE), default=1
    )


def _panel(page: Page, columns: int) -> float:
    try:
        return page.panel_width(columns, named=False, blocks=True)
    except ValueError:
        return 0.0


def line_ways(
    lines_at: Callable[[float, bool], Sequence[Line]], kinds: Sequence[str], style: Style, aspect: float, count: int
) -> list[Way]:
    """Ways to compose lines, none where pictures side by side would be too small; worth by how large panels are.

    Args:
        lines_at: the lines for panels of a width in points, and whether close-ups stand beside their graphs.
        aspect: height over width of pictures.
        count: how many lines there are.
    """
    page, latest = Page(style), list[Line]()
    across = columns_beside(page, len(kinds), count)

    def built(panel: float, *, beside: bool, together: int = 1) -> list[Band]:
        latest[:] = lines_at(panel, beside)
        if together > 1:
            parts = [_named(line, line_bands([line], kinds, style, panel, aspect, beside=beside)) for line in latest]
            return in_groups(parts, together)
        return line_bands(latest, kinds, style, panel, aspect, columns=across, beside=beside)

    def enlarged() -> bool:
        return any(any(line.plan.closeups) for line in latest if line.plan is not None)

    ways = []
    if across > 1:
        alone = None if across < len(kinds) or "graph" not in kinds else lambda: not enlarged()
        ways.append(Way(across, partial(built, beside=False), across**-0.5, alone))
        if alone is not None:
            ways.append(Way(across + 1, partial(built, beside=True), (across + 1) ** -0.5, enlarged))
    for together in range(2, count + 1) if style.width == "slide" else ():
        for beside in (False, True) if "graph" in kinds else (False,):
            columns = (len(kinds) + beside) * together
            if _panel(page, columns) >= SMALL_PANEL:
                holds = enlarged if beside else None
                filled = count / (together * -(-count // together))  # the last group may have places left
                build = partial(built, beside=beside, together=together)
                ways.append(Way(columns, build, (filled / columns) ** 0.5, holds))
    return ways


def _named(line: Line, bands: Sequence[Band]) -> list[Band]:
    """The bands of a line that stands beside others: its name above its columns, not at its left."""
    first, *others = bands
    names = [
        (f"{line.block}{SEPARATOR}{kind}", f"{line.short}{SEPARATOR}{kind}", line.short) for (kind,) in first.names
    ]
    return [replace(first, block="", names=names), *(replace(band, block="") for band in others)]


def line_bands(
    lines: Sequence[Line],
    kinds: Sequence[str],
    style: Style,
    panel: float,
    aspect: float,
    *,
    columns: int | None = None,
    beside: bool = False,
) -> list[Band]:
    """The bands of lines.

    Args:
        panel: points that panels are wide.
        aspect: height over width of pictures.
        columns: how many stand side by side, without close-ups; by default all.
        beside: close-ups stand in a column of their own, not below their graphs.
    """
    columns = columns or len(kinds)
    bands: list[Band] = []
    for at, line in enumerate(lines):
        for first in range(0, len(kinds), columns):
            part = kinds[first : first + columns]
            names = [(KIND_NAMES[kind],) for kind in part] if at == 0 or columns < len(kinds) else []
            bands += (
                _with_column(line, part, style, aspect, names)
                if beside
                else _with_row(line, part, style, panel, aspect, names)
            )
    return bands


def _with_row(
    line: Line, kinds: Sequence[str], style: Style, panel: float, aspect: float, names: Sequence[tuple[str, ...]]
) -> list[Band]:
    """Pictures side by side, the close-up below its graph."""
    cells: list[Cell | None] = [None if kind == "graph" else line.cell(kind) for kind in kinds]
    if line.plan is None or "graph" not in kinds:
        return [Band("", aspect, cells, line.block, names)]
    graphs = [(line.subject, line.plan) if kind == "graph" else None for kind in kinds]
    first, *others = graph_bands(graphs, style, panel, aspect, block=line.block)
    merged = [graph or cell for graph, cell in zip(first.cells, cells, strict=True)]
    return [Band("", aspect, merged, line.block, names), *(replace(band, name="") for band in others)]


def _with_column(
    line: Line, kinds: Sequence[str], style: Style, aspect: float, names: Sequence[tuple[str, ...]]
) -> list[Band]:
    """Pictures side by side, the close-up right of its graph."""
    cells: list[Cell | None] = []
    titles: list[tuple[str, ...]] = []
    for at, kind in enumerate(kinds):
        titles += [names[at]] if names else []
        if kind != "graph" or line.plan is None:
            cells.append(line.cell(kind))
            continue
        cells += graph_and_closeup(line.subject, line.plan, style, value_limits(line.plan.egos, style))
        titles += [(KIND_NAMES["closeup"],)] if names else []
    return [Band("", aspect, cells, line.block, titles)]
