"""`vizgraph.profile`: a network by depth, what its layers know and how they connect, over a data set."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from vizgraph.api import networks, subjects
from vizgraph.api.ablate import plain
from vizgraph.api.images import read_as
from vizgraph.api.journal import Journal, opened
from vizgraph.api.tables import lines_of, write_table
from vizgraph.errors import UsageError, as_ours

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from torch import nn

_log = logging.getLogger(__name__)
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
    images: subjects.PartOf | Iterable[subjects.PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    data: str | os.PathLike[str] | None = None,
    scenes: int | None = None,
    limit: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    target: int | str | None = None,
    seed: int = 0,
    load: dict[str, Any] | None = None,
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
    split = str(reading.pop("split", "validation"))
    if reading.get("fit") is None:
        reading["fit"] = "squash" if data is None else "crop"
    with as_ours():
        read, out = read_as(reading), inputs.expanded(out)
        if isinstance(model_or_arch, str | None):
            networks.named(model_or_arch, checkpoint)
        found = subjects.find(images, data, scenes, out=out, split=split, limit=limit, seed=seed)
        network = networks.load(model_or_arch, checkpoint, **(load or {}))
        wanted = networks.class_of(target, network, "--target")
        chosen = found.bind(network, read)
        question = {
            "made_by": manifest.made_by(),
            "arch": network.name,
            "weights": network.weights,
            "images": found.words,
            "options": {"target": "top1" if wanted is None else wanted, "seed": seed, **reading},
        }
        with opened(out, out / network.name, "profile", question) as journal:
            rows = _measured(chosen, journal, wanted, seed, progress)
            kept = journal.path
        result = _result(rows, chosen, wanted, question, out)
        return Profiled([*result.paths, kept], result.table, result.rows, result.failed, result.unknown)


def _measured(chosen: subjects.Subjects, journal: Journal, target: Any, seed: int, show: bool) -> list[dict[str, Any]]:
    """The rows of all images, those of the journal as they stand there."""
    from viz_nodes.metrics.profile import profile_image
    from viz_nodes.progress import progress

    rows: list[dict[str, Any]] = []
    for at in progress(range(len(chosen)), show=show, doing="profiling"):
        subject = chosen.load(at)
        if subject is None:
            continue
        key = f"{subject.name} {subject.key}"
        known = journal.rows(key)
        if known is None:
            made = profile_image(
                chosen.network.model,
                subject.pixels,
                label=subject.label,
                mask=subject.mask,
                target=target,
                seed=seed * 1_000_003 + subject.index,
            )
            why = [{"measure": _UNKNOWN, "condition": name, "why": words} for name, words in made.unknown.items()]
            known = journal.add(key, [*made.rows, *why])
        rows += [{"image": subject.name, "label": subject.label, **row} for row in known]
    return rows


def _result(
    rows: list[dict[str, Any]], chosen: subjects.Subjects, target: Any, question: dict[str, Any], out: Path
) -> Profiled:
    """The means of all rows, written."""
    import pandas as pd

    from viz_nodes.draw.files import figure_bytes
    from viz_nodes.draw.profile_figure import profile_figure
    from viz_nodes.metrics.profile import COLUMNS, profile_summary

    network = chosen.network
    unknown = {row["condition"]: row["why"] for row in rows if row["measure"] == _UNKNOWN}
    measured = [row for row in rows if row["measure"] != _UNKNOWN]
    if not measured:
        raise UsageError("profile", "no image could be measured", "see what is said of each")
    table = pd.DataFrame(measured, columns=["image", "label", *COLUMNS])
    means = profile_summary(table, seed=int(question["options"]["seed"]))
    note = {**question, "count": len(chosen)}
    drawn = profile_figure(means, name=network.caption, example=_example(chosen, target))
    contents = {"pdf": figure_bytes(drawn, "pdf", provenance={"command": "profile", **note})}
    folder = out / network.name
    paths = write_table(out, folder, "profile", means, shown(means), note, left=(0, 1), contents=contents)
    return Profiled(paths, means, table, chosen.failed, unknown)


def _example(chosen: subjects.Subjects, target: Any) -> Any:
    """The first image that can be read, with what is read off its nodes: never one that was picked."""
    from viz_nodes.draw.profile_figure import Example
    from viz_nodes.metrics.profile import profile_image

    for at in range(len(chosen)):
        subject = chosen.load(at)
        if subject is not None:
            made = profile_image(chosen.network.model, subject.pixels, target=target)
            labels = chosen.network.labels
            words = labels[made.predicted] if labels and made.predicted >= 0 else f"class {made.predicted}"
            return Example(subject.image, words, made.maps)
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
