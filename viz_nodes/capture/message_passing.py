"""PyTorch Geometric's `MessagePassing` layers, in which all nodes of all images lie in one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapter import Adapter, Graph, Sent


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


class MessagePassing(Adapter):
    """Any layer derived from `torch_geometric.nn.MessagePassing`, called with x (nodes, C) and edge_index (2, E).

    The messages are caught with PyG's own hooks; the maximum, sum and mean of them are exact. The nodes of an image
    follow one another, row by row.
    """

    def claims(self, module: nn.Module) -> bool:
        return any(kind.__name__ == "MessagePassing" for kind in type(module).__mro__)

    def graph(self, module: nn.Module, args: tuple, kwargs: Mapping[str, Any]) -> Graph | None:
        values = [*args, *kwargs.values()]
        edges = next(
            (v for v in values if isinstance(v, Tensor) and v.dtype == torch.int64 and v.ndim == 2 and len(v) == 2),
            None,
        )
        features = values[0] if values else None
        senders, receivers = features if isinstance(features, (tuple, list)) else (features, features)
        if edges is None or not isinstance(senders, Tensor) or senders.ndim != 2:
            return None
        receivers = senders if receivers is None else receivers
        source, target = edges if getattr(module, "flow", "source_to_target") == "source_to_target" else edges.flip(0)
        nodes = receivers.shape[0]
        places, k = ranked_places(target, nodes)
        neighbors = torch.full((nodes * k,), -1, dtype=torch.int64, device=edges.device)
        neighbors[places] = source
        sent = Sent(places, str(getattr(module, "aggr", "")))
        if hasattr(module, "register_message_forward_hook"):

            def keep_messages(_module: nn.Module, _inputs: Any, output: Any) -> None:
                sent.messages = output if isinstance(output, Tensor) else None

            def keep_aggregate(_module: nn.Module, _inputs: Any, output: Any) -> None:
                sent.aggregate = output if isinstance(output, Tensor) else None

            layer: Any = module
            sent.handles.append(layer.register_message_forward_hook(keep_messages))
            sent.handles.append(layer.register_aggregate_forward_hook(keep_aggregate))
        return Graph(receivers.T[None], neighbors.view(1, nodes, k), senders.T[None], sent=sent)
