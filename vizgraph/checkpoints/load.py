"""A network with its weights: found or fetched, read, renamed, compared, loaded, and told its preprocessing."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from vizgraph.checkpoints.catalog import ARCHITECTURES, BUNDLED, WITH_BUNDLED, Weights, preprocessing
from vizgraph.checkpoints.download import fetch
from vizgraph.checkpoints.locate import cache_folder, downloadable, find, what_to_fetch
from vizgraph.checkpoints.read import Contents, choose, read
from vizgraph.checkpoints.remap import Build, to_project
from vizgraph.errors import CheckpointError, DeviceError
from vizgraph.models import resolve

OWN_KEY = "vizgraph"
"""Under this key our training writes what it knows of a network: an entry of a .pth.tar, metadata of a .safetensors."""
_MODEL_OPTIONS = {
    "act",
    "conv",
    "drop_path_rate",
    "drop_rate",
    "epsilon",
    "img_size",
    "in_chans",
    "k",
    "norm",
    "use_dilation",
    "use_stochastic",
}
"""What a file may say about how to build its network; anything else could make timm do more than build."""
_SEEN_IN_SHAPES = ("img_size", "in_chans")
"""Options taken from the tensors themselves: what a file merely claims could ask for any amount of memory."""
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
_SHOWN = 3


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a network's weights came from; `model.checkpoint_info`.

    Attributes:
        arch: timm name of the network.
        source: "file", "bundled", or "random" for an untrained network.
        path: the file, None for "random".
        sha256: of the file, 64 hexadecimal digits; "" for "random".
        layout: how the file names its keys, one of `remap.LAYOUTS`.
        entry: the entry of the file that was loaded ("state_dict_ema"), "" for a bare state dict.
        ema: whether the weights are averaged ones; None where the file does not say.
        num_classes: of the network.
        origin: who published the file, where the catalog knows.
        notes: sentences a person should see.
    """

    arch: str
    source: str
    path: Path | None = None
    sha256: str = ""
    layout: str = ""
    entry: str = ""
    ema: bool | None = None
    num_classes: int = 0
    origin: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line, as "weights.pth.tar (official ViG layout, EMA weights, SHA-256 61872146)"."""
        if self.path is None:
            return "untrained weights"
        kind = {True: "EMA weights", False: "weights without EMA", None: ""}[self.ema]
        parts = [f"{self.layout} layout", kind, f"SHA-256 {self.sha256[:8]}"]
        return f"{self.path.name} ({', '.join(part for part in parts if part)})"


@dataclass(frozen=True)
class _Own:
    """What a file of our own training says about its network; the fields of an unknown file are empty."""

    arch: str | None = None
    model_kwargs: Mapping[str, Any] | None = None
    label_names: tuple[str, ...] | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Loaded:
    """A file made ready: its state dict in the project's layout, checked as far as the keys and shapes go."""

    contents: Contents
    state: dict[str, Tensor]
    layout: str
    entry: str
    ema: bool | None
    own: _Own


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device of a name; "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: there is no such device, or not on this machine.
    """
    if str(device) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(f"`device` must be auto, cpu, cuda, cuda:0 or mps (got {device!r})") from None
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(
        wanted.type
    )
    if count is None:
        raise DeviceError(f"`device` must be auto, cpu, cuda, cuda:0 or mps (got {str(device)!r})")
    if (wanted.index or 0) >= count:
        there = f"it has {count} of that kind" if count else "it has none of that kind"
        raise DeviceError(f"device {str(wanted)!r} is not on this machine ({there}); use auto or cpu")
    return wanted


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

    The file may have any of the published key layouts and wrappers; the layout is found from its keys. Preprocessing
    and labels that belong to the weights are in `model.pretrained_cfg`.

    Args:
        arch: timm name or short name.
        checkpoint: a file; None for the published weights (in `ckpt/`, the user's cache, or downloaded); "demo" for
            what comes with the package (`gcn_demo`, `vig_demo`); "random" for an untrained network, with a warning.
        num_classes: what the head must have; by default whatever the file has.
        device: "auto", "cpu", "cuda", "cuda:1", "mps" or a `torch.device`.
        ema: whether to prefer averaged weights where a file has both kinds.
        sha256: the file's SHA-256, or its first 8 digits or more; another file is refused.
        **model_kwargs: options of the network ("k", "conv", "drop_path_rate", ...), over those stored in the file.

    Raises:
        CheckpointError: the weights cannot be had, read, or do not fit.
        ValueError: no such architecture or device.
    """
    arch = resolve(arch)
    place = resolve_device(device)
    if checkpoint == "random":
        model = _untrained(arch, num_classes, model_kwargs)
        if sha256 is not None:
            raise ValueError("`sha256` pins a file, and random weights have none")
        return model.eval().to(place)
    path, weights = _where(arch, checkpoint)
    loaded = _prepare(path, arch, ema, sha256)
    model = _build(arch, loaded, num_classes, model_kwargs)
    _insert(model, loaded)
    _describe(model, arch, loaded, weights)
    return model.eval().to(place)


