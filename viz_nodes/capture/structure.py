"""The graph layers of a network as one dry run found them: which modules, and how each aggregates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.aggregation import Aggregation, recognize
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.model_state import eval_mode
from viz_nodes.capture.recorder import recording

Grid = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """One graph layer.

    Attributes:
        index: place among the network's graph layers.
        name, module: the graph convolution.
        times: how many times that module runs before, in one forward.
        adapter: what found it.
        kind, slots: see `Aggregation`.
        child: the module whose input (mr, gin, max) or output (edge, sage) depends on the edges; None if unknown.
        passed: whether it hands its messages around edge by edge, so that they can be held back.
        child_times: how many times that child runs before, in one call of the graph convolution.
        grid: (H, W).
        partition: windows in the batch, or None.
    """

    index: int
    name: str
    module: nn.Module
    times: int
    adapter: Adapter
    kind: str
    slots: slice
    child: nn.Module | None
    child_times: int
    grid: Grid
    partition: Partition | None
    passed: bool = False


def structure(
    network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], adapters: Sequence[Adapter]
) -> tuple[Layer, ...]:
    """The network's graph layers, from one forward of these arguments, whose first is (B, 3, H, W).

    Raises:
        NoGraphLayer: there is none.
    """
    pixels = args[0] if args else next(iter(kwargs.values()))
    with eval_mode(network, grad=False):
        with recording(network, adapters, pixels) as record:
            network(*args, **kwargs)
            record.finish()
        found = []
        for call in record.calls:
            one = recognize(call)
            place = one.inner if one.kind == "sage" else one.child
            child = call.consumed[place].module if place >= 0 else None
            before = sum(other.module is child for other in call.consumed[: max(place, 0)])
            found.append(_layer(call, one, child, before))
    return tuple(found)


def _layer(call: GraphCall, one: Aggregation, child: nn.Module | None, before: int) -> Layer:
    return Layer(
        call.index,
        call.name,
        call.module,
        call.times,
        call.adapter,
        one.kind,
        one.slots,
        child,
        before,
        call.grid,
        call.partition,
        call.graph.sent is not None and one.exact,
    )
