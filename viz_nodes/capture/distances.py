"""By what a layer ranked its neighbors: distances, margins, dilation, and the candidates that dilation left out.

The ranking is computed again from the inputs of the module that made the edge tensor, and is only reported where it
leads to the very edges the network used.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.model_state import doublable


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a layer chose its neighbors from, kept apart from the network.

    Attributes:
        neighbors: (B, N, k) the neighbors it chose, every one there.
        x: (B, C, N) features of the nodes as the module that made the edges was given them.
        y: (B, C, M) of the key nodes.
        offset: (1 or B, N, M) a third input, added to the distances; or None.
    """

    neighbors: Tensor
    x: Tensor
    y: Tensor
    offset: Tensor | None


@dataclass(frozen=True, eq=False)
class Ranking:
    """Attributes as in `viz_nodes.explanation.LayerExplanation`, n and k perhaps those of folded windows."""

    distance: Tensor
    margin: Tensor | None
    skipped: Tensor
    rejected: Tensor
    rejected_distance: Tensor
    dilation: int

    def by_field(self) -> dict[str, Any]:
        """The attributes by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


@torch.no_grad()
def candidates(call: GraphCall) -> Candidates | None:
    """Copies of what the ranking behind a layer's edges is computed from; None where it cannot be."""
    neighbors = call.graph.neighbors
    nodes, keys = call.graph.x.shape[2], call.graph.y.shape[2]
    if not call.ranked or not call.untouched or bool((neighbors < 0).any()):
        return None
    features = [t for t in call.ranked if t.ndim >= 3 and t.shape[0] == neighbors.shape[0]]
    if not features or features[0].flatten(2).shape[2] != nodes:
        return None
    x = features[0].flatten(2)
    y, offset = x, None
    for other in call.ranked[1:]:
        if other.ndim == 3 and tuple(other.shape[1:]) == (nodes, keys) and other.shape[0] in (1, neighbors.shape[0]):
            offset = other
        elif other.ndim >= 3 and other.shape[:2] == x.shape[:2] and other.flatten(2).shape[2] == keys:
            y = other.flatten(2)
    if y.shape[2] != keys:
        return None
    kept = x.clone()
    return Candidates(neighbors.clone(), kept, kept if y is x else y.clone(), offset)


@torch.no_grad()
def ranking(of: Candidates) -> Ranking | None:
    """The ranking behind a layer's edges, or None where it is not the one tried.

    Tried are squared Euclidean distances of L2-normalized features, and of the features as they are, plus a third input
    (1 or B, N, M), as ViG and its kin rank (Han et al., arXiv 2206.00272).
    """
    near = 1e-12 if of.x.dtype == torch.float64 else 1e-2 if of.x.dtype in (torch.float16, torch.bfloat16) else 1e-5
    for normalize in (True, False):
        distance = _distances(of.x, of.y, of.offset, normalize)
        if not normalize:
            near = near * max(1.0, float(distance.abs().max()))
        matched = _matched(distance, of.neighbors.to(distance.device), near)
        if matched is not None:
            return matched
    return None


def _distances(x: Tensor, y: Tensor, offset: Tensor | None, normalize: bool) -> Tensor:
    """(B, N, M) in float64."""
    x, y = doublable(x).double(), doublable(y).double()
    if normalize:
        x, y = F.normalize(x, dim=1), F.normalize(y, dim=1)
    squares = x.square().sum(1)[:, :, None] + y.square().sum(1)[:, None, :]
    distance = torch.baddbmm(squares, x.transpose(1, 2), y, alpha=-2)
    return distance if offset is None else distance + doublable(offset).double()


def _matched(distance: Tensor, neighbors: Tensor, near: float) -> Ranking | None:
    k, keys = neighbors.shape[2], distance.shape[2]
    own = distance.gather(2, neighbors)
    if k > 1 and bool((neighbors.sort(dim=2).values.diff(dim=2) == 0).any()):
        return None
    for dilation in range(1, keys // k + 1):
        if dilation == 1:  # most layers keep the nearest, for which not all need be sorted
            ordered, nearest = distance.topk(min(keys, 2 * k), dim=2, largest=False)
        elif dilation == 2:
            ordered, nearest = distance.sort(dim=2)
        if float((ordered[..., : k * dilation : dilation] - own).abs().max()) <= near:
            break
    else:
        return None
    margin = (ordered[..., k * dilation, None] - own).clamp(min=0) if k * dilation < keys else None
    left_out = k * dilation - k
    chosen_from = nearest[..., : min(keys, k * dilation + k)]
    kept = (chosen_from[..., None] == neighbors[:, :, None, :]).any(-1)
    # Stable: candidates that were not kept come first, still nearest first.
    order = kept.to(torch.uint8).argsort(dim=2, stable=True)
    order = order[..., : chosen_from.shape[2] - k]
    rejected = chosen_from.gather(2, order)
    rejected_distance = ordered[..., : chosen_from.shape[2]].gather(2, order)
    return Ranking(own, margin, rejected[..., :left_out], rejected, rejected_distance, dilation)
