"""Contributions where the aggregation is not understood: the module runs again, each edge with its own key node."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import gather, is_edge_tensor
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.kinds import tolerance
from viz_nodes.capture.model_state import doublable


def edge_gradients(call: GraphCall, gradient: Tensor) -> Tensor | None:
    """(B, N, k) float64, gradient x feature of every edge, signed.

    To first order: how the score follows when the neighbor's features are scaled as this one edge hears them. The graph
    convolution alone runs again, on N * k key nodes that are copies of those asked.

    Args:
        call: the layer.
        gradient: of the layer's output.

    Returns:
        None where the module takes no key nodes of its own, or does not give the same output on the copies.
    """
    graph = call.graph
    if graph.edge_index is None or call.output is None or bool((graph.neighbors < 0).any()):
        return None
    batch, nodes, k = graph.neighbors.shape
    copies = gather(graph.y, graph.neighbors).reshape(batch, -1, nodes * k)
    places = torch.arange(nodes * k, device=copies.device).view(1, nodes, k).expand(batch, nodes, k)
    edges = torch.stack([places, graph.edge_index[1]])
    shape = (*copies.shape, 1) if any(_is_features(v) and v.ndim == 4 for v in call.args) else copies.shape
    with torch.enable_grad():
        leaf = copies.reshape(shape).detach().requires_grad_(True)
        args = [value.detach() if isinstance(value, Tensor) else value for value in call.args]
        called = with_keys(call.module, args, call.kwargs, graph.y.shape, edges, leaf)
        if called is None:
            return None
        try:
            output = call.module(*called[0], **called[1])
        except (RuntimeError, TypeError, IndexError, ValueError):
            return None
        if not isinstance(output, Tensor) or output.shape != call.output.shape:
            return None
        if float((output.detach() - call.output.detach()).abs().max()) > 16 * tolerance(call.output):
            return None
        (gradients,) = torch.autograd.grad(output, leaf, gradient.to(output), allow_unused=True)
    if gradients is None:
        return None
    return (
        (doublable(gradients).double() * doublable(leaf.detach()).double()).flatten(2).view(batch, -1, nodes, k).sum(1)
    )


def _is_features(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.ndim >= 3


def with_keys(
    module: nn.Module, args: Sequence[Any], kwargs: dict[str, Any], like: Sequence[int], edges: Tensor, keys: Tensor
) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments of a graph convolution with other edges and key nodes; None where it takes no key nodes.

    Args:
        module: the graph convolution.
        args, kwargs: as it is called.
        like: shape of its key nodes (B, C, M).
        edges, keys: what to put there.
    """
    args, kwargs = list(args), dict(kwargs)
    slots: list[tuple[Any, Any]] = [*enumerate(args), *kwargs.items()]
    put = False
    for at, value in slots[1:]:
        holder: Any = args if isinstance(at, int) else kwargs
        if is_edge_tensor(value):
            holder[at] = edges
        elif _is_features(value) and value.shape[:2] == like[:2]:
            holder[at], put = keys, True
    if not put:
        names = list(inspect.signature(module.forward).parameters)
        known = names.index("y") if "y" in names else None
        if known is None:
            return None
        if known < len(args):
            args[known] = keys
        else:
            kwargs["y"] = keys
    return args, kwargs
