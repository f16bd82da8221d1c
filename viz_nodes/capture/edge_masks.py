"""What a user writes for the edges of a layer, as a mask by node and rank, and the neighbors of an explanation."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from viz_nodes.capture.adapters.base import Graph
from viz_nodes.capture.hyperedge_edits import require_hyperedges
from viz_nodes.capture.node_order import NodeOrder
from viz_nodes.capture.structure import Layer
from viz_nodes.explanation import Explanation
from viz_nodes.grids import NO_EDGE
from viz_nodes.text import quoted

Edges = Tensor | Iterable[tuple[Any, Any]] | Callable[[Tensor], Tensor] | Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class LayerEdits:
    """What is asked for the edges of one layer.

    Attributes:
        cut, keep: the edges to take out, the only ones to leave; None where nothing is said.
        replace: neighbors that stand in for those of the layer, or None.
        weigh: what the messages of edges are multiplied by, or None.
    """

    cut: Edges | None = None
    keep: Edges | None = None
    replace: Edges | None = None
    weigh: Edges | None = None


def settled(name: str, by_layer: Mapping[int, Edges] | None) -> dict[int, Edges]:
    """What a user wrote, so that it says the same in every forward: iterators are read, tensors copied.

    Raises:
        TypeError: not by layer, or edges that are no tensor, no function, and no pairs.
    """
    if by_layer is None:
        return {}
    if not isinstance(by_layer, Mapping):
        raise TypeError(f"`{name}` must map layers to edges (got {type(by_layer).__name__})")
    read: dict[int, Edges] = {}
    for layer, edges in by_layer.items():
        try:
            place = operator.index(layer)
        except TypeError:
            raise TypeError(f"`{name}` must map layers, by their places, to edges (got {quoted(layer)})") from None
        if isinstance(edges, Tensor) or hasattr(edges, "dtype"):
            read[place] = torch.as_tensor(edges).clone()
        elif isinstance(edges, Mapping):  # of a hypergraph
            read[place] = {what: torch.as_tensor(mask).clone() for what, mask in edges.items()}
        elif callable(edges):
            read[place] = edges
        elif isinstance(edges, Iterable) and not isinstance(edges, (str, bytes)):
            read[place] = [tuple(pair) if isinstance(pair, Iterable) else pair for pair in edges]
        else:
            raise TypeError(
                f"`{name}` must hold a tensor, pairs (neighbor, center) or a function for layer {layer} "
                f"(got {type(edges).__name__})"
            )
    return read


def edits_by_layer(layers: Sequence[Layer], **asked: dict[int, Edges]) -> dict[int, LayerEdits]:
    """The edits of each layer by its place from 0, of what was asked as `cut`, `keep`, `replace` and `weigh`.

    Raises:
        ValueError: a layer that does not exist, is named twice, or cannot be edited.
    """
    depth = len(layers)
    edits: dict[int, LayerEdits] = {}
    for name, by_layer in asked.items():
        for place, edges in by_layer.items():
            if not -depth <= place < depth:
                raise ValueError(f"`{name}` must name layers in [-{depth}, {depth}) (got {quoted(place)})")
            layer = layers[place % depth]
            if layer.gathering >= 0:
                require_hyperedges(name, edges, layer)
            if not layer.editable:
                raise ValueError(
                    f"layer {layer.index + 1} ({layer.name}) must aggregate by a maximum or a sum that is "
                    "understood for its edges to be edited, and does not; give an `adapter` with its `messages`"
                )
            if name == "replace" and layer.steps:
                raise ValueError(f"`replace` must name layers that are handed an edge tensor ({layer.name} is not)")
            if layer.sorted_anew and layer.around is None:
                raise ValueError(
                    f"layer {layer.index + 1} ({layer.name}) sorts its nodes anew in every forward, so its edges "
                    "cannot be named by the places of nodes"
                )
            if name == "weigh" and layer.steps:
                raise ValueError(
                    f"`weigh` must name layers whose messages a module is given or gives (layer {layer.index + 1}, "
                    f"{layer.name}, shows in the arithmetic alone)"
                )
            own = edits.get(layer.index, LayerEdits())
            if getattr(own, name) is not None:
                raise ValueError(f"`{name}` must name a layer once (got {quoted(place)} and {place % depth - depth})")
            edits[layer.index] = dataclasses.replace(own, **{name: edges})
    return edits


def require_same_network(frozen: Explanation, layers: Sequence[Layer], name: str, size: tuple[int, ...]) -> None:
    """That an explanation is of a network like the one that runs, on images of its size.

    Raises:
        ValueError: it is not.
    """
    if frozen.model and name and frozen.model != name:
        raise ValueError(f"`frozen` must explain this network, {name} (got an explanation of {frozen.model})")
    if frozen.depth != len(layers):
        raise ValueError(
            f"`frozen` must explain this network of {len(layers)} graph layers (got one of {frozen.depth})"
        )
    if tuple(frozen.image_size) != size:
        raise ValueError(f"`frozen` must explain images of {size} pixels (got {quoted(tuple(frozen.image_size))})")
    for explained in frozen.layers:
        layer = layers[explained.index]
        if layer.name != explained.name or layer.kind != explained.conv or _shown(layer) != explained.num_nodes:
            raise ValueError(
                f"`frozen` must explain this network (got layer {explained.number} as {quoted(explained.name)}, "
                f"{explained.conv} on {explained.grid}, not {quoted(layer.name)}, {layer.kind} on {layer.grid})"
            )


def _shown(layer: Layer) -> int:
    """How many nodes an explanation of the layer has."""
    return layer.grid[0] * layer.grid[1] if layer.order is None else layer.order.nodes.shape[1]


def frozen_neighbors(frozen: Explanation | None, layer: Layer, graph: Graph) -> Tensor | None:
    """(B, N, k) from the explanation, B, N those of windows where there are any; None where it says nothing.

    Raises:
        ValueError: it explains another number of images, or has other neighbors than the layer.
    """
    explained = None if frozen is None else next((each for each in frozen.layers if each.index == layer.index), None)
    if frozen is None or explained is None:
        return None
    assert frozen.source is not None
    images = _images(layer, graph)
    sources = frozen.source.tolist()
    rows = [sources.index(source) for source in sorted(set(sources))]
    if len(rows) not in (1, images):
        raise ValueError(f"`frozen` must explain one image or the {images} that run (got {len(rows)})")
    if layer.sorted_anew:
        raise ValueError(f"`frozen` cannot hold layer {layer.index + 1}, which sorts its nodes anew in every forward")
    shown = explained.neighbors[rows]
    neighbors = _in_place(shown, layer, graph) if layer.order is None else _with_own(shown, layer.order, graph)
    if neighbors.shape[:2] != graph.neighbors.shape[:2] or (
        graph.edge_index is not None and neighbors.shape != graph.neighbors.shape
    ):
        raise ValueError(
            f"`frozen` must hold neighbors {tuple(graph.neighbors.shape)} for layer {layer.index + 1} "
            f"(got {tuple(neighbors.shape)})"
        )
    return neighbors


def kept_edges(edits: LayerEdits, neighbors: Tensor, layer: Layer) -> Tensor:
    """(B, N, k) bool, which edges of a layer count, B, N, k those of windows where there are any."""
    there = neighbors >= 0
    whole = neighbors if layer.partition is None else layer.partition.neighbors_on_grid(neighbors)
    shown = whole if layer.order is None else layer.order.neighbors_on_grid(whole)
    gone = torch.zeros_like(shown, dtype=torch.bool)
    if edits.keep is not None:
        gone |= ~edge_mask("keep", edits.keep, shown, layer)
    if edits.cut is not None:
        gone |= edge_mask("cut", edits.cut, shown, layer)
    gone &= shown >= 0  # an edge from a node without a place is not shown, and stays
    gone = gone if layer.order is None else layer.order.to_nodes(gone)
    return there & ~(gone if layer.partition is None else layer.partition.to_windows(gone))


def replaced_neighbors(edges: Edges, layer: Layer, graph: Graph) -> Tensor:
    """(B, N, k) what a user wrote to stand in for the neighbors of a layer, B, N those of windows where there are any.

    Raises:
        ValueError: another shape, a neighbor that does not exist, or a layer that is not handed its edges.
        TypeError: no whole numbers.
    """
    whole = graph.neighbors if layer.partition is None else layer.partition.neighbors_on_grid(graph.neighbors)
    if graph.edge_index is None:
        raise ValueError(
            f"`replace` must name layers that are handed an edge tensor (layer {layer.index + 1}, {layer.name}, is not)"
        )
    shown = whole if layer.order is None else layer.order.neighbors_on_grid(whole)
    values = edges(shown.cpu()) if not isinstance(edges, Tensor) and callable(edges) else edges
    neighbors = torch.as_tensor(values)
    if neighbors.is_floating_point() or neighbors.dtype == torch.bool:
        raise TypeError(f"`replace` must hold numbers of key nodes for layer {layer.index + 1} (got {neighbors.dtype})")
    neighbors = neighbors[None] if neighbors.ndim == 2 else neighbors
    if neighbors.ndim != 3 or neighbors.shape[0] not in (1, len(shown)) or neighbors.shape[1] != shown.shape[1]:
        raise ValueError(
            f"`replace` must be of shape {(shown.shape[1], 'k')} or {(*shown.shape[:2], 'k')} for layer "
            f"{layer.index + 1} (got {tuple(neighbors.shape)})"
        )
    keys = graph.y.shape[2] * (1 if layer.partition is None else layer.partition.nodes.shape[0])
    keys = keys if layer.order is None else layer.order.nodes.shape[1]
    if neighbors.numel() and not (int(neighbors.min()) >= NO_EDGE and int(neighbors.max()) < keys):
        raise ValueError(f"`replace` must name key nodes in [0, {keys}), or -1 for none, for layer {layer.index + 1}")
    if layer.order is not None:
        return layer.order.put(neighbors.long(), graph.neighbors)
    return _in_place(neighbors.long(), layer, graph)


def _with_own(shown: Tensor, order: NodeOrder, graph: Graph) -> Tensor:
    """(B, N, k) of what is shown, and of the network's own edges where nodes without a place ask or are asked."""
    own = graph.neighbors
    shown = shown.to(own.device).expand(len(own), -1, -1)
    nodes = order.nodes.to(own.device).expand(len(own), -1)
    rows = torch.arange(len(own), device=own.device)[:, None]
    named = nodes.gather(1, shown.clamp(min=0).flatten(1)).view(shown.shape)
    whole = own.clone()
    whole[rows, nodes] = torch.where(shown < 0, own[rows, nodes], named)
    return whole


