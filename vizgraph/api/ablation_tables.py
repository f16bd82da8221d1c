"""Part of `vizgraph.ablate`: its numbers as the tables that people and papers read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Rows = list[list[str]]
_CONDITIONS = {
    "none": "no edges",
    "self": "self only",
    "random": "random nodes",
    "grid": "grid neighbors",
    "undilated": "dilation 1",
    "other": "another image's graph",
}


def tables_of(table: pd.DataFrame) -> list[tuple[str, Rows]]:
    """(What it is, rows with the head first) of conditions and of orders, those that were measured.

    Percentages, with 95 % intervals; areas and scores from 0 to 1. The first two columns hold words.
    """
    kinds = set(table["kind"]) if len(table) else set()
    tables = []
    if "condition" in kinds:
        tables.append(("other graphs", _conditions(table)))
    if "order" in kinds:
        tables.append(("edges cut in an order, all layers", _orders(table)))
    return tables


def _conditions(table: pd.DataFrame) -> Rows:
    """No edges in each layer and in all; the other conditions in all layers."""
    measures = [name for name in ("accuracy", "probability", "flip") if (table["measure"] == name).any()]
    modes = [mode for mode in ("frozen", "rebuilt") if (table["graphs"] == mode).any()]
    rows = [["graph", "of", *(f"{_head(name)}, {mode}" for name in measures for mode in modes)]]
    whole = table[table["kind"] == "untouched"]
    rows.append(["untouched", "all layers", *(_percent(whole, measure=name) for name in measures for _ in modes)])
    part = table[table["kind"] == "condition"]
    for condition in dict.fromkeys(part["name"]):
        here = part[part["name"] == condition]
        places = [("layer", layer) for layer in sorted(set(here["layer"]))] if condition == "none" else []
        for scope, layer in [*places, ("all", max(here["layer"]))]:
            place = here[(here["scope"] == scope) & (here["layer"] == layer)]
            cells = [_percent(place[place["graphs"] == mode], measure=name) for name in measures for mode in modes]
            rows.append([_CONDITIONS[condition], "all layers" if scope == "all" else f"layer {layer}", *cells])
    return rows


def _orders(table: pd.DataFrame) -> Rows:
    """Areas, and what cutting most edges does, the most and the least important ones first."""
    part = table[(table["kind"] == "order") & (table["scope"] == "all")]
    fractions = sorted(set(part["fraction"].dropna()))
    inner = fractions[1:-1]
    rows = [["order", "graphs", "deletion (low)", "insertion (high)", "difference (high)"]]
    known = (part["measure"] == "accuracy").any()
    most = inner[-1] if inner else None
    if most is not None:
        few = inner[0]
        rows[0] += [f"accuracy, {most:.0%} cut, high first", "low first"] if known else []
        rows[0] += [f"fidelity+ at {few:.0%}", "fidelity- (low)", "characterization"]
    for name in dict.fromkeys(part["name"]):
        for mode in dict.fromkeys(part["graphs"]):
            here = part[(part["name"] == name) & (part["graphs"] == mode)]
            cells = [
                _number(here[here["curve"].isna()], measure) for measure in ("deletion", "insertion", "difference")
            ]
            if most is not None:
                if known:
                    cells += [
                        _percent(here[(here["curve"] == curve) & (here["fraction"] == at)], "accuracy")
                        for curve, at in (("deletion", most), ("insertion", few))
                    ]
                at_few = here[here["curve"].isna() & (here["fraction"] == few)]
                cells += [_number(at_few, f"fidelity_{sign}") for sign in ("plus", "minus")]
                cells.append(_number(at_few, "characterization"))
            rows.append([str(name), str(mode), *cells])
    return rows


def _head(measure: str) -> str:
    return {"flip": "flips"}.get(measure, measure) + " %"


def _line(table: pd.DataFrame, measure: str) -> dict[str, Any] | None:
    records = table[table["measure"] == measure].to_dict("records")
    return {str(name): value for name, value in records[0].items()} if records else None


def _percent(table: pd.DataFrame, measure: str) -> str:
    return _cell(_line(table, measure), 100, 1)


def _number(table: pd.DataFrame, measure: str) -> str:
    return _cell(_line(table, measure), 1, 2)


def _cell(line: dict[str, Any] | None, scale: float, digits: int) -> str:
    if line is None or line["mean"] != line["mean"]:
        return "-"
    mean, low, high = (f"{scale * line[name]:.{digits}f}" for name in ("mean", "low", "high"))
    return mean if line["low"] != line["low"] else f"{mean} ({low} to {high})"
