"""PyTorch Geometric's `MessagePassing` layers, in which all nodes of all images lie in one list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, Sent, by_image
from viz_nodes.capture.adapters.guide import GUIDE
from viz_nodes.capture.calls import NoGraphLayer
from viz_nodes.capture.edits import running_edits


def ranked_places(target: Tensor, nodes: int) -> tuple[Tensor, int]:
    """For each edge its place in a table (nodes, k), row by target, in the order of the list; and k.

    Example:
        Edges into nodes 2, 0, 2 of 3 nodes: k is 2, the places are 4, 0, 5.
    """
    order = target.argsort(stable=True)
    count = torch.bincount(target, minlength=nodes)
    first = count.cumsum(0) - count
    rank = torch.empty_like(target)
    rank[order] = torch.arange(len(target), device=target.device) - first[target[order]]
    k = max(1, int(count.max())) if len(target) else 1
    return target * k + rank, k


def table(edges: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """(nodes, k) the sources of each target, -1 where it has fewer than k, and the place of every edge in that table.

    Args:
        edges: (2, E) source, target.
        nodes: how many targets there are.
    """
    places, k = ranked_places(edges[1], nodes)
    neighbors = torch.full((nodes * k,), -1, dtype=torch.int64, device=edges.device)
    neighbors[places] = edges[0]
    return neighbors.view(nodes, k), places


class MessagePassing(Adapter):
    """Any layer derived from `torch_geometric.nn.MessagePassing`, called with x (nodes, C) and edge_index (2, E).

    Or with x alone where it makes its edges itself (`DynamicEdgeConv`).
    The messages are caught with PyG's own hooks; the maximum, sum and mean of them are exact. Attention sums weighted
    features: the weighted feature is the message. Edges that a layer adds by itself, such as self-loops, count. The
    nodes of an image follow one another, row by row.
    """

    def claims(self, module: nn.Module) -> bool:
        names = {kind.__name__ for kind in type(module).__mro__}
        return "MessagePassing" in names and "HypergraphConv" not in names  # its edges lead to groups, and back

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        values = [*args, *kwargs.values()]
        edges = next((value for value in values if _is_edge_list(value)), None)
        features = values[0] if values else None
        senders, receivers = features if isinstance(features, (tuple, list)) else (features, features)
        hookable = hasattr(module, "register_message_forward_hook")
        if not isinstance(senders, Tensor) or senders.ndim != 2 or not senders.is_floating_point():
            return None
        if edges is None:
            if not hookable:
                return None
            edges = torch.empty(2, 0, dtype=torch.int64, device=senders.device)
        receivers = senders if receivers is None else receivers
        forward = getattr(module, "flow", "source_to_target") == "source_to_target"
        nodes = receivers.shape[0]
        neighbors, places = table(edges if forward else edges.flip(0), nodes)
        sent = Sent(places, str(getattr(module, "aggr", "")))
        if hookable:

            def keep_edges(_module: nn.Module, inputs: Any) -> None:
                sent.rounds += 1
                sides = inputs[1] if len(inputs) > 1 and isinstance(inputs[1], (tuple, list)) else (None, None)
                sent.between = sent.between or (None not in sides and sides[0] != sides[1])
                if _is_edge_list(inputs[0]) and not torch.equal(inputs[0], edges):
                    sent.edges = inputs[0] if forward else inputs[0].flip(0)

            def keep_messages(_module: nn.Module, _inputs: Any, output: Any) -> None:
                sent.messages = output if isinstance(output, Tensor) else None
                sent.passed = running_edits.passed.get(module)

            def keep_aggregate(_module: nn.Module, _inputs: Any, output: Any) -> Any:
                sent.aggregate = output if isinstance(output, Tensor) else None
                return None if sent.aggregate is None else sent.aggregate.clone()  # the layer may change it in place

            layer: Any = module
            sent.handles.append(layer.register_propagate_forward_pre_hook(keep_edges))
            sent.handles.append(layer.register_message_forward_hook(keep_messages))
            sent.handles.append(layer.register_aggregate_forward_hook(keep_aggregate))
        return Graph(receivers.T[None], neighbors[None], senders.T[None], sent=sent)

    def settle(self, graph: Graph) -> Graph:
        sent = graph.sent
        assert sent is not None
        neighbors, images = graph.neighbors, graph.x.shape[0]
        if sent.between and sent.rounds > 1:
            raise NoGraphLayer(
                "a MessagePassing layer sent messages between nodes and groups of nodes, a hypergraph, which its edges "
                f"do not say; give an `adapter` whose `graph` names for each node whom it hears ({GUIDE})"
            )
        if sent.edges is not None:
            senders, sent.places = table(sent.edges, images * graph.x.shape[2])
            neighbors = by_image(senders, images, graph.y.shape[2])
        if bool((neighbors < 0).all()):
            raise NoGraphLayer(
                "a MessagePassing layer must send its messages along an edge_index (2, E) of int64, and one did not; "
                f"give an `adapter` that makes its graph ({GUIDE})"
            )
        if sent.passed is not None:
            neighbors = neighbors.clone()
            neighbors.view(-1)[sent.places[~sent.passed]] = -1
            sent.places = sent.places[sent.passed]
        return replace(graph, neighbors=neighbors)


def _is_edge_list(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.int64 and value.ndim == 2 and len(value) == 2
