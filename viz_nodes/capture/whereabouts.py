"""Where the nodes of each layer are to be drawn: as they are numbered, put back in order, or nowhere on the image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.aggregation import recognize
from viz_nodes.capture.calls import GraphCall, Grid, NoGraphLayer
from viz_nodes.capture.cutting import cut_away
from viz_nodes.capture.edits import running_edits
from viz_nodes.capture.inputs import Inputs
from viz_nodes.capture.landing import keys_lying, landing
from viz_nodes.capture.mismatch import without_graph
from viz_nodes.capture.node_order import NodeOrder, read_order
from viz_nodes.capture.placing import Placing, judge, place
from viz_nodes.capture.plans import Plan
from viz_nodes.explanation import LayerExplanation

CURE = "tell where they lie with an `adapter`, or do not draw this layer on the image"


class MisplacedNodes(UserWarning):
    """The nodes of a layer do not lie on the image where they would be drawn."""


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """Where the nodes of a layer are to be drawn.

    Attributes:
        placed: whether that is proven; False where it is refuted, None where nothing could be seen or was tried.
        grid: (H, W) of the nodes that have a place.
        order: which node lies in which cell; None where node i is cell i.
        sorted_anew: whether the network sorts its nodes in each forward, so that their order is to be read there.
        map_in_order: whether what is explained lies in the order of the nodes, not on the grid.
        note: for people, what was found; "" where there is nothing to say.
    """

    placed: bool | None
    grid: Grid
    order: NodeOrder | None = None
    sorted_anew: bool = False
    map_in_order: bool = False
    note: str = ""

    def in_forward(self, call: GraphCall) -> Whereabouts:
        """The same for one forward, where the order is read off it if need be."""
        if not self.sorted_anew:
            return self
        nodes = None if call.around is None else read_order(call.graph.x, call.around)
        if nodes is None:
            return Whereabouts(False, self.grid, note=_refuted("moved", call, f"their order cannot be read; {CURE}"))
        order = NodeOrder(nodes.cpu(), call.graph.x.shape[2])
        return Whereabouts(True, self.grid, order, True, self.map_in_order, self.note)


def not_tried(call: GraphCall) -> Whereabouts:
    """Of a layer whose places nobody proves: where it is taken to lie, if there is a grid that it fits."""
    if not call.beside_a_grid:
        return Whereabouts(None, call.grid)
    known = "{} x {}".format(*call.last_grid) if call.last_grid else ""
    words = f"{call.grid[1]} nodes are more than those of the grid of {known}, and which lie on it is not known; {CURE}"
    return Whereabouts(False, call.grid, note=words)


def find_places(
    network: nn.Module,
    inputs: Inputs,
    adapters: Sequence[Adapter],
    plan: Plan,
    calls: Sequence[GraphCall],
    *,
    edited: bool | None = None,
) -> tuple[Whereabouts, ...]:
    """Of every layer of a network, once for a plan; costs one forward of four images.

    Args:
        network: in eval mode.
        inputs, adapters: as they ran.
        plan: of the network.
        calls: what was seen in that forward.
        edited: whether it ran with edited edges; by default whether an `edit_edges` is around.

    Raises:
        NoGraphLayer: what nodes hear are as many groups of nodes as keys could be pooled from the grid, and are none.
    """
    edited = network in running_edits.networks if edited is None else edited
    if "places" not in plan.notes and edited:
        return tuple(not_tried(call) for call in calls)  # its edges are for these images alone
    if "places" not in plan.notes:
        for call in calls:
            recognize(call)
        placings = place(network, inputs, adapters, plan)
        if lost := {call.graph.y.shape[2] for call, each in zip(calls, placings) if each.hears_groups}:
            raise NoGraphLayer(without_graph([network], {}, lost))
        plan.notes["placings"] = placings
        plan.notes["places"] = tuple(_whereabouts(call, placing, inputs) for call, placing in zip(calls, placings))
        plan.watch_around({index for index, each in enumerate(plan.notes["places"]) if each.sorted_anew})
        landed = (_with_landing(each, call, calls) for each, call in zip(plan.notes["places"], calls))
        words = cut_away(calls[0], inputs) if calls else ""
        uncut = (_with_cut(each, words) for each in landed)
        plan.notes["places"] = tuple(_with_beside(each, call) for each, call in zip(uncut, calls))
    whereabouts: tuple[Whereabouts, ...] = plan.notes["places"]
    return whereabouts


def _with_landing(where: Whereabouts, call: GraphCall, calls: Sequence[GraphCall]) -> Whereabouts:
    """The same, refuted where what a node hears comes to lie elsewhere than the node, or its key nodes elsewhere."""
    if where.placed is not True:
        return where
    keys = keys_lying(call)
    if keys is not None and keys.wrong != keys.wrong:
        words = f"the key nodes of {call.name} were not made of the nodes around it, and where they lie is not known"
        return replace(where, placed=None, note="; ".join(filter(None, (where.note, words))))
    if keys is not None and not keys.coarse and keys.wrong >= 2 * keys.tolerated:
        words = f"the key nodes of {call.name} lie elsewhere than where they would be drawn; {CURE}"
        return Whereabouts(False, where.grid, where.order, note=words)
    if not call.seen or call.known.passed:
        return where
    numbers = {seen.number for seen in call.seen}
    inside = (other for other in calls if other is not call and other.landed is call.landed)
    if any(numbers & seen.after for other in inside for seen in other.seen):
        return where  # it is heard again before it comes to lie anywhere
    answer = landing(call, where.grid, where.order)
    if answer is None or answer.wrong != answer.wrong or answer.wrong < 2 * answer.tolerated:
        return where
    seen = f"what {answer.wrong:.0%} of the nodes of {call.name} hear comes to lie elsewhere than they do"
    return Whereabouts(False, where.grid, where.order, note=f"{seen}; {CURE}")


def _with_cut(where: Whereabouts, words: str) -> Whereabouts:
    """The same, refuted where the network cuts its image."""
    return where if not words or where.placed is False else replace(where, placed=False, sorted_anew=False, note=words)


def _with_beside(where: Whereabouts, call: GraphCall) -> Whereabouts:
    """Says, too, which layers among other nodes ran inside of it."""
    if not call.beside:
        return where
    names = " and ".join(call.beside)
    words = f"a graph among other nodes ran inside of it ({names}); these lie nowhere on the image and are left out"
    return replace(where, note="; ".join(part for part in (where.note, words) if part))


def warn_of_misplaced(layers: Sequence[LayerExplanation]) -> None:
    """Say which layers must not be drawn on the image, and why."""
    wrong = [layer for layer in layers if layer.placed is False and layer.note]
    if wrong:
        numbers = ", ".join(str(layer.number) for layer in wrong)
        message = f"layer{'s' if len(wrong) > 1 else ''} {numbers}: {wrong[0].note}"
        warnings.warn(message, MisplacedNodes, stacklevel=3)


def _whereabouts(call: GraphCall, placing: Placing, inputs: Inputs) -> Whereabouts:
    if call.adapter.places(call.name, call.graph.x.shape[2]) is not None:
        return Whereabouts(None, call.grid)  # regions that are told, not a grid
    if placing.placed is not False and not call.beside_a_grid:
        note = f"places not proven: {placing.problem}" if placing.problem else ""
        if placing.placed is None and placing.proves_keys and placing.keys is not None and not placing.keys.right:
            note = note or (
                f"whether its {call.graph.y.shape[2]} key nodes are patches pooled from the grid, or groups of nodes "
                "from anywhere, is not known"
            )
        return Whereabouts(placing.placed, call.grid, note=note)
    pooled = call.graph.y.shape[2] != call.graph.x.shape[2]
    silent = placing.nodes.silent
    if silent and placing.held and call.partition is None and not pooled:
        grid = _grid_without(placing, call.grid, inputs.size)
        if grid is not None:
            extra = f"{len(silent)} node{'s' if len(silent) > 1 else ''} that the image does not reach"
            words = (
                f"{extra} (learned, as prompts and class tokens are) {'have' if len(silent) > 1 else 'has'} no place"
            )
            words += f" on it and {'are' if len(silent) > 1 else 'is'} left out"
            order = NodeOrder.without(silent, call.graph.x.shape[2])
            acts = call.site.activations
            mapped = acts is not None and acts[0, 0].numel() == order.count
            return Whereabouts(True, grid, order, map_in_order=mapped, note=words)
    if call.beside_a_grid:
        return not_tried(call)
    if silent:
        seen = f"{len(silent)} of {call.grid[0] * call.grid[1]} do not change with the image at all"
        return Whereabouts(False, call.grid, note=_refuted("extra", call, f"{seen}; {CURE}"))
    if call.partition is None and not pooled and placing.around.right and placing.nodes.right is False:
        words = "the network sorts its nodes; they are put back in the order of the grid"
        in_order = call.site.listed or placing.explained.right is False
        return Whereabouts(None, call.grid, sorted_anew=True, map_in_order=in_order, note=words)
    wrong = max(answer.wrong for answer in (placing.nodes, placing.around) if answer.right is False)
    seen = f"{wrong:.0%} of those asked change with other parts of the image than the ones they are drawn on"
    return Whereabouts(False, call.grid, note=_refuted("moved", call, f"{seen}; {CURE}"))


def _refuted(how: str, call: GraphCall, words: str) -> str:
    what = "nodes were added" if how == "extra" else "the nodes were moved"
    where = "" if how == "extra" else ", or mixed with others far from them before it"
    return f"{what} inside of {call.name}{where}, so they do not lie where they would be drawn: {words}"


def _grid_without(placing: Placing, grid: Grid, size: Grid) -> Grid | None:
    """(H, W) on which the nodes that the image reaches lie in order; None where there is no such grid."""
    silent = set(placing.nodes.silent)
    kept = [node for node in range(grid[0] * grid[1]) if node not in silent]
    shapes = [(h, len(kept) // h) for h in range(1, len(kept) + 1) if len(kept) % h == 0]
    shapes.sort(key=lambda shape: abs(shape[0] * size[1] - shape[1] * size[0]) / (shape[0] * size[1]))
    changes = placing.changes[:, torch.tensor(kept)]
    for shape in shapes[:3]:
        answer = judge(changes, shape, placing.bands)
        if answer.right:
            return shape
    return None
