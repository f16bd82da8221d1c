"""`vizgraph render`: figures for an image, several images, or a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vizgraph.cli import options
from vizgraph.cli.errors import ALL_DONE, SOME_FAILED, as_usage, one_line

if TYPE_CHECKING:
    from vizgraph.cli.rendering.batches import Outcome, Run

_ENGINES = ("local", "ray")
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""Always images a second: tqdm turns it round where one takes longer."""


@click.command("render")
@options.together(
    options.weights,
    options.img,
    options.explanation,
    options.k,
    options.centers,
    options.out,
    options.formats,
    options.dpi,
    options.drawing,
    options.overwrite,
    options.device,
    options.workers,
    options.batch,
    click.option(
        "--engine",
        type=click.Choice(_ENGINES),
        default="local",
        show_default=True,
        help="Who runs a batch: processes here, or Ray (pip install 'vizgraph[ray]'), here or on a cluster.",
    ),
    click.option("--ray-address", metavar="ADDRESS", help="Of a Ray cluster.  [default: a Ray of this machine's own]"),
    options.debug,
)
def command(**given: Any) -> int:
    """Figures for an image, several images, or a folder.

    Writes <out>/<arch>/<image>/: for every layer its map, the most discriminative patch with its neighbors, and their
    graph; all of them in figure.png; top_5.json, explanation.npz, graph.graphml, and last manifest.json. A folder that
    has all of this for the same options is left as it is.

    \b
    vizgraph render --ckpt demo --img photo.jpg
    vizgraph render --arch gcn_ti --ckpt GraphConvNet_Ti_77_1.pth.tar --img photos --format png,pdf
    """
    return render(**given)


def render(
    *,
    arch: str | None,
    ckpt: str | None,
    no_ema: bool,
    sha256: str | None,
    img: Sequence[Path],
    layers: Any,
    target: str,
    versus: str | None,
    method: str,
    fit: str,
    k: int | str,
    centers: tuple[tuple[float, float], ...],
    out: Path,
    formats: tuple[str, ...],
    dpi: int,
    width: str | None,
    canvas: str,
    palette: str,
    theme: str,
    font_size: float,
    overwrite: bool,
    device: str,
    workers: int | None,
    batch: int | None,
    engine: str,
    ray_address: str | None,
) -> int:
    """What the command does; returns the exit code."""
    from vizgraph.cli import networks
    from vizgraph.cli.rendering import inputs

    name = networks.named(arch, ckpt)
    for path in img:
        _require_there(path)
    total = inputs.count(img, out)

    model = networks.load(name, ckpt, no_ema=no_ema, sha256=sha256, device=device)
    from vizgraph.cli.rendering import manifest, network
    from vizgraph.cli.rendering.batches import Run
    from vizgraph.cli.rendering.item import make
    from vizgraph.cli.rendering.locks import locked
    from vizgraph.cli.rendering.painters import Painters
    from vizgraph.cli.rendering.request import Request

    request = Request(
        layers=tuple(options.layer_indices(layers, network.depth_of(model))),
        k=k,
        centers=centers,
        target=network.class_of(target, model, "--target"),
        versus=network.class_of(versus, model, "--versus"),
        method=options.method_name(method),
        fit=fit,
        formats=formats,
        dpi=dpi,
        width=width,
        canvas=canvas,
        palette=palette,
        theme=theme,
        font_size=font_size,
    )
    _require_drawable(request)
    network.one_thread()
    explainer = network.Explainer(model, request, name)
    identity = manifest.identity(name, network.weights_record(model), request.record())
    info: Any = model.checkpoint_info
    notes = tuple(info.notes)
    size = batch if batch is not None else (1 if explainer.device.type == "cpu" else 16)
    run = Run(out / name, explainer, identity, notes, size, overwrite)
    many = inputs.is_batch(img)
    count = _workers(workers, total)
    if engine == "ray" and many:
        from vizgraph.cli.rendering import on_ray

        with locked(run.root), on_ray.started(ray_address):
            outcomes = on_ray.over(run, inputs.items(img, out), count, device=device, no_ema=no_ema)
            return _write_down(run, outcomes, total)
    with locked(run.root), Painters(count, make) as painters:
        if many:
            ahead = 2 * max(count, 1) + size
            return _write_down(run, run.over(inputs.items(img, out), painters, ahead), total)
        (outcome,) = run.over(inputs.items(img, out), painters, ahead=1)
        if outcome.error is not None:
            raise outcome.error
        _say(outcome, run.root)
        return ALL_DONE


def _require_there(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        from vizgraph.data.images import ImageError

        raise ImageError(f"{path}: there is no such file; check the name")


def _require_drawable(request: Any) -> None:
    """Check what only drawing would find out."""
    from viz_nodes.draw.style.palettes import palette_named
    from viz_nodes.draw.style.widths import width_in_inches

    with as_usage("--palette"):
        palette_named(request.palette)
    with as_usage("--width"):
        width_in_inches(request.sheet_width())


def _write_down(run: Run, outcomes: Iterable[Outcome], total: int) -> int:
    """Keep the manifest of a batch while it goes on, with a progress bar, and say how it ended."""
    from tqdm.auto import tqdm

    from vizgraph.cli.rendering.journal import LINES, Journal

    about = {"count": total, **{key: run.identity[key] for key in ("made_by", "arch", "weights", "options")}}
    fresh = 0
    with (
        Journal(run.root, about) as journal,
        tqdm(
            total=total, unit=" images", bar_format=_BAR, smoothing=0.1, mininterval=0.5 if sys.stderr.isatty() else 10
        ) as bar,
    ):
        for outcome in outcomes:
            if outcome.made is not None:
                journal.done(outcome.item.relative, outcome.folder, outcome.made)
                fresh += outcome.fresh
            else:
                journal.failed(outcome.item.relative, outcome.folder, one_line(outcome.why))
                bar.write(outcome.line, file=sys.stderr)
            bar.update()
        journal.finish()
    done, bad = journal.counts["done"], journal.counts["failed"]
    parts = [f"{fresh} rendered", f"{done - fresh} there already"] + ([f"{bad} failed"] if bad else [])
    click.echo(f"{done + bad} images: {', '.join(parts)}; {one_line(run.root / LINES)} lists them")
    return SOME_FAILED if bad else ALL_DONE


def _say(outcome: Outcome, root: Path) -> None:
    """Tell of one image: what was predicted, what was explained, and where the figures are."""
    made: Any = outcome.made
    best, explained = made["predicted"][0], made["explained"]
    line = f"{outcome.item.relative}: {best['label']} ({best['class']}), {best['probability']:.1%}"
    if explained["class"] != best["class"]:
        line += f"; explained: {explained['label']} ({explained['class']})"
    click.echo(one_line(line))
    for warning in made["warnings"]:
        click.echo(f"  {one_line(warning)}")
    there = "" if outcome.fresh else " (there already; --overwrite makes it again)"
    form = made["options"]["formats"][0]
    click.echo(f"  {one_line(root / outcome.folder / f'figure.{form}')}{there}")


def _workers(wanted: int | None, total: int) -> int:
    """Processes that draw: as many as asked for, by default none where starting them takes longer than drawing."""
    if wanted is not None:
        return min(wanted, total)
    if total < 4:
        return 0
    return min(options.processors(), 8, total)
