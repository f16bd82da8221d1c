"""The graph layers of a network as `edit_edges` needs them: which modules, and where their messages lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.aggregation import recognize
from viz_nodes.capture.inputs import are_points, prepare
from viz_nodes.capture.model_state import eval_mode
from viz_nodes.capture.node_order import NodeOrder
from viz_nodes.capture.observing import observe
from viz_nodes.capture.plans import PlannedLayer, key_of, known_plan
from viz_nodes.capture.whereabouts import Whereabouts, find_places

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
        order: which node is shown in which cell, where they are not numbered as they lie; or None.
        sorted_anew: whether that differs from forward to forward.
        passed: whether it hands its messages around edge by edge, so that they can be held back.
        steps: which of the aggregations in the arithmetic of its module's run are its own, where none of those holds.
        gathering: which of the network's aggregations of nodes into groups made those it hears; -1 for none.
        child_times: how many times that child runs before, in one call of the graph convolution.
        grid: (H, W).
        partition: windows in the batch, or None.
        around: the module nearest to it that is given all nodes in the order of the grid, or None.
        channels_last: whether as (B, H, W, C), not (B, C, H, W).
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
    steps: tuple[int, ...] = ()
    gathering: int = -1
    order: NodeOrder | None = None
    sorted_anew: bool = False
    around: nn.Module | None = None
    channels_last: bool = False

    @property
    def editable(self) -> bool:
        """Whether its edges can be taken out."""
        if self.gathering >= 0 and (self.partition is not None or self.order is not None):
            return False  # its groups are not told of
        return self.kind != "other" and (self.child is not None or self.passed or bool(self.steps))


def structure(
    network: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], adapters: Sequence[Adapter]
) -> tuple[Layer, ...]:
    """The network's graph layers: as an earlier forward showed them, else from one of these arguments.

    Args:
        network: `unwrap`ped.
        args, kwargs: as it is called; the first is (B, C, H, W).
        adapters: from `adapters_for`.

    Raises:
        NoGraphLayer: there is none.
    """
    pixels = args[0] if args else next(iter(kwargs.values()))
    plan = known_plan(network, key_of(pixels, adapters), anywhere=True)
    unseen = plan is None
    if plan is None or not all(layer.known.kind for layer in plan.layers):
        plain = not any(tensor.is_inference() for tensor in network.parameters())
        images = unseen and plain and pixels.ndim == 4 and not are_points(pixels)
        with eval_mode(network, grad=images):
            # What neighbors are also used for, and where nodes lie, is read off gradients.
            inputs = prepare(network, kwargs if kwargs else args if len(args) > 1 else pixels) if images else None
            run = (
                (lambda: network(*args, **kwargs)) if inputs is None else partial(inputs.with_gradients().run, network)
            )
            record, plan, _ = observe(network, adapters, pixels, run)
            for call in record.calls:
                recognize(call)
            if inputs is not None:
                # So that an edge named by cells is that edge in a network that sorts its nodes, or adds some, too.
                find_places(network, inputs, adapters, plan, record.calls, edited=False)
    places: tuple[Whereabouts, ...] = plan.notes.get("places", ())
    layers = (_layer(index, planned, adapters) for index, planned in enumerate(plan.layers))
    if not places:
        return tuple(layers)
    return tuple(
        replace(layer, order=place.order, sorted_anew=place.sorted_anew) for layer, place in zip(layers, places)
    )


def _layer(index: int, planned: PlannedLayer, adapters: Sequence[Adapter]) -> Layer:
    known = planned.known
    place = known.inner if known.kind == "sage" else known.child
    children = [reference() for reference in planned.children]
    child = children[place] if place >= 0 else None
    module = planned.run[0]()
    assert module is not None
    return Layer(
        index,
        planned.name,
        module,
        planned.run[1],
        planned.adapter_among(adapters),
        known.kind,
        known.slots,
        child,
        sum(other is child for other in children[: max(place, 0)]),
        planned.grid,
        planned.partition,
        known.passed,
        known.steps,
        known.gathering,
        around=planned.around(),
        channels_last=planned.channels_last,
    )
