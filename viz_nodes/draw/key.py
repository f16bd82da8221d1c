"""What the marks of a figure mean, in words and as a strip of sample edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from viz_nodes.draw.artists.axes import frame
from viz_nodes.draw.artists.edges import EdgeCollection, edge_opacities, edge_widths
from viz_nodes.draw.artists.ego import TAPER, head_widths
from viz_nodes.draw.artists.text import dressed
from viz_nodes.draw.geometry.selection import Selection, choose_centers
from viz_nodes.draw.neighbors import rank_size
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import unit_of, widths_of
from viz_nodes.draw.style.captions import SEPARATOR, layer_notes, number, percent
from viz_nodes.draw.style.fonts import text_width
from viz_nodes.draw.style.style import SIGNED, VALUES, Style
from viz_nodes.draw.subject import Subject
from viz_nodes.draw.wording import (
    color_and_sign,
    number_words,
    set_records,
    set_words,
    span_words,
    width_words,
)

CLOSEUP = "close-up: the frame enlarged, with the edges that begin in it"
HYPEREDGES = "hyperedges: a color and a dash each, patches filled by how much of it a node makes"
_SAMPLE, _APART = 17.0, 7.0
"""Points that a sample edge is long, and that stand between a value and the next sample."""
SAMPLES = (0.0, 0.1, 0.5, 1.0)
"""Parts of the top of the scale whose edges the key shows."""


def key_words(
    subjects: Sequence[Subject],
    kinds: Sequence[str],
    plans: Mapping[Any, Plan],
    style: Style,
    selection: Selection,
) -> str:
    """What the marks mean that are on a figure.

    Args:
        plans: of all graphs, by any name.
        selection: which edges are drawn.
    """
    words, by = [], selection.order
    if "cam" in kinds:
        words.append(f"CAM: raw values, {span_words(style)}")
        if style.levels:
            levels = ", ".join(percent(level) for level in sorted(style.levels))
            words.append(f"lines: {levels} of the scale")
    egos = [ego for plan in plans.values() for ego in plan.egos]
    marked = {ego.is_peak for ego in egos} | _marked_in_sets(subjects, kinds, selection)
    if True in marked or ("cam" in kinds and not egos):
        words.append("star: its peak" if "cam" in kinds else "star: the map's peak")
    if False in marked:
        words.append("diamond: a center chosen")
    if "neighbors" in kinds and plans and style.ranks:
        words += _fitting(numbers_said(subjects, style, by), subjects, plans, style)
    if "graph" in kinds:
        words += graph_words(subjects, style)
        if any(ego.earlier for ego in egos):
            words.append("paler, without heads: the layer before, by share")
        if any(closeup is not None for plan in plans.values() for closeup in plan.closeups):
            words.append(CLOSEUP)
    if "hyperedges" in kinds:
        words.append(HYPEREDGES)
    if "edges" in kinds:
        words.append(strongest_words(selection, style))
        words += sets_said(subjects, selection.edge_set)
    words += said_of_places(subjects)
    return SEPARATOR.join(words)


def _marked_in_sets(subjects: Sequence[Subject], kinds: Sequence[str], selection: Selection) -> set[bool]:
    """Whether the centers of pictures of hyperedges are peaks."""
    grouped = [s for s in subjects if s.layer.groups is not None] if "hyperedges" in kinds else []
    return {
        center == int(subject.layer.peak[subject.row])
        for subject in grouped
        for center in choose_centers(subject.layer, subject.row, selection.center)
    }


def strongest_words(selection: Selection, style: Style) -> str:
    """How the edges of a picture of a layer's strongest, or of a set's, run, and what their colors stand for."""
    order = "contribution" if selection.edge_set is not None else selection.order
    blue = "blue and broken" if style.signs else "blue"
    sign = {"share": "", "effect": f"; {blue} where the score falls without the edge"}
    dot = "black" if style.look.name == "light" else "bright"
    signed = f"; orange for the class, {blue} against it"
    return f"edges: from where they are wide, to a {dot} dot{sign.get(order, signed)}"


def edges_key(
    names: Sequence[str], exps: Sequence[Any], subjects: Sequence[Subject], selection: Selection, style: Style
) -> list[str]:
    """What the marks of pictures of strongest edges side by side mean, and what the set of each column does.

    Args:
        names: of the columns.
        exps: their explanations.
        subjects: of all of them.
    """
    words = dict.fromkeys([strongest_words(selection, style)])
    for name, exp in zip(names, exps, strict=True):
        named = f"{name}: " if len(set(names)) > 1 else ""
        own = [subject for subject in subjects if subject.exp is exp]
        words |= dict.fromkeys(f"{named}{sentence}" for sentence in sets_said(own, selection.edge_set))
    return list(words)


def beside_words(
    subjects: Sequence[Subject],
    kinds: Sequence[str],
    plans: Mapping[Any, Plan],
    style: Style,
    selection: Selection,
) -> list[str]:
    """What the neighbors of one place mean that are drawn side by side."""
    words = []
    where = "the place named" if selection.center is not None else "the first map's peak"
    star = "in every column (star where it is that map's peak too)"
    if {"graph", "neighbors"} & set(kinds):
        words.append(f"neighbors of {where} {star}")
    if "hyperedges" in kinds:
        words.append(f"hyperedges of {where}, {star}: {HYPEREDGES.removeprefix('hyperedges: ')}")
    if "neighbors" in kinds:
        words += numbers_said(subjects, style, selection.order)
    if "graph" in kinds:
        words += graph_words(subjects, style)
        if any(closeup is not None for plan in plans.values() for closeup in plan.closeups):
            words.append(CLOSEUP)
    return words


def against_words(kinds: Sequence[str], edges: bool, *, two: bool) -> list[str]:
    """What stands in the column for what sets two explanations apart.

    Args:
        kinds: of picture.
        edges: whether edges of both are drawn there.
        two: whether there are two explanations.
    """
    words = ["A against B: gray edges are in both, colored in that one only"] if edges else []
    if two and "hyperedges" in kinds:
        words.append("A against B: of the largest hyperedge of each, gray patches are in both, colored in one only")
    return words


def sets_said(subjects: Sequence[Subject], edge_set: str | None) -> list[str]:
    """What the sets of edges do that are drawn, each once."""
    sentences: dict[str, None] = {}
    for subject in subjects if edge_set is not None else ():
        for record in set_records(subject.exp, str(edge_set), subject.row):
            sentences[set_words(subject.exp, subject.row, record)] = None
    return list(sentences)


def said_of_places(subjects: Sequence[Subject]) -> list[str]:
    """What is known of where nodes lie, each once; of layers that are drawn without the photograph, why."""
    words: dict[str, None] = {}
    for exp in {id(subject.exp): subject.exp for subject in subjects}.values():
        layers = {subject.layer.index: subject.layer for subject in subjects if subject.exp is exp}
        words |= dict.fromkeys(layer_notes(exp, layers.values()))
    return list(words)


def brief_words(kinds: Sequence[str], style: Style, selection: Selection) -> str:
    """What a slide says of its marks: what the colors of edges stand for."""
    if not style.key:
        return ""
    if "graph" in kinds and (style.signed or style.sign_of):
        words = color_and_sign(style, "score")
        return SEPARATOR.join(words).removeprefix("color: contribution, ").removeprefix("color: ")
    return strongest_words(selection, style) if "edges" in kinds else ""


def graph_words(subjects: Sequence[Subject], style: Style) -> list[str]:
    """What widths and colors of edges stand for."""
    unit = unit_of(subjects[0].exp, subjects[0].row)
    words = [f"edge: neighbor to center, width and opacity by {width_words(style.edge_width, unit)}"]
    return words + color_and_sign(style, unit)


def numbers_said(subjects: Sequence[Subject], style: Style, by: str) -> list[str]:
    """What the numbers on neighbors are, where there are any."""
    return [number_words(by, ranked=all(subject.layer.ranked for subject in subjects))] if style.ranks else []


def _fitting(words: list[str], subjects: Sequence[Subject], plans: Mapping[Any, Plan], style: Style) -> list[str]:
    """What the numbers are, and that those are left out whose patches are too small for them."""
    panel = next(iter(plans.values())).panel
    most = max((len(ego.keys) for plan in plans.values() for ego in plan.egos), default=1)
    fit = {
        rank_size(panel / subject.size[1] * subject.places(subject.layer, keys=True).pitch, style.small, digits)
        is not None
        for subject in subjects
        for digits in range(1, len(str(most)) + 1)
    }
    if True not in fit:
        return ["neighbors are not numbered: their patches are too small for letters of 5 points"]
    return words if False not in fit else [f"{each}, where they fit" for each in words]


def width_strip(
    last: Mapping[str, Any], style: Style, subjects: Sequence[Subject]
) -> tuple[Callable[[float], float], Callable[[Axes], None]]:
    """Points that the strip of sample edges is high, by how wide it may be, and what draws it.

    Args:
        last: under "plans" the plans of the graphs when the figure is drawn.
        subjects: of the figure.
    """
    label = width_words(style.edge_width, unit_of(subjects[0].exp, subjects[0].row), short=True)

    def scale() -> tuple[float, float]:
        plans: Mapping[Any, Plan] = last["plans"]
        return next(((plan.unit, plan.top) for plan in plans.values()), (1.0, 1.0))

    def height(wide: float) -> float:
        return 1.25 * style.small * len(_lines_of(_samples(style, scale()[1])[1], label, style, wide))

    def paint(ax: Axes) -> None:
        unit, top = scale()
        paint_widths(ax, unit, style, label, top)

    return height, paint


def _samples(style: Style, top: float) -> tuple[np.ndarray, list[str]]:
    """Values of sample edges, and how they are written."""
    samples = np.array(SAMPLES)
    if style.edge_width == "rank":
        samples = np.unique(np.clip(np.round(samples * top), 1, max(top, 1)))[::-1]
    values = samples * (top if style.edge_width in SIGNED else 1.0)
    return values, [percent(value) if style.edge_width == "share" else number(value) for value in values]


def _room_of(words: str, style: Style) -> float:
    return _SAMPLE + 2.0 + text_width(words, style.small, style.font or "DejaVu Sans") + _APART


def _lines_of(labels: Sequence[str], label: str, style: Style, wide: float) -> list[list[int]]:
    """Which samples stand in each line: all beside the label, else the ends of the scale, else all below."""
    rooms = [_room_of(words, style) for words in labels]
    beside = wide - text_width(f"{label} ", style.small, style.font or "DejaVu Sans") - 2.0 + _APART
    everything = list(range(len(labels)))
    for kept in (everything, everything if style.width == "slide" else [0, len(labels) - 1]):
        if sum(rooms[at] for at in kept) <= beside:
            return [kept]
    lines: list[list[int]] = [[], []]
    for at, room in enumerate(rooms):
        if lines[-1] and sum(rooms[each] for each in lines[-1]) + room > wide + _APART:
            lines.append([])
        lines[-1].append(at)
    return lines


def paint_widths(ax: Axes, unit: float, style: Style, label: str = "share", top: float = 1.0) -> None:
    """Sample edges of several values, each with its value, in points.

    Args:
        unit: of widths.
        label: what the values are.
        top: the value at which edges are widest.
    """
    theme = style.look
    values, labels = _samples(style, top)
    wide = ax.get_window_extent().width / ax.figure.dpi * 72.0
    placed = _lines_of(labels, label, style, wide)
    high = 1.25 * style.small
    ax.set_xlim(0, wide)
    ax.set_ylim(high * len(placed), 0)
    ax.patch.set_visible(False)
    frame(ax, "none")
    for spine in ax.spines.values():
        spine.set_visible(False)
    strong = widths_of(values, style.edge_width, top)
    widths = edge_widths(strong, unit)
    tone = theme.centers[0] if style.color == "center" else theme.ink if style.color in VALUES else style.color
    colors = np.tile(to_rgba(tone), (len(values), 1))
    colors[:, 3] = edge_opacities(strong)
    _write(ax, 0.0, high / 2, label, style)
    lines = []
    for line, kept in enumerate(placed):
        y = (line + 0.5) * high
        x = text_width(f"{label} ", style.small, style.font or "DejaVu Sans") + 2.0 if len(placed) == 1 else 0.0
        for at in kept:
            lines.append(np.stack([np.linspace(x, x + _SAMPLE, 9), np.full(9, y)], axis=1))
            _write(ax, x + _SAMPLE + 2.0, y, labels[at], style)
            x += _room_of(labels[at], style)
    shown = [at for kept in placed for at in kept]
    widths, colors = widths[shown], colors[shown]
    EdgeCollection(
        ax,
        np.array(lines),
        widths=widths,
        colors=colors,
        gaps=np.zeros(2),
        taper=TAPER,
        heads=head_widths(widths, 6.0),
        zorder=3,
    )


def _write(ax: Axes, x: float, y: float, words: str, style: Style) -> None:
    dressed(
        ax.text(
            x,
            y,
            words,
            fontsize=style.small,
            color=style.look.muted,
            ha="left",
            va="center_baseline",
            parse_math=False,
            clip_on=False,
        ),
        style.font or "DejaVu Sans",
    )
