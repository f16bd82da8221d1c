"""Measures worked out by hand, and added up over batches and ranks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from vizgraph.errors import TrainingError
from vizgraph.training.distributed import Distributed
from vizgraph.training.metrics import MetricAccumulator, measure
from vizgraph.training.samples import Batch

ALONE = Distributed(torch.device("cpu"))


def odds(*rows):
    """Logits whose softmax are the given probabilities."""
    return torch.tensor(rows).log()


def test_metrics_of_four_samples_are_those_worked_out_by_hand():
    accumulator = MetricAccumulator(3)
    logits = odds([0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1])
    labels = torch.tensor([0, 1, 2, 0])
    accumulator.add(logits[:3], labels[:3])
    accumulator.add(logits[3:], labels[3:], corrupt_images=2)
    metrics = accumulator.compute(ALONE)
    assert (metrics.count, metrics.top1, metrics.top5, metrics.corrupt_images) == (4, 50.0, 100.0, 2)
    assert metrics.loss == pytest.approx(-(math.log(0.7) + math.log(0.2) + math.log(0.8) + math.log(0.3)) / 4)
    assert metrics.confusion.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    # of 15 bins the tenth holds 0.6 (wrong), the eleventh 0.7 twice (one right), the thirteenth 0.8 (right)
    by_hand = (abs(0 - 0.6) + abs(1 - 1.4) + abs(1 - 0.8)) / 4
    assert metrics.calibration_error == pytest.approx(by_hand, abs=1e-6)
    assert metrics.recall.tolist() == [0.5, 0.0, 1.0]
    assert metrics.precision.tolist() == [0.5, 0.0, 1.0]


def test_top5_looks_at_five_answers_of_many():
    accumulator = MetricAccumulator(7)
    logits = torch.arange(7.0).repeat(7, 1)
    accumulator.add(logits, torch.arange(7))
    assert accumulator.compute(ALONE).top5 == pytest.approx(500 / 7)
    assert accumulator.compute(ALONE).top1 == pytest.approx(100 / 7)


def test_ranks_with_unequal_shares_add_up_to_the_whole():
    torch.manual_seed(0)
    logits, labels = torch.randn(11, 4), torch.randint(0, 4, (11,))
    whole = MetricAccumulator(4)
    whole.add(logits, labels)
    parts = [MetricAccumulator(4), MetricAccumulator(4)]
    parts[0].add(logits[::2], labels[::2])
    parts[1].add(logits[1::2], labels[1::2])

    class Two(Distributed):
        def total(self, values):
            mine = {6: "sums", 16: "confusion", 45: "bins"}[values.numel()]
            return values + getattr(parts[1], mine).to(values).view(values.shape)

    together, alone = parts[0].compute(Two(torch.device("cpu"))), whole.compute(ALONE)
    assert together.count == 11
    assert together.top1 == alone.top1
    assert together.loss == pytest.approx(alone.loss)
    assert torch.equal(together.confusion, alone.confusion)
    torch.testing.assert_close(together.bins, alone.bins)


class Ends(nn.Module):
    """Answers by the first pixel, and has a module in each mode."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(3), nn.Dropout()
        self.norm.eval()

    def forward(self, pixels):
        assert not self.drop.training
        return torch.nn.functional.one_hot(pixels[:, 0, 0, 0].long(), 3).float()


def batch(*labels):
    pixels = torch.tensor(labels, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    return Batch(pixels, torch.tensor(labels), torch.arange(len(labels)), [])


def test_measuring_leaves_modes_as_found():
    model = Ends()
    metrics = measure(model, [batch(0, 1), batch(2)], lambda pixels: pixels.float(), ALONE, classes=3)
    assert (metrics.count, metrics.top1) == (3, 100.0)
    assert (model.training, model.norm.training, model.drop.training) == (True, False, True)


def test_a_label_outside_the_classes_and_an_empty_split_are_errors():
    with pytest.raises(TrainingError, match="label 3, but the network has 3 classes"):
        measure(Ends(), [batch(3)], lambda pixels: pixels.float(), ALONE, classes=3)
    with pytest.raises(TrainingError, match="no images"):
        measure(Ends(), [], lambda pixels: pixels.float(), ALONE, classes=3)


def test_measuring_can_be_stopped_between_batches():
    seen = []
    metrics = measure(
        Ends(),
        [batch(0), batch(1)],
        lambda pixels: pixels.float(),
        ALONE,
        classes=3,
        each=lambda one, logits: seen.append(one),
        stop=lambda: True,
    )
    assert metrics is None
    assert len(seen) == 1


def test_answers_that_are_no_numbers_are_said():
    accumulator = MetricAccumulator(3)
    logits = odds([0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.7, 0.2, 0.1])
    logits[0], logits[2, 1] = math.nan, math.inf
    accumulator.add(logits, torch.tensor([0, 1, 2]))
    with pytest.raises(TrainingError, match="answers to 2 of 3 images are not finite"):
        accumulator.compute(ALONE)
