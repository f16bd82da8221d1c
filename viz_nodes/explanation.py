"""The frozen results every other room accepts: one `Explanation`, a `LayerExplanation` for each graph layer.

Shapes use these letters: B rows (one image explained for one target), N = H * W nodes, M = h * w key nodes,
k neighbors. All arrays are detached CPU tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    import os

    import networkx as nx

NO_EDGE = -1
"""In `neighbors`: this place holds no edge (graphs whose nodes have unequal numbers of neighbors)."""
NO_PEAK = -1
"""In `peak`: the map is blank, no node may be called the most discriminative one."""

ACTIVATIONS = ("softmax", "sigmoid", "given", "none")
"""In `Explanation.activation`."""


def _require_shape(name: str, array: Tensor, expected: tuple[int, ...]) -> None:
    if tuple(array.shape) != expected:
        raise ValueError(f"`{name}` must have shape {expected} (got {tuple(array.shape)})")


@dataclass(frozen=True, eq=False)
class LayerExplanation:
    """One graph layer: where it looked, and whom each node asked.

    Attributes:
        index: place among the network's graph layers, from 0.
        name: module path of the graph convolution.
        grid: (H, W) of the nodes.
        key_grid: (h, w) of the key nodes that `neighbors` indexes; equal to `grid` where keys are not pooled.
        cam: (B, H, W) raw class activation map, >= 0, not normalised.
        peak: (B,) int64, the node with the highest CAM value; `NO_PEAK` where the map is blank or flat, and where the
            image is of one color.
        neighbors: (B, N, k) int64 into the key nodes, nearest first, exactly the edges the network used; `NO_EDGE`
            where a node has fewer than k.
        share: (B, N, k), the fraction of channels that the neighbor wins; sums to 1 over a node's neighbors.
        contribution: (B, N, k), gradient x message over the channels the neighbor wins (signed, in logits).
        exact: whether share and contribution are exact for this layer's aggregation.
        conv: how neighbors are aggregated: "mr", "edge", "sage", "gin", "max" or "sum" (over other messages that are
            known; a mean is a sum), or "other".
        dilation: every how many-th candidate was kept (1 where unknown).
        distance: (B, N, k) what the layer ranked its neighbors by (squared distance of normalised features, plus the
            relative position term where there is one); None where the layer has no such ranking.
        margin: (B, N, k) distance of the first rejected candidate minus the neighbor's own, >= 0: how certain the edge
            is; None where unknown.
        skipped: (B, N, s) int64, nearer candidates that dilation left out, nearest first; None where unknown.
    """

    index: int
    name: str
    grid: tuple[int, int]
    key_grid: tuple[int, int]
    cam: Tensor
    peak: Tensor
    neighbors: Tensor
    share: Tensor
    contribution: Tensor
    exact: bool = True
    conv: str = "other"
    dilation: int = 1
    distance: Tensor | None = None
    margin: Tensor | None = None
    skipped: Tensor | None = None

    def __post_init__(self) -> None:
        rows, nodes = self.cam.shape[0], self.grid[0] * self.grid[1]
        _require_shape("cam", self.cam, (rows, *self.grid))
        _require_shape("peak", self.peak, (rows,))
        edges = (rows, nodes, self.neighbors.shape[-1])
        for name in ("neighbors", "share", "contribution", "distance", "margin"):
            array = getattr(self, name)
            if array is not None:
                _require_shape(name, array, edges)
        keys = self.key_grid[0] * self.key_grid[1]
        if self.neighbors.numel() and not (int(self.neighbors.min()) >= NO_EDGE and int(self.neighbors.max()) < keys):
            raise ValueError(f"`neighbors` must lie in [-1, {keys}) for a key grid of {self.key_grid}")

    def __repr__(self) -> str:
        (rows, _, near), (h, w), (kh, kw) = self.neighbors.shape, self.grid, self.key_grid
        keys = "" if self.grid == self.key_grid else f", {kh}x{kw} key nodes"
        peak = self.peak.tolist() if rows <= 8 else f"{rows} rows"
        return (
            f"<LayerExplanation index={self.index} {self.name}: {h}x{w} nodes{keys}, {near} neighbors each, "
            f"peak {peak}, {self.conv}{'' if self.exact else ', not exact'}>"
        )

    @property
    def number(self) -> int:
        """The layer as people count it, from 1."""
        return self.index + 1

    @property
    def reduction(self) -> tuple[float, float]:
        """How many nodes a key node spans, down and across: (1.0, 1.0) where keys are not pooled."""
        return self.grid[0] / self.key_grid[0], self.grid[1] / self.key_grid[1]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a network answered, why, and along which edges: from one forward and one backward.

    A row is one image explained for one target; `target="top3"` gives three rows an image.

    Attributes:
        logits: (B, classes).
        target: (B,) int64, the class explained; -1 where the target was a callable.
        layers: the explained graph layers, in the order of the network.
        method: name of the CAM method.
        image_size: (height, width) in pixels of the network's input.
        depth: number of graph layers in the network, explained or not.
        versus: (B,) int64, the class contrasted with, or None.
        source: (B,) int64, which input image a row explains.
        labels: the class names, or None.
        model: name of the network, "" where unknown.
        activation: what makes probabilities of the logits: "softmax", "sigmoid", "given" (they are probabilities
            already), or "none" (plain numbers, such as those of a regression or an embedding).
        output: the steps into the network's raw output to the tensor that `logits` is; () for the output itself.
        explained: for each row what a callable target explains, in words, "" for a class; None where all are classes.
        scored_by: the score (`viz_nodes.capture.score.Score`) that was explained; not saved.
    """

    logits: Tensor
    target: Tensor
    layers: tuple[LayerExplanation, ...]
    method: str
    image_size: tuple[int, int]
    depth: int
    versus: Tensor | None = None
    source: Tensor | None = None
    labels: tuple[str, ...] | None = None
    model: str = ""
    extras: dict[str, Any] = field(default_factory=dict)
    activation: str = "softmax"
    output: tuple[int | str, ...] = ()
    explained: tuple[str, ...] | None = None
    scored_by: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        rows = self.logits.shape[0]
        _require_shape("target", self.target, (rows,))
        if self.source is None:
            object.__setattr__(self, "source", torch.arange(rows))
        for name in ("source", "versus"):
            array = getattr(self, name)
            if array is not None:
                _require_shape(name, array, (rows,))
        for layer in self.layers:
            if layer.cam.shape[0] != rows:
                raise ValueError(f"layer {layer.number} must have {rows} rows (got {layer.cam.shape[0]})")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)} (got {self.activation!r})")
        if self.explained is not None and len(self.explained) != rows:
            raise ValueError(f"`explained` must have an entry for each of {rows} rows (got {len(self.explained)})")
        if self.labels is not None and len(self.labels) != self.logits.shape[1]:
            raise ValueError(f"`labels` must name {self.logits.shape[1]} classes (got {len(self.labels)})")

    def __repr__(self) -> str:
        rows = [self.target_label(row) for row in range(min(len(self), 8))]
        if self.versus is not None:
            others = self.versus[:8]
            rows = [f"{row} rather than {self.label(int(v))}" for row, v in zip(rows, others, strict=True)]
        more = f", ... ({len(self)} rows)" if len(self) > len(rows) else ""
        layers = ", ".join(str(layer.index) for layer in self.layers)
        named = f" of {self.model}" if self.model else ""
        return f"<Explanation{named} by {self.method}: {', '.join(rows)}{more}; layers {layers} of {self.depth}>"

    def __len__(self) -> int:
        return int(self.logits.shape[0])

    def layer(self, index: int) -> LayerExplanation:
        """The explained layer with this place in the network, from 0; negative from the network's end.

        Raises:
            IndexError: the network has no such layer, or it was not among the `layers` explained.
        """
        place = index + self.depth if index < 0 else index
        for layer in self.layers:
            if layer.index == place:
                return layer
        if not 0 <= place < self.depth:
            raise IndexError(f"`layer` must be in [-{self.depth}, {self.depth}) (got {index})")
        explained = [layer.index for layer in self.layers]
        raise IndexError(
            f"layer {index} was not explained; explained are {explained}, ask for it in `explain(layers=...)`"
        )

    @property
    def probabilities(self) -> Tensor:
        """(B, classes), what `activation` makes of the logits; the logits themselves where they are plain numbers."""
        if self.activation == "softmax":
            return self.logits.softmax(dim=-1)
        return self.logits.sigmoid() if self.activation == "sigmoid" else self.logits

    @property
    def probable(self) -> bool:
        """Whether `probabilities` are any, so that a percentage may be said."""
        return self.activation != "none"

    def label(self, index: int) -> str:
        """Name of a class, "class 7" where none is known, "output 7" where outputs are plain numbers."""
        if self.labels is not None and 0 <= index < len(self.labels):
            return self.labels[index]
        if index < 0:
            return "custom target"
        return f"class {index}" if self.probable else f"output {index}"

    def target_label(self, row: int) -> str:
        """What a row explains: the name of its class, or what its callable target says of itself."""
        index = int(self.target[row])
        own = "" if self.explained is None else self.explained[row]
        return own if index < 0 and own else self.label(index)

    def graph(self, layer: int, image: int = 0) -> nx.DiGraph:
        """The layer's whole graph, see `viz_nodes.graphs.digraphs.layer_graph`."""
        from viz_nodes.graphs.digraphs import layer_graph

        return layer_graph(self, layer, image)

    def ego_graph(self, layer: int, node: int | None = None, *, hops: int = 1, image: int = 0) -> nx.DiGraph:
        """A node (the peak by default) with its neighbors, see `viz_nodes.graphs.digraphs.ego_graph`."""
        from viz_nodes.graphs.digraphs import ego_graph

        return ego_graph(self, layer, node, hops=hops, image=image)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write everything needed to draw without the model, see `viz_nodes.export.archive.save`."""
        from viz_nodes.export.archive import save

        save(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote, see `viz_nodes.export.archive.load`."""
        from viz_nodes.export.archive import load

        return load(folder)
