"""What a network does to its grid between two graph layers, gathered while it ran; `graphs.windows` reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

Window = dict[str, list[int]]
"""`kernel`, `stride`, `padding`, `dilation` of a spatial operation, (rows, cols) each."""


def window_of(module: nn.Module) -> Window | None:
    """The window of a convolution or pooling; None where it hears one node only."""
    if not isinstance(module, (nn.Conv2d, nn.AvgPool2d, nn.MaxPool2d)):
        return None
    window: Window = {}
    for name, usual in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1)):
        value: Any = getattr(module, name, usual)
        if isinstance(value, str):  # the padding of a convolution
            sides = zip(module.dilation, module.kernel_size)  # type: ignore[arg-type]
            value = tuple(d * (k - 1) // 2 for d, k in sides) if value == "same" else 0
        window[name.removesuffix("_size")] = list(value) if isinstance(value, tuple) else [value, value]
    return None if window["kernel"] == window["stride"] == [1, 1] else window


def between(ran: Sequence[tuple[str, nn.Module]], layers: Sequence[str]) -> list[list[Window]] | None:
    """For each graph layer the windows that ran after it and before the next one.

    Args:
        ran: modules in the order in which they ran, by name.
        layers: module paths of all graph convolutions, in the order of the network.

    Returns:
        None where a layer did not run once, in order.
    """
    known = set(layers)
    if [name for name, _ in ran if name in known] != list(layers):
        return None
    found: list[list[Window]] = [[] for _ in layers]
    at = -1
    for name, module in ran:
        if at + 1 < len(layers) and name == layers[at + 1]:
            at += 1
        elif at >= 0 and (window := window_of(module)) is not None:
            found[at].append(window)
    return found
