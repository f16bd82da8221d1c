"""`vizgraph.score`: how far methods for nodes and for edges can be trusted, side by side, over a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import layer_indices
from vizgraph.api import networks, subjects
from vizgraph.api.images import read_as
from vizgraph.api.journal import opened
from vizgraph.api.score_rows import Rows, Wanted
from vizgraph.api.score_table import means_of, shown, tables_of, tex_of_score
from vizgraph.api.tables import lines_of, write_table
from vizgraph.errors import as_ours, as_usage

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")
EDGE_METHODS = ("rank", "distance", "cosine", "share", "contribution", "gradient", "integrated", "random")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Scored:
    """What was measured.

    Attributes:
        paths: the lines as CSV, the means as LaTeX, a figure (PDF), what was asked as JSON, the means as CSV, and the
            journal of what was found image by image.
        table: a line for each image, kind ("nodes", "edges"), layer (from 1, or "all") and method.
        failed: why images could not be scored, by their names.
        left_out: methods that the network cannot answer, and why.
        means: over the images, with 95 % intervals and ties, see `viz_nodes.metrics.verdicts.compared`; with
            `Measures.edges` as `viz_nodes.metrics.agreement` has them.
    """

    paths: list[Path]
    table: pd.DataFrame
    failed: dict[str, str]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def means(self) -> pd.DataFrame:
        """Means over the images for each kind, layer and method."""
        return means_of(self.table)

    @property
    def shown(self) -> list[list[str]]:
        """The means as cells, the head first."""
        return shown(self.table)

    def lines(self) -> list[str]:
        """The tables for people."""
        told: list[str] = []
        for head, rows in tables_of(self.table):
            told += [*([head] if head else []), *lines_of(rows, left=(1,)), ""]
        return told

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        means = self.means.to_dict("records") if len(self.table) else []
        plain = [{str(name): None if value != value else value for name, value in line.items()} for line in means]
        return {
            "paths": [str(path) for path in self.paths],
            "means": plain,
            "failed": self.failed,
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class Measures:
    """What is measured; the first six as `viz_nodes.metrics.benchmark.Measures` has them.

    Attributes:
        steps: points of the deletion and insertion curves.
        randomize: compare maps with those of shuffled weights.
        road: also ROAD; seconds an image.
        samples: random perturbations for infidelity, 0 for none.
        draws: images with noise for stability, 0 for none.
        timing: tell seconds, which differ from run to run.
        seed: of everything random.
        edges: instead of all that: methods (`viz_nodes.metrics.edge_scores.METHODS`) whose order of the peaks' edges is
            held beside what cutting each of them does.
        sanity: instead of all that: what is left of maps and edges while the network forgets, step by step.
    """

    steps: int = 20
    randomize: bool = True
    road: bool = False
    samples: int = 32
    draws: int = 1
    timing: bool = True
    seed: int = 0
    edges: tuple[str, ...] = ()
    sanity: bool = False


def score(
    model_or_arch: nn.Module | str | None,
    images: subjects.PartOf | Iterable[subjects.PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    scenes: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    methods: Sequence[str] = METHODS,
    edge_methods: Sequence[str] = EDGE_METHODS,
    layers: Sequence[int] | str | None = (-1,),
    measures: Measures | None = None,
    load: dict[str, Any] | None = None,
    progress: bool = False,
    **more: Any,
) -> Scored:
    """Faithfulness, stability and sanity figures of methods for nodes and for edges.

    Writes `<out>/<arch>/score.csv`, `score_means.csv`, `.tex`, `.pdf` and `.json`, `score_edges` with `measures.edges`,
    `score_sanity` with `measures.sanity`;
    what another question left there is kept. What is found for an image is kept in `score.jsonl` at once: the same call
    after an interruption, with more images or with more methods, goes on from there.

    Args:
        model_or_arch, images, out, checkpoint: as for `vizgraph.render`.
        scenes: instead of images: so many test scenes of the bundled task, whose objects' masks are known.
        methods: CAM methods, and "random", the order of a dice; () for none.
        edge_methods: names of `viz_nodes.metrics.edge_scores.METHODS`, () for none; edges of all layers go together.
        layers: of the maps: places from 0, negative from the end, "all", or None for three.
        measures: what is measured; see `Measures`.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256`, `device`, `seed`, `labels`.
        **more: `target`, the class explained, None for the predicted one; `data`, instead of images a data set with
            labels as `vizgraph.evaluate` takes it, and its `split`; `limit`, so many images; and how images are read,
            see `vizgraph.explore`.

    Raises:
        VizgraphError: see `vizgraph.render` and `vizgraph.evaluate`.
    """
    measures = measures or Measures()
    target, data, limit = (more.pop(name, None) for name in ("target", "data", "limit"))
    split = str(more.pop("split", "validation"))
    if more.get("fit") is None:
        more["fit"] = "squash" if data is None else "crop"
    with as_ours():
        read, out = read_as(more), inputs.expanded(out)
        wanted = Wanted.checked(methods, edge_methods, measures)
        if isinstance(model_or_arch, str | None):
            networks.named(model_or_arch, checkpoint)
        found = subjects.find(images, data, scenes, out=out, split=split, limit=limit, seed=measures.seed)
        network = networks.load(model_or_arch, checkpoint, **(load or {}))
        explained = networks.class_of(target, network, "--target")
        depth = networks.depth_of(network.model)
        with as_usage("--layers"):
            places: list[int] = layer_indices(layers, depth) if depth is not None else _as_given(layers)
        chosen = found.bind(network, read)
        command = "score_edges" if measures.edges else "score_sanity" if measures.sanity else "score"
        question = {
            "made_by": manifest.made_by(),
            "arch": network.name,
            "weights": network.weights,
            "images": found.words,
            "options": {
                "layers": [int(place) + 1 if place >= 0 else int(place) for place in places],
                "target": "top1" if explained is None else explained,
                **more,
                **{name: value for name, value in vars(measures).items() if name not in ("edges", "sanity")},
            },
        }
        with opened(out, out / network.name, command, question) as journal:
            rows = Rows(network.model, journal, wanted, places, explained)
            table = rows.table(chosen, progress)
            note = {**question, "count": len(chosen), "methods": wanted.names}
            paths = [*_write(out, network, command, table, note), journal.path]
    return Scored(paths, table, chosen.failed, rows.left_out)


def _as_given(layers: Sequence[int] | str | None) -> list[int]:
    """Layers of a network whose depth nobody knows before it runs."""
    if isinstance(layers, str):
        raise ValueError("`layers` must be places for a network of your own (got 'all')")
    return [-1] if layers is None else [int(place) for place in layers]


def _write(out: Path, network: networks.Network, command: str, table: pd.DataFrame, note: dict[str, Any]) -> list[Path]:
    """The files of a result."""
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.score_figure import score_figure
    from viz_nodes.files import write_atomically

    contents: dict[str, bytes] = {}
    means = means_of(table)
    if len(table) and command == "score_sanity":
        from viz_nodes.draw.sanity_figure import sanity_figure

        drawn = sanity_figure(means.assign(layer=means["layer"] - 1), name=network.caption, width="page")
        contents["pdf"] = figure_bytes(drawn, "pdf", provenance={"command": command, **note})
    if len(table) and command == "score":
        figure = score_figure(means, name=network.caption)
        contents["pdf"] = figure_bytes(figure, "pdf", provenance={"command": command, **note})
        contents["tex"] = tex_of_score(means).encode("utf-8", "backslashreplace")
    paths = write_table(out, out / network.name, command, table, shown(table), note, left=(1,), contents=contents)
    if len(table):
        beside = paths[0].with_name(f"{paths[0].stem}_means.csv")
        write_atomically(beside, means.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace"))
        paths.insert(1, beside)
    return paths
