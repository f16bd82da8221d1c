"""The network all families share: a stem, a position embedding, stages of graph blocks, a convolutional head.

One stage is an isotropic network (one grid throughout); several make a pyramid. What differs between families is the
block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.text import quoted
from vizgraph.layers import Downsample, Grapher, KNNGraph, Stem, resize_position
from vizgraph.layers.conv import activation
from vizgraph.models._recompute import WAYS, Way, recomputed
from vizgraph.models.layout import Grid, Layout, Options
from vizgraph.models.published import load_into

HEAD_CHANNELS = 1024
POOLS = ("avg", "max", "avgmax", "")
"""How the head brings (B, C, H, W) to one vector; "" keeps the map."""


class VisionGNN(nn.Module):
    """A vision graph network.

    Args:
        layout: stages, stem and how the graphs are built.
        block: makes a block from (channels, grapher, act, norm, drop_path).
        num_classes: classes; 0 for a network that ends in its 1024 pooled features.
        in_chans: channels of the image.
        img_size: input size in pixels that positions are made for. Other inputs are possible, their positions resized.
        global_pool: "avg", "max", "avgmax" (their mean), or "" for a map of logits.
        drop_rate: dropout before the classifier.
        drop_path_rate: stochastic depth of the last block; earlier ones less, in a line.
        **options: of all blocks, the fields of `Options`.
    """

    def __init__(
        self,
        layout: Layout,
        block: Callable[..., nn.Module],
        *,
        num_classes: int = 1000,
        in_chans: int = 3,
        img_size: int | tuple[int, int] = 224,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        self.layout, self.options = layout, Options(**options)
        self.num_classes, self.in_chans, self.drop_rate = num_classes, in_chans, drop_rate
        self.num_features, self.head_hidden_size = layout.channels[-1], HEAD_CHANNELS
        self.global_pool = _pool_named(global_pool)
        self.grad_checkpointing: Way | None = None
        self.pretrained_cfg: dict[str, Any] = {}

        act = self.options.act
        self.stem = Stem(in_chans, [width for width, _ in layout.stem], [stride for _, stride in layout.stem], act)
        grids = layout.grids(img_size)
        self.pos_embed = nn.Parameter(torch.zeros(1, layout.channels[0], *grids[0]))
        self.backbone = nn.Sequential()
        self.feature_info: list[dict[str, Any]] = []
        self._stage_ends: list[int] = []
        blocks = self._blocks(block, grids, drop_path_rate)
        for stage, count in enumerate(layout.blocks):
            if stage > 0:
                self.backbone.append(Downsample(layout.channels[stage - 1], layout.channels[stage]))
            for _ in range(count):
                self.backbone.append(next(blocks))
                if len(layout.blocks) == 1:
                    self._describe(stage)
            if len(layout.blocks) > 1:
                self._describe(stage)
        self.prediction = nn.Sequential(
            nn.Conv2d(self.num_features, HEAD_CHANNELS, 1),
            nn.BatchNorm2d(HEAD_CHANNELS),
            activation(act),
            nn.Dropout(drop_rate),
            self._classifier(num_classes),
        )
        self.apply(self._initialize)

    def _blocks(
        self, block: Callable[..., nn.Module], grids: Sequence[Grid], drop_path_rate: float
    ) -> Iterator[nn.Module]:
        """The blocks of all stages, each in a sequence of its own where the layout says so."""
        layout, options = self.layout, self.options
        neighbors, dilations = layout.neighbors(options.k), layout.dilations(options, grids[-1])
        drop_paths = layout.in_a_line(0, drop_path_rate)
        for j, stage in enumerate(layout.stages()):
            knn = KNNGraph(neighbors[j], dilations[j], options.use_stochastic, options.epsilon, layer=j + 1)
            grapher = Grapher(
                layout.channels[stage],
                knn,
                grids[stage],
                conv=options.conv,
                act=options.act,
                norm=options.norm,
                reduction=layout.reductions[stage],
                use_relative_pos=layout.relative_pos,
                drop_path=drop_paths[j],
            )
            built = block(layout.channels[stage], grapher, act=options.act, norm=options.norm, drop_path=drop_paths[j])
            yield nn.Sequential(built) if layout.wrapped else built

    def _describe(self, stage: int) -> None:
        """Name the last module so far as a place that features are taken from."""
        last = len(self.backbone) - 1
        self._stage_ends.append(last)
        reduction = self.layout.patch * 2**stage
        self.feature_info.append(
            {"num_chs": self.layout.channels[stage], "reduction": reduction, "module": f"backbone.{last}"}
        )

    @staticmethod
    def _classifier(num_classes: int) -> nn.Module:
        return nn.Conv2d(HEAD_CHANNELS, num_classes, 1) if num_classes > 0 else nn.Identity()

    @staticmethod
    def _initialize(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    @torch.jit.ignore  # type: ignore[untyped-decorator]
    def no_weight_decay(self) -> set[str]:
        """Parameters that are not to decay."""
        return {"pos_embed"}

    @torch.jit.ignore  # type: ignore[untyped-decorator]
    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Groups of parameters from the input to the head, for layer-wise learning rates."""
        return {"stem": r"^stem|^pos_embed", "blocks": [(r"^backbone\.(\d+)", None), (r"^prediction", (99999,))]}

    @torch.jit.ignore  # type: ignore[untyped-decorator]
    def set_grad_checkpointing(self, enable: bool | str = True) -> None:
        """Trade time for memory in training, with the same values, gradients and running statistics.

        Args:
            enable: True or "blocks" keeps only what goes from block to block; "activations" keeps also what the
                convolutions return and runs only the norms, activations and messages between them again, which is
                quicker; False keeps everything. Neighbors are never searched twice.
        """
        ways: dict[bool | str, Way | None] = {False: None, True: "blocks", **{way: way for way in WAYS}}
        if enable not in ways:
            raise ValueError(f"`enable` must be True, False, {' or '.join(map(repr, WAYS))} (got {quoted(enable)})")
        self.grad_checkpointing = ways[enable]

    @torch.jit.ignore  # type: ignore[untyped-decorator]
    def get_classifier(self) -> nn.Module:
        """The last convolution, an identity where there are no classes."""
        return self.prediction[-1]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Replace the last convolution by a new one of `num_classes` outputs (none for 0).

        Args:
            global_pool: as in the constructor; None leaves it as it is.
        """
        if global_pool is not None:
            self.global_pool = _pool_named(global_pool)
        self.num_classes = num_classes
        weight = next(self.prediction[0].parameters())
        classifier = self._classifier(num_classes).to(weight)
        self._initialize(classifier)
        self.prediction[-1] = classifier

    def load_pretrained(self, _source: str, _prefix: str = "") -> None:
        """Take the published weights: what timm calls where their source is not its own to read."""
        arch: str = self.pretrained_cfg["architecture"]
        load_into(self, arch)

    def _run(self, part: nn.Module, x: Tensor) -> Tensor:
        if self.grad_checkpointing and self.training:
            return recomputed(part, x, self.grad_checkpointing)
        result: Tensor = part(x)
        return result

    def _embed(self, x: Tensor) -> Tensor:
        x = self._run(self.stem, x) if self.grad_checkpointing == "activations" else self.stem(x)
        return x + resize_position(self.pos_embed, (x.shape[-2], x.shape[-1]))

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, in_chans, height, width) -> (B, C, H, W) of the last stage."""
        x = self._embed(x)
        for part in self.backbone:
            x = self._run(part, x)
        return x

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """(B, C, H, W) -> (B, num_classes), or the (B, 1024) features before the classifier.

        Without pooling the result keeps its height and width.
        """
        x = _pooled(x, self.global_pool)
        x = self.prediction[:-1](x) if pre_logits else self.prediction(x)
        return x.flatten(1) if self.global_pool else x

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_chans, height, width) -> (B, num_classes)."""
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
        """The features that `feature_info` lists, as timm's models give them: a stage's each, a block's if it is one.

        Args:
            x: (B, in_chans, height, width).
            indices: which of `feature_info`; the last n for an int, all for None.
            norm: not used, there is no last norm.
            stop_early: whether to leave out what comes after the last one chosen.
            output_fmt: "NCHW".
            intermediates_only: whether to return only the list.
        """
        if output_fmt != "NCHW":
            raise ValueError(f"`output_fmt` must be 'NCHW' (got {quoted(output_fmt)})")
        places = [self._stage_ends[index] for index in self._taken(indices)]
        features: dict[int, Tensor] = {}
        x = self._embed(x)
        for place, part in enumerate(self.backbone):
            if (stop_early or intermediates_only) and place > max(places):
                break
            x = self._run(part, x)
            features[place] = x
        chosen = [features[place] for place in places]
        return chosen if intermediates_only else (x, chosen)

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Remove what `forward_intermediates(indices=...)` does not need; the indices, counted from the first."""
        taken = self._taken(indices)
        self.backbone = self.backbone[: self._stage_ends[max(taken)] + 1]
        if prune_head:
            self.reset_classifier(0)
            self.prediction = nn.Sequential(*[nn.Identity() for _ in self.prediction])
        return taken

    def _taken(self, indices: int | Sequence[int] | None) -> list[int]:
        count = len(self.feature_info)
        if indices is None or isinstance(indices, int):
            last = count if indices is None else indices
            if not 1 <= last <= count:
                raise ValueError(f"`indices` must be between 1 and {count} for the last so many (got {quoted(last)})")
            return list(range(count - last, count))
        wrong = [index for index in indices if not -count <= index < count]
        if wrong or not indices:
            raise ValueError(f"`indices` must lie in [-{count}, {count}) (got {quoted(list(indices))})")
        return [index % count for index in indices]


def _pool_named(name: str) -> str:
    if name not in POOLS:
        raise ValueError(f"`global_pool` must be one of {', '.join(map(repr, POOLS))} (got {quoted(name)})")
    return name


def _pooled(x: Tensor, pool: str) -> Tensor:
    """(B, C, 1, 1) of (B, C, H, W), or `x` itself for ""."""
    if pool == "avg":
        return F.adaptive_avg_pool2d(x, 1)
    if pool == "max":
        return F.adaptive_max_pool2d(x, 1)
    if pool == "avgmax":
        return (F.adaptive_avg_pool2d(x, 1) + F.adaptive_max_pool2d(x, 1)) / 2
    return x
