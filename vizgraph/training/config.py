"""What a run is told: typed sections, read from YAML, overridden by `section.key=value`, checked before it starts."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.resources
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vizgraph.errors import TrainingError, first_line


@dataclass
class ModelConfig:
    """The network.

    Attributes:
        arch: timm name or short name.
        num_classes: None takes the number from the data set.
        pretrained: start from the published weights.
        checkpoint: start from this file (fine-tuning); a head of another size is replaced.
        drop_rate: dropout before the classifier.
        drop_path_rate: stochastic depth of the last block.
        kwargs: more arguments of the network, such as `k`, `conv`, `act`, `img_size`.
        freeze: names of the modules that are not trained ("stem", "backbone.0"), or "backbone.0-5" for a range.
        grad_checkpointing: what the backward pass computes again instead of keeping it, for less memory: "activations"
            (all but what convolutions return), "blocks" (all but what goes from block to block), or "none".
        sync_bn: batch-norm statistics over all ranks.
    """

    arch: str = "graphconvnet_ti"
    num_classes: int | None = None
    pretrained: bool = False
    checkpoint: str | None = None
    drop_rate: float = 0.0
    drop_path_rate: float = 0.0
    kwargs: dict[str, Any] = field(default_factory=dict)
    freeze: list[str] = field(default_factory=list)
    grad_checkpointing: str = "none"
    sync_bn: bool = False


@dataclass
class DataConfig:
    """The images.

    Attributes:
        name: "scenes" for the bundled task, "" for folders (a folder a class), or what timm's `create_dataset` reads:
            "hfds/NAME", "wds/NAME", "tfds/NAME", "torch/NAME".
        root: folder that holds the splits.
        train_split, val_split: names of the splits.
        val_fraction: part of each class of a folder without splits that is held out to validate on.
        class_map: file that maps class names to numbers.
        batch_size: images a rank and a backward pass.
        workers: loading processes a rank.
        train_size, val_size: scenes an epoch and scenes validated on (scenes), or samples of a stream; None takes all.
        repeats: repeated augmentation, every image this many times in an epoch of a third the images; 0 is off.
        input_size: (height, width) in pixels; None takes the network's.
        mean, std, interpolation, crop_pct, crop_mode: preprocessing; None takes the network's.
    """

    name: str = ""
    root: str | None = None
    train_split: str = "train"
    val_split: str = "validation"
    val_fraction: float = 0.2
    class_map: str | None = None
    batch_size: int = 128
    workers: int = 4
    train_size: int | None = None
    val_size: int | None = None
    repeats: int = 0
    input_size: list[int] | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    interpolation: str | None = None
    crop_pct: float | None = None
    crop_mode: str | None = None


@dataclass
class AugmentConfig:
    """What is done to training images; names and meanings are timm's.

    Attributes:
        resize_only: no augmentation, only resize and crop.
        mixup_off_epoch: no more mixup or cutmix from this epoch on; 0 keeps them.
        smoothing: label smoothing.
    """

    resize_only: bool = False
    scale: list[float] = field(default_factory=lambda: [0.08, 1.0])
    ratio: list[float] = field(default_factory=lambda: [3 / 4, 4 / 3])
    hflip: float = 0.5
    vflip: float = 0.0
    color_jitter: float = 0.4
    auto_augment: str | None = None
    interpolation: str = "random"
    erase: float = 0.0
    erase_mode: str = "pixel"
    erase_count: int = 1
    mixup: float = 0.0
    cutmix: float = 0.0
    cutmix_minmax: list[float] | None = None
    mixup_prob: float = 1.0
    mixup_switch_prob: float = 0.5
    mixup_mode: str = "batch"
    mixup_off_epoch: int = 0
    smoothing: float = 0.1


@dataclass
class OptimizerConfig:
    """How weights move.

    Attributes:
        name: timm's name of the optimizer.
        lr: learning rate, scaled as `lr_scaling` says.
        lr_scaling: "none", or "linear" or "sqrt" in (images an update / `lr_batch`).
        lr_batch: images an update that `lr` is stated for.
        layer_decay: each layer learns this much slower than the next; None is off.
        accumulate: backward passes an update.
        clip: limit of the gradient, as `clip_mode` ("norm", "value" or "agc") measures it; None is off.
        kwargs: more arguments of the optimizer.
    """

    name: str = "adamw"
    lr: float = 1e-3
    lr_scaling: str = "none"
    lr_batch: int = 1024
    weight_decay: float = 0.05
    momentum: float = 0.9
    betas: list[float] | None = None
    eps: float | None = None
    layer_decay: float | None = None
    accumulate: int = 1
    clip: float | None = None
    clip_mode: str = "norm"
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScheduleConfig:
    """The learning rate over time, in epochs; moved after every update, or after every epoch with `by_epoch`."""

    name: str = "cosine"
    epochs: int = 300
    warmup_epochs: float = 0.0
    warmup_lr: float = 1e-6
    min_lr: float = 1e-5
    cooldown_epochs: int = 0
    decay_epochs: float | None = None
    decay_rate: float = 0.1
    by_epoch: bool = False


@dataclass
class AverageConfig:
    """The exponential moving average of the weights (EMA), which is then what is validated and exported.

    Attributes:
        decay: share kept at an update; 0 is off.
        warmup: grow the decay from 0, for short runs.
    """

    decay: float = 0.0
    warmup: bool = False


@dataclass
class RunConfig:
    """How and where.

    Attributes:
        out: folder of the run; None is "runs/" and the name of the recipe.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        amp: "none", "bf16" or "fp16".
        threads: CPU threads of this process; None leaves it to torch.
        checkpoint_every: keep `epoch_N.pth.tar` each N epochs; 0 keeps only `last` and `best`.
        save_minutes: write `last` also within an epoch, this often.
        validate_every: epochs.
        explain_every: epochs between the explained images; 0 is off.
        explain_images: how many images are explained.
        log_every: updates between looks at the loss on a GPU, where a look costs a wait.
    """

    out: str | None = None
    seed: int = 0
    device: str = "auto"
    amp: str = "none"
    compile: bool = False
    channels_last: bool = False
    threads: int | None = None
    checkpoint_every: int = 0
    save_minutes: float = 10.0
    validate_every: int = 1
    explain_every: int = 0
    explain_images: int = 4
    tensorboard: bool = False
    log_every: int = 20


@dataclass
class Config:
    """Everything a run is told."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    average: AverageConfig = field(default_factory=AverageConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def plain(self) -> dict[str, Any]:
        """The same as nested plain dicts, lists, strings and numbers."""
        return dataclasses.asdict(self)


CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer.lr_scaling": ("none", "linear", "sqrt"),
    "optimizer.clip_mode": ("norm", "value", "agc"),
    "run.amp": ("none", "bf16", "fp16"),
    "model.grad_checkpointing": ("none", "activations", "blocks"),
    "augment.mixup_mode": ("batch", "pair", "elem"),
}
POSITIVE = (
    "data.batch_size",
    "optimizer.accumulate",
    "schedule.epochs",
    "run.validate_every",
    "optimizer.lr",
    "run.log_every",
    "optimizer.lr_batch",
    "data.val_fraction",
)
BELOW_ONE = ("average.decay", "augment.smoothing", "data.val_fraction")
NOT_NEGATIVE = (
    "data.workers",
    "data.repeats",
    "augment.erase",
    "augment.mixup",
    "augment.cutmix",
    "augment.smoothing",
    "optimizer.weight_decay",
    "schedule.warmup_epochs",
    "schedule.min_lr",
    "average.decay",
    "run.checkpoint_every",
    "run.explain_every",
    "run.explain_images",
    "model.drop_rate",
    "model.drop_path_rate",
    "run.seed",
)


def recipes() -> dict[str, Path]:
    """The shipped recipes, by name."""
    folder = Path(str(importlib.resources.files("vizgraph.training") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(name: str) -> Path:
    """The file that `--config` names: a path, or a shipped recipe with or without ".yaml".

    Raises:
        TrainingError: neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = recipes()
    stem = name.removesuffix(".yaml")
    if stem in shipped:
        return shipped[stem]
    near = difflib.get_close_matches(stem, shipped, n=1)
    hint = f"did you mean {near[0]}.yaml?" if near else f"shipped are {', '.join(f'{r}.yaml' for r in shipped)}"
    raise TrainingError(f"{name}: no such config file or recipe; {hint}")


def load(source: str | Path | None = None, overrides: Iterable[str] = (), *, smoke: bool = False) -> Config:
    """Read a config.

    Args:
        source: a YAML file or a shipped recipe's name; None starts from the defaults.
        overrides: "section.key=value", each in YAML's notation.
        smoke: apply the file's own `smoke` section, which makes of it a run of seconds.

    Raises:
        TrainingError: an unknown key (with the near match), a value of the wrong kind, or one out of range.
    """
    from omegaconf import OmegaConf

    origin = "the command line" if source is None else str(source)
    given: dict[str, Any] = {}
    if source is not None:
        given = _read_yaml(find(str(source)))
    quick = given.pop("smoke", None)
    _require_known(given, origin)
    layers: list[Any] = [given]
    if smoke:
        if not isinstance(quick, Mapping):
            raise TrainingError(f"{origin}: has no `smoke` section")
        _require_known(quick, f"{origin}, smoke")
        layers.append(quick)
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or "." not in key:
            raise TrainingError(f"{override!r}: an override reads section.key=value, such as schedule.epochs=10")
        layer = _from_override(override)
        _require_known(layer, override)
        layers.append(layer)
    made = OmegaConf.structured(Config)
    for layer in layers:
        _merge(made, layer, origin)
    try:
        config = OmegaConf.to_object(made)
    except Exception as error:
        raise TrainingError(f"{origin}: {first_line(error, count=2)}") from error
    assert isinstance(config, Config)
    _require_sensible(config)
    return config


def from_plain(values: Mapping[str, Any]) -> Config:
    """The config that `Config.plain` wrote; keys of another version are left out."""
    sections = {}
    for section, kind in typing.get_type_hints(Config).items():
        known = {f.name for f in dataclasses.fields(kind)}
        sections[section] = kind(**{k: v for k, v in (values.get(section) or {}).items() if k in known})
    return Config(**sections)


def to_yaml(config: Config) -> str:
    """The config as YAML that `load` reads."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(config.plain()))


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf

    try:
        read = OmegaConf.to_container(OmegaConf.load(path))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: cannot be read as YAML: {first_line(error, count=2)}") from error
    if not isinstance(read, dict):
        raise TrainingError(f"{path}: must hold sections ({', '.join(_sections())}), not a {type(read).__name__}")
    return typing.cast(dict[str, Any], read)


def _from_override(override: str) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf

    try:
        return typing.cast(dict[str, Any], OmegaConf.to_container(OmegaConf.from_dotlist([override])))
    except (yaml.YAMLError, ValueError) as error:
        raise TrainingError(f"{override!r}: cannot be read: {first_line(error, count=2)}") from error


def _sections() -> dict[str, Any]:
    return typing.get_type_hints(Config)


def _require_known(given: Mapping[str, Any], origin: str) -> None:
    sections = _sections()
    for section, values in given.items():
        if section not in sections:
            raise TrainingError(f"{origin}: no section is called {section!r}; {_near(str(section), sections)}")
        if not isinstance(values, Mapping):
            raise TrainingError(f"{origin}: `{section}` must hold keys and values (got {values!r})")
        known = [f.name for f in dataclasses.fields(sections[section])]
        for key in values:
            if key not in known:
                elsewhere = [s for s, kind in sections.items() if key in {f.name for f in dataclasses.fields(kind)}]
                hint = f"did you mean {elsewhere[0]}.{key}?" if elsewhere else _near(str(key), known, f"{section}.")
                raise TrainingError(f"{origin}: no key is called {section}.{key}; {hint}")


def _near(name: str, known: Iterable[str], prefix: str = "") -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    initials = "".join(part[:1] for part in name.split("_"))
    if initials in known:
        near = [initials]
    return f"did you mean {prefix}{near[0]}?" if near else f"choose from {', '.join(known)}"


def _merge(made: Any, layer: Mapping[str, Any], origin: str) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for section, values in layer.items():
        for key, value in values.items():
            try:
                OmegaConf.update(made, f"{section}.{key}", value, merge=isinstance(value, Mapping))
            except OmegaConfBaseException as error:
                kind = typing.get_type_hints(_sections()[section])[key]
                shown = getattr(kind, "__name__", None) if isinstance(kind, type) else None
                wanted = (shown or str(kind)).replace("typing.", "")
                raise TrainingError(f"{origin}: `{section}.{key}` must be of kind {wanted} (got {value!r})") from error


def _get(config: Config, dotted: str) -> Any:
    section, key = dotted.split(".")
    return getattr(getattr(config, section), key)


def _require_sensible(config: Config) -> None:
    for dotted, choices in CHOICES.items():
        if _get(config, dotted) not in choices:
            raise TrainingError(f"`{dotted}` must be one of {', '.join(choices)} (got {_get(config, dotted)!r})")
    for dotted in POSITIVE:
        if not _get(config, dotted) > 0:
            raise TrainingError(f"`{dotted}` must be above 0 (got {_get(config, dotted)})")
    for dotted in NOT_NEGATIVE:
        if not _get(config, dotted) >= 0:
            raise TrainingError(f"`{dotted}` must not be negative (got {_get(config, dotted)})")
    for dotted in BELOW_ONE:
        if not _get(config, dotted) < 1:
            raise TrainingError(f"`{dotted}` must be below 1 (got {_get(config, dotted)})")
    mixing = config.augment.mixup > 0 or config.augment.cutmix > 0 or config.augment.cutmix_minmax
    if mixing and config.data.batch_size % 2:
        raise TrainingError(f"`data.batch_size` must be even with mixup or cutmix (got {config.data.batch_size})")
    for name in ("scale", "ratio", "cutmix_minmax"):
        pair = getattr(config.augment, name)
        if pair is not None and not (len(pair) == 2 and 0 < pair[0] <= pair[1]):
            raise TrainingError(f"`augment.{name}` must be two numbers above 0, the smaller first (got {pair})")
    size = config.data.input_size
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise TrainingError(f"`data.input_size` must be [height, width] (got {size})")
