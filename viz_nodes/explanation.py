"""The frozen results every other room accepts: one `Explanation`, a `LayerExplanation` for each graph layer.

Shapes use these letters: B rows (one image explained for one target), N = H * W nodes, M = h * w key nodes,
k neighbors. All arrays are detached CPU tensors.
One file because the two nouns check, name and ask each other, and everything else accepts them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from viz_nodes.arguments import require_kind, require_pair, require_range, require_shape, whole
from viz_nodes.deferred import is_pending, when_asked
from viz_nodes.grids import NO_EDGE, NO_PEAK
from viz_nodes.places import GridPlaces, Places
from viz_nodes.text import quoted

if TYPE_CHECKING:
    import os

    import networkx as nx

__all__ = ["NO_EDGE", "NO_PEAK", "Explanation", "LayerExplanation"]

_ROUNDING = 1e-2
_REJECTED = ("skipped", "rejected", "rejected_distance")
_RANKED = ("distance", "margin", *_REJECTED)
"""In `LayerExplanation`: what a layer's ranking says, and of those what is about candidates that were not chosen."""
ACTIVATIONS = ("softmax", "sigmoid", "given", "none")
"""In `Explanation.activation`."""


_LARGEST_SIDE = 2**24
"""Nodes a side of a grid, at most: their numbers must fit into the integers that name them."""