def load_published(model: nn.Module, arch: str) -> None:
    """Put the published weights into a network of this architecture, as timm's `pretrained=True` does.

    Where the network has another number of classes than the weights, its classifier stays as it is.

    Raises:
        CheckpointError: the weights cannot be had, read, or do not fit.
    """
    arch = resolve(arch)
    path, weights = _where(arch, None)
    loaded, _ = _with_own_classifier(model, _prepare(path, arch, True, None))
    _insert(model, loaded)
    _describe(model, arch, loaded, weights)


def start_from(model: nn.Module, arch: str, checkpoint: str | os.PathLike[str]) -> str:
    """Put a file's weights into a network that is to be trained further, averaged ones where there are any.

    Where the network has another number of classes than the weights, its classifier stays as it is. What belongs to the
    weights besides (preprocessing, labels) is not taken over.

    Args:
        model: of the architecture `arch`.
        checkpoint: a file, or "demo".

    Returns:
        What the network starts from, in words.

    Raises:
        CheckpointError: the file cannot be read, or does not fit.
    """
    arch = resolve(arch)
    path, _ = _where(arch, checkpoint)
    loaded, renewed = _with_own_classifier(model, _prepare(path, arch, True, None))
    _insert(model, loaded)
    kind = "averaged weights" if loaded.ema else "weights"
    return f"the {kind} of {checkpoint} ({loaded.layout} layout)" + (", with a new classifier" if renewed else "")


_CLASSIFIER = ("prediction.4.weight", "prediction.4.bias")


def _with_own_classifier(model: Any, loaded: _Loaded) -> tuple[_Loaded, bool]:
    """What was loaded, with the network's own classifier where it has other classes; whether it has."""
    if _classes(loaded.state) in (None, model.num_classes):
        return loaded, False
    current = model.state_dict()
    kept = {key: current[key] for key in _CLASSIFIER if key in current}
    others = {key: value for key, value in loaded.state.items() if key not in _CLASSIFIER}
    return replace(loaded, state={**others, **kept}, own=replace(loaded.own, label_names=None)), True


def _untrained(arch: str, num_classes: int | None, model_kwargs: Mapping[str, Any]) -> nn.Module:
    warnings.warn(
        f"{arch} is untrained: its weights are random, so its answers and what explains them mean nothing", stacklevel=3
    )
    classes = {} if num_classes is None else {"num_classes": num_classes}
    model: Any = timm.create_model(arch, **{**classes, **model_kwargs})
    note = "untrained: the weights are random"
    model.checkpoint_info = CheckpointInfo(arch, "random", num_classes=model.num_classes, notes=(note,))
    return model


def _where(arch: str, checkpoint: str | os.PathLike[str] | None) -> tuple[Path, Weights | None]:
    """The file to load, and its entry in the catalog where it was found by that."""
    if checkpoint == "demo":
        if arch not in WITH_BUNDLED:
            of = " and ".join(WITH_BUNDLED)
            raise CheckpointError(f"demo: there are checkpoints of {of}, none of {arch}; {_use('gcn_demo')}")
    elif checkpoint is not None:
        return Path(checkpoint).expanduser(), None
    found = find(arch)
    if found is not None:
        return found
    weights = downloadable(arch)
    if weights is None:
        raise CheckpointError(what_to_fetch(arch))
    try:
        return fetch(weights, cache_folder()), weights
    except CheckpointError as error:
        raise CheckpointError(what_to_fetch(arch, str(error))) from error


