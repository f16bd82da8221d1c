"""Geometry of edges: which way each one bends so that all can be told apart. Numbers in, numbers out."""

from __future__ import annotations

import numpy as np

BENDS = np.linspace(-0.6, 0.6, 13)
"""Candidate bends: how far the control point lies off the middle of an edge, in lengths of the edge. The curve itself
goes half as far, and meets its end turned by atan(2 * bend): 0.6 turns it by 50 degrees."""
HEAD_LENGTH = 1.25
"""Length of an arrowhead over its width."""
GAPS = (1.0, 2.2)
"""Points, at least and at most, between the pieces of a broken edge."""
PERIOD = 3.4
"""Points from one gap to the next of a narrow edge."""
_PREFERRED = 0.14
_SAMPLES = 14
_MOST_UNTANGLED = 30
"""Edges up to which crossings are avoided; more always cross."""


def control_points(starts: np.ndarray, ends: np.ndarray, bends: np.ndarray) -> np.ndarray:
    """Control points of quadratic Bezier curves.

    Args:
        starts, ends: (n, 2).
        bends: (n,), the offset of the control point from the middle, in lengths of the edge; positive to the left of
            the way from start to end (with y pointing down: to the right).

    Example: from (0, 0) to (2, 0) with bend 0.5 the control point is (1, 1).
    """
    way = ends - starts
    normal = np.stack([-way[:, 1], way[:, 0]], axis=1)
    return np.asarray((starts + ends) / 2 + bends[:, None] * normal)


def bezier(starts: np.ndarray, controls: np.ndarray, ends: np.ndarray, samples: int = 33) -> np.ndarray:
    """Points of quadratic Bezier curves, (n, samples, 2), from start to end."""
    t = np.linspace(0.0, 1.0, samples)[None, :, None]
    return np.asarray((1 - t) ** 2 * starts[:, None] + 2 * t * (1 - t) * controls[:, None] + t**2 * ends[:, None])


def curves_into(
    starts: np.ndarray,
    end: np.ndarray,
    *,
    clearance: float,
    bounds: tuple[float, float, float, float],
    obstacles: np.ndarray | None = None,
) -> np.ndarray:
    """(n, S, 2) curves from several places to one, bent apart by `fan`; the places themselves are obstacles too."""
    ends = np.tile(end, (len(starts), 1))
    dots = [starts, end[None]] if obstacles is None or not len(obstacles) else [starts, end[None], obstacles]
    bends = fan(starts, ends, obstacles=np.concatenate(dots), clearance=clearance, bounds=bounds)
    return bezier(starts, control_points(starts, ends, bends), ends)


def arrival_angles(starts: np.ndarray, ends: np.ndarray, bends: np.ndarray) -> np.ndarray:
    """Direction in radians from which each edge reaches its end, as seen from that end."""
    back = control_points(starts, ends, bends) - ends
    return np.asarray(np.arctan2(back[:, 1], back[:, 0]))


