"""Whether what node i of a layer hears comes to lie where node i does, for layers that show in the arithmetic alone.

A network may roll, sort or cut its nodes, let them hear each other, and put what they heard back, or not. The gradient
of what the module around the layer gives, in bands of its rows and columns, by what each node heard says where that
went; it is a backward pass of no more than the way between the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from viz_nodes.capture.calls import GraphCall, Grid
from viz_nodes.capture.layouts import as_nodes
from viz_nodes.capture.node_order import NodeOrder
from viz_nodes.capture.placing import BANDS, NOTHING_SEEN, Answer, judge, lines_in_bands


def landing(call: GraphCall, grid: Grid, order: NodeOrder | None, bands: Sequence[float] = BANDS) -> Answer | None:
    """How the cells around a layer answer to what its nodes heard; None where that cannot be seen.

    Args:
        call: a layer that was seen in the arithmetic, with gradients.
        grid: (H, W) on which its nodes are to be drawn.
        order: which node lies in which cell; None where node i is cell i.
        bands: the borders of the bands.
    """
    heard = [seen.nodes for seen in call.seen if seen.nodes.requires_grad]
    after = call.landed
    if after is None or not heard or after.grad_fn is None:
        return None
    images, nodes = heard[0].shape[0], heard[0].shape[2]
    listed = after.ndim < 4
    cells = as_nodes(after, images, nodes) if listed else after.flatten(2)
    if cells is None or cells.shape[0] != images:
        return None
    grid = (1, nodes) if listed else grid
    if not listed and tuple(after.shape[2:]) != grid:
        return None
    changes = torch.stack([torch.zeros(nodes, dtype=torch.float64), *_reached(cells, heard, grid, bands)])
    if order is not None and not listed:
        changes = changes[:, order.nodes[0].cpu()]
    return judge(changes, grid, bands) if changes.shape[1] == grid[0] * grid[1] else None


def keys_lying(call: GraphCall, bands: Sequence[float] = BANDS) -> Answer | None:
    """How the cells around a layer answer to its key nodes, where these are not its nodes; None where they are.

    Key nodes that were not made of what the module around the layer was given have an answer in which nothing was seen.
    """
    y, around = call.graph.y, call.around
    if y is call.graph.x or call.seen or call.partition is not None or around is None:
        return None
    if tuple(around.shape[2:]) != call.grid or not around.requires_grad:
        return None
    if y.shape == call.graph.x.shape and y.data_ptr() == call.graph.x.data_ptr():
        return None
    grid, nodes = call.key_grid, around.shape[2] * around.shape[3]
    if y.shape[2] != grid[0] * grid[1] or y.grad_fn is None:
        return NOTHING_SEEN
    changes = torch.stack([torch.zeros(nodes, dtype=torch.float64), *_reached(y, [around], grid, bands)])
    return judge(changes, call.grid, bands)


def _reached(cells: Tensor, heard: Sequence[Tensor], grid: Grid, bands: Sequence[float]) -> list[Tensor]:
    """(N,) how far each node of the first image reaches all cells, those in bands of rows, and those of columns."""
    rows, columns = lines_in_bands(grid[0], bands), lines_in_bands(grid[1], bands)
    mixed = torch.randn(cells.shape[1], generator=torch.Generator().manual_seed(0)).to(cells)[None, :, None]
    reached: list[Tensor] = []
    count = heard[0][0, 0].numel()
    for mask in (torch.ones(grid, dtype=torch.bool), rows[:, None].expand(grid), columns[None].expand(grid)):
        weights = (mixed * mask.flatten().to(cells)).expand(cells.shape)
        gradients = torch.autograd.grad(cells, heard, weights, retain_graph=True, allow_unused=True)
        parts = [
            gradient[0].detach().flatten(1).square().sum(0).double().cpu()
            for gradient in gradients
            if gradient is not None
        ]
        reached.append(torch.stack(parts).sum(0) if parts else torch.zeros(count, dtype=torch.float64))
    return reached
