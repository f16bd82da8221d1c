"""Where the nodes of a layer lie on a picture: painters ask this, and do no arithmetic with rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viz_nodes.explanation import LayerExplanation
from viz_nodes.grids import Grid, View, boxes


@dataclass(frozen=True, eq=False)
class Places:
    """The regions of nodes in pixels of the image shown.

    Attributes:
        centers: (N, 2) x, y.
        boxes: (N, 4) left, top, right, bottom of each region.
        pitch: pixels between two neighboring nodes, the smaller of across and down.
        lines: (L, 2, 2) what parts the regions, from and to; one line for many where they are a grid.
    """

    centers: np.ndarray
    boxes: np.ndarray
    pitch: float
    lines: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """(N, 4, 2) corner points, clockwise on the page."""
        left, top, right, bottom = self.boxes.T
        return np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)


def places_of(layer: LayerExplanation, size: tuple[int, int], view: View | None, *, keys: bool = False) -> Places:
    """The regions of a layer's nodes, or of its key nodes.

    Args:
        size: (height, width) of the image shown.
        view: the part of it that the network saw.
        keys: those that `neighbors` indexes.
    """
    return grid_places(layer.key_grid if keys else layer.grid, size, view)


def grid_places(grid: Grid, size: tuple[int, int], view: View | None) -> Places:
    """The regions of the nodes of a grid."""
    box = boxes(grid, size, view)
    left, top, right, bottom = box[0, 0], box[0, 1], box[-1, 2], box[-1, 3]
    xs, ys = np.linspace(left, right, grid[1] + 1), np.linspace(top, bottom, grid[0] + 1)
    lines = [[(x, top), (x, bottom)] for x in xs] + [[(left, y), (right, y)] for y in ys]
    return Places(
        centers=np.stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2], axis=1),
        boxes=box,
        pitch=float(min((right - left) / grid[1], (bottom - top) / grid[0])),
        lines=np.array(lines),
    )
