"""The 1x1 convolutions with their norm and activation, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from viz_nodes.text import quoted

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "leakyrelu": lambda: nn.LeakyReLU(0.2),
    "silu": nn.SiLU,
    "hswish": nn.Hardswish,
}
NORMS: dict[str, Callable[[int], nn.Module] | None] = {
    "batch": nn.BatchNorm2d,
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    "none": None,
}


def _named(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    if name not in table:
        raise ValueError(f"`{kind}` must be one of {', '.join(table)} (got {quoted(name)})")
    return table[name]


def activation(name: str) -> nn.Module:
    """A new activation module of this name."""
    result: nn.Module = _named("act", name, ACTIVATIONS)()
    return result


def norm(name: str, channels: int) -> nn.Module | None:
    """A new norm over (B, channels, H, W), None for "none"."""
    make = _named("norm", name, NORMS)
    return make(channels) if make is not None else None


def conv1x1_norm(in_channels: int, out_channels: int, norm_name: str = "batch", groups: int = 1) -> list[nn.Module]:
    """A 1x1 convolution with a bias, then the norm if there is one."""
    normed = norm(norm_name, out_channels)
    conv = nn.Conv2d(in_channels, out_channels, 1, groups=groups)
    return [conv] if normed is None else [conv, normed]
