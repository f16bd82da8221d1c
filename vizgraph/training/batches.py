"""From a data set to batches: the order of an epoch, samples whose randomness is theirs alone, and the loaders."""

from __future__ import annotations

import atexit
import functools
import itertools
import multiprocessing
import os
import signal
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from vizgraph.errors import TrainingError
from vizgraph.training.datasets import Source
from vizgraph.training.randomness import derive, seeded

MOST_REPLACED = 16
"""Damaged images in a row that are replaced by their successors before the data set itself is called damaged."""

_ORDER, _SAMPLE, _STREAM = 1, 2, 3


@dataclass
class Batch:
    """What a loader gives.

    Attributes:
        pixels: (B, 3, H, W) uint8.
        labels: (B,) int64.
        indices: (B,) int64 into the data set; -1 for streams.
        replaced: names of damaged images that gave way to their successors, with the reason.
    """

    pixels: Tensor
    labels: Tensor
    indices: Tensor
    replaced: list[str]

    def pin_memory(self) -> Batch:
        return Batch(self.pixels.pin_memory(), self.labels.pin_memory(), self.indices, self.replaced)


class Order(Sampler[tuple[int, int, int]]):
    """The samples of one rank in one epoch, as (epoch, index, repeat), from any place on.

    The order is a function of (seed, epoch), so that a run that is continued goes on where it was.

    Args:
        size: samples of the data set.
        seed: of the run.
        rank, world: this process among all.
        repeats: repeated augmentation (timm's `RepeatAugSampler`); 0 or 1 is off.
        shuffle: whether to shuffle; fresh samples need none.
    """

    def __init__(self, size: int, *, seed: int, rank: int = 0, world: int = 1, repeats: int = 0, shuffle: bool = True):
        self.size, self.seed, self.rank, self.world, self.shuffle = size, seed, rank, world, shuffle
        self.repeats = max(1, repeats)
        self.epoch, self.start = 0, 0
        if self.repeats > 1:
            from timm.data.distributed_sampler import RepeatAugSampler

            # As many samples an epoch as there are images, of a part of the images: DeiT's way.
            self._repeater = RepeatAugSampler(
                range(size),
                num_replicas=world,
                rank=rank,
                num_repeats=self.repeats,
                selected_round=256 if size >= 256 else 0,  # timm 1.0.29 rounds fewer images down to none
            )

    def __len__(self) -> int:
        """Samples of a whole epoch on this rank; the same on every rank."""
        if self.repeats > 1:
            return len(self._repeater)
        return self.size // self.world

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        key = derive(_ORDER, self.seed, self.epoch)
        if self.repeats > 1:
            self._repeater.set_epoch(key)
            for place, index in enumerate(self._repeater):
                if place >= self.start:
                    yield self.epoch, index, (self.rank + place * self.world) % self.repeats
            return
        order: Sequence[int] = range(self.size)
        if self.shuffle:
            order = torch.randperm(self.size, generator=torch.Generator().manual_seed(key)).tolist()
        for place in range(self.start, len(self)):
            yield self.epoch, order[self.rank + place * self.world], 0


class Samples(Dataset):
    """Samples by (epoch, index, repeat): whatever is random about one is a function of (seed, epoch, index, repeat).

    A sample is its pixels (3, H, W) uint8, its label, its index, and the names of damaged images it stands in for.
    """

    def __init__(self, source: Source, transform: Callable[[Any], Any], seed: int) -> None:
        self.source, self.transform, self.seed = source, transform, seed

    def __len__(self) -> int:
        return self.source.size

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[np.ndarray, int, int, list[str]]:
        epoch, index, repeat = key
        replaced: list[str] = []
        for step in range(MOST_REPLACED):
            place = (index + step) % self.source.size
            number = epoch * self.source.size + place if self.source.fresh else place
            with seeded(_SAMPLE, self.seed, epoch, place, repeat):
                try:
                    image, label = self.source.read(number)
                    return _as_array(self.transform(image)), label, place, replaced
                except _DAMAGE as error:
                    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                    replaced.append(f"{self.source.name_of(place)}: {reason}")
        raise TrainingError(f"{MOST_REPLACED} images in a row cannot be read, first {replaced[0]}; check the data set")


