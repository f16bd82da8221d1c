"""Where each edge of a graph picture is drawn: in the picture, or in a close-up where it could not be seen there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from viz_nodes.draw.artists.edges import edge_unit
from viz_nodes.draw.crowds import told_of_crowd
from viz_nodes.draw.geometry.closeups import BETWEEN, Around, Closeup, closeups_for, too_short
from viz_nodes.draw.geometry.layout import TALLEST
from viz_nodes.draw.geometry.selection import Ego
from viz_nodes.draw.quantities import strengths
from viz_nodes.draw.subject import Subject


@dataclass(frozen=True, eq=False)
class Plan:
    """Which edges of which centers are drawn where.

    Attributes:
        egos: the centers with the neighbors asked for.
        inside: for each center (n,) bool, the neighbors drawn in the picture itself.
        closeups: for each center its close-up, or None.
        unit: of widths, for the picture and its close-ups alike.
        top: the value at which edges are widest.
        panel: points that the picture is wide.
        tones: the color of edges by key node, where they are colored by neither center nor value.
        across: how many close-ups stand side by side.
        signed: whether edges have one sign each; not where they stand for those of two networks.
    """

    egos: tuple[Ego, ...]
    inside: tuple[np.ndarray, ...]
    closeups: tuple[Closeup | None, ...]
    unit: float
    panel: float = 0.0
    tones: Mapping[int, str] | None = None
    top: float = 1.0
    signed: bool = True
    across: int = 1

    @property
    def closeup_rows(self) -> list[list[int]]:
        """Which centers' close-ups stand side by side, from top to bottom."""
        which = [at for at, closeup in enumerate(self.closeups) if closeup is not None]
        return [which[at : at + self.across] for at in range(0, len(which), self.across)]

    @property
    def closeups_high(self) -> float:
        """Points from the top of the close-ups to their bottom."""
        heights = [max(self._size(at)[1] for at in row) for row in self.closeup_rows]
        return sum(heights) + BETWEEN * max(len(heights) - 1, 0)

    def _size(self, at: int) -> tuple[float, float]:
        closeup = self.closeups[at]
        return (0.0, 0.0) if closeup is None else closeup.size

    @property
    def seen(self) -> list[Ego]:
        """The centers with the neighbors that can be seen, for what is said of them."""
        return [ego.only(self._visible(at)) for at, ego in enumerate(self.egos)]

    @property
    def unseen(self) -> int:
        """How many neighbors asked for cannot be seen at this size."""
        return sum(int((~self._visible(at)).sum()) for at in range(len(self.egos)))

    @property
    def enlarged(self) -> int:
        """How many edges are drawn in close-ups."""
        return sum(int(closeup.seen.sum()) for closeup in self.closeups if closeup is not None)

    def _visible(self, at: int) -> np.ndarray:
        closeup = self.closeups[at]
        return np.asarray(self.inside[at] | self.egos[at].is_self | (False if closeup is None else closeup.seen))


def picture_scale(subject: Subject, width: float) -> float:
    """Points a pixel where a picture fills a panel of this width; a very tall one is as high as a panel may be."""
    height, wide = subject.size
    return min(width / wide, TALLEST * width / height)


def plan_of(
    subject: Subject,
    egos: Sequence[Ego],
    scale: float,
    room: tuple[float, float] | None,
    unit: float | None = None,
    top: float = 1.0,
    *,
    by: str = "share",
    rows: bool = True,
    higher: bool = True,
) -> Plan:
    """Decide for each edge where it is drawn.

    Args:
        scale: points a pixel of the picture.
        room: points wide and high for close-ups; None draws none, and edges too short to be seen are left out.
        unit: of widths; by default what suits the picture.
        top: the value at which edges are widest, see `viz_nodes.draw.quantities.top_of`.
        by: what makes an edge wide.
        rows: whether close-ups may stand below one another.
        higher: whether they may be higher than the room where edges could not be seen otherwise.
    """
    height, wide = subject.size
    arounds = [around_of(subject, ego) for ego in egos]
    if unit is None:
        unit = edge_unit(scale * wide, max((len(ego.keys) for ego in egos), default=1))
    closeups: list[Closeup | None] = [None] * len(egos)
    across = max(len(egos), 1)
    if room is not None:
        closeups, across = closeups_for(arounds, scale, (height, wide), room, rows=rows, higher=higher)
    inside = []
    for ego, around, closeup in zip(egos, arounds, closeups, strict=True):
        hidden = too_short(around, scale) if closeup is None else closeup.members
        inside.append(~hidden & ~ego.is_self)
    if len(egos) > 1 or any(ego.earlier for ego in egos):
        drawn = -1
        # How edges are bent depends on which are drawn.
        while drawn != (drawn := _count(egos, inside)):
            egos, inside = told_of_crowd(subject, egos, inside, scale, unit, lambda ego: strengths(ego, by, top))
    return Plan(tuple(egos), tuple(inside), tuple(closeups), unit, scale * wide, top=top, across=across)


def around_of(subject: Subject, ego: Ego) -> Around:
    """Where a center and its neighbors lie on the picture."""
    nodes, keys = subject.places(ego.layer), subject.places(ego.layer, keys=True)
    return Around(
        at=nodes.centers[ego.center],
        box=nodes.boxes[ego.center],
        starts=keys.centers[ego.keys],
        boxes=keys.boxes[ego.keys],
        own=ego.is_self,
        pitch=nodes.pitch,
    )


def _count(egos: Sequence[Ego], inside: Sequence[np.ndarray]) -> int:
    """How many edges there are in a picture."""
    return sum(int(mask.sum()) for mask in inside) + sum(len(hop.senders) for ego in egos for hop in ego.earlier)
