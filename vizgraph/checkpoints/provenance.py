"""What belongs to weights besides their values: one record, written by training and read by loading.

A record that is read may come from a stranger, so that each field is held to what a network can be before anything is
built or allocated after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from vizgraph.checkpoints.read import Contents
from vizgraph.data.labels import LONGEST_LABEL, in_order, names_of_transformers, wrong_labels
from vizgraph.errors import CheckpointError
from vizgraph.layers.conv import ACTIVATIONS, NORMS
from vizgraph.layers.graph_conv import GRAPH_CONVS
from vizgraph.models import ARCHITECTURES, SHORT_NAMES

OWN_KEY = "vizgraph"
"""Under this key a record lies: an entry of a .pth.tar, JSON in the metadata of a .safetensors."""
LARGEST_SIDE = 4096
"""Pixels of an input, at most."""
MOST_NEIGHBORS = 1024
SMALLEST_CROP = 0.2
"""Share of an image that an evaluation's crop keeps, at least: less asks for an enlarged image of any size."""
MOST_CHANNELS = 1024


@dataclass(frozen=True)
class Provenance:
    """What a network's weights are for, in plain types. Every field may be left out but `arch`.

    Attributes:
        arch: timm name of the network; None where nothing says it.
        model_kwargs: options that it is built with ("k", "conv", ...).
        num_classes: how many classes its head has.
        label_names: their names.
        data: its preprocessing: "mean", "std", "crop_pct", "interpolation", "input_size" and so on, in timm's words.
        ema: whether the weights are averaged ones.
        source: where the record was found, for people: "its own entry", "its mmengine meta"; "" for nowhere.
    """

    arch: str | None = None
    model_kwargs: Mapping[str, Any] = field(default_factory=dict)
    num_classes: int | None = None
    label_names: tuple[str, ...] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    ema: bool | None = None
    source: str = ""

    def as_entry(self) -> dict[str, Any]:
        """The record as training writes it beside the weights."""
        return {
            "arch": self.arch,
            "model_kwargs": {name: list(v) if isinstance(v, tuple) else v for name, v in self.model_kwargs.items()},
            "num_classes": self.num_classes,
            "label_names": None if self.label_names is None else list(self.label_names),
            "data": dict(self.data),
        }

    @classmethod
    def of(cls, contents: Contents) -> Provenance:
        """What a file says about its weights: our own record, a hub's `config.json`, or what other projects write.

        Raises:
            CheckpointError: it says what cannot be.
        """
        own = _own_entry(contents)
        if own is not None:
            return _checked(contents, own, "its own entry", strict=True)
        if contents.config is not None:
            return _checked(contents, _of_timm(contents.config), "its config.json", strict=False)
        names, source = _foreign_labels(contents)
        return cls(label_names=names, source=source, ema=_said_average(contents))


def _own_entry(contents: Contents) -> dict[str, Any] | None:
    facts: Any = contents.data.get(OWN_KEY) if isinstance(contents.data, dict) else None
    if isinstance(facts, Tensor):
        facts = None
    if OWN_KEY in contents.metadata:
        try:
            facts = json.loads(contents.metadata[OWN_KEY])
        except (ValueError, RecursionError):
            raise _bad(contents.path, "is no JSON") from None
    if facts is not None and not isinstance(facts, dict):
        raise _bad(contents.path, "is no dict")
    return facts


def _of_timm(config: Mapping[str, Any]) -> dict[str, Any]:
    """timm's `config.json` in the words of our record."""
    cfg = config.get("pretrained_cfg")
    cfg = cfg if isinstance(cfg, dict) else config
    options = config.get("model_args")
    return {
        "arch": config.get("architecture"),
        "model_kwargs": options if isinstance(options, dict) else {},
        "num_classes": config.get("num_classes", cfg.get("num_classes")),
        "label_names": config.get("label_names", cfg.get("label_names")) or names_of_transformers(config),
        "data": {name: cfg[name] for name in _DATA if cfg.get(name) is not None},
    }


