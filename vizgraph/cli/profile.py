"""`vizgraph profile`: a network by depth, what its layers know and how they connect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED, UsageError

EPILOG = """\b
  vizgraph profile --ckpt demo --scenes 50
  vizgraph profile --arch vig_ti --data /data/imagenet --limit 200
  vizgraph profile --arch gcn_ti --img photo.jpg
"""


@vizgraph_command(
    "profile",
    options.weights,
    options.studied,
    options.target,
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
    """A network by depth, in one figure.

    The class probability that the network's head reads off each layer (and off every node of the first image, as
    maps), edge length, visual and embedding similarity of neighbors, feature diversity, hubs, turnover of edges,
    margins, and where masks are known (--scenes) homophily and modularity; beside what random edges would have.

    Writes means with 95 % intervals (images resampled) to <out>/<arch>/profile.csv, profile.tex and a figure,
    profile.pdf. A run that is interrupted goes on when it is started again.
    """
    if [bool(img), more["data"] is not None, more["scenes"] is not None].count(True) != 1:
        raise UsageError("profile", "give one of --img, --data and --scenes", "such as --scenes 20")
    import vizgraph

    how = options.loading(no_ema, sha256, device, seed, labels)
    result = vizgraph.profile(arch, img or None, out, checkpoint=ckpt, seed=seed, load=how, progress=progress, **more)
    lines = [*result.lines(), ""]
    lines += [f"not known: {name}: {one_line(why)}" for name, why in result.unknown.items()]
    lines += [f"  {one_line(path)}" for path in result.paths]
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
