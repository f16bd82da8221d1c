"""The loop: batches in, updates out, and a run that can be stopped and continued anywhere without a trace."""

from __future__ import annotations

import contextlib
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizgraph.errors import Interrupted, TrainingError
from vizgraph.training import saving
from vizgraph.training.batches import Batch
from vizgraph.training.config import Config, to_yaml
from vizgraph.training.feeding import Feed, loader_to_measure, open_sources
from vizgraph.training.journal import Journal, bar, clock
from vizgraph.training.mixing import Mixing
from vizgraph.training.network import build, describe, freeze
from vizgraph.training.optimization import make_optimizer, make_schedule, scaled_rate
from vizgraph.training.preprocessing import Normalize, measuring_transform, resolve, training_transform
from vizgraph.training.randomness import seed_all, seeded
from vizgraph.training.ranks import Ranks
from vizgraph.training.resuming import Progress, go_on, load_statistics, state_of, statistics_of
from vizgraph.training.scoring import Scores, measure, require_labels
from vizgraph.training.stopping import Stop

_BUILDING, _RUNNING, _WATCHING = 10, 11, 12
TOLERATED_OVERFLOWS = 50
"""Updates in a row without a finite loss that fp16's loss scaling is given to recover."""


class Training:
    """A run, from its config to its last checkpoint.

    Args:
        config: what to do.
        ranks: this process among those of the run.
        folder: where checkpoints and logs go.
        resume: a checkpoint of this run to go on from.
        watchers: called on the first rank after each epoch as `watcher(training, epoch)`, the epoch counted from 1, and
            with 0 before the first. What they draw from the generators is not missed by the run.
        show: whether to show a progress bar and messages (on the first rank).

    Attributes:
        model: the network as it is trained.
        average: its moving average (timm's `ModelEmaV3`), or None.
        progress: where the run is.
        epochs: how many it has.

    Raises:
        TrainingError: the config and the data do not go together, or the checkpoint is of another run.
    """

    def __init__(
        self,
        config: Config,
        ranks: Ranks,
        folder: Path,
        *,
        resume: Path | None = None,
        watchers: Sequence[Callable[[Training, int], None]] = (),
        show: bool = True,
    ) -> None:
        self.config, self.ranks, self.folder, self.watchers = config, ranks, Path(folder), tuple(watchers)
        self.show = show and ranks.first
        self.progress = Progress()
        if config.run.threads is not None:
            torch.set_num_threads(config.run.threads)
        content = None if resume is None else saving.read(resume)
        seed_all(_BUILDING, config.run.seed)
        self.training_source, self.validation_source, self.labels, self.classes = open_sources(config)
        self._build_network(content)
        self.feed = Feed.of(config, self.training_source, training_transform(self.preprocessing, config.augment), ranks)
        self.validation_loader = loader_to_measure(
            self.validation_source, measuring_transform(self.preprocessing), config.data, ranks, seed=config.run.seed
        )
        self._build_optimizer()
        self._pending: list[Tensor] = []
        self._overflows = 0
        self._saved_at = time.monotonic()
        seed_all(_RUNNING, config.run.seed, ranks.rank)
        if content is not None:
            go_on(self, content, resume)

    # -- setting up

    def _build_network(self, content: dict[str, Any] | None) -> None:
        config, device = self.config, self.ranks.device
        model_config = config.model
        if content is not None:
            # The run's own weights follow; what it once started from need not be there any more.
            model_config = replace(model_config, checkpoint=None, pretrained=False)
        model, self.origin = build(model_config, self.classes)
        self.preprocessing = resolve(model, config.data)
        self.description = describe(config.model, self.classes, self.labels, self.preprocessing)
        self.arch = self.description["arch"]
        if config.model.grad_checkpointing != "none":
            model.set_grad_checkpointing(config.model.grad_checkpointing)  # type: ignore[operator]
        self.frozen = freeze(model, config.model.freeze)
        if config.model.sync_bn and self.ranks.world > 1:
            if device.type != "cuda":
                raise TrainingError("model.sync_bn needs GPUs; leave it off on CPUs")
            from timm.layers import convert_sync_batchnorm

            model = convert_sync_batchnorm(model)
        self.format = torch.channels_last if config.run.channels_last else torch.contiguous_format
        self.model = model.to(device=device, memory_format=self.format)  # type: ignore[call-overload]
        self.normalize = Normalize(self.preprocessing, device, channels_last=config.run.channels_last)
        self.average = None
        if config.average.decay:
            from timm.utils import ModelEmaV3

            self.average = ModelEmaV3(self.model, decay=config.average.decay, use_warmup=config.average.warmup)
        forward: nn.Module = self.model
        if config.run.compile:
            forward = torch.compile(forward)  # type: ignore[assignment]
        if self.ranks.world > 1:
            from torch.nn.parallel import DistributedDataParallel

            ids = [device.index] if device.type == "cuda" else None
            forward = DistributedDataParallel(forward, device_ids=ids)
        self.forward = forward
        self.amp = {"none": None, "bf16": torch.bfloat16, "fp16": torch.float16}[config.run.amp]
        self.scaler = None
        if self.amp is torch.float16:
            if device.type != "cuda":
                raise TrainingError("run.amp=fp16 needs a GPU; use bf16 or none")
            self.scaler = torch.amp.GradScaler("cuda")

    def _build_optimizer(self) -> None:
        config = self.config
        self.images_an_update = config.data.batch_size * config.optimizer.accumulate * self.ranks.world
        self.learning_rate = scaled_rate(config.optimizer, self.images_an_update)
        self.optimizer = make_optimizer(config.optimizer, self.model, self.learning_rate)
        self.scheduler, self.epochs = make_schedule(config.schedule, self.optimizer, self.feed.updates)
        self.mixing = Mixing(config.augment, self.classes, self.ranks.device)

    def save(self, *names: str, must: bool = False) -> None:
        """Write checkpoints of now under these names; every rank must call this.

        Raises:
            CannotWrite: a file could not be written, and `must` is true; otherwise that is only said.
        """
        content = state_of(self)
        if self.ranks.first:
            for name in names:
                try:
                    saving.save(self.folder / name, content)
                except saving.CannotWrite as error:
                    if must:
                        raise
                    self._say(f"vizgraph: warning: {error}")
        self._saved_at = time.monotonic()

    # -- going

    def run(self) -> Scores | None:
        """Train to the end; returns the last validation's scores (None where nothing was left to do).

        Raises:
            Interrupted: SIGTERM or SIGINT came; the state is saved.
            TrainingError: the loss is no number any more, or the checkpoint at the end cannot be written.
        """
        if self.ranks.first:
            self.folder.mkdir(parents=True, exist_ok=True)
            saving.sweep(self.folder)
            (self.folder / "config.yaml").write_text(to_yaml(self.config), encoding="utf-8")
            self.journal = Journal(self.folder, from_epoch=self.progress.epoch, tensorboard=self.config.run.tensorboard)
        scores = None
        with Stop() as stop, _deterministic(self.ranks.device):
            self._introduce()
            try:
                if not self.progress.updates:
                    self._show_watchers(0)
                while self.progress.epoch < self.epochs:
                    self._train_epoch(stop)
                    scores = self._finish_epoch(stop)
            finally:
                if self.ranks.first:
                    self.journal.close()
        if self.ranks.first and self.journal.rows:
            self.journal.draw()
        return scores

    def _introduce(self) -> None:
        if self.validation_source.note:
            self._say(self.validation_source.note)
        parameters = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        at = f", from epoch {self.progress.epoch + 1}, update {self.progress.update}" if self.progress.updates else ""
        scaled = "" if self.config.optimizer.lr_scaling == "none" else f" ({self.config.optimizer.lr_scaling} scaling)"
        start = "its last checkpoint" if self.progress.updates else self.origin
        self._say(
            f"{self.arch}, {self.classes} classes, {parameters / 1e6:.2f} M trained parameters, from {start}, on "
            f"{self.ranks.world} x {self.ranks.device}; {self.epochs} epochs of {self.feed.updates} updates of "
            f"{self.images_an_update} images, learning rate {self.learning_rate:.3g}{scaled}{at}; into {self.folder}"
        )

    def _say(self, text: str) -> None:
        if self.show:
            from tqdm import tqdm

            tqdm.write(text, file=sys.stderr)

    def _train_epoch(self, stop: Stop) -> None:
        progress, accumulate = self.progress, self.config.optimizer.accumulate
        if progress.update >= self.feed.updates:
            return
        self.forward.train()
        for module in self.frozen:
            module.eval()
        self.mixing.start_epoch(progress.epoch)
        started, before = time.monotonic(), progress.seconds
        done_here = 0
        batches = self.feed.batches(progress.epoch, progress.update)
        live = bar(self.feed.updates, progress.update, f"epoch {progress.epoch + 1}/{self.epochs}", show=self.show)
        with live:
            while progress.update < self.feed.updates:
                group = list(itertools.islice(batches, accumulate))
                if len(group) < accumulate:
                    raise TrainingError(
                        f"the stream ended after {progress.update} of {self.feed.updates} updates; "
                        "set data.train_size to what it holds"
                    )
                self._update(group)
                progress.update += 1
                progress.updates += 1
                done_here += 1
                if self.average is not None:
                    self.average.update(self.model, step=progress.updates)
                if self.scheduler is not None:
                    self.scheduler.step_update(progress.updates)
                progress.seconds = before + time.monotonic() - started
                self._tell(live, done_here, time.monotonic() - started)
                self._agree(stop)

    def _update(self, group: Iterable[Batch]) -> None:
        config, group = self.config.optimizer, list(group)
        for number, batch in enumerate(group):
            last = number == len(group) - 1
            waits = getattr(self.forward, "no_sync", None)
            with contextlib.nullcontext() if last or waits is None else waits():
                loss = self._loss(batch)
                scaled = loss / len(group)
                (scaled if self.scaler is None else self.scaler.scale(scaled)).backward()
            self._pending.append(loss.detach() * len(batch.labels))
            self.progress.seen += len(batch.labels)
            if batch.replaced:
                self._note_replaced(batch.replaced)
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        if config.clip is not None:
            from timm.utils import dispatch_clip_grad

            dispatch_clip_grad(self.model.parameters(), config.clip, mode=config.clip_mode)
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def _loss(self, batch: Batch) -> Tensor:
        require_labels(batch.labels, self.classes)
        pixels = self.normalize(batch.pixels)
        labels = batch.labels.to(self.ranks.device, non_blocking=True)
        pixels, labels, smoothing = self.mixing(pixels, labels)
        with self._autocast():
            logits = self.forward(pixels)
        return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    def _autocast(self) -> Any:
        if self.amp is None:
            return contextlib.nullcontext()
        return torch.autocast(self.ranks.device.type, self.amp)

    def _tell(self, live: Any, done: int, seconds: float) -> None:
        live.update(1)
        if not self.show or live.disable:
            return
        progress = self.progress
        rate = done * self.images_an_update / max(seconds, 1e-9)
        left = (self.epochs - progress.epoch) * self.feed.updates - progress.update
        loss = progress.loss_sum / progress.seen if progress.seen and not self._pending else None
        live.set_postfix_str(
            ("" if loss is None else f"loss {loss:.3f}, ") + f"lr {self.optimizer.param_groups[0]['lr']:.2e}, "
            f"{rate:.0f} images/s, run ends in {clock(left * seconds / done)}",
            refresh=False,
        )

    def _look_at_losses(self) -> bool:
        """Add what is pending to the epoch's loss; whether it is finite. On a GPU this waits for it."""
        if not self._pending:
            return True
        losses = torch.stack(self._pending).double().cpu()
        self._pending.clear()
        finite = bool(torch.isfinite(losses).all())
        if finite:
            self._overflows = 0
        elif self.scaler is not None:
            self._overflows += 1
            finite = self._overflows * self._looks_every() < TOLERATED_OVERFLOWS
        self.progress.loss_sum += float(losses[torch.isfinite(losses)].sum())
        return finite

    def _looks_every(self) -> int:
        return 1 if self.ranks.device.type == "cpu" else self.config.run.log_every

    def _agree(self, stop: Stop) -> None:
        """After an update: whether any rank lost its numbers, was told to stop, or it is time to save."""
        progress = self.progress
        at_end = progress.update == self.feed.updates
        due = (time.monotonic() - self._saved_at) > self.config.run.save_minutes * 60
        finite = True
        if progress.update % self._looks_every() == 0 or at_end or stop:
            finite = self._look_at_losses()
        bad, stopping, saving_due = self.ranks.any_of(not finite, bool(stop), due and self.ranks.first)
        if not bad and (stopping or saving_due):
            (bad,) = self.ranks.any_of(not self._look_at_losses())
        if bad:
            raise TrainingError(self._diverged())
        if stopping:
            self._leave(stop)
        if saving_due and not at_end:
            self.save(saving.LAST)

    def _diverged(self) -> str:
        kept = self.folder / saving.LAST
        where = f"{kept} is of before" if kept.exists() else "nothing was saved yet"
        return (
            f"the loss is not a finite number in epoch {self.progress.epoch + 1}, update {self.progress.update} "
            f"(learning rate {self.optimizer.param_groups[0]['lr']:.2e}); {where}: lower optimizer.lr, lengthen "
            "schedule.warmup_epochs, or set optimizer.clip=1.0"
        )

    def _leave(self, stop: Stop) -> None:
        self.save(saving.LAST, must=True)
        signum = max(self.ranks.gather(stop.signum))
        self._say(
            f"stopped in epoch {self.progress.epoch + 1} after update {self.progress.update}, saved; "
            "go on with --resume"
        )
        raise Interrupted(signum)

    def _finish_epoch(self, stop: Stop) -> Scores | None:
        progress, config = self.progress, self.config
        if self.ranks.world > 1:
            from timm.utils import distribute_bn

            networks = [self.model] if self.average is None else [self.model, self.average.module]
            before = [statistics_of(network) for network in networks]
            for network in networks:
                distribute_bn(network, self.ranks.world, reduce=True)
        scores = None
        number = progress.epoch + 1
        if number % config.run.validate_every == 0 or number == self.epochs:
            scores = self.validate(stop=lambda: bool(stop))
        (stopping,) = self.ranks.any_of(bool(stop))
        if stopping:
            if self.ranks.world > 1:
                # Continued, the epoch's end is done again from where it began.
                for network, statistics in zip(networks, before, strict=True):
                    load_statistics(network, statistics)
            self._leave(stop)
        sums = self.ranks.total(
            torch.tensor([progress.loss_sum, progress.seen, progress.replaced], dtype=torch.float64)
        ).tolist()
        row = {
            "epoch": number,
            "updates": progress.updates,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "train_loss": sums[0] / max(1.0, sums[1]),
            "images_per_second": sums[1] / max(progress.seconds, 1e-9),
            "seconds": progress.seconds,
            "replaced": int(sums[2]),
        }
        names = [saving.LAST]
        if scores is not None:
            row.update(
                val_loss=scores.loss, top1=scores.top1, top5=scores.top5, calibration_error=scores.calibration_error
            )
            if (scores.top1, -scores.loss) > (progress.best_top1, -progress.best_loss):
                progress.best_epoch, progress.best_top1, progress.best_loss = number, scores.top1, scores.loss
                names.append(saving.BEST)
        if config.run.checkpoint_every and number % config.run.checkpoint_every == 0:
            names.append(f"epoch_{number}.pth.tar")
        if self.scheduler is not None:
            self.scheduler.step(number, None if scores is None else scores.top1)
        if self.ranks.first:
            self.journal.add(row)
            if progress.seconds > 20:
                self.journal.draw()
            self._say(_line(row, self.epochs, scores))
        self._show_watchers(number)
        self.progress = Progress(
            epoch=number,
            updates=progress.updates,
            best_epoch=progress.best_epoch,
            best_top1=progress.best_top1,
            best_loss=progress.best_loss,
        )
        self.save(*names, must=number == self.epochs)
        return scores

    def _show_watchers(self, epoch: int) -> None:
        if self.watchers:
            if self.ranks.first:
                with seeded(_WATCHING, epoch):
                    for watcher in self.watchers:
                        watcher(self, epoch)
            self.ranks.wait()

    @property
    def finished(self) -> nn.Module:
        """The network that is validated and exported: the average where there is one."""
        return self.model if self.average is None else self.average.module

    def validate(self, stop: Callable[[], bool] = bool) -> Scores | None:
        """Scores of `finished` on the validation split; None where `stop` said so."""
        return measure(
            self.finished,
            self.validation_loader,
            self.normalize,
            self.ranks,
            classes=self.classes,
            autocast=self._autocast,
            stop=stop,
        )

    def _note_replaced(self, names: list[str]) -> None:
        self.progress.replaced += len(names)
        log = self.folder / (f"replaced_{self.ranks.rank}.txt" if self.ranks.world > 1 else "replaced.txt")
        with contextlib.suppress(OSError), open(log, "a", encoding="utf-8") as file:
            file.writelines(f"epoch {self.progress.epoch + 1}: {name}\n" for name in names)
        if self.progress.replaced == len(names):
            self._say(
                f"vizgraph: warning: a damaged image gave way to the next one: {names[0]}; all are listed in {log}"
            )


def _line(row: dict[str, Any], epochs: int, scores: Scores | None) -> str:
    text = f"epoch {row['epoch']}/{epochs}: training loss {row['train_loss']:.4f}"
    if scores is not None:
        text += f", validation loss {scores.loss:.4f}, top-1 {scores.top1:.2f} %, top-5 {scores.top5:.2f} %"
    text += f", {row['images_per_second']:.0f} images/s, {clock(row['seconds'])}"
    return text + (f", {row['replaced']} damaged images replaced" if row["replaced"] else "")


@contextlib.contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """On a GPU let cuDNN look for its fastest kernels; elsewhere nothing is to be done."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
