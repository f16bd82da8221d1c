"""`vizgraph render`: figures for an image, several images, or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.text import one_line
from vizgraph.api.networks import Loading
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED

if TYPE_CHECKING:
    from viz_nodes.batch.render import Rendered


@vizgraph_command(
    "render",
    options.weights,
    options.img,
    options.explanation,
    options.reading,
    options.kinds("cam,neighbors,graph"),
    options.edges,
    options.out,
    options.formats,
    options.dpi,
    options.drawing,
    options.overwrite,
    options.check,
    options.device,
    options.workers,
    options.batch,
    options.field_option("engine", help="Who runs a batch: processes here, or Ray (pip install 'vizgraph[ray]')."),
    options.field_option("ray_address", metavar="ADDRESS", help="Of a Ray cluster.  [default: one of this machine's]"),
)
def command(
    arch: str | None,
    ckpt: str | None,
    img: tuple[Path, ...],
    out: Path,
    load: Loading,
    progress: bool,
    **more: Any,
) -> Answer:
    """Figures for an image, several images, or a folder.

    Writes <out>/<arch>/<image>/: for every layer its map, the most discriminative patch with its neighbors, and their
    graph; all of them in figure.png; top_5.json, explanation.npz, graph.graphml, and last manifest.json. A folder that
    has all of this for the same options is left as it is.

    \b
    vizgraph render --ckpt demo --img photo.jpg
    vizgraph render --arch gcn_ti --ckpt GraphConvNet_Ti_77_1.pth.tar --img photos --format png,pdf
    """
    import vizgraph

    result = vizgraph.render(arch, img, out, checkpoint=ckpt, progress=progress, **load, **options.render_fields(more))
    lines = of_batch(result) if result.several else of_one(result)
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)


def of_batch(result: Rendered) -> list[str]:
    """How a batch ended."""
    from viz_nodes.batch.batch_log import LINES

    bad = len(result.failed)
    parts = [f"{result.fresh} rendered", f"{len(result.rows) - bad - result.fresh} there already"]
    parts += [f"{bad} failed"] if bad else []
    parts += [f"{len(result.left_out)} figures of earlier runs left out"] if result.left_out else []
    return [f"{len(result.rows)} images: {', '.join(parts)}; {one_line(result.root / LINES)} lists them"]


def of_one(result: Rendered) -> list[str]:
    """Of one image: what was predicted, what was explained, and where the figures are."""
    (row,) = result.rows
    best, explained = row.predicted or {}, row.explained or {}
    line = f"{row.image}: {best['label']} ({best['class']}), {best['probability']:.1%}"
    if explained["class"] != best["class"]:
        line += f"; explained: {explained['label']} ({explained['class']})"
    there = "" if row.fresh else " (there already; --overwrite makes it again)"
    warnings = [f"  {one_line(warning)}" for warning in row.warnings]
    return [one_line(line), *warnings, f"  {one_line(result.paths[0])}{there}"]
