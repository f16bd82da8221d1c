"""Graphs that are rolls of the grid, without any search for neighbors: MobileViG, MobileViGv2 and GreedyViG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


def near(x: Tensor, neighbors: Tensor) -> Tensor:
    """Neighbors (B, N, k) of x (B, C, H, W), -1 where features are too far apart; the first, the node itself, stays.

    Near is an L1 distance below mean - standard deviation of the distances between each node and the one half a grid
    away in both directions, as in GreedyViG.
    """
    x = x.detach()
    height, width = x.shape[2:]
    # The code of the release cuts at -H // 2, which is H // 2 rounded up.
    far = torch.cat([x[:, :, -height // 2 :], x[:, :, : -height // 2]], dim=2)
    far = torch.cat([far[..., -width // 2 :], far[..., : -width // 2]], dim=3)
    distance = torch.norm(x - far, p=1, dim=1, keepdim=True)
    limit = distance.mean((2, 3), keepdim=True) - distance.std((2, 3), keepdim=True)
    is_near = torch.ones_like(neighbors, dtype=torch.bool)
    flat = x.flatten(2)
    for place in range(1, neighbors.shape[2]):
        other = flat[:, :, neighbors[0, :, place]].view(x.shape)
        apart = torch.norm(x - other, p=1, dim=1, keepdim=True)
        is_near[:, :, place] = (apart < limit).flatten(1)
    return neighbors.masked_fill(~is_near, -1)


@dataclass(frozen=True)
class Shift:
    """A design whose neighbors are shifts of the grid.

    Attributes:
        design: by whom and where.
        module: the class that shifts, by its name, with the step as an integer `K`.
        neighbors: (N, k) of a grid (H, W) and a step; the node itself comes first, with the message 0.
        sign: 1 where a message is x_j - x_i, neighbor minus node; -1 where it is x_i - x_j.
        keep: (x (B, C, H, W), neighbors (B, N, k)) to those of them that are edges in this image; None for all.
    """

    design: str
    module: str
    neighbors: Callable[[tuple[int, int], int], Tensor]
    sign: int = 1
    keep: Callable[[Tensor, Tensor], Tensor] | None = None


SHIFTS = {
    "MobileViG": Shift("MobileViG, Munir et al., CVPRW 2023", "MRConv4d", rolled, sign=-1),
    "MobileViGv2": Shift("MobileViGv2, Avery et al., CVPRW 2024", "MRConv4d", crossed),
    "rolled max-relative": Shift("several offshoots of MobileViG's code", "MRConv4d", rolled),
    "GreedyViG": Shift("GreedyViG, Munir et al., CVPR 2024", "DynamicMRConv4d", rolled, keep=near),
}
"""What is known of each design. Several may share a class name: which one it is shows in the messages."""


class Shifted(Adapter):
    """Designs of `SHIFTS`: the maximum over the grid's shifts, the node itself among them with the message 0.

    Known by the name of a class alone, so that a graph which the messages do not bear out is no graph.

    Args:
        names: of designs that share a class name, in the order in which they are tried.
    """

    guessed = True

    def __init__(self, *names: str) -> None:
        self.shift = SHIFTS[names[0]]
        self.variants = tuple(Shifted(name) for name in names[1:])

    def claims(self, module: nn.Module) -> bool:
        """Whether it has the class name and a step."""
        return type(module).__name__ == self.shift.module and isinstance(getattr(module, "K", None), int)

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        """The shifts of the grid that the module was given."""
        values = [*args, *kwargs.values()]
        if not values or not isinstance(values[0], Tensor) or values[0].ndim != 4:
            return None
        x, step = values[0], int(module.K)  # type: ignore[arg-type]
        neighbors = self.shift.neighbors((x.shape[2], x.shape[3]), step).to(x.device).expand(x.shape[0], -1, -1)
        flat = x.flatten(2)
        return Graph(flat, neighbors if self.shift.keep is None else self.shift.keep(x, neighbors), flat)

    @property
    def max_relative(self) -> bool:
        """Whether the design's sign is that of y_j - x_i."""
        return self.shift.sign > 0

    def messages(self, graph: Graph, module: nn.Module) -> Tensor:
        """The difference of features, with the design's sign."""
        message = gather(graph.y, graph.neighbors) - graph.x[..., None]
        return message if self.shift.sign > 0 else -message


class MobileViG(Shifted):
    """`MRConv4d(K)`, whichever of the designs that share this name it is."""

    def __init__(self) -> None:
        super().__init__("MobileViG", "MobileViGv2", "rolled max-relative")


class MobileViGv2(Shifted):
    """`MRConv4d(K)` as in MobileViGv2 alone."""

    def __init__(self) -> None:
        super().__init__("MobileViGv2")


class GreedyViG(Shifted):
    """`DynamicMRConv4d(K)`."""

    def __init__(self) -> None:
        super().__init__("GreedyViG")
