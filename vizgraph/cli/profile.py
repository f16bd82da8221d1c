"""`vizgraph profile`: a network by depth, what its layers know and how they connect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vizgraph.api.networks import Loading
from vizgraph.cli import options
from vizgraph.cli.command import Answer
from vizgraph.cli.study import answer, study_command

EPILOG = """\b
  vizgraph profile --ckpt demo --scenes 50
  vizgraph profile --arch vig_ti --data /data/imagenet --limit 200
  vizgraph profile --arch gcn_ti --img photo.jpg
"""


@study_command(
    "profile",
    options.target,
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
    """A network by depth, in one figure.

    The class probability that the network's head reads off each layer (and off every node of the first image, as
    maps), edge length, visual and embedding similarity of neighbors, feature diversity, hubs, turnover of edges,
    margins, and where masks are known (--scenes) homophily and modularity; beside what random edges would have.

    Writes means with 95 % intervals (images resampled) to <out>/<arch>/profile.csv, profile.tex and a figure,
    profile.pdf. A run that is interrupted goes on when it is started again.
    """
    import vizgraph

    seed = load["seed"]
    result = vizgraph.profile(arch, out=out, checkpoint=ckpt, seed=seed, load=load, progress=progress, **more)
    return answer(result, [*result.lines(), ""], result.unknown, "not known")
