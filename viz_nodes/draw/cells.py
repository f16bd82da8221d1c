"""Panels of figures: each painter with its bar and its note, for whatever figure puts them on a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from viz_nodes.draw.artists.axes import ImageAxes, frame
from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.colorbars import add_colorbar, add_value_bar
from viz_nodes.draw.cam import heat_table, paint_cam
from viz_nodes.draw.geometry.closeups import BETWEEN
from viz_nodes.draw.geometry.layout import TALLEST, Band, Cell
from viz_nodes.draw.geometry.selection import Ego
from viz_nodes.draw.graph import paint_closeup, paint_graph, plan_words, value_limits
from viz_nodes.draw.neighbors import paint_neighbors
from viz_nodes.draw.plans import Plan, picture_scale, plan_of
from viz_nodes.draw.strongest import Strongest, paint_strongest
from viz_nodes.draw.style.scales import Scale, scale_of
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject

KINDS = ("cam", "neighbors", "graph", "edges")
"""The pictures of a layer, in the order of a figure's rows."""
KIND_NAMES = {
    "photograph": "image",
    "cam": "CAM",
    "neighbors": "neighbors",
    "graph": "graph",
    "closeup": "close-up",
    "hyperedges": "hyperedges",
    "edges": "edges",
}


def aspect_of(subjects: Sequence[Subject]) -> float:
    """Height over width of the place for pictures: a page holds none that is many times as high as wide."""
    return min(max(height / width for height, width in (subject.size for subject in subjects)), TALLEST)


def photograph_cell(subject: Subject, style: Style) -> Cell:
    """The plain photograph."""

    def paint(ax: Axes) -> None:
        subject.on(ax)
        frame(ax, style.look.muted)

    return Cell(paint)


def scale_for(subject: Subject, style: Style) -> Scale:
    """The scale of a map by itself."""
    return scale_of(subject.exp, subject.layer, subject.row, style.normalize, style.map_max)


def cam_cell(subject: Subject, style: Style, scale: Scale, *, notes: tuple[str, ...] = ()) -> Cell:
    """A map with its bar."""
    table = heat_table(style.colormap, style.alpha, style.fade)

    def bar(ax: Axes) -> None:
        add_colorbar(ax, table, scale, style, place=ax, horizontal=True)

    return Cell(partial(paint_cam, subject=subject, style=style, scale=scale), bar, notes)


def neighbors_cell(subject: Subject, egos: Sequence[Ego], style: Style) -> Cell:
    """The patches of centers and neighbors."""
    return Cell(lambda ax: paint_neighbors(subject.on(ax), egos, style))


def edges_cell(subject: Subject, strongest: Strongest, style: Style, panel: float) -> Cell:
    """A layer's strongest edges all over the picture: those that are seen in a panel so many points wide."""
    strongest = strongest.seen_at(subject, picture_scale(subject, panel))
    return Cell(
        lambda ax: paint_strongest(subject.on(ax), subject, strongest, style),
        lambda ax: strongest.bar(ax, style),
        strongest.words(),
    )


def graph_bands(
    pictures: Sequence[tuple[Subject, Plan] | None],
    style: Style,
    panel: float,
    aspect: float,
    *,
    block: str = "",
    notes: Sequence[tuple[str, ...] | None] = (),
    names: Sequence[Sequence[str]] = (),
    vmax: float | None = None,
) -> list[Band]:
    """The graphs of a row, and below them the close-ups of those that need one.

    Args:
        pictures: a subject and its plan for each column; None leaves a place empty.
        panel: points that panels are wide.
        aspect: height over width of the graphs.
        notes: for each column in place of how many edges are drawn.
        vmax: end of the scale of colored values.
    """
    shown: list[Cell | None] = []
    below: list[Cell | None] = []
    high = max([0.0, *(pair[1].closeups_high for pair in pictures if pair)])
    for at, picture in enumerate(pictures):
        if picture is None:
            shown.append(None)
            below.append(None)
            continue
        subject, plan = picture
        limits = value_limits(plan.egos, style, vmax) if plan.tones is None else None
        note = notes[at] if at < len(notes) else None
        words = note if note is not None else tuple(plan_words(plan, style, brief=brief) for brief in range(3))
        bar = None if limits is None or not plan.egos else partial(_value_bar, limits=limits, style=style)
        where: list[ImageAxes] = []
        paint = partial(_paint_graph, subject=subject, plan=plan, style=style, limits=limits, where=where)
        enlarge = partial(_paint_closeups, subject=subject, plan=plan, style=style, limits=limits, where=where)
        shown.append(Cell(paint) if high else Cell(paint, bar, words))
        below.append(Cell(enlarge if any(plan.closeups) else None, bar, words))
    bands = [Band(KIND_NAMES["graph"], aspect, shown, block, names)]
    if high:
        bands.append(Band(KIND_NAMES["closeup"], high / panel, below, block, attached=True))
    return bands


