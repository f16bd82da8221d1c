"""Hyperedges of two or more explanations side by side, and what sets those of two apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from viz_nodes.draw.artists.axes import ImageAxes
from viz_nodes.draw.differences import common_edges, same_nodes
from viz_nodes.draw.geometry.layout import Cell
from viz_nodes.draw.geometry.selection import Selection
from viz_nodes.draw.graph import lay_ground
from viz_nodes.draw.hyperedges import (
    Hyperedges,
    fill_members,
    hyperedges_of,
    mark_center,
    outline_set,
    outline_width,
    paint_hyperedges,
)
from viz_nodes.draw.style.captions import counted, percent
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject
from viz_nodes.explanation import LayerExplanation

_NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class SetDifference:
    """The hyperedge that a center hears most in each of two explanations, and who is in both.

    Attributes:
        a, b: (n,) its members in each, ascending.
        common: fraction of the whole layer's pairs of a node and one it hears through a hyperedge that both have, of
            those that either has.
    """

    a: np.ndarray
    b: np.ndarray
    common: float

    @property
    def both(self) -> np.ndarray:
        """(n,) the members in both."""
        return np.intersect1d(self.a, self.b)

    def words(self) -> str:
        """ "the largest one: 5 nodes in both, 4 only in A, 2 only in B; of all pairs ... 46 % in both"."""
        both = len(self.both)
        of_all = f"of the whole layer's pairs in a hyperedge {percent(self.common)} in both"
        return (
            f"the largest one: {counted(both, 'nodes')} in both, {len(self.a) - both} only in A, "
            f"{len(self.b) - both} only in B; {of_all}"
        )

    def brief(self) -> str:
        """ "5 in both, 4 A, 2 B"."""
        both = len(self.both)
        return f"{both} in both, {len(self.a) - both}{_NBSP}A, {len(self.b) - both}{_NBSP}B"


def set_difference(a: Hyperedges, b: Hyperedges, *, rows: tuple[int, int] = (0, 0)) -> SetDifference | None:
    """What sets apart the hyperedge that one center hears most in two explanations; None where either has none.

    Args:
        rows: which row of each explanation, for the whole layer.
    """
    if a.members is None or b.members is None:
        return None
    first, second = (np.flatnonzero(each.members[0] > 0) for each in (a, b) if each.members is not None)
    return SetDifference(first, second, common_edges(a.layer, b.layer, rows))


def sets_beside(
    subjects: Sequence[Subject], centers: Sequence[int | None], selection: Selection, style: Style, *, two: bool
) -> list[Cell | None]:
    """The hyperedges of one place in each explanation, once where all have the same; with `two` what sets them apart.

    Args:
        centers: for each subject the node of that place; None where there is none.
    """
    shown = [_shown(s, center, selection) for s, center in zip(subjects, centers, strict=True)]
    if None not in centers and len(set(centers)) == 1 and all(_same_sets(subjects[0], s) for s in subjects[1:]):
        words = "" if shown[0] is None else f"the same hyperedges in all columns: {shown[0].words(style.look)}"
        return [_cell(subjects[0], shown[0], style, words), *[None] * (len(subjects) - 1 + two)]
    cells = [_cell(s, sets, style) for s, sets in zip(subjects, shown, strict=True)]
    return [*cells, _difference(subjects, shown, style)] if two else cells


def _shown(subject: Subject, center: int | None, selection: Selection) -> Hyperedges | None:
    layer = subject.layer
    if layer.groups is None:
        return None
    if center is None:
        return Hyperedges(layer, None, False)
    return hyperedges_of(layer, selection.but(center=center), subject.row)


def _same_sets(a: Subject, b: Subject) -> bool:
    """Whether both have the very same hyperedges, heard alike."""
    if a.exp.model != b.exp.model or not same_nodes(a.layer, b.layer, (a.row, b.row)):
        return False
    return all(_same_rows(a.layer, a.row, b.layer, b.row, name) for name in ("groups", "heard", "heard_share"))


def _same_rows(a: LayerExplanation, row: int, b: LayerExplanation, other: int, name: str) -> bool:
    first, second = getattr(a, name), getattr(b, name)
    return first is not None and second is not None and torch.equal(first[row], second[other])


def _cell(subject: Subject, shown: Hyperedges | None, style: Style, words: str = "") -> Cell | None:
    if shown is None:
        return None
    note = words or shown.words(style.look)
    return Cell(lambda ax: paint_hyperedges(subject.on(ax), subject, shown, style), None, (note,))


def _difference(subjects: Sequence[Subject], shown: Sequence[Hyperedges | None], style: Style) -> Cell | None:
    (first, second), (a, b) = subjects, shown
    if a is None or b is None or not same_nodes(a.layer, b.layer, (first.row, second.row)):
        return None
    apart = set_difference(a, b, rows=(first.row, second.row))
    if apart is None:
        return None

    def paint(ax: Axes) -> None:
        paint_set_difference(first.on(ax), first, a, apart, style)

    return Cell(paint, None, (apart.words(), apart.brief()))


def paint_set_difference(
    on: ImageAxes, subject: Subject, shown: Hyperedges, apart: SetDifference, style: Style
) -> dict[str, Any]:
    """Draw two sets at once: patches in both gray, those of one only in its color, an outline around each set.

    Args:
        shown: whose center is marked.
    """
    theme = style.look
    artists = lay_ground(on, subject, style.but(nodes=False))
    places = on.places(shown.layer)
    parts = (
        ("both", apart.both, theme.muted),
        ("only_a", np.setdiff1d(apart.a, apart.b), theme.centers[0]),
        ("only_b", np.setdiff1d(apart.b, apart.a), theme.centers[1]),
    )
    for name, nodes, color in parts:
        artists[name] = fill_members(on, places, nodes, np.ones(len(nodes)), color)
    width = outline_width(on, places)
    for at, nodes in ((1, apart.b), (0, apart.a)):
        artists[f"hyperedge{at}"] = outline_set(on, places, nodes, at, theme, width, shown.layer)
    return artists | mark_center(on, places, shown, theme)
