"""What tells one architecture from another, and what all of one architecture's blocks have in common, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from viz_nodes.text import quoted

Grid = tuple[int, int]


@dataclass(frozen=True)
class Options:
    """How every block of a network is made.

    Attributes:
        k: neighbors; isotropic networks grow from k to 2 k.
        conv: graph convolution, "mr", "edge", "sage" or "gin".
        act: activation, "gelu", "relu", "leakyrelu", "silu" or "hswish".
        norm: norm of the blocks' 1x1 convolutions, "batch", "instance" or "none".
        use_dilation: whether deeper blocks choose from a wider neighborhood.
        use_stochastic: whether training sometimes draws neighbors at random from the k * d nearest.
        epsilon: how often it does.
    """

    k: int = 9
    conv: str = "mr"
    act: str = "gelu"
    norm: str = "batch"
    use_dilation: bool = True
    use_stochastic: bool = False
    epsilon: float = 0.2

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"`k` must be at least 1 (got {quoted(self.k)})")


@dataclass(frozen=True)
class Layout:
    """Stages, stem and graphs of an architecture. Made by `isotropic` or `pyramid`.

    Attributes:
        channels: C of each stage.
        blocks: number of blocks of each stage.
        reductions: key reduction r of each stage.
        stem: (output channels, stride) of each convolution of the stem.
        growth: neighbors of the last block over those of the first.
        relative_pos: whether distances have the fixed position term.
        wrapped: whether each block stands in a sequence of its own, which shows in the keys of a state dict.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    reductions: tuple[int, ...] = field(kw_only=True)
    stem: tuple[tuple[int, int], ...] = field(kw_only=True)
    growth: float = field(kw_only=True)
    relative_pos: bool = field(kw_only=True)
    wrapped: bool = field(kw_only=True)

    @classmethod
    def isotropic(cls, channels: int, blocks: int) -> Layout:
        """One grid of patches of 16 pixels, k growing to 2 k."""
        widths = (channels // 8, channels // 4, channels // 2, channels, channels)
        return cls(
            (channels,),
            (blocks,),
            reductions=(1,),
            stem=tuple(zip(widths, (2, 2, 2, 2, 1), strict=True)),
            growth=2.0,
            relative_pos=False,
            wrapped=False,
        )

    @classmethod
    def pyramid(cls, channels: tuple[int, ...], blocks: tuple[int, ...]) -> Layout:
        """Four grids from patches of 4 pixels on, keys pooled in the first two, the same k everywhere."""
        first = channels[0]
        return cls(
            channels,
            blocks,
            reductions=(4, 2, 1, 1),
            stem=((first // 2, 2), (first, 2), (first, 1)),
            growth=1.0,
            relative_pos=True,
            wrapped=True,
        )

    @property
    def patch(self) -> int:
        """Side of a node of the first stage, in pixels."""
        return math.prod(stride for _, stride in self.stem)

    @property
    def depth(self) -> int:
        """Blocks of all stages."""
        return sum(self.blocks)

    def stages(self) -> Iterator[int]:
        """The stage of each block."""
        for stage, count in enumerate(self.blocks):
            yield from [stage] * count

    def grids(self, img_size: int | tuple[int, int]) -> list[Grid]:
        """(H, W) of each stage for an input of `img_size` pixels: a convolution of stride 2 rounds up."""
        size: Grid = (img_size, img_size) if isinstance(img_size, int) else (img_size[0], img_size[1])
        halvings = sum(stride == 2 for _, stride in self.stem)
        grids: list[Grid] = []
        for stage in range(len(self.channels)):
            for _ in range(halvings if stage == 0 else 1):
                size = ((size[0] + 1) // 2, (size[1] + 1) // 2)
            grids.append(size)
        return grids

    def neighbors(self, k: int) -> list[int]:
        """Neighbors kept by each block, in a line from `k` to `growth` times as many, cut to whole numbers."""
        return [int(number) for number in self.in_a_line(k, self.growth * k)]

    def in_a_line(self, first: float, last: float) -> list[float]:
        """A number for each block, in float32 as the published networks have it; never on the device `meta`."""
        numbers: list[float] = torch.linspace(first, last, self.depth, device="cpu").tolist()
        return numbers

    def dilations(self, options: Options, last: Grid) -> list[int]:
        """d of each block; every fourth block one more, as long as `last`, the last stage's grid, has the nodes."""
        if not options.use_dilation:
            return [1] * self.depth
        widest = max(1, last[0] * last[1] // max(self.neighbors(options.k)))
        return [min(block // 4 + 1, widest) for block in range(self.depth)]