def _checked(contents: Contents, facts: Mapping[str, Any], source: str, *, strict: bool) -> Provenance:
    """A record whose every field can be.

    Args:
        strict: whether an architecture must be named, and unknown options refused.
    """
    path = contents.path
    arch = facts.get("arch")
    arch = SHORT_NAMES.get(arch, arch) if isinstance(arch, str) else arch
    if arch not in ARCHITECTURES and (strict or arch is not None):
        raise _bad(path, f"names no architecture known here (arch {str(arch)[:40]!r})", source)
    options = facts.get("model_kwargs") or {}
    if not isinstance(options, dict):
        raise _bad(path, "has model_kwargs that are no dict", source)
    if not strict:
        options = {name: value for name, value in options.items() if name in _OPTIONS}
    unknown = sorted(map(str, set(options) - set(_OPTIONS)))
    if unknown:
        raise _bad(path, f"has model_kwargs that no network here takes ({', '.join(unknown)[:80]})", source)
    if not all(isinstance(value, (bool, int, float, str, list, tuple)) for value in options.values()):
        raise _bad(path, "has model_kwargs that are no plain values", source)
    for name, value in options.items():
        if not _OPTIONS[name](value):
            raise _bad(path, f"has {_a(name)} that cannot be ({str(value)[:60]})", source)
    options = {name: value for name, value in options.items() if name not in SEEN_IN_SHAPES}
    names = _label_names(path, facts, source)
    return Provenance(
        arch,
        options,
        _whole(facts.get("num_classes")),
        names,
        _data(path, facts.get("data") or {}, source),
        _said_average(contents),
        source,
    )


def _bad(path: Path, what: str, source: str = "its own entry") -> CheckpointError:
    named = f"its {OWN_KEY!r} entry" if source == "its own entry" else source
    return CheckpointError(f"{path}: {named} {what}; it was not written by this version's training")


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and low <= v <= high


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(names: Iterable[str]) -> Callable[[Any], bool]:
    known = frozenset(names)
    return lambda v: isinstance(v, str) and v in known


def _neighbors(value: Any) -> bool:
    return _whole(value) is not None and 1 <= value <= MOST_NEIGHBORS


def _channels(value: Any) -> bool:
    return _whole(value) is not None and 1 <= value <= MOST_CHANNELS


def _side(value: Any) -> bool:
    return _whole(value) is not None and 1 <= value <= LARGEST_SIDE


def _sides(value: Any) -> bool:
    return _side(value) or (isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_side, value)))


