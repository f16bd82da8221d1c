"""`vizgraph score`: how far methods for nodes and for edges can be trusted, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vizgraph.api.networks import Loading
from vizgraph.cli import options
from vizgraph.cli.command import Answer
from vizgraph.cli.study import answer, draws, samples, study_command
from vizgraph.cli.values import EDGE_METHODS, METHOD_OR_RANDOM, Layers
from vizgraph.errors import UsageError

_DEFAULT = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")

_QUICK = tuple(name for name in EDGE_METHODS if name not in ("effect", "gnnexplainer", "pgexplainer"))
EPILOG = """\b
  vizgraph score --ckpt demo --scenes 20
  vizgraph score --arch gcn_ti --data /data/imagenet --limit 200 --only edges --edge-method share --edge-method effect
  vizgraph score --ckpt demo --scenes 40 --edges
"""


@study_command(
    "score",
    click.option(
        "--method",
        "methods",
        metavar="NAME",
        multiple=True,
        type=METHOD_OR_RANDOM,
        default=_DEFAULT,
        show_default=True,
        help="For nodes: CAM method, or 'random', the order of a dice; again for more.",
    ),
    click.option(
        "--edge-method",
        "edge_methods",
        metavar="NAME",
        multiple=True,
        type=click.Choice(EDGE_METHODS),
        help="For edges: who orders them; again for more.  [default: all but effect and the learned masks]",
    ),
    click.option("--only", type=click.Choice(("nodes", "edges")), help="Leave out the methods of the other kind."),
    click.option(
        "--edges",
        is_flag=True,
        help="Instead of all that: whose order of edges foretells what cutting them does, at the peaks.",
    ),
    click.option(
        "--sanity",
        is_flag=True,
        help="Instead of all that: what is left of maps and edges while the network forgets, from the head down.",
    ),
    options.field_option(
        "layers",
        metavar="4,8,12",
        type=Layers(),
        default=None,
        help="Graph layers of the maps from 1, or 'all'.  [default: the last; with --edges all]",
    ),
    options.target,
    click.option(
        "--steps",
        type=click.IntRange(1, 1000),
        default=20,
        show_default=True,
        help="Points of the deletion and insertion curves.",
    ),
    samples,
    draws,
    click.option("--randomize/--no-randomize", default=True, show_default=True, help="Compare with shuffled weights."),
    click.option("--road/--no-road", default=False, show_default=True, help="Also ROAD; seconds an image."),
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
    """How far explanation methods can be trusted, for nodes and for edges.

    Prints means over the images, * for the best and = for what cannot be told from it, and writes a line for each image
    and method to <out>/<arch>/score.csv, the means with 95 % intervals to score_means.csv and score.tex, a figure to
    score.pdf. Low deletion and high insertion say that what a method ranks first matters to the network; compare with
    the line "random", the order of a dice. What it costs is said before it starts. A run that is interrupted goes on
    when it is started again. What another question left there is kept.

    With --edges every edge of each layer's peak is cut, all graphs held, and each method's order is held beside that:
    Spearman's correlation with the size of the effect and with what an edge is worth, how often it names the strongest
    edge, how many of the three strongest; means with 95 % intervals by image, = for what cannot be told from the best.

    With --sanity the network's parts are shuffled one after the other, the head first (Adebayo et al. 2018); a method
    passes where what is left in the end cannot be told from chance. A dummy, the image's gradients, must not.
    """
    import vizgraph
    from vizgraph.api.score import Measures
    from vizgraph.api.score_table import NOTE

    sanity = more.pop("sanity")
    if sanity and more["edges"]:
        raise UsageError("--sanity", "--edges asks another question", "run once for each")
    edges, only, named = more.pop("edges"), more.pop("only"), more.pop("edge_methods") or _QUICK
    chosen = {name: more.pop(name) for name in ("steps", "samples", "draws", "randomize", "road")}
    measures = Measures(seed=load["seed"], edges=named if edges else (), sanity=sanity, **chosen)
    more["layers"] = more["layers"] or ("all" if edges else (-1,))
    more["methods"] = () if only == "edges" else more["methods"]
    more["edge_methods"] = () if only == "nodes" else named
    result = vizgraph.score(arch, out=out, checkpoint=ckpt, measures=measures, load=load, progress=progress, **more)
    lines = result.lines() if len(result.table) else ["no image could be scored"]
    lines += [NOTE] if len(result.table) and not (edges or sanity) else []
    return answer(result, lines, result.left_out)