# What Pillow raises on damaged files.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    ZeroDivisionError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class Stream(IterableDataset):
    """A stream of timm's as samples; what its own shuffling draws is seeded by (seed, epoch), augmentation by place.

    Args:
        source: whose `stream` is true.
        transform: from the RGB image to (3, H, W) uint8.
        seed: of the run.
        part: (rank, ranks) where every sample must be given once over all ranks: each rank reads the whole stream and
            gives every n-th sample, since timm's readers pad or repeat what they divide. None in training, where timm
            divides.
        limit: end after so many samples; they are then read by one process.
    """

    def __init__(
        self,
        source: Source,
        transform: Callable[[Any], Any],
        seed: int,
        *,
        part: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> None:
        self.source, self.transform, self.seed, self.limit = source, transform, seed, limit
        self.rank, self.world = part or (0, 1)
        self.epoch = 0
        reader: Any = getattr(source.images, "reader", None)
        if part is not None and hasattr(reader, "dist_num_replicas"):
            reader.dist_rank, reader.dist_num_replicas = 0, 1

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        if hasattr(self.source.images, "set_epoch"):
            self.source.images.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[np.ndarray, int, int, list[str]]]:
        worker = torch.utils.data.get_worker_info()
        lane = 0 if worker is None else worker.id
        for place, (image, label) in enumerate(itertools.islice(self.source.images, self.limit)):
            if place % self.world != self.rank:
                continue
            with seeded(_STREAM, self.seed, self.epoch, lane, place):
                pixels = _as_array(self.transform(image.convert("RGB")))
            # outside: what the consumer draws between two samples is its own
            yield pixels, self.source.number_of(label), -1, []


def _as_array(pixels: Any) -> np.ndarray:
    if isinstance(pixels, Tensor):
        pixels = pixels.numpy()
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise TypeError(f"a transform must give (3, H, W) uint8 (got {pixels.dtype} {pixels.shape})")
    return pixels


def collate(samples: list[tuple[np.ndarray, int, int, list[str]]]) -> Batch:
    """Stack samples."""
    pixels = torch.from_numpy(np.stack([sample[0] for sample in samples]))
    labels = torch.tensor([sample[1] for sample in samples])
    indices = torch.tensor([sample[2] for sample in samples])
    return Batch(pixels, labels, indices, [name for sample in samples for name in sample[3]])


def _start_worker(_: int) -> None:
    """Signals are the main process's business, which lets its workers go when it has saved; nor may one outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@functools.cache
def _let_no_worker_outlive_us() -> None:
    """At exit Python asks processes like these to end by SIGTERM, which they ignore, and waits: kill them before.

    Where a run ends with an error, whose traceback holds the loader, nothing else would end them.
    """

    def kill() -> None:
        for process in multiprocessing.active_children():
            if process.daemon:
                process.kill()

    atexit.register(kill)


def _loader(dataset: Dataset, *, workers: int, pin: bool, persistent: bool = True, **options: Any) -> DataLoader:
    if workers > 0:
        _let_no_worker_outlive_us()
    return DataLoader(
        dataset,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_start_worker,
        pin_memory=pin,
        # torch's own seeds for workers must not come out of the run's generator: a continued run would differ.
        generator=torch.Generator().manual_seed(0),
        persistent_workers=persistent and workers > 0,
        prefetch_factor=3 if workers > 0 else None,
        **options,
    )


def training_loader(samples: Samples, order: Order, *, batch_size: int, workers: int, pin: bool) -> DataLoader:
    """Full batches in the given order; set `order.epoch` and `order.start` before each pass."""
    return _loader(samples, workers=workers, pin=pin, sampler=order, batch_size=batch_size, drop_last=True)


def stream_loader(stream: Stream, *, batch_size: int, workers: int, pin: bool, drop_last: bool = True) -> DataLoader:
    """Batches of a stream; call `begin_epoch` before each pass in training.

    At least one process reads, a new one for each pass: timm's readers keep what they drew in the epoch before, do not
    hear of a new epoch, and divide a stream among ranks only where they run in such a process.
    """
    workers = max(1, workers) if stream.limit is None else 1
    return _loader(stream, workers=workers, pin=pin, persistent=False, batch_size=batch_size, drop_last=drop_last)


def begin_epoch(loader: DataLoader, epoch: int) -> None:
    """Let the next pass over a stream be the one of this epoch, whichever came before."""
    stream: Any = loader.dataset
    stream.set_epoch(epoch)
    loader.generator.manual_seed(derive(_STREAM, stream.seed, epoch))


class Every(Sampler[tuple[int, int, int]]):
    """Every sample once: rank r of n takes r, r + n, ... and nothing is padded."""

    def __init__(self, size: int, *, rank: int = 0, world: int = 1) -> None:
        self.indices = range(rank, size, world)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return ((0, index, 0) for index in self.indices)


def measuring_loader(
    samples: Samples, *, batch_size: int, workers: int, pin: bool, rank: int = 0, world: int = 1
) -> DataLoader:
    """Every sample once over all ranks, in order, the last batch as short as it is."""
    every = Every(len(samples), rank=rank, world=world)
    return _loader(samples, workers=workers, pin=pin, sampler=every, batch_size=batch_size)
