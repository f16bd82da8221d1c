"""Which edges of several centers, and of further hops, can be told apart in one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from viz_nodes.draw.artists.edges import edge_widths
from viz_nodes.draw.artists.hops import HOP_DOT, HOP_WIDTH, hop_lines, moving
from viz_nodes.draw.artists.marks import dot_size, mark_radius, ring_limit, star_size
from viz_nodes.draw.geometry.curves import curves_into
from viz_nodes.draw.geometry.overlaps import told_apart
from viz_nodes.draw.geometry.selection import Ego, Hop
from viz_nodes.draw.subject import Subject

_PALE = 0.4
"""Of the paler edges of a further hop, the part of their pixels that differs enough from the photograph."""
_OWN = 0.75
"""The same of the edges of centers, some of which are broken."""
_LEAST = 60
"""Pixels of print (300 dpi) that an edge must have for itself."""
_HEAD = 2.2
"""Points long, and wide, of the smallest arrowhead."""
_MIDDLE = 0.75
"""Width of an edge at its middle over that at its beginning."""
Dots = tuple[np.ndarray, float]
"""Places (n, 2) in points, and the radius."""


@dataclass(frozen=True, eq=False)
class _Stroke:
    """An edge: of which center, of which hop (0 for its own), which one; its middle and width in points."""

    center: int
    hop: int
    number: int
    line: np.ndarray
    width: float


def told_of_crowd(
    subject: Subject,
    egos: Sequence[Ego],
    inside: Sequence[np.ndarray],
    scale: float,
    unit: float,
    strengths: Callable[[Ego], np.ndarray],
) -> tuple[list[Ego], list[np.ndarray]]:
    """The centers with those of their further hops that can be told apart, and which of their own edges can be.

    The edges of a single center are fanned apart, and none of them is left out.

    Args:
        inside: for each center (n,) bool, the neighbors drawn in the picture.
        scale: points a pixel of the picture.
        unit: of widths, see `viz_nodes.draw.artists.edges.edge_unit`.
        strengths: (n,) of a center's edges, see `viz_nodes.draw.quantities.strengths`.
    """
    drawn = [ego.only(mask) for ego, mask in zip(egos, inside, strict=True)]
    marks = [_marks(subject, ego, scale) for ego in drawn]
    strokes: list[_Stroke] = []
    hidden: set[tuple[int, int]] = set()
    for at, ego in enumerate(drawn):
        foreign = [dots for other, each in enumerate(marks) if other != at for dots in each]
        widths = _MIDDLE * edge_widths(strengths(ego), unit)
        order = np.argsort(-widths, kind="stable")  # as they are drawn: on it depends how they are bent
        lines = _own_lines(subject, ego, order, scale, foreign)
        hidden |= {(at, int(order[number])) for number in np.flatnonzero(_heads_on(lines, marks[at][0][1], foreign))}
        strokes += [
            _Stroke(at, 0, int(number), line, float(widths[number])) for number, line in zip(order, lines, strict=True)
        ]
    strokes = [stroke for stroke in strokes if (stroke.center, stroke.number) not in hidden]
    further = [_hop_strokes(subject, at, ego, scale, unit) for at, ego in enumerate(egos)]
    small = [dots for _, each in further for dots in each]
    strokes += [stroke for each, _ in further for stroke in each]
    everything = [dots for each in marks for dots in each] + small
    seen = told_apart(
        np.array([stroke.line for stroke in strokes]) if strokes else np.zeros((0, 2, 2)),
        np.array([stroke.width for stroke in strokes]),
        everything,
        _LEAST,
        inked=np.array([_PALE if stroke.hop else _OWN for stroke in strokes]),
    )
    kept = [s for s, apart in zip(strokes, seen, strict=True) if apart or (s.hop == 0 and len(egos) == 1)]
    masks = []
    for at, mask in enumerate(inside):
        own = np.zeros_like(mask)
        own[np.flatnonzero(mask)[[s.number for s in kept if s.center == at and s.hop == 0]]] = True
        masks.append(own)
    return [replace(ego, earlier=_hops(ego, at, kept)) for at, ego in enumerate(egos)], masks


def _marks(subject: Subject, ego: Ego, scale: float) -> list[Dots]:
    """The mark of a center, then the dots of its neighbors."""
    nodes, keys = subject.places(ego.layer), subject.places(ego.layer, keys=True)
    pitch = nodes.pitch * scale
    star = star_size(pitch)
    radius = mark_radius(star, ring_limit(star) if ego.is_self.any() else 0.0)
    return [
        (nodes.centers[[ego.center]] * scale, radius),
        (keys.centers[ego.keys] * scale, 0.55 * dot_size(pitch) + 0.1),
    ]


def _own_lines(subject: Subject, ego: Ego, order: np.ndarray, scale: float, foreign: Sequence[Dots]) -> np.ndarray:
    """(n, S, 2) in points, as `viz_nodes.draw.artists.ego.edge_lines` bends them."""
    nodes, keys = subject.places(ego.layer), subject.places(ego.layer, keys=True)
    height, width = subject.size
    lines = curves_into(
        keys.centers[ego.keys[order]],
        nodes.centers[ego.center],
        clearance=max(0.7 * nodes.pitch, 3.0 / scale),
        bounds=(0.0, 0.0, float(width), float(height)),
        obstacles=np.concatenate([np.zeros((0, 2)), *(dots for dots, _ in foreign)]) / scale,
    )
    return np.asarray(lines * scale)


def _heads_on(lines: np.ndarray, radius: float, foreign: Sequence[Dots]) -> np.ndarray:
    """(n,) bool, the lines whose heads would lie on a mark or a dot of another center."""
    hit = np.zeros(len(lines), bool)
    for at, line in enumerate(lines):
        away = np.hypot(*(line - line[-1]).T)
        steps = np.linspace(radius, radius + _HEAD, 5)
        points = np.stack([np.interp(steps, away[::-1], line[::-1, axis]) for axis in range(2)], axis=1)
        for dots, size in foreign:
            near = np.hypot(*(points[:, None] - dots[None]).transpose(2, 0, 1)) if len(dots) else np.full((1, 1), 1e9)
            hit[at] |= bool((near < size + 0.5 * _HEAD).any())
    return hit


def _hop_strokes(subject: Subject, at: int, ego: Ego, scale: float, unit: float) -> tuple[list[_Stroke], list[Dots]]:
    """The edges of a center's further hops, and their dots."""
    strokes: list[_Stroke] = []
    dots: list[Dots] = []
    for number, hop in enumerate(ego.earlier, start=1):
        nodes, keys = subject.places(hop.layer), subject.places(hop.layer, keys=True)
        lines = hop_lines(nodes, keys, hop, subject.size)
        moved = np.flatnonzero(moving(nodes, keys, hop))
        widths = _MIDDLE * HOP_WIDTH * edge_widths(hop.share[moved], unit)
        strokes += [
            _Stroke(at, number, int(which), line * scale, float(width))
            for which, line, width in zip(moved, lines, widths, strict=True)
        ]
        radius = 0.5 * HOP_DOT * dot_size(nodes.pitch * scale) + 0.12
        dots.append((keys.centers[np.unique(hop.senders[moved])] * scale, radius))
    return strokes, dots


def _hops(ego: Ego, at: int, kept: Sequence[_Stroke]) -> tuple[Hop, ...]:
    """The further hops of a center with the edges that are kept."""
    hops = []
    for number, hop in enumerate(ego.earlier, start=1):
        which = np.array(sorted(s.number for s in kept if (s.center, s.hop) == (at, number)), dtype=int)
        columns = {name: getattr(hop, name)[which] for name in ("senders", "receivers", "share", "weight")}
        hidden = hop.hidden + len(hop.senders) - len(which)
        hops.append(replace(hop, **columns, carried=float(hop.weight[which].sum()), hidden=hidden))
    return tuple(hops)
