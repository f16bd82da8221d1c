"""Whether config, data and machine go together, before a run begins; all that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Iterator

from vizgraph.errors import ConfigError
from vizgraph.training.config import Config
from vizgraph.training.datasets import Source
from vizgraph.training.distributed import Distributed
from vizgraph.training.loaders import samples_an_epoch


def require_startable(config: Config, training: Source, distributed: Distributed) -> None:
    """Refuse a run that could not go through its first epoch.

    Raises:
        ConfigError: with all that is wrong.
    """
    wrong = list(problems(config, training, distributed))
    if wrong:
        raise ConfigError("; ".join(wrong))


def problems(config: Config, training: Source, distributed: Distributed) -> Iterator[str]:
    """What does not go together, a sentence with its cure each.

    Args:
        config: whose fields are in their ranges.
        training: the training split.
        distributed: this process among those of the run.
    """
    data, schedule, accumulate = config.data, config.schedule, config.optimizer.accumulate
    if training.stream and data.repeats > 1:
        yield "repeated augmentation needs a data set with an index; set data.repeats=0 for a stream"
    else:
        held = samples_an_epoch(config, training, distributed)
        if held < data.batch_size * accumulate:
            # An update needs `accumulate` batches; where there are not even as many images, fewer of those.
            batch = (
                f"lower data.batch_size to {held // accumulate} or less"
                if held >= accumulate
                else ("lower data.batch_size and optimizer.accumulate, or add images")
            )
            yield (
                f"there are fewer images than a batch: {training.size} for {distributed.world_size} rank(s) of "
                f"{accumulate} x {data.batch_size}; {batch}"
            )
    if data.batch_size == 1:
        yield "data.batch_size must be at least 2: batch norm learns from several images at once"
    if schedule.warmup_epochs >= schedule.epochs:
        yield (
            f"schedule.warmup_epochs ({schedule.warmup_epochs:g}) must be below schedule.epochs ({schedule.epochs}); "
            "lower it, schedule.warmup_epochs=0 is none"
        )
    if schedule.name == "plateau" and not schedule.by_epoch:
        yield "schedule.name=plateau looks at each epoch's validation; set schedule.by_epoch=true"
    on_gpu = distributed.device.type == "cuda"
    if config.model.sync_bn and distributed.world_size > 1 and not on_gpu:
        yield "model.sync_bn needs GPUs; leave it off on CPUs"
    if config.run.amp == "fp16" and not on_gpu:
        yield "run.amp=fp16 needs a GPU; use bf16 or none"
