"""What a node does on its own, or with the nodes beside it: the feed-forward network and GraphConvNet's bottleneck."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from vizgraph.layers.conv import activation, conv1x1_norm


class FFN(nn.Module):
    """1x1 C -> 4C, activation, 1x1 4C -> C, drop path, plus the input; each convolution with its norm."""

    def __init__(self, channels: int, *, act: str = "gelu", norm: str = "batch", drop_path: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Sequential(*conv1x1_norm(channels, 4 * channels, norm))
        self.act = activation(act)
        self.fc2 = nn.Sequential(*conv1x1_norm(4 * channels, channels, norm))
        self.drop_path = StochasticDepth(drop_path, mode="row")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.drop_path(self.fc2(self.act(self.fc1(x)))) + x
        return result


class Bottleneck(nn.Module):
    """1x1 C -> C/4, 3x3, 1x1 -> C, BatchNorm after each and ReLU between, plus the input; no biases, no last ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        result: Tensor = self.bn3(self.conv3(y)) + x
        return result
