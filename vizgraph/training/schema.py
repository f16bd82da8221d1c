"""What a run can be told: typed sections, each field with its meaning, its default, and the range it must be in."""

from __future__ import annotations

import dataclasses
import math
import operator
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from viz_nodes.text import quoted


@dataclass(frozen=True)
class Range:
    """What a value must be, beyond its type; of a list, what each of its numbers must be.

    Attributes:
        least, most: smallest and largest value allowed.
        above, below: the same without the value itself.
        choices: the only values allowed.
        length: numbers in a list; `shape` names them.
        rising: whether the numbers of a list must not fall.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    length: int | None = None
    shape: str = ""
    rising: bool = False

    def refuses(self, value: Any) -> str:
        """What the value must be, "" where it is that. None is always allowed."""
        if value is None:
            return ""
        if self.choices:
            return "" if value in self.choices else f"be one of {', '.join(self.choices)}"
        numbers = list(value) if isinstance(value, list | tuple) else [value]
        if self.length is not None and len(numbers) != self.length:
            return f"be {self.shape or f'{self.length} numbers'}"
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            return "be finite"
        for limit, holds, words in (
            (self.least, operator.ge, "be at least {:g}" if self.least else "not be negative"),
            (self.above, operator.gt, "be above {:g}"),
            (self.most, operator.le, "be at most {:g}"),
            (self.below, operator.lt, "be below {:g}"),
        ):
            if limit is not None and not all(holds(number, limit) for number in numbers):
                return words.format(limit)
        if self.rising and numbers != sorted(numbers):
            return "have its smaller number first"
        return ""


SHARE = Range(least=0, most=1)
NOT_NEGATIVE = Range(least=0)
POSITIVE = Range(above=0)
COUNT = Range(above=0, most=2**31 - 1)
MANY = Range(least=0, most=2**31 - 1)
"""A count that may be none."""
MOST_CLASSES = 10_000
"""Classes from which on a confusion matrix, a whole number for each pair, takes more than a gigabyte."""


def among(*choices: str) -> Range:
    """One of some words."""
    return Range(choices=choices)


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
    num_classes: Annotated[int | None, Range(least=1, most=MOST_CLASSES)] = None
    pretrained: bool = False
    checkpoint: str | None = None
    drop_rate: Annotated[float, Range(least=0, below=1)] = 0.0
    drop_path_rate: Annotated[float, Range(least=0, below=1)] = 0.0
    kwargs: dict[str, Any] = field(default_factory=dict)
    freeze: list[str] = field(default_factory=list)
    grad_checkpointing: Annotated[str, among("none", "activations", "blocks")] = "none"
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
        train_size, val_size: scenes an epoch and scenes validated on (scenes), the first samples of a stream, or so
            many images spread evenly over a data set, and so over its classes; None takes all.
        repeats: repeated augmentation, every image this many times in an epoch of a third the images; 0 is off.
        input_size: (height, width) in pixels; None takes the network's.
        mean, std, interpolation, crop_pct, crop_mode: preprocessing; None takes the network's.
    """

    name: str = ""
    root: str | None = None
    train_split: str = "train"
    val_split: str = "validation"
    val_fraction: Annotated[float, Range(above=0, below=1)] = 0.2
    class_map: str | None = None
    batch_size: Annotated[int, COUNT] = 128
    workers: Annotated[int, Range(least=0, most=1024)] = 4
    train_size: Annotated[int | None, COUNT] = None
    val_size: Annotated[int | None, COUNT] = None
    repeats: Annotated[int, Range(least=0, most=1000)] = 0
    input_size: Annotated[list[int] | None, Range(least=1, most=4096, length=2, shape="[height, width]")] = None
    mean: Annotated[list[float] | None, Range(least=-1e4, most=1e4)] = None
    std: Annotated[list[float] | None, Range(least=1e-4, most=1e4)] = None
    interpolation: Annotated[str | None, among("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")] = None
    crop_pct: Annotated[float | None, Range(least=0.2, most=1)] = None
    crop_mode: Annotated[str | None, among("center", "squash", "border")] = None


