"""Where nodes are: node number <-> pixels of the input, and back to the original image.

Node row * W + col of an (H, W) grid is the patch at (row, col).

Pixels are continuous, (0, 0) the top left corner of the image and (width, height) its bottom right one, so the first
patch of 16 pixels spans 0 to 16 and its center is 8. A `view` is the part of a larger image that the network saw, as
(left, top, right, bottom) in that image's pixels; None means all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Grid = tuple[int, int]
View = tuple[float, float, float, float]

NO_EDGE = -1
"""In `neighbors`: this place holds no edge (graphs whose nodes have unequal numbers of neighbors)."""
NO_PEAK = -1
"""In `peak`: the map is blank, no node may be called the most discriminative one."""


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


def node_of_pixel(grid: Grid, size: tuple[int, int]) -> np.ndarray:
    """(height, width) int64, the node whose box holds the middle of each pixel."""
    rows = ((np.arange(size[0]) + 0.5) * grid[0] / size[0]).astype(np.int64)
    cols = ((np.arange(size[1]) + 0.5) * grid[1] / size[1]).astype(np.int64)
    return rows[:, None] * grid[1] + cols[None, :]


def covering(grid: Grid, other: Grid) -> np.ndarray:
    """(N,) int64, the node of another grid over the same image in which the middle of each node of a grid lies.

    Example:
        From 4 x 4 nodes to the 2 x 2 they are pooled to: 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3.
    """
    rows, cols = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    # Whole numbers: (row + 1/2) / H * H' without rounding.
    down, right = (2 * rows + 1) * other[0] // (2 * grid[0]), (2 * cols + 1) * other[1] // (2 * grid[1])
    return np.asarray(down * other[1] + right, dtype=np.int64)


@dataclass(frozen=True)
class Window:
    """A spatial operation between two graph layers: what an output node hears of the grid before it, as (rows, cols).

    Output (r, c) hears input rows r * stride - padding + i * dilation for i = 0 .. kernel - 1, columns likewise.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def heard(self, mask: np.ndarray, before: Grid) -> np.ndarray:
        """(H', W') bool, the nodes of the grid `before` it that any node in mask (H, W) hears."""
        heard = np.zeros(before, bool)
        rows, cols = np.nonzero(mask)
        for down in range(self.kernel[0]):
            for across in range(self.kernel[1]):
                r = rows * self.stride[0] - self.padding[0] + down * self.dilation[0]
                c = cols * self.stride[1] - self.padding[1] + across * self.dilation[1]
                inside = (r >= 0) & (r < before[0]) & (c >= 0) & (c < before[1])
                heard[r[inside], c[inside]] = True
        return heard


def through(windows: Sequence[Window], mask: np.ndarray, before: Grid) -> np.ndarray:
    """Back through operations in the order they ran, the first of which ran on a grid `before`."""
    sizes: list[Any] = [before]
    for window in windows[:-1]:
        sizes.append(
            tuple(
                (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
                for size, kernel, stride, pad, dilation in zip(
                    sizes[-1], window.kernel, window.stride, window.padding, window.dilation
                )
            )
        )
    for window, size in zip(reversed(windows), reversed(sizes)):
        mask = window.heard(mask, size)
    return mask
