"""`vizgraph demo`: bundled images through the bundled checkpoint."""

from __future__ import annotations

from pathlib import Path

import click

from vizgraph.cli import options
from vizgraph.cli.errors import BAD_IMAGE, Failure

_ARCH = "gcn_demo"


@click.command("demo")
@options.together(options.out, options.formats, options.overwrite, options.workers, options.device, options.debug)
def command(out: Path, formats: tuple[str, ...], overwrite: bool, workers: int | None, device: str) -> int:
    """Render bundled images with the bundled checkpoint, offline.

    A small GraphConvNet, trained to name the sticker on a photograph, shows what each of its layers looked at and whom
    the most discriminative patch asked.
    """
    from vizgraph.cli.render import command as render_command
    from vizgraph.cli.render import render
    from vizgraph.data.samples import bundled_images

    images = bundled_images()
    if not images:
        raise Failure("demo", "the bundled images are missing", "install the package again", code=BAD_IMAGE)
    given = {
        parameter.name: parameter.get_default(click.Context(render_command)) for parameter in render_command.params
    }
    given.pop("debug", None)
    given |= {
        "arch": _ARCH, "ckpt": "demo", "img": images, "target": "top1", "out": out, "formats": formats,
        "overwrite": overwrite, "workers": workers, "device": device,
    }  # fmt: skip
    code = render(**given)
    folder = out / _ARCH
    click.echo("\nLook at these first:")
    for image in images:
        click.echo(f"  {folder / image.stem / f'figure.{formats[0]}'}")
    click.echo(
        f"\n{folder} also has each picture by itself, the graphs (graph.graphml) and the numbers (explanation.npz).\n"
        f"Your own image: vizgraph render --ckpt demo --img photo.jpg"
    )
    return code