def fan(
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    obstacles: np.ndarray | None = None,
    clearance: float = 0.0,
    bounds: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Choose a bend for each edge so that edges to one end arrive from different directions.

    Every edge picks from `BENDS` what costs least: arriving close to another edge of the same end, running over a dot
    that is not its own, crossing another, leaving the picture, bending further than needed (the more edges meet, the
    stiffer they are: no bend tells 72 apart, and order reads better then). Edges choose in turn, the shortest first,
    and again until none wants to change; the outcome depends on the input only.

    Args:
        starts, ends: (n, 2) in pixels.
        obstacles: (m, 2), dots to keep clear of; an edge's own start and end do not count.
        clearance: how far in pixels to keep from them.
        bounds: left, top, right, bottom of the picture.

    Returns:
        (n,) bends for `control_points`. An edge of length 0 gets 0.
    """
    starts, ends = np.asarray(starts, float).reshape(-1, 2), np.asarray(ends, float).reshape(-1, 2)
    count = len(starts)
    if count == 0:
        return np.zeros(0)
    length = np.hypot(*(ends - starts).T)
    end_of = _groups(ends)
    start_of = _groups(starts)
    crowd = np.bincount(end_of)[end_of]
    stiffness = np.maximum(1.0, crowd / 14.0)
    lone_cost = _cost_alone(starts, ends, length, stiffness, obstacles, clearance, bounds)
    angles = np.stack([arrival_angles(starts, ends, np.full(count, bend)) for bend in BENDS], axis=1)
    departures = np.stack([arrival_angles(ends, starts, np.full(count, -bend)) for bend in BENDS], axis=1)
    apart = np.minimum(np.radians(26.0), 0.9 * 2 * np.pi / np.maximum(crowd, 1))

    paths = None
    if count <= _MOST_UNTANGLED:
        flat = np.tile(BENDS, count)
        first, last = np.repeat(starts, len(BENDS), axis=0), np.repeat(ends, len(BENDS), axis=0)
        # The last stretch is left out: edges of one end meet there.
        paths = bezier(first, control_points(first, last, flat), last, 10)[:, :-1].reshape(count, len(BENDS), 9, 2)

    order = np.lexsort((np.arange(count), length))
    chosen = np.argmin(lone_cost, axis=1)
    settled = np.zeros(count, bool)
    for _ in range(4):
        changed = False
        for edge in order:
            if length[edge] == 0:
                continue
            others = settled.copy()
            others[edge] = False
            cost = lone_cost[edge].copy()
            same_end = np.flatnonzero(others & (end_of == end_of[edge]) & (length > 0))
            if len(same_end):
                taken = angles[same_end, chosen[same_end]]
                gap = np.abs(_wrapped(angles[edge][:, None] - taken[None, :]))
                cost += 6.0 * (np.clip(1 - gap / apart[edge], 0, None) ** 2).sum(axis=1)
            same_start = np.flatnonzero(others & (start_of == start_of[edge]) & (length > 0))
            if len(same_start):
                taken = departures[same_start, chosen[same_start]]
                gap = np.abs(_wrapped(departures[edge][:, None] - taken[None, :]))
                cost += 2.0 * (np.clip(1 - gap / np.radians(20.0), 0, None) ** 2).sum(axis=1)
            if paths is not None and others.any():
                there = np.flatnonzero(others & (length > 0))
                cost += 0.45 * crossings(paths[edge], paths[there, chosen[there]]).sum(axis=1)
            best = int(np.argmin(cost))
            changed |= best != chosen[edge] or not settled[edge]
            chosen[edge], settled[edge] = best, True
        if not changed:
            break
    return np.where(length > 0, BENDS[chosen], 0.0)


def _cost_alone(
    starts: np.ndarray,
    ends: np.ndarray,
    length: np.ndarray,
    stiffness: np.ndarray,
    obstacles: np.ndarray | None,
    clearance: float,
    bounds: tuple[float, float, float, float] | None,
) -> np.ndarray:
    """(n, candidates): what a bend costs whatever the other edges do."""
    count, candidates = len(starts), len(BENDS)
    flat = np.tile(BENDS, count)
    from_, to = np.repeat(starts, candidates, axis=0), np.repeat(ends, candidates, axis=0)
    points = bezier(from_, control_points(from_, to, flat), to, _SAMPLES)[:, 1:-1]
    span = np.minimum(1.0, np.repeat(length, candidates) / (10 * clearance)) if clearance else 0.0
    stiff = np.repeat(stiffness**2, candidates)
    cost = stiff * (2.0 + 4.0 * span) * (np.abs(flat) - _PREFERRED) ** 2 + 1e-3 * (flat < 0)
    if bounds is not None:
        left, top, right, bottom = bounds
        outside = (
            np.clip(left - points[..., 0], 0, None)
            + np.clip(points[..., 0] - right, 0, None)
            + np.clip(top - points[..., 1], 0, None)
            + np.clip(points[..., 1] - bottom, 0, None)
        )
        # Never: a straight edge between two places in the picture stays in it.
        cost = cost + np.where(outside.max(axis=1) > 1e-6, 1e3 + np.abs(flat), 0.0)
    if obstacles is not None and len(obstacles) and clearance > 0:
        obstacles = np.asarray(obstacles, float).reshape(-1, 2)
        near = np.hypot(
            points[:, :, None, 0] - obstacles[None, None, :, 0], points[:, :, None, 1] - obstacles[None, None, :, 1]
        )
        closest = near.min(axis=1)
        own = (np.hypot(*(from_[:, None] - obstacles[None]).transpose(2, 0, 1)) < 1e-6) | (
            np.hypot(*(to[:, None] - obstacles[None]).transpose(2, 0, 1)) < 1e-6
        )
        hit = np.where(own, 0.0, np.clip(1 - closest / clearance, 0, None))
        cost = cost + 2.5 * hit.sum(axis=1)
    return cost.reshape(count, candidates)


def crossings(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How often polylines cross.

    Args:
        first, second: (p, S, 2) and (q, S, 2).

    Returns:
        (p, q) int64. Lines that only touch or lie on one another do not cross.

    Example: (0, 0) to (2, 2) and (0, 2) to (2, 0) cross once.
    """
    a, b = first[:, None, :-1, None], first[:, None, 1:, None]
    c, d = second[None, :, None, :-1], second[None, :, None, 1:]
    apart = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
    return np.asarray(apart.sum(axis=(2, 3)))


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Positive on one side of the line from a to b, negative on the other."""
    return np.asarray(
        (b[..., 0] - a[..., 0]) * (point[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (point[..., 0] - a[..., 0])
    )


def _groups(points: np.ndarray) -> np.ndarray:
    """(n,) a number for each distinct point."""
    return np.unique(np.round(points, 6), axis=0, return_inverse=True)[1].reshape(-1)


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """An angle brought into [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def trimmed(lines: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Cut a length off both ends of polylines, (n, S, 2) to (n, S, 2), so that an edge stops at the rim of its dots.

    Args:
        start, end: (n,) how much to cut. Where an edge is too short for both, they shrink to leave a tenth.
    """
    steps = np.hypot(*np.diff(lines, axis=1).transpose(2, 0, 1))
    along = np.concatenate([np.zeros((len(lines), 1)), np.cumsum(steps, axis=1)], axis=1)
    total = along[:, -1]
    cut = np.maximum(start + end, 1e-12)
    shrink = np.minimum(1.0, 0.9 * total / cut)
    first, last = start * shrink, total - end * shrink
    result = np.empty_like(lines)
    for i, line in enumerate(lines):
        at = np.linspace(first[i], last[i], lines.shape[1])
        result[i, :, 0] = np.interp(at, along[i], line[:, 0])
        result[i, :, 1] = np.interp(at, along[i], line[:, 1])
    return result


def arrow_outline(
    line: np.ndarray, wide: float, narrow: float, head: float = 0.0, *, whole: float | None = None
) -> np.ndarray:
    """Outline of an edge that tapers from its start to its end and may close with an arrowhead.

    Args:
        line: (S, 2) the middle of the edge; ends where the tip is.
        wide, narrow: full widths at start and end.
        head: full width of the arrowhead, 1.25 times as long as wide, but at most 45 % of the edge; 0 for none.
        whole: length of the edge, where `line` is the last piece of it.

    Returns:
        (P, 2) a closed outline, the last point equal to the first.

    Example: from (0, 0) to (10, 0) with widths 2 and 1 the corners are (0, 1), (10, 0.5), (10, -0.5), (0, -1).
    """
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    total = along[-1]
    head_length = min(_head_length(head, total if whole is None else whole), total)
    body = line
    if head_length > 0:
        at = np.linspace(0.0, total - head_length, len(line))
        body = np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=1)
    tangent = np.gradient(body, axis=0)
    norm = np.hypot(*tangent.T)
    tangent = tangent / np.where(norm > 0, norm, 1.0)[:, None]
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    half = np.linspace(wide, narrow, len(body))[:, None] / 2
    left, right = body + normal * half, body - normal * half
    if head_length > 0:
        tip, neck = line[-1], body[-1]
        axis = (tip - neck) / max(np.hypot(*(tip - neck)), 1e-12)
        across = np.array([-axis[1], axis[0]]) * head / 2
        wing = np.stack([neck + across - axis * 0.15 * head_length, tip, neck - across - axis * 0.15 * head_length])
        outline = np.concatenate([left, wing, right[::-1]])
    else:
        outline = np.concatenate([left, right[::-1]])
    return np.concatenate([outline, outline[:1]])


def _head_length(head: float, total: float) -> float:
    """How long the arrowhead of an edge is."""
    return min(HEAD_LENGTH * head, 0.45 * total) if head > 0 else 0.0


def broken_outline(line: np.ndarray, wide: float, narrow: float, head: float = 0.0) -> list[np.ndarray]:
    """Outlines of the pieces of an edge as `arrow_outline` draws it, whose shaft is broken once or more often.

    Args:
        line, wide, narrow, head: see `arrow_outline`; in points, since gaps are.

    Returns:
        From start to end, the last piece with the head.

    Example: a shaft of 10 points that is 1 wide has three gaps of 1 point between four pieces.
    """
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    total = float(along[-1])
    shaft = total - _head_length(head, total)
    middle = (wide + narrow) / 2
    gap = min(float(np.clip(0.7 * middle, *GAPS)), 0.4 * shaft)
    count = max(1, round(shaft / max(PERIOD, 2.4 * middle)))
    dash = (shaft - count * gap) / (count + 1)
    pieces = []
    for number in range(count + 1):
        first = number * (dash + gap)
        last = total if number == count else first + dash
        at = np.linspace(first, last, max(4, len(line) // 2))
        piece = np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=1)
        widths = [wide + (narrow - wide) * min(end / max(shaft, 1e-12), 1.0) for end in (first, last)]
        pieces.append(arrow_outline(piece, widths[0], widths[1], head if number == count else 0.0, whole=total))
    return pieces
