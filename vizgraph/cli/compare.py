"""`vizgraph compare`: the same image through several models, checkpoints, targets or methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.api.networks import LoadingSeveral
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.cli.values import Width
from vizgraph.errors import ALL_DONE, SOME_FAILED


@vizgraph_command(
    "compare",
    options.several_weights,
    options.img,
    options.targets("top1"),
    options.several_methods,
    options.versus,
    options.layers,
    options.k,
    options.field_option("order"),
    options.strongest,
    options.color,
    options.field_option("edge_width"),
    options.field_option("own_scales"),
    click.option("--no-difference", is_flag=True, help="Leave out the third column, of what sets two apart."),
    options.centers,
    options.kinds("cam,graph"),
    options.reading,
    options.out,
    options.formats,
    options.dpi,
    options.field_option("width", metavar="WIDTH", type=Width(), default="page", show_default=True),
    options.looks[1:],
    options.words,
    options.device,
)
def command(
    archs: tuple[str, ...],
    ckpts: tuple[str, ...],
    img: tuple[Path, ...],
    out: Path,
    load: LoadingSeveral,
    progress: bool,
    **more: Any,
) -> Answer:
    """The same image through several models, checkpoints, targets or methods, side by side.

    A column for each: its maps on one scale (where the methods are the same), and the neighbors of one and the same
    place. Two columns get a third with what sets them apart: edges in both, only in A, only in B. Writes
    <out>/compare/<image>/compare.png and compare.json.

    \b
    vizgraph compare --arch gcn_ti --arch vig_ti --img photo.jpg
    vizgraph compare --arch gcn_ti --ckpt epoch_10.pth --ckpt epoch_300.pth --img photo.jpg
    vizgraph compare --ckpt demo --method gradcam --method layercam --img photo.jpg
    """
    import vizgraph

    models = archs or (None,)
    more["difference"] = not more.pop("no_difference")
    result = vizgraph.compare(
        models, img, out, checkpoints=ckpts, load=load, progress=progress, **options.render_fields(more)
    )
    code = SOME_FAILED if result.failed else ALL_DONE
    return Answer(result.record(), [one_line(path) for path in result.paths], code)
