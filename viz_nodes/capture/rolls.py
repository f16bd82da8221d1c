"""Graphs that are rolls of the grid, without any search for neighbors: MobileViG and GreedyViG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapter import Adapter, Graph, gather


def rolled(grid: tuple[int, int], step: int) -> Tensor:
    """(N, k) int64, the node itself and then the nodes that rolling by step, 2 step, ... down and right brings to it.

    Node (h, w) hears (h - i, w) and (h, w - i) modulo the grid, i = step, 2 step, ... while smaller than the side.

    Example:
        On a 4 x 4 grid with step 2, node 5 = (1, 1) hears itself, 13 = (3, 1) and 7 = (1, 3).
    """
    rows, cols = torch.arange(grid[0])[:, None], torch.arange(grid[1])[None]
    heard = [(rows * grid[1] + cols).flatten()]
    for i in range(step, max(grid), step):
        if i < grid[0]:
            heard.append(((rows - i) % grid[0] * grid[1] + cols).flatten())
        if i < grid[1]:
            heard.append((rows * grid[1] + (cols - i) % grid[1]).flatten())
    return torch.stack(heard, dim=1)


class _Rolls(Adapter):
    classes: tuple[str, ...] = ()

    def claims(self, module: nn.Module) -> bool:
        return type(module).__name__ in self.classes and isinstance(getattr(module, "K", None), int)

    def graph(self, module: nn.Module, args: tuple, kwargs: Mapping[str, Any]) -> Graph | None:
        values = [*args, *kwargs.values()]
        if not values or not isinstance(values[0], Tensor) or values[0].ndim != 4:
            return None
        x = values[0]
        neighbors = rolled((x.shape[2], x.shape[3]), int(module.K)).to(x.device)  # type: ignore[arg-type]
        flat = x.flatten(2)
        return Graph(flat, self._there(module, x, neighbors.expand(x.shape[0], -1, -1)), flat)

    def _there(self, module: nn.Module, x: Tensor, neighbors: Tensor) -> Tensor:
        return neighbors


class MobileViG(_Rolls):
    """MobileViG's `MRConv4d(K)` (Munir et al., CVPRW 2023): the maximum of 0 and x_i - x_j over the rolls by K, 2K, ...

    The 0 is the node's own message, so the node counts as its own first neighbor.
    """

    classes = ("MRConv4d",)

    def messages(self, graph: Graph) -> Tensor:
        return graph.x[..., None] - gather(graph.y, graph.neighbors)


class GreedyViG(_Rolls):
    """GreedyViG's `DynamicMRConv4d(K)` (Munir et al., CVPR 2024): the same rolls, an edge only where features are near.

    Near is an L1 distance below mean - standard deviation of the distances between each node and the one half a grid
    away in both directions. The node itself always counts, with the message 0.
    """

    classes = ("DynamicMRConv4d",)

    def _there(self, module: nn.Module, x: Tensor, neighbors: Tensor) -> Tensor:
        x = x.detach()
        height, width = x.shape[2:]
        # The code of the release cuts at -H // 2, which is H // 2 rounded up.
        far = torch.cat([x[:, :, -height // 2 :], x[:, :, : -height // 2]], dim=2)
        far = torch.cat([far[..., -width // 2 :], far[..., : -width // 2]], dim=3)
        distance = torch.norm(x - far, p=1, dim=1, keepdim=True)
        limit = distance.mean((2, 3), keepdim=True) - distance.std((2, 3), keepdim=True)
        near = torch.ones_like(neighbors, dtype=torch.bool)
        flat = x.flatten(2)
        for place in range(1, neighbors.shape[2]):
            other = flat[:, :, neighbors[0, :, place]].view(x.shape)
            apart = torch.norm(x - other, p=1, dim=1, keepdim=True)
            near[:, :, place] = (apart < limit).flatten(1)
        return neighbors.masked_fill(~near, -1)