@dataclass(frozen=True, eq=False)
class LayerExplanation:
    """One graph layer: where it looked, and from which nodes each aggregates.

    Attributes:
        index: place among the network's graph layers, from 0.
        name: module path of the graph convolution.
        grid: (H, W) of the nodes.
        key_grid: (h, w) of the key nodes that `neighbors` indexes; equal to `grid` where keys are not pooled.
        cam: (B, H, W) raw class activation map, >= 0, not normalized.
        peak: (B,) int64, the node with the highest CAM value; `NO_PEAK` where the map is blank or flat, and where the
            image is of one color.
        neighbors: (B, N, k) int64 into the key nodes, nearest first, exactly the edges the network used; `NO_EDGE`
            where a node has fewer than k.
        share: (B, N, k), the fraction of channels in which the neighbor has the largest message; sums to 1 over a
            node's neighbors.
        contribution: (B, N, k), gradient x message over those channels (signed, in logits).
        exact: whether share and contribution are exact for this layer's aggregation.
        conv: how neighbors are aggregated: "mr", "edge", "sage", "gin", "max" or "sum" (over other messages that are
            known; a mean is a sum), or "other".
        dilation: every how many-th candidate was kept; None where unknown.
        distance: (B, N, k) what the layer ranked its neighbors by (squared distance of normalized features, plus the
            relative position term where there is one); None where the layer has no such ranking.
        margin: (B, N, k) distance of the first rejected candidate minus the neighbor's own, >= 0: how certain the edge
            is; None where unknown.
        skipped: (B, N, s) int64, nearer candidates that dilation left out, nearest first; None where unknown.
        rejected: (B, N, c) int64, the candidates most like a node that it did not keep, nearest first: those of
            `skipped`, then the next k, fewer where there are no more; None where unknown.
        rejected_distance: (B, N, c) their distances. These and `dilation`, `distance`, `margin`, `skipped` are computed
            when they are first asked for.
        placed: whether node i is proven to lie where it is drawn on the image: True; False where that is refuted, and
            the layer is not drawn on the picture; None where it was not tried.
        image: which of the network's input images, or of the views of each, the layer belongs to, from 0; None where
            it hears several.
        places: the regions of nodes that are no grid (`viz_nodes.places`), then `grid` is (1, N): one for all rows, or
            one a row; None for the patches of a grid.
        groups: (B, E, N) of a hypergraph, each node's part of each of its E groups (hyperedges); -1 for nodes that are
            not in it. `neighbors` then are the members of all groups that a node hears, and share and contribution
            those of the groups times the member's part. None for graphs.
        heard: (B, N, c) int64, the groups that each node hears; `NO_EDGE` where it hears fewer.
        heard_share: (B, N, c), their shares.
        note: what people should know of the places of this layer, such as nodes that were left out; "" for nothing.
        effect: (B, N, k) what cutting each edge alone did to the score, after minus before, NaN where nobody measured
            it; None where nothing was (`viz_nodes.with_effects` measures).
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
    dilation: int | None = when_asked()
    distance: Tensor | None = when_asked()
    margin: Tensor | None = when_asked()
    skipped: Tensor | None = when_asked()
    rejected: Tensor | None = when_asked()
    rejected_distance: Tensor | None = when_asked()
    placed: bool | None = None
    image: int | None = 0
    places: Places | tuple[Places, ...] | None = None
    note: str = ""
    effect: Tensor | None = None
    groups: Tensor | None = None
    heard: Tensor | None = None
    heard_share: Tensor | None = None

    def __post_init__(self) -> None:
        for name in ("grid", "key_grid"):
            require_pair(name, getattr(self, name))
            if max(getattr(self, name)) > _LARGEST_SIDE:
                raise ValueError(f"`{name}` must be at most {_LARGEST_SIDE} a side (got more)")
        optional = [name for name in _RANKED if not is_pending(self, name)] + ["effect"]
        asked = [name for name in optional if getattr(self, name) is not None]
        for name in ("cam", "share", "contribution", "peak", "neighbors", *asked):
            require_kind(name, getattr(self, name), integer=name in ("peak", "neighbors", "skipped", "rejected"))
        rows = self.cam.shape[0]
        require_shape("cam", self.cam, (rows, *self.grid))
        require_shape("peak", self.peak, (rows,))
        edges = (rows, self.num_nodes, *self.neighbors.shape[-1:])
        for name in ("neighbors", "share", "contribution", *asked):
            others = getattr(self, name) if name in _REJECTED else self.neighbors
            require_shape(name, getattr(self, name), (*edges[:2], *others.shape[-1:]))
        for name in ("skipped", "rejected"):
            if name in asked:
                require_range(name, getattr(self, name), NO_EDGE, self.num_keys, f"a key grid of {self.key_grid}")
        require_range("neighbors", self.neighbors, NO_EDGE, self.num_keys, f"a key grid of {self.key_grid}")
        require_range("peak", self.peak, NO_PEAK, self.num_nodes, f"a grid of {self.grid}")
        self._require_places(rows)
        self._require_groups(rows)
        # A hair of room: shares are rounded to the precision they are kept in.
        if bool(((self.share < -_ROUNDING) | (self.share > 1 + _ROUNDING)).any()):
            raise ValueError(f"`share` must lie in [0, 1] (got {float(self.share.min())} to {float(self.share.max())})")
        if bool((self.cam < 0).any()):
            raise ValueError(f"`cam` must be 0 or above (got {float(self.cam.min())})")
        known = self.cam.isfinite().flatten(1).all(1)
        if bool((~known & (self.peak != NO_PEAK)).any()):
            raise ValueError(
                "`cam` must be finite where it has a peak (got NaN or infinity): the network's weights, or the image, "
                "lead to numbers that are none"
            )

    def _require_groups(self, rows: int) -> None:
        if self.groups is None and self.heard is None and self.heard_share is None:
            return
        if self.groups is None or self.heard is None or self.heard_share is None:
            raise ValueError("`groups`, `heard` and `heard_share` must be given together")
        count = self.groups.shape[1] if self.groups.ndim > 1 else 0
        for name, array in (("groups", self.groups), ("heard", self.heard), ("heard_share", self.heard_share)):
            require_kind(name, array, integer=name == "heard")
            others = (count, self.num_nodes) if name == "groups" else (self.num_nodes, *self.heard.shape[-1:])
            require_shape(name, array, (rows, *others))
        require_range("heard", self.heard, NO_EDGE, count, f"{count} groups")

    def _require_places(self, rows: int) -> None:
        if self.places is None:
            return
        if isinstance(self.places, tuple) and len(self.places) != rows:
            raise ValueError(f"`places` must be one, or one for each of {rows} rows (got {len(self.places)})")
        if self.pooled:
            raise ValueError(f"`places` must be of nodes that are asked themselves (got a key grid of {self.key_grid})")
        for places in self.places if isinstance(self.places, tuple) else (self.places,):
            if not isinstance(places, Places):
                raise TypeError(f"`places` must be made by `viz_nodes.places` (got {type(places).__name__})")
            if places.num_nodes != self.num_nodes:
                raise ValueError(f"`places` must have {self.num_nodes} regions (got {quoted(places.num_nodes)})")

    def __repr__(self) -> str:
        (rows, _, near), (h, w), (kh, kw) = self.neighbors.shape, self.grid, self.key_grid
        keys = f", {kh}x{kw} key nodes" if self.pooled else ""
        peak = self.peak.tolist() if rows <= 8 else f"{rows} rows"
        return (
            f"<LayerExplanation index={self.index} {self.name}: {h}x{w} nodes{keys}, {near} neighbors each, "
            f"peak {peak}, {self.conv}{'' if self.exact else ', not exact'}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: everything is there."""
        return {name: getattr(self, name) for name in vars(self)}

    @property
    def ranked(self) -> bool:
        """Whether a neighbor's rank says anything: the layer is known to have sorted its neighbors, nearest first.

        False where nobody ranked them (rolls of the grid, edge lists), and where by what is not known.
        """
        return self.distance is not None

    @property
    def number(self) -> int:
        """The layer as people count it, from 1."""
        return self.index + 1

    @property
    def num_nodes(self) -> int:
        """N, how many nodes the layer has."""
        return self.grid[0] * self.grid[1]

    @property
    def num_keys(self) -> int:
        """M, how many key nodes `neighbors` indexes."""
        return self.key_grid[0] * self.key_grid[1]

    @property
    def pooled(self) -> bool:
        """Whether neighbors are key nodes of a grid of their own, not nodes."""
        return self.grid != self.key_grid

    @property
    def reduction(self) -> tuple[float, float]:
        """How many nodes a key node spans, down and across: (1.0, 1.0) where keys are not pooled."""
        return self.grid[0] / self.key_grid[0], self.grid[1] / self.key_grid[1]

    def regions(self, size: tuple[int, int], row: int = 0, *, keys: bool = False) -> Places:
        """Where the nodes of a row lie: its `places`, or the patches of the grid.

        Args:
            size: (height, width) of the image, for patches: `Explanation.image_size`.
            row: of the explanation.
            keys: the key nodes.
        """
        if self.places is None:
            return GridPlaces(self.key_grid if keys else self.grid, size)
        return self.places[row] if isinstance(self.places, tuple) else self.places

    def node(self, where: Any, *, name: str = "node", row: int = 0) -> int:
        """Number of the node meant by a number, a (row, col) or an (x, y).

        On a 14 x 14 grid 105, (7, 7) and (0.5, 0.5) are the same node.

        Args:
            where: a node number; a (row, col) tuple of whole numbers; or an (x, y) tuple with a fraction in it, from
                the left and top of what the network saw, both from 0 to 1.
            name: what an error calls it.
            row: of the explanation, for regions that differ from image to image.

        Raises:
            TypeError: it is something else.
            ValueError: the layer has no such node.
        """
        if not isinstance(where, tuple):
            try:
                node = whole(name, where)
            except TypeError:
                raise TypeError(f"`{name}` must be {_WHERE} (got {quoted(where)})") from None
            if not 0 <= node < self.num_nodes:
                raise ValueError(
                    f"`{name}` must lie in [0, {self.num_nodes}) for a grid of {self.grid} (got {quoted(node)})"
                )
            return node
        if len(where) != 2 or not all(isinstance(value, Real) and not isinstance(value, bool) for value in where):
            raise TypeError(f"`{name}` must be {_WHERE} (got {quoted(where)})")
        height, width = self.grid
        if any(not hasattr(value, "__index__") for value in where):
            if not all(0 <= value <= 1 for value in where):
                raise ValueError(f"`{name}` as an (x, y) must have both from 0 to 1 (got {quoted(where)})")
            regions = self.regions((height, width), row)
            node = regions.at(where[0] * regions.size[1], where[1] * regions.size[0])
            if node < 0:
                raise ValueError(f"`{name}` must lie in the region of a node (got {quoted(where)}, which is nobody's)")
            return node
        down, across = (operator.index(value) for value in where)
        if self.places is not None:
            raise ValueError(
                f"`{name}` must be a number or an (x, y), for these nodes are no grid (got {quoted(where)})"
            )
        if not (0 <= down < height and 0 <= across < width):
            raise ValueError(f"`{name}` must be a (row, col) in a grid of {self.grid} (got {quoted((down, across))})")
        return down * width + across