def _prepare(path: Path, arch: str, ema: bool, sha256: str | None) -> _Loaded:
    """Read a file and bring its state dict into the project's layout; refuse another architecture's."""
    contents = read(path, sha256=sha256)
    own = _own(contents)
    if own.arch is not None and own.arch != arch:
        raise CheckpointError(f"{path}: holds {own.arch}, not {arch}; {_use(own.arch)}")
    chosen = choose(contents, ema=ema)
    try:
        layout, state = to_project(chosen.state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; give a GraphConvNet or ViG checkpoint") from None
    build, expected = Build.of(state), Build.named(arch)
    other = build.arch()
    if other not in (None, arch):
        raise CheckpointError(f"{path}: looks like {other} (a {build}), not {arch} (a {expected}); {_use(other)}")
    averaged = _said_average(contents) if chosen.ema is None else chosen.ema
    return _Loaded(contents, state, layout, chosen.entry, averaged, own)


def _use(arch: str) -> str:
    return f"use --arch {arch} (model.arch={arch} in training)"


def _own(contents: Contents) -> _Own:
    """What our own training wrote beside the weights, checked field by field: it is as hostile as the rest."""
    facts: Any = contents.data.get(OWN_KEY) if isinstance(contents.data, dict) else None
    if isinstance(facts, Tensor):
        facts = None
    if OWN_KEY in contents.metadata:
        try:
            facts = json.loads(contents.metadata[OWN_KEY])
        except (ValueError, RecursionError):
            raise _bad(contents, "is no JSON") from None
    if facts is None:
        return _Own()
    if not isinstance(facts, dict):
        raise _bad(contents, "is no dict")
    arch = facts.get("arch")
    if not isinstance(arch, str) or arch not in ARCHITECTURES:
        raise _bad(contents, f"names no architecture known here (arch {str(arch)[:40]!r})")
    options = facts.get("model_kwargs") or {}
    if not isinstance(options, dict):
        raise _bad(contents, "has model_kwargs that are no dict")
    unknown = sorted(map(str, set(options) - _MODEL_OPTIONS))
    if unknown:
        raise _bad(contents, f"has model_kwargs that no network here takes ({', '.join(unknown)[:80]})")
    options = {key: value for key, value in options.items() if key not in _SEEN_IN_SHAPES}
    if not all(isinstance(value, (bool, int, float, str)) for value in options.values()):
        raise _bad(contents, "has model_kwargs that are no plain values")
    return _Own(arch, options, _label_names(contents, facts), _data(contents, facts.get("data") or {}))


def _said_average(contents: Contents) -> bool | None:
    """Whether our own export says that its weights are averaged ones."""
    try:
        training = json.loads(contents.metadata.get("training", "null"))
    except (ValueError, RecursionError):
        return None
    averaged = training.get("ema") if isinstance(training, dict) else None
    return averaged if isinstance(averaged, bool) else None


def _bad(contents: Contents, what: str) -> CheckpointError:
    return CheckpointError(
        f"{contents.path}: its {OWN_KEY!r} entry {what}; it was not written by this version's training"
    )


def _label_names(contents: Contents, facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = facts.get("label_names")
    if names is None:
        return None
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise _bad(contents, "has label_names that are no list of strings")
    if facts.get("num_classes") not in (None, len(names)):
        raise _bad(contents, f"names {len(names)} labels for {facts['num_classes']} classes")
    return tuple(names)


def _data(contents: Contents, data: Any) -> dict[str, Any]:
    def numbers(value: Any, low: float, high: float) -> bool:
        is_number = [isinstance(v, (int, float)) and not isinstance(v, bool) and low < v < high for v in value]
        return bool(is_number) and all(is_number)

    checks = {
        "mean": lambda v: isinstance(v, (list, tuple)) and numbers(v, -math.inf, math.inf),
        "std": lambda v: isinstance(v, (list, tuple)) and numbers(v, 0, math.inf),
        "crop_pct": lambda v: numbers([v], 0, 1.0000001),
        "interpolation": lambda v: v in _INTERPOLATIONS,
        "input_size": lambda v: isinstance(v, (list, tuple)) and len(v) == 3 and numbers(v, 0, 10_000),
    }
    if not isinstance(data, dict):
        raise _bad(contents, "has no dict under data")
    kept = {}
    for key, check in checks.items():
        if data.get(key) is None:
            continue
        if not check(data[key]):
            raise _bad(contents, f"has a {key} that cannot be ({str(data[key])[:60]})")
        kept[key] = tuple(data[key]) if isinstance(data[key], (list, tuple)) else data[key]
    return kept


def _classes(state: Mapping[str, Tensor]) -> int | None:
    """Number of classes of a head, None where there is none."""
    weight = state.get("prediction.4.weight")
    return int(weight.shape[0]) if weight is not None and weight.ndim > 0 else None


def _options(arch: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The network's options that show in the shapes: image channels, input size, the kinds of graph convolution."""
    options: dict[str, Any] = {}
    stem = state.get("stem.convs.0.weight")
    if stem is not None and stem.ndim == 4 and stem.shape[1] != 3:
        options["in_chans"] = int(stem.shape[1])
    position = state.get("pos_embed")
    pyramid = ARCHITECTURES[arch].pyramid
    patch, side = (4, 56) if pyramid else (16, 14)
    if position is not None and position.ndim == 4 and tuple(position.shape[-2:]) != (side, side):
        rows, cols = (int(n) for n in position.shape[-2:])
        relative = state.get("backbone.0.0.grapher.relative_pos")
        if not pyramid or (relative is not None and tuple(relative.shape[1:2]) == (rows * cols,)):
            options["img_size"] = (rows * patch, cols * patch)
    if any(".gconv.nn1." in key for key in state):
        options["conv"] = "sage"
    elif any(key.endswith(".gconv.eps") for key in state):
        options["conv"] = "gin"
    return options


def _build(arch: str, loaded: _Loaded, num_classes: int | None, model_kwargs: Mapping[str, Any]) -> nn.Module:
    """The network that the file is for."""
    path, classes = loaded.contents.path, _classes(loaded.state)
    if num_classes is not None and classes is not None and num_classes != classes:
        raise CheckpointError(
            f"{path}: has a head of {classes} classes, not {num_classes}; leave `num_classes` out, and for a new head "
            f"call `model.reset_classifier({num_classes})` after loading"
        )
    options = {**_options(arch, loaded.state), **(loaded.own.model_kwargs or {}), **model_kwargs}
    wanted = num_classes if num_classes is not None else classes
    if wanted is not None:
        options["num_classes"] = wanted
    try:
        return timm.create_model(arch, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        if not loaded.own.model_kwargs and model_kwargs:
            raise
        raise CheckpointError(f"{path}: the network it is for cannot be built ({error}); it is damaged") from error


def _insert(model: nn.Module, loaded: _Loaded) -> None:
    """Load strictly: first keys, then shapes, then values are compared, and only then is anything written."""
    path, state, expected = loaded.contents.path, loaded.state, model.state_dict()
    missing = [key for key in expected if key not in state]
    left_over = [key for key in state if key not in expected]
    if missing or left_over:
        parts = [_listed("missing", missing), _listed("left over", left_over)]
        what = " and ".join(part for part in parts if part)
        raise CheckpointError(
            f"{path}: does not fit (read as {loaded.layout} layout): {what}; it is for a network built otherwise"
        )
    shapes = [
        f"{key} (file {tuple(state[key].shape)}, network {tuple(value.shape)})"
        for key, value in expected.items()
        if state[key].shape != value.shape
    ]
    if shapes:
        raise CheckpointError(
            f"{path}: does not fit: {_listed('of another shape', shapes)}; it is for a network built otherwise"
        )
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            bad = int((~torch.isfinite(value)).sum())
            kind = "NaN" if bool(torch.isnan(value).any()) else "infinity"
            raise CheckpointError(
                f"{path}: {key!r} holds {kind} ({bad} of {value.numel()} values); the file is damaged or its training "
                "diverged, take another one"
            )
        if not value.is_floating_point() and expected[key].is_floating_point():
            raise CheckpointError(
                f"{path}: {key!r} holds whole numbers where weights belong; it is quantised or damaged"
            )
    model.load_state_dict(state, strict=True)


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"{len(names)} {'key' if len(names) == 1 else 'keys'} {what} ({shown})"


def _describe(model: Any, arch: str, loaded: _Loaded, weights: Weights | None) -> None:
    """Write into the network what belongs to its weights: preprocessing, labels, and where they came from."""
    published = weights or preprocessing(arch, loaded.layout)
    own, classes = loaded.own, model.num_classes
    names = own.label_names
    if names is not None and len(names) != classes:
        raise _bad(loaded.contents, f"names {len(names)} labels for {classes} classes")
    cfg = {
        **dict(model.pretrained_cfg),
        "architecture": arch,
        "num_classes": classes,
        "mean": published.mean,
        "std": published.std,
        "crop_pct": published.crop_pct,
        **(own.data or {}),
    }
    size = _options(arch, loaded.state)
    if "input_size" not in (own.data or {}) and ("img_size" in size or "in_chans" in size):
        cfg["input_size"] = (size.get("in_chans", 3), *size.get("img_size", (224, 224)))
    cfg.pop("label_names", None)
    if names is not None:
        cfg["label_names"] = names
    model.pretrained_cfg = model.default_cfg = cfg

    notes = []
    if loaded.ema is True and loaded.entry:
        notes.append(f"took the averaged (EMA) weights, entry {loaded.entry!r}; --no-ema (ema=False) takes the others")
    elif loaded.ema is False and loaded.entry:
        notes.append(f"took the weights without EMA, entry {loaded.entry!r}")
    digest = loaded.contents.sha256
    if weights is not None and weights.sha256 and not digest.startswith(weights.sha256):
        whose = "a mirror's copy" if weights.mirror else "the published file"
        notes.append(f"its SHA-256 begins {digest[:8]}, that of {whose} {weights.sha256}")
    bundled = weights is not None and weights.origin == BUNDLED
    model.checkpoint_info = CheckpointInfo(
        arch,
        "bundled" if bundled else "file",
        loaded.contents.path,
        digest,
        loaded.layout,
        loaded.entry,
        loaded.ema,
        classes,
        weights.origin if weights else "",
        tuple(notes),
    )
