"""Hooks on the modules of a network while one forward runs, and what they saw of its graph convolutions."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, is_edge_tensor
from viz_nodes.capture.calls import Consumed, Frame, GraphCall, NoGraphLayer, key_grid, same_tensor
from viz_nodes.capture.custom_functions import in_a_custom_function
from viz_nodes.capture.edits import running_edits
from viz_nodes.capture.groups import Gatherings
from viz_nodes.capture.inputs import are_points, size_of
from viz_nodes.capture.kept import GAVE, GIVEN, Kept, kept_by_node
from viz_nodes.capture.layouts import connected, layout_of
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.mismatch import without_graph
from viz_nodes.capture.plans import Plan, PlannedSites
from viz_nodes.capture.sites import SiteFinder
from viz_nodes.capture.tensor_notes import tensors_in
from viz_nodes.capture.traced import Traced, graph_of, same_graph
from viz_nodes.capture.tracing import Trace

__all__ = ["GraphCall", "NoGraphLayer", "Recording", "key_grid", "recording"]


TRACED = Traced()
"""The adapter of layers that no module was called with."""


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
        kept: what the network goes on with where something is kept.
    """

    def __init__(
        self,
        model: nn.Module,
        adapters: Sequence[Adapter],
        pixels: Tensor,
        plan: Plan | None = None,
        regions: int | None = None,
        *,
        copying: bool = True,
    ) -> None:
        images, points, image_size = pixels.shape[0], are_points(pixels), size_of(pixels)
        self.calls: list[GraphCall] = []
        self.ran: list[tuple[str, nn.Module]] = []
        self.names: dict[nn.Module, str] = {}
        self._images, self._plan = images, plan
        self.kept = Kept(None if plan is None or copying else plan.copied)
        if plan is None:
            self.sites: SiteFinder | PlannedSites = SiteFinder(images, image_size, points=points, regions=regions)
        else:
            self.sites = PlannedSites(plan, images, adapters, self.kept)
        self._thread = threading.get_ident()
        self._claimed: dict[nn.Module, list[Adapter]] = {}
        self._ignored: set[nn.Module] = set()
        if plan is None:
            for name, module in model.named_modules():
                self.names[module] = ".".join(part for part in name.split(".") if part != "_orig_mod")
                if any(adapter.ignores(self.names[module], module) for adapter in adapters):
                    self._ignored.add(module)
                    continue
                self._claimed[module] = [adapter for adapter in adapters if adapter.claims(module)]
        else:
            self.ran = [(name, module) for name, ref in plan.ran if (module := ref()) is not None]
            self.names = plan.watched()
            self._claimed = plan.claims(adapters)
        self._stack: list[Frame] = []
        self._made: list[tuple[Tensor, tuple[Tensor, ...], Frame]] = []
        self._times: dict[nn.Module, int] = {}
        self._started = 0
        self._leaks: set[tuple[nn.Module, int]] = set()
        self._gatherings = Gatherings()
        self.trace: Trace | None = None

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
        by_way = frame.channels_last and bool(args)
        args = frame.channels_first(args) if by_way else args
        if self._plan is None:
            self.ran.append((frame.name, module))
        self.sites.entered(frame)
        edited = running_edits.graphs.get(module)
        if self.trace is not None:
            self.trace.paused = True
        for adapter in self._claimed.get(module, ()) if edited is None else [edited.adapter]:
            graph = adapter.graph(module, args, kwargs)
            if graph is not None:
                if edited is not None:
                    graph.neighbors, graph.edge_index = edited.neighbors, edited.edge_index
                self._start(frame, adapter, graph.of_images(self._images), args, kwargs)
                break
        if self.trace is not None:
            self.trace.paused = False
        parent = self._stack[-1] if self._stack else None
        self._stack.append(frame)
        if parent is None or parent.call is None or not args or not isinstance(args[0], Tensor):
            return (args, kwargs) if by_way else None
        passed = self._consume(frame, parent.call, args[0])
        return None if passed is args[0] and not by_way else ((passed, *args[1:]), kwargs)

    def _frame(self, module: nn.Module, values: list[Any]) -> Frame:
        frame = Frame(module, self.names[module], self._times.get(module, -1) + 1, since=self._started)
        frame.floats = tuple(v for v in values if isinstance(v, Tensor) and v.is_floating_point())
        frame.edges = next((v for v in values if is_edge_tensor(v)), None)
        first = values[0] if values else None
        if isinstance(first, Tensor) and first.is_floating_point() and first.ndim == 4:
            frame.batch, frame.channels_last = first.shape[0], self.sites.channels_last(module, first)
            frame.size = (first.shape[1], first.shape[2]) if frame.channels_last else (first.shape[2], first.shape[3])
        return frame

    def _consume(self, frame: Frame, call: GraphCall, first: Tensor) -> Tensor:
        """Keeps what a child of a graph convolution is given, and says what it is to work on."""
        kept = passed = first
        x = call.graph.x
        # Later operations in place must not change what is kept of a small input.
        if first.is_floating_point() and layout_of(first, x.shape[0], x.shape[2]) is not None:
            kept = connected(first)
            passed = self.kept.handed((frame.module, frame.times, GIVEN), kept, own=kept is first)
        frame.consumed = Consumed(frame.module, kept)
        call.consumed.append(frame.consumed)
        return passed

    def _start(
        self, frame: Frame, adapter: Adapter, graph: Graph, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        edges = graph.edge_index
        for outer in self._stack:
            nested = graph.sent is not None and outer.call is not None and outer.call.graph.sent is not None
            if outer.call is not None and (same_tensor(outer.call.graph.edge_index, edges) or edges is None):
                if nested:  # both send messages of their own, or it turns out at the end that the outer one does not
                    continue
                self.calls.remove(outer.call)  # the same graph, one module deeper
                outer.call = None
        if not self.sites.expects(frame, edges):
            return
        call = GraphCall(frame.name, frame.module, adapter, adapter, graph, args, kwargs, times=frame.times)
        call.order, call.inside = self._started, next((f.call for f in reversed(self._stack) if f.call), None)
        self._started += 1
        call.versions = [graph.x._version, graph.y._version]
        for edges_made, inputs, maker in reversed(self._made):
            if same_tensor(edges_made, edges):
                call.ranked, call.maker = inputs, (maker.module, maker.times)
                break
        self.sites.started(call, self._stack)
        frame.call = call
        self.calls.append(call)

    def saw(self, seen: Seen) -> Tensor:
        """An aggregation was seen; gives the nodes (B, C, N) that the network is to go on with."""
        seen.nodes = connected(seen.nodes)
        if not self._stack or not self._listening() or any(frame.module in self._ignored for frame in self._stack):
            return seen.nodes
        if in_a_custom_function():
            self.leaked()  # gradients go another way
        if self._gatherings.takes(seen):
            return seen.nodes
        frame = self._stack[-1]
        outer = next((outer for outer in reversed(self._stack) if outer.call is not None), None)
        counting = outer or frame
        step, counting.steps = counting.steps, counting.steps + 1
        call = outer.call if outer is not None else self.calls[-1] if self.calls else None
        if call is not None and (outer is not None or self._goes_on(call, frame, seen)):
            call.seen.append(seen)
            call.steps.append(step)
            return seen.nodes.clone()
        name = frame.name or type(frame.module).__name__
        call = GraphCall(name, frame.module, TRACED, TRACED, graph_of(seen), (), {}, times=frame.times)
        call.order, call.seen, call.steps = self._started, [seen], [step]
        call.gathering = self._gatherings.count - 1 if seen.through is not None else -1
        self._started += 1
        call.versions = [call.graph.x._version, call.graph.y._version]
        self.sites.started(call, self._stack)
        self.calls.append(call)
        self.sites.ended(call)
        if seen.nodes.shape[0] == self._images:
            call.nodes = seen.nodes[..., None]
            return call.nodes[..., 0].clone()
        return seen.nodes.clone()

    def leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """Forward hook; may hand a copy on, so that what is kept stays as it is."""
        if not self._listening() or not self._stack:
            return None
        while self._stack[-1].module is not module:  # a module inside raised, and the network went on
            self._stack.pop()
            if not self._stack:
                return None
        unsettled = output
        if self.trace is not None and isinstance(output, Tensor):
            output = self.trace.folds.settled(output)
        frame = self._stack.pop()
        if self.trace is not None and not self._stack:
            for value in tensors_in(output):
                self._leaks.update(self.trace.carried(value))
        frame.times = self._times[module] = self._times.get(module, -1) + 1
        single = output[0] if isinstance(output, (tuple, list)) and output else output
        tensor = single if isinstance(single, Tensor) else None
        if frame.consumed is not None:
            frame.consumed.output = tensor
            frame.consumed.versions = [t._version for t in (frame.consumed.input, tensor) if t is not None]
        if frame.floats:
            for value in output if isinstance(output, (tuple, list)) else (output,):
                if is_edge_tensor(value):
                    self._made.append((value, tuple(t.detach() for t in frame.floats), frame))
        handed = output if frame.call is None else self._end(frame.call, tensor, output)
        before = handed
        handed = self.sites.left(frame, tensor, output, handed)
        if self._plan is None and isinstance(handed, Tensor) and handed is not before:
            self.kept.noted((module, frame.times, GAVE), handed)
        if self._stack and tensor is not None and tensor.is_floating_point() and tensor.ndim == 4:
            self._stack[-1].last = tensor.detach()
        return None if handed is unsettled else handed

    def _end(self, call: GraphCall, tensor: Tensor | None, output: Any) -> Any:
        """Keeps what a graph convolution gave, and says what the network is to go on with."""
        sent = call.graph.sent
        if sent is not None and sent.rounds == 0 and any(other.order > call.order for other in self.calls):
            sent.let_go()
            self.calls.remove(call)  # it left all to the layers inside of it
            return output
        if call.graph.sent is not None:
            call.graph.sent.let_go()
        call.graph = call.adapter.settle(call.graph)
        call.output = tensor
        self._made.clear()
        handed = output
        if tensor is not None and tensor is output:
            call.output = connected(tensor)
            by_node = kept_by_node(call, call.output, self._images)
            handed = self.kept.handed((call.module, call.times, GAVE), by_node, own=call.output is tensor)
        self.sites.ended(call)
        return handed

    def _goes_on(self, call: GraphCall, frame: Frame, seen: Seen) -> bool:
        """Whether an aggregation is another way in which the same layer hears the same neighbors."""
        same_run = call.module is frame.module and call.times == frame.times and bool(call.seen)
        same_run &= not any(before.number in seen.after for before in call.seen)  # no round of what was heard before
        return same_run and self.sites.waits(call) and same_graph(call.seen[-1], seen)

    def runs(self) -> frozenset[tuple[nn.Module, int]]:
        """The modules that run, each with how many times it had run before."""
        return frozenset((frame.module, frame.times) for frame in self._stack)

    def leaked(self) -> None:
        """Features of neighbors were used in a way that is no aggregation."""
        self._leaks.update(self.runs())

    def let_go(self) -> None:
        """The recording ends: nothing listens any more."""
        for call in self.calls:
            if call.graph.sent is not None:
                call.graph.sent.let_go()
        if self in _running.stack:
            _running.stack.remove(self)

    def finish(self) -> bool:
        """After the forward: where each layer lies and what is explained for it.

        Returns:
            Whether the forward did what was planned, if there was a plan.

        Raises:
            NoGraphLayer: there is no graph layer, or one whose nodes lie nowhere.
        """
        for call in self.calls:
            call.leaking = (call.module, call.times) in self._leaks
        if self.trace is not None and not self.calls:
            raise NoGraphLayer(
                without_graph([module for _, module in self.ran], self.trace.choices, self._gatherings.sizes)
            )
        planned = self.sites.finish(self.calls)
        self.calls = [call for call in self.calls if call.site.activations is not None]
        if lost := {call.graph.y.shape[2] for call in self.calls if call.adapter is TRACED and not call.pools}:
            raise NoGraphLayer(without_graph([module for _, module in self.ran], {}, lost))
        return planned


@contextmanager
def recording(
    model: nn.Module,
    adapters: Sequence[Adapter],
    pixels: Tensor,
    plan: Plan | None = None,
    *,
    traced: bool = False,
    regions: int | None = None,
    copying: bool = True,
) -> Iterator[Recording]:
    """Hooks on every module of the model, gone afterwards; run one forward of `pixels` inside, then `finish()`.

    With a plan, only on those that it names; with `traced` the arithmetic is looked at, too. `regions` is how many
    nodes lie in regions that are no grid. Without `copying`, see whether the network has overwritten what was `kept`.
    """
    record = Recording(model, adapters, pixels, plan, regions, copying=copying)
    with ExitStack() as stack:
        stack.callback(record.let_go)
        for module in record.names:
            for hooked in (
                module.register_forward_pre_hook(record.enter, with_kwargs=True),
                module.register_forward_hook(record.leave, with_kwargs=True),
            ):
                stack.callback(hooked.remove)
        if isinstance(record.sites, PlannedSites):
            for module in record.sites.plan.idle():
                stack.callback(module.register_forward_pre_hook(record.sites.surprise).remove)
        if traced:
            running_edits.watched += 1
            stack.callback(running_edits.no_longer_watched)
            trace = Trace(pixels.shape[0], record.saw, record.leaked, record.runs)
            trace.hearing.groups = record._gatherings.sizes
            record.trace = stack.enter_context(trace)
        _running.stack.append(record)
        yield record
