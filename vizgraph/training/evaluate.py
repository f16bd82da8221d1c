"""A network measured on a data set, and the files that say so."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vizgraph.data.labels import labels_of
from vizgraph.errors import TrainingError
from vizgraph.training.batches import Batch
from vizgraph.training.class_names import match
from vizgraph.training.config import DataConfig
from vizgraph.training.datasets import Source, open_validation
from vizgraph.training.feeding import loader_to_measure
from vizgraph.training.preprocessing import Normalize, measuring_transform, resolve
from vizgraph.training.ranks import Ranks
from vizgraph.training.saving import replacing
from vizgraph.training.scoring import CALIBRATION_BINS, Scores, measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLOSE = 0.3
"""Percent points from a published figure below which there is nothing to explain."""
USUAL_REASONS = (
    "wrong mean or std (the ViG release uses 0.5, GraphConvNet ImageNet's)",
    "another crop or interpolation",
    "weights without EMA where EMA ones were measured",
    "images resized or re-encoded beforehand",
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured.

    Attributes:
        scores: on the whole split, every sample once.
        labels: class names of the network, or numbers as text.
        matched: how the data set's classes were matched with them.
        preprocessing: what was done to the images.
        images_per_second: over all ranks, loading included.
        predictions: one row a sample if asked for, in the order of the data set.
        real_top1, real_count: percent by the reassessed ImageNet labels and images counted, None without those.
    """

    scores: Scores
    labels: tuple[str, ...]
    matched: str
    preprocessing: dict[str, Any]
    images_per_second: float
    predictions: list[dict[str, Any]] | None = None
    real_top1: float | None = None
    real_count: int | None = None


def evaluate(
    model: nn.Module,
    data: DataConfig,
    ranks: Ranks,
    *,
    split: str | None = None,
    save: bool = False,
    real: Sequence[Sequence[int]] | None = None,
    amp: torch.dtype | None = None,
    show: bool = True,
) -> Evaluation:
    """Measure a network on a split; over several ranks no sample is counted twice.

    Args:
        model: the network, on `ranks.device`; its weights' preprocessing holds where `data` says nothing else.
        data: the images.
        ranks: the processes that share them.
        split: instead of `data.val_split`.
        save: whether to keep a row for every sample.
        real: for each image of the ImageNet validation set, by the number in its name, its reassessed labels.
        amp: precision of the forward pass, None for float32.
        show: whether to show a progress bar (on the first rank).

    Raises:
        TrainingError: the data cannot be opened, or its classes are not the network's.
    """
    classes = int(getattr(model, "num_classes", 0))
    known = labels_of(model)
    source = open_validation(data, split=split)
    mapping, matched = match(source.labels, known, classes)
    source = replace(source, mapping=mapping)
    preprocessing = resolve(model, data)
    labels = known or (source.labels if mapping is None and source.labels else None)
    labels = tuple(labels) if labels is not None and len(labels) == classes else tuple(str(n) for n in range(classes))
    loader = loader_to_measure(source, measuring_transform(preprocessing), data, ranks)
    rows: list[dict[str, Any]] = []
    total = None if source.stream else len(loader)

    def note(batch: Batch, logits: Tensor) -> None:
        live.update(1)
        if save or real is not None:
            rows.extend(_rows(source, batch, logits, labels))

    from vizgraph.training.journal import bar

    with bar(total or 0, 0, "evaluate", show=show and ranks.first) as live:
        started = time.monotonic()
        scores = measure(
            model,
            loader,
            Normalize(preprocessing, ranks.device),
            ranks,
            classes=classes,
            each=note,
            autocast=None if amp is None else (lambda: torch.autocast(ranks.device.type, amp)),
        )
        seconds = time.monotonic() - started
    assert scores is not None
    slowest = max(ranks.gather(seconds))
    everyone = [row for part in ranks.gather(rows) for row in part]
    everyone.sort(key=lambda row: row["index"])
    real_top1, real_count = _by_real_labels(everyone, real)
    return Evaluation(
        scores,
        labels,
        matched,
        preprocessing,
        scores.count / max(slowest, 1e-9),
        everyone if save else None,
        real_top1,
        real_count,
    )


