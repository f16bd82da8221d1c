"""Streams (webdataset, TFDS, HF streaming) have no index: they are read again up to where a run stopped."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from vizgraph.training import datasets, saving
from vizgraph.training.datasets import Source
from vizgraph.training.errors import TrainingError
from vizgraph.training.stopping import Interrupted

COUNT = 24


class Reader:
    """What timm asks of a reader of shards; shuffles by epoch as its own do."""

    def __init__(self, count=COUNT):
        self.count, self.epoch = count, 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.count

    def __iter__(self):
        order = np.random.default_rng(self.epoch).permutation(self.count)
        for place in order:
            pixels = np.random.default_rng(place).integers(0, 256, (36, 36, 3), np.uint8)
            yield Image.fromarray(pixels), int(place % 3)


@pytest.fixture
def streamed(monkeypatch):
    from timm.data.dataset import IterableImageDataset

    def opened(*_, **__):
        return Source(IterableImageDataset("", reader=Reader()), COUNT, ("a", "b", "c"))

    import vizgraph.training.loop as loop

    monkeypatch.setattr(loop, "open_training", opened)
    monkeypatch.setattr(loop, "open_validation", opened)
    return datasets


def test_a_stopped_run_on_a_stream_resumes_bitwise(streamed, tiny, start, tmp_path):
    config = tiny("average.decay=0.9")
    whole = start(config, tmp_path / "whole")
    scores = whole.run()
    assert scores.count == COUNT
    broken = start(config, tmp_path / "broken")
    update = broken._update

    def and_stop(group):
        update(group)
        if broken.progress.updates + 1 == 9:
            import signal

            signal.raise_signal(signal.SIGTERM)

    broken._update = and_stop
    with pytest.raises(Interrupted):
        broken.run()
    again = start(config, tmp_path / "broken", resume=tmp_path / "broken" / saving.LAST)
    again.run()
    for left, right in zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True):
        assert torch.equal(left, right)


def test_a_stream_that_ends_early_says_how_much_it_held(streamed, tiny, start, tmp_path):
    run = start(tiny(), tmp_path)
    run.training_source.images.reader.count = 10
    with pytest.raises(TrainingError, match=r"ended after 2 of 6 updates.*data\.train_size"):
        run.run()


def test_repeated_augmentation_needs_an_index(streamed, tiny, start, tmp_path):
    with pytest.raises(TrainingError, match=r"data\.repeats=0 for a stream"):
        start(tiny("data.repeats=3"), tmp_path)
