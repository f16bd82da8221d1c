"""Where nodes are: node number <-> (row, col) <-> pixels of the input, and back to the original image.

Pixels are continuous, (0, 0) the top left corner of the image and (width, height) its bottom right one, so the first
patch of 16 pixels spans 0 to 16 and its center is 8. A `view` is the part of a larger image that the network saw, as
(left, top, right, bottom) in that image's pixels; None means all of it.
"""

from __future__ import annotations

import numpy as np

Grid = tuple[int, int]
View = tuple[float, float, float, float]


def node_of(row: int, col: int, grid: Grid) -> int:
    """Number of the node at (row, col) of an (H, W) grid: row * W + col."""
    if not (0 <= row < grid[0] and 0 <= col < grid[1]):
        raise ValueError(f"(row, col) must lie in a grid of {grid} (got {(row, col)})")
    return row * grid[1] + col


def row_col(node: int, grid: Grid) -> tuple[int, int]:
    """(row, col) of a node of an (H, W) grid."""
    if not 0 <= node < grid[0] * grid[1]:
        raise ValueError(f"`node` must lie in [0, {grid[0] * grid[1]}) for a grid of {grid} (got {node})")
    return divmod(node, grid[1])


def boxes(grid: Grid, size: tuple[int, int], view: View | None = None) -> np.ndarray:
    """Pixel boxes of all nodes, (N, 4) as left, top, right, bottom.

    Args:
        grid: (H, W) nodes; a key grid gives the larger boxes of the key nodes.
        size: (height, width) of the image in pixels.
        view: the part of that image which the network saw.
    """
    left, top, right, bottom = view if view is not None else (0.0, 0.0, float(size[1]), float(size[0]))
    xs = np.linspace(left, right, grid[1] + 1)
    ys = np.linspace(top, bottom, grid[0] + 1)
    rows, cols = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    return np.stack([xs[cols], ys[rows], xs[cols + 1], ys[rows + 1]], axis=1)


def centers(grid: Grid, size: tuple[int, int], view: View | None = None) -> np.ndarray:
    """Pixel centers of all nodes, (N, 2) as x, y; arguments as `boxes`."""
    box = boxes(grid, size, view)
    return np.stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2], axis=1)
