"""Class activation maps from captured tensors: what a layer looked at, one raw value a node.

`METHODS` holds every method by name. Each is called with activations and gradients (B, C, H, W) and gives (B, H, W);
what else it needs is written on it (`Method.needs`). `cam` calls one and takes the ReLU, `peak` finds the node.
"""

from __future__ import annotations

from viz_nodes.cams.finer import objective
from viz_nodes.cams.methods import METHODS, Method, cam, lookup, peak
from viz_nodes.cams.targets import Targets, resolve

__all__ = ["METHODS", "Method", "Targets", "cam", "lookup", "objective", "peak", "resolve"]
