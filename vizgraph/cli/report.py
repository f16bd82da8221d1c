"""`vizgraph report`: a results section about networks, with every number in it a cell of a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED, UsageError

EPILOG = """\b
  vizgraph report --arch gcn_demo --arch vig_demo --ckpt demo --scenes 20
  vizgraph report --arch gcn_ti --arch vig_ti --data /data/imagenet --limit 200
"""


@vizgraph_command(
    "report",
    options.archs,
    options.ckpts,
    options.no_ema,
    options.seed,
    options.labels,
    options.studied,
    click.option(
        "--panels",
        type=click.IntRange(1, 12),
        default=4,
        show_default=True,
        help="Images that are shown: one a quantile of the first network's confidence, drawn with --seed.",
    ),
    click.option(
        "--samples",
        type=click.IntRange(0, 10_000),
        default=32,
        show_default=True,
        help="Random perturbations for infidelity; 0 leaves it out.",
    ),
    click.option(
        "--draws",
        type=click.IntRange(0, 1000),
        default=1,
        show_default=True,
        help="Images with noise for stability; 0 leaves it out.",
    ),
    click.option("--no-pdf", is_flag=True, help="Write the LaTeX and do not run it."),
    options.studied_reading,
    options.device,
    options.out,
    epilog=EPILOG,
)
def command(
    archs: tuple[str, ...],
    ckpts: tuple[str, ...],
    no_ema: bool,
    seed: int,
    labels: Path | None,
    img: tuple[Path, ...],
    device: str,
    out: Path,
    progress: bool,
    **more: Any,
) -> Answer:
    """A results section about networks.

    Runs ablate, profile and score for each network (or goes on with what they have measured already), chooses images by
    a rule and --seed, and writes <out>/report/: LaTeX with text, tables, figures, methods and BibTeX, the PDF where
    LaTeX is installed, the CSV files, and numbers.csv with every number of the text and where it comes from. The same
    command writes the same bytes.
    """
    if [bool(img), more["data"] is not None, more["scenes"] is not None].count(True) != 1:
        raise UsageError("report", "give one of --img, --data and --scenes", "such as --scenes 20")
    import vizgraph
    from vizgraph.api.report import ReportOptions

    named = {name: more.pop(name) for name in ("panels", "samples", "draws")}
    asked = ReportOptions(pdf=not more.pop("no_pdf"), seed=seed, **named)
    how = options.loading(no_ema, None, device, seed, labels)
    result = vizgraph.report(
        list(archs) or [None], img or None, out, checkpoints=ckpts, options=asked, load=how, progress=progress, **more
    )
    lines = [f"  {one_line(path)}" for path in result.paths]
    lines += [f"no PDF was made: {one_line(result.why)}"] if result.why else []
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
