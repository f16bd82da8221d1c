"""Which samples a rank reads, and in what order: a function of (seed, epoch), so that a run goes on anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler

from vizgraph.training.randomness import derive

_ORDER = 1


class TrainingSampler(Sampler[tuple[int, int, int]]):
    """The samples of one rank in one epoch, as (epoch, index, repeat), from any place on.

    The order is a function of (seed, epoch), so that a run that is continued goes on where it was.

    Args:
        size: samples of the data set.
        seed: of the run.
        rank, world_size: this process among all.
        repeats: repeated augmentation (timm's `RepeatAugSampler`); 0 or 1 is off.
        shuffle: whether to shuffle; fresh samples need none.
    """

    def __init__(
        self, size: int, *, seed: int, rank: int = 0, world_size: int = 1, repeats: int = 0, shuffle: bool = True
    ) -> None:
        self.size, self.seed, self.rank, self.world_size, self.shuffle = size, seed, rank, world_size, shuffle
        self.repeats = max(1, repeats)
        self.epoch, self.start = 0, 0
        if self.repeats > 1:
            from timm.data.distributed_sampler import RepeatAugSampler

            # As many samples an epoch as there are images, of a part of the images: DeiT's way.
            self._repeater: Any = RepeatAugSampler(  # type: ignore[no-untyped-call]
                range(size),
                num_replicas=world_size,
                rank=rank,
                num_repeats=self.repeats,
                selected_round=256 if size >= 256 else 0,  # timm 1.0.29 rounds fewer images down to none
            )

    def __len__(self) -> int:
        """Samples of a whole epoch on this rank; the same on every rank."""
        if self.repeats > 1:
            return len(self._repeater)
        return self.size // self.world_size

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        key = derive(_ORDER, self.seed, self.epoch)
        if self.repeats > 1:
            self._repeater.set_epoch(key)
            for place, index in enumerate(self._repeater):
                if place >= self.start:
                    yield self.epoch, index, (self.rank + place * self.world_size) % self.repeats
            return
        order: Sequence[int] = range(self.size)
        if self.shuffle:
            order = torch.randperm(self.size, generator=torch.Generator().manual_seed(key)).tolist()
        for place in range(self.start, len(self)):
            yield self.epoch, order[self.rank + place * self.world_size], 0


class EvaluationSampler(Sampler[tuple[int, int, int]]):
    """Every sample once: rank r of n takes r, r + n, ... and nothing is padded."""

    def __init__(self, size: int, *, rank: int = 0, world_size: int = 1) -> None:
        self.indices = range(rank, size, world_size)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        return ((0, index, 0) for index in self.indices)
