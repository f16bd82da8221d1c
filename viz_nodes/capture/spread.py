"""Aggregations that are neither one maximum nor one sum: minima, deviations, and several ways at once (PNA)."""

from __future__ import annotations

import torch
from torch import Tensor

from viz_nodes.capture.winners import maximum_heard

SPREADS = ("std", "var")
"""Ways to say how far messages lie apart."""
_CLAMPED = 1e-5
"""PyG takes no root of less."""


def minimum_heard(messages: Tensor, neighbors: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, N) minimum over the edges that are there, and the lowest rank where it is reached; see `maximum_heard`."""
    best, winner = maximum_heard(-messages, neighbors)
    return -best, winner


def spread_heard(messages: Tensor, neighbors: Tensor, kind: str, correction: float = 0.0) -> Tensor:
    """(B, C, N) variance ("var") or standard deviation ("std") over the edges that are there; 0 where there is none.

    Args:
        messages: (B, C, N, k).
        neighbors: (B, N, k), -1 where there is no edge.
        correction: what is taken off the count in the denominator.
    """
    there = (neighbors >= 0)[:, None]
    count = there.sum(-1)
    mean = (messages * there).sum(-1) / count.clamp(min=1)
    squares = ((messages - mean[..., None]).square() * there).sum(-1)
    var = squares / (count - correction).clamp(min=1e-12)
    return var if kind == "var" else var.sqrt()


def spread_shares(messages: Tensor, neighbors: Tensor) -> Tensor:
    """(B, N, k) float64, the mean over channels of the part of the variance that each neighbor makes.

    Channels in which all send the same count evenly.
    """
    there = (neighbors >= 0)[:, None]
    sent = messages.double()
    mean = (sent * there).sum(-1, keepdim=True) / there.sum(-1, keepdim=True).clamp(min=1)
    squares = (sent - mean).square() * there
    total = squares.sum(-1, keepdim=True)
    even = (there / there.sum(-1, keepdim=True).clamp(min=1)).double()
    return torch.where(total > 0, squares / total.where(total > 0, 1.0), even).mean(1)


def spread_contributions(
    messages: Tensor, neighbors: Tensor, gradient: Tensor, kind: str, correction: float = 0.0
) -> Tensor:
    """(B, N, k) float64, gradient x message through a variance or deviation, summed over channels.

    Args:
        gradient: (B, C, N) of what the messages became.
    """
    with torch.enable_grad():
        leaf = messages.detach().double().requires_grad_(True)
        value = spread_heard(leaf, neighbors, kind, correction)
        flat = value.detach() <= 0  # where a root has no gradient nobody is worth anything
        (gradients,) = torch.autograd.grad(value.masked_fill(flat, 0.0), leaf, gradient.double(), allow_unused=True)
    gradients = torch.zeros_like(leaf) if gradients is None else gradients.nan_to_num(0.0)
    return (gradients * leaf.detach()).sum(1) * (neighbors >= 0)


def ways_heard(table: Tensor, neighbors: Tensor, aggregate: Tensor, heads: int) -> tuple[list[str], float] | None:
    """In which ways messages became an aggregate that holds several side by side, each perhaps scaled node by node.

    Args:
        table: (B, C, N, k) messages, of all heads.
        neighbors: (B, N, k).
        aggregate: (B, C', N) for every head the ways one after the other, each with the channels of a message.
        heads: how many.

    Returns:
        The ways, "max", "min", "sum" (or mean), "std", and the largest difference; None where some block is none.
    """
    batch, channels, nodes, k = table.shape
    if not channels or aggregate.shape[1] % channels or channels % heads:
        return None
    blocks = aggregate.double().view(batch, heads, -1, channels // heads, nodes)
    sent = table.double()
    there = (neighbors >= 0)[:, None]
    squares = float((sent.square() * there).max()) if sent.numel() else 0.0
    eps = 64 * k * torch.finfo(aggregate.dtype).eps
    candidates = {
        "max": maximum_heard(sent, neighbors)[0],
        "min": minimum_heard(sent, neighbors)[0],
        "sum": (sent * there).sum(-1),
        "std": spread_heard(sent, neighbors, "std"),
    }
    ways, worst = [], 0.0
    for block in blocks.unbind(2):
        for way, value in candidates.items():
            wanted = value.view(block.shape)
            factor = (block * wanted).sum((1, 2)) / wanted.square().sum((1, 2)).clamp(min=1e-300)
            scaled = wanted * factor[:, None, None]
            if way == "std":  # as the root of a difference of means, which cancels
                off = float((block.square() - scaled.square()).abs().max())
                room = float(factor.square().max()) * (eps * squares + 2 * _CLAMPED)
            else:
                off = float((block - scaled).abs().max())
                room = eps * max(float(scaled.abs().max()), 1e-30)
            if off <= room:
                ways.append(way)
                worst = max(worst, off)
                break
        else:
            return None
    return ways, worst
