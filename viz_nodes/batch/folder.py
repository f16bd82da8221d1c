"""One image's folder: pictures, graph, numbers, and the manifest last."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import manifest
from viz_nodes.batch.options import KINDS, RenderOptions
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.files import flush_folder, write_atomically

if TYPE_CHECKING:
    import numpy as np

_OURS = re.compile(
    r"layer_\d+_(cam|graph|edges|center_\d+(_\d+)*_neighbors)\.(png|pdf|svg)|figure\.(png|pdf|svg|tex)"
    r"|top_5\.json|explanation\.npz|graph\.graphml|manifest\.json"
)
_UNFINISHED = re.compile(r"\.part-.*|\..+\.[0-9a-f]{16}")
"""What a killed run leaves of a file it was writing."""
_BEST = 5


@dataclass(frozen=True, eq=False)
class Job:
    """All that is needed to make a folder, without the network.

    Attributes:
        out: where results go; what lies below it is the run's own.
        folder: of this image.
        exp: of one row.
        image: (H, W, 3) uint8 to draw on.
        view: the part of `image` that the network saw; None for all.
        options: what is asked.
        identity: see `manifest.identity`.
        source: of the image: "path", "relative", "sha256", "size".
        notes: what a person should know of the weights.
    """

    out: Path
    folder: Path
    exp: Explanation
    image: np.ndarray
    view: tuple[float, float, float, float] | None
    options: RenderOptions
    identity: dict[str, Any]
    source: dict[str, Any]
    notes: tuple[str, ...] = ()


def make(job: Job) -> dict[str, Any]:
    """Write a folder and return its manifest.

    What an earlier run left in it is removed, its manifest first; each file appears whole or not at all.

    Raises:
        OSError: the folder cannot be written, or is a link.
    """
    manifest.require_no_links(job.out, job.folder)
    job.folder.mkdir(parents=True, exist_ok=True)
    clear(job.folder)
    begun = job.folder.stat()
    outputs: dict[str, dict[str, Any]] = {}

    def write(name: str, data: bytes) -> None:
        # The folder's entries are flushed once for all, with the manifest, which comes last.
        write_atomically(job.folder / name, data, flush_name=False)
        outputs[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    notes: list[str] = list(job.notes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _draw(job, write)
        job.exp.save(job.folder)
        _save_graph(job.exp, job.folder / "graph.graphml")
        for name in ("explanation.npz", "graph.graphml"):
            data = (job.folder / name).read_bytes()
            outputs[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    write("top_5.json", (json.dumps(top(job.exp, _BEST), indent=4) + "\n").encode())
    notes += _remarks(job.exp)
    notes += dict.fromkeys(str(warning.message) for warning in caught if issubclass(warning.category, UserWarning))
    record = {
        **job.identity,
        "versions": manifest.versions(),
        "image": job.source,
        "predicted": predicted(job.exp, _BEST),
        "explained": explained(job.exp),
        "outputs": outputs,
        "warnings": notes,
    }
    record |= manifest.cut_records(job.exp)
    flush_folder(job.folder)
    if not os.path.samestat(begun, job.folder.stat()):
        # Moved away meanwhile, and made again by a later file: a manifest here would list files that are not.
        raise FileNotFoundError(errno.ENOENT, "moved away while it was written", str(job.folder))
    write_atomically(job.folder / manifest.NAME, manifest.as_bytes(record))
    return record


def clear(folder: Path) -> None:
    """Remove what runs wrote into a folder, the manifest first."""
    if os.path.lexists(folder / manifest.NAME):
        (folder / manifest.NAME).unlink()
        flush_folder(folder)
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) or _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def provenance(
    identity: dict[str, Any], source: dict[str, Any], drawn: str, layer: int | None = None
) -> dict[str, Any]:
    """What is embedded in a figure, for `vizgraph verify`: hashes of weights and image, the options, and what is drawn.

    Args:
        drawn: "cam", "neighbors", "graph", or "figure" for the sheet.
        layer: of one picture, from 1.
    """
    return {
        "command": "render",
        "made_by": identity["made_by"],
        "arch": identity["arch"],
        "weights": identity["weights"],
        "image": {name: source[name] for name in ("sha256", "size")},
        "options": identity["options"],
        "drawn": drawn,
        "layer": layer,
    }


def pictures(job: Job) -> list[tuple[str, str, int | None, Callable[[], Any]]]:
    """The figures of a folder, as (name without ending, kind, layer from 1 or None, function that makes it)."""
    from viz_nodes.draw import figure, panel
    from viz_nodes.draw.artists.photograph import as_picture
    from viz_nodes.draw.geometry.selection import choose_centers

    options, exp, image = job.options, job.exp, as_picture(job.image)
    edges = options.selected()
    paints: list[tuple[str, str, int | None, Callable[[], Any]]] = []
    for index in options.layers or ():
        layer = exp.layer(int(index))
        stem, nodes = f"layer_{layer.number}", choose_centers(layer, 0, edges["center"])
        names = {kind: f"{stem}_{kind}" for kind in options.kinds}
        names["neighbors"] = f"{stem}_center_{'_'.join(map(str, nodes))}_neighbors"
        for kind in options.kinds:
            if kind == "neighbors" and not nodes:
                continue

            def paint(kind: str = kind, index: int = layer.index) -> Any:
                style = options.drawn()
                return panel(kind, exp, index, image, view=job.view, caption=options.caption, **edges, **style)

            paints.append((names[kind], kind, layer.number, paint))

    def sheet() -> Any:
        return figure(
            exp,
            image,
            layers=[int(index) for index in options.layers or ()],
            kinds=[kind for kind in KINDS if kind in options.kinds],
            view=job.view,
            caption=options.caption,
            **edges,
            **options.drawn(sheet=True),
        )

    return [*paints, ("figure", "figure", None, sheet)]


def _draw(job: Job, write: Callable[[str, bytes], None]) -> None:
    from viz_nodes.draw import figure_bytes, latex_of

    formats = job.options.formats
    for name, kind, layer, paint in pictures(job):
        note = provenance(job.identity, job.source, kind, layer)
        figure = paint()
        for form in formats:
            write(f"{name}.{form}", figure_bytes(figure, form, dpi=job.options.dpi, provenance=note))
        if kind == "figure":
            write(f"{name}.tex", latex_of(figure, f"{name}.{'pdf' if 'pdf' in formats else formats[0]}").encode())


def _save_graph(exp: Explanation, path: Path) -> None:
    from viz_nodes.export import to_graphml

    to_graphml(exp, path)


def top(exp: Explanation, count: int) -> dict[str, str]:
    """The most probable classes, as the GraphConvNet release writes them: {"<label>_<index>": "<probability>"}."""
    return {f"{entry['label']}_{entry['class']}": f"{entry['probability']:.5f}" for entry in predicted(exp, count)}


def predicted(exp: Explanation, count: int) -> list[dict[str, Any]]:
    """The most probable classes, best first."""
    best = exp.probabilities[0].topk(min(count, exp.logits.shape[1]))
    return [
        {"class": index, "label": exp.label(index), "probability": round(value, 6)}
        for value, index in zip(best.values.tolist(), best.indices.tolist())
    ]


def explained(exp: Explanation) -> dict[str, Any]:
    """The class explained and the peak of every layer."""
    target = int(exp.target[0])
    versus = None if exp.versus is None else int(exp.versus[0])
    return {
        "class": target,
        "label": exp.label(target),
        "versus": versus,
        "peaks": {
            str(layer.number): None if int(layer.peak[0]) == NO_PEAK else int(layer.peak[0]) for layer in exp.layers
        },
    }


def _remarks(exp: Explanation) -> list[str]:
    """What the pictures do not show or show with a reservation."""
    remarks = []
    for layer in exp.layers:
        if int(layer.peak[0]) == NO_PEAK:
            remarks.append(
                f"layer {layer.number}: the map is blank, so there is no most discriminative node and no neighbors"
            )
        if not layer.exact:
            remarks.append(
                f"layer {layer.number}: shares and contributions are not exact for this aggregation ({layer.conv})"
            )
    return remarks
