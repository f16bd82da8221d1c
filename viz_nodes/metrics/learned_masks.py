"""GNNExplainer and PGExplainer, PyTorch Geometric's own, on a vision network whose graphs are held: one mask a layer.

PyTorch Geometric lays one mask on the edges of one graph. Here that graph is the graphs of all layers side by side,
so each layer's edges have a part of the mask of their own; messages are multiplied by it, as theirs are.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.model_state import eval_mode, random_state_kept
from viz_nodes.capture.score import CUSTOM, score_of
from viz_nodes.capture.structure import structure
from viz_nodes.explanation import NO_EDGE, Explanation

if TYPE_CHECKING:
    from viz_nodes.metrics.edge_scores import EdgeQuestion

GNN_EPOCHS = 100
PG_EPOCHS = 30
RATE = 0.05
"""Of both: torch_geometric's own 0.01 leaves a mask near where it began in 100 epochs."""
_EDGES = 100
"""Edges of a graph for which PGExplainer's own weight of the mask's size stands."""


def gnnexplainer(asked: EdgeQuestion) -> Tensor:
    """(N, k) the mask of GNNExplainer (Ying et al., arXiv 1903.03894), learned for all layers at once."""
    return _of_layer(asked, "gnnexplainer")


def pgexplainer(asked: EdgeQuestion) -> Tensor:
    """(N, k) the mask of PGExplainer (Luo et al., arXiv 2011.04573), its network trained on the image alone."""
    return _of_layer(asked, "pgexplainer")


def _of_layer(asked: EdgeQuestion, name: str) -> Tensor:
    key = (name, asked.seed)
    if key not in asked.kept:
        asked.kept[key] = _learned(asked, name)
    masks: dict[int, Tensor] = asked.kept[key]
    if asked.layer.index not in masks:
        raise ValueError(f"layer {asked.layer.number} must be one whose edges can be edited for {name}")
    return masks[asked.layer.index]


