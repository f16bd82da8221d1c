"""How a node's neighbors become its message: max-relative, edge, GraphSAGE and GIN convolutions.

All take x (B, C, N, 1), an edge index (2, B, N, k) whose [0] points into the key nodes y (B, C, M, 1), and return
(B, C', N, 1). Nothing is gathered for the centers (node i is center i), and max_j(y_j - x_i) = max_j(y_j) - x_i.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.text import quoted
from vizgraph.layers.conv import activation, conv1x1_norm
from vizgraph.layers.knn import KNNGraph

GROUPS = 4
"""Groups of the convolution that mixes a node with its message."""


def _rows_of(neighbors: Tensor, keys: int) -> Tensor:
    """(B * N * k,) row numbers into key nodes laid out as (B * M, C)."""
    offset = torch.arange(neighbors.shape[0], device=neighbors.device)[:, None, None] * keys
    return (neighbors + offset).flatten()


def gather_neighbors(y: Tensor, neighbors: Tensor) -> Tensor:
    """(B, C, N, k) features of the neighbors; y (B, C, M, 1), neighbors (B, N, k)."""
    batch, channels, keys = y.shape[:3]
    table = y.flatten(2).transpose(1, 2).reshape(batch * keys, channels)
    # Not table[rows]: on several threads it adds gradients up in any order, and no run could be repeated to the bit.
    gathered = table.index_select(0, _rows_of(neighbors, keys))
    return gathered.view(*neighbors.shape, channels).permute(0, 3, 1, 2)


def max_neighbor(y: Tensor, neighbors: Tensor) -> Tensor:
    """(B, C, N, 1), the largest value among the neighbors, per channel; arguments as `gather_neighbors`.

    With gradients the winners are found first and gathered once, so that no (B, C, N, k) array outlives this call.
    """
    batch, channels, keys = y.shape[:3]
    nodes, k = neighbors.shape[1:]
    table = y.detach().flatten(2).transpose(1, 2).reshape(batch * keys, channels)
    gathered = table.index_select(0, _rows_of(neighbors, keys)).view(batch, nodes, k, channels)
    if not (torch.is_grad_enabled() and y.requires_grad):
        return gathered.amax(dim=2).transpose(1, 2).unsqueeze(-1)
    winner = neighbors.gather(2, _winners(gathered).long())  # (B, N, C)
    return y.flatten(2).gather(2, winner.transpose(1, 2)).unsqueeze(-1)


def _winners(gathered: Tensor) -> Tensor:
    """(B, N, C), which of the k neighbors has the largest value, the first of equals; gathered (B, N, k, C)."""
    k = gathered.shape[2]
    if k > 255:
        return gathered.max(dim=2).indices
    # torch's maximum with indices is not vectorised on CPUs: the maximum alone, then whoever equals it, is faster.
    order = torch.arange(k, 0, -1, dtype=torch.uint8, device=gathered.device)[:, None]
    equal = gathered == gathered.amax(dim=2, keepdim=True)
    # A view copies nothing. Compiled, the copy is fused away, and for GPUs torch 2.11 cannot compile the view.
    # Nor does a traced program know it.
    traced = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    equal = equal.to(torch.uint8) if traced else equal.view(torch.uint8)
    first = equal.mul_(order).amax(dim=2)
    return (k - first).clamp(max=k - 1)  # NaN equals nothing


def _mixing(in_channels: int, out_channels: int, act: str, norm: str) -> nn.Sequential:
    return nn.Sequential(*conv1x1_norm(in_channels, out_channels, norm, GROUPS), activation(act))


class MRConv(nn.Module):
    """Max-relative: nn of the interleaved channels x_0, m_0, x_1, m_1, ... with m = max_j(y_j - x_i)."""

    def __init__(self, in_channels: int, out_channels: int, act: str = "gelu", norm: str = "batch") -> None:
        super().__init__()
        self.nn = _mixing(2 * in_channels, out_channels, act, norm)

    def forward(self, x: Tensor, edge_index: Tensor, y: Tensor | None = None) -> Tensor:
        message = max_neighbor(x if y is None else y, edge_index[0]) - x
        result: Tensor = self.nn(torch.stack([x, message], dim=2).flatten(1, 2))
        return result


class EdgeConv(nn.Module):
    """max_j nn([x_i, y_j - x_i])."""

    def __init__(self, in_channels: int, out_channels: int, act: str = "gelu", norm: str = "batch") -> None:
        super().__init__()
        self.nn = _mixing(2 * in_channels, out_channels, act, norm)

    def forward(self, x: Tensor, edge_index: Tensor, y: Tensor | None = None) -> Tensor:
        neighbors = gather_neighbors(x if y is None else y, edge_index[0])
        centers = x.expand_as(neighbors)
        result: Tensor = self.nn(torch.cat([centers, neighbors - centers], dim=1)).max(dim=-1, keepdim=True).values
        return result


class GraphSAGEConv(nn.Module):
    """nn2([x, max_j nn1(y_j)])."""

    def __init__(self, in_channels: int, out_channels: int, act: str = "gelu", norm: str = "batch") -> None:
        super().__init__()
        self.nn1 = _mixing(in_channels, in_channels, act, norm)
        self.nn2 = _mixing(2 * in_channels, out_channels, act, norm)

    def forward(self, x: Tensor, edge_index: Tensor, y: Tensor | None = None) -> Tensor:
        neighbors = gather_neighbors(x if y is None else y, edge_index[0])
        message = self.nn1(neighbors).max(dim=-1, keepdim=True).values
        result: Tensor = self.nn2(torch.cat([x, message], dim=1))
        return result


class GINConv(nn.Module):
    """nn((1 + eps) x + sum_j y_j)."""

    def __init__(self, in_channels: int, out_channels: int, act: str = "gelu", norm: str = "batch") -> None:
        super().__init__()
        self.nn = _mixing(in_channels, out_channels, act, norm)
        self.eps = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, edge_index: Tensor, y: Tensor | None = None) -> Tensor:
        total = gather_neighbors(x if y is None else y, edge_index[0]).sum(dim=-1, keepdim=True)
        result: Tensor = self.nn((1 + self.eps) * x + total)
        return result


GRAPH_CONVS = {"mr": MRConv, "edge": EdgeConv, "sage": GraphSAGEConv, "gin": GINConv}


class DynamicGraphConv(nn.Module):
    """A graph convolution over the graph that its own input makes.

    Args:
        in_channels, out_channels: C and C'.
        knn: chooses the neighbors.
        conv: "mr", "edge", "sage" or "gin".
        reduction: r; keys are the input average-pooled by r.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        knn: KNNGraph,
        conv: str = "mr",
        act: str = "gelu",
        norm: str = "batch",
        reduction: int = 1,
    ) -> None:
        super().__init__()
        if conv not in GRAPH_CONVS:
            raise ValueError(f"`conv` must be one of {', '.join(GRAPH_CONVS)} (got {quoted(conv)})")
        self.reduction = reduction
        self.gconv = GRAPH_CONVS[conv](in_channels, out_channels, act, norm)
        self.knn = knn

    def forward(self, x: Tensor, relative_pos: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and the position term (1, N, M) -> (B, C', H, W)."""
        batch, channels, height, width = x.shape
        y = None
        if self.reduction > 1:
            y = F.avg_pool2d(x, self.reduction, self.reduction).reshape(batch, channels, -1, 1)
        x = x.reshape(batch, channels, -1, 1)
        result: Tensor = self.gconv(x, self.knn(x, y, relative_pos), y).reshape(batch, -1, height, width)
        return result
