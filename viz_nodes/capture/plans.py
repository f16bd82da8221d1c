"""What a network is, as its first forward showed it: kept, so that later ones need few hooks and no search.

A plan holds for a network, its modules, a size of input and a way to find graphs. It is kept by weak references: it
goes when the network goes, and is thrown away when modules were exchanged or a forward did something else.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.calls import Frame, GraphCall, Grid, Known
from viz_nodes.capture.kept import GAVE, Kept, Place
from viz_nodes.capture.modules import modules_of
from viz_nodes.capture.traced import Traced
from viz_nodes.text import quoted

TRACED = -1
"""In `PlannedLayer.adapter`: no adapter found the layer, it was seen in the arithmetic."""
AGAIN = 32
"""Every so many forwards a network is looked at as if for the first time, and everything is proven again."""

Ref = weakref.ref[nn.Module]
Run = tuple[Ref, int]


@dataclass(frozen=True, eq=False)
class PlannedLayer:
    """One graph layer.

    Attributes:
        name: module path.
        run: the graph convolution, and how many times it runs before.
        adapter: which of the adapters found it.
        children: its direct children in the order they run.
        maker: the module that makes the edge tensor, with its run; None where there is none.
        explained: the module whose output is explained, with its run; None for the layer's own output, node by node.
        cam_layer: the path of that module.
        enclosing: the module that takes (B, C, H, W) with all nodes, or None.
        reader, channels_last: see `Site`.
        grid, window, partition, last_grid: see `Site` and `GraphCall`.
        keys: M of one window or image.
        known: how it aggregates.
    """

    name: str
    run: Run
    adapter: int
    children: tuple[Ref, ...]
    maker: Run | None
    explained: Run | None
    cam_layer: str
    enclosing: Ref | None
    reader: Ref | None
    channels_last: bool
    grid: Grid
    window: Grid | None
    partition: Partition | None
    last_grid: Grid | None
    keys: int
    known: Known

    def around(self) -> nn.Module | None:
        """The module that is given the nodes in the order of the grid, nearest to the layer."""
        nearest = self.reader or self.enclosing
        return None if nearest is None else nearest()

    def adapter_among(self, adapters: Sequence[Adapter]) -> Adapter:
        """The adapter that found it."""
        if self.adapter == TRACED:
            return Traced()
        family = adapters[self.adapter]
        return family if self.known.variant < 0 else family.variants[self.known.variant]


@dataclass(eq=False)
class Plan:
    """The graph layers of a network, in its order.

    Attributes:
        layers: the layers.
        ran: (module path, module) of all modules in the order they started.
        modules: all modules of the network, to notice when they are exchanged.
        notes: what else was found out once, by name.
        uses: in how many forwards it was used.
        traced: whether its graphs show in the arithmetic alone, which is then looked at in every forward.
        around: the layers of which what the module around them is given is kept, too.
        copied: the tensors that are kept as copies, for the network overwrites its own.
    """

    layers: tuple[PlannedLayer, ...]
    ran: tuple[tuple[str, Ref], ...]
    modules: tuple[Ref, ...]
    notes: dict[str, Any] = field(default_factory=dict)
    uses: int = 0
    traced: bool = False
    around: frozenset[int] = frozenset()
    copied: frozenset[Place] = frozenset()

    def watch_around(self, layers: Iterable[int]) -> None:
        """From now on keep what is given to the modules around these layers."""
        self.around = frozenset(layers)

    def is_like(self, other: Plan) -> bool:
        """Whether another forward showed the same layers on the same grids."""
        own, others = (
            [(each.name, each.run, each.grid, each.keys, each.cam_layer) for each in plan.layers]
            for plan in (self, other)
        )
        return own == others

    def holds(self, network: nn.Module) -> bool:
        """Whether the network still consists of the same modules."""
        now = modules_of(network)
        return len(now) == len(self.modules) and all(ref() is module for ref, module in zip(self.modules, now))

    def idle(self) -> list[nn.Module]:
        """The modules that did not run: should one do so, the network does something else."""
        ran = {id(ref()) for _, ref in self.ran}
        return [module for ref in self.modules if (module := ref()) is not None and id(module) not in ran]

    def claims(self, adapters: Sequence[Adapter]) -> dict[nn.Module, list[Adapter]]:
        """Which adapter to ask for the graph of which module."""
        claims: dict[nn.Module, list[Adapter]] = {}
        for layer in self.layers:
            claims.setdefault(_there(layer.run[0]), []).append(layer.adapter_among(adapters))
        return claims

    def watched(self) -> dict[nn.Module, str]:
        """The modules to be hooked, with the paths of those that are explained or graph layers."""
        refs: dict[nn.Module, str] = {}
        for index, layer in enumerate(self.layers):
            runs = [layer.run, layer.explained, layer.maker]
            for ref in (*(run[0] for run in runs if run is not None), *layer.children):
                module = ref()
                assert module is not None
                refs.setdefault(module, "")
            refs[_there(layer.run[0])] = layer.name
            around = layer.around() if index in self.around else None
            if around is not None:
                refs.setdefault(around, "")
            if layer.explained is not None:
                refs[_there(layer.explained[0])] = layer.cam_layer
        return refs


def _there(ref: Ref) -> nn.Module:
    module = ref()
    assert module is not None
    return module


def plan_of(
    network: nn.Module, adapters: Sequence[Adapter], calls: Sequence[GraphCall], ran: Sequence[tuple[str, nn.Module]]
) -> Plan:
    """The plan that one watched forward leads to."""

    def planned(call: GraphCall) -> PlannedLayer:
        site = call.site
        assert site.cam_module is not None
        explained = None if site.listed else (weakref.ref(site.cam_module), site.cam_call)
        return PlannedLayer(
            call.name,
            (weakref.ref(call.module), call.times),
            _place_of(call.family, adapters),
            tuple(weakref.ref(child.module) for child in call.consumed),
            None if call.maker is None else (weakref.ref(call.maker[0]), call.maker[1]),
            explained,
            site.cam_layer,
            None if site.enclosing is None else weakref.ref(site.enclosing),
            None if site.reader is None else weakref.ref(site.reader),
            site.channels_last,
            site.grid,
            site.window,
            site.partition,
            call.last_grid,
            call.graph.y.shape[2],
            call.known,
        )

    return Plan(
        tuple(planned(call) for call in calls),
        tuple((name, weakref.ref(module)) for name, module in ran),
        tuple(weakref.ref(module) for module in modules_of(network)),
    )


def _place_of(adapter: Adapter, adapters: Sequence[Adapter]) -> int:
    if isinstance(adapter, Traced):
        return TRACED
    for place, own in enumerate(adapters):
        # The same one, or that of an `edit_edges` around this call, which may be a variant already.
        if type(adapter) in (type(own), *(type(variant) for variant in own.variants)):
            return place
    raise ValueError(f"{quoted(adapter)} is none of the adapters")


class PlannedSites:
    """Stands in for `SiteFinder` where a plan says what each graph layer means."""

    def __init__(self, plan: Plan, images: int, adapters: Sequence[Adapter], kept: Kept) -> None:
        self.plan, self.images, self._adapters, self._kept = plan, images, adapters, kept
        self._layers = {(_there(layer.run[0]), layer.run[1]): index for index, layer in enumerate(plan.layers)}
        self._waiting: dict[tuple[nn.Module, int], list[GraphCall]] = {}
        self._surprised = False
        self._around: dict[nn.Module, Tensor] = {}

    def surprise(self, *_: Any) -> None:
        """A module runs that did not run before."""
        self._surprised = True

    def expects(self, frame: Frame, edges: Tensor | None) -> bool:
        """Whether this run of the module is a graph layer."""
        return (frame.module, frame.times) in self._layers

    def channels_last(self, module: nn.Module, first: Tensor) -> bool:
        """Whether a module takes (B, H, W, C)."""
        return any(layer.channels_last and layer.around() is module for layer in self.plan.layers)

    def entered(self, frame: Frame) -> None:
        """A module starts."""
        if self.plan.around and frame.floats:
            self._around[frame.module] = frame.floats[0]

    def started(self, call: GraphCall, stack: Sequence[Frame]) -> None:
        """A graph layer starts."""
        index = self._layers[call.module, call.times]
        layer = self.plan.layers[index]
        site = call.site
        site.index, site.grid, site.window, site.partition = index, layer.grid, layer.window, layer.partition
        site.cam_layer, site.listed, site.cam_module = layer.cam_layer, layer.explained is None, call.module
        call.last_grid, call.known = layer.last_grid, layer.known
        call.family = self._adapters[layer.adapter]
        around = layer.around() if index in self.plan.around else None
        if around is not None:
            call.around = self._around.get(around)
        if layer.explained is not None:
            site.cam_module, site.cam_call = _there(layer.explained[0]), layer.explained[1]
            self._waiting.setdefault((_there(layer.explained[0]), layer.explained[1]), []).append(call)

    def ended(self, call: GraphCall) -> None:
        """A graph layer has ended."""
        if call.site.listed:
            call.site.activations, call.site.cam_call = call.nodes, call.times

    def waits(self, call: GraphCall) -> bool:
        """Never: what is explained is known."""
        return False

    def left(self, frame: Frame, tensor: Tensor | None, output: Any, handed: Any) -> Any:
        """A module has ended; see `SiteFinder.left`."""
        calls = self._waiting.pop((frame.module, frame.times), ())
        for call in calls:
            call.site.activations = tensor
        if not calls or tensor is None or handed is not tensor or tensor is not output:
            return handed
        return self._kept.handed((frame.module, frame.times, GAVE), tensor)

    def finish(self, calls: Sequence[GraphCall]) -> bool:
        """Whether the forward did what was planned."""
        if self._surprised or [call.site.index for call in calls] != list(range(len(self.plan.layers))):
            return False
        return all(self._as_planned(call, layer) for call, layer in zip(calls, self.plan.layers))

    def _as_planned(self, call: GraphCall, layer: PlannedLayer) -> bool:
        activations, x = call.site.activations, call.graph.x
        windows = 1 if layer.partition is None else layer.partition.nodes.shape[0]
        children = [child.module for child in call.consumed]
        return (
            activations is not None
            and tuple(activations.shape[2:]) in (layer.grid, (layer.grid[0] * layer.grid[1], 1))
            and activations.shape[0] == self.images
            and x.shape[0] == self.images * windows
            and x.shape[2] * windows == layer.grid[0] * layer.grid[1]
            and call.graph.y.shape[2] == layer.keys
            and children == [ref() for ref in layer.children]
        )


# -- the plans of all networks ---------------------------------------------------------------------------------------

_plans: weakref.WeakKeyDictionary[nn.Module, dict[Any, Plan]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def key_of(pixels: Tensor, adapters: Sequence[Adapter], regions: int | None = None) -> Any:
    """What a plan depends on beside the network: the size of an image, precision and device, adapters and regions.

    Adapters that hold no state are known by their class, others by themselves.
    """
    ways = tuple(type(adapter) if not vars(adapter) else weakref.ref(adapter) for adapter in adapters)
    return tuple(pixels.shape[1:]), pixels.dtype, pixels.device, ways, regions


def known_plan(network: nn.Module, key: Any, *, anywhere: bool = False) -> Plan | None:
    """The plan, where there is one that still holds.

    Args:
        anywhere: take one that differs only in where nodes lie, where that is not asked.
    """
    with _lock:
        known = _plans.get(network, {})
        plan = known.get(key)
        if plan is None and anywhere:
            plan = next((other for of, other in known.items() if of[:-1] == key[:-1]), None)
    if plan is not None and not plan.holds(network):
        forget(network)
        return None
    return plan


def keep(network: nn.Module, key: Any, plan: Plan) -> None:
    """Keep a plan while the network lives."""
    with _lock:
        _plans.setdefault(network, {})[key] = plan


def forget(network: nn.Module) -> None:
    """Throw away what is known of a network, so that the next call looks again."""
    with _lock:
        _plans.pop(network, None)
