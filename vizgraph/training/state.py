"""The state of a run: all that changes while it goes, as a checkpoint holds it and as it is put back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vizgraph.errors import CheckpointError, first_line
from vizgraph.training.distributed import Distributed
from vizgraph.training.optim import load_schedule_state, schedule_state, take_over
from vizgraph.training.randomness import capture, restore
from vizgraph.training.schema import Config, from_plain

_SAME_BATCHES = ("data.batch_size", "optimizer.accumulate", "data.repeats", "run.seed")
"""What must be as it was to go on within an epoch."""
_SAME_PARAMETERS = ("model.freeze", "optimizer.name", "optimizer.layer_decay", "optimizer.kwargs")
"""What the optimizer's state is made for."""


class Stateful(Protocol):
    """What can be put back into the state that it once had (torch's name for it)."""

    def state_dict(self) -> dict[str, Any]:
        """The state, in tensors and plain types."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Put it back."""


@dataclass
class Progress:
    """Where a run is; what is counted within an epoch starts anew with each.

    Attributes:
        epoch: the epoch it is in, from 0.
        update: updates done in it.
        updates: updates done in all.
        loss_sum, seen: of this rank, summed loss over images, and images.
        corrupt_images: damaged images of this rank that gave way to others.
        seconds: spent in this epoch.
        best_epoch, best_top1, best_loss: of the best validation; -1 before any.
    """

    epoch: int = 0
    update: int = 0
    updates: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    corrupt_images: int = 0
    seconds: float = 0.0
    best_epoch: int = -1
    best_top1: float = -1.0
    best_loss: float = math.inf

    def next_epoch(self) -> Progress:
        """Where the epoch after this one begins."""
        return Progress(
            epoch=self.epoch + 1,
            updates=self.updates,
            best_epoch=self.best_epoch,
            best_top1=self.best_top1,
            best_loss=self.best_loss,
        )


