"""`vizgraph demo`: bundled images through the bundled checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED


@vizgraph_command("demo", options.out, options.formats, options.overwrite, options.workers, options.device)
def command(out: Path, progress: bool, **more: Any) -> Answer:
    """Render bundled images with the bundled checkpoint, offline.

    A small GraphConvNet, trained to name the sticker on a photograph, shows what its layers looked at and whom the most
    discriminative patch asked.
    """
    import vizgraph
    from vizgraph.cli.render import of_batch

    result = vizgraph.demo(out, progress=progress, **more)
    lines = [*of_batch(result), "", "Look at these first:"]
    for row, path in zip([row for row in result.rows if row.status == "done"], result.paths, strict=True):
        best = row.predicted or {}
        lines.append(f"  {one_line(path)}  {best['label']}, {best['probability']:.1%}")
    lines += [
        "",
        "Beside each: its pictures one by one, the graph (graph.graphml) and the numbers (explanation.npz).",
        "Your own image: vizgraph render --ckpt demo --img photo.jpg",
    ]
    return Answer(result.record(), lines, SOME_FAILED if result.failed else ALL_DONE)
