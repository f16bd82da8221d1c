"""`vizgraph summarize`: what a folder of explanations says on average."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vizgraph.cli import options
from vizgraph.cli.errors import SOME_FAILED, USAGE, Failure, as_usage, failed, one_line

if TYPE_CHECKING:
    import numpy as np

_TABLE = "aggregates.csv"


@click.command("summarize")
@click.argument("folder", type=click.Path(path_type=Path))
@options.together(
    click.option(
        "--masks",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Masks of objects, <image path without extension>.png, white where the object is.",
    ),
    click.option(
        "--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Where results go.  [default: the folder]"
    ),
    options.palette,
    options.formats,
    options.dpi,
    options.debug,
)
def command(
    folder: Path, masks: Path | None, out: Path | None, palette: str, formats: tuple[str, ...], dpi: int
) -> int:
    """Aggregates over a folder that `vizgraph render` filled.

    Writes aggregates.csv, a line for each class and layer: mean map, edge length (patches), hubs, and where masks are
    given the share of the object's edges that stay on it; and for each architecture the figures <arch>_mean_maps and
    <arch>_edges.
    """
    if not folder.is_dir():
        raise Failure(str(folder), "there is no such folder", "give one that `vizgraph render` wrote", code=USAGE)
    if masks is not None and not masks.is_dir():
        raise Failure(str(masks), "there is no such folder", "give the one with the masks", code=USAGE)

    import pandas as pd
    from tqdm.auto import tqdm

    from viz_nodes.draw import save_figure
    from viz_nodes.draw.style.palettes import palette_named
    from viz_nodes.export.archive import load
    from viz_nodes.files import write_atomically
    from vizgraph.cli.rendering.aggregate_figures import edges_by_depth, mean_maps
    from vizgraph.cli.rendering.aggregates import COLUMNS, Aggregates, found

    with as_usage("--palette"):
        palette_named(palette)
    out = folder if out is None else out
    aggregates, bad, unmasked = Aggregates(), 0, 0
    with tqdm(unit=" images", mininterval=0.5 if sys.stderr.isatty() else 10) as bar:
        for place, made in found(folder):
            name = made["image"]["relative"]
            try:
                mask = None if masks is None else _mask(masks, name, made["image"]["size"])
                unmasked += masks is not None and mask is None
                aggregates.add(load(place), made, mask)
            except (ValueError, FileNotFoundError) as error:
                bad += 1
                bar.write(failed(name, error), file=sys.stderr)
            bar.update()
    if not aggregates.sums:
        raise Failure(
            str(folder),
            "there is no finished explanation in it",
            "fill it with `vizgraph render --img FOLDER`",
            code=USAGE,
        )
    out.mkdir(parents=True, exist_ok=True)
    rows = aggregates.rows()
    for row in rows:
        row["label"] = one_line(row["label"])
    table = pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n")
    write_atomically(out / _TABLE, table.encode())
    written = [out / _TABLE]
    for arch in aggregates.archs():
        for what, fig in (
            ("mean_maps", mean_maps(aggregates, arch, palette)),
            ("edges", edges_by_depth(aggregates, arch)),
        ):
            for form in formats:
                note = {"command": "summarize", "arch": arch, "drawn": what}
                written.append(save_figure(fig, out / f"{arch}_{what}.{form}", dpi=dpi, provenance=note))
    _say(rows)
    if unmasked:
        click.echo(f"{unmasked} without a mask in {one_line(masks)}", err=True)
    for path in written:
        click.echo(f"  {one_line(path)}")
    return SOME_FAILED if bad else 0


def _say(rows: list[dict]) -> None:
    """The lines over all classes as a small table."""
    click.echo("layer  images  edge length  largest hub  on object")
    for row in rows:
        if row["class"] == "":
            on = f"{row['on_object']:.0%}" if row["on_object"] != "" else "-"
            click.echo(
                f"{row['arch']} {row['layer']:>3}  {row['images']:>6}  {row['edge_length'] or 0:>11.2f}"
                f"  {row['hub_in_degree']:>11.1f}  {on:>9}"
            )


def _mask(masks: Path, relative: str, size: list[int]) -> np.ndarray | None:
    """(height, width) bool of an image's object; None where there is no mask.

    Raises:
        ValueError: the mask has another size than the image.
    """
    import numpy as np

    from vizgraph.data.images import open_image

    path = (masks / relative).with_suffix(".png")
    if not path.is_file():
        return None
    mask = open_image(path).max(axis=2) >= 128
    if list(mask.shape) != list(size):
        raise ValueError(
            f"its mask is {mask.shape[1]} x {mask.shape[0]}, the image {size[1]} x {size[0]}; scale the mask"
        )
    return np.asarray(mask)
