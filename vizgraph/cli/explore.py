"""`vizgraph explore`: the interactive page, one offline HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.batch.options import ALL
from viz_nodes.text import one_line
from vizgraph.api.networks import LoadingSeveral
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.cli.values import Layers


@vizgraph_command(
    "explore",
    options.several_weights,
    options.img,
    options.field_option(
        "layers",
        metavar="4,8,12",
        type=Layers(),
        default=ALL,
        show_default=True,
        help="Graph layers from 1, or 'all'; hops over layers need all.",
    ),
    options.targets("top5"),
    options.versus,
    options.several_methods,
    options.reading,
    options.out,
    options.device,
    click.option("--effects", is_flag=True, help="Measure what cutting the edges of each layer's peak does."),
    click.option("--open", "in_browser", is_flag=True, help="Open the page in the browser when it is written."),
)
def command(
    archs: tuple[str, ...],
    ckpts: tuple[str, ...],
    img: tuple[Path, ...],
    out: Path,
    in_browser: bool,
    load: LoadingSeveral,
    progress: bool,
    **more: Any,
) -> Answer:
    """The interactive page, one HTML file that needs no network.

    Hover a patch to see its neighbors, click to keep it, walk the layers, switch class and method; several --arch (with
    one --ckpt each, or one for all) and several --img can be switched between and shown side by side. Where --out ends
    with .html it is the page itself.

    \b
    vizgraph explore --ckpt demo --img photo.jpg --open
    vizgraph explore --arch gcn_ti --arch vig_ti --img photo.jpg --out compare.html
    """
    import vizgraph

    models = archs or (None,)
    result = vizgraph.explore(models, img, out, checkpoints=ckpts, load=load, progress=progress, **more)
    if in_browser:
        click.launch(str(result.path))
    size = result.path.stat().st_size / 1e6
    return Answer(result.record(), [f"{one_line(result.path)} ({size:.1f} MB): open it with a browser"])
