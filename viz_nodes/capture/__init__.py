"""Find the graph layers of any network, and catch what they did in one forward, with nothing left behind."""

from __future__ import annotations

from viz_nodes.capture.adapter import Adapter, EdgeTensor, Graph
from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.fold import Fold
from viz_nodes.capture.message_passing import MessagePassing
from viz_nodes.capture.proof import LayerProof, verify
from viz_nodes.capture.recorder import GraphCall, NoGraphLayer
from viz_nodes.capture.rolls import GreedyViG, MobileViG, MobileViGv2
from viz_nodes.capture.windows import WindowedEdges

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
