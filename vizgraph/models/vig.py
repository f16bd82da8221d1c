"""ViG and Pyramid ViG.

Han, Wang, Guo, Tang, Wu: "Vision GNN: An Image is Worth Graph of Nodes", NeurIPS 2022, arXiv 2206.00272.
"""

from __future__ import annotations

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from vizgraph.layers import FFN, Grapher
from vizgraph.models._build import build, pretrained_cfg
from vizgraph.models.layout import Layout

__all__ = ["ViGBlock"]


class ViGBlock(nn.Module):
    """FFN(Grapher(x))."""

    def __init__(
        self, channels: int, grapher: Grapher, *, act: str = "gelu", norm: str = "batch", drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.grapher = grapher
        self.FFN = FFN(channels, act=act, norm=norm, drop_path=drop_path)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.FFN(self.grapher(x))
        return result


_RELEASES = "https://github.com/huawei-noah/Efficient-AI-Backbones/releases/download/"


def _cfg(file: str, **kwargs: Any) -> dict[str, Any]:
    return pretrained_cfg(_RELEASES + file, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), **kwargs)


default_cfgs = generate_default_cfgs(
    {
        "vig_ti.in1k": _cfg("vig/vig_ti_74.5.pth"),
        "vig_s.in1k": _cfg("vig/vig_s_80.6.pth"),
        "vig_b.in1k": _cfg("vig/vig_b_82.6.pth"),
        "pvig_ti.in1k": _cfg("pyramid-vig/pvig_ti_78.5.pth.tar", pool_size=(7, 7)),
        "pvig_s.in1k": _cfg("pyramid-vig/pvig_s_82.1.pth.tar", pool_size=(7, 7)),
        "pvig_m.in1k": _cfg("pyramid-vig/pvig_m_83.1.pth.tar", pool_size=(7, 7)),
        "pvig_b.in1k": _cfg("pyramid-vig/pvig_b_83.66.pth.tar", pool_size=(7, 7), crop_pct=0.95),
        "vig_demo.scenes": pretrained_cfg(num_classes=10, crop_pct=1.0),
    }
)


def _build(variant: str, layout: Layout, pretrained: bool, **kwargs: Any) -> nn.Module:
    return build(variant, layout, ViGBlock, pretrained, **kwargs)


def _pyramid(channels: tuple[int, ...], third_stage: int) -> Layout:
    return Layout.pyramid(channels, (2, 2, third_stage, 2))


@register_model
def vig_ti(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("vig_ti", Layout.isotropic(192, 12), pretrained, **kwargs)


@register_model
def vig_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("vig_s", Layout.isotropic(320, 16), pretrained, **kwargs)


@register_model
def vig_b(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("vig_b", Layout.isotropic(640, 16), pretrained, **kwargs)


@register_model
def pvig_ti(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("pvig_ti", _pyramid((48, 96, 240, 384), 6), pretrained, **kwargs)


@register_model
def pvig_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("pvig_s", _pyramid((80, 160, 400, 640), 6), pretrained, **kwargs)


@register_model
def pvig_m(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("pvig_m", _pyramid((96, 192, 384, 768), 16), pretrained, **kwargs)


@register_model
def pvig_b(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    return _build("pvig_b", _pyramid((128, 256, 512, 1024), 18), pretrained, **kwargs)


@register_model
def vig_demo(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """A ViG as wide and as deep as `gcn_demo`, with its graph, for the bundled scenes."""
    defaults = {"num_classes": 10, "k": 4, "use_dilation": False}
    return _build("vig_demo", Layout.isotropic(64, 6), pretrained, **{**defaults, **kwargs})
