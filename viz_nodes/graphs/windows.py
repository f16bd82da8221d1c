"""What a network does to its grid between two graph layers: convolutions and poolings that hear more than one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

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


def window_of(module: nn.Module) -> Window | None:
    """The window of a convolution or pooling; None where it hears one node only."""
    if not isinstance(module, (nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d)):
        return None
    sizes: list[Any] = []
    for name, usual in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
        value: Any = getattr(module, name, usual)
        if value == "same":
            value = tuple(d * (k - 1) // 2 for d, k in zip(module.dilation, module.kernel_size))  # type: ignore[arg-type]
        elif value == "valid":
            value = 0
        sizes.append(tuple(value) if isinstance(value, tuple) else (value, value))
    window = Window(*sizes)
    return None if window.kernel == window.stride == (1, 1) else window


@contextmanager
def watch_windows(model: nn.Module) -> Iterator[list[tuple[str, Window | None]]]:
    """Lists, while a forward runs inside it, the modules in the order they ran: (name, window or None)."""
    ran: list[tuple[str, Window | None]] = []
    handles = []
    try:
        for name, module in model.named_modules():
            window = window_of(module)

            def note(_module, _inputs, name=name, window=window) -> None:
                ran.append((name, window))

            handles.append(module.register_forward_pre_hook(note))
        yield ran
    finally:
        for handle in handles:
            handle.remove()


def between(ran: Sequence[tuple[str, Window | None]], layers: Sequence[str]) -> list[list[dict[str, Any]]]:
    """For each graph layer the windows that ran after it and before the next one, as plain data.

    Args:
        ran: from `watch_windows`.
        layers: module paths of all graph convolutions, in the order of the network.

    Raises:
        ValueError: a layer did not run, or not once.
    """
    order = [name for name, _ in ran if name in set(layers)]
    if order != list(layers):
        raise ValueError(f"every graph layer must run once, in order (ran {order}, expected {list(layers)})")
    found: list[list[dict[str, Any]]] = [[] for _ in layers]
    at = -1
    for name, window in ran:
        if at + 1 < len(layers) and name == layers[at + 1]:
            at += 1
        elif window is not None and at >= 0:
            found[at].append({key: list(value) for key, value in asdict(window).items()})
    return found


def as_windows(plain: Sequence[Sequence[dict[str, Any]]]) -> list[list[Window]]:
    """Back from `between`'s plain data."""
    return [[Window(**{key: tuple(value) for key, value in one.items()}) for one in ones] for ones in plain]
