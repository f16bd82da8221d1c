"""Patches: the regions of a grid over the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from viz_nodes import grids
from viz_nodes.arguments import require_pair
from viz_nodes.grids import Grid
from viz_nodes.places.base import NOBODY, Array, Places, corners_of


@dataclass(frozen=True, eq=False)
class GridPlaces(Places):
    """The patches of an (H, W) grid, node row * W + col.

    Attributes:
        grid: (H, W).
        size: (height, width) of the image.
    """

    kind: ClassVar[str] = "grid"
    grid: Grid
    size: tuple[int, int]

    def __post_init__(self) -> None:
        require_pair("grid", self.grid)
        self._set_size(self.size)

    @property
    def num_nodes(self) -> int:
        return self.grid[0] * self.grid[1]

    def label_map(self, shape: tuple[int, int] | None = None) -> Array:
        return grids.node_of_pixel(self.grid, self.size if shape is None else shape)

    def at(self, x: float, y: float) -> int:
        (height, width), (rows, cols) = self.size, self.grid
        if not (0 <= x <= width and 0 <= y <= height):
            return NOBODY
        return min(rows - 1, int(y / height * rows + 1e-6)) * cols + min(cols - 1, int(x / width * cols + 1e-6))

    @cached_property
    def pitch(self) -> float:
        """Pixels from a node to the next, the smaller of across and down."""
        return min(self.size[0] / self.grid[0], self.size[1] / self.grid[1])

    def arrays(self) -> dict[str, Array]:
        return {"grid": np.array(self.grid)}

    @cached_property
    def _centers(self) -> Array:
        return grids.centers(self.grid, self.size)

    @cached_property
    def _boxes(self) -> Array:
        return grids.boxes(self.grid, self.size)

    @property
    def _outlines(self) -> list[list[Array]]:
        return [[corners] for corners in corners_of(self._boxes)]
