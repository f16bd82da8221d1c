"""Graphs inside (shifted) windows that are folded into the batch: WiGNet and its kin."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import EdgeTensor, Graph
from viz_nodes.capture.adapters.partition import Grid, Partition, shifted_windows
from viz_nodes.capture.calls import key_grid


class WindowedEdges(EdgeTensor):
    """WiGNet (Spadaro et al., WACV 2025): edges (2, B * windows, n, k) with places local to a window of n nodes.

    The grid is rolled by minus `shift_size`, an attribute of the module that takes the whole grid, and cut row by row.
    Whether that is so is checked on the features, and where it is not, the shift is searched for.
    """

    def partition(
        self, graph: Graph, window: Grid, enclosing: nn.Module, grid: Grid, features: Tensor | None
    ) -> Partition | None:
        if grid[0] % window[0] or grid[1] % window[1]:
            return None
        size = getattr(enclosing, "shift_size", 0)
        size = tuple(size) if isinstance(size, (tuple, list)) else (int(size), int(size))
        shift = size if features is None else self._shift(graph, window, grid, features, size)
        pooled = key_grid(window, graph.y.shape[2])
        keys = (grid[0] // window[0] * pooled[0], grid[1] // window[1] * pooled[1])
        place = size if shift is None else shift
        if place[0] * pooled[0] % window[0] or place[1] * pooled[1] % window[1]:
            return None  # a pooled key would lie across a border of the grid
        moved = (place[0] * pooled[0] // window[0], place[1] * pooled[1] // window[1])
        return Partition(
            shifted_windows(grid, window, place),
            shifted_windows(keys, pooled, moved),
            checked=features is not None and shift is not None,
        )

    @staticmethod
    def _shift(graph: Graph, window: Grid, grid: Grid, features: Tensor, configured: Grid) -> Grid | None:
        """The shift for which the windows hold the features of the whole grid, the one said first."""
        if features.shape[1] != graph.x.shape[1] or tuple(features.shape[2:]) != grid:
            return None
        whole = features.flatten(2)
        for shift in (configured, *itertools.product(range(window[0]), range(window[1]))):
            nodes = shifted_windows(grid, window, shift).to(whole.device)
            cut = whole[:, :, nodes].transpose(1, 2).reshape(graph.x.shape)
            if torch.equal(cut, graph.x):
                return shift
        return None
