"""The one call: a network trained from a config."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vizgraph.errors import UsageError
from vizgraph.training import checkpoint
from vizgraph.training.callbacks import Callback, ExplainImages
from vizgraph.training.config import SMOKE, Config, load, require_sensible
from vizgraph.training.distributed import init_distributed
from vizgraph.training.log import read_log
from vizgraph.training.metrics import Metrics

if TYPE_CHECKING:
    import pandas as pd

    from vizgraph.training.loop import Training


@dataclass(frozen=True, eq=False)
class TrainResult:
    """A run that came to its end.

    Attributes:
        folder: of the run.
        arch: timm name of the network.
        paths: what lies in the folder: config, log, curves, checkpoints; and the exported weights.
        best: the checkpoint of the best validation, else the last.
        best_epoch, best_top1: of the best validation; -1 where there was none.
        metrics: of the last validation; None where nothing was left to do.
        is_main: whether this process is the one that wrote.
    """

    folder: Path
    arch: str
    paths: tuple[Path, ...]
    best: Path
    best_epoch: int
    best_top1: float
    metrics: Metrics | None
    is_main: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """The log, a row an epoch."""
        import pandas as pd

        return pd.DataFrame(read_log(self.folder / "log.csv"))


def default_folder(config: Config, source: str | Path | None, *, smoke: bool = False) -> Path:
    """Where a run goes that is not told: as its config says, else `runs/` and the name of the config."""
    if config.run.out:
        return Path(config.run.out)
    name = config.model.arch if source is None else Path(source).stem
    return Path("runs") / (f"{name}-{SMOKE}" if smoke else name)


def train(
    config: Config | str | Path,
    overrides: Iterable[str] = (),
    *,
    out: str | Path | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    export_to: str | Path | None = None,
    half: bool = False,
    smoke: bool = False,
    progress: bool = False,
) -> TrainResult:
    """Train to the end; under torchrun with the processes that it started.

    Args:
        config: what to do; or a YAML file, or a shipped recipe's name ("finetune.yaml").
        overrides: "section.key=value", over a file or recipe.
        out: folder of the run; None is the config's, else `runs/` and its name.
        resume: go on where the run in that folder stopped, if there is one.
        callbacks: listen to the run.
        export_to: write the best weights there as safetensors at the end.
        half: export in float16.
        smoke: the recipe's own variant of a few seconds.
        progress: whether to show a progress bar and messages on stderr (on the main rank).

    Raises:
        ConfigError: the config cannot be meant, or does not go together with the data or the machine.
        UsageError: the folder holds a run and `resume` is false.
        DataError: the data cannot be opened.
        CheckpointError: the weights to start from or the checkpoint to go on from cannot be used.
        Interrupted: SIGTERM or SIGINT came; the state is saved.
        TrainingError: the loss is no number any more.
        CannotWrite: the checkpoint at the end cannot be written.
    """
    from vizgraph.training.loop import Training

    if isinstance(config, Config):
        settings, source = config, None
        if list(overrides) or smoke:
            raise UsageError("config", "overrides and `smoke` are for a file", "change the config itself")
        require_sensible(settings)
    else:
        settings, source = load(config, overrides, smoke=smoke), config
    folder = Path(out) if out is not None else default_folder(settings, source, smoke=smoke)
    settings.run.out = str(folder)
    last = folder / checkpoint.LAST
    if last.exists() and not resume:
        raise UsageError(folder, "holds a run already", "go on with --resume, or choose another folder with --out")
    if settings.run.explain_every:
        explained = ExplainImages(folder / "explained", settings.run.explain_every, settings.run.explain_images)
        callbacks = (*callbacks, explained)
    with init_distributed(settings.run.device) as distributed:
        # No rank may write the first checkpoint before every rank has looked for it.
        start = last if last.exists() else None
        distributed.barrier()
        training = Training(settings, distributed, folder, resume=start, callbacks=callbacks, show=progress)
        metrics = training.run()
        return _result(training, metrics, None if export_to is None else Path(export_to), half)


def _result(training: Training, metrics: Metrics | None, export_to: Path | None, half: bool) -> TrainResult:
    folder, is_main = training.folder, training.distributed.is_main
    best = folder / checkpoint.BEST
    best = best if best.exists() else folder / checkpoint.LAST
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if is_main else []
    if export_to is not None and is_main:
        from vizgraph.training.export import export

        export(best, export_to, half=half)
        paths.append(export_to)
    progress = training.progress
    return TrainResult(
        folder,
        training.state.description["arch"],
        tuple(paths),
        best,
        progress.best_epoch,
        progress.best_top1,
        metrics,
        is_main,
    )
