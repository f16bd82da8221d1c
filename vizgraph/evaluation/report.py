"""What an evaluation says: the files it writes, the figures among them, and a sentence beside the published one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vizgraph.training.checkpoint import replacing
from vizgraph.training.metrics import CALIBRATION_BINS, Metrics

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from vizgraph.evaluation.run import EvaluateResult

CLOSE = 0.3
"""Percent points from a published figure below which there is nothing to explain."""
USUAL_REASONS = (
    "wrong mean or std (the ViG release uses 0.5, GraphConvNet ImageNet's)",
    "another crop or interpolation",
    "weights without EMA where EMA ones were measured",
    "images resized or re-encoded beforehand",
)
MOST_NAMED = 40
"""Classes up to which the confusion matrix is labelled and its cells numbered."""
_COLUMNS = ("index", "sample", "label", "answer", "probability", "correct", "answers", "probabilities")


def against_published(top1: float, published: float) -> str:
    """One sentence: the published figure beside ours, and the usual reasons where they are apart."""
    beside = f"{published:.1f} published, {top1:.1f} here"
    if abs(top1 - published) <= CLOSE:
        return beside
    return f"{beside}; the usual reasons are: {'; '.join(USUAL_REASONS)}"


def published_top1(info: Any, labels: Sequence[str], matched: str) -> float | None:
    """The published top-1 of the weights, or else of their architecture; None on other data than ImageNet.

    Args:
        info: the network's `checkpoint_info`, or None.
        labels: class names of the network.
        matched: how the data set's classes were matched with them.
    """
    from vizgraph.checkpoints.catalog import ARCHITECTURES

    known = ARCHITECTURES.get(getattr(info, "arch", ""))
    if known is None or len(labels) != 1000 or ("synset" not in matched and "number" not in matched):
        return None
    digest = getattr(info, "sha256", "") or ""
    for weights in known.weights:
        same = (
            digest.startswith(weights.sha256)
            if weights.sha256 and digest
            else weights.origin == getattr(info, "origin", None)
        )
        if same and weights.top1 is not None:
            return weights.top1
    return known.top1


def lines(result: EvaluateResult) -> list[str]:
    """The result as people read it, a line a fact."""
    metrics = result.metrics
    text = [
        f"top-1 {metrics.top1:.2f} % ({metrics.right} of {metrics.count}), top-5 {metrics.top5:.2f} %, "
        f"loss {metrics.loss:.4f}, calibration error {metrics.calibration_error:.4f}, "
        f"{result.images_per_second:.1f} images/s"
    ]
    if result.real_top1 is not None:
        text.append(f"by the reassessed labels: top-1 {result.real_top1:.2f} % of {result.real_count}")
    if result.published_top1 is not None:
        text.append(f"top-1 {against_published(metrics.top1, result.published_top1)}")
    if metrics.corrupt_images:
        text.append(f"{metrics.corrupt_images} damaged images gave way to others")
    text.append(f"classes matched {result.matched}")
    if result.note:
        text.append(result.note)
    if result.localization is not None:
        text.extend(_localization_lines(result.localization))
    return text


def _localization_lines(located: dict[str, Any]) -> list[str]:
    text = []
    for key, what in (("center_inside", "its center inside the object"), ("overlap", "overlapping the object")):
        part = located[key]
        text.append(
            f"peak patch of the last layer, {what}: {part['hits']} of {located['correct']} correctly classified "
            f"({100 * part['share']:.1f} %); by chance {100 * part['chance']:.1f} %"
        )
    if located["blank"]:
        text.append(f"{located['blank']} of these maps are blank and count as misses")
    return text


def write(result: EvaluateResult, folder: Path) -> list[Path]:
    """Write `scores.json`, `per_class.csv`, `confusion.csv`, `confusion.png`, `calibration.csv`, `calibration.png` and
    `predictions.csv` (if they were kept); returns the files.

    Args:
        result: what was measured.
        folder: where to.

    Raises:
        CannotWrite: it is closed, or the disk is full.
    """
    metrics, labels = result.metrics, result.labels
    contents: dict[str, bytes] = {
        "scores.json": (json.dumps(summary(result), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"),
        "per_class.csv": _csv(("class", "samples", "recall", "precision", "answers"), _class_rows(result)),
    }
    counts = metrics.confusion.tolist()
    rows = [(name, *row) for name, row in zip(labels, counts, strict=True)]
    contents["confusion.csv"] = _csv(("label", *labels), rows)
    contents["calibration.csv"] = _csv(("from", "to", "samples", "confidence", "accuracy"), _calibration_rows(metrics))
    if result.predictions is not None:
        contents["predictions.csv"] = _csv(_COLUMNS, [_prediction_row(row, labels) for row in result.predictions])
    contents["confusion.png"] = _png(draw_confusion(metrics, labels))
    contents["calibration.png"] = _png(draw_calibration(metrics))
    for name, content in contents.items():
        with replacing(folder / name, cure="free space there, or choose another place with --out") as file:
            file.write(content)
    return [folder / name for name in contents]


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, dpi=150, format="png")
    return content.getvalue()


def _prediction_row(row: dict[str, Any], labels: Sequence[str]) -> tuple[Any, ...]:
    return (
        row["index"],
        row["sample"],
        row["label"],
        row["answer"],
        f"{row['probability']:.6f}",
        int(row["correct"]),
        "|".join(labels[number] for number in row["answer_numbers"]),
        "|".join(f"{odds:.6f}" for odds in row["probabilities"]),
    )


def summary(result: EvaluateResult) -> dict[str, Any]:
    """The figures in plain types."""
    metrics = result.metrics
    facts = {
        "samples": metrics.count,
        "top1": metrics.top1,
        "top5": metrics.top5,
        "loss": metrics.loss,
        "calibration_error": metrics.calibration_error,
        "corrupt_images": metrics.corrupt_images,
        "classes": len(result.labels),
        "classes_matched": result.matched,
        "preprocessing": result.preprocessing,
        "images_per_second": result.images_per_second,
        "arch": result.arch,
        "weights": result.weights,
        "data": result.data,
        "split": result.split,
    }
    if result.real_top1 is not None:
        facts |= {"real_top1": result.real_top1, "real_samples": result.real_count}
    if result.published_top1 is not None:
        facts["published_top1"] = result.published_top1
    if result.localization is not None:
        facts["localization"] = result.localization
    return facts


def class_table(result: EvaluateResult) -> pd.DataFrame:
    """A row a class: samples, recall, precision (NaN where there is nothing to divide by), answers."""
    import pandas as pd

    metrics = result.metrics
    return pd.DataFrame(
        {
            "class": list(result.labels),
            "samples": metrics.confusion.sum(1).tolist(),
            "recall": metrics.recall.tolist(),
            "precision": metrics.precision.tolist(),
            "answers": metrics.confusion.sum(0).tolist(),
        }
    )


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _class_rows(result: EvaluateResult) -> list[tuple[Any, ...]]:
    metrics = result.metrics
    samples, answers = metrics.confusion.sum(1).tolist(), metrics.confusion.sum(0).tolist()
    return [
        (name, count, f"{recall:.6f}" if count else "", f"{precision:.6f}" if answered else "", answered)
        for name, count, recall, precision, answered in zip(
            result.labels, samples, metrics.recall.tolist(), metrics.precision.tolist(), answers, strict=True
        )
    ]


def _calibration_rows(metrics: Metrics) -> list[tuple[Any, ...]]:
    rows = []
    for number, (count, confidence, right) in enumerate(metrics.bins.tolist()):
        edges = number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS
        shown = (f"{confidence / count:.6f}", f"{right / count:.6f}") if count else ("", "")
        rows.append((f"{edges[0]:.4f}", f"{edges[1]:.4f}", int(count), *shown))
    return rows


def draw_confusion(metrics: Metrics, labels: Sequence[str]) -> Figure:
    """The confusion matrix: rows the labels, columns the answers, shares of each row as color."""
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.text import without_latex

    counts = metrics.confusion.double()
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
    axes.set_title(f"{metrics.count} samples, top-1 {metrics.top1:.2f} %", fontsize=10)
    if named:
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8, parse_math=False)
        axes.set_yticks(range(len(labels)), labels, fontsize=8, parse_math=False)
        for row, line in enumerate(counts.int().tolist()):
            for column, count in enumerate(line):
                if count:
                    color = "white" if shares[row, column] > 0.6 else "black"
                    axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, ax=axes, label="share of the label's samples", shrink=0.8)
    return without_latex(figure)


def draw_calibration(metrics: Metrics) -> Figure:
    """Accuracy against confidence, and how many samples have which."""
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.text import without_latex

    figure = Figure(figsize=(4.2, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    counts, confidence, right = metrics.bins.T.numpy()
    full = counts > 0
    edges = [number / CALIBRATION_BINS for number in range(CALIBRATION_BINS)]
    width = 1 / CALIBRATION_BINS
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    upper.plot(confidence[full] / counts[full], right[full] / counts[full], "o-", color="#0072b2", markersize=4)
    upper.set_ylabel("accuracy")
    upper.set_title(f"expected calibration error {metrics.calibration_error:.3f}", fontsize=10)
    lower.bar(edges, counts, width=width, align="edge", color="#0072b2", edgecolor="white")
    lower.set_xlabel("confidence")
    lower.set_ylabel("samples")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return without_latex(figure)
