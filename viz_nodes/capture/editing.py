"""Take chosen edges out of chosen layers while a network runs, whatever its code.

One file because the hooks of an edit share what they know of the running layer.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.base import Adapter, Graph, by_image, gather, is_edge_tensor, messages_of
from viz_nodes.capture.adapters.message_passing import table
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.arithmetic_edits import ArithmeticEdits
from viz_nodes.capture.edge_masks import (
    Edges,
    LayerEdits,
    edge_weights,
    edits_by_layer,
    frozen_neighbors,
    kept_edges,
    replaced_neighbors,
    require_same_network,
    settled,
)
from viz_nodes.capture.edits import Edited, NotHeld, running_edits
from viz_nodes.capture.kinds import difference
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of
from viz_nodes.capture.model_state import name_of, unwrap
from viz_nodes.capture.order_reading import OrderReader
from viz_nodes.capture.structure import Layer, structure
from viz_nodes.capture.winners import maximum_heard
from viz_nodes.explanation import Explanation


@contextmanager
def edit_edges(
    model: nn.Module,
    *,
    cut: Mapping[int, Edges] | None = None,
    keep: Mapping[int, Edges] | None = None,
    replace: Mapping[int, Edges] | None = None,
    weigh: Mapping[int, Edges] | None = None,
    frozen: Explanation | None = None,
    adapter: Adapter | Sequence[Adapter] | None = None,
) -> Iterator[dict[int, int]]:
    """Inside, the model runs without chosen edges: left out of the maximum or the sum, and nothing in their place.

    A node without any edge left receives the message 0. The first forward of each image size costs one more, in which
    the graph layers are looked for, and where nobody has explained the network yet, one of four images, in which it is
    seen where their nodes lie. Only forwards of this thread are edited.

    Args:
        model: any network that `explain` understands; layers whose `exact` is False cannot be edited.
        cut: for each layer (its place in the network from 0, negative from its end) the edges to take out: a bool
            tensor (N, k) or (B, N, k) by rank, pairs (neighbor, center), or a function that gets the neighbors
            (B, N, k) and returns such a tensor. With B = 1 it holds for every image. For a layer of a hypergraph a
            mapping: "members", who is taken out of which hyperedge, (E, N) or (B, E, N) as `groups` of its
            explanation, "heard", which hyperedges a node no longer hears, (N, c) or (B, N, c) as `heard`; or pairs as
            its `hypergraph` names them, (node, ("group", e)) and (("group", e), node).
        keep: the same, but all other edges of these layers go.
        replace: for each layer the neighbors (N, k) or (B, N, k) that stand in for those the network would build, -1
            for no edge, or a function that gets the network's and returns such a tensor. Cuts are counted on these.
        weigh: for each layer what the message of each edge is multiplied by, (N, k) or (B, N, k) fractions, or a
            function as above; gradients flow back into them. 1 changes nothing, and 0 is not a cut: a message of 0 is
            one that may win a maximum.
        frozen: the graphs of this explanation (of one image, or of as many as will run) stand in for those the network
            would build; otherwise each layer builds its own from what the edits before it left. It must be of this
            network, or of one that has its name, layers and input size.
        adapter: as for `explain`.

    Yields:
        For each edited layer how many edges were taken out in the last forward.

    Raises:
        TypeError: edges that are none.
        ValueError: (in the first forward) a layer that does not exist or is named twice, a mask of another shape, a
            pair that is no edge, a layer whose aggregation is not understood, an explanation of another network.
        RuntimeError: (in a forward) a layer that was to be edited did not run.

    Example:
        >>> exp = viz_nodes.explain(model, pixels)
        >>> with viz_nodes.edit_edges(model, cut={-1: exp.layer(-1).share < 0.1}, frozen=exp):
        ...     logits = model(pixels)
    """
    network = unwrap(model)
    edits = {"cut": cut, "keep": keep, "replace": replace, "weigh": weigh}
    asked = {name: settled(name, by_layer) for name, by_layer in edits.items()}
    if frozen is not None and not isinstance(frozen, Explanation):
        raise TypeError(f"`frozen` must be an Explanation (got {type(frozen).__name__})")
    editor = _Editor(network, asked, frozen, adapters_for(adapter))
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        handle = network.register_forward_pre_hook(editor.begin, with_kwargs=True)
        stack.callback(handle.remove)
        stack.callback(network.register_forward_hook(editor.done, always_call=True).remove)
        stack.callback(editor.let_go)
        running_edits.networks.append(network)
        stack.callback(running_edits.networks.remove, network)
        yield editor.gone


class _Editor:
    """The hooks of one `edit_edges`."""

    def __init__(
        self,
        network: nn.Module,
        asked: dict[str, dict[int, Edges]],
        frozen: Explanation | None,
        adapters: Sequence[Adapter],
    ) -> None:
        self.network, self.asked, self.frozen, self.adapters = network, asked, frozen, adapters
        self.gone: dict[int, int] = {}
        self._thread = threading.get_ident()
        self._looking = False
        self._images = 1
        self._lists: dict[nn.Module, Tensor] = {}
        self._size: tuple[int, ...] | None = None
        self._layers: dict[tuple[nn.Module, int], Layer] = {}
        self._edits: dict[int, LayerEdits] = {}
        self._times: dict[nn.Module, int] = {}
        self._open: list[tuple[Layer, Graph, dict[nn.Module, int]]] = []
        self._handles: list[Any] = []
        self._orders = OrderReader()
        self._arithmetic = ArithmeticEdits(
            self._kept,
            lambda layer: self._edits[layer.index],
            lambda layer, count: self.gone.update({layer.index: count}),
            self._orders,
            frozen,
        )

    def _idle(self) -> bool:
        return self._looking or threading.get_ident() != self._thread

    def begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before the network: know its layers, and start counting."""
        if self._idle():
            return
        self._times.clear()
        self._forget()
        self.gone.clear()
        pixels = args[0] if args else next(iter(kwargs.values()))
        if not isinstance(pixels, Tensor) or pixels.ndim < 3:
            raise ValueError("edges of a graph that is itself given to the network are edited there, in what is given")
        self._images = pixels.shape[0]
        if self._size != tuple(pixels.shape[1:]):
            self.let_go()
            self._looking = True
            try:
                layers = structure(self.network, args, kwargs, self.adapters)
            finally:
                self._looking = False
            self._edits = edits_by_layer(layers, **self.asked)
            if self.frozen is not None:
                require_same_network(self.frozen, layers, name_of(self.network), tuple(pixels.shape[-2:]))
                for explained in self.frozen.layers:
                    self._edits.setdefault(explained.index, LayerEdits())
            self._hook([layer for layer in layers if layer.index in self._edits])
            self._size = tuple(pixels.shape[1:])
        self._arithmetic.begin(module, self._images)

    def _hook(self, layers: Sequence[Layer]) -> None:
        # First in line, so that whoever watches the network sees it as edited.
        self._layers = {(layer.module, layer.times): layer for layer in layers}
        for module in {layer.module: None for layer in layers if layer.passed}:
            sender: Any = module
            self._handles.append(sender.register_propagate_forward_pre_hook(self.list_edges))
            self._handles.append(sender.register_message_forward_hook(self.pass_on))
            self._handles.append(sender.register_aggregate_forward_pre_hook(self.pass_index))
        self._handles += self._arithmetic.hook(self.network, layers) + self._orders.hook(layers)
        for module in {layer.module: None for layer in layers if not layer.passed and not layer.steps}:
            self._handles.append(module.register_forward_pre_hook(self.enter, with_kwargs=True, prepend=True))
            self._handles.append(module.register_forward_hook(self.leave, prepend=True))
        for layer in layers:
            if layer.child is not None:
                hook = self.before_child if layer.kind in ("mr", "max", "gin", "sum") else None
                if hook is not None:
                    self._handles.append(layer.child.register_forward_pre_hook(hook, prepend=True))
                else:
                    self._handles.append(layer.child.register_forward_hook(self.gave, prepend=True))

    def _forget(self) -> None:
        for layer, _, _ in self._open:  # left over where a forward raised
            running_edits.graphs.pop(layer.module, None)
        self._open.clear()
        for module in self._lists:
            running_edits.passed.pop(module, None)
        self._lists.clear()
        self._orders.end()

    def let_go(self) -> None:
        """Remove the hooks inside the network."""
        self._forget()
        self._arithmetic.end()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._layers.clear()
        self._size = None

    def done(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After the network, also where it raised: every layer that was to be edited must have run."""
        if self._idle():
            return
        self._arithmetic.end()
        self._orders.end()
        if sys.exc_info()[0] is not None:
            return
        missed = sorted(set(self._edits) - set(self.gone))
        if missed:
            raise RuntimeError(
                f"layer {missed[0] + 1} was to be edited and did not run as it did before; does the network choose its "
                "layers anew in every forward?"
            )

    # -- hooks inside the network ------------------------------------------------------------------------------

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Before a graph convolution: its graph, as it will count."""
        if self._idle():
            return None
        times = self._times[module] = self._times.get(module, -1) + 1
        layer = self._layers.get((module, times))
        graph = None if layer is None else layer.adapter.graph(module, args, kwargs)
        if layer is None or graph is None:
            return None
        layer = self._orders.placed(layer, graph.x)
        frozen = frozen_neighbors(self.frozen, layer, graph)
        wanted = self._edits[layer.index].replace
        if wanted is not None:
            frozen = replaced_neighbors(wanted, layer, graph)
        neighbors = graph.neighbors if frozen is None else frozen
        kept = self._kept(layer, neighbors)
        own = graph.edge_index
        graph = dataclasses.replace(graph, neighbors=neighbors.masked_fill(~kept, -1))
        running_edits.graphs[module] = Edited(graph.neighbors, own, layer.adapter)
        self._open.append((layer, graph, {}))
        if own is None or frozen is None:
            return None
        graph.edge_index = torch.stack([neighbors.clamp(min=0), own[1][..., :1].expand(neighbors.shape)])
        swap = {id(own): graph.edge_index}
        return (
            tuple(swap.get(id(v), v) if is_edge_tensor(v) else v for v in args),
            {k: swap.get(id(v), v) if is_edge_tensor(v) else v for k, v in kwargs.items()},
        )

    def _kept(self, layer: Layer, neighbors: Tensor) -> Tensor:
        """(B, N, k) bool, B, N, k those of windows where there are any."""
        kept = kept_edges(self._edits[layer.index], neighbors, layer)
        self.gone[layer.index] = int(((neighbors >= 0) & ~kept).sum())
        return kept

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """After a graph convolution."""
        if not self._idle() and self._open and self._open[-1][0].module is module:
            self._open.pop()
            running_edits.graphs.pop(module, None)

    def list_edges(self, module: nn.Module, inputs: Any) -> None:
        """Before messages are sent along an edge list (PyG's propagate): what list it is."""
        if not self._idle():
            running_edits.passed.pop(module, None)
            forward = getattr(module, "flow", "source_to_target") == "source_to_target"
            self._lists[module] = inputs[0] if forward else inputs[0].flip(0)

    def pass_on(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        """After the messages are made: hold back those of edges that are gone."""
        if self._idle():
            return None
        times = self._times[module] = self._times.get(module, -1) + 1
        layer = self._layers.get((module, times))
        if layer is None:
            return None
        if self._edits[layer.index].replace is not None:
            raise ValueError(f"`replace` must name layers that are handed an edge tensor ({layer.name} is not)")
        nodes = layer.grid[0] * layer.grid[1]
        senders, places = table(self._lists[module], self._images * nodes)
        neighbors = by_image(senders, self._images, nodes)
        features = output.new_empty(self._images, 0, nodes)
        layer = self._orders.placed_list(layer, self._images)
        frozen = frozen_neighbors(self.frozen, layer, Graph(features, neighbors, features))
        if frozen is not None and not torch.equal(frozen, neighbors):
            raise NotHeld(
                f"`frozen` must hold the edges that layer {layer.index + 1} ({layer.name}) is given, for it cannot "
                "stand in for an edge list, and edits before it have changed that; without it the layer has its own",
                layer.index + 1,
            )
        passed = self._kept(layer, neighbors).flatten()[places]
        running_edits.passed[module] = passed
        weigh = self._edits[layer.index].weigh
        if weigh is not None:
            weights = edge_weights(weigh, neighbors, layer).flatten()[places].to(output.dtype)
            output = output * weights.view(-1, *(1,) * (output.ndim - 1))
        return output[passed]

    def pass_index(self, module: nn.Module, inputs: Any) -> tuple[Any, ...] | None:
        """Before they are aggregated: the receivers of those that are left."""
        passed = None if self._idle() else running_edits.passed.get(module)
        if passed is None:
            return None
        return ({**inputs[0], "index": inputs[0]["index"][passed], "ptr": None},)

    def _due(self, module: nn.Module) -> tuple[Layer, Graph] | None:
        """The running layer whose messages this call of its child decides."""
        if self._idle() or not self._open:
            return None
        layer, graph, times = self._open[-1]
        times[module] = times.get(module, -1) + 1
        if layer.child is not module or times[module] != layer.child_times:
            return None
        untouched = self._edits[layer.index].weigh is None and bool((graph.neighbors >= 0).all())
        return None if untouched else (layer, graph)

    def _weighed(self, layer: Layer, messages: Tensor, neighbors: Tensor) -> Tensor:
        """(B, C, N, k) the messages as they count."""
        weigh = self._edits[layer.index].weigh
        return messages if weigh is None else messages * edge_weights(weigh, neighbors, layer)[:, None].to(messages)

    def before_child(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Before the child that is given the messages."""
        due = self._due(module)
        if due is None:
            return None
        layer, graph = due
        batch, nodes = graph.x.shape[0], graph.x.shape[2]
        layout = layout_of(args[0], batch, nodes)
        by_node = as_nodes(args[0].clone(), batch, nodes)
        assert layout is not None
        assert by_node is not None
        messages = by_node[:, layer.slots]
        alone = (graph.neighbors < 0).all(-1)[:, None]
        if layer.kind == "gin":
            # Every place that holds no edge was summed as its placeholder.
            holes = graph.neighbors < 0
            placeholder = graph.edge_index[0] if graph.edge_index is not None else graph.neighbors
            summed = gather(graph.y, placeholder)
            edited = messages - (summed - self._weighed(layer, summed, graph.neighbors) * ~holes[:, None]).sum(-1)
        elif layer.kind == "sum":
            edited = self._sum_beside(layer, graph, messages)
        elif layer.kind == "mr" and self._edits[layer.index].weigh is None:
            best = _best(gather(graph.y, graph.neighbors), graph.neighbors)
            edited = (best - graph.x).masked_fill(alone, 0)
        else:
            mr = layer.kind == "mr"
            sent = gather(graph.y, graph.neighbors) if mr else messages_of(layer.adapter, graph, layer.module)
            assert sent is not None
            sent = sent - graph.x[..., None] if mr else sent
            edited = _best(self._weighed(layer, sent, graph.neighbors), graph.neighbors)
        by_node[:, layer.slots] = edited.to(by_node.dtype)
        return (from_nodes(by_node, args[0], layout), *args[1:])

    def _sum_beside(self, layer: Layer, graph: Graph, messages: Tensor) -> Tensor:
        """(B, C, N) the sum of the edges that count, or their mean where that is what the network gave."""
        whole = graph.edge_index[0] if graph.edge_index is not None else graph.neighbors
        total = gather(graph.y, whole).detach().sum(-1)
        mean = difference(messages.detach() * whole.shape[2], total) < difference(messages.detach(), total)
        holes = graph.neighbors < 0
        sent = self._weighed(layer, gather(graph.y, graph.neighbors), graph.neighbors) * ~holes[:, None]
        count = (~holes).sum(-1).clamp(min=1)[:, None] if mean else 1
        touched = holes.any(-1)[:, None] | (self._edits[layer.index].weigh is not None)
        return torch.where(touched, (sent.sum(-1) / count).to(messages), messages)

    def gave(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor | None:
        """After the child that makes a message of every edge."""
        due = self._due(module)
        if due is None:
            return None
        neighbors = due[1].neighbors
        output = self._weighed(due[0], output, neighbors)
        output = output.masked_fill((neighbors < 0)[:, None], float("-inf"))
        return output.masked_fill((neighbors < 0).all(-1)[:, None, :, None], 0)


def _best(messages: Tensor, neighbors: Tensor) -> Tensor:
    """(B, C, N) the maximum over edges that are there, connected to the messages."""
    with torch.no_grad():
        _, winner = maximum_heard(messages, neighbors)
    best = messages.gather(3, winner[..., None].long())[..., 0]
    return best.masked_fill((neighbors < 0).all(-1)[:, None], 0)
