"""Part of `vizgraph.report`: how few edges carry the answer, of images chosen by a rule, random sets beside each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.arguments import SETS
from vizgraph.api.report_text import Ledger, Line, Studied, code_of, figure, intervals_said, tabular
from vizgraph.api.tables import escaped

if TYPE_CHECKING:
    import pandas as pd

    from viz_nodes.draw.composer import PaperFigure
    from vizgraph.api.networks import Network
    from vizgraph.api.subjects import Found, Subject

COLUMNS = (
    "image",
    "kind",
    "order",
    "size",
    "total",
    "part",
    "score",
    "whole",
    "left",
    "class",
    "named",
    "draws",
    "failed",
    "failing",
)
"""Of a line: `part` is size of total, `left` score of whole, `failing` failed of draws."""
FIGURES = ("part", "left", "failing")
"""What is averaged over images."""
_LEFT_OUT = "left out"


@dataclass(frozen=True)
class Search:
    """How sets are looked for.

    Attributes:
        order: a name in `viz_nodes.metrics.edge_scores.METHODS`.
        epsilon: how near the score of a sufficient set stays, as a fraction of it.
        draws: random sets of the same size beside each.
        seed: of them.
    """

    order: str
    epsilon: float
    draws: int
    seed: int


@dataclass(frozen=True, eq=False)
class Sets:
    """The sets of one network.

    Attributes:
        rows: a line for each image and kind, see `COLUMNS`; `size` is NaN where there is no such set.
        means: a line for each kind: `images`, `there` (how many have one), and of `FIGURES` the mean with the ends of
            its 95 % interval, images resampled.
        records: by image, as a manifest holds them.
        why: why there are none; "" where there are.
    """

    rows: pd.DataFrame
    means: pd.DataFrame
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    why: str = ""


def sets_of(
    network: Network, images: Found, out: Path, search: Search, reading: Mapping[str, Any], *, show: bool
) -> Sets:
    """Sufficient and necessary sets of each image; what an earlier run found is not looked for again.

    Args:
        images: whose sets are looked for.
        out: where results go: `<out>/<arch>/sets.jsonl` keeps what is found, edges and all.
        reading: how images are read.
        show: whether there is a bar.
    """
    import viz_nodes
    from viz_nodes.metrics.sets import with_sets
    from vizgraph.api.images import read_as
    from vizgraph.api.study import Study, seconds_of_a_pass

    study = Study(network, images.bind(network, read_as(dict(reading))), out, None, reading)

    def measure(subject: Subject, _: str) -> list[dict[str, Any]]:
        try:
            exp = with_sets(
                network.model,
                subject.pixels,
                viz_nodes.explain(network.model, subject.pixels),
                order=search.order,
                epsilon=search.epsilon,
                draws=search.draws,
                seed=search.seed * 1_000_003 + subject.index,
            )
        except ValueError as error:
            return [{_LEFT_OUT: str(error)}]
        return [{"record": record} for record in exp.extras["sets"]]

    def cost(subject: Subject) -> tuple[int, float]:
        passes = len(SETS) * (search.draws + _TRIED)
        return passes, passes * seconds_of_a_pass(network.model, subject.pixels)

    records: dict[str, list[dict[str, Any]]] = {}
    why = ""
    with study.journal("sets", study.question(vars(search))) as journal:
        doing = {"doing": "looking for sets", "fewer": "--panels"}
        for subject, _, rows in study.walk(journal, measure, show=show, cost=cost, **doing):
            why = next((str(row[_LEFT_OUT]) for row in rows if _LEFT_OUT in row), why)
            records[subject.name] = [row["record"] for row in rows if "record" in row]
    return _summed(records, search.seed, why)


_TRIED = 200
"""Sizes tried for a set, about: both ways that a signed order can be taken."""


def _summed(records: Mapping[str, list[dict[str, Any]]], seed: int, why: str) -> Sets:
    import pandas as pd

    from viz_nodes.metrics.intervals import interval

    rows = pd.DataFrame([line for name in records for line in _lines(name, records[name])], columns=list(COLUMNS))
    means: list[dict[str, Any]] = []
    for kind in SETS if len(rows) else ():
        own = rows[rows["kind"] == kind]
        there = own[own["size"].notna()]
        line: dict[str, Any] = {"kind": kind, "images": len(own), "there": len(there)}
        for name in FIGURES:
            values = there[name].to_numpy(dtype=float)
            low, high = interval(values, there["image"].tolist(), seed=seed)
            line |= {name: float(values.mean()) if len(values) else float("nan")}
            line |= {f"{name}_low": low, f"{name}_high": high}
        means.append(line)
    names = ["kind", "images", "there", *(f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high"))]
    return Sets(rows, pd.DataFrame(means, columns=names), dict(records), "" if len(rows) else why)


def _lines(name: str, records: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        line = {"image": name} | {key: record[key] for key in COLUMNS if key in record}
        if record["size"] is not None:
            draws, failed = record["random"]["draws"], record["random"]["failed"]
            line |= {"part": record["size"] / record["total"], "left": record["score"] / record["whole"]}
            line |= {"draws": draws, "failed": failed, "failing": failed / draws if draws else float("nan")}
        yield line


def drawn_sets(studied: Sequence[tuple[str, Network, Sets, Sequence[Subject]]]) -> PaperFigure:
    """The sufficient set on each photograph: its edges in the first and in the last layer of every network.

    Args:
        studied: networks with their names, their sets, and the images as they take them.
    """
    import viz_nodes
    from viz_nodes.draw.rows import Column
    from viz_nodes.draw.style.captions import SEPARATOR
    from viz_nodes.draw.tables import table

    columns: list[Column] = []
    for name, network, sets, own in studied:
        exps = []
        for subject in own:
            exp = viz_nodes.explain(network.model, subject.pixels)
            exps.append(replace(exp, extras={**exp.extras, "sets": sets.records[subject.name]}))
        columns += [] if columns else [Column("photograph", exps)]
        for layer in dict.fromkeys((0, exps[0].depth - 1)):
            columns.append(Column("edges", exps, layer, f"{name}{SEPARATOR}layer {layer + 1}"))
    return table(
        None, [subject.image for subject in studied[0][3]], columns, edge_set=SETS[0], caption=False, width="page"
    )


def sets_part(studies: Sequence[Studied], ledger: Ledger, search: Search) -> str:
    """How few edges carry the answer?"""
    rows, sentences = [], []
    for study in studies:
        if study.sets is None:
            continue
        if study.sets.why or not len(study.sets.rows):
            why = ledger.words(study.sets.why or "no image could be measured", "why there are no sets")
            sentences.append(f"Sets of edges of {code_of(ledger, study)} could not be looked for: {why}.")
            continue
        for line in study.sets.means.to_dict("records"):
            rows.append(_cells(study, {str(name): value for name, value in line.items()}, ledger))
        sentences += _said(study, ledger, search)
    sentences += [r"Table~\ref{tab:sets} has both, Figure~\ref{fig:sets} some of the sets."] if rows else []
    head = ["network", "set", "images with one", "edges (percent)", "score left (percent)", "random sets that fail"]
    caption = (
        f"The smallest sets of edges found along the order of {escaped(search.order)}, all layers together, graphs "
        "held. Sufficient: they alone keep the class, and the score within "
        rf"{ledger.number(search.epsilon, 0, 'epsilon', 'options', 100)}\,\% of what it was. Necessary: without them "
        "another class is named. That no smaller set exists is not shown. Beside each "
        f"{ledger.words(search.draws, 'random sets')} random sets of the same size, of which the last column says how "
        f"many (percent) do not do it. Images: see Figure~\\ref{{fig:panels}}. {intervals_said(ledger)}"
    )
    parts = [r"\subsection{How few edges carry the answer?}", " ".join(sentences)]
    return "\n".join([*parts, *([tabular(head, rows, caption, "tab:sets", left=2)] if rows else [])])


def _cells(study: Studied, line: Line, ledger: Ledger) -> list[str]:
    source, what = study.files["sets_means"], f"{line['kind']} sets"
    counts = [ledger.number(line[name], 0, f"{what}, {name}", source) for name in ("there", "images")]
    figures = [ledger.ranged(figure(line, name), 1, f"{what}, {name}", source, 100) for name in FIGURES]
    return [code_of(ledger, study), escaped(line["kind"]), " of ".join(counts), *figures]


def _said(study: Studied, ledger: Ledger, search: Search) -> Iterator[str]:
    """What the sets of a network say, in a sentence each."""
    assert study.sets is not None
    source = study.files["sets_means"]
    for record in study.sets.means.to_dict("records"):
        line: Line = {str(name): value for name, value in record.items()}
        name, of = code_of(ledger, study), ledger.number(line["images"], 0, "images with sets", source)
        if not line["there"]:
            yield f"On none of {of} images another class is named by {name} without any edge."
            continue
        part = ledger.ranged(figure(line, "part"), 1, f"{line['kind']} sets, part", source, 100)
        failing = ledger.ranged(figure(line, "failing"), 1, f"{line['kind']} sets, failing", source, 100)
        if line["kind"] == SETS[0]:
            text = rf"In {name} {part} \% of the edges are enough for the answer (mean of {of} images)"
            yield rf"{text}; of random sets as large {failing} \% are not."
        else:
            text = rf"Without {part} \% of the edges {name} names another class"
            yield rf"{text}; of random sets as large {failing} \% leave the class."


def sets_method(choice: pd.DataFrame, ledger: Ledger, search: Search) -> list[str]:
    """How sets were found, as paragraphs of the methods."""
    count = ledger.words(int(choice["searched"].sum()), "images with sets", "images.csv")
    parts = ledger.words(choice["quantile"].nunique(), "quantiles", "images.csv")
    return [
        f"Sets of edges. On {count} images, as many of each of the {parts} parts of Figure~\\ref{{fig:panels}} as "
        "nearly as they go, the shown ones among them and the others drawn with the same seed, the edges of all layers "
        f"were put in the order of {escaped(search.order)}, a signed one from the most for the class on and also from "
        "the largest on, and sizes were tried from coarse to fine; the smaller set is kept. "
        f"{ledger.words(search.draws, 'random sets')} sets of the same size, drawn from all edges, stand beside each."
    ]


def drawn_part(words: str, ledger: Ledger) -> str:
    """The figure of the sets.

    Args:
        words: what it shows, and how, in its first sentence; what each set does is in the table.
    """
    shown = ledger.words(f"{words.split('. ')[0].removesuffix('.')}.", "what the figure shows", "sets.pdf")
    return "\n".join(
        [
            r"\begin{figure}[htbp]\centering",
            r"\includegraphics[width=\textwidth]{sets.pdf}",
            r"\caption{The sufficient sets of Table~\ref{tab:sets} on the images of Figure~\ref{fig:panels}: those of "
            rf"their edges that lie in the first and in the last layer. {shown}}}\label{{fig:sets}}",
            r"\end{figure}",
        ]
    )
