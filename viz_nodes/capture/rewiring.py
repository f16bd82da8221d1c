"""Other graphs for a layer: tables of neighbors for `edit_edges(replace=)`, made from what an explanation recorded.

Each gives (B, N, k) int64 into the key nodes, -1 for no edge, or (N, k) of one row. `nodes` names the centers whose
edges are rewired; the others keep theirs. An edge from a node to itself (where keys are pooled, to the key node it lies
in) is part of how a layer hears itself, and stays unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from viz_nodes.explanation import LayerExplanation
from viz_nodes.grids import NO_EDGE, covering

Nodes = Iterable[Any] | None


def random_neighbors(layer: LayerExplanation, *, row: int | None = None, nodes: Nodes = None, seed: int = 0) -> Tensor:
    """Every edge but a node's own comes from another key node, drawn at random: as many as it has, no two the same.

    Args:
        layer: whose edges stand there now.
        row: of the explanation; None for all rows.
        nodes: centers, each as `LayerExplanation.node` takes it; None for all.
        seed: the same draws the same table, whatever `nodes` says.

    Returns:
        (B, N, k), or (N, k) of a row. Fewer edges where there are not as many other key nodes.

    Example:
        >>> exp = viz_nodes.explain(model, pixels)
        >>> table = random_neighbors(exp.layer(3), seed=1)
        >>> with viz_nodes.edit_edges(model, replace={3: table}, frozen=exp):
        ...     logits = model(pixels)
    """
    now = layer.neighbors
    own = _own(layer)[None, :, None]
    generator = torch.Generator().manual_seed(seed)
    lots = torch.rand(*now.shape[:2], layer.num_keys, generator=generator)
    lots.scatter_(2, own.expand(len(now), -1, 1), -1.0)  # never drawn: see below
    count = min(now.shape[2], layer.num_keys - 1)
    drawn = torch.nn.functional.pad(lots.topk(count, dim=2).indices, (0, now.shape[2] - count), value=NO_EDGE)
    # Places are handed out in turn, so that a node with gaps in its list has its edges drawn without gaps.
    wanted = (now != NO_EDGE) & (now != own)
    turn = (wanted.cumsum(2) - 1).clamp(min=0)
    table = torch.where(wanted, drawn.gather(2, turn), torch.where(now == own, now, NO_EDGE))
    return _only(table, layer, row, nodes)


def grid_neighbors(layer: LayerExplanation, *, row: int | None = None, nodes: Nodes = None) -> Tensor:
    """The cells around a node, 8 of them, 5 at a border and 3 in a corner: a convolution's neighborhood as a graph.

    Args:
        layer: whose edges stand there now. Where keys are pooled, the cells around the key node that a node lies in.
        row, nodes: as for `random_neighbors`.

    Returns:
        (B, N, 9), or (N, 9) of a row: first the node itself where it is its own neighbor now, else -1.

    Raises:
        ValueError: the nodes are no grid.
    """
    if layer.places is not None:
        raise ValueError(
            f"layer {layer.number} must have nodes on a grid to have grid neighbors (its nodes are regions)"
        )
    (height, width), own = layer.key_grid, _own(layer)
    down, across = own // width, own % width
    columns = []
    for dy, dx in sorted(((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)), key=lambda at: at != (0, 0)):
        y, x = down + dy, across + dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        columns.append(torch.where(inside, y * width + x, NO_EDGE))
    table = torch.stack(columns, dim=1).expand(len(layer.neighbors), -1, -1).clone()
    heard = (layer.neighbors == own[None, :, None]).any(2)
    table[..., 0] = table[..., 0].masked_fill(~heard, NO_EDGE)
    return _only(table, layer, row, nodes)


def undilated_neighbors(layer: LayerExplanation, *, row: int | None = None, nodes: Nodes = None) -> Tensor:
    """The k nearest candidates: what the layer would have kept with a dilation of 1.

    Args:
        layer: of a layer that is known to rank its neighbors.
        row, nodes: as for `random_neighbors`.

    Returns:
        (B, N, k), or (N, k) of a row, nearest first; the same as `layer.neighbors` where the dilation is 1.

    Raises:
        ValueError: what dilation left out is not known.
    """
    dilation, now = layer.dilation, layer.neighbors
    if dilation == 1:
        return _only(now, layer, row, nodes)
    if dilation is None or layer.skipped is None:
        raise ValueError(f"layer {layer.number} must be known to rank its neighbors for its dilation to be taken out")
    # With d = 2 places 0, 2, 4 of the ranking were kept, and 1, 3 skipped.
    columns, kept, skipped = [], 0, 0
    for place in range(now.shape[2]):
        if place % dilation == 0:
            columns.append(now[..., kept])
            kept += 1
        else:
            columns.append(layer.skipped[..., skipped])
            skipped += 1
    return _only(torch.stack(columns, dim=-1), layer, row, nodes)


def borrowed_neighbors(
    layer: LayerExplanation,
    other: LayerExplanation,
    *,
    row: int | None = None,
    other_row: int | None = None,
    nodes: Nodes = None,
) -> Tensor:
    """The graph of another image, or of another layer.

    Args:
        layer: whose edges stand there now.
        other: whose edges are to stand there: the same layer explained on another image, or another layer. On another
            grid a node takes the edges of the node it lies in, and an edge comes from the key node in which the middle
            of the other one lies; edges that fall together are one.
        row: of `layer`; None for all rows.
        other_row: of `other`; None for the row of the same number, or the only one.
        nodes: as for `random_neighbors`.

    Returns:
        (B, N, k), or (N, k) of a row, with the k of `other`.

    Raises:
        ValueError: the explanations have different numbers of rows; regions that are no grid.
    """
    rows = len(layer.neighbors)
    theirs = other.neighbors if other_row is None else other.neighbors[other_row][None]
    if len(theirs) not in (1, rows):
        raise ValueError(f"`other` must have 1 or {rows} rows, or `other_row` name one (got {len(theirs)})")
    if (layer.grid, layer.key_grid) != (other.grid, other.key_grid):
        if layer.places is not None or other.places is not None:
            raise ValueError("`other` must have as many nodes as `layer`, for nodes that are no grid")
        theirs = theirs[:, torch.from_numpy(covering(layer.grid, other.grid))]
        keys = torch.from_numpy(covering(other.key_grid, layer.key_grid))
        theirs = torch.where(theirs == NO_EDGE, NO_EDGE, keys[theirs.clamp(min=0)])
        theirs = _once(theirs)
    return _only(theirs.expand(rows, -1, -1), layer, row, nodes)


def self_neighbors(layer: LayerExplanation, *, row: int | None = None, nodes: Nodes = None) -> Tensor:
    """A node hears itself alone (where keys are pooled, the key node it lies in), whether it does now or not.

    Returns:
        (B, N, 1), or (N, 1) of a row; wider where `nodes` leaves others as they are.
    """
    table = _own(layer)[None, :, None].expand(len(layer.neighbors), -1, -1)
    return _only(table, layer, row, nodes)


def _own(layer: LayerExplanation) -> Tensor:
    """(N,) the key node that each node is, or lies in."""
    if layer.places is not None:
        return torch.arange(layer.num_nodes)
    return torch.from_numpy(covering(layer.grid, layer.key_grid))


def _once(neighbors: Tensor) -> Tensor:
    """(B, N, k) with the later ones of equal neighbors taken out."""
    same = neighbors[..., :, None] == neighbors[..., None, :]
    k = neighbors.shape[2]
    return neighbors.masked_fill((same & torch.ones(k, k, dtype=torch.bool).tril(-1)).any(-1), NO_EDGE)


def _only(table: Tensor, layer: LayerExplanation, row: int | None, nodes: Nodes) -> Tensor:
    """The rows asked for, with the edges of centers that are not named as they were."""
    now = layer.neighbors
    if row is not None:
        table, now = table[row], now[row]
    if nodes is None:
        return table.clone()
    k = max(table.shape[-1], now.shape[-1])
    mixed = torch.full((*now.shape[:-1], k), NO_EDGE, dtype=now.dtype)
    mixed[..., : now.shape[-1]] = now
    chosen = [layer.node(node, name="nodes", row=row or 0) for node in nodes]
    mixed[..., chosen, :] = NO_EDGE
    mixed[..., chosen, : table.shape[-1]] = table[..., chosen, :]
    return mixed
