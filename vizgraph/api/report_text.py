"""Part of `vizgraph.report`: what was measured as sentences and tables of LaTeX, every number a cell of a CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viz_nodes.metrics.intervals import apart
from vizgraph.api.tables import escaped

if TYPE_CHECKING:
    import pandas as pd

    from vizgraph.api.report_sets import Sets

NUMBER = re.compile(r"\d+(?:\.\d+)*")
"""What counts as a number in a text."""
CONDITIONS = {
    "none": "no edges",
    "self": "edges to itself only",
    "random": "random nodes",
    "grid": "grid neighbors",
    "undilated": "no dilation",
    "other": "another image's graph",
}
MEASURES = {
    "deletion": r"deletion $\downarrow$",
    "insertion": r"insertion $\uparrow$",
    "faithfulness": r"difference $\uparrow$",
    "accuracy_insertion": r"acc., ins.\ $\uparrow$",
    "infidelity": r"infidelity $\downarrow$",
    "stability": r"stability $\uparrow$",
    "complexity": "complexity",
    "pointing": r"pointing $\uparrow$",
}
"""Heads of columns; an arrow says which way is good."""
Line = dict[str, Any]


class Ledger:
    """Every number that a text says, with its unrounded value and the cell that it comes from."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def number(self, value: float, digits: int, what: str, source: str, scale: float = 1.0) -> str:
        """A number as it is printed; "--" for none."""
        if value != value:
            return "--"
        shown = f"{scale * value:.{digits}f}"
        shown = shown.removeprefix("-") if float(shown) == 0 else shown
        self.lines.append({"shown": shown.removeprefix("-"), "value": value, "what": what, "source": source})
        return shown.replace("-", r"\ensuremath{-}")

    def words(self, text: object, what: str, source: str = "options") -> str:
        """Words as LaTeX prints them; numbers in them are kept, too."""
        plain = str(text).encode("latin-1", "backslashreplace").decode("latin-1")
        for number in NUMBER.findall(plain):
            self.lines.append({"shown": number, "value": plain, "what": what, "source": source})
        return escaped(plain)

    def code(self, text: object, what: str, source: str = "options") -> str:
        """The same in typewriter letters."""
        return rf"\texttt{{{self.words(text, what, source)}}}"

    def ranged(self, line: Line | None, digits: int, what: str, source: str, scale: float = 1.0) -> str:
        """A mean with its interval, "97.5 (95.0 to 99.0)"."""
        if line is None:
            return "--"
        mean = self.number(line["mean"], digits, what, source, scale)
        if line["low"] != line["low"] or mean == "--":
            return mean
        ends = [self.number(line[end], digits, f"{what}, {end}", source, scale) for end in ("low", "high")]
        return f"{mean} ({ends[0]} to {ends[1]})"


@dataclass(frozen=True, eq=False)
class Studied:
    """What was measured of one network.

    Attributes:
        name: how it is called here.
        arch: its architecture.
        weights: in words.
        ablation, profile, means: the tables of `ablate`, `profile` and `score` (its means).
        files: by command the CSV in the report's folder that holds its table.
        sets: of edges; None where they were not asked for.
    """

    name: str
    arch: str
    weights: str
    ablation: pd.DataFrame
    profile: pd.DataFrame
    means: pd.DataFrame
    files: dict[str, str] = field(default_factory=dict)
    sets: Sets | None = None

    @property
    def depth(self) -> int:
        return int(self.profile["layer"].max())

    def ablated(self, measure: str, **where: Any) -> Line | None:
        """The line of the ablation with all graphs of all layers that is meant."""
        return _line_where(self.ablation, measure=measure, **where)

    def profiled(self, measure: str, condition: str, layer: int) -> Line | None:
        return _line_where(self.profile, measure=measure, condition=condition, layer=layer)


def _line_where(table: pd.DataFrame, **where: Any) -> Line | None:
    part = table
    for name, value in where.items():
        part = part[part[name].isna()] if value is None else part[part[name] == value]
    return {str(name): value for name, value in part.iloc[0].to_dict().items()} if len(part) else None


def code_of(ledger: Ledger, study: Studied) -> str:
    return ledger.code(study.name, "name of a network")


