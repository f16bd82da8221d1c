"""`vizgraph summarize`: what a folder of explanations says on average."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED

_log = logging.getLogger(__name__)


@vizgraph_command(
    "summarize",
    click.argument("folder", type=click.Path(path_type=Path, readable=False)),
    click.option(
        "--masks",
        metavar="FOLDER",
        type=click.Path(path_type=Path, readable=False),
        help="Masks of objects, <image path without extension>.png, white where the object is.",
    ),
    click.option(
        "--out",
        metavar="FOLDER",
        type=click.Path(path_type=Path, readable=False),
        help="Where results go.  [default: the folder]",
    ),
    options.palette,
    options.formats,
    options.dpi,
)
def command(folder: Path, masks: Path | None, out: Path | None, progress: bool, **more: Any) -> Answer:
    """Aggregates over a folder that `vizgraph render` filled.

    Writes aggregates.csv, a line for each class and layer: mean map, edge length (patches), hubs, and where masks are
    given the share of the object's edges that stay on it; and for each architecture the figures <arch>_mean_maps and
    <arch>_edges.
    """
    import vizgraph
    from vizgraph.api.summarize import shown
    from vizgraph.api.tables import lines_of

    result = vizgraph.summarize(folder, out, masks=masks, progress=progress, **more)
    if result.unmasked:
        _log.warning("%d without a mask in %s", result.unmasked, masks)
    lines = lines_of(shown(result.table), left=(0,)) + [f"  {one_line(path)}" for path in result.paths]
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
