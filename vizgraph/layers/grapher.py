"""The Grapher: a dynamic graph convolution between two 1x1 convolutions, with a residual."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from vizgraph.layers.conv import conv1x1_norm
from vizgraph.layers.graph_conv import DynamicGraphConv
from vizgraph.layers.knn import KNNGraph
from vizgraph.layers.pos_embed import relative_position


class Grapher(nn.Module):
    """fc1 (C -> C), graph convolution (C -> 2C), fc2 (2C -> C), drop path, plus the input.

    Args:
        channels: C.
        knn: chooses the neighbors.
        grid: (H, W) at the size the network is built for, for `relative_pos`.
        reduction: r; keys are pooled by r.
        use_relative_pos: whether the layer has the fixed position term of the pyramids.
    """

    def __init__(
        self,
        channels: int,
        knn: KNNGraph,
        grid: tuple[int, int],
        *,
        conv: str = "mr",
        act: str = "gelu",
        norm: str = "batch",
        reduction: int = 1,
        use_relative_pos: bool = False,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.relative_pos = None
        if use_relative_pos:
            position = relative_position(channels, grid, reduction).to(torch.get_default_device())
            self.relative_pos = nn.Parameter(position, requires_grad=False)
        self.fc1 = nn.Sequential(*conv1x1_norm(channels, channels, norm))
        self.graph_conv = DynamicGraphConv(channels, 2 * channels, knn, conv, act, norm, reduction)
        self.fc2 = nn.Sequential(*conv1x1_norm(2 * channels, channels, norm))
        self.drop_path = StochasticDepth(drop_path, mode="row")

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        position = self._position(height * width, (height // self.reduction) * (width // self.reduction))
        result: Tensor = self.drop_path(self.fc2(self.graph_conv(self.fc1(x), position))) + x
        return result

    def _position(self, nodes: int, keys: int) -> Tensor | None:
        """`relative_pos` (1, N, M), resized for another input size as the published networks do."""
        if self.relative_pos is None or self.relative_pos.shape[1:] == (nodes, keys):
            return self.relative_pos
        return F.interpolate(self.relative_pos[None], size=(nodes, keys), mode="bicubic")[0]
