"""Find the graph layers of any network, and catch what they did in one forward, with nothing left behind."""

from __future__ import annotations

import warnings
from typing import Any

from viz_nodes.capture.adapters.base import Adapter, EdgeTensor, Graph, Ignore, gather
from viz_nodes.capture.adapters.guide import GUIDE
from viz_nodes.capture.adapters.message_passing import MessagePassing
from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.adapters.shifts import GreedyViG, MobileViG, MobileViGv2
from viz_nodes.capture.adapters.windowed import WindowedEdges
from viz_nodes.capture.calls import GraphCall, NoGraphLayer
from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.rewiring import (
    borrowed_neighbors,
    grid_neighbors,
    random_neighbors,
    self_neighbors,
    undilated_neighbors,
)
from viz_nodes.capture.verification import LayerProof, verify

__all__ = [
    "GUIDE",
    "Adapter",
    "EdgeTensor",
    "Graph",
    "GraphCall",
    "GreedyViG",
    "Ignore",
    "LayerProof",
    "MessagePassing",
    "MobileViG",
    "MobileViGv2",
    "NoGraphLayer",
    "Partition",
    "WindowedEdges",
    "borrowed_neighbors",
    "edit_edges",
    "gather",
    "grid_neighbors",
    "random_neighbors",
    "self_neighbors",
    "undilated_neighbors",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "Fold":
        message = "viz_nodes.capture.Fold is now Partition; the old name goes with the next release"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return Partition
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
