"""Nodes that a network keeps in another order than the grid's, or beside others that have no place on the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_PURE = 0.05
"""How much of a cell's gradient may come from other nodes than the one that is read off it."""


@dataclass(frozen=True, eq=False)
class NodeOrder:
    """Which node lies in which cell of the grid.

    Attributes:
        nodes: (1 or B, cells) int64 the node in each cell, row by row, every one at most once.
        count: N, how many nodes there are.
    """

    nodes: Tensor
    count: int

    @classmethod
    def without(cls, silent: tuple[int, ...], count: int) -> NodeOrder:
        """All nodes but these, in the order they are."""
        there = torch.ones(count, dtype=torch.bool)
        there[list(silent)] = False
        return cls(there.nonzero().flatten()[None], count)

    def to_grid(self, array: Tensor) -> Tensor:
        """(B, N, ...) -> (B, cells, ...)."""
        rows = torch.arange(len(array), device=array.device)[:, None]
        return array[rows, self.nodes.to(array.device).expand(len(array), -1)]

    def neighbors_on_grid(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) nodes -> (B, cells, k) cells; -1 where there is no edge, or one from a node without a cell."""
        images = len(neighbors)
        nodes = self.nodes.to(neighbors.device).expand(images, -1)
        cells = torch.full((images, self.count), -1, dtype=torch.int64, device=neighbors.device)
        cells.scatter_(1, nodes, torch.arange(nodes.shape[1], device=nodes.device).expand(nodes.shape))
        asked = self.to_grid(neighbors)
        where = cells.gather(1, asked.clamp(min=0).flatten(1)).view(asked.shape)
        return where.masked_fill(asked < 0, -1)

    def to_nodes(self, mask: Tensor) -> Tensor:
        """(B, cells, k) -> (B, N, k), False or 0 for nodes without a cell."""
        nodes = self.nodes.to(mask.device).expand(len(mask), -1)
        whole = torch.zeros(len(mask), self.count, mask.shape[2], dtype=mask.dtype, device=mask.device)
        whole[torch.arange(len(mask), device=mask.device)[:, None], nodes] = mask
        return whole

    def put(self, shown: Tensor, own: Tensor) -> Tensor:
        """(1 or B, cells, k) neighbors by cell into the network's own (B, N, K), as (B, N, larger of k and K).

        Nodes without a cell keep their own edges.
        """
        images, k = len(own), max(shown.shape[2], own.shape[2])
        nodes = self.nodes.to(own.device).expand(images, -1)
        shown = shown.to(own.device).expand(images, -1, -1)
        named = nodes.gather(1, shown.clamp(min=0).flatten(1)).view(shown.shape).masked_fill(shown < 0, -1)
        whole = torch.full((images, own.shape[1], k), -1, dtype=own.dtype, device=own.device)
        whole[..., : own.shape[2]] = own
        rows = torch.arange(images, device=own.device)[:, None]
        whole[rows, nodes] = torch.nn.functional.pad(named, (0, k - shown.shape[2]), value=-1)
        return whole


def read_order(x: Tensor, around: Tensor) -> Tensor | None:
    """(B, H * W) which node each cell of a grid became, read off the gradient of the nodes by the grid.

    Node i is given the digits of i in base 2 as weights, one digit a backward pass of no more than the way between the
    two tensors; a cell's gradient then spells out the number of the node it became.

    Args:
        x: (B, C, N) features of the nodes, connected to `around`.
        around: (B, C', H, W) what the module around the layer was given.

    Returns:
        None where a cell became no node, or several, or two cells the same.
    """
    if not (x.requires_grad and around.requires_grad):
        return None
    batch, channels, nodes = x.shape
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(channels, generator=generator).to(x)[None, :, None]
    numbers = torch.arange(nodes, device=x.device)

    def energy(weights: Tensor) -> Tensor:
        weighed = (mixed * weights.to(x)).expand(x.shape)
        (gradient,) = torch.autograd.grad(x, around, weighed, retain_graph=True, allow_unused=True)
        if gradient is None:
            return x.new_zeros(batch, around.shape[2] * around.shape[3])
        return gradient.flatten(2).square().sum(1)

    whole = energy(torch.ones_like(numbers))
    if not bool((whole > 0).all()):
        return None
    order = torch.zeros(whole.shape, dtype=torch.int64, device=x.device)
    for digit in range(max(1, math.ceil(math.log2(max(nodes, 2))))):
        part = energy((numbers >> digit) & 1) / whole
        if not bool(((part < _PURE) | ((part - 1).abs() < _PURE)).all()):
            return None
        order |= (part > 0.5).long() << digit
    if int(order.max()) >= nodes or bool((order.sort(dim=1).values.diff(dim=1) == 0).any()):
        return None
    return order
