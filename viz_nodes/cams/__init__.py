"""Class activation maps from captured tensors: what a layer looked at, one raw value a node.

`METHODS` is the table of all methods. Each is called with activations and gradients (B, C, H, W) and gives (B, H, W);
what else it needs is written on it (`Method.needs`). `cam` calls one and takes the ReLU, `peak` finds the node, and
`resolve` makes the one score that everything explains.
"""

from __future__ import annotations

from viz_nodes.cams.methods import METHODS, Method, cam, lookup, objective, peak
from viz_nodes.cams.targets import BoxScore, ClassOver, Similarity, resolve
from viz_nodes.capture.score import Score

__all__ = [
    "METHODS",
    "BoxScore",
    "ClassOver",
    "Method",
    "Score",
    "Similarity",
    "cam",
    "lookup",
    "objective",
    "peak",
    "resolve",
]
