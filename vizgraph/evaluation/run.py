"""The one call: a network measured on a data set."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from viz_nodes.progress import progress as progress_bar
from viz_nodes.text import quoted
from vizgraph.data.labels import labels_of
from vizgraph.data.preprocessing import Normalize
from vizgraph.errors import TrainingError, UsageError
from vizgraph.evaluation import report
from vizgraph.evaluation.class_matching import match
from vizgraph.training.config import DataConfig, require_sensible_data
from vizgraph.training.datasets import MADE, READERS, SCENES, Source, open_validation
from vizgraph.training.distributed import Distributed, choose_device
from vizgraph.training.loaders import evaluation_loader
from vizgraph.training.metrics import Metrics, measure
from vizgraph.training.network import preprocessing_of
from vizgraph.training.samples import Batch

if TYPE_CHECKING:
    import pandas as pd

PRECISIONS = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, eq=False)
class EvaluateResult:
    """What was measured.

    Attributes:
        metrics: on the whole split, every sample once.
        labels: class names of the network, or numbers as text.
        matched: how the data set's classes were matched with them.
        preprocessing: what was done to the images, in timm's words.
        images_per_second: over all ranks, loading included.
        arch, weights: what was measured, in words.
        data, split: on what.
        predictions: one row a sample if asked for, in the order of the data set.
        real_top1, real_count: percent by the reassessed ImageNet labels and images counted, None without those.
        published_top1: of these weights or this architecture, on ImageNet only.
        localization: on the scenes, see `localize`.
        note: what a person should know of how the data was opened.
        paths: files written.
    """

    metrics: Metrics
    labels: tuple[str, ...]
    matched: str
    preprocessing: dict[str, Any]
    images_per_second: float
    arch: str = ""
    weights: str = ""
    data: str = ""
    split: str = ""
    predictions: list[dict[str, Any]] | None = None
    real_top1: float | None = None
    real_count: int | None = None
    published_top1: float | None = None
    localization: dict[str, Any] | None = None
    note: str = ""
    paths: tuple[Path, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """A row a class: samples, recall, precision, and how often it was the answer."""
        return report.class_table(self)

    def plain(self) -> dict[str, Any]:
        """The figures in plain types, as in `scores.json`."""
        return report.summary(self)


def data_config(where: str | Path, *, root: str | Path | None = None, **values: Any) -> DataConfig:
    """The data that one word means: a folder, "scenes", "relation", or what timm reads ("hfds/NAME", "wds/", ...).

    Args:
        where: the word.
        root: where the images of timm's readers lie.
        **values: further fields of `DataConfig`.
    """
    word = str(where)
    named = word in MADE or word.partition("/")[0].lower() in READERS
    place = root if named else word
    return DataConfig(name=word if named else "", root=None if place is None else str(place), **values)


def evaluate(
    model: nn.Module,
    data: DataConfig | str | Path,
    distributed: Distributed | None = None,
    *,
    split: str | None = None,
    save: bool = False,
    real: Path | Sequence[Sequence[int]] | None = None,
    amp: str = "none",
    localize: bool = True,
    out: Path | None = None,
    progress: bool = False,
) -> EvaluateResult:
    """Measure a network on a split; over several ranks no sample is counted twice.

    Args:
        model: the network; its weights' preprocessing holds where `data` says nothing else.
        data: the images, or where they are as `data_config` reads it.
        distributed: the processes that share them; None is this one alone, on the network's device.
        split: instead of `data.val_split`.
        save: whether to keep a row for every sample.
        real: for each image of the ImageNet validation set, by the number in its name, its reassessed labels; or the
            file that holds them.
        amp: precision of the forward pass, "none", "bf16" or "fp16".
        localize: on the scenes, whether to look where the peaks lie.
        out: folder to write `scores.json`, tables and figures into; None writes nothing.
        progress: whether to show a progress bar (on the main rank).

    Raises:
        DataError: the data cannot be opened.
        TrainingError: its classes are not the network's, or an image has no number that `real` knows.
        UsageError: such a precision cannot be had.
        CannotWrite: the files cannot be written.
    """
    data = data_config(data) if isinstance(data, str | Path) else data
    require_sensible_data(data)
    split = split or data.val_split
    if distributed is None:
        parameter = next(model.parameters(), None)
        distributed = Distributed(choose_device("cpu") if parameter is None else parameter.device)
    precision = _precision(amp, distributed)
    allowed = read_real_labels(real) if isinstance(real, str | Path) else real
    result, source = _measure(model, data, distributed, split, save or allowed is not None, precision, progress)
    if allowed is not None:
        real_top1, real_count = _by_real_labels(result.predictions or [], allowed)
        result = replace(result, real_top1=real_top1, real_count=real_count)
    if data.name == SCENES and localize:
        from vizgraph.evaluation.localization import localize as where_peaks_lie

        located = where_peaks_lie(model, source, preprocessing_of(model, data), distributed, show=progress)
        result = replace(result, localization=located)
    info = getattr(model, "checkpoint_info", None)
    result = replace(
        result,
        arch=getattr(info, "arch", None) or type(model).__name__,
        weights="" if info is None else str(info),
        data=data.name or str(data.root),
        split=split,
        predictions=result.predictions if save else None,
        published_top1=report.published_top1(info, result.labels, result.matched),
    )
    if out is not None and distributed.is_main:
        result = replace(result, paths=tuple(report.write(result, Path(out))))
    return result


def _precision(amp: str, distributed: Distributed) -> torch.dtype | None:
    if amp not in PRECISIONS:
        raise UsageError("amp", f"must be one of {', '.join(PRECISIONS)} (got {quoted(amp)})")
    if amp == "fp16" and distributed.device.type == "cpu":
        raise UsageError("--amp", "fp16 needs a GPU", "use bf16 or none")
    return PRECISIONS[amp]


def _measure(
    model: nn.Module,
    data: DataConfig,
    distributed: Distributed,
    split: str,
    rows_wanted: bool,
    precision: torch.dtype | None,
    progress: bool,
) -> tuple[EvaluateResult, Source]:
    """The metrics, with a row a sample if wanted; and the split as it was opened."""
    classes = int(getattr(model, "num_classes", 0))
    known = labels_of(model)
    source = open_validation(data, split=split)
    mapping, matched = match(source.labels, known, classes)
    source = replace(source, mapping=mapping)
    preprocessing = preprocessing_of(model, data)
    source = source.read_for(preprocessing)
    labels = known or (source.labels if mapping is None and source.labels else None)
    labels = tuple(labels) if labels is not None and len(labels) == classes else tuple(str(n) for n in range(classes))
    loader = evaluation_loader(source, preprocessing.evaluation_transform(), data, distributed)
    rows: list[dict[str, Any]] = []

    def note(batch: Batch, logits: Tensor) -> None:
        live.update(1)
        if rows_wanted:
            rows.extend(_rows(source, batch, logits, labels))

    total = None if source.stream else len(loader)
    with progress_bar(show=progress and distributed.is_main, total=total, unit="batches", doing="evaluate") as live:
        started = time.monotonic()
        metrics = measure(
            model,
            loader,
            Normalize(preprocessing, distributed.device),
            distributed,
            classes=classes,
            each=note,
            autocast=lambda: _autocast(distributed.device, precision),
        )
        seconds = time.monotonic() - started
    assert metrics is not None
    slowest = max(distributed.gather(seconds))
    everyone = [row for part in distributed.gather(rows) for row in part]
    everyone.sort(key=lambda row: int(row["index"]))
    result = EvaluateResult(
        metrics,
        labels,
        matched,
        preprocessing.plain(),
        metrics.count / max(slowest, 1e-9),
        predictions=everyone if rows_wanted else None,
        note=source.note,
    )
    return result, source


def _autocast(device: torch.device, precision: torch.dtype | None) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if precision is None else torch.autocast(device.type, precision)


def _rows(source: Source, batch: Batch, logits: Tensor, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    top = logits.float().softmax(1).topk(min(5, logits.shape[1]), dim=1)
    return [
        {
            "index": index,
            "sample": source.name_of(index),
            "label": labels[label],
            "answer": labels[answers[0]],
            "probability": odds[0],
            "correct": answers[0] == label,
            "label_number": label,
            "answer_numbers": answers,
            "probabilities": odds,
        }
        for index, label, answers, odds in zip(
            batch.indices.tolist(), batch.labels.tolist(), top.indices.tolist(), top.values.tolist(), strict=True
        )
    ]


def read_real_labels(path: str | Path) -> list[list[int]]:
    """The reassessed labels of the ImageNet validation set: a JSON list of 50,000 lists of class numbers.

    Raises:
        UsageError: the file is not that.
    """
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(path, f"cannot be read as JSON: {error}") from error
    good = isinstance(read, list) and all(
        isinstance(labels, list) and all(isinstance(n, int) for n in labels) for labels in read
    )
    if not good:
        raise UsageError(path, "must hold a list of lists of class numbers, as the real.json of ImageNet-ReaL does")
    return list(read)


def _by_real_labels(
    rows: Sequence[Mapping[str, Any]], real: Sequence[Sequence[int]]
) -> tuple[float | None, int | None]:
    right = count = 0
    for row in rows:
        number = re.search(r"(\d{8})\D*$", str(row["sample"]))
        if number is None or not 1 <= int(number[1]) <= len(real):
            raise TrainingError(f"{row['sample']}: has no number of an ImageNet validation image in its name")
        allowed = real[int(number[1]) - 1]
        if allowed:
            count += 1
            right += row["answer_numbers"][0] in allowed
    return (100 * right / count if count else None), count
