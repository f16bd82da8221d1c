"""`vizgraph.score`: how far methods for nodes and for edges can be trusted, side by side, over a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch.options import layer_indices
from vizgraph.api import networks
from vizgraph.api.networks import Loading
from vizgraph.api.score_rows import Rows, Wanted
from vizgraph.api.score_table import means_of, shown, tables_of, tex_of_score
from vizgraph.api.study import Study, begin
from vizgraph.api.subjects import PartOf
from vizgraph.api.tables import csv_of, lines_of, plain, write_table
from vizgraph.errors import as_ours, as_usage

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")
EDGE_METHODS = ("rank", "distance", "cosine", "share", "contribution", "gradient", "integrated", "random")


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
        lines: list[str] = []
        for head, rows in tables_of(self.table):
            lines += [*([head] if head else []), *lines_of(rows, left=(1,)), ""]
        return lines

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "paths": [str(path) for path in self.paths],
            "means": plain(self.means) if len(self.table) else [],
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
    images: PartOf | Iterable[PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    scenes: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    methods: Sequence[str] = METHODS,
    edge_methods: Sequence[str] = EDGE_METHODS,
    layers: Sequence[int] | str | None = (-1,),
    measures: Measures | None = None,
    load: Loading | None = None,
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
    with as_ours():
        wanted = Wanted.checked(methods, edge_methods, measures)
        study = begin(
            model_or_arch,
            images,
            out,
            data=data,
            scenes=scenes,
            limit=limit,
            checkpoint=checkpoint,
            target=target,
            seed=measures.seed,
            load=load,
            reading=more,
        )
        depth = networks.depth_of(study.network.model)
        with as_usage("--layers"):
            places: list[int] = layer_indices(layers, depth) if depth is not None else _as_given(layers)
        command = "score_edges" if measures.edges else "score_sanity" if measures.sanity else "score"
        options = {name: value for name, value in vars(measures).items() if name not in ("edges", "sanity")}
        options["layers"] = [int(place) + 1 if place >= 0 else int(place) for place in places]
        question = study.question(options)
        with study.journal(command, question) as journal:
            rows = Rows(study.network.model, wanted, places, study.target)
            table = rows.table(study, journal, progress)
            note = {**question, "count": len(study.images), "methods": wanted.names}
            paths = [*_write(study, command, table, note), journal.path]
    return Scored(paths, table, study.images.failed, rows.left_out)


def _as_given(layers: Sequence[int] | str | None) -> list[int]:
    """Layers of a network whose depth nobody knows before it runs."""
    if isinstance(layers, str):
        raise ValueError("`layers` must be places for a network of your own (got 'all')")
    return [-1] if layers is None else [int(place) for place in layers]


def _write(study: Study, command: str, table: pd.DataFrame, note: dict[str, Any]) -> list[Path]:
    """The files of a result."""
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.score_figure import score_figure
    from viz_nodes.files import write_atomically

    contents: dict[str, bytes] = {}
    means = means_of(table)
    if len(table) and command == "score_sanity":
        from viz_nodes.draw.sanity_figure import sanity_figure

        drawn = sanity_figure(means.assign(layer=means["layer"] - 1), name=study.network.caption, width="page")
        contents["pdf"] = figure_bytes(drawn, "pdf", provenance={"command": command, **note})
    if len(table) and command == "score":
        figure = score_figure(means, name=study.network.caption)
        contents["pdf"] = figure_bytes(figure, "pdf", provenance={"command": command, **note})
        contents["tex"] = tex_of_score(means).encode("utf-8", "backslashreplace")
    paths = write_table(study.out, study.folder, command, table, shown(table), note, left=(1,), contents=contents)
    if len(table):
        beside = paths[0].with_name(f"{paths[0].stem}_means.csv")
        write_atomically(beside, csv_of(means))
        paths.insert(1, beside)
    return paths
