"""`vizgraph figure`: the figures that papers print, of several images and networks on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.api.figure import LAYOUTS
from vizgraph.api.networks import LoadingSeveral
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command


@vizgraph_command(
    "figure",
    click.argument("layout", type=click.Choice(tuple(LAYOUTS))),
    options.several_weights,
    options.img,
    options.explanation,
    options.reading,
    options.kinds("cam,neighbors,graph"),
    options.edges,
    options.out,
    options.formats,
    options.dpi,
    options.drawing,
    options.device,
)
def command(
    layout: str,
    archs: tuple[str, ...],
    ckpts: tuple[str, ...],
    img: tuple[Path, ...],
    out: Path,
    load: LoadingSeveral,
    progress: bool,
    **more: Any,
) -> Answer:
    """One figure of several images and networks, as papers print it, no higher than a page.

    release: the three rows of the release, a column a layer. images: a row an image, with the plain photograph.
    networks: the photograph and each network's map. depths: the same centers at an early and a late layer. edges: the
    strongest edges all over the picture. layers: all layers. Writes <out>/figures/<layout>.png and the .tex that
    includes it.

    \b
    vizgraph figure images --arch gcn_ti --img a.jpg --img b.jpg --img c.jpg --width page
    vizgraph figure networks --arch gcn_ti --arch vig_ti --img a.jpg --img b.jpg --format pdf
    vizgraph figure depths --arch vig_ti --img a.jpg --center 0.3,0.4 --center 0.7,0.6
    """
    import vizgraph

    result = vizgraph.figure(
        layout, img, out, models=archs or (None,), checkpoints=ckpts, load=load, **options.render_fields(more)
    )
    return Answer(result.record(), [one_line(path) for path in result.paths])
