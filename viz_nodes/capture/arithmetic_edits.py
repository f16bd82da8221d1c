"""Edges taken out of aggregations that show in the arithmetic of a forward alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Graph
from viz_nodes.capture.edge_masks import frozen_neighbors
from viz_nodes.capture.edits import running_edits
from viz_nodes.capture.messages import Seen
from viz_nodes.capture.order_reading import OrderReader
from viz_nodes.capture.structure import Layer
from viz_nodes.capture.traced import aggregated
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
        orders: reads the order of nodes where a network sorts them.
        frozen: the explanation whose graphs are to be held, or None.
    """

    def __init__(
        self, kept: Callable[[Layer, Tensor], Tensor], orders: OrderReader, frozen: Explanation | None
    ) -> None:
        self._keeps, self._orders, self._frozen = kept, orders, frozen
        self._thread = threading.get_ident()
        self._layers: list[Layer] = []
        self._network: nn.Module | None = None
        self._times: dict[nn.Module, int] = {}
        self._runs: list[_Run] = []
        self._trace: Any = None

    def hook(self, network: nn.Module, layers: Sequence[Layer]) -> list[Any]:
        """Hooks on the modules in which the layers are seen; their handles."""
        self._layers, self._network = [layer for layer in layers if layer.steps], network
        handles: list[Any] = []
        for module in {layer.module: None for layer in self._layers if layer.module is not network}:
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
        self._start(network, ())
        self._trace = Trace(images, self._saw)
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
        run = self._runs[-1]
        step, run.steps = run.steps, run.steps + 1
        for layer in self._layers:
            if layer.module is not run.module or layer.times != run.times or step not in layer.steps:
                continue
            layer = self._orders.placed(layer, seen.x)
            held = frozen_neighbors(self._frozen, layer, Graph(seen.x, seen.neighbors, seen.y))
            if held is not None and not torch.equal(held, seen.neighbors):
                raise ValueError(
                    f"`frozen` must hold the edges that layer {layer.index + 1} ({layer.name}) makes itself, for "
                    "nothing can stand in for them, and edits before it have changed them; leave it out"
                )
            return aggregated(seen, self._keeps(layer, seen.neighbors))
        return seen.nodes
