"""The artist of edges: curves in data units whose widths stay in points at any size, all in one collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba_array
from matplotlib.path import Path

from viz_nodes.draw.geometry.curves import arrow_outline, broken_outline, trimmed
from viz_nodes.draw.style.palettes import Color

WIDTH_AT_0, WIDTH_AT_1 = 0.7, 4.7
"""Points, at unit 1, of an edge whose value is 0, and of one at the top of the scale."""
_OPAQUE_AT = 0.2


def edge_widths(strength: np.ndarray, unit: float) -> np.ndarray:
    """Width in points of edges by how strong they are: linear, from a hairline that is still seen at 0.

    Args:
        strength: (n,) in 0..1, a share or another value by the top of its scale.
        unit: see `edge_unit`.
    """
    return np.asarray(unit * (WIDTH_AT_0 + (WIDTH_AT_1 - WIDTH_AT_0) * np.clip(strength, 0.0, 1.0)))


def edge_unit(width: float, most: int) -> float:
    """What widths of edges are multiplied with: larger in larger pictures, smaller where many edges meet.

    Args:
        width: points that a picture is wide.
        most: neighbors of the center that has most.
    """
    return float(np.clip(width / 100.0, 0.75, 1.8) * np.clip((14 / max(most, 1)) ** 0.5, 0.6, 1.0))


def edge_opacities(strength: np.ndarray) -> np.ndarray:
    """Opacity of edges by how strong they are: 0.55 at 0, full from a fifth of the scale on."""
    return np.asarray(0.55 + 0.45 * np.clip(np.asarray(strength, float) / _OPAQUE_AT, 0.0, 1.0))


class EdgeCollection(PolyCollection):
    """Curved, tapering edges with arrowheads, each on a casing that parts it from what lies below.

    Outlines are computed when the figure is drawn, from the Axes' scale at that moment, since widths are in points
    and lines in data units. One collection holds them all: an artist an edge costs fifteen times as long.

    Attributes:
        lines: (n, S, 2) middles of the edges in data units, start to end.
        widths: (n,) width in points at the start.
        gaps: (n, 2) points left free at start and end, for the dots there.
        broken: (n,) bool, those whose shafts are broken, which gray print keeps where it loses colors.
    """

    def __init__(
        self,
        ax: Axes,
        lines: np.ndarray,
        *,
        widths: np.ndarray,
        colors: np.ndarray | Sequence[Color],
        gaps: np.ndarray,
        taper: float = 0.45,
        heads: np.ndarray | float = 0.0,
        casing: float = 0.0,
        casing_color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 0.8),
        broken: np.ndarray | bool = False,
        **kwargs: Any,
    ) -> None:
        self.lines = np.asarray(lines, float)
        count = len(self.lines)
        self.widths = np.broadcast_to(np.asarray(widths, float), (count,))
        self.heads = np.broadcast_to(np.asarray(heads, float), (count,))
        self.gaps = np.broadcast_to(np.asarray(gaps, float), (count, 2))
        self.broken = np.broadcast_to(np.asarray(broken, bool), (count,))
        self.colors = to_rgba_array(colors) if count else np.zeros((0, 4))
        self.taper, self.casing = taper, casing
        self._scale = 0.0
        faces = self.colors
        if casing:
            faces = np.empty((2 * count, 4))
            faces[0::2], faces[1::2] = casing_color, self.colors
        super().__init__([], facecolors=faces, edgecolors="none", linewidths=0, closed=False, **kwargs)
        self.set_verts_and_codes(*self.outlines(_points_per_unit(ax)))
        ax.add_collection(self, autolim=False)

    def outlines(self, points_per_unit: float) -> tuple[Any, Any]:
        """Corners in data units, and codes of paths, when a data unit is this many points on paper.

        With casings two an edge; a broken edge has several closed outlines in one path, and a casing that is whole.
        """
        self._scale = points_per_unit
        if not len(self.lines):
            return [], []
        scale = max(points_per_unit, 1e-9)
        middles = trimmed(self.lines * scale, self.gaps[:, 0], self.gaps[:, 1])
        shapes: list[list[np.ndarray]] = []
        for line, width, head, broken in zip(middles, self.widths, self.heads, self.broken, strict=True):
            if self.casing:
                rim = 2 * self.casing
                shapes.append([arrow_outline(line, width + rim, width * self.taper + rim, head + rim if head else 0.0)])
            if broken:
                shapes.append(broken_outline(line, width, width * self.taper, head))
            else:
                shapes.append([arrow_outline(line, width, width * self.taper, head)])
        return [np.concatenate(pieces) / scale for pieces in shapes], [_codes(pieces) for pieces in shapes]

    def draw(self, renderer: Any) -> None:
        scale = _points_per_unit(self.axes)
        if abs(scale - self._scale) > 1e-6 * scale:
            self.set_verts_and_codes(*self.outlines(scale))
        super().draw(renderer)


def _codes(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """The codes of one path of several closed outlines."""
    codes = []
    for piece in pieces:
        codes += [Path.MOVETO, *[Path.LINETO] * (len(piece) - 2), Path.CLOSEPOLY]
    return np.array(codes, Path.code_type)


def _points_per_unit(ax: Any) -> float:
    """Points on paper that one data unit takes, along x; painters keep the aspect equal."""
    (x0, _), (x1, _) = ax.transData.transform([(0.0, 0.0), (1.0, 0.0)])
    return float(abs(x1 - x0) * 72.0 / ax.figure.dpi)
