"""`vizgraph score`: how far the maps of each method can be trusted, on given images or on scenes with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.cli.values import METHOD_OR_RANDOM, Layers
from vizgraph.errors import ALL_DONE, SOME_FAILED, UsageError

_DEFAULT = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")

_EDGE_METHODS = (
    "rank",
    "distance",
    "cosine",
    "share",
    "contribution",
    "gradient",
    "integrated",
    "gnnexplainer",
    "pgexplainer",
    "random",
)
_QUICK = tuple(name for name in _EDGE_METHODS if name not in ("gnnexplainer", "pgexplainer"))


@vizgraph_command(
    "score",
    options.weights,
    click.option(
        "--img",
        metavar="PATH",
        multiple=True,
        type=click.Path(path_type=Path, readable=False),
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
        type=METHOD_OR_RANDOM,
        default=_DEFAULT,
        show_default=True,
        help="CAM method, or 'random', the order of a dice; again for more.",
    ),
    options.field_option(
        "layers",
        metavar="4,8,12",
        type=Layers(),
        default=None,
        help="Graph layers from 1, or 'all'.  [default: the last; with --edges all]",
    ),
    click.option(
        "--edges",
        is_flag=True,
        help="Instead of maps: whose order of edges foretells what cutting them does, at the peaks.",
    ),
    click.option(
        "--edge-method",
        "edge_methods",
        metavar="NAME",
        multiple=True,
        type=click.Choice(_EDGE_METHODS),
        help="With --edges: who orders them; again for more.  [default: all but the learned masks]",
    ),
    options.target,
    options.reading,
    click.option(
        "--steps",
        type=click.IntRange(1, 1000),
        default=20,
        show_default=True,
        help="Points of the deletion and insertion curves.",
    ),
    click.option("--randomize/--no-randomize", default=True, show_default=True, help="Compare with shuffled weights."),
    click.option("--road/--no-road", default=False, show_default=True, help="Also ROAD; seconds an image."),
    options.device,
    options.out,
)
def command(
    arch: str | None,
    ckpt: str | None,
    no_ema: bool,
    sha256: str | None,
    seed: int,
    labels: Path | None,
    img: tuple[Path, ...],
    scenes: int | None,
    device: str,
    out: Path,
    progress: bool,
    **more: Any,
) -> Answer:
    """Faithfulness and sanity figures for explanation methods.

    Prints a table of means and writes one line for each image, layer and method to <out>/<arch>/score.csv, the table
    also as score.tex and score.pdf. Low deletion and high insertion say that the nodes a map ranks first matter to the
    network; compare with the line "random", the order of a dice. What another question left there is kept.

    With --edges every edge of each layer's peak is cut, all graphs held, and each method's order is held beside that:
    Spearman's correlation with the size of the effect and with what an edge is worth, how often it names the strongest
    edge, how many of the three strongest; means with 95 % intervals by image, = for what cannot be told from the best.
    """
    if bool(img) == (scenes is not None):
        raise UsageError("score", "give either --img or --scenes", "such as --scenes 20")
    import vizgraph
    from vizgraph.api.score import Measures
    from vizgraph.api.tables import lines_of

    edges, edge_methods = more.pop("edges"), more.pop("edge_methods")
    if edge_methods and not edges:
        raise UsageError("--edge-method", "it orders edges, and maps are scored", "give --edges, too")
    asked = {name: more.pop(name) for name in ("steps", "randomize", "road")}
    measures = Measures(seed=seed, edges=(edge_methods or _QUICK) if edges else (), **asked)
    more["layers"] = more["layers"] or ("all" if edges else (-1,))
    how = options.loading(no_ema, sha256, device, seed, labels)
    result = vizgraph.score(
        arch,
        img or None,
        out,
        scenes=scenes,
        checkpoint=ckpt,
        measures=measures,
        load=how,
        progress=progress,
        **more,
    )
    lines = lines_of(result.shown, left=(1,)) if len(result.table) else ["no image could be scored"]
    lines += ["", f"{len(result.table)} lines in {one_line(result.paths[0])}"]
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