def _rows(source: Source, batch: Batch, logits: Tensor, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    top = logits.float().softmax(1).topk(min(5, logits.shape[1]), dim=1)
    rows = []
    for index, label, answers, odds in zip(
        batch.indices.tolist(), batch.labels.tolist(), top.indices.tolist(), top.values.tolist(), strict=True
    ):
        rows.append(
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
        )
    return rows


def read_real_labels(path: Path) -> list[list[int]]:
    """The reassessed labels of the ImageNet validation set: a JSON list of 50,000 lists of class numbers.

    Raises:
        TrainingError: the file is not that.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read as JSON: {error}") from error
    good = isinstance(read, list) and all(
        isinstance(one, list) and all(isinstance(n, int) for n in one) for one in read
    )
    if not good:
        raise TrainingError(
            f"{path}: must hold a list of lists of class numbers, as the real.json of ImageNet-ReaL does"
        )
    return read


def _by_real_labels(
    rows: Sequence[Mapping[str, Any]], real: Sequence[Sequence[int]] | None
) -> tuple[float | None, int | None]:
    if real is None:
        return None, None
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


def against_published(top1: float, published: float) -> str:
    """One sentence: the published figure beside ours, and the usual reasons where they are apart."""
    said = f"{published:.1f} published, {top1:.1f} here"
    if abs(top1 - published) <= CLOSE:
        return said
    return f"{said}; the usual reasons are: {'; '.join(USUAL_REASONS)}"


def write(evaluation: Evaluation, folder: Path, more: Mapping[str, Any]) -> list[Path]:
    """Write `scores.json`, `per_class.csv`, `confusion.csv`, `confusion.png`, `calibration.csv`, `calibration.png` and
    `predictions.csv` (if they were kept); returns the files.

    Args:
        evaluation: what was measured.
        folder: where to.
        more: further facts for `scores.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores, labels = evaluation.scores, evaluation.labels
    written = []

    def put(name: str, content: bytes) -> None:
        with replacing(folder / name) as file:
            file.write(content)
        written.append(folder / name)

    put("scores.json", (json.dumps({**summary(evaluation), **more}, indent=2, ensure_ascii=False) + "\n").encode())
    put("per_class.csv", _csv(("class", "samples", "recall", "precision", "answers"), _class_rows(evaluation)))
    counts = scores.confusion.tolist()
    put("confusion.csv", _csv(("label", *labels), [(name, *row) for name, row in zip(labels, counts, strict=True)]))
    put("calibration.csv", _csv(("from", "to", "samples", "confidence", "accuracy"), _calibration_rows(scores)))
    if evaluation.predictions is not None:
        names = ("index", "sample", "label", "answer", "probability", "correct", "answers", "probabilities")
        rows = [
            (
                row["index"],
                row["sample"],
                row["label"],
                row["answer"],
                f"{row['probability']:.6f}",
                int(row["correct"]),
                "|".join(labels[number] for number in row["answer_numbers"]),
                "|".join(f"{odds:.6f}" for odds in row["probabilities"]),
            )
            for row in evaluation.predictions
        ]
        put("predictions.csv", _csv(names, rows))
    for name, figure in (
        ("confusion.png", draw_confusion(scores, labels)),
        ("calibration.png", draw_calibration(scores)),
    ):
        content = io.BytesIO()
        figure.savefig(content, dpi=150, format="png")
        put(name, content.getvalue())
    return written


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The figures in plain types."""
    scores = evaluation.scores
    told = {
        "samples": scores.count,
        "top1": scores.top1,
        "top5": scores.top5,
        "loss": scores.loss,
        "calibration_error": scores.calibration_error,
        "replaced": scores.replaced,
        "classes": len(evaluation.labels),
        "classes_matched": evaluation.matched,
        "preprocessing": evaluation.preprocessing,
        "images_per_second": evaluation.images_per_second,
    }
    if evaluation.real_top1 is not None:
        told.update(real_top1=evaluation.real_top1, real_samples=evaluation.real_count)
    return told


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def _class_rows(evaluation: Evaluation) -> list[tuple[Any, ...]]:
    scores = evaluation.scores
    samples, answers = scores.confusion.sum(1).tolist(), scores.confusion.sum(0).tolist()
    return [
        (name, count, f"{recall:.6f}" if count else "", f"{precision:.6f}" if given else "", given)
        for name, count, recall, precision, given in zip(
            evaluation.labels, samples, scores.recall.tolist(), scores.precision.tolist(), answers, strict=True
        )
    ]


def _calibration_rows(scores: Scores) -> list[tuple[Any, ...]]:
    rows = []
    for number, (count, confidence, right) in enumerate(scores.bins.tolist()):
        edges = number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS
        shown = (f"{confidence / count:.6f}", f"{right / count:.6f}") if count else ("", "")
        rows.append((f"{edges[0]:.4f}", f"{edges[1]:.4f}", int(count), *shown))
    return rows


MOST_NAMED = 40
"""Classes up to which the confusion matrix is labelled and its cells numbered."""


def draw_confusion(scores: Scores, labels: Sequence[str]) -> Figure:
    """The confusion matrix: rows the labels, columns the answers, shares of each row as color."""
    from matplotlib.figure import Figure

    counts = scores.confusion.double()
    # Rows without samples say nothing: a split may hold part of the classes.
    used = torch.nonzero(counts.sum(1) + counts.sum(0) > 0).flatten()
    if len(used) < len(labels):
        counts = counts[used][:, used]
        labels = [labels[number] for number in used.tolist()]
    shares = (counts / counts.sum(1, keepdim=True).clamp(min=1)).numpy()
    named = len(labels) <= MOST_NAMED
    side = max(3.6, 0.42 * len(labels) + 1.8) if named else 7.0
    figure = Figure(figsize=(side + 0.7, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    axes.set_title(f"{scores.count} samples, top-1 {scores.top1:.2f} %", fontsize=10)
    if named:
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8, parse_math=False)
        axes.set_yticks(range(len(labels)), labels, fontsize=8, parse_math=False)
        for row, line in enumerate(counts.int().tolist()):
            for column, count in enumerate(line):
                if count:
                    color = "white" if shares[row, column] > 0.6 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, ax=axes, label="share of the label's samples", shrink=0.8)
    return figure


def draw_calibration(scores: Scores) -> Figure:
    """Accuracy against confidence, and how many samples have which."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    counts, confidence, right = scores.bins.T.numpy()
    full = counts > 0
    edges = [number / CALIBRATION_BINS for number in range(CALIBRATION_BINS)]
    width = 1 / CALIBRATION_BINS
    with contextlib.suppress(ZeroDivisionError):
        upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
        upper.plot(confidence[full] / counts[full], right[full] / counts[full], "o-", color="#0072b2", markersize=4)
    upper.set_ylabel("accuracy")
    upper.set_title(f"expected calibration error {scores.calibration_error:.3f}", fontsize=10)
    lower.bar(edges, counts, width=width, align="edge", color="#0072b2", edgecolor="white")
    lower.set_xlabel("confidence")
    lower.set_ylabel("samples")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
