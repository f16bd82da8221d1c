"""The loop: batches in, updates out, and a run that can be stopped and continued anywhere without a trace."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vizgraph.data.preprocessing import Normalize
from vizgraph.errors import CannotWrite, Interrupted, TrainingError
from vizgraph.training import checkpoint
from vizgraph.training.augment import training_transform
from vizgraph.training.callbacks import Callback, Callbacks
from vizgraph.training.config import Config, to_yaml
from vizgraph.training.datasets import open_sources
from vizgraph.training.distributed import Distributed
from vizgraph.training.loaders import TrainingBatches, evaluation_loader
from vizgraph.training.log import Console, CSVLog
from vizgraph.training.metrics import Metrics, measure
from vizgraph.training.network import TrainedNetwork, describe
from vizgraph.training.optim import make_optimizer, make_schedule, scaled_rate
from vizgraph.training.preflight import require_startable
from vizgraph.training.randomness import seed_all, seeded
from vizgraph.training.signals import Stop
from vizgraph.training.state import Progress, TrainState
from vizgraph.training.step import UpdateStep

_BUILDING, _RUNNING, _WATCHING = 10, 11, 12
_SLOW_EPOCH = 20
"""Seconds of an epoch from which on the curves are drawn after each."""


class Training:
    """A run, from its config to its last checkpoint.

    Args:
        config: what to do.
        distributed: this process among those of the run.
        folder: where checkpoints and logs go.
        resume: a checkpoint of this run to go on from.
        callbacks: listen to it.
        show: whether to show a progress bar and messages (on the main rank).

    Attributes:
        state: all that changes while it goes.
        epochs: how many it has.
        batches: of the training split; `batches.updates` an epoch.
        labels: class names; None where they are unknown.
        classes: how many there are.
        learning_rate: as scaled.
        metrics: of the last validation, None before any.

    Raises:
        ConfigError: the config does not go together with the data or the machine.
        DataError: the data cannot be opened.
        CheckpointError: the checkpoint is damaged or of another run, or weights to start from cannot be had.
    """

    def __init__(
        self,
        config: Config,
        distributed: Distributed,
        folder: Path,
        *,
        resume: Path | None = None,
        callbacks: Sequence[Callback] = (),
        show: bool = True,
    ) -> None:
        self.config, self.distributed, self.folder = config, distributed, Path(folder)
        self.callbacks = Callbacks(callbacks)
        self.console = Console(show and distributed.is_main)
        self.metrics: Metrics | None = None
        if config.run.threads is not None:
            torch.set_num_threads(config.run.threads)
        content = None if resume is None else checkpoint.read(resume)
        seed_all(_BUILDING, config.run.seed)
        self.training_source, self.validation_source, self.labels, self.classes = open_sources(config)
        require_startable(config, self.training_source, distributed)
        # A run that goes on has its own weights: what it once started from need not be there any more.
        start = config.model if content is None else replace(config.model, checkpoint=None, pretrained=False)
        self.network = TrainedNetwork(config, start, self.classes, distributed)
        self.normalize = Normalize(
            self.network.preprocessing, distributed.device, channels_last=config.run.channels_last
        )
        self.training_source = self.training_source.read_for(self.network.preprocessing)
        self.validation_source = self.validation_source.read_for(self.network.preprocessing)
        transform = training_transform(self.network.preprocessing, config.augment)
        self.batches = TrainingBatches(config, self.training_source, transform, distributed)
        self.validation_loader = evaluation_loader(
            self.validation_source,
            self.network.preprocessing.evaluation_transform(),
            config.data,
            distributed,
            seed=config.run.seed,
        )
        self.images_an_update = config.data.batch_size * config.optimizer.accumulate * distributed.world_size
        self.learning_rate = scaled_rate(config.optimizer, self.images_an_update)
        optimizer = make_optimizer(config.optimizer, self.network.model, self.learning_rate)
        scheduler, self.epochs = make_schedule(config.schedule, optimizer, self.batches.updates)
        self.state = TrainState(
            config,
            describe(config.model, self.classes, self.labels, self.network.preprocessing),
            distributed,
            self.batches.updates,
            self.network.model,
            optimizer,
            scheduler,
            self.network.average,
            torch.amp.GradScaler("cuda") if self.network.amp is torch.float16 else None,
        )
        self.step = UpdateStep(config, self.network, self.state, self.normalize, self.classes)
        self._saved_at = time.monotonic()
        seed_all(_RUNNING, config.run.seed, distributed.rank)
        if content is not None:
            self.state.load_state_dict(content, resume or "the checkpoint")

    @property
    def progress(self) -> Progress:
        """Where the run is."""
        return self.state.progress

    @property
    def model(self) -> nn.Module:
        """The network as it is trained."""
        return self.state.model

    def save(self, *names: str, must: bool = False) -> None:
        """Write checkpoints of now under these names; every rank must call this.

        Raises:
            CannotWrite: a file could not be written, and `must` is true; otherwise that is only said.
        """
        content = self.state.state_dict()
        if self.distributed.is_main:
            for name in names:
                try:
                    checkpoint.save(self.folder / name, content)
                except CannotWrite as error:
                    if must:
                        raise
                    self.console.warn(error)
        self._saved_at = time.monotonic()

    # -- going

    def run(self) -> Metrics | None:
        """Train to the end; returns the last validation's metrics (None where nothing was left to do).

        Raises:
            Interrupted: SIGTERM or SIGINT came; the state is saved.
            TrainingError: the loss is no number any more.
            CannotWrite: the checkpoint at the end cannot be written.
        """
        main = self.distributed.is_main
        if main:
            with checkpoint.replacing(self.folder / "config.yaml") as file:
                file.write(to_yaml(self.config).encode())
            checkpoint.sweep(self.folder)
            self.log = CSVLog(self.folder, from_epoch=self.progress.epoch, tensorboard=self.config.run.tensorboard)
        with Stop() as stop, _fastest_kernels(self.distributed.device):
            self.console.introduce(self)
            try:
                if not self.progress.updates:
                    self._tell_epoch(0)
                while self.progress.epoch < self.epochs:
                    self._train_epoch(stop)
                    self._finish_epoch(stop)
            finally:
                if main:
                    self.log.close()
        if main and self.log.rows:
            with self._only_said():
                self.log.draw()
        return self.metrics

    def _train_epoch(self, stop: Stop) -> None:
        progress, state = self.progress, self.state
        if progress.update >= self.batches.updates:
            return
        self.network.train()
        self.step.start_epoch(progress.epoch)
        started, before, first = time.monotonic(), progress.seconds, progress.update
        with self.console.epoch(self):
            for group in self.batches.from_update(progress.epoch, progress.update):
                self.step(group)
                self._note_corrupt([name for batch in group for name in batch.corrupt_images])
                progress.update += 1
                progress.updates += 1
                if state.average is not None:
                    state.average.update(state.model, step=progress.updates)
                if state.scheduler is not None:
                    state.scheduler.step_update(progress.updates)
                progress.seconds = before + time.monotonic() - started
                self.console.update(self, progress.update - first, time.monotonic() - started)
                self.callbacks.on_update(self)
                self._agree(stop)

    def _agree(self, stop: Stop) -> None:
        """After an update: whether any rank lost its numbers, was told to stop, or it is time to save."""
        progress = self.progress
        at_end = progress.update == self.batches.updates
        due = (time.monotonic() - self._saved_at) > self.config.run.save_minutes * 60
        finite = True
        if progress.update % self.step.looks_every == 0 or at_end or stop:
            finite = self.step.add_losses()
        bad, stopping, saving_due = self.distributed.any(not finite, bool(stop), due and self.distributed.is_main)
        if not bad and (stopping or saving_due):
            (bad,) = self.distributed.any(not self.step.add_losses())
        if bad:
            raise TrainingError(self._diverged())
        if stopping:
            self._leave(stop)
        if saving_due and not at_end:
            self.save(checkpoint.LAST)

    def _diverged(self) -> str:
        kept = self.folder / checkpoint.LAST
        where = f"{kept} is of before" if kept.exists() else "nothing was saved yet"
        return (
            f"the loss is not a finite number in epoch {self.progress.epoch + 1}, update {self.progress.update} "
            f"(learning rate {self.state.optimizer.param_groups[0]['lr']:.2e}); {where}: lower optimizer.lr, lengthen "
            "schedule.warmup_epochs, or set optimizer.clip=1.0"
        )

    def _leave(self, stop: Stop) -> None:
        self.save(checkpoint.LAST, must=True)
        signum = max(self.distributed.gather(stop.signum))
        self.console.say(
            f"stopped in epoch {self.progress.epoch + 1} after update {self.progress.update}, saved; "
            "go on with --resume"
        )
        raise Interrupted(signum)

    def _finish_epoch(self, stop: Stop) -> None:
        progress, config = self.progress, self.config
        with self.state.averaged_statistics() as undo:
            metrics = None
            number = progress.epoch + 1
            if number % config.run.validate_every == 0 or number == self.epochs:
                metrics = self.validate(stop=lambda: bool(stop))
            (stopping,) = self.distributed.any(bool(stop))
            if stopping:
                undo()
                self._leave(stop)
        names = [checkpoint.LAST]
        if metrics is not None:
            self.metrics = metrics
            if (metrics.top1, -metrics.loss) > (progress.best_top1, -progress.best_loss):
                progress.best_epoch, progress.best_top1, progress.best_loss = number, metrics.top1, metrics.loss
                names.append(checkpoint.BEST)
        if config.run.checkpoint_every and number % config.run.checkpoint_every == 0:
            names.append(f"epoch_{number}.pth.tar")
        row = self._row(metrics)
        if self.state.scheduler is not None:
            self.state.scheduler.step(number, None if metrics is None else metrics.top1)
        if self.distributed.is_main:
            with self._only_said():
                self.log.add(row)
                if progress.seconds > _SLOW_EPOCH:
                    self.log.draw()
            self.console.finish(row, self.epochs)
        self._tell_epoch(number)
        self.state.progress = progress.next_epoch()
        self.save(*names, must=number == self.epochs)

    def _row(self, metrics: Metrics | None) -> dict[str, Any]:
        """The epoch in numbers, over all ranks."""
        progress = self.progress
        sums = self.distributed.total(
            torch.tensor([progress.loss_sum, progress.seen, progress.corrupt_images], dtype=torch.float64)
        ).tolist()
        row: dict[str, Any] = {
            "epoch": progress.epoch + 1,
            "updates": progress.updates,
            "learning_rate": self.state.optimizer.param_groups[0]["lr"],
            "train_loss": sums[0] / max(1.0, sums[1]),
            "images_per_second": sums[1] / max(progress.seconds, 1e-9),
            "seconds": progress.seconds,
            "corrupt_images": int(sums[2]),
        }
        if metrics is not None:
            row |= {"val_loss": metrics.loss, "top1": metrics.top1, "top5": metrics.top5}
            row["calibration_error"] = metrics.calibration_error
        return row

    def _tell_epoch(self, epoch: int) -> None:
        if self.callbacks.all:
            if self.distributed.is_main:
                with seeded(_WATCHING, epoch):
                    self.callbacks.on_epoch(self, epoch)
            self.distributed.barrier()

    def validate(self, stop: Callable[[], bool] = bool) -> Metrics | None:
        """Metrics of `state.finished` on the validation split; None where `stop` said so."""
        return measure(
            self.state.finished,
            self.validation_loader,
            self.normalize,
            self.distributed,
            classes=self.classes,
            autocast=self.network.autocast,
            stop=stop,
        )

    def _note_corrupt(self, names: list[str]) -> None:
        if not names:
            return
        self.progress.corrupt_images += len(names)
        rank = f"_{self.distributed.rank}" if self.distributed.world_size > 1 else ""
        path = self.folder / f"corrupt_images{rank}.txt"
        with contextlib.suppress(OSError), open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(f"epoch {self.progress.epoch + 1}: {name}\n" for name in names)
        if self.progress.corrupt_images == len(names):
            self.console.warn(f"a damaged image gave way to the next one: {names[0]}; all are listed in {path}")

    @contextlib.contextmanager
    def _only_said(self) -> Iterator[None]:
        """A log that cannot be written ends no run."""
        try:
            yield
        except (OSError, CannotWrite) as error:
            self.console.warn(error)


@contextlib.contextmanager
def _fastest_kernels(device: torch.device) -> Iterator[None]:
    """On a GPU let cuDNN look for its fastest kernels; elsewhere nothing is to be done."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
