"""Cells, detections, points: regions with outlines of their own, which may overlap and leave parts of the image out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from viz_nodes.arguments import numbers
from viz_nodes.places.base import NOBODY, Array, Places, corners_of, spacing
from viz_nodes.text import quoted

_SIDES = 24
"""Corners of the polygon that stands for the disc around a point."""


@dataclass(frozen=True, eq=False)
class Polygons(Places):
    """Regions with outlines, such as the cells of a tissue.

    Attributes:
        polygons: for each node at least three corners (n, 2) as x, y in pixels.
        size: (height, width) of the image.

    Raises:
        ValueError: no polygon, or one with fewer corners or with numbers that are none.
    """

    kind: ClassVar[str] = "polygons"
    polygons: Sequence[Any] = field(repr=False)
    size: tuple[int, int]

    def __post_init__(self) -> None:
        corners = tuple(numbers("polygons", polygon) for polygon in self.polygons)
        if not corners:
            raise ValueError("`polygons` must hold at least one (got none)")
        for node, polygon in enumerate(corners):
            if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.isfinite(polygon).all():
                raise ValueError(f"polygon {node} must be (n, 2), n at least 3 and finite (got shape {polygon.shape})")
        object.__setattr__(self, "polygons", corners)
        self._set_size(self.size)

    @property
    def num_nodes(self) -> int:
        return len(self.polygons)

    def label_map(self, shape: tuple[int, int] | None = None) -> Array:
        shape = self.size if shape is None else shape
        labels = np.full(shape, NOBODY, dtype=np.int64)
        for node in self._largest_first:
            rows, cols, inside = self._raster(node, shape)
            labels[rows, cols][inside] = node
        return labels

    def at(self, x: float, y: float) -> int:
        point = np.array([[x, y]])
        hits = (node for node in reversed(self._largest_first) if inside_of(point, self.polygons[node])[0])
        return next(hits, NOBODY)

    def arrays(self) -> dict[str, Array]:
        return {"corners": np.concatenate(self.polygons), "counts": np.array([len(each) for each in self.polygons])}

    @cached_property
    def _centers(self) -> Array:
        return np.stack([middle_of(polygon) for polygon in self.polygons])

    @cached_property
    def _boxes(self) -> Array:
        return np.stack([np.concatenate([polygon.min(0), polygon.max(0)]) for polygon in self.polygons])

    @property
    def _outlines(self) -> list[list[Array]]:
        return [[polygon] for polygon in self.polygons]

    @cached_property
    def _largest_first(self) -> list[int]:
        return [int(node) for node in np.argsort([-area_of(polygon) for polygon in self.polygons], kind="stable")]

    def _mask(self, node: int, shape: tuple[int, int]) -> Array:
        mask = np.zeros(shape, dtype=bool)
        rows, cols, inside = self._raster(node, shape)
        mask[rows, cols] = inside
        return mask

    def _covered(self, mask: Array) -> Array:
        shares = np.zeros(self.num_nodes)
        for node in range(self.num_nodes):
            rows, cols, inside = self._raster(node, self.size)
            shares[node] = mask[rows, cols][inside].mean() if inside.any() else 0.0
        return shares

    def _raster(self, node: int, shape: tuple[int, int]) -> tuple[slice, slice, Array]:
        """A polygon's pixels on a map over the image: rows, columns, and (rows, columns) bool."""
        polygon = self.polygons[node] * np.array([shape[1] / self.size[1], shape[0] / self.size[0]])
        least, most = np.zeros(2, int), np.array(shape[::-1])
        low = np.clip(np.floor(polygon.min(0)).astype(int), least, most)
        high = np.clip(np.ceil(polygon.max(0)).astype(int), low, most)
        xs, ys = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        inside = inside_of(np.stack([xs.ravel(), ys.ravel()], axis=1), polygon).reshape(xs.shape)
        return slice(low[1], high[1]), slice(low[0], high[0]), inside


class Boxes(Polygons):
    """Boxes, such as a detector's."""

    kind: ClassVar[str] = "boxes"

    def __init__(self, boxes: Any, size: tuple[int, int]) -> None:
        """Boxes (N, 4) as left, top, right, bottom in pixels of an image of `size` (height, width).

        Raises:
            ValueError: a box without an area, or not of this shape.
        """
        array = numbers("boxes", boxes)
        if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
            raise ValueError(f"`boxes` must have shape (N, 4) and be finite (got {array.shape})")
        wrong = np.flatnonzero(~(array[:, 2:] > array[:, :2]).all(1))
        if len(wrong):
            raise ValueError(
                f"box {wrong[0]} must have right above left and bottom above top (got {array[wrong[0]].tolist()})"
            )
        super().__init__(tuple(corners_of(array)), size)


class Points(Polygons):
    """Points, such as the middles of cells, each with a disc around it."""

    kind: ClassVar[str] = "points"

    def __init__(self, points: Any, size: tuple[int, int], *, radius: float | None = None) -> None:
        """Points (N, 2) as x, y in pixels of an image of `size` (height, width).

        Args:
            radius: of the discs in pixels; by default half the median distance of a point to the nearest other.

        Raises:
            ValueError: not of this shape, or no radius.
        """
        array = numbers("points", points)
        if array.ndim != 2 or array.shape[1] != 2 or not np.isfinite(array).all():
            raise ValueError(f"`points` must have shape (N, 2) and be finite (got {array.shape})")
        around = spacing(array, size) / 2 if radius is None else float(numbers("radius", radius))
        if not around > 0:
            raise ValueError(f"`radius` must be above 0 (got {quoted(around)})")
        turn = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
        disc = around * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        super().__init__(tuple(point + disc for point in array), size)


def area_of(polygon: Array) -> float:
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def middle_of(polygon: Array) -> Array:
    """The center of mass of a polygon; where that lies outside, the middle of its widest chord at that height."""
    x, y = polygon.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    if abs(cross.sum()) < 1e-12:
        return np.asarray(polygon.mean(0))
    middle: Array = np.array([((at + np.roll(at, -1)) * cross).sum() for at in (x, y)]) / (3 * cross.sum())
    if inside_of(middle[None], polygon)[0]:
        return middle
    level = middle[1]
    y2, x2 = np.roll(y, -1), np.roll(x, -1)
    across = (y > level) != (y2 > level)
    if not across.any():
        return np.asarray(polygon.mean(0))
    hits = np.sort(x[across] + (level - y[across]) / (y2[across] - y[across]) * (x2[across] - x[across]))
    widest = int(np.argmax(hits[1::2] - hits[::2]))
    return np.array([(hits[2 * widest] + hits[2 * widest + 1]) / 2, level])


def inside_of(points: Array, polygon: Array) -> Array:
    """(P,) bool, whether points lie in a polygon, by the even-odd rule."""
    inside = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crosses = (points[:, 1] < y1) != (points[:, 1] < y2)
        inside ^= crosses & (points[:, 0] < x1 + (points[:, 1] - y1) / (y2 - y1) * (x2 - x1))
    return inside
