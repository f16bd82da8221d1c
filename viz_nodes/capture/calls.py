"""What one forward did in one graph layer: what was seen of it (`GraphCall`), and what that means (`Site`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph
from viz_nodes.capture.adapters.partition import Partition

if TYPE_CHECKING:
    from viz_nodes.capture.messages import Seen

Grid = tuple[int, int]
Runs = frozenset[tuple[nn.Module, int]]
"""Modules, each with how many times it had run before."""


class NoGraphLayer(ValueError):
    """The network ran, and no graph convolution was seen (or none whose place on the image is known)."""


@dataclass(eq=False)
class Consumed:
    """What a direct child of a graph convolution was given and gave.

    Attributes:
        module: the child.
        input: its first, the tensor that the graph convolution computed; None where that was not a tensor.
        output: its output.
        versions: of both when they were seen, to notice if the network overwrote them since.
    """

    module: nn.Module
    input: Tensor | None
    output: Tensor | None = None
    versions: list[int] = field(default_factory=list)

    @property
    def untouched(self) -> bool:
        tensors = [tensor for tensor in (self.input, self.output) if tensor is not None]
        return [tensor._version for tensor in tensors] == self.versions


@dataclass(eq=False)
class Site:
    """What a graph layer means to the network around it: where its nodes lie, and what is explained for it.

    Attributes:
        index: its place among the network's graph layers.
        grid: (H, W) of all nodes; (0, 0) until known.
        window: (h, w) of a window, where there are some.
        partition: how windows in the batch lie on the grid; None where there are none.
        cam_layer: module path of what is explained: a convolution, an enclosing module, or the layer itself.
        cam_call: how many times that module had run before.
        cam_module: that module.
        activations: (B, C, H, W) its output, connected to the logits.
        enclosing: the module that takes (B, C, H, W) with all nodes; None where there is none.
        reader: the module nearest to the layer that takes all nodes on their grid, as (B, C, H, W) or (B, H, W, C);
            None where that is `enclosing`.
        channels_last: whether as (B, H, W, C).
        listed: whether no module takes or gives the nodes on their grid, so that the layer's own output is explained.
    """

    index: int = 0
    grid: Grid = (0, 0)
    window: Grid | None = None
    partition: Partition | None = None
    cam_layer: str = ""
    cam_call: int = 0
    cam_module: nn.Module | None = None
    activations: Tensor | None = None
    enclosing: nn.Module | None = None
    reader: nn.Module | None = None
    channels_last: bool = False
    listed: bool = False


@dataclass(eq=False)
class Known:
    """How a graph layer aggregates, once that was recognized; see `viz_nodes.capture.aggregation.Aggregation`.

    Attributes:
        kind: "" until it is.
        slots, layout, child, inner: where the messages lie.
        passed: whether messages are handed around edge by edge.
        variant: which of the adapter's variants the messages bear out; -1 for the adapter itself.
        steps: which of the aggregations seen in the arithmetic of its module's run are this layer's, counted from 0.
        gathering: which of the network's aggregations of nodes into groups made those it hears, from 0; -1 for none.
    """

    kind: str = ""
    slots: slice = field(default_factory=lambda: slice(None))
    passed: bool = False
    variant: int = -1
    steps: tuple[int, ...] = ()
    gathering: int = -1
    layout: str = ""
    child: int = -1
    inner: int = -1


@dataclass(eq=False)
class GraphCall:
    """One graph layer of one forward, as it was seen.

    Attributes:
        name: module path.
        module: the graph convolution.
        adapter: what found it.
        family: the adapter of which that one is a variant, or the same.
        graph: what it was given.
        args, kwargs: as it was called.
        site: what it means.
        known: how it aggregates, as far as an earlier forward has shown.
        consumed: its direct children, in the order they ran.
        output: what it returned, connected to the logits; None where that was not a tensor.
        nodes: (B, C, N, 1) its output node by node, whatever its layout, connected to the logits; None where it is not.
        times: how many times the module had run before.
        order: how many graph convolutions had started before it, wrappers counted.
        maker: (module, how many times it had run before) of the module that made the edge tensor, or None.
        ranked: inputs of that module: floating point tensors, x first.
        features: (B, C, H, W) what the enclosing module last computed before the layer; only for windows.
        around: (B, C, H, W) what the module around the layer (`Site.reader`, else `enclosing`) was given, where nodes
            are to be put back in order.
        last_grid: (H, W) of the last tensor (B, C, H, W) before it that had as many places as it has nodes.
        landed: what the module around a layer that was seen in the arithmetic gave, on the grid, or as a list of nodes.
        versions: of the features it was given, to notice if the network overwrote them since.
        seen: its aggregations, where they were seen in the arithmetic of the forward.
        steps: which of those in its module's run they are, counted from 0.
        gathering: as in `Known`.
        within: the modules in which it runs.
        leaking: whether features of neighbors were also used in another way there.
        inside: the graph layer that was running when it started, if one was.
        beside: module paths of graph layers that ran inside of it among nodes that lie nowhere on the image.
    """

    name: str
    module: nn.Module
    adapter: Adapter
    family: Adapter
    graph: Graph
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    site: Site = field(default_factory=Site)
    known: Known = field(default_factory=Known)
    consumed: list[Consumed] = field(default_factory=list)
    output: Tensor | None = None
    nodes: Tensor | None = None
    times: int = 0
    order: int = 0
    maker: tuple[nn.Module, int] | None = None
    ranked: tuple[Tensor, ...] = ()
    features: Tensor | None = None
    around: Tensor | None = None
    last_grid: Grid | None = None
    landed: Tensor | None = None
    versions: list[int] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    gathering: int = -1
    within: Runs = frozenset()
    leaking: bool = False
    inside: GraphCall | None = None
    beside: list[str] = field(default_factory=list)

    @property
    def untouched(self) -> bool:
        """Whether the features it was given are still what they were."""
        return [self.graph.x._version, self.graph.y._version] == self.versions

    @property
    def index(self) -> int:
        """Its place among the network's graph layers."""
        return self.site.index

    @property
    def grid(self) -> Grid:
        """(H, W) of all nodes."""
        return self.site.grid

    @property
    def partition(self) -> Partition | None:
        """How windows in the batch lie on the grid."""
        return self.site.partition

    @property
    def cam_layer(self) -> str:
        """Module path of what is explained."""
        return self.site.cam_layer

    @property
    def pools(self) -> bool:
        """Whether its keys are its nodes, or can be pooled from their grid."""
        keys = self.graph.y.shape[2]
        return keys == self.graph.x.shape[2] or pools_to(self.grid, keys)

    @property
    def beside_a_grid(self) -> bool:
        """Whether its nodes are in a list that holds more than those of the grid: tokens of classes, say."""
        last = self.last_grid
        return last is not None and self.grid[0] == 1 and last[0] * last[1] != self.grid[1]

    @property
    def key_grid(self) -> Grid:
        """(h, w) of the key nodes."""
        if self.site.partition is not None and self.site.window is not None:
            window = key_grid(self.site.window, self.graph.y.shape[2])
            return self.grid[0] // self.site.window[0] * window[0], self.grid[1] // self.site.window[1] * window[1]
        return key_grid(self.grid, self.graph.y.shape[2])


