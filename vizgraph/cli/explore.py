"""`vizgraph explore`: the interactive page, one offline HTML file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vizgraph.cli import options
from vizgraph.cli.errors import USAGE, Failure, as_usage, one_line


@click.command("explore")
@options.together(
    options.archs,
    options.ckpts,
    options.no_ema,
    click.option(
        "--img",
        metavar="FILE",
        multiple=True,
        required=True,
        type=click.Path(path_type=Path),
        help="Image; again for more.",
    ),
    click.option(
        "--layers",
        metavar="4,8,12",
        type=options._Layers(),
        default=options.ALL,
        show_default=True,
        help="Graph layers from 1, or 'all'; hops over layers need all.",
    ),
    click.option(
        "--target",
        metavar="CLASS",
        default="top5",
        show_default=True,
        help="Classes to switch between: top5, top3, ..., or one label or index.",
    ),
    options.versus,
    click.option(
        "--method",
        "methods",
        metavar="NAME",
        multiple=True,
        default=("gradcam",),
        show_default=True,
        help="CAM method: gradcam, layercam, eigencam, ... Again for more to switch between.",
    ),
    options.fit,
    click.option(
        "--out",
        metavar="PATH",
        default="viz_output",
        show_default=True,
        type=click.Path(path_type=Path),
        help="Folder where results go, or the page itself when it ends with .html.",
    ),
    options.device,
    click.option("--open", "show", is_flag=True, help="Open the page in the browser when it is written."),
    options.debug,
)
def command(**given: Any) -> int:
    """The interactive page, one HTML file that needs no network.

    Hover a patch to see whom it asked, click to keep it, walk the layers, switch class and method; several --arch (with
    one --ckpt each, or one for all) and several --img can be switched between and shown side by side.

    \b
    vizgraph explore --ckpt demo --img photo.jpg --open
    vizgraph explore --arch gcn_ti --arch vig_ti --img photo.jpg --out compare.html
    """
    return explore(**given)


def explore(
    *,
    archs: Sequence[str],
    ckpts: Sequence[str],
    no_ema: bool,
    img: Sequence[Path],
    layers: Any,
    target: str,
    versus: str | None,
    methods: Sequence[str],
    fit: str,
    out: Path,
    device: str,
    show: bool,
) -> int:
    """What the command does; returns the exit code."""
    from tqdm.auto import tqdm

    from vizgraph.cli import networks

    pairs = paired(archs, ckpts)
    names = [networks.named(arch, ckpt) for arch, ckpt in pairs]
    methods = [options.method_name(name) for name in dict.fromkeys(methods)]
    images = list(dict.fromkeys(img))
    page = page_path(out, names, images)
    explanations, pictures, words = [], [], []
    each = len(images) * len(methods)
    with tqdm(total=len(pairs) * each, unit=" explanations", leave=False, disable=None) as bar:
        for (arch, ckpt), name in zip(pairs, names, strict=True):
            bar.clear()
            model = networks.load(arch, ckpt, no_ema=no_ema, device=device)
            for path in images:
                sample = _load(path, model, fit)
                for method in methods:
                    explanations.append(_explain(model, sample, name, layers, target, versus, method))
                    pictures.append(sample)
                    words.append(_render_words(arch, ckpt, path, fit))
                    bar.update()

    from viz_nodes import write_page

    write_page(explanations, pictures, page, commands=words, names=_told_apart(names, pairs, each))
    click.echo(f"{one_line(page)} ({page.stat().st_size / 1e6:.1f} MB): open it with a browser")
    if show:
        click.launch(str(page))
    return 0


def paired(archs: Sequence[str], ckpts: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Architectures with their checkpoints: as many of both, or one of one for all of the other.

    Raises:
        Failure: other numbers.
    """
    if len(archs) > 1 and len(ckpts) > 1 and len(archs) != len(ckpts):
        why = f"{len(ckpts)} files for {len(archs)} architectures"
        raise Failure("--ckpt", why, "give one for each, or one for all", code=USAGE)
    count = max(len(archs), len(ckpts), 1)
    one_each = lambda given: list(given) if len(given) > 1 else [given[0] if given else None] * count  # noqa: E731
    return list(zip(one_each(archs), one_each(ckpts), strict=True))


def page_path(out: Path, names: Sequence[str], images: Sequence[Path]) -> Path:
    """`out` itself where it is named like a page, else <out>/<arch>/<image>/explorer.html beside `render`'s files."""
    if out.suffix.lower() in (".html", ".htm"):
        return out
    several = "" if len(images) == 1 else f"_and_{len(images) - 1}_more"
    return out / "+".join(dict.fromkeys(names)) / (images[0].stem + several) / "explorer.html"


def _load(path: Path, model: Any, fit: Any) -> Any:
    from vizgraph.data import load_image

    return load_image(path, model, fit=fit)  # type: ignore[arg-type]


def _explain(model: Any, sample: Any, name: str, layers: Any, target: str, versus: str | None, method: str) -> Any:
    from dataclasses import replace

    from viz_nodes import explain
    from vizgraph.cli.rendering.network import class_of, depth_of
    from vizgraph.data import labels_of

    several = target.startswith("top") and target[3:].isdigit() and target != "top1"
    classes = int(model.num_classes)
    asked = f"top{min(int(target[3:]), classes)}" if several else class_of(target, model, "--target")
    labels = labels_of(model)
    with as_usage("--target"):
        exp = explain(
            model,
            sample.pixels,
            layers=options.layer_indices(layers, depth_of(model)),
            target=asked,
            versus=class_of(versus, model, "--versus"),
            method=method,
            labels=labels,
        )
    return replace(exp, model=name)


def _render_words(arch: str | None, ckpt: str | None, path: Path, fit: str) -> list[str]:
    """The command line that renders this, up to what the view on the page decides."""
    words = ["vizgraph", "render"]
    for option, value in (("--arch", arch), ("--ckpt", ckpt), ("--img", str(path))):
        if value is not None:
            words += [option, value]
    return words if fit == "squash" else [*words, "--fit", fit]


def _told_apart(names: Sequence[str], pairs: Sequence[tuple[str | None, str | None]], each: int) -> list[str]:
    """A name for every explanation: the architecture, with its checkpoint where one appears twice."""
    shown = [
        f"{name} {Path(ckpt).name}" if ckpt is not None and names.count(name) > 1 else name
        for name, (_, ckpt) in zip(names, pairs, strict=True)
    ]
    return list(itertools.chain.from_iterable([name] * each for name in shown))
