"""What a network does to its grid between two graph layers: which convolutions and poolings ran there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from torch import nn

from viz_nodes.grids import Window


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


def between(ran: Sequence[tuple[str, Window | None]], layers: Sequence[str]) -> list[list[dict[str, Any]]]:
    """For each graph layer the windows that ran after it and before the next one, as plain data.

    Args:
        ran: name and window (or None) of the modules in the order they ran.
        layers: module paths of all graph convolutions, in the order of the network.

    Raises:
        ValueError: a layer did not run, or not once.
    """
    order = [name for name, _ in ran if name in set(layers)]
    if order != list(layers):
        raise ValueError(f"every graph layer must run once, in order (ran {order}, expected {list(layers)})")
    steps: list[list[dict[str, Any]]] = [[] for _ in layers]
    at = -1
    for name, window in ran:
        if at + 1 < len(layers) and name == layers[at + 1]:
            at += 1
        elif window is not None and at >= 0:
            steps[at].append({key: list(value) for key, value in asdict(window).items()})
    return steps


def windows_between(ran: Sequence[tuple[str, nn.Module]], layers: Sequence[str]) -> dict[str, Any]:
    """What `viz_nodes.reach` needs to know of the operations between graph layers; nothing where they run in loops.

    Args:
        ran: path and module in the order they ran.
        layers: module paths of all graph convolutions, in the order of the network.
    """
    try:
        return {"between": between([(name, window_of(module)) for name, module in ran], layers)}
    except ValueError:
        return {}
