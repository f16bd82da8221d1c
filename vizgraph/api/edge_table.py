"""Part of `vizgraph.score`: which order of a center's edges foretells what cutting them does, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_HEADS = {"size": "size of effect", "signed": "worth", "top1": "strongest", "top3": "three strongest"}


def edge_means(table: pd.DataFrame) -> pd.DataFrame:
    """Means and intervals over all layers (layer "all"), then for each layer."""
    import pandas as pd

    from viz_nodes.metrics.agreement import agreement_summary

    if not len(table):
        return table
    whole = agreement_summary(table, by=())
    whole.insert(0, "layer", "all")
    return pd.concat([whole, agreement_summary(table).sort_values("layer", kind="stable")], ignore_index=True)


def shown_edges(table: pd.DataFrame) -> list[list[str]]:
    """The means as cells, the head first; a method that cannot be told from the best has an = behind its name."""
    rows = [["layer", "method", "images", "peaks", *_HEADS.values()]]
    if not len(table):
        return rows
    for line in edge_means(table).to_dict("records"):
        tie = " =" if line["tie"] else ""
        cells = [_cell(line[name], line[f"{name}_low"], line[f"{name}_high"]) for name in _HEADS]
        rows.append([str(line["layer"]), f"{line['method']}{tie}", str(line["images"]), str(line["peaks"]), *cells])
    return rows


def _cell(mean: float, low: float, high: float) -> str:
    if mean != mean:
        return "-"
    return f"{mean:.2f}" if low != low else f"{mean:.2f} ({low:.2f} to {high:.2f})"
