"""Which edges are long enough on paper to be seen, and what has to be enlarged to show the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from viz_nodes.draw.artists.marks import dot_size, mark_radius, ring_limit, star_size
from viz_nodes.grids import View

LEAST_FREE = 2.4
"""Points between a neighbor's dot and the center's mark that a shaft and a head need to be seen."""
_SPARE = 0.5
"""Points more than that, in a close-up: its shafts are as narrow as those of the picture, its dots larger."""
_COMFORT = 1.35
"""How many times larger than needed a close-up is drawn where there is room."""
_AMPLE = 1.4
"""How many times farther than needed a neighbor is, before it is left out of a close-up."""
_TALLER = (1.0, 1.35, 1.7)
"""Times higher than its room a close-up may become where edges could not be seen otherwise."""
_BROAD = 90.0
"""Points up to which a close-up is made broader than needed, to show what lies around."""
BETWEEN = 4.0
"""Points between close-ups side by side."""
CLOSEUP_STAR = 3.4
"""Points across the smallest star of a close-up."""


def reach_needed(pitch: float, *, ring: bool, least_star: float = 4.4) -> float:
    """Points from a neighbor to its center from which on their edge is seen: mark, ring, shaft, head and dot."""
    star = star_size(pitch, least=least_star)
    return mark_radius(star, ring_limit(star) if ring else 0.0) + LEAST_FREE + 0.5 * dot_size(pitch)


@dataclass(frozen=True, eq=False)
class Closeup:
    """The surroundings of one center at a larger scale.

    Attributes:
        box: left, top, right, bottom in pixels of the image.
        scale: points a pixel.
        members: (n,) bool, the neighbors whose edges are drawn here.
        seen: (n,) bool, those of them whose edges are long enough here.
    """

    box: View
    scale: float
    members: np.ndarray
    seen: np.ndarray

    @property
    def size(self) -> tuple[float, float]:
        """Points wide and high."""
        left, top, right, bottom = self.box
        return (right - left) * self.scale, (bottom - top) * self.scale


@dataclass(frozen=True, eq=False)
class Around:
    """What is known of one center for the decision.

    Attributes:
        at: (2,) the center in pixels.
        box: (4,) its patch.
        starts: (n, 2) its neighbors, `boxes` (n, 4) their patches.
        own: (n,) bool, the neighbor that is the center itself, drawn as a ring.
        pitch: pixels between the finest nodes drawn.
    """

    at: np.ndarray
    box: np.ndarray
    starts: np.ndarray
    boxes: np.ndarray
    own: np.ndarray
    pitch: float


def too_short(around: Around, scale: float, *, least_star: float = 4.4) -> np.ndarray:
    """(n,) bool, the neighbors whose edges cannot be seen at a scale of so many points a pixel."""
    reach = np.hypot(*(around.starts - around.at).T) * scale
    need = reach_needed(around.pitch * scale, ring=bool(around.own.any()), least_star=least_star)
    return np.asarray((reach < need - 1e-6) & ~around.own)


def closeups_for(
    arounds: Sequence[Around],
    scale: float,
    size: tuple[int, int],
    room: tuple[float, float],
    *,
    rows: bool = True,
    higher: bool = True,
) -> tuple[list[Closeup | None], int]:
    """A close-up for each center that has edges too short to be seen, as small as it may be; None for the others.

    Args:
        scale: points a pixel of the picture they would be short in.
        size: (height, width) of the image in pixels.
        room: points wide and high for all close-ups together.
        rows: whether they may stand below one another where edges could not be seen with all side by side.
        higher: whether they may be higher than the room where edges could not be seen otherwise.

    Returns:
        The close-ups, and how many stand side by side.
    """
    short = [too_short(around, scale) for around in arounds]
    count = max(sum(bool(each.any()) for each in short), 1)
    best: tuple[int, list[Closeup | None], int] | None = None
    side_by_side = dict.fromkeys([count, -(-count // 2), 1] if rows else [count])
    for taller, across in product(_TALLER if higher else _TALLER[:1], side_by_side):
        below = -(-count // across)
        wide = (room[0] - BETWEEN * (across - 1)) / across
        high = (taller * room[1] - BETWEEN * (below - 1)) / below
        closeups = [
            _best(around, near, scale, size, (wide, high)) if near.any() else None
            for around, near in zip(arounds, short, strict=True)
        ]
        lost = sum(int((each.members & ~each.seen).sum()) for each in closeups if each is not None)
        if best is None or lost < best[0]:
            best = lost, closeups, across
        if not lost:
            break
    assert best is not None
    return best[1:]


def _best(around: Around, near: np.ndarray, scale: float, size: tuple[int, int], room: tuple[float, float]) -> Closeup:
    """The close-up with those too in it that would stand close to its frame, where they fit."""
    reach = np.hypot(*(around.starts - around.at).T) * scale
    need = reach_needed(around.pitch * scale, ring=bool(around.own.any()))
    more = _closeup(around, (reach < _AMPLE * need) & ~around.own, scale, size, room)
    fewer = _closeup(around, near, scale, size, room)
    return more if (more.members == more.seen).all() else fewer


def _closeup(
    around: Around, near: np.ndarray, scale: float, size: tuple[int, int], room: tuple[float, float]
) -> Closeup:
    wanted, (left, top, right, bottom) = _frame(around, near, scale, room)
    # What room there is beside it is filled, within the image.
    broad = min(room[0], _BROAD)
    left, right = _spread(left, right, broad / wanted, size[1])
    least_high = min(room[1], 0.55 * broad) / wanted
    top, bottom = _spread(top, bottom, max(bottom - top, min(least_high, room[1] / wanted)), size[0])
    reach = np.hypot(*(around.starts - around.at).T)
    x, y = around.starts.T
    members = (x > left) & (x < right) & (y > top) & (y < bottom) & ~around.own
    # A dot at the rim of the close-up would stand in the picture's way of a head as well as here.
    members |= near
    need = reach_needed(around.pitch * wanted, ring=bool(around.own.any()), least_star=CLOSEUP_STAR)
    return Closeup((left, top, right, bottom), wanted, members, members & (reach * wanted >= need + _SPARE))


def _frame(
    around: Around, near: np.ndarray, scale: float, room: tuple[float, float]
) -> tuple[float, tuple[float, float, float, float]]:
    """Points a pixel that a close-up needs, and what it has to show: whole patches, or where these are too long for
    edges to be seen between them, no more of each than a square."""
    margin = 0.15 * around.pitch
    whole = np.concatenate([around.boxes[near], around.box[None], around.boxes[around.own]])
    middle, half = (whole[:, :2] + whole[:, 2:]) / 2, (whole[:, 2:] - whole[:, :2]) / 2
    shorter = np.minimum(half, half.min(axis=1, keepdims=True))
    shortest = np.hypot(*(around.starts[near] - around.at).T).min()
    for extent in (half, shorter):
        left, top = (middle - extent).min(axis=0) - margin
        right, bottom = (middle + extent).max(axis=0) + margin
        most = min(room[0] / (right - left), room[1] / (bottom - top))
        for candidate in np.linspace(scale, most, 60) if most > scale else ():
            need = reach_needed(around.pitch * candidate, ring=bool(around.own.any()), least_star=CLOSEUP_STAR)
            if shortest * candidate >= _COMFORT * need:
                return float(candidate), (left, top, right, bottom)
    return float(most), (left, top, right, bottom)


def _spread(low: float, high: float, length: float, most: float) -> tuple[float, float]:
    """An interval made `length` long around its middle, moved into 0 to `most` where it fits."""
    grown = max(min(length, most), high - low)
    low = (low + high - grown) / 2
    low = (most - grown) / 2 if grown >= most else min(max(low, 0.0), most - grown)
    return low, low + grown
