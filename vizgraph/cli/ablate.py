"""`vizgraph ablate`: does the graph matter? Answers with other edges, and with ever fewer of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizgraph.api.networks import Loading
from vizgraph.cli import options
from vizgraph.cli.command import Answer
from vizgraph.cli.study import answer, study_command
from vizgraph.cli.values import EDGE_METHODS, Several

CONDITIONS = ("none", "self", "random", "grid", "undilated", "other")
NOTHING = "nothing"
EPILOG = """\b
  vizgraph ablate --ckpt demo --scenes 20
  vizgraph ablate --arch vig_ti --data /data/imagenet --limit 200
  vizgraph ablate --arch vig_ti --img photos --conditions none,random --orders nothing
"""


@study_command(
    "ablate",
    options.target,
    click.option(
        "--conditions",
        metavar="none,random",
        type=Several("condition", (*CONDITIONS, NOTHING), ordered=True),
        default=",".join(CONDITIONS),
        show_default=True,
        help="Other graphs: none, self only, random nodes, grid neighbors, without dilation, another image's; or "
        "'nothing'.",
    ),
    click.option(
        "--orders",
        metavar="share,random",
        type=Several("order", (*EDGE_METHODS, NOTHING), ordered=True),
        default="rank,distance,cosine,share,contribution,random",
        show_default=True,
        help="Cut edges in these orders; effect, gradient, integrated, gnnexplainer and pgexplainer take their time; "
        "or 'nothing'.",
    ),
    click.option(
        "--steps",
        type=click.IntRange(1, 1000),
        default=5,
        show_default=True,
        help="Points of the deletion and insertion curves.",
    ),
    click.option("--each", is_flag=True, help="Cut in the orders also in every layer alone."),
    click.option("--no-rebuilt", is_flag=True, help="Leave out the runs in which layers build their graphs anew."),
    epilog=EPILOG,
)
def command(
    arch: str | None,
    ckpt: str | None,
    out: Path,
    load: Loading,
    progress: bool,
    **more: Any,
) -> Answer:
    """Does the graph matter?

    Measures accuracy (where labels are known), the probability of the class and how often another one is named, with
    other graphs in one layer, in all layers up to one, and in all; with the other graphs held ("frozen") and built anew
    ("rebuilt"); and deletion and insertion curves of edges in several orders, the area between them, and fidelity.

    Writes means with 95 % intervals (images resampled) to <out>/<arch>/ablate.csv, ablate.tex and a figure, ablate.pdf.
    What it costs is said before it starts. A run that is interrupted goes on when it is started again.
    """
    import vizgraph
    from viz_nodes.metrics.ablation import Plan

    conditions, orders = (
        tuple(each for each in more.pop(name) if each != NOTHING) for name in ("conditions", "orders")
    )
    plan = Plan(
        conditions,
        orders,
        steps=more.pop("steps"),
        each=more.pop("each"),
        rebuilt=not more.pop("no_rebuilt"),
        seed=load["seed"],
    )
    result = vizgraph.ablate(arch, out=out, checkpoint=ckpt, plan=plan, load=load, progress=progress, **more)
    lines = result.lines() if len(result.table) else ["no image could be measured"]
    return answer(result, lines, result.left_out)