def _learned(asked: EdgeQuestion, name: str) -> dict[int, Tensor]:
    """(N, k) of each layer."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it uses what newer versions of torch advise against
            from torch_geometric.explain import Explainer, GNNExplainer, PGExplainer
    except ImportError:
        raise ImportError(
            f"{name}: torch_geometric is not installed; pip install torch_geometric, or leave the method out"
        ) from None
    if int(asked.exp.target[0]) == CUSTOM or asked.exp.activation != "softmax" or asked.exp.versus is not None:
        raise ValueError(f"{name} must explain one class of a softmax (got another target)")
    target = asked.exp.target.clone()
    with warnings.catch_warnings(), eval_mode(asked.model), random_state_kept(asked.model), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(asked.seed)
        graph = _graph_network(asked)
        learner: Any = GNNExplainer(epochs=GNN_EPOCHS, lr=RATE)
        if name == "pgexplainer":
            learner = PGExplainer(epochs=PG_EPOCHS, lr=RATE)
            # Its weight is for graphs of tens of edges; by it the edges of all layers are taken out together.
            size = PGExplainer.coeffs["edge_size"] * min(1.0, _EDGES / graph.edge_index.shape[1])
            learner.coeffs = PGExplainer.coeffs | {"edge_size": size}
        explainer = Explainer(
            graph,
            learner,
            explanation_type="phenomenon",
            edge_mask_type="object",
            model_config={"mode": "multiclass_classification", "task_level": "graph", "return_type": "raw"},
        )
        if name == "pgexplainer":
            for epoch in range(PG_EPOCHS):
                learner.train(epoch, graph, graph.x, graph.edge_index, target=target)
        mask = explainer(graph.x, graph.edge_index, target=target).edge_mask.detach().double()
    masks: dict[int, Tensor] = graph.by_layer(mask)
    return masks


def _graph_network(asked: EdgeQuestion) -> Any:
    """The network as PyTorch Geometric explains networks: called with nodes and edges, those of all layers."""
    from torch_geometric.nn import MessagePassing

    class Nodes(MessagePassing):  # type: ignore[misc]
        """Holds the mask, and gives the nodes' features, which PGExplainer judges edges by."""

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            return x

    class GraphNetwork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nodes = Nodes()
            self.layers = [layer for layer in asked.exp.layers if layer.conv != "other"]
            features = _features(asked, [layer.index for layer in self.layers])
            widest = max(each.shape[1] for pair in features for each in pair)
            parts, edges, first = [], [], 0
            for layer, (x, y) in zip(self.layers, features, strict=True):
                neighbors = layer.neighbors[0]
                centers = torch.arange(len(neighbors))[:, None].expand(neighbors.shape)
                there = neighbors != NO_EDGE
                # Keys and centers stand apart: torch_geometric gives an edge from a node to itself no mask.
                edges.append(torch.stack([neighbors[there] + first + len(x), centers[there] + first]))
                parts += [F.pad(each, (0, widest - each.shape[1])) for each in (x, y)]
                first += len(x) + len(y)
            self.x, self.edge_index = torch.cat(parts), torch.cat(edges, 1)

        def by_layer(self, mask: Tensor) -> dict[int, Tensor]:
            split, first = {}, 0
            for layer in self.layers:
                there = layer.neighbors[0] != NO_EDGE
                count = int(there.sum())
                values = mask.new_zeros(there.shape)
                split[layer.index] = values.masked_scatter(there, mask[first : first + count])
                first += count
            return split

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            self.nodes(x, edge_index)
            mask = self.nodes._edge_mask
            rows = torch.zeros(1, dtype=torch.int64)
            reading = score_of(asked.exp)
            if mask is None:
                with edit_edges(asked.model, frozen=asked.exp):
                    raw = asked.inputs.of(rows).run(asked.model)
            else:
                weights = self.by_layer(mask.sigmoid() if self.nodes._apply_sigmoid else mask)
                weigh = {at: (lambda neighbors, weight=weight[None]: weight) for at, weight in weights.items()}
                with edit_edges(asked.model, weigh=weigh, frozen=asked.exp):
                    raw = asked.inputs.of(rows).run(asked.model)
            return reading.read(raw).logits(raw).float()

    return GraphNetwork()


def _features(asked: EdgeQuestion, layers: list[int]) -> list[tuple[Tensor, Tensor]]:
    """For each layer features (N, C) of centers and (M, C) of key nodes; windows one after the other."""
    sites = structure(asked.model, asked.inputs.args, asked.inputs.kwargs, adapters_for(None))
    return [features_of(asked.model, asked.inputs, asked.exp, sites[at]) for at in layers]


def features_of(model: nn.Module, inputs: Any, exp: Explanation, layer: Any) -> tuple[Tensor, Tensor]:
    """Features (N, C) of the centers and (M, C) of the key nodes of a layer, of one image, its graphs held.

    Args:
        inputs, layer: of `capture.inputs.prepare` and `capture.structure.structure`.
    """
    seen: list[tuple[Tensor, Tensor]] = []
    times = 0

    def keep(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal times
        graph = layer.adapter.graph(module, args, kwargs) if times == layer.times else None
        times += 1
        if graph is not None:
            seen.append((graph.x, graph.y))

    handle = layer.module.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        with eval_mode(model, grad=False), edit_edges(model, frozen=exp):
            inputs.run(model)
    finally:
        handle.remove()
    if not seen:
        raise ValueError(f"layer {layer.index + 1} ({layer.name}) must be called with its nodes, and is not")
    x, y = (each.transpose(1, 2) for each in seen[-1])
    if layer.partition is not None:
        x, keys = layer.partition.to_grid(x), torch.empty(int(layer.partition.keys.numel()), y.shape[2], dtype=y.dtype)
        keys[layer.partition.keys.flatten().cpu()] = y.flatten(0, 1).cpu()
        y = keys[None]
    return x[0].detach().float().cpu(), y[0].detach().float().cpu()
