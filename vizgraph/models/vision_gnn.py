"""The network all families share: a stem, a position embedding, stages of graph blocks, a convolutional head.

One stage is an isotropic network (one grid throughout); several make a pyramid. What differs between families is the
block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import to_2tuple
from timm.models import build_model_with_cfg
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from vizgraph.layers import FFN, Downsample, Grapher, KNNGraph, Stem, resize_position
from vizgraph.layers.conv import activation
from vizgraph.layers.recompute import recomputed

HEAD_CHANNELS = 1024
RECOMPUTED = ("activations", "blocks")
"""What `set_grad_checkpointing` can leave to the backward pass."""


@dataclass(frozen=True)
class Sizes:
    """What tells one architecture of a family from another.

    Attributes:
        channels: C of each stage.
        blocks: number of blocks of each stage.
        reductions: key reduction r of each stage.
        pyramid: whether the network is laid out as a pyramid (patch 4, relative positions, k the same in all blocks)
            rather than isotropic (patch 16, k growing to 2 k).
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    reductions: tuple[int, ...] = (1,)
    pyramid: bool = False

    def stem(self) -> tuple[list[int], list[int]]:
        """Output channels and strides of the stem's convolutions."""
        c = self.channels[0]
        if self.pyramid:
            return [c // 2, c, c], [2, 2, 1]
        return [c // 8, c // 4, c // 2, c, c], [2, 2, 2, 2, 1]

    def neighbors(self, k: int) -> list[int]:
        """Neighbors kept by each block of the network."""
        depth = sum(self.blocks)
        return [k] * depth if self.pyramid else [int(n) for n in torch.linspace(k, 2 * k, depth)]


class VisionGNN(nn.Module):
    """A vision graph network.

    Args:
        sizes: channels and depths.
        block: makes a block from (channels, grapher, act, norm, drop_path).
        num_classes: classes; 0 for a network that ends in its 1024 pooled features.
        in_chans: channels of the image.
        img_size: input size in pixels that positions are made for. Other inputs are possible, their positions resized.
        k: neighbors (isotropic networks grow from k to 2 k).
        conv: graph convolution, "mr", "edge", "sage" or "gin".
        act: activation, "gelu", "relu", "leakyrelu", "silu" or "hswish".
        norm: norm of the blocks' 1x1 convolutions, "batch", "instance" or "none".
        use_dilation: whether deeper blocks choose from a wider neighborhood.
        use_stochastic: whether training sometimes draws neighbors at random from the k * d nearest.
        epsilon: how often it does.
        drop_rate: dropout before the classifier.
        drop_path_rate: stochastic depth of the last block; earlier ones less, in a line.
    """

    def __init__(
        self,
        sizes: Sizes,
        block: Callable[..., nn.Module],
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 224,
        k: int = 9,
        conv: str = "mr",
        act: str = "gelu",
        norm: str = "batch",
        use_dilation: bool = True,
        use_stochastic: bool = False,
        epsilon: float = 0.2,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"`k` must be at least 1 (got {k})")
        self.sizes, self.num_classes, self.in_chans, self.drop_rate = sizes, num_classes, in_chans, drop_rate
        self.num_features, self.head_hidden_size = sizes.channels[-1], HEAD_CHANNELS
        self.grad_checkpointing = False

        channels, strides = sizes.stem()
        self.stem = Stem(in_chans, channels, strides, act)
        grid = to_2tuple(img_size)
        for stride in strides:
            grid = tuple((side + 1) // stride if stride == 2 else side for side in grid)
        self.pos_embed = nn.Parameter(torch.zeros(1, sizes.channels[0], *grid))

        grids = [grid]
        for _ in sizes.channels[1:]:
            grids.append(tuple((side + 1) // 2 for side in grids[-1]))
        neighbors = sizes.neighbors(k)
        widest = max(1, grids[-1][0] * grids[-1][1] // max(neighbors))
        depth = sum(sizes.blocks)
        drop_path = torch.linspace(0, drop_path_rate, depth).tolist()

        self.backbone = nn.Sequential()
        self.feature_info: list[dict[str, Any]] = []
        stride, j = 4 if sizes.pyramid else 16, 0
        for stage, width in enumerate(sizes.channels):
            if stage > 0:
                self.backbone.append(Downsample(sizes.channels[stage - 1], width))
                stride *= 2
            for _ in range(sizes.blocks[stage]):
                dilation = min(j // 4 + 1, widest) if use_dilation else 1
                grapher = Grapher(
                    width,
                    KNNGraph(neighbors[j], dilation, use_stochastic, epsilon, layer=j + 1),
                    grids[stage],
                    conv=conv,
                    act=act,
                    norm=norm,
                    reduction=sizes.reductions[stage],
                    use_relative_pos=sizes.pyramid,
                    drop_path=drop_path[j],
                )
                made = block(width, grapher, act=act, norm=norm, drop_path=drop_path[j])
                self.backbone.append(nn.Sequential(made) if sizes.pyramid else made)
                j += 1
            self.feature_info.append(
                {"num_chs": width, "reduction": stride, "module": f"backbone.{len(self.backbone) - 1}"}
            )

        self.prediction = nn.Sequential(
            nn.Conv2d(self.num_features, HEAD_CHANNELS, 1),
            nn.BatchNorm2d(HEAD_CHANNELS),
            activation(act),
            nn.Dropout(drop_rate),
            self._classifier(num_classes),
        )
        self.apply(self._initialise)

    @staticmethod
    def _classifier(num_classes: int) -> nn.Module:
        return nn.Conv2d(HEAD_CHANNELS, num_classes, 1) if num_classes > 0 else nn.Identity()

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    @torch.jit.ignore
    def no_weight_decay(self) -> set[str]:
        return {"pos_embed"}

    @torch.jit.ignore
    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        return {"stem": r"^stem|^pos_embed", "blocks": [(r"^backbone\.(\d+)", None), (r"^prediction", (99999,))]}

    @torch.jit.ignore
    def set_grad_checkpointing(self, enable: bool | str = True) -> None:
        """Trade time for memory in training, with the same values, gradients and running statistics.

        Args:
            enable: True or "blocks" keeps only what goes from block to block; "activations" keeps also what the
                convolutions return and runs only the norms, activations and messages between them again, which is
                quicker; False keeps everything. Neighbors are never searched twice.
        """
        if enable not in (True, False, *RECOMPUTED):
            raise ValueError(f"`enable` must be True, False, {' or '.join(map(repr, RECOMPUTED))} (got {enable!r})")
        self.grad_checkpointing = enable in (True, "blocks")
        for module in self.modules():
            if isinstance(module, (Stem, Grapher, FFN)):
                module.recompute = enable == "activations"

    @torch.jit.ignore
    def get_classifier(self) -> nn.Module:
        return self.prediction[-1]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last convolution by a new one of `num_classes` outputs (none for 0)."""
        if global_pool not in (None, "avg"):
            raise ValueError(f"`global_pool` must be 'avg' (got {global_pool!r})")
        self.num_classes = num_classes
        weight = next(self.prediction[0].parameters())
        classifier = self._classifier(num_classes).to(weight)
        self._initialise(classifier)
        self.prediction[-1] = classifier

    def _embed(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x + resize_position(self.pos_embed, (x.shape[-2], x.shape[-1]))

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, height, width) -> (B, C, H, W) of the last stage."""
        x = self._embed(x)
        if not self.grad_checkpointing:
            return self.backbone(x)
        for block in self.backbone:
            x = recomputed(block, x, block)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """(B, C, H, W) -> (B, num_classes), or the (B, 1024) features before the classifier."""
        x = F.adaptive_avg_pool2d(x, 1)
        x = self.prediction[:-1](x) if pre_logits else self.prediction(x)
        return x.flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The outputs of chosen blocks (down-samplings not counted), as timm's models give them.

        Args:
            x: (B, in_chans, height, width).
            indices: which blocks; the last n for an int, all for None.
            norm: not used, there is no last norm.
            stop_early: whether to leave out the blocks after the last one chosen.
            output_fmt: "NCHW".
            intermediates_only: whether to return only the list.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"`output_fmt` must be 'NCHW' (got {output_fmt!r})")
        wanted = list(indices) if isinstance(indices, Sequence) else indices
        take, last = feature_take_indices(sum(self.sizes.blocks), wanted)
        kept, j = [], 0
        x = self._embed(x)
        for module in self.backbone:
            if stop_early and j > last:
                break
            x = module(x)
            if not isinstance(module, Downsample):
                if j in take:
                    kept.append(x)
                j += 1
        return kept if intermediates_only else (x, kept)


def pretrained_cfg(url: str = "", **kwargs: Any) -> dict[str, Any]:
    """timm's description of a set of weights, with what the networks here have in common."""
    return {
        "url": url,
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "pool_size": None,
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "first_conv": "stem.convs.0",
        "classifier": "prediction.4",
        **kwargs,
    }


def build(
    variant: str, sizes: Sizes, block: Callable[..., nn.Module], pretrained: bool = False, **kwargs: Any
) -> VisionGNN:
    """Build a registered architecture the way timm's entrypoints do; `pretrained` loads the published weights."""
    model = build_model_with_cfg(
        VisionGNN, variant, False, sizes=sizes, block=block, feature_cfg={"feature_cls": "getter"}, **kwargs
    )
    if pretrained:
        # The one place where a model asks for weights, because timm's `pretrained=True` arrives here.
        from vizgraph.checkpoints import CheckpointError, load_published

        try:
            load_published(model, variant)
        except CheckpointError as error:
            _refuse_until_loaded(model, error)
    return model


def _refuse_until_loaded(model: VisionGNN, reason: Exception) -> None:
    """Raise `reason` if the model is used before a state dict was loaded into it.

    The release's notebooks ask timm for `pretrained=True, checkpoint_path=...`: timm loads the file after this, and
    most of those weights cannot be had by a program.
    """

    def refuse(_model: nn.Module, _args: tuple) -> None:
        raise reason

    handle = model.register_forward_pre_hook(refuse)
    model.register_load_state_dict_post_hook(lambda _model, _keys: handle.remove())
