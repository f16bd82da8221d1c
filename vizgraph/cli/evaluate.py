"""`vizgraph evaluate`: accuracy, calibration, and on the bundled scenes whether the network looked at the object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line, quoted
from vizgraph.api.networks import Loading
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command

EPILOG = """\b
  vizgraph evaluate --arch gcn_demo --data scenes --split test
  vizgraph evaluate --arch gcn_ti --data /data/imagenet --split val
  vizgraph evaluate --arch gcn_ti --ckpt runs/finetune/best.pth.tar --data photos --save
  torchrun --nproc-per-node 8 -m vizgraph evaluate --arch vig_s --data /data/imagenet
"""
NUMBERS = 3
_FIELDS = ("workers", "input_size", "mean", "std", "interpolation", "crop_pct")


def _numbers(_: click.Context, __: click.Parameter, value: str | None) -> list[float] | None:
    """ "0.5" or "0.485,0.456,0.406" as three numbers."""
    if value is None:
        return None
    try:
        read = [float(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{quoted(value)} is neither a number nor three") from None
    if len(read) not in (1, NUMBERS):
        raise click.BadParameter(f"{quoted(value)} is neither a number nor three")
    return read * NUMBERS if len(read) == 1 else read


def _size(_: click.Context, __: click.Parameter, value: str | None) -> list[int] | None:
    """ "224" or "224x320" (height x width) as two numbers."""
    if value is None:
        return None
    try:
        read = [int(part) for part in value.lower().split("x")]
    except ValueError:
        read = []
    if len(read) not in (1, 2) or min(read) < 1:
        raise click.BadParameter(f"{quoted(value)} is not a size such as 224 or 224x320 (height x width)")
    return read * 2 if len(read) == 1 else read


@vizgraph_command(
    "evaluate",
    options.weights,
    options.data(required=True),
    options.root,
    click.option(
        "--split", metavar="NAME", default="validation", show_default=True, help="Split; of the scenes: val or test."
    ),
    click.option(
        "--limit",
        "--size",
        "limit",
        metavar="N",
        type=click.IntRange(1),
        help="Measure on N samples, spread over the classes.  [default: all; 2000 scenes]",
    ),
    options.field_option("batch", metavar="N", default=64, show_default=True, help="Images a pass."),
    options.field_option("workers", metavar="N", default=2),
    click.option("--input-size", metavar="PIXELS", callback=_size, help="Instead of the weights' own, 224 or 224x320."),
    click.option("--mean", metavar="M", callback=_numbers, help="Instead of the weights' own, 0.5 or 0.4,0.5,0.6."),
    click.option("--std", metavar="S", callback=_numbers, help="Likewise."),
    click.option("--crop-pct", metavar="SHARE", type=click.FloatRange(0, 1, min_open=True), help="Likewise."),
    click.option("--interpolation", type=click.Choice(("bilinear", "bicubic", "nearest", "lanczos")), help="Likewise."),
    click.option(
        "--amp", type=click.Choice(("none", "bf16", "fp16")), default="none", show_default=True, help="Precision."
    ),
    click.option(
        "--real",
        metavar="FILE",
        type=click.Path(path_type=Path, readable=False),
        help="real.json of ImageNet-ReaL, to count by it too.",
    ),
    click.option("--save", is_flag=True, help="Write every prediction to predictions.csv."),
    click.option(
        "--localization/--no-localization",
        "localize",
        default=True,
        help="On the scenes: whether the peak of the last layer lies on the object.  [default: yes]",
    ),
    options.device,
    options.out,
    epilog=EPILOG,
)
def command(
    arch: str | None,
    ckpt: str | None,
    data: str,
    batch: int,
    load: Loading,
    progress: bool,
    **more: Any,
) -> Answer | None:
    """Measure a network on a data set."""
    import vizgraph
    from vizgraph.evaluation.report import lines

    fields = {"batch_size": batch, **{name: more.pop(name) for name in _FIELDS}}
    result = vizgraph.evaluate(arch, data, checkpoint=ckpt, load=load, fields=fields, progress=progress, **more)
    if result is None:
        return None
    record = {**result.plain(), "paths": [str(path) for path in result.paths]}
    return Answer(record, [*lines(result), *(f"  {one_line(path)}" for path in result.paths)])
