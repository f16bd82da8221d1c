"""`vizgraph.profile`: a network by depth, what its layers know and how they connect, over a data set."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vizgraph.api.journal import Journal
from vizgraph.api.networks import Loading
from vizgraph.api.study import Study, begin
from vizgraph.api.subjects import PartOf, Subject
from vizgraph.api.tables import lines_of, plain, write_table
from vizgraph.errors import UsageError, as_ours

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from torch import nn

_UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Profiled:
    """What was measured.

    Attributes:
        paths: the table as CSV and LaTeX, the figure (PDF), what was asked as JSON, and the journal with what was found
            image by image.
        table: a line for each measure, layer (from 1) and condition, with `mean`, `low`, `high` (95 % bootstrap
            intervals, images resampled) and `n`; see `viz_nodes.metrics.profile.profile_image`.
        rows: a line for each image, measure, layer and condition.
        failed: why images could not be measured, by their names.
        unknown: what could not be measured of this network or these images, and why.
    """

    paths: list[Path]
    table: pd.DataFrame
    rows: pd.DataFrame
    failed: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The means for people."""
        return lines_of(shown(self.table), left=(0, 1))

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "paths": [str(path) for path in self.paths],
            "table": plain(self.table),
            "failed": self.failed,
            "unknown": self.unknown,
        }


def profile(
    model_or_arch: nn.Module | str | None,
    images: PartOf | Iterable[PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    data: str | os.PathLike[str] | None = None,
    scenes: int | None = None,
    limit: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    target: int | str | None = None,
    seed: int = 0,
    load: Loading | None = None,
    progress: bool = False,
    **reading: Any,
) -> Profiled:
    """A network by depth: class probability read off each layer, edges, features, hubs, turnover, margins.

    Writes `<out>/<arch>/profile.csv`, `.tex`, `.pdf` (the figure) and `.json`; what another question left there is
    kept. What is found for an image is kept in `profile.jsonl` at once: the same call after an interruption, or with
    more images, goes on from there.

    Args:
        model_or_arch, images, out, data, scenes, limit, checkpoint, load, progress: as for `vizgraph.ablate`. Scenes
            have masks of their objects.
        target: class whose probability is read off; None for the predicted one.
        seed: of the scenes, and of the random graphs that hubs and turnover are held beside.
        **reading: `split` of the data ("validation"), and how images are read, see `vizgraph.explore`; data sets are
            cropped as they are for `evaluate` unless `fit` says otherwise.

    Raises:
        VizgraphError: see `vizgraph.render` and `vizgraph.evaluate`.
    """
    with as_ours():
        study = begin(
            model_or_arch,
            images,
            out,
            data=data,
            scenes=scenes,
            limit=limit,
            checkpoint=checkpoint,
            target=target,
            seed=seed,
            load=load,
            reading=reading,
        )
        question = study.question({"seed": seed})
        with study.journal("profile", question) as journal:
            rows = _measured(study, journal, seed, progress)
            kept = journal.path
        result = _result(rows, study, question)
        return Profiled([*result.paths, kept], result.table, result.rows, result.failed, result.unknown)


def _measured(study: Study, journal: Journal, seed: int, show: bool) -> list[dict[str, Any]]:
    """The rows of all images, those of the journal as they stand there."""
    from viz_nodes.metrics.profile import profile_image

    begun: dict[int, list[dict[str, Any]]] = {}  # of the image that told the cost

    def measure(subject: Subject, _: str) -> list[dict[str, Any]]:
        if subject.index in begun:
            return begun.pop(subject.index)
        profile = profile_image(
            study.network.model,
            subject.pixels,
            label=subject.label,
            mask=subject.mask,
            target=study.target,
            seed=seed * 1_000_003 + subject.index,
        )
        unknown = profile.unknown.items()
        return [*profile.rows, *({"measure": _UNKNOWN, "condition": name, "why": why} for name, why in unknown)]

    def cost(subject: Subject) -> tuple[int, float]:
        passes: list[int] = []
        hook = study.network.model.register_forward_pre_hook(lambda *_: passes.append(1))
        start = time.perf_counter()
        try:
            rows = measure(subject, "")
        finally:
            hook.remove()
        begun[subject.index] = rows
        return len(passes), time.perf_counter() - start

    return [
        {"image": subject.name, "label": subject.label, **row}
        for subject, _, rows in study.walk(journal, measure, doing="profiling", show=show, cost=cost)
        for row in rows
    ]


def _result(rows: list[dict[str, Any]], study: Study, question: dict[str, Any]) -> Profiled:
    """The means of all rows, written."""
    import pandas as pd

    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.profile_figure import profile_figure
    from viz_nodes.metrics.profile import COLUMNS, profile_summary

    unknown = {row["condition"]: row["why"] for row in rows if row["measure"] == _UNKNOWN}
    measured = [row for row in rows if row["measure"] != _UNKNOWN]
    if not measured:
        raise UsageError("profile", "no image could be measured", "see what is said of each")
    table = pd.DataFrame(measured, columns=["image", "label", *COLUMNS])
    means = profile_summary(table, seed=int(question["options"]["seed"]))
    note = {**question, "count": len(study.images)}
    drawn = profile_figure(means, name=study.network.caption, example=_example(study))
    contents = {"pdf": figure_bytes(drawn, "pdf", provenance={"command": "profile", **note})}
    paths = write_table(study.out, study.folder, "profile", means, shown(means), note, left=(0, 1), contents=contents)
    return Profiled(paths, means, table, study.images.failed, unknown)


def _example(study: Study) -> Any:
    """The first image that can be read, with what is read off its nodes: never one that was picked."""
    from viz_nodes.draw.profile_figure import Example
    from viz_nodes.metrics.profile import profile_image

    for at in range(len(study.images)):
        subject = study.images.load(at)
        if subject is not None:
            profile = profile_image(study.network.model, subject.pixels, target=study.target)
            labels, predicted = study.network.labels, profile.predicted
            words = labels[predicted] if labels and predicted >= 0 else f"class {predicted}"
            return Example(subject.image, words, profile.maps)
    return None


def shown(table: pd.DataFrame) -> list[list[str]]:
    """The means as cells, a column a layer, the head first; intervals are in the CSV."""
    layers = sorted(set(table["layer"]))
    rows = [["measure", "of", *(f"layer {layer}" if at == 0 else str(layer) for at, layer in enumerate(layers))]]
    means = table.set_index(["measure", "condition", "layer"])["mean"].to_dict()
    for measure, condition in dict.fromkeys(zip(table["measure"], table["condition"], strict=True)):
        cells = [means.get((measure, condition, layer), float("nan")) for layer in layers]
        rows.append([str(measure).replace("_", " "), str(condition), *map(_number, cells)])
    return rows


def _number(value: float) -> str:
    if value != value:
        return "-"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"
