"""`vizgraph.ablate`: does the graph matter? Answers with other edges, and with ever fewer, over a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from vizgraph.api.ablation_tables import tables_of
from vizgraph.api.journal import Journal
from vizgraph.api.networks import Loading
from vizgraph.api.study import Study, begin
from vizgraph.api.subjects import PartOf, Subject
from vizgraph.api.tables import lines_of, plain, tex_of, write_table
from vizgraph.errors import as_ours

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from torch import nn

    from viz_nodes.metrics.ablation import Ablation, Plan


@dataclass(frozen=True, eq=False)
class Ablated:
    """What was measured.

    Attributes:
        paths: the table as CSV, LaTeX and a figure (PDF), what was asked as JSON, and the journal with what was found
            image by image.
        table: a line for each measure and run, with `mean`, `low`, `high` (95 % bootstrap intervals, images resampled)
            and `n`; see `viz_nodes.metrics.ablation_summary`.
        rows: a line for each image (`number`: which of all there are) and run, see
            `viz_nodes.metrics.ablation.Ablation`.
        failed: why images could not be measured, by their names.
        left_out: conditions and orders that the network does not allow, and why.
    """

    paths: list[Path]
    table: pd.DataFrame
    rows: pd.DataFrame
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The tables for people."""
        lines: list[str] = []
        for head, rows in tables_of(self.table):
            lines += [head, *lines_of(rows, left=(0, 1)), ""]
        return lines

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "paths": [str(path) for path in self.paths],
            "table": plain(self.table),
            "failed": self.failed,
            "left_out": self.left_out,
        }


def ablate(
    model_or_arch: nn.Module | str | None,
    images: PartOf | Iterable[PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    data: str | os.PathLike[str] | None = None,
    scenes: int | None = None,
    limit: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    target: int | str | None = None,
    plan: Plan | None = None,
    load: Loading | None = None,
    progress: bool = False,
    **reading: Any,
) -> Ablated:
    """Does the graph matter? Accuracy, probability and flips with other edges, and curves of edges in every order.

    Writes `<out>/<arch>/ablate.csv`, `.tex`, `.pdf` (the figure) and `.json`; what another question left there is kept.
    What is found for an image is kept in `ablate.jsonl` at once: the same call after an interruption, or with more
    images, goes on from there.

    Args:
        model_or_arch, checkpoint: as for `vizgraph.render`.
        images: image files or folders, without labels.
        out: where results go.
        data: instead of images a data set with labels, as `vizgraph.evaluate` takes it.
        scenes: instead so many test scenes of the bundled task.
        limit: look at so many images.
        target: class whose probability is watched and whose contributions order edges; None for the predicted one.
        plan: what is done to the edges; see `viz_nodes.metrics.ablation.Plan`.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256`, `device`, `seed`, `labels`.
        progress: whether a bar is shown.
        **reading: `split` of the data ("validation"), and how images are read, see `vizgraph.explore`; data sets are
            cropped as they are for `evaluate` unless `fit` says otherwise.

    Raises:
        VizgraphError: see `vizgraph.render` and `vizgraph.evaluate`.
    """
    from viz_nodes.metrics.ablation import Ablation, Plan

    with as_ours():
        plan = plan or Plan()
        study = begin(
            model_or_arch,
            images,
            out,
            data=data,
            scenes=scenes,
            limit=limit,
            checkpoint=checkpoint,
            target=target,
            seed=plan.seed,
            load=load,
            reading=reading,
        )
        question = study.question(asdict(plan), pool=study.images.found.pool)
        ablation = Ablation(study.network.model, plan)
        with study.journal("ablate", question) as journal:
            rows = _measured(study, ablation, journal, progress)
            kept = journal.path
        result = _result(rows, study, question)
        return Ablated([*result.paths, kept], result.table, result.rows, result.failed, result.left_out)


def _measured(study: Study, ablation: Ablation, journal: Journal, show: bool) -> list[dict[str, Any]]:
    """The rows of all images, those of the journal as they stand there."""

    def measure(subject: Subject, _: str) -> list[dict[str, Any]]:
        another = study.images.other(subject, ablation.plan.seed) if "other" in ablation.plan.conditions else None
        rows = ablation(
            subject.pixels,
            label=subject.label,
            other=None if another is None else another.pixels,
            target=study.target,
            index=subject.index,
        )
        return [*rows, *({"kind": "left out", "name": name, "why": why} for name, why in ablation.left_out.items())]

    def cost(subject: Subject) -> tuple[int, float]:
        expected = ablation.cost(subject.pixels, target=study.target)
        return expected.forwards, expected.seconds

    return [
        {"image": subject.name, "number": subject.index, "label": subject.label, **row}
        for subject, _, rows in study.walk(journal, measure, doing="ablating", show=show, cost=cost)
        for row in rows
    ]


def _result(rows: list[dict[str, Any]], study: Study, question: dict[str, Any]) -> Ablated:
    """The means of all rows, written."""
    import pandas as pd

    from viz_nodes.draw.ablation_figure import ablation_figure
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.metrics.ablation import COLUMNS
    from viz_nodes.metrics.ablation_summary import ablation_summary

    left_out = {row["name"]: row["why"] for row in rows if row["kind"] == "left out"}
    table = pd.DataFrame(
        [row for row in rows if row["kind"] != "left out"], columns=["image", "number", "label", *COLUMNS]
    )
    means = ablation_summary(table, seed=int(question["options"]["seed"]))
    shown = tables_of(means)
    note = {**question, "count": len(study.images)}
    drawn = ablation_figure(means, name=study.network.caption)
    picture = figure_bytes(drawn, "pdf", provenance={"command": "ablate", **note})
    contents = {
        "tex": "\n".join(f"% {head}\n{tex_of(cells, left=(0, 1))}" for head, cells in shown).encode(),
        "pdf": picture,
    }
    cells = shown[0][1] if shown else [["measure"]]
    paths = write_table(study.out, study.folder, "ablate", means, cells, note, contents=contents)
    return Ablated(paths, means, table, study.images.failed, left_out)
