"""Graphs that are rolls of the grid, without any search for neighbors: MobileViG, MobileViGv2 and GreedyViG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, gather


def _places(grid: tuple[int, int], steps: Sequence[tuple[int, int]]) -> Tensor:
    """(N, 1 + steps) int64, the node itself and then the nodes so many rows up and columns to the left, modulo."""
    rows, cols = torch.arange(grid[0])[:, None], torch.arange(grid[1])[None]
    heard = [(rows - up) % grid[0] * grid[1] + (cols - left) % grid[1] for up, left in ((0, 0), *steps)]
    return torch.stack([places.flatten() for places in heard], dim=1)


def rolled(grid: tuple[int, int], step: int) -> Tensor:
    """(N, k) int64, the node itself and then the nodes that rolling by step, 2 step, ... down and right brings to it.

    Node (h, w) hears (h - i, w) and (h, w - i) modulo the grid, i = step, 2 step, ... while smaller than the side.

    Example:
        On a 4 x 4 grid with step 2, node 5 = (1, 1) hears itself, 13 = (3, 1) and 7 = (1, 3).
    """
    steps = []
    for i in range(step, max(grid), step):
        steps += [(i, 0)] * (i < grid[0]) + [(0, i)] * (i < grid[1])
    return _places(grid, steps)


def crossed(grid: tuple[int, int], step: int) -> Tensor:
    """(N, 5) int64, the node itself, then those step rows up and down and step columns left and right, modulo.

    Along a side that is not longer than step the node hears itself, as a slice that leaves nothing over does.

    Example:
        On a 4 x 4 grid with step 1, node 5 = (1, 1) hears itself, 1, 9, 4 and 6.
    """
    up, left = (step if step < grid[0] else 0), (step if step < grid[1] else 0)
    return _places(grid, [(up, 0), (-up, 0), (0, left), (0, -left)])


class _Rolls(Adapter):
    """Known by the name of the class alone, so that a graph which the messages do not bear out is no graph."""

    guessed = True
    classes: tuple[str, ...] = ()

    def claims(self, module: nn.Module) -> bool:
        return type(module).__name__ in self.classes and isinstance(getattr(module, "K", None), int)

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        values = [*args, *kwargs.values()]
        if not values or not isinstance(values[0], Tensor) or values[0].ndim != 4:
            return None
        x = values[0]
        neighbors = self._heard((x.shape[2], x.shape[3]), int(module.K)).to(x.device)  # type: ignore[arg-type]
        flat = x.flatten(2)
        return Graph(flat, self._there(x, neighbors.expand(x.shape[0], -1, -1)), flat)

    def _heard(self, grid: tuple[int, int], step: int) -> Tensor:
        return rolled(grid, step)

    def _there(self, x: Tensor, neighbors: Tensor) -> Tensor:
        return neighbors


class MobileViGv2(_Rolls):
    """MobileViGv2's `MRConv4d(K)` (Avery et al., CVPRW 2024): the maximum of 0 and x_j - x_i over four neighbors.

    They lie K rows and K columns away, both ways. The 0 is the node's own message.
    """

    classes = ("MRConv4d",)

    def _heard(self, grid: tuple[int, int], step: int) -> Tensor:
        return crossed(grid, step)


class _RolledMaxRelative(_Rolls):
    """All rolls, as MobileViG's, with the messages x_j - x_i: what several offshoots of that code compute."""

    classes = ("MRConv4d",)


class MobileViG(_Rolls):
    """MobileViG's `MRConv4d(K)` (Munir et al., CVPRW 2023): the maximum of 0 and x_i - x_j over the rolls by K, 2K, ...

    The 0 is the node's own message, so the node counts as its own first neighbor. Later code gives other things the
    same name; which it is shows in the messages.
    """

    classes = ("MRConv4d",)
    variants = (MobileViGv2(), _RolledMaxRelative())

    def messages(self, graph: Graph, module: nn.Module) -> Tensor:
        return graph.x[..., None] - gather(graph.y, graph.neighbors)


class GreedyViG(_Rolls):
    """GreedyViG's `DynamicMRConv4d(K)` (Munir et al., CVPR 2024): the same rolls, an edge only where features are near.

    Near is an L1 distance below mean - standard deviation of the distances between each node and the one half a grid
    away in both directions. The node itself always counts, with the message 0.
    """

    classes = ("DynamicMRConv4d",)

    def _there(self, x: Tensor, neighbors: Tensor) -> Tensor:
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
