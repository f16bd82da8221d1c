"""Batches from samples: the processes that load them, and the batches of a rank in training and in measuring."""

from __future__ import annotations

import atexit
import functools
import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from viz_nodes.processes import when_orphaned
from vizgraph.errors import DataError
from vizgraph.training.datasets import Source
from vizgraph.training.distributed import Distributed
from vizgraph.training.samplers import EvaluationSampler, TrainingSampler
from vizgraph.training.samples import Batch, Samples, Stream, collate
from vizgraph.training.schema import Config, DataConfig

Loader = DataLoader[Any]
"""Gives `Batch`es."""


def _start_worker(_: int) -> None:
    """Signals are the main process's business, which lets its workers go when it has saved; nor may one outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    when_orphaned(lambda: os._exit(1))


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


def _loader(dataset: Dataset[Any], *, workers: int, pin: bool, persistent: bool = True, **options: Any) -> Loader:
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


def training_loader(samples: Samples, sampler: TrainingSampler, *, batch_size: int, workers: int, pin: bool) -> Loader:
    """Full batches in the sampler's order; set its `epoch` and `start` before each pass."""
    return _loader(samples, workers=workers, pin=pin, sampler=sampler, batch_size=batch_size, drop_last=True)


def stream_loader(stream: Stream, *, batch_size: int, workers: int, pin: bool, drop_last: bool = True) -> Loader:
    """Batches of a stream; call `begin_epoch` before each pass in training.

    At least one process reads, a new one for each pass: timm's readers keep what they drew in the epoch before, do not
    hear of a new epoch, and divide a stream among ranks only where they run in such a process.
    """
    workers = max(1, workers) if stream.limit is None else 1
    return _loader(stream, workers=workers, pin=pin, persistent=False, batch_size=batch_size, drop_last=drop_last)


def begin_epoch(loader: Loader, epoch: int) -> None:
    """Let the next pass over a stream be the one of this epoch, whichever came before."""
    stream: Any = loader.dataset
    loader.generator.manual_seed(stream.set_epoch(epoch))


def evaluation_loader(
    source: Source,
    transform: Callable[[Any], Any],
    data: DataConfig,
    distributed: Distributed,
    *,
    seed: int = 0,
) -> Loader:
    """Batches that give every sample once over all ranks, in order, the last as short as it is."""
    rank, world_size = distributed.rank, distributed.world_size
    pin = distributed.device.type == "cuda"
    if source.stream:
        stream = Stream(source, transform, seed, part=(rank, world_size), limit=data.val_size)
        return stream_loader(stream, batch_size=data.batch_size, workers=data.workers, pin=pin, drop_last=False)
    samples = Samples(source, transform, seed)
    sampler = EvaluationSampler(len(samples), rank=rank, world_size=world_size)
    return _loader(samples, workers=data.workers, pin=pin, sampler=sampler, batch_size=data.batch_size)


def samples_an_epoch(config: Config, source: Source, distributed: Distributed) -> int:
    """Samples that this rank is given in an epoch of training, those included that fill no whole update."""
    if source.stream:
        return source.size // distributed.world_size
    return len(_sampler(config, source, distributed))


def _sampler(config: Config, source: Source, distributed: Distributed) -> TrainingSampler:
    return TrainingSampler(
        source.size,
        seed=config.run.seed,
        rank=distributed.rank,
        world_size=distributed.world_size,
        repeats=config.data.repeats,
        shuffle=not source.fresh,
    )


class TrainingBatches:
    """The training batches of this rank.

    Args:
        config: of the run.
        source: a training split that was opened.
        transform: PIL image -> (3, H, W) uint8.
        distributed: this process among those of the run.

    Attributes:
        loader: gives them, an epoch a pass.
        sampler: says which samples in which order; None where a stream has its own.
        updates: of an epoch.
    """

    def __init__(
        self, config: Config, source: Source, transform: Callable[[Any], Any], distributed: Distributed
    ) -> None:
        data, seed = config.data, config.run.seed
        pin = distributed.device.type == "cuda"
        self.batch_size, self.accumulate = data.batch_size, config.optimizer.accumulate
        self.updates = samples_an_epoch(config, source, distributed) // (self.batch_size * self.accumulate)
        self.sampler: TrainingSampler | None = None
        if source.stream:
            stream = Stream(source, transform, seed)
            self.loader = stream_loader(stream, batch_size=data.batch_size, workers=data.workers, pin=pin)
        else:
            self.sampler = _sampler(config, source, distributed)
            samples = Samples(source, transform, seed)
            self.loader = training_loader(
                samples, self.sampler, batch_size=data.batch_size, workers=data.workers, pin=pin
            )

    def from_update(self, epoch: int, update: int) -> Iterator[list[Batch]]:
        """What each update of an epoch takes, from one on.

        Raises:
            DataError: a stream ends before the epoch does.
        """
        batches = self._from_batch(epoch, update * self.accumulate)
        for number in range(update, self.updates):
            group = list(itertools.islice(batches, self.accumulate))
            if len(group) < self.accumulate:
                raise DataError(
                    f"the stream ended after {number} of {self.updates} updates; set data.train_size to what it holds"
                )
            yield group

    def _from_batch(self, epoch: int, skip: int) -> Iterator[Batch]:
        if self.sampler is not None:
            self.sampler.epoch, self.sampler.start = epoch, skip * self.batch_size
            yield from self.loader
            return
        begin_epoch(self.loader, epoch)
        yield from itertools.islice(self.loader, skip, None)