def _listed(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda v: isinstance(v, (list, tuple)) and 1 <= len(v) <= MOST_CHANNELS and all(map(check, v))


def _input_size(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 3 and _channels(value[0]) and all(map(_side, value[1:]))


_OPTIONS: dict[str, Callable[[Any], bool]] = {
    "act": _one_of(ACTIVATIONS),
    "conv": _one_of(GRAPH_CONVS),
    "drop_path_rate": _number(0, 0.999),
    "drop_rate": _number(0, 0.999),
    "epsilon": _number(0, 1),
    "global_pool": _one_of(("avg", "max", "avgmax")),
    "img_size": _sides,
    "in_chans": _channels,
    "k": _neighbors,
    "norm": _one_of(NORMS),
    "use_dilation": _flag,
    "use_stochastic": _flag,
}
"""What a record may say about how to build its network; anything else could make timm do more than build."""
SEEN_IN_SHAPES = ("img_size", "in_chans")
"""Options taken from the tensors themselves, whatever a record says."""
_DATA: dict[str, Callable[[Any], bool]] = {
    "mean": _listed(_number(-1e4, 1e4)),
    "std": _listed(_number(1e-4, 1e4)),
    "crop_pct": _number(SMALLEST_CROP, 1),
    "crop_mode": _one_of(("center", "squash", "border")),
    "interpolation": _one_of(("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")),
    "input_size": _input_size,
    "bands": _listed(lambda v: isinstance(v, str) and len(v) <= LONGEST_LABEL),
}
"""What a record may say about preprocessing."""


def _data(path: Path, data: Any, source: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise _bad(path, "has no dict under data", source)
    kept = {}
    for name, check in _DATA.items():
        value = data.get(name)
        if value is None:
            continue
        if not check(value):
            raise _bad(path, f"has {_a(name)} that cannot be ({str(value)[:60]})", source)
        kept[name] = tuple(value) if isinstance(value, (list, tuple)) else value
    return kept


def _label_names(path: Path, facts: Mapping[str, Any], source: str) -> tuple[str, ...] | None:
    names = facts.get("label_names")
    if names is None:
        return None
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise _bad(path, "has label_names that are no list of strings", source)
    if facts.get("num_classes") not in (None, len(names)):
        raise _bad(path, f"names {len(names)} labels for {str(facts['num_classes'])[:20]} classes", source)
    wrong = wrong_labels(names)
    if wrong:
        raise _bad(path, f"has label_names that are {wrong}", source)
    return tuple(names)


def _said_average(contents: Contents) -> bool | None:
    """Whether our own export says that its weights are averaged ones."""
    try:
        training = json.loads(contents.metadata.get("training", "null"))
    except (ValueError, RecursionError):
        return None
    averaged = training.get("ema") if isinstance(training, dict) else None
    return averaged if isinstance(averaged, bool) else None


_LABEL_PLACES = (
    ("meta", "dataset_meta", "classes"),
    ("meta", "dataset_meta", "CLASSES"),
    ("meta", "CLASSES"),
    ("meta", "classes"),
    ("hyper_parameters", "class_names"),
    ("hyper_parameters", "classes"),
    ("dataset_meta", "classes"),
    ("CLASSES",),
    ("classes",),
    ("class_names",),
    ("label_names",),
    ("labels",),
    ("class_to_idx",),
    ("idx_to_class",),
    ("id2label",),
    ("label2id",),
)
"""Where others write class names: mmengine and mmcv (`meta`), Lightning, torchvision's ImageFolder, transformers."""


def _foreign_labels(contents: Contents) -> tuple[tuple[str, ...] | None, str]:
    for place in _LABEL_PLACES:
        inner: Any = contents.data
        for name in place:
            inner = inner.get(name) if isinstance(inner, dict) else None
        names = in_order(inner)
        if names and not wrong_labels(names):
            return names, f"its {'.'.join(place)}"
    return None, ""


KNOWS = "knows ten digit stickers"
"""What the bundled networks were trained on."""


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a network's weights came from; `model.checkpoint_info`.

    Attributes:
        arch: timm name of the network.
        source: "file", "bundled", or "random" for an untrained network.
        path: the file, None for "random".
        sha256: of the file, 64 hexadecimal digits; "" for "random".
        layout: how the file names its keys, one of `vizgraph.models._filter.LAYOUTS`.
        entry: the entry of the file that was loaded ("state_dict_ema"), "" for a bare state dict.
        ema: whether the weights are averaged ones; None where the file does not say.
        num_classes: of the network.
        origin: who published the file, where the catalog knows.
        notes: sentences a person should see.
        prefix: what stood before all keys and was taken off, "net."; "" for nothing.
        left_out: what stood beside the network in the file, "criterion.* (2)".
        labels: where the class names come from; "" where there are none.
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
    prefix: str = ""
    left_out: tuple[str, ...] = ()
    labels: str = ""

    def about(self) -> dict[str, Any]:
        """What an explanation of the network carries along: the command that renders it, and what people should know.

        Of the file only its name: explanations are passed on, and where it lies is nobody's business.
        """
        weights = {"random": "random", "bundled": "demo"}.get(self.source) or (self.path.name if self.path else "")
        command = ["vizgraph", "render", "--arch", self.arch, "--ckpt", weights]
        return {"command": command, "note": {"random": "untrained", "bundled": KNOWS}.get(self.source, "")}

    def __str__(self) -> str:
        """One line, as "weights.pth.tar (official ViG layout, keys after 'net.', EMA weights, SHA-256 61872146)"."""
        if self.path is None:
            return "untrained weights"
        kind = {True: "EMA weights", False: "weights without EMA", None: ""}[self.ema]
        after = f"keys after {self.prefix!r}" if self.prefix else ""
        parts = [f"{self.layout} layout", after, kind, f"SHA-256 {self.sha256[:8]}"]
        return f"{self.path.name} ({', '.join(part for part in parts if part)})"
