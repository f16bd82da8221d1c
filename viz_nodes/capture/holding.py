"""Hold what the nodes of several versions of one image hear from each other at what they hear in the first version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph
from viz_nodes.capture.calls import Grid
from viz_nodes.capture.fallback import with_keys
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.node_order import read_order
from viz_nodes.capture.plans import Plan, PlannedLayer
from viz_nodes.capture.recorder import Recording

VERSIONS = 4
"""How many images run at once: the first, and three changed ones."""

OnGrid = Callable[[nn.Module, Grid, Tensor], Tensor]


@contextmanager
def hearing_held(
    plan: Plan, adapters: Sequence[Adapter], on_grid: OnGrid, anew: Collection[int] = ()
) -> Iterator[None]:
    """Inside, a forward of four images is one in which nothing goes from node to node but by convolutions.

    Messages that lie in a child's input are put in place there; a convolution that takes key nodes is given those of
    the first image; and where neither can be done, its output is that for the first image, so that only what goes
    around it is left.

    Args:
        plan: the graph layers; where they show in the arithmetic alone, nothing can be held.
        adapters: from `adapters_for`.
        on_grid: given (module, (H, W), values (4, C, H, W)) wherever a module around a layer takes all nodes on their
            grid, whichever axis its channels are; returns what it takes instead.
        anew: layers that may sort their nodes anew in every forward: what they give is held cell by cell, by the order
            that is read off gradients in this very forward; where it cannot be read, nothing is held in them.
    """
    with ExitStack() as stack:
        stack.callback(torch.set_grad_enabled, torch.is_grad_enabled())
        holders: dict[nn.Module, _Holder] = {}
        grids: dict[nn.Module, Grid] = {}
        last: set[nn.Module] = set()
        handed: dict[nn.Module, Tensor | None] = {}
        for index, layer in enumerate(plan.layers):
            module = layer.run[0]()
            assert module is not None
            around = layer.around()
            if index in anew and around is not None:
                handed[around] = None
            if index not in anew or around is not None:
                holder = holders.setdefault(module, _Holder(module, handed))
                holder.layers[layer.run[1]] = (layer, layer.adapter_among(adapters))
                holder.anew |= {layer.run[1]} if index in anew else set()
            enclosing = None if layer.enclosing is None else layer.enclosing()
            if enclosing is not None:
                grids[enclosing] = layer.grid
            reader = None if layer.reader is None else layer.reader()
            if reader is not None:
                grids[reader] = layer.grid
                last |= {reader} if layer.channels_last else set()
        for holder in () if plan.traced else holders.values():
            stack.callback(holder.hook())

        def enter(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            first = args[0] if args else None
            grid = grids[module]
            if not isinstance(first, Tensor) or first.ndim != 4:
                return None
            values = first.permute(0, 3, 1, 2) if module in last else first
            if values.shape[0] != VERSIONS or tuple(values.shape[2:]) != grid:
                return None
            held = on_grid(module, grid, values)
            if module in handed:  # gradients are recorded from here to the layer
                torch.set_grad_enabled(True)
                handed[module] = held = held.detach().requires_grad_(True)
                held = held.clone()
            return (held.permute(0, 2, 3, 1) if module in last else held, *args[1:])

        for module in grids:
            stack.callback(module.register_forward_pre_hook(enter, prepend=True).remove)
        yield


def hold_heard(record: Recording) -> None:
    """In layers that show in the arithmetic: what the messages of each node became is that of the first version."""
    trace = record.trace
    assert trace is not None
    saw = trace.hearing.seen

    def held(seen: Seen) -> Tensor:
        if seen.nodes.shape[0] == VERSIONS:
            seen.nodes = _of_first(seen.nodes, 1)
        return saw(seen)

    trace.hearing.seen = held


def hold_gathered(record: Recording) -> None:
    """In layers that show in the arithmetic: features of neighbors, as gathered, are those of the first version.

    So what a node adds of its own to every message is left, as in an edge convolution.
    """
    assert record.trace is not None
    record.trace.gathered = lambda values: _of_first(values, 1) if values.shape[0] == VERSIONS else values


class _Holder:
    """The hooks of one graph convolution."""

    def __init__(self, module: nn.Module, handed_around: dict[nn.Module, Tensor | None]) -> None:
        self.module, self.handed_around = module, handed_around
        self.anew: set[int] = set()
        self._order: Tensor | None = None
        self.layers: dict[int, tuple[PlannedLayer, Adapter]] = {}
        self._times = -1
        self._running: PlannedLayer | None = None
        self._children: dict[nn.Module, int] = {}
        self._done = False

    def hook(self) -> Callable[[], None]:
        """Returns how to remove the hooks."""
        handles: list[Any] = [
            self.module.register_forward_pre_hook(self.enter, with_kwargs=True, prepend=True),
            self.module.register_forward_hook(self.leave, prepend=True),
        ]
        for layer, _ in self.layers.values():
            child = layer.children[layer.known.child]() if _in_a_child(layer) else None
            if child is not None:
                handles.append(child.register_forward_pre_hook(self.before_child, prepend=True))

        def let_go() -> None:
            for handle in handles:
                handle.remove()

        return let_go

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Before the convolution: key nodes of the first image, where it takes key nodes."""
        self._times += 1
        self._running, adapter = self.layers.get(self._times, (None, None))
        self._children.clear()
        self._done, self._order = False, None
        if self._running is not None and self._times in self.anew and adapter is not None:
            self._read_order(self._running, adapter.graph(module, args, kwargs))
            return None
        if self._running is None or adapter is None or _in_a_child(self._running):
            return None
        graph = adapter.graph(module, args, kwargs)
        if graph is None or graph.edge_index is None:
            if graph is not None and graph.sent is not None:
                graph.sent.let_go()
            return None
        windows = windows_of(self._running)
        keys, edges = _of_first(graph.y, windows), graph.edge_index[:, :windows].repeat(1, VERSIONS, 1, 1)
        if any(isinstance(value, Tensor) and value.is_floating_point() and value.ndim == 4 for value in args):
            keys = keys[..., None]
        changed = with_keys(module, args, kwargs, graph.y.shape, edges, keys)
        self._done = changed is not None
        return None if changed is None else (tuple(changed[0]), changed[1])

    def _read_order(self, layer: PlannedLayer, graph: Graph | None) -> None:
        """Which node each cell became; nothing is held in the layer where that cannot be read."""
        if graph is not None and graph.sent is not None:
            graph.sent.let_go()
        around = layer.around()
        handed = None if around is None else self.handed_around.get(around)
        if graph is not None and handed is not None:
            self._order = read_order(graph.of_images(VERSIONS).x, handed)
        torch.set_grad_enabled(False)
        self._done = self._order is None

    def before_child(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Before the child that is given the messages: those of the first image."""
        layer = self._running
        if layer is None or not _in_a_child(layer) or self._times in self.anew:
            return None
        times = self._children[module] = self._children.get(module, -1) + 1
        place = layer.known.child
        if layer.children[place]() is not module or times != sum(ref() is module for ref in layer.children[:place]):
            return None
        windows = windows_of(layer)
        nodes = layer.grid[0] * layer.grid[1] // windows
        layout, by_node = layout_of(args[0], VERSIONS * windows, nodes), as_nodes(args[0], VERSIONS * windows, nodes)
        if layout is None or by_node is None:
            return None
        by_node = by_node.clone()
        by_node[:, layer.known.slots] = _of_first(by_node[:, layer.known.slots], windows)
        self._done = True
        return (from_nodes(by_node, args[0], layout), *args[1:])

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor | None:
        """After the convolution: the output for the first image, where nothing else could be done."""
        layer, self._running = self._running, None
        if layer is None or self._done or not isinstance(output, Tensor):
            return None
        windows = windows_of(layer)
        nodes = layer.grid[0] * layer.grid[1] // windows
        layout, by_node = layout_of(output, VERSIONS * windows, nodes), as_nodes(output, VERSIONS * windows, nodes)
        if layout is None or by_node is None:
            return None
        if self._order is None:
            return from_nodes(_of_first(by_node, windows), output, layout)
        order = self._order[:, None].expand(-1, by_node.shape[1], -1)
        cells = by_node[:1].gather(2, order[:1]).expand(VERSIONS, -1, -1)
        return from_nodes(by_node.scatter(2, order, cells), output, layout)


def _in_a_child(layer: PlannedLayer) -> bool:
    """Whether the messages lie in what a child is given, apart from the node's own features."""
    return layer.known.kind in ("mr", "max", "sage") and not layer.known.passed


def windows_of(layer: PlannedLayer) -> int:
    """How many windows an image is cut into."""
    return 1 if layer.partition is None else int(layer.partition.nodes.shape[0])


def _of_first(array: Tensor, windows: int) -> Tensor:
    """What the first image has, for all versions."""
    return array[:windows].repeat(VERSIONS, *(1,) * (array.ndim - 1))