def edge_weights(edges: Edges, neighbors: Tensor, layer: Layer) -> Tensor:
    """(B, N, k) what a user wrote to multiply messages by, connected to it; B, N those of windows where there are any.

    Raises:
        ValueError: another shape.
        TypeError: no fractions.
    """
    whole = neighbors if layer.partition is None else layer.partition.neighbors_on_grid(neighbors)
    shown = whole if layer.order is None else layer.order.neighbors_on_grid(whole)
    values = edges(shown.cpu()) if not isinstance(edges, Tensor) and callable(edges) else edges
    weights = torch.as_tensor(values).to(neighbors.device)
    if not weights.is_floating_point():
        raise TypeError(f"`weigh` must hold fractions for layer {layer.index + 1} (got {weights.dtype})")
    weights = weights[None] if weights.ndim == 2 else weights
    if tuple(weights.shape) not in (tuple(shown.shape), (1, *shown.shape[1:])):
        raise ValueError(
            f"`weigh` must be of shape {tuple(shown.shape[1:])} or {tuple(shown.shape)} for layer {layer.index + 1} "
            f"(got {tuple(weights.shape)})"
        )
    weights = weights.expand(shown.shape)
    if layer.order is not None:  # what is not shown counts as it does
        weights = 1 + layer.order.to_nodes(torch.where(shown < 0, 0, weights - 1))
    return weights if layer.partition is None else layer.partition.to_windows(weights)


