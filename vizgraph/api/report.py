"""`vizgraph.report`: a results section about networks, with every number in it a cell of a CSV."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from vizgraph.api import networks, subjects
from vizgraph.api.ablate import Ablated, ablate
from vizgraph.api.columns import Networks, paired
from vizgraph.api.networks import LoadingSeveral
from vizgraph.api.profile import Profiled, profile
from vizgraph.api.provenance import digest_of
from vizgraph.api.report_panels import choice, drawn_panels, drawn_words, loaded, narrowed
from vizgraph.api.report_paper import DOCUMENT, compiled, methods_text
from vizgraph.api.report_sets import Search, Sets, drawn_part, drawn_sets, sets_method, sets_of, sets_part
from vizgraph.api.report_sources import bibtex
from vizgraph.api.report_text import CONDITIONS, Ledger, Studied, conditions_part, depth_part, methods_part, orders_part
from vizgraph.api.score import METHODS, Measures, Scored, score
from vizgraph.api.study import settled_reading
from vizgraph.api.tables import csv_of
from vizgraph.errors import UsageError, as_ours

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)
FOLDER = "report"
EDGE_METHODS = ("rank", "share", "contribution", "random")


@dataclass(frozen=True)
class ReportOptions:
    """What a report is made of.

    Attributes:
        methods, edge_methods: scored, see `vizgraph.score`.
        conditions, orders: of edges, see `viz_nodes.metrics.ablation.Plan`.
        steps: of the curves of edges.
        samples, draws: see `vizgraph.api.score.Measures`.
        panels: images that are shown: one a quantile of the first network's confidence, drawn with the seed.
        sets: images of each quantile whose sufficient and necessary edges are looked for, the one that is shown among
            them; 0 leaves sets out.
        set_order, set_draws: the order they are taken along, and random sets beside each, see
            `viz_nodes.metrics.sets.with_sets`.
        pdf: whether LaTeX is asked for one.
        seed: of everything random.
    """

    methods: tuple[str, ...] = METHODS
    edge_methods: tuple[str, ...] = EDGE_METHODS
    conditions: tuple[str, ...] = tuple(CONDITIONS)
    orders: tuple[str, ...] = EDGE_METHODS
    steps: int = 5
    samples: int = 32
    draws: int = 1
    panels: int = 4
    sets: int = 2
    set_order: str = "contribution"
    set_draws: int = 200
    pdf: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Reported:
    """What was written.

    Attributes:
        paths: all files of the report's folder.
        table: every number in the text: as `shown`, its `value`, `what` it is, and its `source`.
        failed: why images could not be measured, by their names.
        why: why there is no PDF; "" where there is one.
    """

    paths: list[Path]
    table: pd.DataFrame
    failed: dict[str, str] = field(default_factory=dict)
    why: str = ""

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"paths": [str(path) for path in self.paths], "failed": self.failed, "no_pdf": self.why or None}


@dataclass(frozen=True, eq=False)
class _Measured:
    """What was found of one network."""

    network: networks.Network
    ablated: Ablated
    profiled: Profiled
    scored: Scored
    sets: Sets | None = None


def report(
    models: Any,
    images: subjects.PartOf | Iterable[subjects.PartOf] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    data: str | os.PathLike[str] | None = None,
    scenes: int | None = None,
    limit: int | None = None,
    checkpoints: Sequence[str | os.PathLike[str] | None] = (),
    options: ReportOptions | None = None,
    load: LoadingSeveral | None = None,
    progress: bool = False,
    **reading: Any,
) -> Reported:
    """Ablate, profile and score networks, look for sets of edges that carry the answer, and write the results section.

    Writes `<out>/report/`: `report.tex` with `results.tex`, `methods.tex` and `references.bib`, figures, the CSV files
    of the three commands and of the sets, `numbers.csv` with every number of the text, `images.csv` with the images
    shown and why, and `report.pdf` where LaTeX is installed. What the commands wrote stays in `<out>/<arch>/`, beside
    `sets.jsonl` with the edges of the sets, and what is there already is not measured again. Another report that lies
    there is kept, and this one's folder gets a mark.

    Args:
        models: architectures or networks, in the order of the columns.
        images, data, scenes, limit: which images, see `vizgraph.ablate`; all three commands see the same.
        checkpoints: as many as `models`, or one for all.
        options: see `ReportOptions`.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256` (one, or one for each), `device`, `seed`,
            `labels`.
        progress: whether bars are shown.
        **reading: `split` of the data, and how images are read.

    Raises:
        VizgraphError: see `vizgraph.ablate`.
    """
    options = options or ReportOptions()
    which = {"data": data, "scenes": scenes, "limit": limit, **reading}
    with as_ours():
        if options.panels < 1:
            raise UsageError("panels", f"there are no {options.panels} images", "show one or more")
        out = inputs.expanded(out)
        pairs = paired(models, checkpoints)
        for model, checkpoint in pairs:
            if isinstance(model, str | None):
                networks.named(model, checkpoint)
        meant = subjects.find(
            images,
            data,
            scenes,
            out=out,
            limit=limit,
            seed=options.seed,
            split=str(reading.get("split", "validation")),
        )
        settled, _ = settled_reading(reading, data)
        held = Networks(pairs, **(load or {}))
        measured = [_measure(held.at(place), images, out, which, options, progress) for place in range(len(pairs))]
        chosen = choice(measured[0].ablated.rows, options.panels, options.seed, sets=options.sets)
        if options.sets:
            searched = narrowed(meant, measured[0].ablated.rows, list(chosen[chosen["searched"]]["image"]))
            measured = [
                replace(each, sets=sets_of(each.network, searched, out, _search(options), settled, show=progress))
                for each in measured
            ]
        return _written(measured, meant, chosen, out, options, settled)


def _search(options: ReportOptions) -> Search:
    from viz_nodes.metrics.edge_sets import EPSILON

    return Search(options.set_order, EPSILON, options.set_draws, options.seed)


def _measure(
    network: networks.Network, images: Any, out: Path, which: dict[str, Any], options: ReportOptions, show: bool
) -> _Measured:
    """The three commands for a network that is loaded."""
    from viz_nodes.metrics.ablation import Plan

    shared = {"progress": show, **{name: value for name, value in which.items() if value is not None}}
    shared["load"] = {"labels": network.labels}
    plan = Plan(conditions=options.conditions, orders=options.orders, steps=options.steps, seed=options.seed)
    measures = Measures(samples=options.samples, draws=options.draws, timing=False, seed=options.seed)
    return _Measured(
        network,
        ablate(network.model, images, out, plan=plan, **shared),
        profile(network.model, images, out, seed=options.seed, **shared),
        score(
            network.model,
            images,
            out,
            methods=options.methods,
            edge_methods=options.edge_methods,
            measures=measures,
            **shared,
        ),
    )


def _written(
    measured: Sequence[_Measured],
    images: subjects.Found,
    chosen: pd.DataFrame,
    out: Path,
    options: ReportOptions,
    reading: dict[str, Any],
) -> Reported:
    """The folder of a report."""
    import pandas as pd

    from viz_nodes.files import write_atomically

    ledger = Ledger()
    files: dict[str, bytes] = {}
    studies = [_study(each, name, files) for each, name in zip(measured, _names(measured), strict=True)]
    question = {
        "made_by": manifest.made_by(),
        "networks": [{"name": s.name, "weights": each.network.weights} for s, each in zip(studies, measured)],
        "images": images.words,
        "count": len(images.chosen),
        "options": {**vars(options), **reading},
    }
    about = {
        "options": vars(options),
        "versions": manifest.versions(),
        "count": len(images.chosen),
        "data": images.words if isinstance(images.words, str) else f"{len(images.files)} image files",
    }
    shown = narrowed(images, measured[0].ablated.rows, list(chosen[chosen["shown"]]["image"]))
    pictured = _pictured(measured, studies, shown, chosen, options, reading, files, ledger)
    parts = [part(studies, ledger) for part in (conditions_part, orders_part)]
    parts += [sets_part(studies, ledger, _search(options))] if options.sets else []
    parts += [part(studies, ledger) for part in (depth_part, methods_part)]
    more = sets_method(chosen, ledger, _search(options)) if options.sets else []
    methods, cited = methods_text(studies, ledger, about, more)
    files["results.tex"] = "\n\n".join([*parts, pictured, ""]).encode()
    files["methods.tex"] = methods.encode()
    files["references.bib"] = bibtex(cited).encode()
    files["report.tex"] = DOCUMENT.encode()
    table = pd.DataFrame(ledger.lines, columns=["shown", "value", "what", "source"]).drop_duplicates()
    files["numbers.csv"] = csv_of(table)
    pdf, why = compiled(files) if options.pdf else (None, "it was not asked for")
    if pdf is not None:
        files["report.pdf"] = pdf
    else:
        _log.warning("no report.pdf was made: %s", why)
    folder = _folder(out, question)
    for name, contents in files.items():
        write_atomically(folder / name, contents)
    asked = {"command": "report", "asked": digest_of(question), **question, "files": sorted(files)}
    write_atomically(folder / "report.json", (json.dumps(asked, indent=2, default=str) + "\n").encode())
    failed = {name: why for each in measured for name, why in each.ablated.failed.items()}
    return Reported([*(folder / name for name in sorted(files)), folder / "report.json"], table, failed, why)


def _pictured(
    measured: Sequence[_Measured],
    studies: Sequence[Studied],
    shown: subjects.Found,
    chosen: pd.DataFrame,
    options: ReportOptions,
    reading: dict[str, Any],
    files: dict[str, bytes],
    ledger: Ledger,
) -> str:
    """The section with the images that are shown, its figures put among the files."""
    from viz_nodes.draw.files import figure_bytes

    named = [(study.name, each.network) for study, each in zip(studies, measured, strict=True)]
    seen = [loaded(shown, each.network, reading) for each in measured]
    panels = drawn_panels(named, seen, chosen, options.seed)
    files |= panels.files
    text = panels.text(ledger)
    searched = [
        (*of, study.sets, own)
        for of, study, own in zip(named, studies, seen, strict=True)
        if study.sets is not None and not study.sets.why
    ]
    if not searched:
        return text
    figure = drawn_sets(searched)
    files["sets.pdf"] = figure_bytes(figure, "pdf", provenance={"command": "report", "seed": options.seed})
    return f"{text}\n{drawn_part(drawn_words(figure), ledger)}"


def _folder(out: Path, question: dict[str, Any]) -> Path:
    """Where this report lies: not where another one does."""
    folder, asked = out / FOLDER, digest_of(question)
    held = manifest.read_json(folder / "report.json")
    if folder.exists() and not (isinstance(held, dict) and held.get("asked") == asked):
        folder = out / f"{FOLDER}~{asked}"
    manifest.require_no_links(out, folder)
    return folder


def _names(measured: Sequence[_Measured]) -> list[str]:
    """How networks are called: by architecture, numbered where several have the same."""
    names = [each.network.name for each in measured]
    return [
        name if names.count(name) == 1 else f"{name}-{names[: at + 1].count(name)}" for at, name in enumerate(names)
    ]


def _study(measured: _Measured, name: str, files: dict[str, bytes]) -> Studied:
    """What was measured of a network, its files put among those of the report."""
    sources: Mapping[str, list[Path]] = {
        "ablate": measured.ablated.paths,
        "profile": measured.profiled.paths,
        "score": measured.scored.paths,
    }
    held = {}
    for command, paths in sources.items():
        held[command] = f"{name}_{command}.csv"
        for path in paths:
            means = path.stem.endswith("_means")
            if path.suffix == ".pdf" or (path.suffix == ".csv" and not means):
                files[f"{name}_{command}{path.suffix}"] = path.read_bytes()
            elif path.suffix == ".csv":
                held[f"{command}_means"] = f"{name}_{command}_means.csv"
                files[held[f"{command}_means"]] = path.read_bytes()
    source = measured.network.weights
    weights = f"{source.get('file') or source.get('source') or 'given'}, SHA-256 {str(source.get('sha256'))[:8]}"
    if measured.sets is not None:
        held |= {"sets": f"{name}_sets.csv", "sets_means": f"{name}_sets_means.csv"}
        files[held["sets"]], files[held["sets_means"]] = csv_of(measured.sets.rows), csv_of(measured.sets.means)
    return Studied(
        name,
        measured.network.name,
        weights,
        measured.ablated.table,
        measured.profiled.table,
        measured.scored.means,
        held,
        measured.sets,
    )