def conditions_part(studies: Sequence[Studied], ledger: Ledger) -> str:
    """Does the graph matter?"""
    known = all(study.ablated("accuracy", kind="untouched") is not None for study in studies)
    measure, words = ("accuracy", "accuracy") if known else ("probability", "probability of the class")
    names = [name for name in CONDITIONS if any((s.ablation["name"] == name).any() for s in studies)]
    head = ["graph", *(f"{code_of(ledger, s)}, {mode}" for s in studies for mode in ("frozen", "rebuilt"))]
    rows = []
    for name in ("untouched", *names):
        cells = [CONDITIONS.get(name, "as built")]
        for study in studies:
            for mode in ("frozen", "rebuilt"):
                cells.append(ledger.ranged(_graph(study, measure, name, mode), 1, name, study.files["ablate"], 100))
        rows.append(cells)
    sentences = []
    for study in studies:
        whole, none = (_graph(study, measure, name, "frozen") for name in ("untouched", "none"))
        if whole is None or none is None:
            continue
        source, text = study.files["ablate"], code_of(ledger, study)
        bridged = apart((whole["low"], whole["high"]), (none["low"], none["high"]))
        verdict = "the intervals do not overlap" if bridged else "the intervals overlap, so this is a tie"
        sentences.append(
            f"Without any edge, all graphs held, the {words} of {text} goes from "
            f"{ledger.ranged(whole, 1, 'untouched', source, 100)} to {ledger.ranged(none, 1, 'none', source, 100)} "
            rf"\%; {verdict}."
        )
        flips = _graph(study, "flip", "random", "frozen")
        if flips is not None:
            sentences.append(
                f"Random nodes in the place of neighbors, in all layers, change the class that {text} names for "
                rf"{ledger.ranged(flips, 1, 'flip, random', source, 100)} \% of the images."
            )
    caption = (
        f"The {words} (percent) with other graphs in all layers; graphs held as they were built (frozen), or built "
        rf"anew by every layer but the edited ones (rebuilt). {intervals_said(ledger)}"
    )
    return "\n".join(
        [
            r"\subsection{Does the graph matter?}",
            " ".join([*sentences, r"Table~\ref{tab:graphs} has the other graphs, Figure~\ref{fig:ablate} each layer."]),
            tabular(head, rows, caption, "tab:graphs"),
            _figures(studies, "ablate", "What other graphs cost by layer, and what edges cut in an order leave", 0.49),
        ]
    )


def _graph(study: Studied, measure: str, name: str, mode: str) -> Line | None:
    if name == "untouched":
        return study.ablated(measure, kind="untouched")
    return study.ablated(measure, kind="condition", name=name, graphs=mode, scope="all")


def orders_part(studies: Sequence[Studied], ledger: Ledger) -> str:
    """Which edges carry the answer?"""
    names = list(dict.fromkeys(name for s in studies for name in s.ablation[s.ablation["kind"] == "order"]["name"]))
    measures = {"difference": "class", "difference_accuracy": "accuracy"}
    head = ["order", *(f"{code_of(ledger, s)}, {words}" for s in studies for words in measures.values())]
    rows, sentences = [], []
    for name in names:
        cells = [escaped(name)]
        for study in studies:
            for measure in measures:
                line = _order(study, measure, name)
                cells.append(ledger.ranged(line, 3, f"{measure}, {name}", study.files["ablate"]))
        rows.append(cells)
    for study in studies:
        lines = {name: _order(study, "difference", name) for name in names}
        there = {name: line for name, line in lines.items() if line is not None}
        if len(there) < 2:
            continue
        best = max(there, key=lambda name: float(there[name]["mean"]))
        ends = there[best]["low"], there[best]["high"]
        ties = [n for n, line in there.items() if n != best and not apart(ends, (line["low"], line["high"]))]
        text = f"In {code_of(ledger, study)} edges in the order of {escaped(best)} have the largest difference of areas"
        text += f", {ledger.ranged(there[best], 3, f'difference, {best}', study.files['ablate'])}"
        sentences.append(f"{text}; {'a tie with ' + _listed(ties) if ties else 'no other order is a tie with it'}.")
    caption = (
        "Edges of all layers cut, and given back, in an order, so much of every node's: area of insertion minus area "
        rf"of deletion, of the probability of the class and of the accuracy. Graphs held. {intervals_said(ledger)}"
    )
    sentences.append(r"All orders are in Table~\ref{tab:orders}.")
    return "\n".join(
        [r"\subsection{Which edges carry the answer?}", " ".join(sentences), tabular(head, rows, caption, "tab:orders")]
    )


def _order(study: Studied, measure: str, name: str) -> Line | None:
    return study.ablated(measure, kind="order", name=name, graphs="frozen", scope="all", curve=None)


def depth_part(studies: Sequence[Studied], ledger: Ledger) -> str:
    """What happens by depth?"""
    sentences = []
    for study in studies:
        source, text, last = study.files["profile"], code_of(ledger, study), study.depth
        ends = [study.profiled("probability", "class", layer) for layer in (1, last)]
        if all(ends):
            parts = [ledger.ranged(line, 1, "probability, class", source, 100) for line in ends]
            layers = [ledger.number(at, 0, "layer", source) for at in (1, last)]
            sentences.append(
                f"The head of {text} reads the class off layer {layers[0]} with a probability of {parts[0]} percent, "
                f"off layer {layers[1]} with {parts[1]} percent."
            )
        lengths = [study.profiled("length", kind, last) for kind in ("edges", "random")]
        if all(lengths):
            parts = [ledger.ranged(line, 1, "length", source) for line in lengths]
            sentences.append(
                f"In its last layer an edge spans {parts[0]} patches in the mean, where random edges span {parts[1]}."
            )
    sentences.append(r"All that was measured by layer is in Figure~\ref{fig:profile}.")
    figures = _figures(studies, "profile", "The networks by depth, and the class read off the nodes of one image", 1.0)
    return "\n".join([r"\subsection{What happens by depth?}", " ".join(sentences), figures])


