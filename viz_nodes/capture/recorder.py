"""Hooks on every module while one forward runs, and what they saw of its graph convolutions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, edits, is_edge_tensor
from viz_nodes.capture.adapters.partition import Fold
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of

Grid = tuple[int, int]


class _Running(threading.local):
    """The recordings of this thread, the last of which listens."""

    def __init__(self) -> None:
        self.stack: list[Any] = []


_running = _Running()


class NoGraphLayer(ValueError):
    """The network ran, and no graph convolution was seen (or none whose place on the image is known)."""


@dataclass(eq=False)
class Consumed:
    """What a direct child of a graph convolution was given and gave.

    Attributes:
        module: the child.
        given: its first input, the tensor that the graph convolution computed; None where that was not a tensor.
        gave: its output.
        versions: of both when they were seen, to notice if the network overwrote them since.
    """

    module: nn.Module
    given: Tensor | None
    gave: Tensor | None = None
    versions: list[int] = field(default_factory=list)

    @property
    def untouched(self) -> bool:
        tensors = [tensor for tensor in (self.given, self.gave) if tensor is not None]
        return [tensor._version for tensor in tensors] == self.versions


@dataclass(eq=False)
class GraphCall:
    """One graph layer of one forward.

    Attributes:
        name: module path.
        module: the graph convolution.
        adapter: what found it.
        graph: what it was given.
        args, kwargs: as it was called.
        consumed: its direct children, in the order they ran.
        output: what it returned, connected to the logits; None where that was not a tensor.
        grid: (H, W) of all nodes; (0, 0) until known.
        fold: how windows in the batch lie on the grid; None where there are none.
        window: (h, w) of a window, where there are some.
        times: how many times the module had run before.
        cam_layer: module path of the convolution explained.
        cam_call: how many times that module had run before.
        activations: (B, C, H, W) its output, connected to the logits.
        ranked: inputs of the module that made the edge tensor: floating point tensors, x first.
        features: (B, C, H, W) what the enclosing module last computed before the layer; only for windows.
        nodes: (B, C, N, 1) its output node by node, whatever its layout, connected to the logits; None where it is not.
        seen: (H, W) of the last tensor (B, C, H, W) before the layer that had as many places as it has nodes.
        listed: whether no module takes or gives its nodes on their grid, so that `nodes` are explained themselves.
        order: how many graph convolutions had started before it, wrappers counted.
        index: its place among the network's graph layers.
    """

    name: str
    module: nn.Module
    adapter: Adapter
    graph: Graph
    args: tuple
    kwargs: dict[str, Any]
    consumed: list[Consumed] = field(default_factory=list)
    output: Tensor | None = None
    grid: Grid = (0, 0)
    fold: Fold | None = None
    window: Grid | None = None
    times: int = 0
    cam_layer: str = ""
    cam_call: int = 0
    activations: Tensor | None = None
    ranked: tuple[Tensor, ...] = ()
    features: Tensor | None = None
    nodes: Tensor | None = None
    seen: Grid | None = None
    listed: bool = False
    order: int = 0
    index: int = 0
    versions: list[int] = field(default_factory=list)

    @property
    def untouched(self) -> bool:
        """Whether the features it was given are still what they were."""
        return [self.graph.x._version, self.graph.y._version] == self.versions

    @property
    def key_grid(self) -> Grid:
        """(h, w) of the key nodes."""
        if self.fold is not None and self.window is not None:
            window = key_grid(self.window, self.graph.y.shape[2])
            return self.grid[0] // self.window[0] * window[0], self.grid[1] // self.window[1] * window[1]
        return key_grid(self.grid, self.graph.y.shape[2])


@dataclass(eq=False)
class _Frame:
    """A module that is running."""

    module: nn.Module
    name: str
    size: Grid | None = None
    batch: int = 0
    call: GraphCall | None = None
    edges: Tensor | None = None
    floats: tuple[Tensor, ...] = ()
    consumed: Consumed | None = None
    last: Tensor | None = None
    since: int = 0


def key_grid(grid: Grid, keys: int) -> Grid:
    """(h, w) of M key nodes pooled from a grid: the r with (H // r) * (W // r) = M, else the nearest shape."""
    for r in range(1, min(grid) + 1):
        if (grid[0] // r) * (grid[1] // r) == keys:
            return grid[0] // r, grid[1] // r
    shapes = [(h, keys // h) for h in range(1, keys + 1) if keys % h == 0]
    return min(shapes, key=lambda shape: abs(grid[0] * shape[1] - grid[1] * shape[0]))


def _same(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return False
    return a is b or (a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride())


def _on_grid(tensor: Tensor | None, grid: Grid) -> bool:
    return tensor is not None and tensor.ndim == 4 and tuple(tensor.shape[2:]) == grid


class Recording:
    """What the hooks saw, in the order of the network.

    Attributes:
        calls: the graph layers.
        ran: (name, module) in the order they started.
    """

    def __init__(self, model: nn.Module, adapters: Sequence[Adapter], images: int, image_size: Grid) -> None:
        self.calls: list[GraphCall] = []
        self.ran: list[tuple[str, nn.Module]] = []
        self._adapters = list(adapters)
        self._images, self._image_size = images, image_size
        self._thread = threading.get_ident()
        self._names: dict[nn.Module, str] = {}
        self._claimed: dict[nn.Module, list[Adapter]] = {}
        self._wanted: dict[str, list[GraphCall]] = {}
        for name, module in model.named_modules():
            self._names[module] = ".".join(part for part in name.split(".") if part != "_orig_mod")
            self._claimed[module] = [adapter for adapter in self._adapters if adapter.claims(module)]
        self._stack: list[_Frame] = []
        self._waiting: list[GraphCall] = []
        self._made: list[tuple[Tensor, tuple[Tensor, ...]]] = []
        self._times: dict[nn.Module, int] = {}
        self._sizes: dict[int, Grid] = {}
        self._started = 0
        self._fallbacks: dict[GraphCall, tuple[Grid, str, int, Tensor, nn.Module]] = {}

    def _listening(self) -> bool:
        """Not to other threads, nor to a forward that another recording has started meanwhile."""
        return threading.get_ident() == self._thread and _running.stack[-1:] == [self]

    # -- hooks -------------------------------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict] | None:
        """Forward pre-hook."""
        if not self._listening():
            return None
        name = self._names[module]
        self.ran.append((name, module))
        values = [*args, *kwargs.values()]
        frame = _Frame(module, name, since=self._started)
        frame.floats = tuple(v for v in values if isinstance(v, Tensor) and v.is_floating_point())
        frame.edges = next((v for v in values if is_edge_tensor(v)), None)
        first = values[0] if values else None
        if isinstance(first, Tensor) and first.is_floating_point() and first.ndim == 4:
            frame.batch, frame.size = first.shape[0], (first.shape[2], first.shape[3])
            self._note_size(first)
        edited = edits.running.get(id(module))
        for adapter in self._claimed[module] if edited is None else [edited[2]]:
            graph = adapter.graph(module, args, kwargs)
            if graph is not None:
                if edited is not None:
                    graph.neighbors, graph.edge_index = edited[:2]
                self._start(frame, adapter, graph.of_images(self._images), args, kwargs)
                break
        parent = self._stack[-1] if self._stack else None
        self._stack.append(frame)
        if parent is None or parent.call is None or not isinstance(first, Tensor) or not args:
            return None
        # Later operations in place must not change what is kept, so the child works on a copy of a small input.
        given, passed = first, first
        x = parent.call.graph.x
        if first.is_floating_point() and layout_of(first, x.shape[0], x.shape[2]) is not None:
            passed = first.clone()
        frame.consumed = Consumed(module, given)
        parent.call.consumed.append(frame.consumed)
        return None if passed is given else ((passed, *args[1:]), kwargs)

    def _start(self, frame: _Frame, adapter: Adapter, graph: Graph, args: tuple, kwargs: dict[str, Any]) -> None:
        edges = graph.edge_index
        for outer in self._stack:
            if outer.call is not None and (_same(outer.call.graph.edge_index, edges) or edges is None):
                self.calls.remove(outer.call)  # the same graph, one module deeper
                outer.call = None
        if any(_same(call.graph.edge_index, edges) for call in self._waiting):
            return  # the same graph, used again in the same layer
        call = GraphCall(frame.name, frame.module, adapter, graph, args, kwargs, order=self._started)
        call.times = self._times.get(frame.module, -1) + 1
        self._started += 1
        call.versions = [graph.x._version, graph.y._version]
        call.seen = self._sizes.get(graph.x.shape[2]) if graph.x.shape[0] == self._images else None
        for made, inputs in reversed(self._made):
            if _same(made, edges):
                call.ranked = inputs
                break
        if graph.x.shape[0] != self._images:
            self._note_windows(call)
        frame.call = call
        self.calls.append(call)
        wanted = adapter.cam_layer(frame.name)
        if wanted is not None:
            self._wanted.setdefault(wanted, []).append(call)

    def _note_windows(self, call: GraphCall) -> None:
        folded, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        for outer in reversed(self._stack):
            if outer.size is None or outer.edges is not None:
                continue
            area = outer.size[0] * outer.size[1]
            if call.window is None and outer.batch == folded and area == nodes:
                call.window = outer.size
            elif outer.batch == self._images and area * self._images == folded * nodes:
                call.features = outer.last
                return

    def leave(self, module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
        """Forward hook; may hand a copy on, so that what is kept stays as it is."""
        if not self._listening() or not self._stack:
            return None
        while self._stack[-1].module is not module:  # a module inside raised, and the network went on
            self._stack.pop()
            if not self._stack:
                return None
        frame = self._stack.pop()
        times = self._times[module] = self._times.get(module, -1) + 1
        handed = output
        single = output[0] if isinstance(output, (tuple, list)) and output else output
        tensor = single if isinstance(single, Tensor) else None
        if frame.consumed is not None:
            frame.consumed.gave = tensor
            kept = [t for t in (frame.consumed.given, tensor) if t is not None]
            frame.consumed.versions = [t._version for t in kept]
        if frame.floats:
            for value in output if isinstance(output, (tuple, list)) else (output,):
                if is_edge_tensor(value):
                    self._made.append((value, tuple(t.detach() for t in frame.floats)))
        if frame.call is not None:
            if frame.call.graph.sent is not None:
                frame.call.graph.sent.let_go()
            frame.call.graph = frame.call.adapter.settle(frame.call.graph)
            frame.call.output = tensor
            self._waiting.append(frame.call)
            if tensor is not None and tensor is output:
                handed = self._apart(frame.call, tensor).clone()
            self._made.clear()
        if tensor is not None and tensor.is_floating_point() and tensor.ndim == 4:
            self._note_size(tensor)
            if self._waiting and isinstance(module, nn.Conv2d):
                handed = self._note_convolution(frame, times, tensor, handed)
            handed = self._note_wanted(frame, times, tensor, handed, output)
            if self._stack:
                self._stack[-1].last = tensor.detach()
        if self._waiting and frame.call is None:
            handed = self._resolve(frame, times, tensor, handed, output)
        return None if handed is output else handed

    def _note_size(self, tensor: Tensor) -> None:
        if tensor.shape[0] == self._images and not self._in_a_row((tensor.shape[2], tensor.shape[3])):
            self._sizes[tensor.shape[2] * tensor.shape[3]] = (tensor.shape[2], tensor.shape[3])

    def _in_a_row(self, size: Grid) -> bool:
        """Whether these are nodes one after another, not a grid."""
        height, width = size
        return width == 1 < height and height * self._image_size[1] > 1.5 * self._image_size[0]

    def _apart(self, call: GraphCall, tensor: Tensor) -> Tensor:
        """Keeps the output node by node, and gives what the network is to go on with, computed from that."""
        batch, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        layout = layout_of(tensor, batch, nodes)
        if layout is None or batch != self._images:
            return tensor
        by_node = as_nodes(tensor, batch, nodes)
        assert by_node is not None
        call.nodes = by_node[..., None]  # the network goes on from this very tensor, else it had no gradient
        return from_nodes(call.nodes[..., 0], tensor, layout)

    def _note_convolution(self, frame: _Frame, times: int, tensor: Tensor, handed: Any) -> Any:
        nodes = tensor.shape[0] * tensor.shape[2] * tensor.shape[3]
        kept = False
        for call in self._waiting:
            if tensor.shape[0] == self._images and nodes == call.graph.x.shape[0] * call.graph.x.shape[2]:
                call.activations, call.cam_layer, call.cam_call, kept = tensor, frame.name, times, True
        return tensor.clone() if kept and handed is tensor else handed

    def _note_wanted(self, frame: _Frame, times: int, tensor: Tensor, handed: Any, output: Any) -> Any:
        for call in self._wanted.pop(frame.name, ()):
            call.activations, call.cam_layer, call.cam_call = tensor, frame.name, times
            call.grid = (tensor.shape[2], tensor.shape[3])
            self._place(call, call.grid, frame)
            if call in self._waiting:
                self._waiting.remove(call)
            if handed is tensor and tensor is output:
                handed = tensor.clone()
        return handed

    def _resolve(self, frame: _Frame, times: int, tensor: Tensor | None, handed: Any, output: Any) -> Any:
        """When a module ends: is it the one on whose grid the graph layers inside it lie?"""
        if frame.size is None or frame.batch != self._images or frame.edges is not None:
            return handed
        height, width = frame.size
        if self._in_a_row(frame.size):
            return handed
        for call in [call for call in self._waiting if call.order >= frame.since]:
            if call.graph.x.shape[0] * call.graph.x.shape[2] != self._images * height * width:
                continue
            if call.adapter.cam_layer(call.name) is not None:
                continue
            if call.activations is not None:
                self._place(call, frame.size, frame)
                self._waiting.remove(call)
            elif call not in self._fallbacks and tensor is output and _on_grid(tensor, frame.size):
                self._fallbacks[call] = (frame.size, frame.name, times, tensor, frame.module)
                handed = tensor.clone() if handed is tensor else handed
        return handed

    def _place(self, call: GraphCall, grid: Grid, frame: _Frame) -> None:
        call.grid = grid
        folded, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        if folded == self._images:
            return
        call.window = call.window or key_grid((nodes, nodes), nodes)
        call.fold = call.adapter.fold(call.graph, call.window, frame.module, grid, call.features)
        call.features = None
        if call.fold is None:
            raise NoGraphLayer(
                f"the graphs of {call.name} are folded into the batch, {folded} of them for {self._images} images, and "
                f"{type(call.adapter).__name__} cannot say where they lie; give an `adapter` with `fold` "
                "(docs/adapters.md)"
            )

    def finish(self) -> None:
        """After the forward: where to explain what never met a convolution on its grid.

        On the output of the enclosing module that has the grid, and where none does, on the layer's own output.
        """
        for call in self._waiting:
            if call in self._fallbacks:
                grid, name, times, tensor, module = self._fallbacks[call]
                call.activations, call.cam_layer, call.cam_call = tensor, name, times
                self._place(call, grid, _Frame(module, name))
            elif call.nodes is not None and call.adapter.cam_layer(call.name) is None:
                wanted = call.adapter.grid(call.name, call.nodes.shape[2]) or call.seen
                if wanted is not None and wanted[0] * wanted[1] == call.nodes.shape[2]:
                    call.activations, call.cam_layer, call.cam_call = call.nodes, call.name, call.times
                    call.grid, call.listed = wanted, True
        for index, call in enumerate(self.calls):
            call.index = index
        lost = [call.name for call in self.calls if call.activations is None or call.grid == (0, 0)]
        if lost:
            raise NoGraphLayer(
                f"graph layer {lost[0]} must lie in a module that takes (B, C, H, W) with its nodes, or after one that "
                "gives it, and does not; say where its nodes lie with an `adapter` that has `grid` (docs/adapters.md)"
            )
        if not self.calls:
            raise NoGraphLayer(
                "the model must hold a graph layer, a module called with features (B, C, N, 1) and an int64 edge "
                "tensor (2, B, N, k), and none was called; tell where its graphs are with an `adapter` "
                "(docs/adapters.md)"
            )


@contextmanager
def recording(model: nn.Module, adapters: Sequence[Adapter], pixels: Tensor) -> Iterator[Recording]:
    """Hooks on every module of the model, gone afterwards; run one forward of `pixels` inside, then `finish()`."""
    record = Recording(model, adapters, pixels.shape[0], (pixels.shape[2], pixels.shape[3]))
    handles = []
    try:
        for module in list(record._names):
            handles.append(module.register_forward_pre_hook(record.enter, with_kwargs=True))
            handles.append(module.register_forward_hook(record.leave, with_kwargs=True))
        _running.stack.append(record)
        yield record
    finally:
        for call in record.calls:
            if call.graph.sent is not None:
                call.graph.sent.let_go()
        if record in _running.stack:
            _running.stack.remove(record)
        for handle in handles:
            handle.remove()
