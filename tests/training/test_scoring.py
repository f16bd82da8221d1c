"""Measures worked out by hand, and added up over batches and ranks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from vizgraph.errors import TrainingError
from vizgraph.training.batches import Batch
from vizgraph.training.ranks import Ranks
from vizgraph.training.scoring import Tally, measure

ALONE = Ranks(torch.device("cpu"))


def odds(*rows):
    """Logits whose softmax are the given probabilities."""
    return torch.tensor(rows).log()


def test_scores_of_four_samples_are_those_worked_out_by_hand():
    tally = Tally(3)
    logits = odds([0.7, 0.2, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1])
    labels = torch.tensor([0, 1, 2, 0])
    tally.add(logits[:3], labels[:3])
    tally.add(logits[3:], labels[3:], replaced=2)
    scores = tally.scores(ALONE)
    assert (scores.count, scores.top1, scores.top5, scores.replaced) == (4, 50.0, 100.0, 2)
    assert scores.loss == pytest.approx(-(math.log(0.7) + math.log(0.2) + math.log(0.8) + math.log(0.3)) / 4)
    assert scores.confusion.tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]
    # of 15 bins the tenth holds 0.6 (wrong), the eleventh 0.7 twice (one right), the thirteenth 0.8 (right)
    by_hand = (abs(0 - 0.6) + abs(1 - 1.4) + abs(1 - 0.8)) / 4
    assert scores.calibration_error == pytest.approx(by_hand, abs=1e-6)
    assert scores.recall.tolist() == [0.5, 0.0, 1.0]
    assert scores.precision.tolist() == [0.5, 0.0, 1.0]


def test_top5_looks_at_five_answers_of_many():
    tally = Tally(7)
    logits = torch.arange(7.0).repeat(7, 1)
    tally.add(logits, torch.arange(7))
    assert tally.scores(ALONE).top5 == pytest.approx(500 / 7)
    assert tally.scores(ALONE).top1 == pytest.approx(100 / 7)


def test_ranks_with_unequal_shares_add_up_to_the_whole():
    torch.manual_seed(0)
    logits, labels = torch.randn(11, 4), torch.randint(0, 4, (11,))
    whole = Tally(4)
    whole.add(logits, labels)
    parts = [Tally(4), Tally(4)]
    parts[0].add(logits[::2], labels[::2])
    parts[1].add(logits[1::2], labels[1::2])

    class Two(Ranks):
        def total(self, values):
            mine = {5: "sums", 16: "confusion", 45: "bins"}[values.numel()]
            return values + getattr(parts[1], mine).to(values).view(values.shape)

    together, alone = parts[0].scores(Two(torch.device("cpu"))), whole.scores(ALONE)
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
    scores = measure(model, [batch(0, 1), batch(2)], lambda pixels: pixels.float(), ALONE, classes=3)
    assert (scores.count, scores.top1) == (3, 100.0)
    assert (model.training, model.norm.training, model.drop.training) == (True, False, True)


def test_a_label_outside_the_classes_and_an_empty_split_are_errors():
    with pytest.raises(TrainingError, match="label 3, but the network has 3 classes"):
        measure(Ends(), [batch(3)], lambda pixels: pixels.float(), ALONE, classes=3)
    with pytest.raises(TrainingError, match="no images"):
        measure(Ends(), [], lambda pixels: pixels.float(), ALONE, classes=3)


def test_measuring_can_be_stopped_between_batches():
    seen = []
    scores = measure(
        Ends(),
        [batch(0), batch(1)],
        lambda pixels: pixels.float(),
        ALONE,
        classes=3,
        each=lambda one, logits: seen.append(one),
        stop=lambda: True,
    )
    assert scores is None
    assert len(seen) == 1
