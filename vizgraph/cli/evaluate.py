"""`vizgraph evaluate`: accuracy, calibration, and on the bundled scenes whether the network looked at the object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizgraph.cli.options import ckpt, debug, device, no_ema, out, sha256, together

EPILOG = """\b
  vizgraph evaluate --arch gcn_demo --data scenes --split test
  vizgraph evaluate --arch gcn_ti --data /data/imagenet --split val
  vizgraph evaluate --arch gcn_ti --ckpt runs/finetune/best.pth.tar --data photos --save
  torchrun --nproc-per-node 8 -m vizgraph evaluate --arch vig_s --data /data/imagenet
"""
NUMBERS = 3


def _numbers(_: Any, __: Any, value: str | None) -> list[float] | None:
    """ "0.5" or "0.485,0.456,0.406" as three numbers."""
    if value is None:
        return None
    try:
        read = [float(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number nor three") from None
    if len(read) not in (1, NUMBERS):
        raise click.BadParameter(f"{value!r} is neither a number nor three")
    return read * NUMBERS if len(read) == 1 else read


def _size(_: Any, __: Any, value: str | None) -> list[int] | None:
    """ "224" or "224x320" (height x width) as two numbers."""
    if value is None:
        return None
    try:
        read = [int(part) for part in value.lower().split("x")]
    except ValueError:
        read = []
    if len(read) not in (1, 2) or min(read) < 1:
        raise click.BadParameter(f"{value!r} is not a size such as 224 or 224x320 (height x width)")
    return read * 2 if len(read) == 1 else read


@click.command(epilog=EPILOG)
@click.option("--arch", metavar="NAME", help="Architecture, such as gcn_ti; `vizgraph models` lists them.")
@together(ckpt, no_ema, sha256)
@click.option(
    "--data",
    metavar="WHERE",
    required=True,
    help="A folder (a folder a class), 'scenes', or hfds/NAME, wds/NAME, tfds/NAME.",
)
@click.option("--root", metavar="FOLDER", help="Where the images of hfds/, wds/ or tfds/ data lie.")
@click.option(
    "--split", metavar="NAME", default="validation", show_default=True, help="Split; of the scenes: val or test."
)
@click.option(
    "--size", metavar="N", type=click.IntRange(1), help="Measure on the first N samples.  [default: all; 2000 scenes]"
)
@click.option(
    "--batch", metavar="N", type=click.IntRange(1), default=64, show_default=True, help="Images a forward pass."
)
@click.option(
    "--workers", metavar="N", type=click.IntRange(0), default=2, show_default=True, help="Processes that load."
)
@click.option("--input-size", metavar="PIXELS", callback=_size, help="Instead of the weights' own, 224 or 224x320.")
@click.option("--mean", metavar="M", callback=_numbers, help="Instead of the weights' own, 0.5 or 0.485,0.456,0.406.")
@click.option("--std", metavar="S", callback=_numbers, help="Likewise.")
@click.option("--crop-pct", metavar="SHARE", type=click.FloatRange(0, 1, min_open=True), help="Likewise.")
@click.option("--interpolation", type=click.Choice(("bilinear", "bicubic", "nearest", "lanczos")), help="Likewise.")
@click.option(
    "--amp", type=click.Choice(("none", "bf16", "fp16")), default="none", show_default=True, help="Precision."
)
@click.option(
    "--real", metavar="FILE", type=click.Path(path_type=Path), help="real.json of ImageNet-ReaL, to count by it too."
)
@click.option("--save", is_flag=True, help="Write every prediction to predictions.csv.")
@click.option(
    "--localization/--no-localization",
    "localize",
    default=True,
    help="On the scenes: whether the peak of the last layer lies on the object.  [default: yes]",
)
@together(device, out)
@debug
def command(arch: str | None, ckpt: str | None, no_ema: bool, sha256: str | None, device: str, **options: Any) -> None:
    """Measure a network on a data set."""
    from vizgraph.cli.networks import load
    from vizgraph.evaluation import data_config, evaluate
    from vizgraph.evaluation.report import lines
    from vizgraph.evaluation.run import read_real_labels
    from vizgraph.training.datasets import require_there
    from vizgraph.training.distributed import init_distributed

    split = options["split"]
    fields = ("input_size", "mean", "std", "interpolation", "crop_pct", "workers")
    data = data_config(
        options["data"],
        root=options["root"],
        val_split=split,
        batch_size=options["batch"],
        val_size=options["size"],
        **{name: options[name] for name in fields},
    )
    if data.name != "scenes":
        require_there(data, split)
    real = None if options["real"] is None else read_real_labels(options["real"])
    with init_distributed(device) as distributed:
        main = distributed.is_main
        model = load(arch, ckpt, no_ema=no_ema, sha256=sha256, device=str(distributed.device), quiet=not main)
        name = getattr(getattr(model, "checkpoint_info", None), "arch", None) or arch or type(model).__name__
        where = Path(options["data"]).name if data.name == "" else options["data"].replace("/", "-")
        folder = options["out"] / name / "evaluation" / f"{where or 'data'}-{split}"
        result = evaluate(
            model,
            data,
            distributed,
            save=options["save"],
            real=real,
            amp=options["amp"],
            localize=options["localize"],
            out=folder,
            progress=True,
        )
    if main:
        for line in lines(result):
            click.echo(line)
        click.echo(f"written to {folder}: {', '.join(path.name for path in result.paths)}", err=True)