_WHERE = "a node number, a (row, col) tuple of whole numbers or an (x, y) tuple of fractions"


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
    scored_by: Any = field(default=None, repr=False, metadata={"saved": False})

    def __post_init__(self) -> None:
        require_kind("logits", self.logits, integer=False)
        rows, classes = (int(side) for side in self.logits.shape)
        if self.source is None:
            object.__setattr__(self, "source", torch.arange(rows))
        for name in ("target", "source", "versus"):
            array = getattr(self, name)
            if array is not None:
                require_kind(name, array, integer=True)
                require_shape(name, array, (rows,))
        for name in ("target", "versus"):
            if getattr(self, name) is not None:
                require_range(name, getattr(self, name), -1, classes, f"{classes} classes")
        require_pair("image_size", self.image_size)
        before = -1
        for layer in self.layers:
            if not before < layer.index < self.depth:
                raise ValueError(
                    f"`layers` must be in the order of the network's {self.depth} "
                    f"(got indices {[each.index for each in self.layers]})"
                )
            before = layer.index
            if layer.cam.shape[0] != rows:
                raise ValueError(f"layer {layer.number} must have {rows} rows (got {layer.cam.shape[0]})")
            for places in layer.places if isinstance(layer.places, tuple) else (layer.places,):
                if places is not None and places.size != tuple(self.image_size):
                    raise ValueError(
                        f"`places` of layer {layer.number} must be of an image of {tuple(self.image_size)} "
                        f"(got one of {places.size})"
                    )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)} (got {quoted(self.activation)})")
        if self.explained is not None and len(self.explained) != rows:
            raise ValueError(f"`explained` must have an entry for each of {rows} rows (got {len(self.explained)})")
        if self.labels is not None and len(self.labels) != classes:
            raise ValueError(f"`labels` must name {classes} classes (got {len(self.labels)})")

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

    def row(self, row: int = 0) -> int:
        """Number of a row from 0; negative from the end, so that -1 is the last.

        Raises:
            IndexError: there is no such row.
            TypeError: not a whole number.
        """
        place = whole("row", row)
        if not -len(self) <= place < len(self):
            raise IndexError(
                f"`row` must be in [-{len(self)}, {len(self)}), the rows of the explanation (got {quoted(place)})"
            )
        return place % len(self)

    def rows(self, rows: int | Iterable[int] | None = None) -> list[int]:
        """Numbers of several rows: one, some, or all where None."""
        return list(range(len(self))) if rows is None else [self.row(row) for row in _several(rows)]

    def only(self, row: int) -> Explanation:
        """The explanation of one row, as the only row of the only image."""
        at = self.row(row)

        def cut(record: Explanation | LayerExplanation) -> dict[str, Any]:
            return {
                each.name: value[at : at + 1]
                for each in fields(record)
                if isinstance(value := getattr(record, each.name), Tensor) and len(value) == len(self)
            }

        layers = tuple(replace(layer, **cut(layer)) for layer in self.layers)
        return replace(
            self,
            **cut(self) | {"source": torch.zeros(1, dtype=torch.int64)},
            layers=layers,
            explained=None if self.explained is None else self.explained[at : at + 1],
            scored_by=None if self.scored_by is None else self.scored_by.row(at),
        )

    def pick(self, layers: int | Iterable[int] | None = None) -> tuple[LayerExplanation, ...]:
        """Explained layers in the order asked: one, some, or all where None."""
        return self.layers if layers is None else tuple(self.layer(index) for index in _several(layers))

    def layer(self, index: int) -> LayerExplanation:
        """The explained layer with this place in the network, from 0; negative from the network's end.

        Raises:
            IndexError: the network has no such layer, or it was not among the `layers` explained.
            TypeError: not a whole number.
        """
        index = whole("layer", index)
        place = index + self.depth if index < 0 else index
        for layer in self.layers:
            if layer.index == place:
                return layer
        if not 0 <= place < self.depth:
            raise IndexError(f"`layer` must be in [-{self.depth}, {self.depth}) (got {quoted(index)})")
        explained = [layer.index for layer in self.layers]
        raise IndexError(
            f"layer {index} was not explained; explained are {explained}, ask for it in `explain(layers=...)`"
        )

    def regions(self, layer: int, row: int = 0, *, keys: bool = False) -> Places:
        """Where a layer's nodes (or key nodes) lie on the image of a row, see `LayerExplanation.regions`."""
        return self.layer(layer).regions(self.image_size, self.row(row), keys=keys)

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

    def graph(self, layer: int, row: int = 0, *, image: int | None = None) -> nx.DiGraph:
        """The layer's whole graph, see `viz_nodes.graphs.digraphs.layer_graph`; `image` is another name of `row`."""
        from viz_nodes.graphs.digraphs import layer_graph

        return layer_graph(self, layer, row if image is None else image)

    def hypergraph(self, layer: int, row: int = 0) -> nx.DiGraph:
        """Nodes, groups and who is in which, see `viz_nodes.graphs.hypergraphs.hypergraph`."""
        from viz_nodes.graphs.hypergraphs import hypergraph

        return hypergraph(self, layer, row)

    def ego_graph(
        self, layer: int, node: Any = None, *, hops: int = 1, row: int = 0, image: int | None = None
    ) -> nx.DiGraph:
        """A node (the peak by default) with its neighbors, see `viz_nodes.graphs.digraphs.ego_graph`.

        `image` is another name of `row`.
        """
        from viz_nodes.graphs.digraphs import ego_graph

        return ego_graph(self, layer, node, hops=hops, row=row if image is None else image)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write everything needed to draw without the model, see `viz_nodes.export.archive.save`."""
        from viz_nodes.export.archive import save

        save(self, folder)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Explanation:
        """Read what `save` wrote, see `viz_nodes.export.archive.load`."""
        from viz_nodes.export.archive import load

        return load(folder)


def _several(value: int | Iterable[int]) -> Iterable[int]:
    """One thing as a list of it; arrays without a dimension are one, though their type can be iterated over."""
    return value if isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0 else [value]  # type: ignore[list-item]
