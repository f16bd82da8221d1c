"""GraphConvNet and Pyramid GraphConvNet.

Li, Dai, Yi: "GraphConvNet", DSIT 2024, doi 10.1109/DSIT61374.2024.10880864. A ViG block followed by a convolutional
bottleneck, with a residual and a norm around all of it.
"""

from __future__ import annotations

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from vizgraph.layers import FFN, Bottleneck, Grapher
from vizgraph.models._build import build, pretrained_cfg
from vizgraph.models.layout import Layout

__all__ = ["GraphConvNetBlock"]


class GraphConvNetBlock(nn.Module):
    """bn(Bottleneck(FFN(Grapher(x))) + x)."""

    def __init__(
        self, channels: int, grapher: Grapher, *, act: str = "gelu", norm: str = "batch", drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.grapher = grapher
        self.FFN = FFN(channels, act=act, norm=norm, drop_path=drop_path)
        self.res_block = Bottleneck(channels)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.bn(self.res_block(self.FFN(self.grapher(x))) + x)
        return result


default_cfgs = generate_default_cfgs(
    {
        "graphconvnet_ti.in1k": pretrained_cfg(),
        "graphconvnet_s.in1k": pretrained_cfg(),
        "graphconvnetp_ti.in1k": pretrained_cfg(pool_size=(7, 7)),
        "graphconvnetp_s.in1k": pretrained_cfg(pool_size=(7, 7)),
        "gcn_demo.scenes": pretrained_cfg(num_classes=10, crop_pct=1.0),
    }
)


def _build(variant: str, layout: Layout, pretrained: bool, **kwargs: Any) -> nn.Module:
    return build(variant, layout, GraphConvNetBlock, pretrained, **kwargs)


@register_model
def graphconvnet_ti(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("graphconvnet_ti", Layout.isotropic(192, 12), pretrained, **kwargs)


@register_model
def graphconvnet_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("graphconvnet_s", Layout.isotropic(320, 16), pretrained, **kwargs)


@register_model
def graphconvnetp_ti(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    layout = Layout.pyramid((48, 96, 240, 384), (2, 2, 6, 2))
    return _build("graphconvnetp_ti", layout, pretrained, **kwargs)


@register_model
def graphconvnetp_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    layout = Layout.pyramid((80, 160, 400, 640), (2, 2, 6, 2))
    return _build("graphconvnetp_s", layout, pretrained, **kwargs)


@register_model
def gcn_demo(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """A GraphConvNet of about half a million parameters, for the bundled scenes.

    Its objects cover some twenty nodes, so that it asks fewer neighbors than its larger relatives, and near ones.
    """
    defaults = {"num_classes": 10, "k": 4, "use_dilation": False}
    return _build("gcn_demo", Layout.isotropic(64, 6), pretrained, **{**defaults, **kwargs})
