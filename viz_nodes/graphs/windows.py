"""What a network does to its grid between two graph layers: convolutions and poolings that hear more than one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from viz_nodes.grids import Grid


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


def as_windows(plain: Sequence[Sequence[dict[str, Any]]]) -> list[list[Window]]:
    """Of `Explanation.extras["between"]`, the plain data that `viz_nodes.capture.spatial` gathered."""
    return [[Window(**{key: tuple(value) for key, value in one.items()}) for one in ones] for ones in plain]
