"""`vizgraph.ablate`: does the graph matter? Answers with other edges, and with ever fewer, over a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from vizgraph.api import networks, subjects
from vizgraph.api.ablation_tables import tables_of
from vizgraph.api.images import read_as
from vizgraph.api.journal import Journal, opened
from vizgraph.api.tables import lines_of, tex_of, write_table
from vizgraph.errors import as_ours

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from torch import nn

    from viz_nodes.metrics.ablation import Ablation, Plan

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Ablated:
    """What was measured.

    Attributes:
        paths: the table as CSV, LaTeX and a figure (PDF), what was asked as JSON, and the journal with what was found
            image by image.
        table: a line for each measure and run, with `mean`, `low`, `high` (95 % bootstrap intervals, images resampled)
            and `n`; see `viz_nodes.metrics.ablation_summary`.
        rows: a line for each image and run, see `viz_nodes.metrics.ablation.Ablation`.
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
        told: list[str] = []
        for head, rows in tables_of(self.table):
            told += [head, *lines_of(rows, left=(0, 1)), ""]
        return told

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "paths": [str(path) for path in self.paths],
            "table": plain(self.table),
            "failed": self.failed,
            "left_out": self.left_out,
        }


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table, what is unknown as None."""
    return [
        {str(name): None if value != value else value for name, value in line.items()}
        for line in table.to_dict("records")
    ]


def ablate(
    model_or_arch: nn.Module | str | None,
    images: subjects.PartOf | Iterable[subjects.PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    data: str | os.PathLike[str] | None = None,
    scenes: int | None = None,
    limit: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    target: int | str | None = None,
    plan: Plan | None = None,
    load: dict[str, Any] | None = None,
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

    split = str(reading.pop("split", "validation"))
    if reading.get("fit") is None:
        reading["fit"] = "squash" if data is None else "crop"
    with as_ours():
        read, out = read_as(reading), inputs.expanded(out)
        plan = plan or Plan()
        if isinstance(model_or_arch, str | None):
            networks.named(model_or_arch, checkpoint)
        found = subjects.find(images, data, scenes, out=out, split=split, limit=limit, seed=plan.seed)
        network = networks.load(model_or_arch, checkpoint, **(load or {}))
        wanted = networks.class_of(target, network, "--target")
        chosen = found.bind(network, read)
        question = {
            "made_by": manifest.made_by(),
            "arch": network.name,
            "weights": network.weights,
            "images": found.words,
            "pool": found.pool,
            "options": {"target": "top1" if wanted is None else wanted, **asdict(plan), **reading},
        }
        ablation = Ablation(network.model, plan)
        with opened(out, out / network.name, "ablate", question) as journal:
            rows = _measured(ablation, chosen, journal, wanted, progress)
            kept = journal.path
        result = _result(rows, chosen, network, question, out)
        return Ablated([*result.paths, kept], result.table, result.rows, result.failed, result.left_out)


def _measured(
    ablation: Ablation, chosen: subjects.Subjects, journal: Journal, target: Any, show: bool
) -> list[dict[str, Any]]:
    """The rows of all images, those of the journal as they stand there."""
    from viz_nodes.progress import progress

    rows: list[dict[str, Any]] = []
    said = False
    for at in progress(range(len(chosen)), show=show, doing="ablating"):
        subject = chosen.load(at)
        if subject is None:
            continue
        key = f"{subject.name} {subject.key}"
        known = journal.rows(key)
        if known is None:
            if not said:
                said = True
                _say_cost(ablation, subject, len(chosen) - at, target)
            other = chosen.other(subject, ablation.plan.seed) if "other" in ablation.plan.conditions else None
            made = ablation(
                subject.pixels,
                label=subject.label,
                other=None if other is None else other.pixels,
                target=target,
                index=subject.index,
            )
            why = [{"kind": "left out", "name": name, "why": words} for name, words in ablation.left_out.items()]
            known = journal.add(key, [*made, *why])
        rows += [{"image": subject.name, "label": subject.label, **row} for row in known]
    return rows


def _say_cost(ablation: Ablation, subject: subjects.Subject, images: int, target: Any) -> None:
    cost = ablation.cost(subject.pixels, target=target)
    _log.info(
        "%d image%s to go, about %d forwards each: about %s; --limit asks for fewer, and a run that is interrupted "
        "goes on",
        images,
        "" if images == 1 else "s",
        cost.forwards,
        spelled(images * cost.seconds),
    )


def spelled(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _result(
    rows: list[dict[str, Any]],
    chosen: subjects.Subjects,
    network: networks.Network,
    question: dict[str, Any],
    out: Path,
) -> Ablated:
    """The means of all rows, written."""
    import pandas as pd

    from viz_nodes.draw.ablation_figure import ablation_figure
    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.metrics.ablation import COLUMNS
    from viz_nodes.metrics.ablation_summary import ablation_summary

    left_out = {row["name"]: row["why"] for row in rows if row["kind"] == "left out"}
    table = pd.DataFrame([row for row in rows if row["kind"] != "left out"], columns=["image", "label", *COLUMNS])
    means = ablation_summary(table, seed=int(question["options"]["seed"]))
    shown = tables_of(means)
    note = {**question, "count": len(chosen)}
    picture = figure_bytes(
        ablation_figure(means, name=network.caption), "pdf", provenance={"command": "ablate", **note}
    )
    contents = {
        "tex": "\n".join(f"% {head}\n{tex_of(cells, left=(0, 1))}" for head, cells in shown).encode(),
        "pdf": picture,
    }
    paths = write_table(
        out, out / network.name, "ablate", means, shown[0][1] if shown else [["measure"]], note, contents=contents
    )
    return Ablated(paths, means, table, chosen.failed, left_out)
