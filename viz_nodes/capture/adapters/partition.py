"""Windows folded into the batch, and back to the whole grid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Partition:
    """Where the nodes of folded windows lie: entry b * windows + w of the folded batch is window w of image b.

    Attributes:
        nodes: (windows, n) int64, the node of the whole grid at each place of a window.
        keys: (windows, m) int64, the same for key nodes.
        checked: whether the features in the windows were seen to be those of these nodes.
    """

    nodes: Tensor
    keys: Tensor
    checked: bool = True

    def to_grid(self, array: Tensor) -> Tensor:
        """(B * windows, n, ...) -> (B, N, ...) in the order of the whole grid."""
        windows, places = self.nodes.shape
        # Not -1: an array without any value, such as candidates where none were skipped, has no size to infer it from.
        joined = array.reshape(array.shape[0] // windows, windows * places, *array.shape[2:])
        whole = torch.empty_like(joined)
        whole[:, self.nodes.flatten().to(array.device)] = joined
        return whole

    def to_windows(self, array: Tensor) -> Tensor:
        """(B, N, ...) -> (B * windows, n, ...), the inverse of `to_grid`."""
        places = self.nodes.shape[1]
        joined = array[:, self.nodes.flatten().to(array.device)]
        return joined.reshape(-1, places, *array.shape[2:])

    def neighbors_on_grid(self, neighbors: Tensor) -> Tensor:
        """(B * windows, n, k) places in a window -> (B, N, k) key nodes of the whole grid; -1 stays."""
        windows = self.nodes.shape[0]
        keys = self.keys.to(neighbors.device)
        window = torch.arange(neighbors.shape[0], device=neighbors.device) % windows
        whole = keys[window[:, None, None], neighbors.clamp(min=0)]
        return self.to_grid(torch.where(neighbors < 0, neighbors, whole))


def shifted_windows(grid: Grid, window: Grid, shift: Grid = (0, 0)) -> Tensor:
    """(windows, n) int64 node at each place of each window, row by row, of a grid rolled by minus `shift`.

    Example:
        On a 4 x 4 grid with windows of 2 x 2 and a shift of 1, the first window holds nodes 5, 6, 9, 10, and the
        second, which wraps around, 7, 4, 11, 8.
    """
    rows = (torch.arange(grid[0]) + shift[0]) % grid[0]
    cols = (torch.arange(grid[1]) + shift[1]) % grid[1]
    nodes = rows[:, None] * grid[1] + cols[None]
    nodes = nodes.reshape(grid[0] // window[0], window[0], grid[1] // window[1], window[1])
    return nodes.transpose(1, 2).reshape(-1, window[0] * window[1])