@dataclass
class TrainState:
    """All that changes while a run goes; `Stateful`.

    Attributes:
        config: of the run.
        description: what belongs to its weights.
        distributed: this process among those of the run.
        epoch_updates: updates of an epoch.
        model: the network.
        optimizer: of its parameters.
        scheduler: of the learning rate, timm's, or None.
        average: the moving average of the network (timm's `ModelEmaV3`), or None.
        scaler: of fp16's loss, or None.
        progress: where the run is.
    """

    config: Config
    description: dict[str, Any]
    distributed: Distributed
    epoch_updates: int
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: Any = None
    average: Any = None
    scaler: Any = None
    progress: Progress = field(default_factory=Progress)

    @property
    def finished(self) -> nn.Module:
        """The network that is validated and exported: the average where there is one."""
        network: nn.Module = self.model if self.average is None else self.average.module
        return network

    @property
    def networks(self) -> list[nn.Module]:
        """The network, and its average where there is one."""
        return [self.model] if self.average is None else [self.model, self.average.module]

    @contextlib.contextmanager
    def averaged_statistics(self) -> Iterator[Callable[[], None]]:
        """Let every rank have the mean of all ranks' batch-norm statistics; what is given undoes that."""
        networks = self.networks if self.distributed.world_size > 1 else []
        before = [statistics_of(network) for network in networks]
        for network in networks:
            from timm.utils import distribute_bn

            distribute_bn(network, self.distributed.world_size, reduce=True)  # type: ignore[no-untyped-call]

        def undo() -> None:
            # Continued, the epoch's end is done again from where it began.
            for network, statistics in zip(networks, before, strict=True):
                load_statistics(network, statistics)

        yield undo

    def state_dict(self) -> dict[str, Any]:
        """Everything to go on from, in tensors and plain types; every rank must call this."""
        progress = self.progress
        own = {
            "generators": capture(self.distributed.device),
            "statistics": statistics_of(self.model),
            "average_statistics": statistics_of(None if self.average is None else self.average.module),
            "loss_sum": progress.loss_sum,
            "seen": progress.seen,
            "corrupt_images": progress.corrupt_images,
        }
        everyone = self.distributed.gather(own)
        done = progress.update == self.epoch_updates
        content: dict[str, Any] = {
            # timm's fields: the epoch is the last one finished
            "epoch": progress.epoch if done else progress.epoch - 1,
            "arch": self.description["arch"],
            "version": 2,
            "state_dict": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "args": self.config.plain(),
            "metric": progress.best_top1,
            "vizgraph": self.description,
            "training": {
                "progress": asdict(progress),
                "ranks": everyone,
                "world": self.distributed.world_size,
                "epoch_updates": self.epoch_updates,
                "scheduler": None if self.scheduler is None else schedule_state(self.scheduler),
            },
        }
        if self.average is not None:
            content["state_dict_ema"] = self.average.module.state_dict()
        if self.scaler is not None:
            content["amp_scaler"] = self.scaler.state_dict()
        return content

    def load_state_dict(self, content: Mapping[str, Any], path: Path | str = "the checkpoint") -> None:
        """Put a run that was just made into the state of a checkpoint.

        Args:
            content: what `state_dict` gave.
            path: what to call it.

        Raises:
            CheckpointError: it is of another network, other classes or another optimizer, is from within an epoch with
                other batches, or is damaged.
        """
        try:
            was = from_plain(content["args"])
            self._require_same_network(content, path)
            self._require_same(_SAME_PARAMETERS, was, path, "is of a run")
            self._load_progress(content["training"], was, path)
            self._load_weights(content, was)
            self._load_rates(content["training"], was)
            if content["training"]["world"] == self.distributed.world_size:
                self._load_rank(content["training"]["ranks"][self.distributed.rank])
        except CheckpointError:
            raise
        # What a damaged or foreign file makes torch and timm raise.
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(
                f"{path}: its state does not fit this run ({type(error).__name__}: {first_line(error)}); resume with "
                "its own config, or start a new run from its weights with model.checkpoint"
            ) from error

    def _load_progress(self, saved: Mapping[str, Any], was: Config, path: Path | str) -> None:
        progress = Progress(**_as_now(saved["progress"]))
        if 0 < progress.update < saved["epoch_updates"]:
            counts = (
                ("ranks", saved["world"], self.distributed.world_size),
                ("updates an epoch", saved["epoch_updates"], self.epoch_updates),
            )
            self._require_same(_SAME_BATCHES, was, path, "was saved within an epoch", counts)
        elif progress.update:
            progress.update = self.epoch_updates
        self.progress = progress

    def _load_weights(self, content: Mapping[str, Any], was: Config) -> None:
        self.model.load_state_dict(content["state_dict"])
        wanted = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(content["optimizer"])
        if was.optimizer != self.config.optimizer:
            # The state is the checkpoint's, but a decay or rate that was changed is the config's.
            for group, options in zip(self.optimizer.param_groups, wanted, strict=True):
                group.update(options)
        if self.average is not None:
            self.average.module.load_state_dict(content.get("state_dict_ema", content["state_dict"]))
        if self.scaler is not None and "amp_scaler" in content:
            self.scaler.load_state_dict(content["amp_scaler"])

    def _load_rates(self, saved: Mapping[str, Any], was: Config) -> None:
        if self.scheduler is None:
            return
        progress = self.progress
        same_rates = was.schedule == self.config.schedule and was.optimizer == self.config.optimizer
        same_world = saved["world"] == self.distributed.world_size
        if same_rates and same_world and saved["epoch_updates"] == self.epoch_updates:
            load_schedule_state(self.scheduler, saved["scheduler"])
        else:
            progress.updates = progress.epoch * self.epoch_updates + progress.update
            take_over(self.scheduler, self.optimizer, progress.epoch, progress.updates)

    def _load_rank(self, own: Mapping[str, Any]) -> None:
        restore(own["generators"], self.distributed.device)
        load_statistics(self.model, own["statistics"])
        if self.average is not None:
            load_statistics(self.average.module, own["average_statistics"])
        progress = self.progress
        progress.loss_sum, progress.seen = own["loss_sum"], own["seen"]
        progress.corrupt_images = _as_now(own)["corrupt_images"]

    def _require_same_network(self, content: Mapping[str, Any], path: Path | str) -> None:
        was = content.get("vizgraph") or {}
        for key, name in (("arch", "arch"), ("num_classes", "num_classes"), ("model_kwargs", "kwargs")):
            if was.get(key) != self.description[key]:
                raise CheckpointError(
                    f"{path}: is of a run with model.{name} {was.get(key)}, now it is {self.description[key]}; resume "
                    "with its own config, or start a new run from its weights with model.checkpoint"
                )
        names, now = was.get("label_names"), self.description["label_names"]
        if names is not None and names != now:
            before, after = _first_difference(names, now or [])
            raise CheckpointError(
                f"{path}: is of a run with other classes (first difference: {before} then, {after} now); resume with "
                "its own data, or start a new run from its weights with model.checkpoint"
            )

    def _require_same(
        self,
        keys: tuple[str, ...],
        was: Config,
        path: Path | str,
        what: str,
        more: tuple[tuple[str, Any, Any], ...] = (),
    ) -> None:
        pairs = [(key, _at(was, key), _at(self.config, key)) for key in keys]
        for name, before, after in (*more[:1], *pairs, *more[1:]):
            if before != after:
                cure = "or from a checkpoint of an epoch's end" if more else "or start a new run with model.checkpoint"
                raise CheckpointError(
                    f"{path}: {what} with {name} {before}, now it is {after}; continue with {before}, {cure}"
                )


def statistics_of(model: nn.Module | None) -> dict[str, Tensor]:
    """The batch-norm statistics, which differ between ranks within an epoch; copies on the CPU."""
    if model is None:
        return {}
    return {
        name: buffer.detach().to("cpu", copy=True)
        for name, buffer in model.named_buffers()
        if "running_" in name or name.endswith("num_batches_tracked")
    }


def load_statistics(model: nn.Module | None, statistics: Mapping[str, Tensor]) -> None:
    """Put back what `statistics_of` took."""
    if model is None:
        return
    buffers = dict(model.named_buffers())
    with torch.no_grad():
        for name, value in statistics.items():
            buffers[name].copy_(value)


def _as_now(saved: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says, in the words of now: 0.1 called corrupt images "replaced"."""
    return {"corrupt_images" if key == "replaced" else key: value for key, value in saved.items()}


def _at(config: Config, dotted: str) -> Any:
    section, key = dotted.split(".")
    return getattr(getattr(config, section), key)


def _first_difference(before: list[str], after: list[str]) -> tuple[str, str]:
    for first, other in zip(before, after):
        if first != other:
            return repr(first), repr(other)
    return f"{len(before)} classes", f"{len(after)} classes" if after else "none are named"