def pools_to(grid: Grid, keys: int) -> bool:
    """Whether M key nodes can be pooled from a grid: (H // r) * (W // r) = M for some r."""
    return any((grid[0] // r) * (grid[1] // r) == keys for r in range(1, min(grid) + 1))


def key_grid(grid: Grid, keys: int) -> Grid:
    """(h, w) of M key nodes pooled from a grid: the r with (H // r) * (W // r) = M, else the nearest shape."""
    for r in range(1, min(grid) + 1):
        if (grid[0] // r) * (grid[1] // r) == keys:
            return grid[0] // r, grid[1] // r
    shapes = [(h, keys // h) for h in range(1, keys + 1) if keys % h == 0]
    return min(shapes, key=lambda shape: abs(grid[0] * shape[1] - grid[1] * shape[0]))


@dataclass(eq=False)
class Frame:
    """A module that is running, while it is watched.

    Attributes:
        module, name: which.
        times: how many times it had run before.
        size, batch: (H, W) and B of its first input, where that is (B, C, H, W), or (B, H, W, C) on a known grid.
        channels_last: whether that is (B, H, W, C); the first of `floats` is then seen as (B, C, H, W).
        call: the graph layer, if it is one.
        edges: an edge tensor among its inputs.
        floats: its floating point inputs.
        consumed: its record as a child of a graph convolution.
        last: what the module inside it that ended last gave, where that was (B, C, H, W).
        since: how many graph convolutions had started before it.
        steps: how many aggregations were seen in its arithmetic.
    """

    module: nn.Module
    name: str
    times: int = 0
    size: Grid | None = None
    batch: int = 0
    channels_last: bool = False
    call: GraphCall | None = None
    edges: Tensor | None = None
    floats: tuple[Tensor, ...] = ()
    consumed: Consumed | None = None
    last: Tensor | None = None
    since: int = 0
    steps: int = 0

    def channels_first(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same numbers at the same places, by way of a tensor (B, C, H, W) that is kept as what was given."""
        first = args[0].permute(0, 3, 1, 2)
        self.floats = (first, *self.floats[1:])
        return (first.permute(0, 2, 3, 1), *args[1:])


def same_tensor(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two tensors are the same values in the same memory."""
    if a is None or b is None:
        return False
    return a is b or (a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride())