def methods_part(studies: Sequence[Studied], ledger: Ledger) -> str:
    """Which explanations can be trusted?"""
    parts = [r"\subsection{Which explanations can be trusted?}"]
    sentences, tables = [], []
    for study in studies:
        for kind, means in study.means.groupby("of", sort=False):
            lines = [{str(key): value for key, value in line.items()} for line in means.to_dict("records")]
            judged = [line for line in lines if line.get("faithfulness_best") in ("best", "tie")]
            best = next((line for line in judged if line["faithfulness_best"] == "best"), None)
            if best is not None:
                ties = [str(line["method"]) for line in judged if line is not best]
                source = study.files["score_means"]
                area = ledger.ranged(figure(best, "faithfulness"), 3, f"faithfulness, {best['method']}", source)
                also = f"; a tie with {_listed(ties)}" if ties else "; no other is a tie with it"
                sentences.append(
                    f"Of the methods for {kind}, {escaped(best['method'])} has the largest difference of areas in "
                    f"{code_of(ledger, study)}, {area}{also}."
                )
        tables.append(_scores(study, ledger))
    listed = ", ".join(rf"\ref{{tab:score-{study.name}}}" for study in studies)
    sentences.append(rf"All measures: Table{'s' if len(studies) > 1 else ''}~{listed}, and Figure~\ref{{fig:score}}.")
    figures = _figures(studies, "score", "Methods for nodes and for edges side by side", 1.0)
    return "\n".join([*parts, " ".join(sentences), *tables, figures])


def figure(line: Line, name: str) -> Line:
    """A figure of a line with its interval, as `Ledger.ranged` takes it."""
    return {"mean": line[name], "low": line[f"{name}_low"], "high": line[f"{name}_high"]}


def _scores(study: Studied, ledger: Ledger) -> str:
    names = [name for name in MEASURES if name in study.means and not study.means[name].isna().all()]
    rows = []
    for kind, part in study.means.groupby("of", sort=False):
        rows.append([rf"\multicolumn{{{1 + len(names)}}}{{l}}{{\emph{{for {escaped(kind)}}}}}"])
        for line in part.to_dict("records"):
            plain = {str(key): value for key, value in line.items()}
            cells = [_score_cell(plain, name, study, ledger) for name in names]
            rows.append([rf"\quad {escaped(line['method'])}", *cells])
    caption = (
        f"Methods for nodes (map of the last layer) and for edges (all layers together) of {code_of(ledger, study)}. "
        "Arrows: which way is good; acc., ins.: area of the accuracy while patches or edges come back. "
        rf"Bold the best of its kind, = what cannot be told from it: the intervals overlap. {intervals_said(ledger)}"
    )
    head = ["method", *(MEASURES[name] for name in names)]
    return tabular(head, rows, caption, f"tab:score-{study.name}")


def _score_cell(line: Line, name: str, study: Studied, ledger: Ledger) -> str:
    source, what = study.files["score_means"], f"{line['of']}, {line['method']}: {name}"
    mean = ledger.number(line[name], 2, what, source)
    if mean == "--":
        return mean
    best = line[f"{name}_best"]
    number = rf"\mathbf{{{mean}}}" if best == "best" else mean
    if line[f"{name}_low"] == line[f"{name}_low"]:
        low, high = (ledger.number(line[f"{name}_{end}"], 2, f"{what}, {end}", source) for end in ("low", "high"))
        number += f"_{{{low}}}^{{{high}}}"
    return f"${number}${'=' if best == 'tie' else ''}"


def intervals_said(ledger: Ledger) -> str:
    return rf"In brackets, or below and above, {ledger.words(95, 'level of intervals')}\,\% bootstrap intervals."


def tabular(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, label: str, left: int = 1) -> str:
    columns = "l" * left + "c" * (len(head) - left)
    body = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}[htbp]\centering\small",
            rf"\caption{{{caption}}}\label{{{label}}}",
            rf"\resizebox{{\ifdim\width>\textwidth\textwidth\else\width\fi}}{{!}}{{\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
        ]
    )


def _figures(studies: Sequence[Studied], command: str, caption: str, width: float) -> str:
    pictures = [
        rf"\includegraphics[width={width}\textwidth]{{{study.files[command].removesuffix('.csv')}.pdf}}"
        for study in studies
    ]
    join = "\\hfill\n" if width < 0.5 else "\\\\[6pt]\n"
    return "\n".join(
        [
            r"\begin{figure}[htbp]\centering",
            join.join(pictures),
            rf"\caption{{{caption}.}}\label{{fig:{command}}}",
            r"\end{figure}",
        ]
    )


def _listed(names: Sequence[str]) -> str:
    words = [escaped(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
