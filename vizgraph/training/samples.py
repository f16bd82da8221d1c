"""A data set as samples whose randomness is theirs alone, and samples stacked to batches."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from vizgraph.errors import DataError, first_line
from vizgraph.training.datasets import Source
from vizgraph.training.pictures import no_other_programs
from vizgraph.training.randomness import derive, seeded

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Sample = tuple[Pixels, int, int, list[str]]
"""Pixels (C, H, W) uint8, label, index, and the names of damaged images that it stands in for."""

MOST_REPLACED = 16
"""Damaged images in a row that are replaced by their successors before the data set itself is called damaged."""

_SAMPLE, _STREAM = 2, 3

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


@dataclass
class Batch:
    """What a loader gives.

    Attributes:
        pixels: (B, C, H, W) uint8.
        labels: (B,) int64.
        indices: (B,) int64 into the data set; -1 for streams.
        corrupt_images: names of damaged images that gave way to their successors, with the reason.
    """

    pixels: Tensor
    labels: Tensor
    indices: Tensor
    corrupt_images: list[str]

    def pin_memory(self) -> Batch:
        return Batch(self.pixels.pin_memory(), self.labels.pin_memory(), self.indices, self.corrupt_images)


class Samples(Dataset[Sample]):
    """Samples by (epoch, index, repeat): whatever is random about one is a function of (seed, epoch, index, repeat).

    A sample is its pixels (C, H, W) uint8, its label, its index, and the names of damaged images it stands in for.
    """

    def __init__(self, source: Source, transform: Callable[[Any], Any], seed: int) -> None:
        self.source, self.transform, self.seed = source, transform, seed

    def __len__(self) -> int:
        return self.source.size

    def __getitem__(self, key: tuple[int, int, int]) -> Sample:
        epoch, index, repeat = key
        corrupt: list[str] = []
        for step in range(MOST_REPLACED):
            place = (index + step) % self.source.size
            number = epoch * self.source.size + place if self.source.fresh else place
            with seeded(_SAMPLE, self.seed, epoch, place, repeat):
                try:
                    image, label = self.source.read(number)
                    return _as_array(self.transform(image)), label, place, corrupt
                except _DAMAGE as error:
                    corrupt.append(f"{self.source.name_of(place)}: {first_line(error)}")
        raise DataError(f"{MOST_REPLACED} images in a row cannot be read, first {corrupt[0]}; check the data set")


class Stream(IterableDataset[Sample]):
    """A stream of timm's as samples; what its own shuffling draws is seeded by (seed, epoch), augmentation by place.

    Args:
        source: whose `stream` is true.
        transform: from the image to (C, H, W) uint8.
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
        self.rank, self.world_size = part or (0, 1)
        self.epoch = 0
        reader: Any = getattr(source.images, "reader", None)
        if part is not None and hasattr(reader, "dist_num_replicas"):
            reader.dist_rank, reader.dist_num_replicas = 0, 1

    def set_epoch(self, epoch: int) -> int:
        """Let the next pass be that of an epoch; returns the seed of its loader."""
        self.epoch = epoch
        if hasattr(self.source.images, "set_epoch"):
            self.source.images.set_epoch(epoch)
        return derive(_STREAM, self.seed, epoch)

    def __iter__(self) -> Iterator[Sample]:
        worker = torch.utils.data.get_worker_info()
        lane = 0 if worker is None else worker.id
        with no_other_programs():
            for place, (image, label) in enumerate(itertools.islice(self.source.images, self.limit)):
                if place % self.world_size != self.rank:
                    continue
                with seeded(_STREAM, self.seed, self.epoch, lane, place):
                    pixels = _as_array(self.transform(self.source.seen(image)))
                # outside: what the consumer draws between two samples is its own
                yield pixels, self.source.number_of(label), -1, []


def _as_array(pixels: Any) -> Pixels:
    if isinstance(pixels, Tensor):
        pixels = pixels.numpy()
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        raise TypeError(f"a transform must give (C, H, W) uint8 (got {pixels.dtype} {pixels.shape})")
    return np.asarray(pixels)


def collate(samples: list[Sample]) -> Batch:
    """Stack samples."""
    pixels = torch.from_numpy(np.stack([sample[0] for sample in samples]))
    labels = torch.tensor([sample[1] for sample in samples])
    indices = torch.tensor([sample[2] for sample in samples])
    return Batch(pixels, labels, indices, [name for sample in samples for name in sample[3]])
