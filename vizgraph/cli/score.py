"""`vizgraph score`: how far the maps of each method can be trusted, on given images or on scenes with known truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vizgraph.cli import options
from vizgraph.cli.errors import SOME_FAILED, USAGE, Failure, as_usage, failed, one_line

if TYPE_CHECKING:
    import pandas as pd

_DEFAULT_METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")
_HEADS = {
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
    "faithfulness": "ins - del (high)",
    "pointing": "peak in object",
    "inside": "map in object",
    "randomized": "vs shuffled (0)",
    "road": "ROAD (high)",
    "seconds": "seconds",
}


@click.command("score")
@options.together(
    options.weights,
    click.option(
        "--img",
        metavar="PATH",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Image or folder (searched through); again for more.",
    ),
    click.option(
        "--scenes",
        metavar="N",
        type=click.IntRange(min=1),
        help="Instead of --img: N test scenes of the bundled task, whose objects' masks are known.",
    ),
    click.option(
        "--method",
        "methods",
        metavar="NAME",
        multiple=True,
        help=f"CAM method, or 'random'; again for more.  [default: {', '.join(_DEFAULT_METHODS)}]",
    ),
    click.option(
        "--layers",
        metavar="4,8,12",
        type=options._Layers(),
        default="-1",
        show_default="the last",
        help="Graph layers from 1, or 'all'.",
    ),
    options.target,
    options.fit,
    click.option(
        "--steps",
        type=click.IntRange(1, 1000),
        default=20,
        show_default=True,
        help="Points of the deletion and insertion curves.",
    ),
    click.option("--randomize/--no-randomize", default=True, show_default=True, help="Compare with shuffled weights."),
    click.option("--road/--no-road", default=False, show_default=True, help="Also ROAD; seconds an image."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random."),
    options.device,
    options.out,
    options.debug,
)
def command(
    arch: str | None,
    ckpt: str | None,
    no_ema: bool,
    sha256: str | None,
    img: tuple[Path, ...],
    scenes: int | None,
    methods: tuple[str, ...],
    layers: Any,
    target: str,
    fit: str,
    steps: int,
    randomize: bool,
    road: bool,
    seed: int,
    device: str,
    out: Path,
) -> int:
    """Faithfulness and sanity figures for explanation methods.

    Prints a table of means and writes one line for each image, layer and method to <out>/<arch>/score.csv. Low deletion
    and high insertion say that the nodes a map ranks first matter to the network; compare with the line "random", the
    order of a dice.
    """
    if bool(img) == (scenes is not None):
        raise Failure("score", "give either --img or --scenes", "such as --scenes 20", code=USAGE)
    chosen = [name if name == "random" else _method(name) for name in methods or _DEFAULT_METHODS]

    from tqdm.auto import tqdm

    from viz_nodes.files import write_atomically
    from viz_nodes.metrics.benchmark import COLUMNS, score_images
    from vizgraph.cli import networks
    from vizgraph.cli.rendering.network import class_of, depth_of

    model = networks.load(arch, ckpt, no_ema=no_ema, sha256=sha256, device=device)
    wanted = class_of(target, model, "--target")
    bad: list[str] = []
    if scenes is not None:
        total, images = scenes, _scenes(model, scenes, seed, wanted)
    else:
        from vizgraph.cli.rendering.inputs import count

        total, images = count(img, out), _images(model, img, out, fit, wanted, bad)
    places = options.layer_indices(layers, depth_of(model))
    found = score_images(
        model, images, methods=chosen, layers=places, steps=steps, randomize=randomize, road=road, seed=seed
    )

    import pandas as pd

    lines = [line for part in tqdm(found, total=total, desc="scoring", unit="image") for line in part]
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    table["layer"] += 1
    path = out / networks.named(arch, ckpt) / "score.csv"
    write_atomically(path, table.to_csv(index=False).encode())
    for line in _printed(table):
        click.echo(line)
    click.echo(f"\n{len(table)} lines in {one_line(path)}")
    return SOME_FAILED if bad else 0


def _method(name: str) -> str:
    from viz_nodes.cams import lookup

    with as_usage("--method"):
        return lookup(name).name


def _images(model, img, out, fit, target, bad: list[str]) -> Iterator[tuple]:
    from vizgraph.cli.rendering.inputs import is_batch, items
    from vizgraph.data import load_image
    from vizgraph.data.images import ImageError

    for item in items(img, out):
        try:
            sample = load_image(item.path, model, fit=fit)
        except (ImageError, OSError) as error:
            if not is_batch(img):
                raise
            bad.append(item.relative)
            click.echo(failed(item.relative, error), err=True)
            continue
        yield item.relative, sample.pixels, None, target


def _scenes(model, number: int, seed: int, target) -> Iterator[tuple]:
    """Test scenes with their masks at the size the network sees."""
    import cv2

    from vizgraph.data import prepare
    from vizgraph.data.scenes import Scenes

    with as_usage("--scenes"):
        made = Scenes("test", size=number, seed=seed)
    for index in range(number):
        scene = made.scene(index)
        sample = prepare(scene.image, model)
        height, width = sample.pixels.shape[2:]
        mask = cv2.resize(scene.mask.astype("uint8"), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        yield f"test scene {index} ({scene.name})", sample.pixels, mask, target


def _printed(table: pd.DataFrame) -> list[str]:
    """The means as lines of a table, numbers to the right."""
    from viz_nodes.metrics.benchmark import FIGURES, summary

    if not len(table):
        return ["no image could be scored"]
    means = summary(table)
    figures = [name for name in FIGURES if name in means]
    rows = [["layer", "method", "images", "blank", *(_HEADS[name] for name in figures)]]
    for line in means.to_dict("records"):
        numbers = ["-" if line[name] != line[name] else f"{line[name]:.3f}" for name in figures]
        rows.append([str(line["layer"]), line["method"], str(line["images"]), str(line["blank"]), *numbers])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(w) if at == 1 else cell.rjust(w) for at, (cell, w) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    ]
