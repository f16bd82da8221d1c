"""From a registered name to a network, by timm's own `build_model_with_cfg`.

Published weights come through `VisionGNN.load_pretrained`, which timm calls for a source that is not its own. Any other
source (`pretrained_cfg_overlay=dict(file=...)`, `hf-hub:`, `local-dir:`, another address) is timm's to read, and
`_filter.checkpoint_filter_fn` brings what it holds into the networks' own layout.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from vizgraph.models._filter import checkpoint_filter_fn
from vizgraph.models.layout import Layout
from vizgraph.models.vision_gnn import VisionGNN

_OURS = "the published weights"
_OTHER_SOURCES = ("file", "state_dict", "hf_hub_id", "hf_hub_filename")


def pretrained_cfg(url: str = "", **kwargs: Any) -> dict[str, Any]:
    """timm's description of a set of weights, with what the networks here have in common."""
    return {
        "url": url,
        "num_classes": 1000,
        "input_size": (3, 224, 224),
        "pool_size": (14, 14),
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "first_conv": "stem.convs.0",
        "classifier": "prediction.4",
        **kwargs,
    }


def build(
    variant: str,
    layout: Layout,
    block: Callable[..., nn.Module],
    pretrained: bool = False,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    **kwargs: Any,
) -> nn.Module:
    """Build a registered architecture the way timm's entrypoints do.

    Args:
        pretrained: whether to load weights: the published ones, or those that `kwargs` name in timm's words.
        device, dtype: of the parameters; "meta" allocates nothing.
        **kwargs: of `build_model_with_cfg` and of `VisionGNN`.
    """
    from timm.models import build_model_with_cfg
    from timm.models._builder import pretrained_cfg_for_features

    ours = pretrained and not _names_weights(variant, kwargs)
    if ours:
        overlay = kwargs.pop("pretrained_cfg_overlay", None) or {}
        kwargs["pretrained_cfg_overlay"] = {**overlay, "file": _OURS, "custom_load": True}
    # What timm takes by default: the last three blocks of a network of one grid, as of its ViTs, or every stage.
    features = {"feature_cls": "getter", "out_indices": tuple(range(len(layout.blocks))) if layout.wrapped else 3}
    with contextlib.nullcontext() if device is None else torch.device(device):
        model: Any = build_model_with_cfg(
            functools.partial(VisionGNN, layout, block),
            variant,
            pretrained,
            feature_cfg=features,
            pretrained_filter_fn=checkpoint_filter_fn,
            **kwargs,
        )
    network: Any = getattr(model, "model", model)
    for name in ("file", "custom_load") if ours else ():
        network.pretrained_cfg.pop(name, None)
    if network is not model:
        model.pretrained_cfg = model.default_cfg = pretrained_cfg_for_features(network.pretrained_cfg)
    result: nn.Module = model if dtype is None else model.to(dtype)
    return result


def _names_weights(variant: str, kwargs: dict[str, Any]) -> bool:
    """Whether the caller (or `hf-hub:`, `local-dir:` in the name) says where weights are to come from."""
    from timm.models import get_pretrained_cfg

    config = kwargs.get("pretrained_cfg")
    if config is not None and not isinstance(config, (str, dict)):
        config = vars(config)
    named = {**(config if isinstance(config, dict) else {}), **(kwargs.get("pretrained_cfg_overlay") or {})}
    if named.get("source") in ("hf-hub", "local-dir") or any(named.get(name) for name in _OTHER_SOURCES):
        return True
    known = get_pretrained_cfg(variant)
    return bool(named.get("url")) and named["url"] != getattr(known, "url", None)
