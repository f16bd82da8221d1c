"""Whether a graph convolution uses features of neighbors in another way, too, than in what was recognized of it.

A layer that keeps the largest messages beside a node's own features may add the mean of its neighbors behind them:
then its edges of share 0 count after all. The gradient of some nodes' output by what the convolution was given, past
the tensor that holds the messages, must end in these nodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.kinds import Aggregation
from viz_nodes.capture.layouts import as_nodes

ASKED = 8
"""Nodes whose outputs are looked at."""
_MORE = 3.0
"""How many times more neighbors may count than all other nodes, where a layer adds something of all nodes."""


def heard_otherwise(call: GraphCall, aggregation: Aggregation) -> bool:
    """Whether neighbors reach the output of a layer past its messages, more than other nodes do.

    Args:
        call: seen with gradients; else nothing is found.
        aggregation: which says what tensor holds the messages.
    """
    source, output, graph = aggregation.source, call.output, call.graph
    if source is None or output is None or source is output or graph.sent is not None:
        return False
    inputs = [value for value in (*call.args, *call.kwargs.values()) if isinstance(value, Tensor)]
    inputs = [value for value in inputs if value.is_floating_point() and value.requires_grad]
    batch, nodes = graph.x.shape[0], graph.x.shape[2]
    with torch.enable_grad():
        cells = as_nodes(output, batch, nodes)
    if not inputs or cells is None or not (output.requires_grad and source.requires_grad):
        return False
    asked = torch.linspace(0, nodes - 1, min(ASKED, nodes), device=output.device).long()
    weights = torch.zeros_like(cells)
    mixed = torch.randn(cells.shape[1], generator=torch.Generator().manual_seed(0)).to(cells)
    weights[:, :, asked] = mixed[:, None]
    own = source.grad_fn is not None
    handle = source.register_hook(torch.zeros_like) if own else None  # type: ignore[no-untyped-call]
    try:
        gradients = torch.autograd.grad(cells, inputs, weights, retain_graph=True, allow_unused=True)
    finally:
        if handle is not None:
            handle.remove()
    return any(_reaches(gradient, call, asked) for gradient in gradients)


def _reaches(gradient: Tensor | None, call: GraphCall, asked: Tensor) -> bool:
    graph = call.graph
    if gradient is None:
        return False
    for count in dict.fromkeys((graph.x.shape[2], graph.y.shape[2])):
        by_node = as_nodes(gradient, graph.x.shape[0], count)
        if by_node is not None:
            break
    else:
        return False
    energy = by_node.detach().double().square().sum(1)
    near = torch.zeros(energy.shape[0], count, dtype=torch.bool, device=energy.device)
    if count != graph.y.shape[2]:
        return False
    chosen = graph.neighbors[:, asked].flatten(1)
    near.scatter_(1, chosen.clamp(min=0), chosen >= 0)
    own = torch.zeros_like(near)
    if count == graph.x.shape[2]:
        own[:, asked] = True
    hears, others = energy[near & ~own], energy[~near & ~own]
    if not hears.numel() or not bool((hears > 0).any()):
        return False
    return not others.numel() or float(hears.mean()) > _MORE * float(others.mean())
