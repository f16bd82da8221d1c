"""`vizgraph report`: a results section about networks, with every number in it a cell of a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizgraph.api.networks import LoadingSeveral
from vizgraph.cli import options
from vizgraph.cli.command import Answer
from vizgraph.cli.study import answer, draws, samples, study_command

EPILOG = """\b
  vizgraph report --arch gcn_demo --arch vig_demo --ckpt demo --scenes 20
  vizgraph report --arch gcn_ti --arch vig_ti --data /data/imagenet --limit 200
"""


@study_command(
    "report",
    click.option(
        "--panels",
        type=click.IntRange(1, 12),
        default=4,
        show_default=True,
        help="Images that are shown: one a quantile of the first network's confidence, drawn with --seed; sets of "
        "edges are looked for on twice as many.",
    ),
    samples,
    draws,
    click.option("--no-pdf", is_flag=True, help="Write the LaTeX and do not run it."),
    weights=options.several_weights,
    epilog=EPILOG,
)
def command(
    archs: tuple[str, ...],
    ckpts: tuple[str, ...],
    out: Path,
    load: LoadingSeveral,
    progress: bool,
    **more: Any,
) -> Answer:
    """A results section about networks.

    Runs ablate, profile and score for each network (or goes on with what they have measured already), chooses images by
    a rule and --seed, looks for the fewest edges of some of them that carry the answer, and writes <out>/report/: LaTeX
    with text, tables, figures, methods and BibTeX, the PDF where LaTeX is installed, the CSV files, and numbers.csv
    with every number of the text and where it comes from. The same command writes the same bytes.
    """
    import vizgraph
    from vizgraph.api.report import ReportOptions

    chosen = {name: more.pop(name) for name in ("panels", "samples", "draws")}
    report = ReportOptions(pdf=not more.pop("no_pdf"), seed=load["seed"], **chosen)
    networks = archs or (None,)
    result = vizgraph.report(networks, out=out, checkpoints=ckpts, options=report, load=load, progress=progress, **more)
    return answer(result, (), {"PDF": result.why} if result.why else {})
