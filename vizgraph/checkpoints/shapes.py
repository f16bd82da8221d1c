"""What the shapes of a state dict say about the network it was made for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vizgraph.checkpoints.catalog import ARCHITECTURES
from vizgraph.models._filter import CLASSIFIER, FIRST_CONV
from vizgraph.models.layout import Layout


@dataclass(frozen=True)
class Build:
    """What the shapes of a state dict say about the network it was made for.

    Attributes:
        family: "graphconvnet" or "vig".
        pyramid: whether it is laid out as a pyramid.
        channels, blocks: of each stage.
    """

    family: str
    pyramid: bool
    channels: tuple[int, ...]
    blocks: tuple[int, ...]

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Build:
        """Read it off a state dict in the project's layout."""
        widths: dict[int, int | None] = {}
        pyramid = False
        for key, value in state.items():
            match = re.match(r"backbone\.(\d+)\.(0\.)?(?:grapher|FFN)\.(.+)", key)
            if match is None:
                continue
            block = int(match[1])
            widths.setdefault(block, None)
            if match[3] == "fc2.0.weight" and value.ndim > 0:  # C rows in the Grapher and in the FFN alike
                widths[block] = value.shape[0]
            pyramid = pyramid or match[2] is not None
        channels: list[int] = []
        blocks: list[int] = []
        for _, width in sorted(widths.items()):
            if channels and width in (channels[-1], None):
                blocks[-1] += 1
            else:
                channels.append(width or 0)
                blocks.append(1)
        bottleneck = any(".res_block." in key for key in state)
        return cls("graphconvnet" if bottleneck else "vig", pyramid, tuple(channels), tuple(blocks))

    @classmethod
    def named(cls, arch: str) -> Build:
        """That of an architecture."""
        known = ARCHITECTURES[arch]
        return cls(known.family, known.pyramid, known.channels, known.blocks)

    def arch(self) -> str | None:
        """The architecture of this build, None where there is none."""
        return next((name for name in ARCHITECTURES if self == Build.named(name)), None)

    def __str__(self) -> str:
        family = ("Pyramid " if self.pyramid else "") + ("GraphConvNet" if self.family == "graphconvnet" else "ViG")
        widths, depths = "-".join(map(str, self.channels)), "-".join(map(str, self.blocks))
        return f"{family} of {depths} blocks, {widths} channels"


def layout_of(arch: str) -> Layout:
    """The layout of an architecture."""
    known = ARCHITECTURES[arch]
    if known.pyramid:
        return Layout.pyramid(known.channels, known.blocks)
    return Layout.isotropic(known.channels[0], known.blocks[0])


def classes_of(state: Mapping[str, Tensor]) -> int | None:
    """Number of classes of a head, None where there is none."""
    weight = state.get(CLASSIFIER[0])
    return int(weight.shape[0]) if weight is not None and weight.ndim > 0 else None


def options_of(arch: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The network's options that show in the shapes: image channels, input size, the kinds of graph convolution."""
    options: dict[str, Any] = {}
    stem = state.get(FIRST_CONV)
    if stem is not None and stem.ndim == 4 and stem.shape[1] != 3:
        options["in_chans"] = int(stem.shape[1])
    position, layout = state.get("pos_embed"), layout_of(arch)
    usual = layout.grids(224)[0]
    if position is not None and position.ndim == 4 and tuple(position.shape[-2:]) != usual:
        rows, cols = (int(n) for n in position.shape[-2:])
        relative = state.get("backbone.0.0.grapher.relative_pos")
        if not layout.relative_pos or (relative is not None and tuple(relative.shape[1:2]) == (rows * cols,)):
            options["img_size"] = (rows * layout.patch, cols * layout.patch)
    if any(".gconv.nn1." in key for key in state):
        options["conv"] = "sage"
    elif any(key.endswith(".gconv.eps") for key in state):
        options["conv"] = "gin"
    return options
