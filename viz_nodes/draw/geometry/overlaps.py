"""Which of many lines on top of one another can still be told apart."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

RESOLUTION = 300.0 / 72.0
"""Pixels a point at which lines are looked at: print."""
BROKEN = 0.5
"""Of a broken line, the part between its gaps."""
LEAST_OWN = 60
"""Pixels that a line must have for itself, outside of all dots: a line 1 point wide and 3.5 long."""


def told_apart(
    lines: np.ndarray,
    widths: np.ndarray,
    dots: Sequence[tuple[np.ndarray, float]],
    least: int = LEAST_OWN,
    *,
    inked: np.ndarray | None = None,
) -> np.ndarray:
    """(n,) bool, the lines that are seen: enough of each is for itself, neither below a dot nor shared with another.

    A line that would take this from one before it is not seen.

    Args:
        lines: (n, S, 2) in points, the most important first.
        widths: (n,) points.
        dots: centers (m, 2) in points, and radius; all lie above the lines.
        least: pixels at print resolution.
        inked: (n,) what part of each line is seen where it is free; by default all.
    """
    if not len(lines):
        return np.zeros(0, dtype=bool)
    scaled = lines * RESOLUTION
    margin = 2.0 + RESOLUTION * float(np.max(widths))
    corner = scaled.reshape(-1, 2).min(axis=0) - margin
    wide, high = np.ceil(scaled.reshape(-1, 2).max(axis=0) + margin - corner).astype(int)
    covered = np.zeros((high, wide), np.uint8)
    for centers, radius in dots:
        for x, y in np.rint(centers * RESOLUTION - corner).astype(int):
            cv2.circle(covered, (int(x), int(y)), max(1, round(radius * RESOLUTION)), 1, thickness=-1)
    owner = np.full((high, wide), -1, np.int32)
    inked = np.ones(len(lines)) if inked is None else inked
    own = np.zeros(len(lines))
    seen = np.zeros(len(lines), dtype=bool)
    for at, line in enumerate(scaled - corner):
        across = max(1, round(float(widths[at]) * RESOLUTION))
        points = np.rint(line).astype(np.int32)
        left, top = np.maximum(points.min(axis=0) - across, 0)
        window = (slice(top, int(points[:, 1].max()) + across + 1), slice(left, int(points[:, 0].max()) + across + 1))
        drawn = np.zeros_like(covered[window])
        cv2.polylines(drawn, [points - (int(left), int(top))], isClosed=False, color=1, thickness=across)
        on = drawn.astype(bool)
        free = on & (covered[window] == 0)
        taken = inked * np.bincount(owner[window][on & (owner[window] >= 0)], minlength=len(lines))
        if inked[at] * free.sum() < least or ((own - taken < least) & (taken > 0)).any():
            continue
        seen[at] = True
        own -= taken
        own[at] = inked[at] * free.sum()
        owner[window][on] = -1
        owner[window][free] = at
        covered[window] |= drawn
    return seen
