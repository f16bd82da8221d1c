"""The same networks with the graph convolution as the papers write it, to measure ours against.

Neighbors and centers are both gathered from nodes-last arrays, subtracted, maximised and concatenated; distances are
computed with all their terms. The results are equal, only the work differs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizgraph.layers import KNNGraph, MRConv


def gather(features: Tensor, index: Tensor) -> Tensor:
    """(B, C, M, 1) and (B, N, k) -> (B, C, N, k)."""
    batch, channels, count = features.shape[:3]
    nodes, k = index.shape[1:]
    rows = (index + torch.arange(batch, device=index.device)[:, None, None] * count).reshape(-1)
    table = features.squeeze(-1).transpose(2, 1).reshape(batch * count, channels)
    return table[rows].view(batch, nodes, k, channels).permute(0, 3, 1, 2).contiguous()


class TextbookMRConv(nn.Module):
    """max_j(y_j - x_i), both gathered."""

    def __init__(self, ours: MRConv) -> None:
        super().__init__()
        self.nn = ours.nn

    def forward(self, x: Tensor, edge_index: Tensor, y: Tensor | None = None) -> Tensor:
        centers = gather(x, edge_index[1])
        neighbors = gather(x if y is None else y, edge_index[0])
        message = (neighbors - centers).max(-1, keepdim=True).values
        batch, channels, nodes, _ = x.shape
        both = torch.cat([x.unsqueeze(2), message.unsqueeze(2)], dim=2)
        return self.nn(both.reshape(batch, 2 * channels, nodes, 1))


class TextbookKNNGraph(nn.Module):
    """All pairwise squared distances, term by term."""

    def __init__(self, ours: KNNGraph) -> None:
        super().__init__()
        self.k, self.dilation = ours.k, ours.dilation

    def forward(self, x: Tensor, y: Tensor | None = None, relative_pos: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            a = F.normalize(x, p=2.0, dim=1).transpose(2, 1).squeeze(-1)
            b = a if y is None else F.normalize(y, p=2.0, dim=1).transpose(2, 1).squeeze(-1)
            product = -2 * torch.matmul(a, b.transpose(2, 1))
            distance = a.square().sum(-1, keepdim=True) + product + b.square().sum(-1, keepdim=True).transpose(2, 1)
            if relative_pos is not None:
                distance = distance + relative_pos
            neighbors = torch.topk(-distance, self.k * self.dilation).indices
            batch, nodes = neighbors.shape[:2]
            centers = torch.arange(nodes, device=x.device).repeat(batch, neighbors.shape[-1], 1).transpose(2, 1)
        return torch.stack([neighbors, centers])[..., :: self.dilation]


def textbook(model: nn.Module) -> nn.Module:
    """Replace, in place, every max-relative convolution and kNN of one of our networks; weights stay."""
    for module in model.modules():
        if isinstance(getattr(module, "gconv", None), MRConv):
            module.gconv = TextbookMRConv(module.gconv)
            module.knn = TextbookKNNGraph(module.knn)
    return model