def _images(layer: Layer, graph: Graph) -> int:
    return int(graph.x.shape[0]) // (1 if layer.partition is None else layer.partition.nodes.shape[0])


def _in_place(whole: Tensor, layer: Layer, graph: Graph) -> Tensor:
    """(1 or B, N, k) of the whole grid, for every image that runs, in windows where there are any."""
    whole = whole.to(graph.neighbors.device)
    whole = whole.expand(_images(layer, graph), *whole.shape[1:])
    return whole if layer.partition is None else _window_neighbors(layer, whole)


def _window_neighbors(layer: Layer, whole: Tensor) -> Tensor:
    """(B, N, k) key nodes of the whole grid -> (B * windows, n, k) places in windows.

    Raises:
        ValueError: a node would hear one of another window, which the network cannot do.
    """
    partition = layer.partition
    assert partition is not None
    count = partition.nodes.shape[0]
    home = torch.arange(count, device=whole.device)[:, None]
    of_node = torch.empty(whole.shape[1], dtype=torch.int64, device=whole.device)
    of_node[partition.nodes.to(whole.device)] = home.expand(partition.nodes.shape)
    of_key = torch.empty(int(partition.keys.numel()), dtype=torch.int64, device=whole.device)
    of_key[partition.keys.to(whole.device)] = home.expand(partition.keys.shape)
    if bool(((of_key[whole.clamp(min=0)] != of_node[:, None]) & (whole >= 0)).any()):
        raise ValueError(
            f"edges of layer {layer.index + 1} must stay inside a window, and its {count} windows cut some that were "
            "given; take neighbors from the window of each node, or rewire another layer"
        )
    place = torch.empty(int(partition.keys.numel()), dtype=torch.int64, device=whole.device)
    place[partition.keys.flatten().to(whole.device)] = torch.arange(
        partition.keys.shape[1], device=whole.device
    ).repeat(partition.keys.shape[0])
    return partition.to_windows(torch.where(whole < 0, whole, place[whole.clamp(min=0)]))


