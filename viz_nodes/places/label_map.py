"""Superpixels and other segments: regions given by the node of each pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from viz_nodes.places.base import NOBODY, Array, Places


@dataclass(frozen=True, eq=False)
class LabelMap(Places):
    """The regions of a label map.

    Attributes:
        labels: (h, w) whole numbers, each of 0 to N - 1 at least once; below 0 nobody's. It covers the image, whatever
            its resolution.
        size: (height, width) of the image; that of the map by default.

    Raises:
        ValueError: a number between has no pixel, so that a node would lie nowhere.
        TypeError: not whole numbers.
    """

    kind: ClassVar[str] = "labels"
    labels: Array = field(repr=False)
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        array = np.asarray(self.labels)
        if not np.issubdtype(array.dtype, np.integer):
            raise TypeError(f"`labels` must be whole numbers (got {array.dtype})")
        if array.ndim != 2 or not array.size:
            raise ValueError(f"`labels` must have shape (h, w) (got {array.shape})")
        if int(array.max()) >= array.size:
            raise ValueError(f"`labels` must be below the number of pixels, {array.size} (got {int(array.max())})")
        array = np.maximum(array.astype(np.int64), NOBODY)
        counts = np.bincount(array[array >= 0], minlength=1)
        if not counts.all():
            raise ValueError(
                f"`labels` must hold every number from 0 to {len(counts) - 1} (got no pixel of "
                f"{np.flatnonzero(counts == 0)[:5].tolist()}); skimage's `slic` takes `start_label=0`"
            )
        object.__setattr__(self, "labels", array)
        self._set_size(array.shape if self.size == (0, 0) else self.size)

    @cached_property
    def num_nodes(self) -> int:
        return int(self.labels.max()) + 1

    def label_map(self, shape: tuple[int, int] | None = None) -> Array:
        height, width = self.size if shape is None else shape
        rows, cols = (_picks(length, have) for length, have in zip((height, width), self.labels.shape, strict=True))
        return np.asarray(self.labels[np.ix_(rows, cols)])

    def at(self, x: float, y: float) -> int:
        (height, width), (rows, cols) = self.size, self.labels.shape
        if not (0 <= x <= width and 0 <= y <= height):
            return NOBODY
        return int(self.labels[min(rows - 1, int(y / height * rows)), min(cols - 1, int(x / width * cols))])

    def arrays(self) -> dict[str, Array]:
        return {"labels": self.labels}

    @property
    def _pixel(self) -> Array:
        """Width and height of a pixel of the map, in pixels of the image."""
        return np.array([self.size[1] / self.labels.shape[1], self.size[0] / self.labels.shape[0]])

    @cached_property
    def _centers(self) -> Array:
        rows, cols = np.nonzero(self.labels >= 0)
        node = self.labels[rows, cols]
        count = np.bincount(node)
        middle = np.stack([np.bincount(node, at + 0.5) / count for at in (cols, rows)], axis=1)
        at = middle.astype(int)
        for outside in np.flatnonzero(self.labels[at[:, 1], at[:, 0]] != np.arange(self.num_nodes)):
            own = np.stack([cols[node == outside], rows[node == outside]], axis=1) + 0.5
            middle[outside] = own[((own - middle[outside]) ** 2).sum(1).argmin()]
        return np.asarray(middle * self._pixel)

    @cached_property
    def _boxes(self) -> Array:
        rows, cols = np.nonzero(self.labels >= 0)
        node = self.labels[rows, cols]
        low, high = np.full((2, self.num_nodes), np.inf), np.zeros((2, self.num_nodes))
        for axis, at in enumerate((cols, rows)):
            np.minimum.at(low[axis], node, at)
            np.maximum.at(high[axis], node, at + 1)
        return np.asarray(np.concatenate([low, high]).T * np.tile(self._pixel, 2))

    @cached_property
    def _outlines(self) -> list[list[Array]]:
        return [[loop * self._pixel for loop in loops_around(self.labels == node)] for node in range(self.num_nodes)]


def _picks(length: int, have: int) -> Array:
    """Which of `have` equal parts the middle of each of `length` parts lies in."""
    return np.asarray((np.arange(length) + 0.5) * have / length).astype(np.int64)


def loops_around(mask: Array) -> list[Array]:
    """The closed outlines of a mask's pixels along their edges, (n, 2) corners as x, y.

    Every edge between a pixel inside and one outside is walked with the inside on its right, and edges that meet are
    joined; where two loops touch in a corner each turns right, so that none crosses itself.

    Example:
        One pixel gives one loop: (0, 0), (1, 0), (1, 1), (0, 1).
    """
    rows, cols = np.nonzero(mask)
    if not len(rows):
        return []
    top, left = int(rows.min()) - 1, int(cols.min()) - 1
    inside = np.pad(mask[top + 1 : int(rows.max()) + 1, left + 1 : int(cols.max()) + 1], 1)
    following = _edges_of(inside)
    loops = []
    while following:
        first = at = next(iter(following))
        step = following[first][0]
        loop: list[tuple[int, int]] = []
        while at in following:
            steps = following[at]
            right = (-step[1], step[0])
            then = steps.pop(steps.index(right) if loop and right in steps else 0)
            if not steps:
                del following[at]
            if then != step or not loop:
                loop.append(at)
            step, at = then, (at[0] + then[0], at[1] + then[1])
            if at == first:
                break
        loops.append(np.array(loop, dtype=np.float64) + np.array([left, top]))
    return loops


_SIDES = (((-1, 0), (0, 0), (1, 0)), ((0, 1), (1, 0), (0, 1)), ((1, 0), (1, 1), (-1, 0)), ((0, -1), (0, 1), (0, -1)))
"""For each side of a pixel: the neighbor beyond it as (row, col); where its edge starts, and its direction, as x, y."""


def _edges_of(inside: Array) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """By corner, the directions of the edges that start there."""
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (down, across), start, step in _SIDES:
        edge = inside & ~np.roll(inside, (-down, -across), (0, 1))
        for row, col in zip(*(at.tolist() for at in np.nonzero(edge)), strict=True):
            following.setdefault((col + start[0], row + start[1]), []).append(step)
    return following
