"""A layer's arrays from the order of its nodes to that of the grid: windows put together, nodes put back in order."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.node_order import NodeOrder


@dataclass(frozen=True, eq=False)
class OnGrid:
    """How the nodes of a layer come to lie on its grid.

    Attributes:
        partition: of windows in the batch, or None.
        order: of nodes that are not numbered as they lie, or None.
        lines: (B,) where each image lies in the batch that ran; None where that is the batch.
    """

    partition: Partition | None
    order: NodeOrder | None
    lines: Tensor | None = None

    def values(self, array: Tensor) -> Tensor:
        """(B, N, ...) on the CPU, of (B * windows, n, ...)."""
        array = self._own(array if self.partition is None else self.partition.to_grid(array))
        return array if self.order is None else self.order.to_grid(array)

    def keys(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) key nodes on the CPU, of (B * windows, n, k); -1 where that has no place."""
        if self.partition is not None:
            neighbors = self.partition.neighbors_on_grid(neighbors)
        neighbors = self._own(neighbors)
        return neighbors if self.order is None else self.order.neighbors_on_grid(neighbors)

    def maps(self, maps: Tensor, source: Tensor) -> Tensor:
        """(R, cells) of maps (R, N) whose places are nodes; `source` (R,) says which image each is of."""
        if self.order is None:
            return maps
        nodes = self.order.nodes if len(self.order.nodes) == 1 else self.order.nodes[source]
        return NodeOrder(nodes, self.order.count).to_grid(maps)

    def _own(self, array: Tensor) -> Tensor:
        return (array if self.lines is None else array[self.lines.to(array.device)]).cpu()
