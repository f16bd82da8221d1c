"""A network with its weights: found or fetched, read, renamed, compared, loaded, and told its preprocessing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from vizgraph.checkpoints.catalog import BUNDLED, preprocessing
from vizgraph.checkpoints.devices import resolve_device
from vizgraph.checkpoints.loaded import Loaded, fitted_to, insert, prepare, with_own_classifier
from vizgraph.checkpoints.provenance import CheckpointInfo, Provenance
from vizgraph.checkpoints.shapes import classes_of, layout_of, options_of
from vizgraph.errors import CheckpointError, UsageError
from vizgraph.models import resolve
from vizgraph.models.layout import Options


def load_model(
    arch: str,
    checkpoint: str | os.PathLike[str] | None = None,
    *,
    num_classes: int | None = None,
    device: str | torch.device = "auto",
    ema: bool = True,
    sha256: str | None = None,
    **model_kwargs: Any,
) -> nn.Module:
    """A network with its weights, in eval mode on `device`; `model.checkpoint_info` says where they came from.

    The file may have any of the published key layouts, wrappers and prefixes; the layout is found from its keys.
    Preprocessing and labels that belong to the weights are in `model.pretrained_cfg`.

    Args:
        arch: timm name or short name.
        checkpoint: a file, or a folder with a `config.json`, as timm writes it ("local-dir:FOLDER", too); "hf-hub:"
            and the name of a repository; None for the published weights (in `ckpt/`, the user's cache, or
            downloaded); "demo" for what comes with the package (`gcn_demo`, `vig_demo`), "relation" for the
            same trained on scenes of two digits (docs/training.md); "random" for an untrained network, with a warning.
        num_classes: what the head must have; by default whatever the file has.
        device: "auto", "cpu", "cuda", "cuda:1", "mps" or a `torch.device`.
        ema: whether to prefer averaged weights where a file has both kinds.
        sha256: the file's SHA-256, or its first 8 digits or more; another file is refused.
        **model_kwargs: options of the network ("k", "conv", "drop_path_rate", ...), over those stored in the file.
            For another `img_size` positions are resized, for other `in_chans` the first convolution is adapted.

    Raises:
        CheckpointError: the weights cannot be had, read, or do not fit.
        UsageError: no such architecture or device.
    """
    arch = resolve(arch)
    place = resolve_device(device)
    if checkpoint == "random":
        model = _untrained(arch, num_classes, model_kwargs)
        if sha256 is not None:
            raise UsageError("`sha256` pins a file, and random weights have none")
        return model.eval().to(place)
    loaded = prepare(arch, checkpoint, ema, sha256)
    # Built without memory and given the file's tensors: nothing is initialized only to be written over.
    model = _build(arch, loaded, num_classes, {**model_kwargs, "device": "meta"})
    loaded = fitted_to(model, loaded, resize="in_chans" in model_kwargs or "img_size" in model_kwargs)
    insert(model, loaded, assign=True)
    _describe(model, arch, loaded)
    return model.eval().to(place)


def load_published(model: nn.Module, arch: str) -> None:
    """Put the published weights into a network of this architecture, as timm's `pretrained=True` does.

    Where the network has another number of classes than the weights, its classifier stays as it is; for another input
    positions are resized and the first convolution is adapted.

    Raises:
        CheckpointError: the weights cannot be had, read, or do not fit.
    """
    arch = resolve(arch)
    loaded = fitted_to(model, prepare(arch, None, True, None))
    loaded, _ = with_own_classifier(model, loaded)
    insert(model, loaded)
    _describe(model, arch, loaded)


def start_from(model: nn.Module, arch: str, checkpoint: str | os.PathLike[str]) -> str:
    """Put a file's weights into a network that is to be trained further, averaged ones where there are any.

    What does not suit the network is met as in `load_published`. What belongs to the weights besides (preprocessing,
    labels) is not taken over.

    Args:
        model: of the architecture `arch`.
        checkpoint: as in `load_model`.

    Returns:
        What the network starts from, in words.

    Raises:
        CheckpointError: the file cannot be read, or does not fit.
    """
    arch = resolve(arch)
    loaded = fitted_to(model, prepare(arch, checkpoint, True, None))
    loaded, renewed = with_own_classifier(model, loaded)
    insert(model, loaded)
    kind = "averaged weights" if loaded.ema else "weights"
    notes = [f"the {kind} of {checkpoint} ({loaded.remapped.layout} layout)"]
    if renewed:
        notes.append("with a new classifier")
    return ", ".join(notes)


def _untrained(arch: str, num_classes: int | None, model_kwargs: Mapping[str, Any]) -> nn.Module:
    warnings.warn(
        f"{arch} is untrained: its weights are random, so its answers and what explains them mean nothing", stacklevel=3
    )
    classes = {} if num_classes is None else {"num_classes": num_classes}
    model: Any = timm.create_model(arch, **{**classes, **model_kwargs})
    note = "untrained: the weights are random"
    model.checkpoint_info = CheckpointInfo(arch, "random", num_classes=model.num_classes, notes=(note,))
    model.pretrained_cfg.pop("tag", None)
    return model  # type: ignore[no-any-return]


def _build(arch: str, loaded: Loaded, num_classes: int | None, model_kwargs: Mapping[str, Any]) -> nn.Module:
    """The network that the file is for."""
    path, classes = loaded.path, classes_of(loaded.state)
    if num_classes is not None and classes is not None and num_classes != classes:
        raise CheckpointError(
            f"{path}: has a head of {classes} classes, not {num_classes}; leave `num_classes` out, and for a new head "
            f"call `model.reset_classifier({num_classes})` after loading"
        )
    options = {**options_of(arch, loaded.state), **loaded.own.model_kwargs, **model_kwargs}
    wanted = num_classes if num_classes is not None else classes
    if wanted is not None:
        options["num_classes"] = wanted
    _require_neighbors(path, arch, options, loaded.own)
    try:
        return timm.create_model(arch, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        if not loaded.own.model_kwargs and model_kwargs:
            raise
        raise CheckpointError(f"{path}: the network it is for cannot be built ({error}); it is damaged") from error


def _require_neighbors(path: Path, arch: str, options: Mapping[str, Any], own: Provenance) -> None:
    """A file must not ask for more neighbors than the nodes of the input that it says it is for."""
    if "k" not in own.model_kwargs or options["k"] != own.model_kwargs["k"]:
        return
    layout = layout_of(arch)
    size = own.data.get("input_size", (3, 224, 224))[1:]
    grids = layout.grids(tuple(size))
    blocks = Options(k=options["k"], use_dilation=options.get("use_dilation", True))
    asked = zip(layout.stages(), layout.neighbors(blocks.k), layout.dilations(blocks, grids[-1]), strict=True)
    for stage, neighbors, dilation in asked:
        keys = (grids[stage][0] // layout.reductions[stage]) * (grids[stage][1] // layout.reductions[stage])
        if neighbors * dilation > keys:
            raise CheckpointError(
                f"{path}: its entry asks for k = {blocks.k}, more neighbors than a layer has nodes at "
                f"{size[0]} x {size[1]} pixels ({keys}); it was not written by this version's training"
            )


def _describe(model: Any, arch: str, loaded: Loaded) -> None:
    """Write into the network what belongs to its weights: preprocessing, labels, and where they came from."""
    published = loaded.weights or preprocessing(arch, loaded.remapped.layout)
    own, classes = loaded.own, model.num_classes
    names, labels, notes = own.label_names, own.source, [*_notes(loaded), *loaded.notes]
    if names is not None and len(names) != classes:
        if own.source == "its own entry":
            raise CheckpointError(
                f"{loaded.path}: its 'vizgraph' entry names {len(names)} labels for {classes} classes; it was not "
                "written by this version's training"
            )
        notes.append(f"{own.source} names {len(names)} classes and the network has {classes}: not used")
        names = None
    cfg = {
        **dict(model.pretrained_cfg),
        "architecture": arch,
        "num_classes": classes,
        "mean": published.mean,
        "std": published.std,
        "crop_pct": published.crop_pct,
        **own.data,
    }
    made_for = options_of(arch, model.state_dict()).get("img_size", (224, 224))
    claimed = own.data.get("input_size")
    cfg["input_size"] = (model.in_chans, *(made_for if claimed is None or loaded.resized else claimed[1:]))
    for name in ("label_names", "url", "file", *(() if loaded.imagenet and classes == 1000 else ("tag",))):
        cfg.pop(name, None)
    if loaded.imagenet and classes == 1000:
        labels = "ImageNet-1k, as the published weights have them"
    elif names is not None:
        cfg["label_names"] = names
    else:
        labels = ""
    model.pretrained_cfg = model.default_cfg = cfg
    bundled = loaded.weights is not None and loaded.weights.origin == BUNDLED
    model.checkpoint_info = CheckpointInfo(
        arch,
        "bundled" if bundled else "file",
        loaded.path,
        loaded.contents.sha256,
        loaded.remapped.layout,
        loaded.entry,
        loaded.ema,
        classes,
        loaded.weights.origin if loaded.weights else "",
        tuple(notes),
        loaded.remapped.prefix,
        loaded.remapped.left_out,
        labels,
    )


def _notes(loaded: Loaded) -> list[str]:
    """What a person should know about how a file was read."""
    notes, remapped, digest, weights = [], loaded.remapped, loaded.contents.sha256, loaded.weights
    place = f"entry {loaded.entry!r}" if loaded.entry else f"keys after {remapped.prefix!r}"
    if loaded.ema is True and (loaded.entry or remapped.averaged):
        notes.append(f"took the averaged (EMA) weights, {place}; --no-ema (ema=False) takes the others")
    elif loaded.ema is False and (loaded.entry or remapped.averaged is not None):
        notes.append(f"took the weights without EMA, {place}")
    if remapped.prefix:
        notes.append(f"read as {remapped.layout} layout after {remapped.prefix!r}, which stands before every key")
    if remapped.left_out:
        notes.append(f"left out, as no part of the network: {', '.join(remapped.left_out)[:300]}")
    if weights is not None and weights.sha256 and not digest.startswith(weights.sha256):
        whose = "a mirror's copy" if weights.mirror else "the published file"
        notes.append(f"its SHA-256 begins {digest[:8]}, that of {whose} {weights.sha256}")
    return notes
