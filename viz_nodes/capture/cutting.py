"""Whether a network cuts its image before it makes nodes of it: these then lie closer together than they are drawn."""

from __future__ import annotations

import torch

from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.inputs import Inputs

_NODES = 0.75
"""How many nodes' widths at an edge of the image may reach no node: strides that do not fit leave a part of one."""


def cut_away(call: GraphCall, inputs: Inputs) -> str:
    """What of the image reaches the nodes of a layer, in words, where a strip along an edge does not; "" else."""
    x, pixels = call.graph.x, inputs.pixels
    if x.grad_fn is None or not pixels.requires_grad or 0 in call.grid or len(inputs.images) != 1:
        return ""
    mixed = torch.randn(x.shape[1], generator=torch.Generator().manual_seed(0)).to(x)[None, :, None]
    (gradient,) = torch.autograd.grad(x, pixels, mixed.expand(x.shape), retain_graph=True, allow_unused=True)
    if gradient is None:
        return ""
    energy = gradient.detach().abs().double().sum((0, 1)).cpu()
    spans: list[tuple[int, int]] = []
    worst = 0.0
    for axis in (1, 0):
        lines = (energy.sum(axis) > 0).nonzero().flatten().tolist()
        if not lines:
            return ""
        size, node = energy.shape[1 - axis], energy.shape[1 - axis] / call.grid[1 - axis]
        spans.append((lines[0], lines[-1] + 1))
        worst = max(worst, lines[0] / node, (size - 1 - lines[-1]) / node)
    if worst <= _NODES:
        return ""
    (top, bottom), (left, right) = spans
    return (
        f"the network cuts its image: only rows {top} to {bottom} and columns {left} to {right} of {energy.shape[0]} x "
        f"{energy.shape[1]} pixels reach its nodes, which do not lie where they would be drawn; cut the image so "
        "before you give it, and draw on that"
    )
