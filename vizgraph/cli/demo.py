"""`vizgraph demo`: bundled images through the bundled checkpoint."""

from __future__ import annotations

from pathlib import Path

import click

from vizgraph.cli import options
from vizgraph.cli.errors import BAD_IMAGE, SOME_FAILED, Failure, one_line

_ARCH = "gcn_demo"


@click.command("demo")
@options.together(options.out, options.formats, options.overwrite, options.workers, options.device, options.debug)
def command(out: Path, formats: tuple[str, ...], overwrite: bool, workers: int | None, device: str) -> int:
    """Render bundled images with the bundled checkpoint, offline.

    A small GraphConvNet, trained to name the sticker on a photograph, shows what its layers looked at and whom the most
    discriminative patch asked.
    """
    from vizgraph.cli import render
    from vizgraph.cli.rendering import inputs, manifest
    from vizgraph.data.samples import bundled_images

    images = bundled_images()
    if not images:
        raise Failure("demo", "the bundled images are missing", "install the package again", code=BAD_IMAGE)
    arguments = [
        "--arch",
        _ARCH,
        "--ckpt",
        "demo",
        "--out",
        str(out),
        "--format",
        ",".join(formats),
        "--device",
        device,
    ]
    arguments += [part for image in images for part in ("--img", str(image))]
    arguments += ["--overwrite"] if overwrite else []
    arguments += [] if workers is None else ["--workers", str(workers)]
    code = render.render(**render.command.make_context("render", arguments).params)

    click.echo("\nLook at these first:")
    for item in inputs.items(images, out):
        folder = out / _ARCH / item.folder
        made = manifest.read(folder)
        if made is None:
            code = SOME_FAILED
            continue
        best = made["predicted"][0]
        click.echo(f"  {one_line(folder / f'figure.{formats[0]}')}  {best['label']}, {best['probability']:.1%}")
    click.echo(
        "\nBeside each: its pictures one by one, the graph (graph.graphml) and the numbers (explanation.npz).\n"
        "Your own image: vizgraph render --ckpt demo --img photo.jpg"
    )
    return code
