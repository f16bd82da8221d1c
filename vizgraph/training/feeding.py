"""From a config to the batches of a run: the data sets it reads, and who reads which samples of them when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch.utils.data import DataLoader

from vizgraph.errors import TrainingError
from vizgraph.training.batches import (
    Batch,
    Order,
    Samples,
    Stream,
    begin_epoch,
    measuring_loader,
    stream_loader,
    training_loader,
)
from vizgraph.training.config import Config, DataConfig
from vizgraph.training.datasets import Source, open_held_out, open_training
from vizgraph.training.ranks import Ranks


class Sources(NamedTuple):
    """The data sets of a run, and the classes that a network for them has.

    Attributes:
        training, validation: opened.
        labels: class names; None where they are unknown or are not all of the network's.
        classes: how many the network has.
    """

    training: Source
    validation: Source
    labels: tuple[str, ...] | None
    classes: int


def open_sources(config: Config) -> Sources:
    """Open both data sets of a config.

    Raises:
        TrainingError: one cannot be opened, they have other classes, or more than `model.num_classes`.
    """
    data, run = config.data, config.run
    epochs = config.schedule.epochs + config.schedule.cooldown_epochs
    training, validation = open_training(data, epochs=epochs, seed=run.seed), open_held_out(data, seed=run.seed)
    labels, others = training.labels, validation.labels
    if labels is not None and others is not None and labels != others:
        first = next((pair for pair in zip(labels, others) if pair[0] != pair[1]), (len(labels), len(others)))
        raise TrainingError(
            f"training and validation have other classes (first difference: {first[0]!r} and {first[1]!r}); "
            "give both splits the same class folders, or a data.class_map"
        )
    classes = config.model.num_classes
    if classes is None:
        if labels is None:
            raise TrainingError("the data set does not say how many classes it has; set model.num_classes")
        classes = len(labels)
    if labels is not None and len(labels) > classes:
        raise TrainingError(f"the data set has {len(labels)} classes, model.num_classes is {classes}")
    return Sources(training, validation, labels if labels is not None and len(labels) == classes else None, classes)


def loader_to_measure(
    source: Source, transform: Callable[[Any], Any], data: DataConfig, ranks: Ranks, *, seed: int = 0
) -> DataLoader:
    """Batches that give every sample once over all ranks, the last as short as it is."""
    pin = ranks.device.type == "cuda"
    if source.stream:
        stream = Stream(source, transform, seed, part=(ranks.rank, ranks.world), limit=data.val_size)
        return stream_loader(stream, batch_size=data.batch_size, workers=data.workers, pin=pin, drop_last=False)
    return measuring_loader(
        Samples(source, transform, seed),
        batch_size=data.batch_size,
        workers=data.workers,
        pin=pin,
        rank=ranks.rank,
        world=ranks.world,
    )


@dataclass(frozen=True)
class Feed:
    """The training batches of this rank.

    Attributes:
        loader: gives them, an epoch a pass.
        order: which samples in which order; None where a stream has its own.
        batches_an_update: accumulated ones.
        updates: of an epoch.
    """

    loader: DataLoader
    order: Order | None
    batches_an_update: int
    updates: int

    @classmethod
    def of(cls, config: Config, source: Source, transform: Callable[[Any], Any], ranks: Ranks) -> Feed:
        """Of a source that `open_sources` opened.

        Raises:
            TrainingError: it has fewer images than an update, or cannot be read as the config wants it.
        """
        data, seed = config.data, config.run.seed
        how: dict[str, Any] = {
            "batch_size": data.batch_size,
            "workers": data.workers,
            "pin": ranks.device.type == "cuda",
        }
        order = None
        if source.stream:
            if data.repeats > 1:
                raise TrainingError(
                    "repeated augmentation needs a data set with an index; set data.repeats=0 for a stream"
                )
            loader = stream_loader(Stream(source, transform, seed), **how)
            held = source.size // ranks.world
        else:
            order = Order(
                source.size,
                seed=seed,
                rank=ranks.rank,
                world=ranks.world,
                repeats=data.repeats,
                shuffle=not source.fresh,
            )
            loader = training_loader(Samples(source, transform, seed), order, **how)
            held = len(order)
        accumulate = config.optimizer.accumulate
        updates = held // (data.batch_size * accumulate)
        if updates == 0:
            raise TrainingError(
                f"there are fewer images than a batch: {source.size} for {ranks.world} rank(s) of "
                f"{accumulate} x {data.batch_size}; lower data.batch_size to {max(1, held // accumulate)} or less"
            )
        return cls(loader, order, accumulate, updates)

    def batches(self, epoch: int, update: int) -> Iterator[Batch]:
        """The batches of an epoch from an update on."""
        skip = update * self.batches_an_update
        if self.order is not None:
            self.order.epoch, self.order.start = epoch, skip * (self.loader.batch_size or 1)
            yield from self.loader
            return
        begin_epoch(self.loader, epoch)
        for number, batch in enumerate(self.loader):
            if number >= skip:
                yield batch
