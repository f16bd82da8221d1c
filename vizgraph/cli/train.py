"""`vizgraph train`: a run from a config file; under torchrun on many GPUs and machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.pages import page
from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import UsageError

EPILOG = f"""\b
A config has the sections model, data, augment, optimizer, schedule, average and run; their keys are listed in
{page("training.md")}
  vizgraph train --config demo.yaml
  vizgraph train --config finetune.yaml --data photos model.arch=gcn_ti
  vizgraph train --config graphconvnet.yaml data.root=/data/imagenet --resume
  torchrun --nproc-per-node 8 -m vizgraph train --config vig.yaml --data /data/imagenet
"""
MADE = ("scenes", "relation")


@vizgraph_command(
    "train",
    click.option(
        "--config",
        metavar="FILE",
        help="YAML file, or a shipped recipe such as demo.yaml, finetune.yaml, graphconvnet.yaml.",
    ),
    options.data(required=False),
    options.root,
    click.option(
        "--out",
        metavar="FOLDER",
        type=click.Path(path_type=Path, readable=False),
        help="Where results go.  [default: runs/<config>]",
    ),
    click.option("--resume", is_flag=True, help="Go on where the run in that folder stopped, if there is one."),
    click.option(
        "--smoke", is_flag=True, help="The recipe's own variant of a few seconds, to see that everything is in place."
    ),
    click.option(
        "--explain-every", metavar="N", type=click.IntRange(0), help="Explain a few fixed images each N epochs."
    ),
    click.option(
        "--export",
        "export_to",
        metavar="FILE",
        type=click.Path(path_type=Path, readable=False),
        help="At the end write the best weights as safetensors.",
    ),
    click.option("--half", is_flag=True, help="Export in float16."),
    click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.  [default: as the config says]"),
    click.option(
        "--seed", type=click.IntRange(0, 2**31 - 1), help="Of everything random.  [default: as the config says]"
    ),
    click.option("--list", "listing", is_flag=True, help="List the shipped recipes and end."),
    click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]..."),
    epilog=EPILOG,
)
def command(
    config: str | None,
    data: str | None,
    root: str | None,
    out: Path | None,
    smoke: bool,
    listing: bool,
    overrides: tuple[str, ...],
    progress: bool,
    **more: Any,
) -> Answer | None:
    """Train a network from a config file and overrides such as schedule.epochs=10."""
    from vizgraph.training.config import load, recipes

    if listing:
        heads = {
            name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for name, path in recipes().items()
        }
        return Answer({"recipes": heads}, [f"{name + '.yaml':20} {head}" for name, head in heads.items()])
    if config is None and not overrides and data is None:
        raise UsageError("--config", "no config is given", "try --config demo.yaml, or --list to see the recipes")
    words = list(overrides)
    for name in ("device", "seed", "explain_every"):
        value = more.pop(name)
        words += [] if value is None else [f"run.{name}={value}"]
    settings = load(config, words, smoke=smoke)
    if data is not None:
        _read(settings, data, root, named=any(word.startswith("data.name=") for word in overrides))

    import vizgraph
    from vizgraph.training.run import default_folder

    folder = out or default_folder(settings, config, smoke=smoke)
    result = vizgraph.train(settings, out=folder, progress=progress, **more)
    if not result.is_main:
        return None
    best = f"best top-1 {result.best_top1:.2f} % in epoch {result.best_epoch}; " if result.best_epoch > 0 else ""
    lines = [f"{best}{one_line(result.best)}"]
    lines += [f"render with: vizgraph render --arch {result.arch} --ckpt {one_line(result.best)} --img IMAGE"]
    target = more["export_to"]
    if target is not None:
        lines.append(f"exported {one_line(target)} ({target.stat().st_size / 1e6:.2f} MB)")
    record = {
        "folder": str(result.folder),
        "arch": result.arch,
        "best": {"path": str(result.best), "epoch": result.best_epoch, "top1": result.best_top1},
        "paths": [str(path) for path in result.paths],
    }
    return Answer(record, lines)


def _read(settings: Any, data: str, root: str | None, *, named: bool) -> None:
    """Let a config read these images; `named` says that an override has said what kind of data they are.

    Raises:
        UsageError: it reads the bundled scenes and a folder is given.
    """
    from vizgraph.evaluation import data_config

    source = data_config(data, root=root)
    if settings.data.name in MADE and source.name not in MADE:
        why = "this config reads the bundled scenes, not a folder"
        raise UsageError("--data", why, "leave out --data or --smoke")
    settings.data.root = source.root
    if not named:
        settings.data.name = source.name
