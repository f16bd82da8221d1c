"""What the toolkit must be told about a family of networks, and the rule for all that hand an edge tensor around."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.partition import Partition


@dataclass(eq=False)
class Sent:
    """The messages themselves, for networks that hand them around edge by edge.

    Attributes:
        places: (E,) place of every edge in a table of (nodes of all images, k), row by row.
        reduce: "max", "sum", "add" or "mean".
        messages: (E, ...), connected to the logits; None where there were none, or several rounds of them.
        aggregate: (nodes of all images, ...) what became of them.
        edges: (2, E) source and target of each message, where the layer did not use the edges it was given.
        passed: (E,) bool, which of them are passed on, where `edit_edges` holds some back.
        rounds: how often messages were sent in one call.
        between: whether they went between nodes and others, of another number, that the layer made itself.
        handles: hooks to remove when the module has run.
    """

    places: Tensor
    reduce: str
    messages: Tensor | None = None
    aggregate: Tensor | None = None
    edges: Tensor | None = None
    passed: Tensor | None = None
    rounds: int = 0
    between: bool = False
    handles: list[Any] = field(default_factory=list)

    def let_go(self) -> None:
        """Remove the hooks."""
        while self.handles:
            self.handles.pop().remove()


@dataclass(eq=False)
class Graph:
    """What a graph convolution was given. B, N, k may be those of windows folded into the batch (see `Partition`).

    Attributes:
        x: (B, C, N) features of the centers, as the module was given them (connected to the logits).
        neighbors: (B, N, k) int64 into the key nodes; -1 for no edge.
        y: (B, C, M) features of the key nodes; x itself where keys are not pooled.
        edge_index: the tensor (2, B, N, k) that was handed around, or None.
        sent: the messages, where they can be had edge by edge.
        distance: (B, N, k) by what the layer ranked its neighbors, where the adapter knows it; None where not.
        dilation: every how many-th candidate it kept, likewise.
        aligned: whether row i of `neighbors` belongs to center i for every i.
    """

    x: Tensor
    neighbors: Tensor
    y: Tensor
    edge_index: Tensor | None = None
    aligned: bool = True
    sent: Sent | None = None
    distance: Tensor | None = None
    dilation: int | None = None

    def of_images(self, images: int) -> Graph:
        """The same, where the nodes of all images lie in one list (x is (1, C, images * N)), image by image."""
        if self.x.shape[0] != 1 or images == 1 or self.x.shape[2] % images or self.y.shape[2] % images:
            return self
        channels, keys = self.x.shape[1], self.y.shape[2] // images
        return replace(
            self,
            x=self.x.view(channels, images, -1).transpose(0, 1),
            y=self.y.view(self.y.shape[1], images, -1).transpose(0, 1),
            neighbors=by_image(self.neighbors[0], images, keys),
            distance=None if self.distance is None else self.distance.reshape(images, -1, self.distance.shape[-1]),
        )


def by_image(neighbors: Tensor, images: int, keys: int) -> Tensor:
    """(B, N, k) places among the keys of an image, of (B * N, k) places among those of all images; -1 stays."""
    neighbors = neighbors.reshape(images, -1, neighbors.shape[1])
    first = torch.arange(images, device=neighbors.device)[:, None, None] * keys
    return torch.where(neighbors < 0, neighbors, neighbors - first)


class Adapter:
    """Where a family of networks keeps its graphs. Subclass it for a network that is not found by itself.

    Only `graph` must be written; `viz_nodes.capture.GUIDE` is the page with examples.

    Attributes:
        variants: adapters to try, in order, where what the module consumed is not what this one's graph and messages
            give: for code that keeps a name and changes what it means.
        guessed: whether `graph` rests on no more than a name. A guess that the messages do not bear out is an error,
            for its neighbors would be made up.
    """

    variants: tuple[Adapter, ...] = ()
    guessed: bool = False

    def claims(self, module: nn.Module) -> bool:
        """Whether this module is a graph convolution of the family; asked once for each module."""
        return True

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        """The graph that a call of the module aggregates over; None where this call has none."""
        raise NotImplementedError

    def settle(self, graph: Graph) -> Graph:
        """The graph as it turned out, after the call; for modules that change it while they run."""
        return graph

    def ignores(self, name: str, module: nn.Module) -> bool:
        """Whether a module is no graph layer, whatever it looks like; asked before any adapter claims it."""
        return False

    def messages(self, graph: Graph, module: nn.Module) -> Tensor | None:
        """(B, C, N, k) what each neighbor sends where the node takes the maximum per channel; y_j - x_i by default.

        Whether the module really used that maximum is checked on what it computed.
        """
        return gather(graph.y, graph.neighbors) - graph.x[..., None]

    @property
    def max_relative(self) -> bool:
        """Whether `messages` are y_j - x_i, as by default."""
        return type(self).messages is Adapter.messages

    def cam_layer(self, name: str) -> str | None:
        """Module path whose output (B, C, H, W) is explained for the graph convolution `name`.

        None for the rule: the last convolution called after the graph convolution, in the nearest enclosing module that
        takes (B, C, H, W) with all nodes; the output of the graph convolution itself where there is no such module.
        """
        return None

    def grid(self, name: str, nodes: int) -> tuple[int, int] | None:
        """(H, W) of the nodes of the graph convolution `name`, row by row; asked where no module around it has them so.

        None for the rule: the last (B, C, H, W) before it with as many places.
        """
        return None

    def places(self, name: str, nodes: int) -> Any:
        """Where the nodes of the graph convolution `name` lie, if on no grid: what `viz_nodes.places.as_places` takes.

        In pixels of the network's input, as `places=` of `explain`.
        """
        return None

    def partition(
        self,
        graph: Graph,
        window: tuple[int, int],
        enclosing: nn.Module,
        grid: tuple[int, int],
        features: Tensor | None,
    ) -> Partition | None:
        """How windows folded into the batch lie on the whole grid; called only where the batch is folded.

        Args:
            graph: the graph in the windows.
            window: (h, w) of a window.
            enclosing: the module that takes the whole grid.
            grid: (H, W).
            features: (B, C, H, W) what `enclosing` last computed before it cut the windows, or None.
        """
        own: Any = getattr(self, "fold", None)  # its name in 0.1
        return own(graph, window, enclosing, grid, features) if own is not None else None


def gather(y: Tensor, neighbors: Tensor) -> Tensor:
    """(B, C, N, k) features of neighbors; y (B, C, M), neighbors (B, N, k), places without an edge take node 0."""
    batch, channels, keys = y.shape
    table = y.transpose(1, 2).reshape(batch * keys, channels)
    offset = torch.arange(batch, device=neighbors.device)[:, None, None] * keys
    rows = (neighbors.clamp(min=0) + offset).flatten()
    return table.index_select(0, rows).view(*neighbors.shape, channels).permute(0, 3, 1, 2)


def is_edge_tensor(value: Any) -> bool:
    """Whether this looks like (2, B, N, k) int64: [0] the neighbors, [1] their centers."""
    return isinstance(value, Tensor) and value.dtype == torch.int64 and value.ndim == 4 and value.shape[0] == 2


def messages_of(adapter: Adapter, graph: Graph, module: nn.Module) -> Tensor | None:
    """What an adapter says of the messages; those written for 0.1 are not given the module."""
    takes = len(inspect.signature(adapter.messages).parameters)
    return adapter.messages(graph, module) if takes > 1 else adapter.messages(graph)  # type: ignore[call-arg]


class Ignore(Adapter):
    """Modules that are no graph layers: `explain(model, pixels, adapter=Ignore("stem", "SideConv"))`.

    Args:
        names: module paths, or names of classes.
    """

    def __init__(self, *names: str) -> None:
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError("`Ignore` takes module paths or class names")
        self.names = frozenset(names)

    def ignores(self, name: str, module: nn.Module) -> bool:
        """Whether it was named."""
        return name in self.names or type(module).__name__ in self.names

    def claims(self, module: nn.Module) -> bool:
        """Never."""
        return False

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        """None."""
        return None


class EdgeTensor(Adapter):
    """ViG, Pyramid ViG, GraphConvNet, mmpretrain's and all whose graph convolution takes (x, edge_index, y).

    x (B, C, N, 1) comes first, edge_index (2, B, N, k) int64 holds neighbors and centers, y (B, C, M, 1) the pooled key
    nodes where there are any.
    """

    def graph(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Graph | None:
        values = [*args, *kwargs.values()]
        if not values or not isinstance(values[0], Tensor) or not values[0].is_floating_point():
            return None
        edges = next((value for value in values[1:] if is_edge_tensor(value)), None)
        x = values[0]
        if edges is None or x.ndim < 3:
            return None
        x = x.flatten(2)
        if (x.shape[0], x.shape[2]) != tuple(edges.shape[1:3]):
            return None
        y = x
        for value in values[1:]:
            features = isinstance(value, Tensor) and value.is_floating_point() and value.ndim >= 3
            if features and value.shape[:2] == x.shape[:2]:
                y = value.flatten(2)
                break
        centers = torch.arange(x.shape[2], device=edges.device)[:, None]
        aligned = bool((edges[1] == centers).all())
        if not aligned and bool((edges[0] == centers).all()):  # centers first
            return Graph(x, edges[1], y, edges.flip(0))
        return Graph(x, edges[0], y, edges, aligned=aligned)
