"""`vizgraph verify`: read what a figure says it was made from, and make it again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED


@vizgraph_command(
    "verify",
    click.argument(
        "figures", metavar="FIGURE...", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False)
    ),
    click.option(
        "--img",
        metavar="PATH",
        multiple=True,
        type=click.Path(path_type=Path, readable=False),
        help="The image it shows; again for more.  [default: what the manifest beside the figure names]",
    ),
    click.option(
        "--ckpt",
        "ckpts",
        metavar="FILE",
        multiple=True,
        help="The weights, in the order of the columns.  [default: the bundled or published ones]",
    ),
    options.sha256s,
    options.labels,
    click.option("--note", is_flag=True, help="Only print what the figure says, without making it again."),
    options.device,
)
def command(
    figures: tuple[Path, ...],
    img: tuple[Path, ...],
    ckpts: tuple[str, ...],
    sha256: tuple[str, ...],
    labels: Path | None,
    note: bool,
    device: str,
    progress: bool,
) -> Answer:
    """Read the hashes of weights, image and options in a PNG, PDF or SVG, and check that they give this figure.

    The image and the weights must have the SHA-256 that the figure names; then it is made again and compared, byte for
    byte, and where the bytes differ pixel for pixel. Ends with 0 where the figure shows what it says, else with 1.

    \b
    vizgraph verify viz_output/gcn_demo/photo/figure.png
    vizgraph verify figure.pdf --img photo.jpg --ckpt GraphConvNet_Ti_77_1.pth.tar
    """
    import vizgraph
    from vizgraph.api.provenance import provenance_of

    if note:
        notes = {str(figure): provenance_of(figure) for figure in figures}
        return Answer({"notes": notes}, [json.dumps(each, indent=2, sort_keys=True) for each in notes.values()])
    result = vizgraph.verify(
        figures, image=img or None, checkpoints=ckpts, sha256=sha256, device=device, labels=labels, progress=progress
    )
    lines = [f"{one_line(verdict.path)}: {verdict.words}" for verdict in result.verdicts]
    return Answer(result.record(), lines, ALL_DONE if result.holds else SOME_FAILED)
