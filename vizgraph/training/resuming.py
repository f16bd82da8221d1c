"""The state of a run as a checkpoint holds it, and a run put back into that state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vizgraph.errors import TrainingError
from vizgraph.training.optimization import take_over
from vizgraph.training.randomness import capture, restore

if TYPE_CHECKING:
    from vizgraph.training.loop import Training


@dataclass
class Progress:
    """Where a run is; what is counted within an epoch starts anew with each.

    Attributes:
        epoch: the epoch it is in, from 0.
        update: updates done in it.
        updates: updates done in all.
        loss_sum, seen: of this rank, summed loss over images, and images.
        replaced: damaged images of this rank.
        seconds: spent in this epoch.
        best_epoch, best_top1, best_loss: of the best validation; -1 before any.
    """

    epoch: int = 0
    update: int = 0
    updates: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    replaced: int = 0
    seconds: float = 0.0
    best_epoch: int = -1
    best_top1: float = -1.0
    best_loss: float = math.inf


def state_of(run: Training) -> dict[str, Any]:
    """Everything to go on from, in tensors and plain types; every rank must call this."""
    progress = run.progress
    own = {
        "generators": capture(run.ranks.device),
        "statistics": statistics_of(run.model),
        "average_statistics": statistics_of(None if run.average is None else run.average.module),
        "loss_sum": progress.loss_sum,
        "seen": progress.seen,
        "replaced": progress.replaced,
    }
    everyone = run.ranks.gather(own)
    done = progress.update == run.feed.updates
    content: dict[str, Any] = {
        # timm's fields: the epoch is the last one finished
        "epoch": progress.epoch if done else progress.epoch - 1,
        "arch": run.arch,
        "version": 2,
        "state_dict": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "args": run.config.plain(),
        "metric": progress.best_top1,
        "vizgraph": run.description,
        "training": {
            "progress": asdict(progress),
            "ranks": everyone,
            "world": run.ranks.world,
            "epoch_updates": run.feed.updates,
            "scheduler": None if run.scheduler is None else run.scheduler.state_dict(),
        },
    }
    if run.average is not None:
        content["state_dict_ema"] = run.average.module.state_dict()
    if run.scaler is not None:
        content["amp_scaler"] = run.scaler.state_dict()
    return content


def go_on(run: Training, content: Mapping[str, Any], path: Path | None) -> None:
    """Put a run that was just made into the state of a checkpoint.

    Raises:
        TrainingError: the checkpoint is of another network, or from within an epoch with other batches.
    """
    was, now, saved = content["args"], run.config.plain(), content["training"]
    _require_same_network(content, run.description, path)
    progress = Progress(**saved["progress"])
    if 0 < progress.update < saved["epoch_updates"]:
        _require_same_batches(run, was, now, saved, path)
    elif progress.update:
        progress.update = run.feed.updates
    run.progress = progress
    run.model.load_state_dict(content["state_dict"])
    run.optimizer.load_state_dict(content["optimizer"])
    if run.average is not None:
        run.average.module.load_state_dict(content.get("state_dict_ema", content["state_dict"]))
    if run.scaler is not None and "amp_scaler" in content:
        run.scaler.load_state_dict(content["amp_scaler"])
    same_world = saved["world"] == run.ranks.world
    if run.scheduler is not None:
        same_rates = all(was[section] == now[section] for section in ("schedule", "optimizer"))
        if same_rates and same_world and saved["epoch_updates"] == run.feed.updates:
            run.scheduler.load_state_dict(saved["scheduler"])
        else:
            progress.updates = progress.epoch * run.feed.updates + progress.update
            take_over(run.scheduler, run.optimizer, progress.epoch, progress.updates)
    if same_world:
        own = saved["ranks"][run.ranks.rank]
        restore(own["generators"], run.ranks.device)
        load_statistics(run.model, own["statistics"])
        if run.average is not None:
            load_statistics(run.average.module, own["average_statistics"])
        progress.loss_sum, progress.seen, progress.replaced = own["loss_sum"], own["seen"], own["replaced"]


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


def _require_same_network(content: Mapping[str, Any], description: Mapping[str, Any], path: Path | None) -> None:
    was = content.get("vizgraph") or {}
    for key, what in (("arch", "model.arch"), ("num_classes", "model.num_classes"), ("model_kwargs", "model.kwargs")):
        if was.get(key) != description[key]:
            raise TrainingError(
                f"{path}: is of a run with {what} {was.get(key)}, now it is {description[key]}; resume with its own "
                "config, or start a new run from its weights with model.checkpoint"
            )


def _require_same_batches(
    run: Training, was: dict[str, Any], now: dict[str, Any], saved: Mapping[str, Any], path: Path | None
) -> None:
    pairs = [("ranks", saved["world"], run.ranks.world)]
    for dotted in ("data.batch_size", "optimizer.accumulate", "data.repeats", "run.seed"):
        section, key = dotted.split(".")
        pairs.append((dotted, was[section][key], now[section][key]))
    pairs.append(("updates an epoch", saved["epoch_updates"], run.feed.updates))
    for what, before, after in pairs:
        if before != after:
            raise TrainingError(
                f"{path}: was saved within an epoch with {what} {before}, now it is {after}; "
                f"continue with {before}, or from a checkpoint of an epoch's end"
            )
