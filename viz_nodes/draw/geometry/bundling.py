"""Edge bundling: lines that run alike are drawn together, so that hundreds of edges read as a few roads.

Lines move up the gradient of their own density, estimated with a kernel that narrows from step to step (Hurter, Ersoy
and Telea, Graph Bundling by Kernel Density Estimation, 2012). Ends stay where they are.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

_SAMPLES = 40
_STEPS = 10
_SIDE = 256
_SHRINK = 0.82
_SMOOTHINGS = 12
_MOST_AWAY = 0.22


def bundled(starts: np.ndarray, ends: np.ndarray, *, reach: float, strength: float = 0.6) -> np.ndarray:
    """Polylines from starts to ends, drawn toward where many run.

    Args:
        starts, ends: (n, 2) in pixels.
        reach: how far apart in pixels lines still attract one another, at first.
        strength: 0 leaves straight lines, 1 moves them as far as the density has them.

    Returns:
        (n, S, 2); the first and last points are `starts` and `ends` exactly. The same input gives the same lines.
    """
    along = np.linspace(0.0, 1.0, _SAMPLES)[None, :, None]
    straight = starts[:, None] * (1 - along) + ends[:, None] * along
    if len(starts) < 2 or strength <= 0:
        return np.asarray(straight)
    low = straight.reshape(-1, 2).min(axis=0) - 2 * reach
    scale = (_SIDE - 1) / float(np.ptp(straight.reshape(-1, 2), axis=0).max() + 4 * reach)
    lines = (straight - low) * scale
    width = reach * scale
    pinned = np.sin(np.pi * np.linspace(0, 1, _SAMPLES))[None, :, None] ** 0.5
    for _ in range(_STEPS):
        slope = _slope(lines, width)
        norm = np.hypot(slope[..., 0], slope[..., 1])[..., None]
        step = slope / np.where(norm > 1e-9, norm, 1.0) * np.minimum(norm / max(float(norm.max()), 1e-9) * 3, 1.0)
        lines = _smoothed(lines + 0.35 * width * step * pinned)
        width *= _SHRINK
    for _ in range(_SMOOTHINGS):
        lines = _smoothed(lines)
    away = strength * (lines / scale + low - straight)
    # A short edge has no road to join: it may leave its straight line by a part of its length.
    most = _MOST_AWAY * np.hypot(*(ends - starts).T)[:, None]
    size = np.hypot(away[..., 0], away[..., 1])
    away *= np.where(size > most, most / np.where(size > 0, size, 1.0), 1.0)[..., None]
    result = straight + away
    for _ in range(_SMOOTHINGS):
        result = _smoothed(result)
    result[:, 0], result[:, -1] = starts, ends
    return np.asarray(result)


def _slope(lines: np.ndarray, width: float) -> np.ndarray:
    """(n, S, 2) gradient of the lines' density at their own points."""
    points = np.clip(lines.reshape(-1, 2), 0, _SIDE - 1)
    cells = points.round().astype(int)
    density: Any = np.zeros((_SIDE, _SIDE))
    np.add.at(density, (cells[:, 1], cells[:, 0]), 1.0)
    density = cv2.GaussianBlur(density, (0, 0), max(width / 2, 0.8))
    down, across = np.gradient(density)
    x, y = points.astype(np.float32).T
    parts = [cv2.remap(each.astype(np.float32), x[None], y[None], cv2.INTER_LINEAR)[0] for each in (across, down)]
    return np.stack(parts, axis=-1).reshape(lines.shape)


def _smoothed(lines: np.ndarray) -> np.ndarray:
    """Each inner point moved toward the middle of its neighbors."""
    inner = 0.5 * lines[:, 1:-1] + 0.25 * (lines[:, :-2] + lines[:, 2:])
    return np.concatenate([lines[:, :1], inner, lines[:, -1:]], axis=1)
