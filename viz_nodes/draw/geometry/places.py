"""Where the nodes of a layer lie on a picture: painters ask this, and do no arithmetic with rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.path import Path

from viz_nodes.explanation import LayerExplanation
from viz_nodes.grids import Grid, View, boxes
from viz_nodes.places import Places, loops_around
from viz_nodes.places.base import corners_of

_FINEST = 1024
"""Pixels along the longer side of the mask from which the outline of several regions together is traced."""


@dataclass(frozen=True, eq=False)
class ShownPlaces:
    """The regions of nodes in pixels of the image shown.

    Attributes:
        centers: (N, 2) x, y.
        boxes: (N, 4) left, top, right, bottom of each region.
        pitch: pixels between two neighboring nodes, the smaller of across and down.
        lines: what parts the regions, (n, 2) points each; one line for many where they are a grid.
        view: the part of the image that the regions lie on.
        regions: those that are no grid; None for the patches of a grid.
    """

    centers: np.ndarray
    boxes: np.ndarray
    pitch: float
    lines: Sequence[np.ndarray]
    view: View
    regions: Places | None = None

    @property
    def corners(self) -> np.ndarray:
        """(N, 4, 2) corner points of the boxes, clockwise on the page."""
        return corners_of(self.boxes)

    def outlines(self, nodes: np.ndarray) -> list[Path]:
        """A closed path around each of some nodes' regions."""
        if self.regions is None:
            return [_closed([corners]) for corners in self.corners[nodes]]
        return [_closed(self._loops[int(node)]) for node in nodes]

    @cached_property
    def _loops(self) -> list[list[np.ndarray]]:
        assert self.regions is not None
        return self.regions.outlines(self.view)

    def around(self, nodes: np.ndarray) -> list[np.ndarray]:
        """The outlines (n, 2) of some regions taken together, with the inside on their right; for regions."""
        assert self.regions is not None
        height, width = self.regions.size
        finer = max(1, round(_FINEST / max(height, width)))
        shape = (height * finer, width * finer)
        mask = np.zeros(shape, dtype=bool)
        for node in nodes:
            mask |= self.regions.mask(int(node), shape)
        left, top, right, bottom = self.view
        scale = np.array([(right - left) / shape[1], (bottom - top) / shape[0]])
        return [loop * scale + np.array([left, top]) for loop in loops_around(mask)]


def _closed(loops: Sequence[np.ndarray]) -> Path:
    return Path.make_compound_path(*(Path(np.concatenate([loop, loop[:1]]), closed=True) for loop in loops))


def places_of(
    layer: LayerExplanation, size: tuple[int, int], view: View | None, *, keys: bool = False, row: int = 0
) -> ShownPlaces:
    """The regions of a layer's nodes, or of its key nodes.

    Args:
        size: (height, width) of the image shown.
        view: the part of it that the network saw.
        keys: those that `neighbors` indexes.
        row: of the explanation.
    """
    if layer.places is None:
        return grid_places(layer.key_grid if keys else layer.grid, size, view)
    regions = layer.regions(size, row)
    left, top, right, bottom = seen = view if view is not None else (0.0, 0.0, float(size[1]), float(size[0]))
    scale = min((right - left) / regions.size[1], (bottom - top) / regions.size[0])
    return ShownPlaces(
        centers=regions.centers(seen),
        boxes=regions.boxes(seen),
        pitch=regions.pitch * scale,
        lines=[np.concatenate([loop, loop[:1]]) for loops in regions.outlines(seen) for loop in loops],
        view=seen,
        regions=regions,
    )


def grid_places(grid: Grid, size: tuple[int, int], view: View | None) -> ShownPlaces:
    """The regions of the nodes of a grid."""
    box = boxes(grid, size, view)
    left, top, right, bottom = (float(side) for side in (box[0, 0], box[0, 1], box[-1, 2], box[-1, 3]))
    xs, ys = np.linspace(left, right, grid[1] + 1), np.linspace(top, bottom, grid[0] + 1)
    lines = [[(x, top), (x, bottom)] for x in xs] + [[(left, y), (right, y)] for y in ys]
    return ShownPlaces(
        centers=np.stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2], axis=1),
        boxes=box,
        pitch=float(min((right - left) / grid[1], (bottom - top) / grid[0])),
        lines=list(np.array(lines)),
        view=(left, top, right, bottom),
    )