def edge_mask(name: str, edges: Edges, neighbors: Tensor, layer: Layer) -> Tensor:
    """(B, N, k) bool of what a user wrote for one layer."""
    if not isinstance(edges, Tensor) and callable(edges):
        edges = edges(neighbors.cpu())
    if not isinstance(edges, Tensor) and hasattr(edges, "dtype"):
        edges = torch.as_tensor(edges)
    if isinstance(edges, Tensor) and edges.dtype == torch.bool:
        shape = tuple(neighbors.shape)
        mask = edges.to(neighbors.device)
        mask = mask if mask.ndim == 3 else mask[None]
        if tuple(mask.shape) not in (shape, (1, *shape[1:])):
            raise ValueError(
                f"`{name}` must be of shape {shape[1:]} or {shape} for layer {layer.index + 1} "
                f"(got {tuple(edges.shape)})"
            )
        return mask.expand(shape)
    mask = torch.zeros_like(neighbors, dtype=torch.bool)
    forms = f"`{name}` must hold a bool tensor, pairs (neighbor, center) or a function for layer {layer.index + 1}"
    try:
        pairs = list(edges)
    except TypeError:
        raise TypeError(f"{forms} (got {quoted(edges)})") from None
    for pair in pairs:
        try:
            neighbor, center = (int(node) for node in pair)
        except (TypeError, ValueError):
            raise TypeError(f"{forms} (got {quoted(pair)} among its edges)") from None
        if not 0 <= center < neighbors.shape[1]:
            raise ValueError(f"`{name}` must name centers in [0, {neighbors.shape[1]}) (got {quoted(center)})")
        hit = neighbors[:, center] == neighbor
        if not bool(hit.any()):
            raise ValueError(
                f"`{name}` must name edges of layer {layer.index + 1} "
                f"(got {quoted(neighbor)} -> {center}, which is none)"
            )
        mask[:, center] |= hit
    return mask
