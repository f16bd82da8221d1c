"""What a user writes for the edges of a layer, as a mask by node and rank, and the neighbors of an explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from viz_nodes.capture.adapters.base import Graph
from viz_nodes.capture.structure import Layer
from viz_nodes.explanation import Explanation

Edges = Tensor | Iterable[tuple[int, int]] | Callable[[Tensor], Tensor]


def frozen_neighbors(frozen: Explanation | None, layer: Layer, graph: Graph) -> Tensor | None:
    """(B, N, k) from the explanation, B, N those of windows where there are any; None where it says nothing.

    Raises:
        ValueError: it explains another number of images, or has other neighbors than the layer.
    """
    explained = None if frozen is None else next((one for one in frozen.layers if one.index == layer.index), None)
    if frozen is None or explained is None:
        return None
    assert frozen.source is not None
    images = graph.x.shape[0] // (1 if layer.partition is None else layer.partition.nodes.shape[0])
    sources = frozen.source.tolist()
    rows = [sources.index(source) for source in sorted(set(sources))]
    if len(rows) not in (1, images):
        raise ValueError(f"`frozen` must explain one image or the {images} that run (got {len(rows)})")
    whole = explained.neighbors[rows].to(graph.neighbors.device)
    whole = whole.expand(images, *whole.shape[1:])
    neighbors = whole if layer.partition is None else _window_neighbors(layer, whole)
    if neighbors.shape[:2] != graph.neighbors.shape[:2] or (
        graph.edge_index is not None and neighbors.shape != graph.neighbors.shape
    ):
        raise ValueError(
            f"`frozen` must hold neighbors {tuple(graph.neighbors.shape)} for layer {layer.index + 1} "
            f"(got {tuple(neighbors.shape)})"
        )
    return neighbors


def _window_neighbors(layer: Layer, whole: Tensor) -> Tensor:
    """(B, N, k) key nodes of the whole grid -> (B * windows, n, k) places in windows."""
    partition = layer.partition
    assert partition is not None
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
    for pair in edges:
        try:
            neighbor, center = (int(node) for node in pair)
        except (TypeError, ValueError):
            raise TypeError(
                f"`{name}` must hold a bool tensor, pairs (neighbor, center) or a function for layer {layer.index + 1} "
                f"(got {pair!r} among its edges)"
            ) from None
        if not 0 <= center < neighbors.shape[1]:
            raise ValueError(f"`{name}` must name centers in [0, {neighbors.shape[1]}) (got {center})")
        hit = neighbors[:, center] == neighbor
        if not bool(hit.any()):
            raise ValueError(
                f"`{name}` must name edges of layer {layer.index + 1} (got {neighbor} -> {center}, which is none)"
            )
        mask[:, center] |= hit
    return mask
