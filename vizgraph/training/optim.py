"""How weights move: the optimizer and the schedule of its learning rate, both timm's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vizgraph.errors import ConfigError, first_line
from vizgraph.training.schema import OptimizerConfig, ScheduleConfig


def scaled_rate(config: OptimizerConfig, images_an_update: int) -> float:
    """The learning rate as stated, or scaled with what an update holds, linearly or by the root."""
    factor = images_an_update / config.lr_batch
    scale: dict[str, float] = {"none": 1.0, "linear": factor, "sqrt": factor**0.5}
    return config.lr * scale[config.lr_scaling]


def make_optimizer(config: OptimizerConfig, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer, with its groups of parameters: no decay of norms and biases, layers slowed down if asked for.

    Raises:
        ConfigError: no such optimizer, or not with these arguments.
    """
    from timm.optim import create_optimizer_v2

    more = dict(config.kwargs)
    if config.betas is not None:
        more["betas"] = tuple(config.betas)
    if config.eps is not None:
        more["eps"] = config.eps
    try:
        optimizer: torch.optim.Optimizer = create_optimizer_v2(
            model,
            opt=config.name,
            lr=learning_rate,
            weight_decay=config.weight_decay,
            momentum=config.momentum,
            layer_decay=config.layer_decay,
            **more,
        )
    # Optimizers of many kinds refuse arguments in their own ways.
    except Exception as error:
        raise ConfigError(f"optimizer.name={config.name}: cannot be made ({first_line(error)})") from error
    return optimizer


def make_schedule(config: ScheduleConfig, optimizer: torch.optim.Optimizer, epoch_updates: int) -> tuple[Any, int]:
    """timm's scheduler (None for none) and the number of epochs, cooldown included.

    Raises:
        ConfigError: no such schedule, or one that does not fit its epochs.
    """
    from timm.scheduler import create_scheduler_v2

    more: dict[str, Any] = {} if config.decay_epochs is None else {"decay_epochs": config.decay_epochs}
    try:
        scheduler, epochs = create_scheduler_v2(
            optimizer,
            sched=config.name,
            num_epochs=config.epochs,
            warmup_lr=config.warmup_lr,
            min_lr=config.min_lr,
            warmup_epochs=config.warmup_epochs,  # type: ignore[arg-type]
            cooldown_epochs=config.cooldown_epochs,
            decay_rate=config.decay_rate,
            step_on_epochs=config.by_epoch,
            updates_per_epoch=epoch_updates,
            **more,
        )
    except Exception as error:
        raise ConfigError(f"schedule.name={config.name}: cannot be made ({first_line(error)})") from error
    if scheduler is None and config.name != "none":
        raise ConfigError(f"schedule.name={config.name}: timm has no such schedule")
    return scheduler, int(epochs)


def schedule_state(scheduler: Any) -> dict[str, Any]:
    """A scheduler's state in plain types; of a plateau also what it has counted, which timm leaves out."""
    state = dict(scheduler.state_dict())
    counts = getattr(scheduler, "lr_scheduler", None)
    if counts is not None:
        state["plateau"] = {name: vars(counts)[name] for name in _PLATEAU}
    return state


def load_schedule_state(scheduler: Any, state: Mapping[str, Any]) -> None:
    """Go on with what `schedule_state` gave.

    Raises:
        KeyError: it lacks a plateau's counts.
    """
    scheduler.load_state_dict({name: value for name, value in state.items() if name != "plateau"})
    counts = getattr(scheduler, "lr_scheduler", None)
    if counts is not None:
        vars(counts).update({name: state["plateau"][name] for name in _PLATEAU})


_PLATEAU = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
"""What torch's `ReduceLROnPlateau` counts."""


def take_over(scheduler: Any, optimizer: torch.optim.Optimizer, epoch: int, updates: int) -> None:
    """Let a new schedule go on from a place in the run, whatever the optimizer's loaded state says of rates."""
    for group, base in zip(optimizer.param_groups, scheduler.base_values, strict=True):
        group["initial_lr"] = base
    scheduler.step(epoch)
    scheduler.step_update(updates)
