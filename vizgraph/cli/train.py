"""`vizgraph train`: a run from a config file; under torchrun on many GPUs and machines."""

from __future__ import annotations

from pathlib import Path

import click

from vizgraph.cli.options import debug
from vizgraph.errors import UsageError

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
    from vizgraph.training.config import load, recipes
    from vizgraph.training.run import default_folder, train

    if listing:
        for name, path in recipes().items():
            click.echo(f"{name + '.yaml':20} {path.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}")
        return
    if config is None and not overrides and root is None:
        raise UsageError("--config", "no config is given", "try --config demo.yaml, or --list to see the recipes")
    given = list(overrides)
    for key, value in (("run.device", device), ("run.explain_every", explain_every)):
        if value is not None:
            given.append(f"{key}={value}")
    settings = load(config, given, smoke=smoke)
    if root is not None:
        if settings.data.name == "scenes":
            why = "this config reads the bundled scenes, not a folder"
            raise UsageError("--data", why, "leave out --data or --smoke")
        settings.data.root = root
    folder = out or default_folder(settings, config, smoke=smoke)
    result = train(settings, out=folder, resume=resume, export_to=target, half=half, progress=True)
    if result.is_main:
        best = f"best top-1 {result.best_top1:.2f} % in epoch {result.best_epoch}; " if result.best_epoch > 0 else ""
        render = f"vizgraph render --arch {result.arch} --ckpt {result.best} --img IMAGE"
        click.echo(f"{best}{result.best}; render with: {render}", err=True)
        if target is not None:
            click.echo(f"exported {target} ({target.stat().st_size / 1e6:.2f} MB)", err=True)
