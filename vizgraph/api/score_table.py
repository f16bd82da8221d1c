"""Part of `vizgraph.score`: its means as the tables that people and papers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vizgraph.api.edge_table import edge_means, shown_edges
from vizgraph.api.tables import escaped

if TYPE_CHECKING:
    import pandas as pd

HEADS = {
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
    "faithfulness": "ins - del (high)",
    "accuracy_deletion": "accuracy del (low)",
    "accuracy_insertion": "accuracy ins (high)",
    "infidelity": "infidelity (low)",
    "stability": "stability (high)",
    "displacement": "peak moves (low)",
    "complexity": "complexity",
    "pointing": "from object (high)",
    "inside": "in object (high)",
    "randomized": "vs shuffled (0)",
    "road": "ROAD (high)",
    "seconds": "seconds",
}
_MARKS = {"best": "*", "tie": "=", "": ""}
NOTE = "* the best of its column, = cannot be told from it (95 % intervals overlap)"
Cells = list[list[str]]


def is_agreement(table: pd.DataFrame) -> bool:
    """Whether a table is of single edges beside what cutting them does."""
    return "strongest" in table


def is_sanity(table: pd.DataFrame) -> bool:
    """Whether a table is of networks that forget."""
    return "step" in table


def _sanity_cells(table: pd.DataFrame) -> Cells:
    """Who passes: what is left when everything is forgotten, beside what a permutation gives."""
    from viz_nodes.metrics.cascade import MEASURES, cascade_summary, sane

    rows = [["layer", "method", "measure", "forgotten", "permuted", "passes"]]
    if not len(table):
        return rows
    for line in sane(cascade_summary(table)).to_dict("records"):
        numbers = ["-" if line[name] != line[name] else f"{line[name]:.3f}" for name in ("last", "permuted")]
        passes = "yes" if line["passes"] else "no"
        rows.append([str(line["layer"]), str(line["method"]), MEASURES[line["measure"]], *numbers, passes])
    return rows


def means_of(table: pd.DataFrame) -> pd.DataFrame:
    """Means with intervals, of whichever of the two tables."""
    from viz_nodes.metrics.verdicts import compared

    if is_agreement(table):
        return edge_means(table)
    if is_sanity(table):
        from viz_nodes.metrics.cascade import cascade_summary

        return cascade_summary(table) if len(table) else table
    return compared(table) if len(table) else table


def tables_of(table: pd.DataFrame) -> list[tuple[str, Cells]]:
    """(What it is, cells with the head first) for nodes and for edges."""
    if is_agreement(table):
        return [("", shown_edges(table))]
    if is_sanity(table):
        return [("", _sanity_cells(table))]
    if not len(table):
        return []
    means = means_of(table)
    tables: list[tuple[str, Cells]] = []
    for kind, part in means.groupby("of", sort=False):
        words = "" if not tables else f"{kind}, all layers together"
        tables.append((words, _cells(part)))
    return tables


def shown(table: pd.DataFrame) -> Cells:
    """All means as cells, the head first."""
    if is_agreement(table):
        return shown_edges(table)
    if is_sanity(table):
        return _sanity_cells(table)
    return _cells(means_of(table)) if len(table) else [["layer", "method", "images", "blank"]]


def _figures(means: pd.DataFrame) -> list[str]:
    return [name for name in HEADS if name in means and not means[name].isna().all()]


def _cells(means: pd.DataFrame) -> Cells:
    figures = _figures(means)
    rows = [["layer", "method", "images", "blank", *(HEADS[name] for name in figures)]]
    for line in means.to_dict("records"):
        numbers = [_cell(line[name], line[f"{name}_best"]) for name in figures]
        rows.append([str(line["layer"]), str(line["method"]), str(line["images"]), str(line["blank"]), *numbers])
    return rows


def _cell(mean: float, best: Any) -> str:
    return "-" if mean != mean else f"{mean:.3f}{_MARKS[best]}"


def tex_of_score(means: pd.DataFrame, figures: tuple[str, ...] = tuple(HEADS)) -> str:
    """Tables of the package booktabs, one for nodes and one for edges: means with their intervals below and above.

    Args:
        means: of `viz_nodes.metrics.verdicts.compared`.
        figures: which columns, where there are numbers.
    """
    parts = []
    for kind, part in means.groupby("of", sort=False):
        names = [name for name in _figures(part) if name in figures]
        lines = [
            f"% {kind}: mean, 95 % interval (bootstrap over images) below and above; bold the best, = a tie with it",
            rf"\begin{{tabular}}{{ll{'c' * len(names)}}}",
            r"\toprule",
            " & ".join(["layer", "method", *(escaped(HEADS[name]) for name in names)]) + r" \\",
            r"\midrule",
        ]
        for line in part.to_dict("records"):
            cells = [_tex(line, str(name)) for name in names]
            lines.append(" & ".join([escaped(line["layer"]), escaped(line["method"]), *cells]) + r" \\")
        parts.append("\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(parts)


def _tex(line: dict[Any, Any], name: str) -> str:
    mean, low, high, best = line[name], line[f"{name}_low"], line[f"{name}_high"], line[f"{name}_best"]
    if mean != mean:
        return "--"
    number = rf"\mathbf{{{mean:.3f}}}" if best == "best" else f"{mean:.3f}"
    number += "" if low != low else f"_{{{low:.3f}}}^{{{high:.3f}}}"
    return f"${number}${'=' if best == 'tie' else ''}"
