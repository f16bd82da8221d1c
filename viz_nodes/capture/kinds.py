"""What was found of how a layer aggregates, and how near two computations of the same values must lie."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from viz_nodes.capture.model_state import doublable


@dataclass(eq=False)
class Aggregation:
    """How one graph layer's messages came about. n and k may be those of folded windows.

    Attributes:
        kind: "mr", "edge", "sage", "gin", "max", "min", "sum", "std" or "var" (over other messages that are known),
            several of these with "+" between them, or "other".
        source: the tensor, connected to the logits, that holds the messages; None where nothing is known.
        slots: which of its channels are the messages.
        message: (B, C', n) the messages as the network consumed them.
        winner: (B, C', n) the rank of the neighbor that sent each, the lowest of equals; None for a sum.
        error: largest difference between the messages and those computed again from the captured edges.
        exact: whether every share and contribution can be said exactly.
        layout: where the messages lie in the child's input: "interleaved", "concatenated", "alone", or "" elsewhere.
        places: (E,) where each line of `source` (E, C) belongs in a table (nodes, k), for messages held edge by edge.
        child: place among the children of the one whose input (mr, gin, sage) holds the messages; for edge the one
            whose output is maximized. For sage `inner` is the latter.
        parts: where a layer aggregates in several ways along the same edges, one for each of them.
        correction: of "std" and "var", see `Seen`.
        through: where groups of nodes are heard, how these were made of nodes; `kind` then is both, with ">" between.
    """

    kind: str
    source: Tensor | None = None
    slots: slice = field(default_factory=lambda: slice(None))
    message: Tensor | None = None
    winner: Tensor | None = None
    error: float = float("nan")
    exact: bool = False
    layout: str = ""
    places: Tensor | None = None
    child: int = -1
    inner: int = -1
    parts: tuple[Aggregation, ...] = ()
    correction: float = 0.0
    through: Aggregation | None = None


def difference(a: Tensor, b: Tensor) -> float:
    if not a.numel() or torch.equal(a, b):
        return 0.0
    return float((doublable(a).double() - doublable(b).double()).abs().max())


def tolerance(like: Tensor) -> float:
    """How far two computations of the same values may lie apart, from their precision and size."""
    size = float(like.detach().abs().max()) if like.numel() else 0.0
    return 64 * torch.finfo(like.dtype).eps * max(size, 1e-30)


def near(error: float, like: Tensor, factor: int = 1) -> bool:
    return error == 0 or error <= factor * tolerance(like)
