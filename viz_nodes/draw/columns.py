"""What stands side by side in a comparison: which place, which layers, which picture, and what a column is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.figures import default_layers
from viz_nodes.draw.geometry.selection import Ego, Selection, ego_of
from viz_nodes.draw.style.captions import SEPARATOR, method_words
from viz_nodes.draw.style.scales import Scale, scale_of
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject
from viz_nodes.draw.wording import SPANS, span_words
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.grids import Grid
from viz_nodes.text import quoted


def same_place(node: int, grid: Grid, other: Grid) -> int:
    """The node of another grid in whose box the middle of a node lies.

    Example: node 5 of a 4 x 4 grid, in row 1 and column 1, is node 0 of a 2 x 2 grid.
    """
    row, col = divmod(node, grid[1])
    return int((row + 0.5) / grid[0] * other[0]) * other[1] + int((col + 0.5) / grid[1] * other[1])


def node_at(node: int, subject: Subject, other: Subject) -> int | None:
    """The node of another explanation in whose region a node lies; None where it is nobody's."""
    if subject.layer.places is None and other.layer.places is None:
        return same_place(node, subject.layer.grid, other.layer.grid)
    regions, others = (each.exp.regions(each.layer.index, each.row) for each in (subject, other))
    x, y = regions.centers((0.0, 0.0, float(others.size[1]), float(others.size[0])))[node]
    nearest = others.at(x, y)
    return None if nearest < 0 else nearest


def column_names(exps: Sequence[Explanation], rows: Sequence[int]) -> list[str]:
    """What tells the explanations apart: model, else class, else method, else a letter; all of what differs."""
    parts = []
    for options in (
        [exp.model for exp in exps],
        [exp.target_label(row) for exp, row in zip(exps, rows, strict=True)],
        [method_words(exp.method) for exp in exps],
    ):
        if len(set(options)) > 1 and all(options):
            parts.append(options)
    if not parts:
        return [exp.model or chr(ord("A") + at % 26) for at, exp in enumerate(exps)]
    return [SEPARATOR.join(words) for words in zip(*parts, strict=True)]


def layers_of(exps: Sequence[Explanation], layers: Any) -> list[list[int]]:
    if layers is None:
        chosen = [default_layers(exp) for exp in exps]
    elif isinstance(layers, Sequence) and layers and all(isinstance(each, list | tuple | range) for each in layers):
        if len(layers) != len(exps):
            raise ValueError(f"`layers` must have a list for each of {len(exps)} explanations (got {len(layers)})")
        chosen = [list(each) for each in layers]
    else:
        chosen = [[layer.index for layer in exp.pick(layers)] for exp in exps]
    counts = [len(each) for each in chosen]
    if len(set(counts)) != 1 or 0 in counts:
        raise ValueError(f"`layers` must name equally many of each explanation, at least one (got {quoted(counts)})")
    return chosen


def pictures_beside(exps: Sequence[Explanation], image: Any) -> list[Picture | None]:
    if image is None:
        return [None] * len(exps)
    if not isinstance(image, list | tuple):
        return [as_picture(image)] * len(exps)
    if len(image) != len(exps):
        raise ValueError(f"`image` must hold one for each of {len(exps)} explanations (got {len(image)})")
    ready: dict[int, Picture] = {}
    for each in image:
        if id(each) not in ready:
            ready[id(each)] = as_picture(each)
    return [ready[id(each)] for each in image]


def common_center(subjects: Sequence[Subject], center: Any) -> int | None:
    """The center as a node of the first one."""
    first = subjects[0]
    if center is not None:
        return first.layer.node(center, name="center", row=first.row)
    for subject in subjects:
        peak = int(subject.layer.peak[subject.row])
        if peak != NO_PEAK:
            return node_at(peak, subject, first)
    return None


def egos_beside(subjects: Sequence[Subject], selection: Selection) -> list[Ego | None]:
    """The same place in each, with its neighbors; None where there is none."""
    node = common_center(subjects, selection.center)
    if node is None:
        return [None] * len(subjects)
    nodes = [node_at(node, subjects[0], subject) for subject in subjects]
    return [
        None if there is None else ego_of(s.exp, s.layer.index, there, selection, s.row)
        for s, there in zip(subjects, nodes, strict=True)
    ]


def same_edges(subjects: Sequence[Subject], drawn: set[str]) -> bool:
    """Whether all have the very same edges of one network, with the same values of what is drawn of them.

    Args:
        drawn: what edges are ordered, widened and colored by.
    """
    first = subjects[0]
    values = ["neighbors", "share", *(["contribution"] if "contribution" in drawn else [])]
    return "effect" not in drawn and all(
        s.exp.model == first.exp.model
        and all(torch.equal(getattr(s.layer, name)[s.row], getattr(first.layer, name)[first.row]) for name in values)
        for s in subjects[1:]
    )


def ways_above(names: Sequence[str], two: bool, numbers: Sequence[int] | None = None) -> list[tuple[str, ...]]:
    """What stands above the columns of a comparison, each in several ways, the longest first.

    Args:
        names: of the explanations.
        two: whether there are two, and a third column for what sets them apart.
        numbers: of each one's layer, where several layers stand side by side.
    """
    letters = ["A", "B", "A\N{MINUS SIGN}B"] if two else [chr(ord("A") + at % 26) for at in range(len(names))]
    ways: list[tuple[str, ...]] = []
    for at, (letter, name) in enumerate(zip(letters, [*names, "A against B"] if two else names, strict=True)):
        long = f"{letter} · {name}" if two and at < 2 else name
        if numbers is None:
            ways.append((long, name, letter))
        else:
            number = numbers[min(at, len(numbers) - 1)]
            ways.append((f"layer {number} · {long}", f"layer {number} · {letter}", f"{number} {letter}"))
    return ways


def scales_beside(subjects: Sequence[Subject], every: Sequence[Subject], style: Style, *, shared: bool) -> list[Scale]:
    """The scale of each map of a layer in a comparison.

    Args:
        every: those of all layers.
        shared: whether maps share a scale.
    """
    if style.map_max is not None or style.normalize == "none":
        return [scale_of(s.exp, s.layer, s.row, "none", style.map_max) for s in subjects]
    scales = [scale_of(s.exp, s.layer, s.row) for s in subjects]
    if not shared:
        return scales
    top = max(scale_of(s.exp, s.layer, s.row).top for s in (every if style.normalize == "shared" else subjects))
    return [Scale(top, scale.words) for scale in scales]


def span_beside(style: Style, *, shared: bool) -> str:
    """What maps of a comparison share a scale."""
    if style.map_max is not None or style.normalize == "none":
        return span_words(style)
    if not shared:
        return SPANS["image"]
    return SPANS["shared"] if style.normalize == "shared" else "one scale a row"
