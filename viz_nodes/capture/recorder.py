"""Hooks on the modules of a network while one forward runs, and what they saw of its graph convolutions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, is_edge_tensor
from viz_nodes.capture.calls import Consumed, Frame, GraphCall, Grid, NoGraphLayer, key_grid, same_tensor
from viz_nodes.capture.edits import Edited, running_edits
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of
from viz_nodes.capture.plans import Plan, PlannedSites
from viz_nodes.capture.sites import SiteFinder

__all__ = ["GraphCall", "NoGraphLayer", "Recording", "key_grid", "recording"]


class _Running(threading.local):
    """The recordings of this thread, the last of which listens."""

    def __init__(self) -> None:
        self.stack: list[Recording] = []


_running = _Running()


class Recording:
    """What the hooks saw, in the order of the network.

    Attributes:
        calls: the graph layers.
        ran: (name, module) in the order they started.
        names: module path of every module watched.
        sites: what says where the layers lie.
    """

    def __init__(
        self, model: nn.Module, adapters: Sequence[Adapter], images: int, image_size: Grid, plan: Plan | None = None
    ) -> None:
        self.calls: list[GraphCall] = []
        self.ran: list[tuple[str, nn.Module]] = []
        self.names: dict[nn.Module, str] = {}
        self._images, self._plan = images, plan
        self.sites = SiteFinder(images, image_size) if plan is None else PlannedSites(plan, images, adapters)
        self._thread = threading.get_ident()
        self._claimed: dict[nn.Module, list[Adapter]] = {}
        if plan is None:
            for name, module in model.named_modules():
                self.names[module] = ".".join(part for part in name.split(".") if part != "_orig_mod")
                self._claimed[module] = [adapter for adapter in adapters if adapter.claims(module)]
        else:
            self.ran = [(name, module) for name, ref in plan.ran if (module := ref()) is not None]
            self.names = plan.watched()
            self._claimed = plan.claims(adapters)
        self._stack: list[Frame] = []
        self._made: list[tuple[Tensor, tuple[Tensor, ...], Frame]] = []
        self._times: dict[nn.Module, int] = {}
        self._started = 0

    def _listening(self) -> bool:
        """Not to other threads, nor to a forward that another recording has started meanwhile."""
        return threading.get_ident() == self._thread and _running.stack[-1:] == [self]

    # -- hooks -------------------------------------------------------------------------------------------------

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Forward pre-hook."""
        if not self._listening():
            return None
        values = [*args, *kwargs.values()]
        frame = self._frame(module, values)
        if self._plan is None:
            self.ran.append((frame.name, module))
        self.sites.entered(frame)
        edited = running_edits.graphs.get(module)
        for adapter in self._claimed.get(module, ()) if edited is None else [edited.adapter]:
            graph = adapter.graph(module, args, kwargs)
            if graph is not None:
                self._start(frame, adapter, _as_edited(graph, edited).of_images(self._images), args, kwargs)
                break
        parent = self._stack[-1] if self._stack else None
        self._stack.append(frame)
        if parent is None or parent.call is None or not args or not isinstance(args[0], Tensor):
            return None
        passed = self._consume(frame, parent.call, args[0])
        return None if passed is args[0] else ((passed, *args[1:]), kwargs)

    def _frame(self, module: nn.Module, values: list[Any]) -> Frame:
        frame = Frame(module, self.names[module], self._times.get(module, -1) + 1, since=self._started)
        frame.floats = tuple(v for v in values if isinstance(v, Tensor) and v.is_floating_point())
        frame.edges = next((v for v in values if is_edge_tensor(v)), None)
        first = values[0] if values else None
        if isinstance(first, Tensor) and first.is_floating_point() and first.ndim == 4:
            frame.batch, frame.size = first.shape[0], (first.shape[2], first.shape[3])
        return frame

    def _consume(self, frame: Frame, call: GraphCall, first: Tensor) -> Tensor:
        """Keeps what a child of a graph convolution is given, and says what it is to work on."""
        given = passed = first
        x = call.graph.x
        # Later operations in place must not change what is kept, so the child works on a copy of a small input.
        if first.is_floating_point() and layout_of(first, x.shape[0], x.shape[2]) is not None:
            given = connected(first)
            passed = given.clone()
        frame.consumed = Consumed(frame.module, given)
        call.consumed.append(frame.consumed)
        return passed

    def _start(
        self, frame: Frame, adapter: Adapter, graph: Graph, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        edges = graph.edge_index
        for outer in self._stack:
            if outer.call is not None and (same_tensor(outer.call.graph.edge_index, edges) or edges is None):
                self.calls.remove(outer.call)  # the same graph, one module deeper
                outer.call = None
        if not self.sites.expects(frame, edges):
            return
        call = GraphCall(frame.name, frame.module, adapter, adapter, graph, args, kwargs, times=frame.times)
        call.order = self._started
        self._started += 1
        call.versions = [graph.x._version, graph.y._version]
        for made, inputs, maker in reversed(self._made):
            if same_tensor(made, edges):
                call.ranked, call.maker = inputs, (maker.module, maker.times)
                break
        self.sites.started(call, self._stack)
        frame.call = call
        self.calls.append(call)

    def leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """Forward hook; may hand a copy on, so that what is kept stays as it is."""
        if not self._listening() or not self._stack:
            return None
        while self._stack[-1].module is not module:  # a module inside raised, and the network went on
            self._stack.pop()
            if not self._stack:
                return None
        frame = self._stack.pop()
        frame.times = self._times[module] = self._times.get(module, -1) + 1
        single = output[0] if isinstance(output, (tuple, list)) and output else output
        tensor = single if isinstance(single, Tensor) else None
        if frame.consumed is not None:
            frame.consumed.gave = tensor
            kept = [t for t in (frame.consumed.given, tensor) if t is not None]
            frame.consumed.versions = [t._version for t in kept]
        if frame.floats:
            for value in output if isinstance(output, (tuple, list)) else (output,):
                if is_edge_tensor(value):
                    self._made.append((value, tuple(t.detach() for t in frame.floats), frame))
        handed = output if frame.call is None else self._end(frame.call, tensor, output)
        handed = self.sites.left(frame, tensor, output, handed)
        if self._stack and tensor is not None and tensor.is_floating_point() and tensor.ndim == 4:
            self._stack[-1].last = tensor.detach()
        return None if handed is output else handed

    def _end(self, call: GraphCall, tensor: Tensor | None, output: Any) -> Any:
        """Keeps what a graph convolution gave, and says what the network is to go on with."""
        if call.graph.sent is not None:
            call.graph.sent.let_go()
        call.graph = call.adapter.settle(call.graph)
        call.output = tensor
        self._made.clear()
        self.sites.ended(call)
        if tensor is None or tensor is not output:
            return output
        call.output = connected(tensor)
        return self._node_by_node(call, call.output).clone()

    def _node_by_node(self, call: GraphCall, tensor: Tensor) -> Tensor:
        """Keeps the output node by node, and gives what the network is to go on with, computed from that."""
        batch, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
        layout = layout_of(tensor, batch, nodes)
        if layout is None or batch != self._images:
            return tensor
        by_node = as_nodes(tensor, batch, nodes)
        assert by_node is not None
        call.nodes = by_node[..., None]  # the network goes on from this very tensor, else it had no gradient
        return from_nodes(call.nodes[..., 0], tensor, layout)

    def finish(self) -> bool:
        """After the forward: where each layer lies and what is explained for it.

        Returns:
            Whether the forward did what was planned, if there was a plan.

        Raises:
            NoGraphLayer: there is no graph layer, or one whose nodes lie nowhere.
        """
        return self.sites.finish(self.calls)


def connected(tensor: Tensor) -> Tensor:
    """The tensor itself, or a leaf of its values where gradients are recorded and none would reach it.

    So a layer behind a frozen or detached stem has gradients of the logits, though none of the pixels.
    """
    if tensor.requires_grad or not torch.is_grad_enabled() or not tensor.is_floating_point():
        return tensor
    return tensor.detach().requires_grad_(True)


def _as_edited(graph: Graph, edited: Edited | None) -> Graph:
    if edited is not None:
        graph.neighbors, graph.edge_index = edited.neighbors, edited.edge_index
    return graph


@contextmanager
def recording(
    model: nn.Module, adapters: Sequence[Adapter], pixels: Tensor, plan: Plan | None = None
) -> Iterator[Recording]:
    """Hooks on every module of the model, gone afterwards; run one forward of `pixels` inside, then `finish()`.

    With a plan, only on those that it names.
    """
    record = Recording(model, adapters, pixels.shape[0], (pixels.shape[2], pixels.shape[3]), plan)
    handles = []
    try:
        for module in record.names:
            handles.append(module.register_forward_pre_hook(record.enter, with_kwargs=True))
            handles.append(module.register_forward_hook(record.leave, with_kwargs=True))
        if isinstance(record.sites, PlannedSites):
            for module in record.sites.plan.idle():
                handles.append(module.register_forward_pre_hook(record.sites.surprise))
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
