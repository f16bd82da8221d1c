"""Edges taken out of aggregations that show in the arithmetic of a forward alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Graph
from viz_nodes.capture.edge_masks import LayerEdits, frozen_neighbors
from viz_nodes.capture.edits import NotHeld, running_edits
from viz_nodes.capture.groups import Gatherings, members
from viz_nodes.capture.hyperedge_edits import kept_heard, kept_members, require_same_hyperedges
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.order_reading import OrderReader
from viz_nodes.capture.structure import Layer
from viz_nodes.capture.traced import Traced, aggregated
from viz_nodes.capture.tracing import Trace
from viz_nodes.explanation import Explanation


@dataclass(eq=False)
class _Run:
    """A module that runs, and how many aggregations were seen in it."""

    module: nn.Module
    times: int
    steps: int = 0


class ArithmeticEdits:
    """The part of an `edit_edges` for layers that no module was called with: it computes them anew, edges left out.

    Args:
        kept: which edges of a layer stay, (B, N, k) of its neighbors.
        edits: what is asked for a layer of a hypergraph.
        gone: told how much was taken out of such a layer.
        orders: reads the order of nodes where a network sorts them.
        frozen: the explanation whose graphs are to be held, or None.
    """

    def __init__(
        self,
        kept: Callable[[Layer, Tensor], Tensor],
        edits: Callable[[Layer], LayerEdits],
        gone: Callable[[Layer, int], None],
        orders: OrderReader,
        frozen: Explanation | None,
    ) -> None:
        self._keeps, self._edits, self._gone = kept, edits, gone
        self._orders, self._frozen = orders, frozen
        self._thread = threading.get_ident()
        self._layers: list[Layer] = []
        self._network: nn.Module | None = None
        self._times: dict[nn.Module, int] = {}
        self._runs: list[_Run] = []
        self._trace: Any = None
        self._gatherings = Gatherings()
        self._of_members: dict[int, tuple[Tensor, int]] = {}

    def hook(self, network: nn.Module, layers: Sequence[Layer]) -> list[Any]:
        """Hooks on the modules in which the layers are seen; their handles."""
        self._layers, self._network = [layer for layer in layers if layer.steps], network
        handles: list[Any] = []
        hooked = {layer.module: None for layer in self._layers}
        for layer in self._layers:  # a layer inside of it, that is not edited, counts what is seen in it by itself
            if isinstance(layer.adapter, Traced):
                hooked |= dict.fromkeys(layer.module.modules())
        for module in hooked:
            if module is network:
                continue
            handles.append(module.register_forward_pre_hook(self._start, prepend=True))
            handles.append(module.register_forward_hook(self._stop, prepend=True))
        return handles

    def begin(self, network: nn.Module, images: int) -> None:
        """The network starts."""
        self.end()
        if not self._layers:
            return
        if running_edits.watched:
            raise ValueError(
                f"layer {self._layers[0].index + 1} ({self._layers[0].name}) cannot be explained while its edges are "
                "edited, for its graph shows in the arithmetic alone; run the network itself"
            )
        self._times.clear()
        self._of_members.clear()
        self._start(network, ())
        self._gatherings = Gatherings()
        self._trace = Trace(images, self._saw)
        self._trace.hearing.groups = self._gatherings.sizes
        self._trace.__enter__()

    def end(self) -> None:
        """The network has ended, or raised."""
        self._runs.clear()
        if self._trace is not None:
            trace, self._trace = self._trace, None
            trace.__exit__(None, None, None)

    def _active(self) -> bool:
        return self._trace is not None and threading.get_ident() == self._thread

    def _start(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if module is self._network or self._active():
            times = self._times[module] = self._times.get(module, -1) + 1
            self._runs.append(_Run(module, times))

    def _stop(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if not self._active():
            return None
        settled = self._trace.folds.settled(output) if isinstance(output, Tensor) else output
        self._runs.pop()
        return None if settled is output else settled

    def _saw(self, seen: Seen) -> Tensor:
        if self._gatherings.takes(seen):
            return self._gathered(seen)
        run = next((run for run in reversed(self._runs) if self._counts_all(run)), self._runs[-1])
        step, run.steps = run.steps, run.steps + 1
        for layer in self._layers:
            if layer.module is not run.module or layer.times != run.times or step not in layer.steps:
                continue
            if layer.gathering >= 0:
                return self._heard_of_groups(layer, seen)
            layer = self._orders.placed(layer, seen.x)
            held = frozen_neighbors(self._frozen, layer, Graph(seen.x, seen.neighbors, seen.y))
            if held is not None and not torch.equal(held, seen.neighbors):
                raise NotHeld(
                    f"`frozen` must hold the edges that layer {layer.index + 1} ({layer.name}) makes itself, for "
                    "nothing can stand in for them, and edits before it have changed them; leave it out",
                    layer.index + 1,
                )
            return aggregated(seen, self._keeps(layer, seen.neighbors))
        return seen.nodes

    def _counts_all(self, run: _Run) -> bool:
        """Whether all that is seen in a module's run is its own, in whatever module inside of it."""
        return any(layer.module is run.module and not isinstance(layer.adapter, Traced) for layer in self._layers)

    def _gathered(self, seen: Seen) -> Tensor:
        """What nodes were gathered into, those left out that are taken out of the groups of an edited layer."""
        for layer in self._layers:
            if layer.gathering != self._gatherings.count - 1 or seen.nodes.shape[2] >= seen.y.shape[2]:
                continue
            inside = members(seen)
            kept = kept_members(self._edits(layer), inside, layer)
            self._of_members[layer.index] = inside, int((inside & ~kept).sum())
            own = kept.gather(2, seen.neighbors.clamp(min=0)) & (seen.neighbors >= 0)
            return aggregated(seen, own)
        return seen.nodes

    def _heard_of_groups(self, layer: Layer, seen: Seen) -> Tensor:
        memberships = self._of_members.get(layer.index)
        if memberships is None or seen.through is None:
            raise RuntimeError(
                f"layer {layer.index + 1} ({layer.name}) was to be edited, and its groups were not made as they were "
                "before"
            )
        inside, gone = memberships
        require_same_hyperedges(self._frozen, layer, seen, inside)
        kept = kept_heard(self._edits(layer), seen.neighbors, layer)
        self._gone(layer, gone + int(((seen.neighbors >= 0) & ~kept).sum()))
        return aggregated(seen, kept)
