"""`vizgraph check`: what is proven of a network that a file builds, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.cli.values import ImageSize
from vizgraph.errors import ALL_DONE, SOME_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vizgraph.api.check import Checked, Row


@vizgraph_command(
    "check",
    click.argument("builds", metavar="FILE.py:FUNCTION...", nargs=-1, required=True),
    click.option(
        "--image-size",
        metavar="N or HxW",
        type=ImageSize(),
        default="224",
        show_default=True,
        help="Of the images of noise, where neither the function nor pixels() of its file gives any.",
    ),
    options.field_option("batch", metavar="N", default=2, show_default=True, help="How many images of noise."),
    options.seed,
    click.option("--limit", metavar="N", type=click.IntRange(1), help="Only the first N networks."),
    click.option("--markdown", is_flag=True, help="Print the table alone, in Markdown."),
    click.option("--strict", is_flag=True, help="End with 1 where anything is not proven."),
    options.device,
    click.option(
        "--out",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Write check.csv, check.md and check.json there.  [default: nothing is written]",
    ),
)
def command(
    builds: tuple[str, ...],
    image_size: tuple[int, int],
    markdown: bool,
    strict: bool,
    out: Path | None,
    progress: bool,
    **how: Any,
) -> Answer:
    """Look at networks as if for the first time: which graph layers they have, and what is proven of them.

    FUNCTION takes nothing and returns the network, or the network and its pixels, or a mapping with model, pixels,
    target, output, adapter and places as viz_nodes.check takes them. Without :FUNCTION it is build, and all functions
    whose names begin with build_. Edges are proven by computing again what each layer heard along them, places by
    changing parts of the image; then every edge of share 0 is cut, after which the output must be the same to the bit.
    Ends with 0, with 1 where one of several could not be run, with 2 where the only one could not.

    \b
    vizgraph check mynet.py:build
    vizgraph check designs/*.py --markdown > table.md
    """
    import vizgraph

    result = vizgraph.check(builds, out, size=image_size, progress=progress and not markdown, **how)
    lines = result.markdown.splitlines() if markdown else [*_text(result), "", *result.markdown.splitlines()]
    unproven = strict and result.in_full < len(result.rows)
    return Answer(result.record(), lines, SOME_FAILED if result.failed or unproven else ALL_DONE)


def _text(result: Checked) -> Iterator[str]:
    for row in result.rows:
        yield f"{one_line(row.name)}: {one_line(row.title)}"
        yield from (f"  {one_line(line)}" for line in _lines(row))
    for path in result.paths:
        yield f"wrote {one_line(path)}"


def _lines(row: Row) -> Iterator[str]:
    check = row.check
    if check is None:
        yield f"not run: {row.failure}"
        return
    if check.problem:
        yield f"problem: {check.problem}"
    placed = {True: "places proven", False: "places refuted", None: "places not known"}
    for layer in check.layers:
        edges = "edges proven" if layer.edges else "edges not proven"
        off = "" if layer.error != layer.error else f" (off by {layer.error:.1g})" if layer.error else " (to the bit)"
        nodes = "{}x{} nodes, ".format(*layer.grid) if max(layer.grid) else ""
        note = f"; {layer.note}" if layer.note else ""
        lying = "no image" if check.points else placed[layer.placed]
        yield f"layer {layer.index + 1} {layer.name}: {layer.conv}, {nodes}{edges}{off}, {lying}{note}"
    if check.layers:
        yield f"zero-share cut: {check.cut_words}" + (f" ({check.cut:,} edges)" if check.cut else "")
        yield from (f"not cut: {words}" for words in check.uncut)
        if check.random:
            yield "random numbers: its answer differs from run to run; the cut was tried with the same ones drawn"
        yield f"not known: {'; '.join(check.unknown) or 'nothing'}"
