"""Find the graph layers of any network, and catch what they did in one forward, with nothing left behind."""

from __future__ import annotations

from viz_nodes.capture.adapters.base import Adapter, EdgeTensor, Graph
from viz_nodes.capture.adapters.message_passing import MessagePassing
from viz_nodes.capture.adapters.partition import Fold
from viz_nodes.capture.adapters.shifts import GreedyViG, MobileViG, MobileViGv2
from viz_nodes.capture.adapters.windowed import WindowedEdges
from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.recorder import GraphCall, NoGraphLayer
from viz_nodes.capture.verification import LayerProof, verify

__all__ = [
    "Adapter",
    "EdgeTensor",
    "Fold",
    "Graph",
    "GraphCall",
    "GreedyViG",
    "LayerProof",
    "MessagePassing",
    "MobileViG",
    "MobileViGv2",
    "NoGraphLayer",
    "WindowedEdges",
    "edit_edges",
    "verify",
]
