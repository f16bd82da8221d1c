"""From pixels to nodes, and from one stage's nodes to the next's."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vizgraph.layers.conv import activation


class Stem(nn.Module):
    """3x3 convolutions with BatchNorm, the activation between them; strides multiply to the patch size.

    Args:
        in_chans: channels of the image.
        channels: outputs of the convolutions.
        strides: their strides.
    """

    def __init__(self, in_chans: int, channels: Sequence[int], strides: Sequence[int], act: str = "gelu") -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip([in_chans, *channels[:-1]], channels, strides, strict=True):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), activation(act)]
        self.convs = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_chans, height, width) -> (B, C, H, W)."""
        result: Tensor = self.convs(x)
        return result


class Downsample(nn.Module):
    """A 3x3 convolution of stride 2 with BatchNorm, between two stages of a pyramid."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, 2, padding=1), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return result
