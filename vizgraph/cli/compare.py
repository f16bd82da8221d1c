"""`vizgraph compare`: the same image through several models, checkpoints, targets or methods."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vizgraph.cli import options
from vizgraph.cli.errors import SOME_FAILED, as_usage, failed, one_line

_KINDS = ("cam", "neighbors", "graph")


@click.command("compare")
@options.together(
    options.archs,
    options.ckpts,
    options.no_ema,
    options.img,
    click.option(
        "--target",
        "targets",
        metavar="CLASS",
        multiple=True,
        default=("top1",),
        show_default=True,
        help="Class explained: label, index, or top1 (what each network predicts). Again for more.",
    ),
    click.option(
        "--method",
        "methods",
        metavar="NAME",
        multiple=True,
        default=("gradcam",),
        show_default=True,
        help="CAM method: gradcam, layercam, eigencam, ... Again for more.",
    ),
    options.versus,
    options.layers,
    options.k,
    click.option(
        "--show",
        "kinds",
        type=click.Choice(_KINDS),
        multiple=True,
        default=("cam", "graph"),
        show_default=True,
        help="Pictures of a layer. Again for more.",
    ),
    options.fit,
    options.out,
    options.formats,
    options.dpi,
    click.option(
        "--width",
        metavar="WIDTH",
        default="page",
        show_default=True,
        help="Of the sheet: page, column, neurips, ..., millimeters, or such as 6.9in.",
    ),
    options.canvas,
    options.palette,
    options.theme,
    options.font_size,
    options.device,
    options.debug,
)
def command(**given: Any) -> int:
    """The same image through several models, checkpoints, targets or methods, side by side.

    A column for each: its maps on one scale (where the methods are the same), and the neighbors of one and the same
    place. Two columns get a third with what sets them apart: edges in both, only in A, only in B. Writes
    <out>/compare/<image>/compare.png and compare.json.

    \b
    vizgraph compare --arch gcn_ti --arch vig_ti --img photo.jpg
    vizgraph compare --arch gcn_ti --ckpt epoch_10.pth --ckpt epoch_300.pth --img photo.jpg
    vizgraph compare --ckpt demo --method gradcam --method layercam --img photo.jpg
    """
    return compare(**given)


def compare(
    *,
    archs: Sequence[str],
    ckpts: Sequence[str],
    no_ema: bool,
    img: Sequence[Path],
    targets: Sequence[str],
    methods: Sequence[str],
    versus: str | None,
    layers: Any,
    k: int | str,
    kinds: Sequence[str],
    fit: str,
    out: Path,
    formats: tuple[str, ...],
    dpi: int,
    width: str,
    canvas: str,
    palette: str,
    theme: str,
    font_size: float,
    device: str,
) -> int:
    """What the command does; returns the exit code."""
    from vizgraph.cli import side_by_side
    from vizgraph.cli.explore import paired
    from vizgraph.cli.rendering import inputs

    columns = side_by_side.columns_of(paired(archs, ckpts), targets, methods)
    for column in columns:
        options.method_name(column.method)
    look = side_by_side.Look(
        layers=layers,
        kinds=tuple(kind for kind in _KINDS if kind in kinds),
        k=k,
        fit=fit,
        canvas=canvas,
        versus=versus,
        width=width,
        palette=palette,
        theme=theme,
        font_size=font_size,
        dpi=dpi,
    )
    _require_drawable(look)
    inputs.count(img, out)

    from vizgraph.cli.rendering.network import one_thread

    one_thread()
    loaded = side_by_side.Networks(no_ema=no_ema, device=device)
    many, bad = inputs.is_batch(img), 0
    for item in inputs.items(img, out):
        try:
            folder = _one(item, columns, look, loaded, out / "compare", formats)
        except ValueError as error:
            if not many:
                raise
            click.echo(failed(item.relative, error), err=True)
            bad += 1
            continue
        click.echo(one_line(folder / f"compare.{formats[0]}"))
    return SOME_FAILED if bad else 0


def _one(item: Any, columns: Any, look: Any, loaded: Any, root: Path, formats: tuple[str, ...]) -> Path:
    """Compare on one image; the numbers are written last."""
    from viz_nodes.draw import figure_bytes
    from viz_nodes.files import write_atomically
    from vizgraph.cli import side_by_side
    from vizgraph.cli.rendering.manifest import sha256_of

    exps, shown = side_by_side.explained(item.path, columns, look, loaded)
    note = side_by_side.provenance(columns, look, loaded, sha256_of(item.path))
    made = side_by_side.sheet(exps, shown, columns, look)
    folder = _folder_of(root / item.folder, note)
    for form in formats:
        write_atomically(folder / f"compare.{form}", figure_bytes(made, form, dpi=look.dpi, provenance=note))
    told = {
        **note,
        "asked": _digest(note),
        "image": {**note["image"], "path": str(item.path.absolute())},
        **side_by_side.numbers(exps, columns),
    }
    told["columns"] = [{**asked, **found} for asked, found in zip(note["columns"], told["columns"], strict=True)]
    write_atomically(folder / "compare.json", (json.dumps(told, indent=2) + "\n").encode())
    return folder


def _digest(note: dict[str, Any]) -> str:
    """What tells one comparison from another, in eight hex digits."""
    return hashlib.sha256(json.dumps(note, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _folder_of(folder: Path, note: dict[str, Any]) -> Path:
    """The image's folder, or one beside it where that holds another comparison."""
    try:
        held = json.loads((folder / "compare.json").read_text())["asked"]
    except (OSError, ValueError, KeyError, TypeError):
        return folder
    return folder if held == _digest(note) else folder.with_name(f"{folder.name}~{_digest(note)}")


def _require_drawable(look: Any) -> None:
    """Check what only drawing would find out."""
    from viz_nodes.draw.style.palettes import palette_named
    from viz_nodes.draw.style.widths import width_in_inches

    with as_usage("--palette"):
        palette_named(look.palette)
    with as_usage("--width"):
        width_in_inches(look.width)
