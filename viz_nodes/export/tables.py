"""Explanations as pandas tables: a line an edge, a line a node, a line for who is in a hyperedge or hears it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from viz_nodes.arguments import also_image
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.graphs.edges import edges_of, in_degree, length
from viz_nodes.graphs.hypergraphs import group_shares

if TYPE_CHECKING:
    import pandas as pd


@also_image
def edges_table(
    exp: Explanation, layer: int | Iterable[int] | None = None, row: int | Iterable[int] | None = None
) -> pd.DataFrame:
    """All edges as a table, one line each.

    Args:
        layer: one layer, several, or None for all explained ones.
        row: of the explanation, several, or None for all; also called `image`.

    Returns:
        Columns image (the row), layer (from 0), center, center_row, center_col, neighbor, neighbor_row, neighbor_col
        (on the key grid; rows and columns of grids only), rank, share, contribution, length (patches); distance,
        margin and effect where any of the layers has them (NaN in the others).
    """
    import pandas as pd

    return pd.concat(
        [pd.DataFrame(_edge_columns(exp, explained, at)) for at in exp.rows(row) for explained in exp.pick(layer)],
        ignore_index=True,
    )


def _edge_columns(exp: Explanation, explained: LayerExplanation, row: int) -> dict[str, Any]:
    table = edges_of(explained, row)
    columns: dict[str, Any] = {"image": row, "layer": explained.index}
    for name, number, wide in (
        ("center", table.center, explained.grid[1]),
        ("neighbor", table.neighbor, explained.key_grid[1]),
    ):
        columns[name] = number
        if explained.places is None:
            columns |= {f"{name}_row": number // wide, f"{name}_col": number % wide}
    columns |= {name: getattr(table, name) for name in ("rank", "share", "contribution")}
    columns["length"] = length(exp, explained.index, row)
    known = (name for name in ("distance", "margin", "effect") if getattr(table, name) is not None)
    return columns | {name: getattr(table, name) for name in known}


@also_image
def hyperedges_table(
    exp: Explanation, layer: int | Iterable[int] | None = None, row: int | Iterable[int] | None = None
) -> pd.DataFrame:
    """The hyperedges of all layers of hypergraphs as a table: a line for each node and group that it is in or hears.

    Args:
        layer: one layer, several, or None for all explained ones; those of graphs have no line.
        row: of the explanation, several, or None for all; also called `image`.

    Returns:
        Columns image (the row), layer (from 0), group, node, node_row, node_col (of grids), part (the node's of the
        group; NaN where it is not in it), heard (how much of what the node hears the group is; NaN where it hears it
        not).

    Raises:
        ValueError: no layer has hyperedges.
    """
    import pandas as pd

    grouped = [explained for explained in exp.pick(layer) if explained.groups is not None]
    if not grouped:
        raise ValueError("`layer` must name layers of hypergraphs, and none of those explained has hyperedges")
    return pd.concat(
        [pd.DataFrame(_group_columns(explained, at)) for at in exp.rows(row) for explained in grouped],
        ignore_index=True,
    )


def _group_columns(explained: LayerExplanation, row: int) -> dict[str, Any]:
    parts, heard = group_shares(explained, row)
    group, node = np.nonzero(~np.isnan(parts) | ~np.isnan(heard))
    columns: dict[str, Any] = {"image": row, "layer": explained.index, "group": group, "node": node}
    if explained.places is None:
        columns |= {"node_row": node // explained.grid[1], "node_col": node % explained.grid[1]}
    return columns | {"part": parts[group, node], "heard": heard[group, node]}


@also_image
def nodes_table(
    exp: Explanation, layer: int | Iterable[int] | None = None, row: int | Iterable[int] | None = None
) -> pd.DataFrame:
    """All nodes as a table, one line each; the key nodes of a layer that pools them have lines of their own.

    Args:
        layer: one layer, several, or None for all explained ones.
        row: of the explanation, several, or None for all; also called `image`.

    Returns:
        Columns image (the row), layer (from 0), node, key, row, col (of grids), x, y (pixels), cam (NaN at key nodes),
        peak, in_degree (how many centers chose it; 0 at the centers of a layer that pools its keys).
    """
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(_node_columns(exp, explained, at, key))
            for at in exp.rows(row)
            for explained in exp.pick(layer)
            for key in ((False, True) if explained.pooled else (False,))
        ],
        ignore_index=True,
    )


def _node_columns(exp: Explanation, explained: LayerExplanation, row: int, key: bool) -> dict[str, Any]:
    middle = explained.regions(exp.image_size, row, keys=key).centers()
    number = np.arange(len(middle))
    columns: dict[str, Any] = {"image": row, "layer": explained.index, "node": number, "key": key}
    if explained.places is None:
        wide = (explained.key_grid if key else explained.grid)[1]
        columns |= {"row": number // wide, "col": number % wide}
    return columns | {
        "x": middle[:, 0],
        "y": middle[:, 1],
        "cam": math.nan if key else explained.cam[row].numpy().ravel(),
        "peak": False if key else number == int(explained.peak[row]),
        "in_degree": in_degree(exp, explained.index, row) if key or not explained.pooled else 0,
    }