@dataclass
class AugmentConfig:
    """What is done to training images; names and meanings are timm's.

    Attributes:
        resize_only: no augmentation, only resize and crop.
        mixup_off_epoch: no more mixup or cutmix from this epoch on; 0 keeps them.
        smoothing: label smoothing.
    """

    resize_only: bool = False
    scale: Annotated[list[float], Range(above=0, most=1, length=2, rising=True)] = field(
        default_factory=lambda: [0.08, 1.0]
    )
    ratio: Annotated[list[float], Range(above=0, length=2, rising=True)] = field(default_factory=lambda: [3 / 4, 4 / 3])
    hflip: Annotated[float, SHARE] = 0.5
    vflip: Annotated[float, SHARE] = 0.0
    color_jitter: Annotated[float, NOT_NEGATIVE] = 0.4
    auto_augment: str | None = None
    interpolation: Annotated[str, among("random", "nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")] = (
        "random"
    )
    erase: Annotated[float, SHARE] = 0.0
    erase_mode: Annotated[str, among("const", "rand", "pixel")] = "pixel"
    erase_count: Annotated[int, Range(least=1, most=1000)] = 1
    mixup: Annotated[float, NOT_NEGATIVE] = 0.0
    cutmix: Annotated[float, NOT_NEGATIVE] = 0.0
    cutmix_minmax: Annotated[list[float] | None, Range(above=0, below=1, length=2, rising=True)] = None
    mixup_prob: Annotated[float, SHARE] = 1.0
    mixup_switch_prob: Annotated[float, SHARE] = 0.5
    mixup_mode: Annotated[str, among("batch", "pair", "elem")] = "batch"
    mixup_off_epoch: Annotated[int, MANY] = 0
    smoothing: Annotated[float, Range(least=0, below=1)] = 0.1

    @property
    def mixes(self) -> bool:
        """Whether images are mixed, by mixup or cutmix."""
        return self.mixup > 0 or self.cutmix > 0 or self.cutmix_minmax is not None


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
    lr: Annotated[float, POSITIVE] = 1e-3
    lr_scaling: Annotated[str, among("none", "linear", "sqrt")] = "none"
    lr_batch: Annotated[int, COUNT] = 1024
    weight_decay: Annotated[float, NOT_NEGATIVE] = 0.05
    momentum: Annotated[float, Range(least=0, below=1)] = 0.9
    betas: Annotated[list[float] | None, Range(least=0, below=1)] = None
    eps: Annotated[float | None, NOT_NEGATIVE] = None
    layer_decay: Annotated[float | None, Range(above=0, most=1)] = None
    accumulate: Annotated[int, COUNT] = 1
    clip: Annotated[float | None, POSITIVE] = None
    clip_mode: Annotated[str, among("norm", "value", "agc")] = "norm"
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScheduleConfig:
    """The learning rate over time, in epochs; moved after every update, or after every epoch with `by_epoch`."""

    name: str = "cosine"
    epochs: Annotated[int, Range(least=1, most=1_000_000)] = 300
    warmup_epochs: Annotated[float, NOT_NEGATIVE] = 0.0
    warmup_lr: Annotated[float, NOT_NEGATIVE] = 1e-6
    min_lr: Annotated[float, NOT_NEGATIVE] = 1e-5
    cooldown_epochs: Annotated[int, Range(least=0, most=1_000_000)] = 0
    decay_epochs: Annotated[float | None, POSITIVE] = None
    decay_rate: Annotated[float, POSITIVE] = 0.1
    by_epoch: bool = False


@dataclass
class AverageConfig:
    """The exponential moving average of the weights (EMA), which is then what is validated and exported.

    Attributes:
        decay: share kept at an update; 0 is off.
        warmup: grow the decay from 0, for short runs.
    """

    decay: Annotated[float, Range(least=0, below=1)] = 0.0
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
    seed: Annotated[int, Range(least=0, most=2**63 - 1)] = 0
    device: str = "auto"
    amp: Annotated[str, among("none", "bf16", "fp16")] = "none"
    compile: bool = False
    channels_last: bool = False
    threads: Annotated[int | None, Range(least=1, most=4096)] = None
    checkpoint_every: Annotated[int, MANY] = 0
    save_minutes: Annotated[float, POSITIVE] = 10.0
    validate_every: Annotated[int, COUNT] = 1
    explain_every: Annotated[int, MANY] = 0
    explain_images: Annotated[int, Range(least=1, most=1000)] = 4
    tensorboard: bool = False
    log_every: Annotated[int, COUNT] = 20


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


def sections() -> dict[str, type[Any]]:
    """The sections of a config, each with its dataclass."""
    return typing.get_type_hints(Config)


def from_plain(values: Mapping[str, Any]) -> Config:
    """The config that `Config.plain` wrote; keys of another version are left out."""
    read = {}
    for section, kind in sections().items():
        known = {f.name for f in dataclasses.fields(kind)}
        read[section] = kind(**{k: v for k, v in (values.get(section) or {}).items() if k in known})
    return Config(**read)


def problems(config: Config) -> Iterator[str]:
    """What in a config cannot be meant, a sentence each."""
    for section, kind in sections().items():
        part, hints = getattr(config, section), typing.get_type_hints(kind, include_extras=True)
        for entry in dataclasses.fields(kind):
            value = getattr(part, entry.name)
            for allowed in getattr(hints[entry.name], "__metadata__", ()):
                if must := allowed.refuses(value):
                    yield f"`{section}.{entry.name}` must {must} (got {quoted(value)})"
    if config.augment.mixes and config.data.batch_size % 2:
        yield f"`data.batch_size` must be even with mixup or cutmix (got {config.data.batch_size})"
