"""`vizgraph train`: a run from a config file; under torchrun on many GPUs and machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from vizgraph.cli.errors import BAD_CHECKPOINT, CANNOT_WRITE, SOME_FAILED, USAGE, Failure
from vizgraph.cli.options import debug

EPILOG = """\b
A config has the sections model, data, augment, optimizer, schedule, average and run; docs/training.md lists their keys.
  vizgraph train --config demo.yaml
  vizgraph train --config finetune.yaml --data photos model.arch=gcn_ti
  vizgraph train --config graphconvnet.yaml data.root=/data/imagenet --resume
  torchrun --nproc-per-node 8 -m vizgraph train --config vig.yaml --data /data/imagenet
"""


@click.command(epilog=EPILOG)
@click.option(
    "--config",
    metavar="FILE",
    help="YAML file, or a shipped recipe such as demo.yaml, finetune.yaml, graphconvnet.yaml.",
)
@click.option(
    "--data", "root", metavar="FOLDER", help="The images, a folder a class, in train/ and val/; short for data.root."
)
@click.option(
    "--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/<config>]"
)
@click.option("--resume", is_flag=True, help="Go on where the run in that folder stopped, if there is one.")
@click.option(
    "--smoke", is_flag=True, help="The recipe's own variant of a few seconds, to see that everything is in place."
)
@click.option("--explain-every", metavar="N", type=click.IntRange(0), help="Explain a few fixed images each N epochs.")
@click.option(
    "--export",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="At the end write the best weights as safetensors.",
)
@click.option("--half", is_flag=True, help="Export in float16.")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--list", "listing", is_flag=True, help="List the shipped recipes and end.")
@debug
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
def command(
    config: str | None,
    root: str | None,
    out: Path | None,
    resume: bool,
    smoke: bool,
    explain_every: int | None,
    target: Path | None,
    half: bool,
    device: str | None,
    listing: bool,
    overrides: tuple[str, ...],
) -> None:
    """Train a network from a config file and overrides such as schedule.epochs=10."""
    from vizgraph.errors import TrainingError
    from vizgraph.training.config import load, recipes

    if listing:
        for name, path in recipes().items():
            click.echo(f"{name + '.yaml':20} {path.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}")
        return
    if config is None and not overrides and root is None:
        raise Failure(
            "--config", "no config is given", "try --config demo.yaml, or --list to see the recipes", code=USAGE
        )
    given = list(overrides)
    for key, value in (("run.device", device), ("run.explain_every", explain_every)):
        if value is not None:
            given.append(f"{key}={value}")
    try:
        settings = load(config, given, smoke=smoke)
    except TrainingError as error:
        raise Failure("--config", str(error), code=USAGE) from error
    if root is not None and settings.data.name == "scenes":
        raise Failure(
            "--data", "this config reads the bundled scenes, not a folder", "leave out --data or --smoke", code=USAGE
        )
    if root is not None:
        settings.data.root = root
    name = Path(config).stem if config else settings.model.arch
    folder = out or Path(settings.run.out or Path("runs") / (name + ("-smoke" if smoke else "")))
    settings.run.out = str(folder)
    code = _run(settings, folder, resume, target, half)
    if code:
        sys.exit(code)


def _run(settings: Any, folder: Path, resume: bool, target: Path | None, half: bool) -> int:
    from vizgraph.errors import Interrupted, TrainingError
    from vizgraph.training import saving
    from vizgraph.training.export import export
    from vizgraph.training.loop import Training
    from vizgraph.training.ranks import joined

    last = folder / saving.LAST
    if last.exists() and not resume:
        raise Failure(
            str(folder), "holds a run already", "go on with --resume, or choose another folder with --out", code=USAGE
        )
    try:
        with joined(settings.run.device) as ranks:
            # No rank may write the first checkpoint before every rank has looked for it.
            start = last if last.exists() else None
            ranks.wait()
            training = Training(settings, ranks, folder, resume=start, watchers=_watchers(settings, folder))
            training.run()
            if ranks.first:
                _conclude(training, folder)
                if target is not None:
                    best = folder / saving.BEST
                    export(best if best.exists() else last, target, half=half)
                    click.echo(f"exported {target} ({target.stat().st_size / 1e6:.2f} MB)", err=True)
    except Interrupted as error:
        return error.exit_code
    except saving.CannotWrite as error:
        raise Failure("train", str(error), code=CANNOT_WRITE) from error
    except TrainingError as error:
        is_checkpoint = str(error).startswith(str(last))
        raise Failure("train", str(error), code=BAD_CHECKPOINT if is_checkpoint else SOME_FAILED) from error
    return 0


def _conclude(training: Any, folder: Path) -> None:
    progress = training.progress
    best = f"best top-1 {progress.best_top1:.2f} % in epoch {progress.best_epoch}; " if progress.best_epoch > 0 else ""
    click.echo(
        f"{best}{folder / 'best.pth.tar'}; render with: vizgraph render --arch {training.arch} "
        f"--ckpt {folder / 'best.pth.tar'} --img IMAGE",
        err=True,
    )


def _watchers(settings: Any, folder: Path) -> list[Any]:
    if not settings.run.explain_every:
        return []
    from vizgraph.cli.forming import Forming

    return [Forming(folder / "explained", settings.run.explain_every, settings.run.explain_images)]