def graph_and_closeup(
    subject: Subject, plan: Plan, style: Style, limits: tuple[float, float] | None
) -> tuple[Cell, Cell | None]:
    """A graph and, for the column beside it, its close-up."""
    where: list[ImageAxes] = []
    bar = None if limits is None else partial(_value_bar, limits=limits, style=style)
    words = tuple(plan_words(plan, style, brief=brief) for brief in range(3))
    shared = partial(_paint_closeups, subject=subject, plan=plan, style=style, limits=limits, where=where, beside=True)
    paint = partial(_paint_graph, subject=subject, plan=plan, style=style, limits=limits, where=where)
    return Cell(paint, bar, words, across=2), Cell(shared) if any(plan.closeups) else None


def plan_for(
    subject: Subject,
    egos: Sequence[Ego],
    style: Style,
    panel: float,
    top: float = 1.0,
    *,
    beside: float | None = None,
) -> Plan:
    """Where edges are drawn in a panel of this width; close-ups stand below it, no wider.

    Args:
        beside: height over width of the panel, where they stand right of it instead, no higher.
    """
    room = (panel, (0.9 if beside is None else beside) * panel) if style.closeups else None
    scale, by = picture_scale(subject, panel), style.edge_width
    return plan_of(subject, egos, scale, room, top=top, by=by, higher=beside is None)


def _value_bar(ax: Axes, limits: tuple[float, float], style: Style) -> None:
    add_value_bar(ax, limits, style, place=ax, horizontal=True)


def _paint_graph(
    ax: Axes,
    subject: Subject,
    plan: Plan,
    style: Style,
    limits: tuple[float, float] | None,
    where: list[ImageAxes],
) -> None:
    on = subject.on(ax)
    where.append(on)
    paint_graph(on, subject, plan, style, limits)


def _paint_closeups(
    ax: Axes,
    subject: Subject,
    plan: Plan,
    style: Style,
    limits: tuple[float, float] | None,
    where: list[ImageAxes],
    beside: bool = False,
) -> None:
    """Close-ups side by side in the middle of a place that is as wide as the panel above, or `beside` it."""
    fig: Any = ax.figure
    box = ax.get_position()
    ax.remove()
    wide, high = fig.get_figwidth() * 72.0, fig.get_figheight() * 72.0
    sizes = {at: closeup.size for at, closeup in enumerate(plan.closeups) if closeup is not None}
    top = box.y1 * high - (0.5 * (box.height * high - plan.closeups_high) if beside else 0.0)
    for row in plan.closeup_rows:
        x = box.x0 * wide + (box.width * wide - sum(sizes[at][0] for at in row) - BETWEEN * (len(row) - 1)) / 2
        for at in row:
            across, down = sizes[at]
            inset = fig.add_axes((x / wide, (top - down) / high, across / wide, down / high), axes_class=Panel)
            paint_closeup(inset, subject, plan, at, style, limits, frame_on=where[-1], beside=beside)
            x += across + BETWEEN
        top -= max(sizes[at][1] for at in row) + BETWEEN


Paint = Callable[[Axes], object]
