"""`vizgraph ablate`: does the graph matter? Answers with other edges, and with ever fewer of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.cli.values import Several
from vizgraph.errors import ALL_DONE, SOME_FAILED, UsageError

CONDITIONS = ("none", "self", "random", "grid", "undilated", "other")
ORDERS = (
    "rank",
    "distance",
    "cosine",
    "share",
    "contribution",
    "effect",
    "gradient",
    "integrated",
    "gnnexplainer",
    "pgexplainer",
    "random",
)
NOTHING = "nothing"
EPILOG = """\b
  vizgraph ablate --ckpt demo --scenes 20
  vizgraph ablate --arch vig_ti --data /data/imagenet --limit 200
  vizgraph ablate --arch vig_ti --img photos --conditions none,random --orders nothing
"""


@vizgraph_command(
    "ablate",
    options.weights,
    options.studied,
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
        type=Several("order", (*ORDERS, NOTHING), ordered=True),
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
    options.studied_reading,
    options.device,
    options.out,
    epilog=EPILOG,
)
def command(
    arch: str | None,
    ckpt: str | None,
    no_ema: bool,
    sha256: str | None,
    seed: int,
    labels: Path | None,
    img: tuple[Path, ...],
    device: str,
    out: Path,
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
    if [bool(img), more["data"] is not None, more["scenes"] is not None].count(True) != 1:
        raise UsageError("ablate", "give one of --img, --data and --scenes", "such as --scenes 20")
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
        seed=seed,
    )
    how = options.loading(no_ema, sha256, device, seed, labels)
    result = vizgraph.ablate(arch, img or None, out, checkpoint=ckpt, plan=plan, load=how, progress=progress, **more)
    lines = result.lines() if len(result.table) else ["no image could be measured"]
    lines += [f"left out: {name}: {one_line(why)}" for name, why in result.left_out.items()]
    lines += [f"  {one_line(path)}" for path in result.paths]
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
