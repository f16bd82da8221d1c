"""The noun: regions of nodes on an image, whatever they are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from viz_nodes.arguments import require_pair, whole
from viz_nodes.grids import View
from viz_nodes.text import quoted

NOBODY = -1
"""In a label map: a pixel that belongs to no node."""
Array = np.ndarray[Any, np.dtype[Any]]


class Places(ABC):
    """The regions of the N nodes of one image.

    Pixels are continuous as in `viz_nodes.grids`: (0, 0) is the top left corner of the image, (width, height) its
    bottom right one.

    Attributes:
        kind: what the regions are made of, in a word.
        size: (height, width) of the image in whose pixels regions are measured: the network's input.
    """

    kind: ClassVar[str] = ""
    size: tuple[int, int]

    @property
    @abstractmethod
    def num_nodes(self) -> int:
        """N."""

    def centers(self, view: View | None = None) -> Array:
        """(N, 2) x, y of a point in each region: its middle where that lies inside.

        Args:
            view: the part (left, top, right, bottom) of a larger image that the network saw, for pixels of that image.
        """
        return self._seen(self._centers, view)

    def boxes(self, view: View | None = None) -> Array:
        """(N, 4) left, top, right, bottom of each region; `view` as in `centers`."""
        return self._seen(self._boxes.reshape(-1, 2, 2), view).reshape(-1, 4)

    def outlines(self, view: View | None = None) -> list[list[Array]]:
        """For each node its closed outlines (n, 2), the first point not repeated; several where it has parts or holes.

        Filled together by the even-odd rule they are the region. `view` as in `centers`.
        """
        return [[self._seen(loop, view) for loop in loops] for loops in self._outlines]

    @abstractmethod
    def label_map(self, shape: tuple[int, int] | None = None) -> Array:
        """(h, w) int64, the node in whose region the middle of each pixel lies; -1 nobody's.

        Where regions overlap, the smallest is on top.

        Args:
            shape: (h, w) of the map over the image; the image's own size by default.
        """

    def mask(self, node: int, shape: tuple[int, int] | None = None) -> Array:
        """(h, w) bool, the pixels of a node's region, also those where a smaller one lies over it.

        Args:
            shape: (h, w) of the mask over the image; the image's own size by default.

        Raises:
            ValueError: there is no such node.
        """
        number = whole("node", node)
        if not 0 <= number < self.num_nodes:
            raise ValueError(f"`node` must lie in [0, {self.num_nodes}) (got {quoted(number)})")
        return self._mask(number, self.size if shape is None else shape)

    def covered(self, mask: Array) -> Array:
        """(N,) float64, how much of each region a mask of the image covers, 0 to 1.

        Args:
            mask: (height, width) bool, or (R, height, width), for (R, N).
        """
        masks = np.asarray(mask, dtype=bool)
        if masks.shape[-2:] != self.size:
            raise ValueError(f"`mask` must have shape {self.size} (got {masks.shape})")
        shares = np.stack([self._covered(each) for each in masks.reshape(-1, *self.size)])
        return shares if masks.ndim == 3 else shares[0]

    def paint(self, values: Any, shape: tuple[int, int] | None = None, *, empty: float = np.nan) -> Array:
        """(h, w) float64, a map of one value a node, each in its region.

        Args:
            values: (N,), in any shape.
            shape: of the result; the image's own size by default.
            empty: where there is no node.
        """
        flat = np.asarray(values, dtype=np.float64).ravel()
        if len(flat) != self.num_nodes:
            raise ValueError(f"`values` must have one for each of {self.num_nodes} nodes (got {len(flat)})")
        painted: Array = np.append(flat, empty)[self.label_map(shape)]
        return painted

    @abstractmethod
    def at(self, x: float, y: float) -> int:
        """The node in whose region a point of the image lies, the smallest; -1 where there is none."""

    @cached_property
    def pitch(self) -> float:
        """Pixels from a node to the next: the median distance to the nearest other."""
        return spacing(self._centers, self.size)

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """What the regions are made of, as plain arrays; `viz_nodes.places.from_arrays` makes them again."""

    # What a kind of regions knows, in pixels of the network's input.

    @property
    @abstractmethod
    def _centers(self) -> Array: ...

    @property
    @abstractmethod
    def _boxes(self) -> Array: ...

    @property
    @abstractmethod
    def _outlines(self) -> list[list[Array]]: ...

    def _mask(self, node: int, shape: tuple[int, int]) -> Array:
        return np.asarray(self.label_map(shape) == node)

    def _covered(self, mask: Array) -> Array:
        node = self.label_map()
        area = np.bincount(node[node >= 0], minlength=self.num_nodes)
        return np.asarray(np.bincount(node[mask & (node >= 0)], minlength=self.num_nodes) / np.maximum(area, 1))

    def _seen(self, points: Array, view: View | None) -> Array:
        """Points (..., 2) of the network's input in pixels of a larger image."""
        if view is None:
            return np.array(points)
        left, top, right, bottom = view
        scale = np.array([(right - left) / self.size[1], (bottom - top) / self.size[0]])
        return np.asarray(points * scale + np.array([left, top]))

    def _set_size(self, size: Any) -> None:
        require_pair("size", size)
        object.__setattr__(self, "size", (int(size[0]), int(size[1])))


def corners_of(boxes: Array) -> Array:
    """(N, 4, 2) the corners of boxes, clockwise on the page."""
    left, top, right, bottom = boxes.T
    return np.asarray(np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2))


def spacing(points: Array, size: tuple[int, int]) -> float:
    """The median distance from a point to the nearest other; the image's diagonal where there is one point only."""
    if len(points) < 2:
        return float(np.hypot(*size))
    nearest = []
    for part in np.array_split(points, len(points) // 1000 + 1):
        away = ((part[:, None] - points[None]) ** 2).sum(-1)
        away[away == 0] = np.inf
        nearest.append(away.min(1))
    distance = np.sqrt(np.concatenate(nearest))
    known = distance[np.isfinite(distance)]
    return float(np.median(known)) if len(known) else float(np.hypot(*size))
