"""Streams (webdataset, TFDS, HF streaming) have no index: they are read again up to where a run stopped."""

from __future__ import annotations

import collections
import io
import json
import signal
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from builders.runs import after_update
from vizgraph.errors import Interrupted, TrainingError
from vizgraph.training import checkpoint, datasets
from vizgraph.training.config import DataConfig
from vizgraph.training.datasets import Source, open_training, open_validation
from vizgraph.training.loaders import begin_epoch, stream_loader
from vizgraph.training.samples import Stream

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

    monkeypatch.setattr(datasets, "open_training", opened)
    monkeypatch.setattr(datasets, "open_held_out", opened)
    return datasets


def require_bitwise_resumption(start, config, folder, updates):
    """A run stopped after so many updates and continued has the weights of the run that nobody stopped."""
    whole = start(config, folder / "whole")
    assert whole.run().count == COUNT

    def and_stop(training):
        if training.progress.updates == updates:
            signal.raise_signal(signal.SIGTERM)

    broken = start(config, folder / "broken", callbacks=[after_update(and_stop)])
    with pytest.raises(Interrupted):
        broken.run()
    again = start(config, folder / "broken", resume=folder / "broken" / checkpoint.LAST)
    again.run()
    for left, right in zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True):
        assert torch.equal(left, right)


def test_a_stopped_run_on_a_stream_resumes_bitwise(streamed, tiny, start, tmp_path):
    require_bitwise_resumption(start, tiny("average.decay=0.9"), tmp_path, 9)


def test_a_stream_that_ends_early_says_how_much_it_held(streamed, tiny, start, tmp_path):
    run = start(tiny(), tmp_path)
    run.training_source.images.reader.count = 10
    with pytest.raises(TrainingError, match=r"ended after 2 of 6 updates.*data\.train_size"):
        run.run()


def test_repeated_augmentation_needs_an_index(streamed, tiny, start, tmp_path):
    with pytest.raises(TrainingError, match=r"data\.repeats=0 for a stream"):
        start(tiny("data.repeats=3"), tmp_path)


SHARDS = (7, 6, 6, 5)
"""Images in each."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Tar shards as webdataset reads them, with the `_info.json` that timm wants; an image's gray tells its number."""
    pytest.importorskip("webdataset", reason="webdataset is not installed")
    folder = tmp_path_factory.mktemp("shards")
    number = 0
    for shard, count in enumerate(SHARDS):
        with tarfile.open(folder / f"part-{shard:04d}.tar", "w") as tar:
            for _ in range(count):
                written = io.BytesIO()
                Image.fromarray(np.full((36, 36, 3), number, np.uint8)).save(written, "PNG")
                for ending, content in (("png", written.getvalue()), ("cls", str(number % 3).encode())):
                    entry = tarfile.TarInfo(f"{number:04d}.{ending}")
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
                number += 1
    names = [f"part-{shard:04d}.tar" for shard in range(len(SHARDS))]
    split = {"name": "all", "filenames": names, "shard_lengths": list(SHARDS), "num_samples": COUNT}
    (folder / "_info.json").write_text(json.dumps({"splits": {"train": split, "validation": split}}))
    return folder


def data_of(shards, **options):
    return DataConfig(name="wds/", root=str(shards), batch_size=4, **options)


def grays(image):
    return np.asarray(image).transpose(2, 0, 1)[:, :1, :1].copy()


@pytest.fixture
def as_rank(monkeypatch):
    """Makes timm's readers think that they are opened by one of several ranks."""

    def be(rank, world):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda *_: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda *_: world)

    return be


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("workers", [0, 2])
def test_every_sample_of_shards_is_measured_once_over_all_ranks(shards, as_rank, world, workers):
    seen = collections.Counter()
    for rank in range(world):
        as_rank(rank, world)
        source = open_validation(data_of(shards))
        stream = Stream(source, grays, 0, part=(rank, world))
        for batch in stream_loader(stream, batch_size=4, workers=workers, pin=False, drop_last=False):
            for pixels, label in zip(batch.pixels, batch.labels, strict=True):
                assert label == int(pixels.flatten()[0]) % 3
                seen[int(pixels.flatten()[0])] += 1
    assert seen == dict.fromkeys(range(COUNT), 1)


@pytest.mark.parametrize("world", [1, 2])
def test_the_first_samples_are_the_first_however_many_processes_read(shards, as_rank, world):
    seen = collections.Counter()
    for rank in range(world):
        as_rank(rank, world)
        stream = Stream(open_validation(data_of(shards, val_size=9)), grays, 0, part=(rank, world), limit=9)
        for batch in stream_loader(stream, batch_size=4, workers=2, pin=False, drop_last=False):
            seen.update(int(pixels.flatten()[0]) for pixels in batch.pixels)
    assert seen == dict.fromkeys(range(9), 1)


def test_ranks_train_on_other_shards_and_an_epoch_holds_all_of_them(shards, as_rank):
    seen = []
    for rank in range(2):
        as_rank(rank, 2)
        source = open_training(data_of(shards), epochs=1, seed=0)
        assert source.images.reader.dist_rank == rank
        assert source.size == COUNT
        stream = Stream(source, grays, 0)
        loader = stream_loader(stream, batch_size=2, workers=0, pin=False)
        begin_epoch(loader, 0)
        seen.append({int(pixels.flatten()[0]) for batch in loader for pixels in batch.pixels})
    assert not seen[0] & seen[1]
    assert all(len(some) > 8 for some in seen)


def test_an_epoch_of_shards_is_the_same_whichever_came_before(shards):
    def order(*epochs):
        stream = Stream(open_training(data_of(shards), epochs=3, seed=0), grays, 0)
        loader = stream_loader(stream, batch_size=4, workers=2, pin=False)
        for epoch in epochs:
            begin_epoch(loader, epoch)
            numbers = [int(pixels.flatten()[0]) for batch in loader for pixels in batch.pixels]
        return numbers

    assert order(0, 1, 2) == order(2)
    assert order(1) != order(2)


@pytest.mark.parametrize("updates", [3, 9])
def test_a_run_on_shards_resumes_bitwise(shards, tiny, start, tmp_path, updates):
    config = tiny("data.name=wds/", f"data.root={shards}", "model.num_classes=3", "augment.erase=0.5")
    require_bitwise_resumption(start, config, tmp_path, updates)


def test_classes_of_a_stream_are_renumbered(shards):
    source = replace(open_validation(data_of(shards)), mapping=(2, 0, 1))
    for batch in stream_loader(Stream(source, grays, 0, part=(0, 1)), batch_size=5, workers=1, pin=False):
        for pixels, label in zip(batch.pixels, batch.labels, strict=True):
            assert label == (2, 0, 1)[int(pixels.flatten()[0]) % 3]
