"""Metrics of a classifier that add up: every sample counted once, over batches and over ranks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizgraph.errors import DataError, TrainingError
from vizgraph.training.distributed import Distributed
from vizgraph.training.samples import Batch

CALIBRATION_BINS = 15


@dataclass(frozen=True, eq=False)
class Metrics:
    """What a classifier does on a data set.

    Attributes:
        count: samples.
        loss: mean cross entropy.
        top1, top5: percent of the samples whose label is the first, is among the first five.
        confusion: (classes, classes) int64, rows the labels, columns the answers.
        bins: (15, 3) float64: samples, summed confidence and correct answers by confidence, from 0 to 1.
        corrupt_images: damaged images that gave way to others.
    """

    count: int
    loss: float
    top1: float
    top5: float
    confusion: Tensor
    bins: Tensor
    corrupt_images: int = 0

    @property
    def right(self) -> int:
        """Samples answered right."""
        return int(self.confusion.diagonal().sum())

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: |accuracy - confidence| over 15 equal bins, weighted by their samples."""
        if not self.count:
            return 0.0
        return float((self.bins[:, 2] - self.bins[:, 1]).abs().sum() / self.count)

    @property
    def recall(self) -> Tensor:
        """(classes,) float64, share of each class's samples answered right; NaN for a class without samples."""
        return self.confusion.diagonal().double() / self.confusion.sum(1).double()

    @property
    def precision(self) -> Tensor:
        """(classes,) float64, share of right ones among each class's answers; NaN where it was never the answer."""
        return self.confusion.diagonal().double() / self.confusion.sum(0).double()


class MetricAccumulator:
    """Adds up `Metrics` batch by batch.

    Args:
        classes: number of classes.
        device: where logits come from; sums stay there until `compute`.
    """

    def __init__(self, classes: int, device: torch.device | str = "cpu") -> None:
        self.classes = classes
        # MPS has no float64
        kind = torch.float32 if torch.device(device).type == "mps" else torch.float64
        self.sums = torch.zeros(6, dtype=kind, device=device)
        self.confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
        self.bins = torch.zeros(CALIBRATION_BINS, 3, dtype=kind, device=device)

    def add(self, logits: Tensor, labels: Tensor, corrupt_images: int = 0) -> None:
        """Count a batch: logits (B, classes), labels (B,)."""
        logits = logits.float()
        loss = F.cross_entropy(logits, labels, reduction="sum")
        ranked = logits.topk(min(5, self.classes), dim=1).indices
        hits = ranked == labels[:, None]
        kind = self.sums.dtype
        self.sums += torch.stack(
            [
                torch.full_like(loss, len(labels)),
                loss,
                hits[:, 0].sum(),
                hits.any(1).sum(),
                torch.full_like(loss, corrupt_images),
                (~logits.isfinite().all(1)).sum(),
            ]
        ).to(kind)
        self.confusion += torch.bincount(labels * self.classes + ranked[:, 0], minlength=self.classes**2)
        confidence = logits.softmax(1).amax(1).nan_to_num(0.0)
        place = (confidence * CALIBRATION_BINS).long().clamp_(max=CALIBRATION_BINS - 1)
        rows = torch.stack([torch.ones_like(confidence), confidence, hits[:, 0].float()], dim=1)
        self.bins.index_add_(0, place, rows.to(kind))

    def compute(self, distributed: Distributed) -> Metrics:
        """The metrics over all ranks.

        Raises:
            DataError: nothing was counted.
            TrainingError: answers are no finite numbers.
        """
        sums, confusion, bins = (
            distributed.total(part.cpu()) for part in (self.sums.double(), self.confusion, self.bins)
        )
        count = int(sums[0])
        if not count:
            raise DataError("there is nothing to measure on: the split holds no images")
        if sums[5]:
            raise TrainingError(
                f"the network's answers to {int(sums[5])} of {count} images are not finite numbers; its training "
                "diverged or its weights are damaged: take others, or train with a lower optimizer.lr"
            )
        return Metrics(
            count,
            float(sums[1] / count),
            float(sums[2] / count) * 100,
            float(sums[3] / count) * 100,
            confusion.view(self.classes, self.classes),
            bins.double(),
            int(sums[4]),
        )


@torch.inference_mode()
def measure(
    model: nn.Module,
    loader: Iterable[Batch],
    prepare: Callable[[Tensor], Tensor],
    distributed: Distributed,
    *,
    classes: int,
    autocast: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
    each: Callable[[Batch, Tensor], None] | None = None,
    stop: Callable[[], bool] = bool,
) -> Metrics | None:
    """Run a network over a loader and score it; modes of its modules are as found afterwards.

    Args:
        model: the network.
        loader: gives `Batch`es, over all ranks every sample once.
        prepare: uint8 pixels -> what the network takes.
        distributed: the ranks over which to add up.
        classes: number of classes.
        autocast: makes the context of the forward pass.
        each: called with each batch and its logits.
        stop: whether to leave early, asked between batches when alone; then the result is None.

    Raises:
        DataError: a label is outside the classes, or there are no samples.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    accumulator = MetricAccumulator(classes, distributed.device)
    try:
        for batch in loader:
            require_labels(batch.labels, classes)
            with autocast():
                logits = model(prepare(batch.pixels))
            accumulator.add(logits, batch.labels.to(distributed.device, non_blocking=True), len(batch.corrupt_images))
            if each is not None:
                each(batch, logits)
            if distributed.world_size == 1 and stop():
                return None
    finally:
        for module, training in modes:
            module.training = training
    return accumulator.compute(distributed)


def require_labels(labels: Tensor, classes: int) -> None:
    """Labels must be among the network's classes.

    Raises:
        DataError: one is not.
    """
    if len(labels) and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
        worst = int(labels.max()) if int(labels.max()) >= classes else int(labels.min())
        raise DataError(
            f"a sample has label {worst}, but the network has {classes} classes; "
            "set model.num_classes or data.class_map"
        )
