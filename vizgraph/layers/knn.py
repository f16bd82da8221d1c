"""Which key nodes each node asks: the k nearest in feature space, every d-th of k * d."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class KNNGraph(nn.Module):
    """The dynamic graph of one layer.

    Distances are squared Euclidean between L2-normalized features, plus `relative_pos` where there is one. They are
    computed in at least float32, also under autocast, and carry no gradient.

    Args:
        k: neighbors kept.
        dilation: d, every how many-th of the k * d nearest is kept.
        stochastic: in training, with probability `epsilon`, keep a random k of the k * d instead.
        epsilon: see `stochastic`.
        layer: the layer's number for people, from 1, for error messages.
    """

    def __init__(
        self, k: int, dilation: int = 1, stochastic: bool = False, epsilon: float = 0.2, layer: int = 1
    ) -> None:
        super().__init__()
        self.k, self.dilation, self.stochastic, self.epsilon, self.layer = k, dilation, stochastic, epsilon, layer

    @torch.no_grad()
    def forward(self, x: Tensor, y: Tensor | None = None, relative_pos: Tensor | None = None) -> Tensor:
        """Choose the neighbors.

        Args:
            x: (B, C, N, 1) features of the centers.
            y: (B, C, M, 1) features of the key nodes; the centers themselves when None.
            relative_pos: (1, N, M), added to the distances.

        Returns:
            (2, B, N, k) int64: the neighbors (into the key nodes, nearest first) and their centers.

        Raises:
            ValueError: fewer than k * d key nodes.
        """
        batch, nodes = x.shape[0], x.shape[2]
        keys = nodes if y is None else y.shape[2]
        candidates = self.k * self.dilation
        if candidates > keys:
            raise ValueError(
                f"layer {self.layer}: k * d must not exceed the {keys} key nodes "
                f"(got k = {self.k}, d = {self.dilation}, N = {nodes}); use a larger image or a smaller k"
            )
        nearest = self._nearest(x, y, relative_pos, candidates)
        if self.training and self.stochastic and torch.rand(()) < self.epsilon:
            neighbors = nearest[..., torch.randperm(candidates, device=nearest.device)[: self.k]]
        else:
            neighbors = nearest[..., :: self.dilation]
        centers = torch.arange(nodes, device=x.device)[:, None].expand(batch, nodes, self.k)
        return torch.stack([neighbors, centers])

    def _nearest(self, x: Tensor, y: Tensor | None, relative_pos: Tensor | None, candidates: int) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self._distance(x, y, relative_pos).topk(candidates, dim=-1, largest=False).indices

    @staticmethod
    def _distance(x: Tensor, y: Tensor | None, relative_pos: Tensor | None) -> Tensor:
        """(B, N, M) squared distances less |x|^2, which does not change a node's order."""
        precise = torch.promote_types(x.dtype, torch.float32)
        x = F.normalize(x.flatten(2).to(precise), dim=1)
        y = x if y is None else F.normalize(y.flatten(2).to(precise), dim=1)
        squares = y.square().sum(dim=1, keepdim=True)
        if relative_pos is None:
            return torch.baddbmm(squares, x.transpose(1, 2), y, alpha=-2)
        return torch.baddbmm(relative_pos.to(precise), x.transpose(1, 2), y, alpha=-2).add_(squares)
