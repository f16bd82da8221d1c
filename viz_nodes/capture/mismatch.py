"""Why a network or a layer is not understood: what was seen of it, what was tried, and how near that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import nn

from viz_nodes.capture.adapters.base import gather
from viz_nodes.capture.adapters.guide import GUIDE
from viz_nodes.capture.aggregation import inputs_by_node, largest_messages
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.kinds import difference, tolerance
from viz_nodes.capture.layouts import as_nodes
from viz_nodes.capture.traced import Traced
from viz_nodes.capture.winners import maximum_heard

_NO_CHOICE = {"softmax", "scaled_dot_product_attention", "roll"}
"""What networks do that make no graph."""


def without_graph(ran: Sequence[nn.Module], choices: Mapping[str, int], groups: Collection[int] = ()) -> str:
    """What is said of a network in which no graph was seen: that there is none, or that one may have been missed.

    Args:
        ran: the modules in the order they ran, the network first.
        choices: how often nodes were chosen, compared or moved, by function.
        groups: how many groups nodes were gathered into, where they were.
    """
    name = type(ran[0]).__name__ if ran else "the network"
    kinds = Counter(type(module).__name__ for module in ran if not any(True for _ in module.children()))
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
    if groups:
        counts = " and ".join(map(str, sorted(groups)))
        return (
            f"{name} gathers its nodes into {counts} groups and lets nodes hear these, a hypergraph, whose groups lie "
            "nowhere on the image; give an `adapter` whose `graph` names for each node the members of the groups that "
            f"it hears ({GUIDE})"
        )
    attentions = choices.get("softmax", 0) + choices.get("scaled_dot_product_attention", 0)
    chose = {function: count for function, count in choices.items() if function not in _NO_CHOICE}
    if not chose:
        attention = f", with {attentions} attentions in which every token hears every other" if attentions else ""
        moved = "rolled alone, as windows are shifted" if choices.get("roll") else "never chosen, gathered or rolled"
        return (
            f"{name} makes no graph on its image: it ran {listed}{attention}, and its nodes were {moved}. Where it "
            f"does make one, say so with an `adapter` ({GUIDE})"
        )
    functions = ", ".join(f"{function} {count} times" for function, count in sorted(chose.items()))
    return (
        f"no graph layer was found in {name}, which chose or moved nodes ({functions}): no module was "
        "called with an edge tensor (2, B, N, k) or an edge_index, and what was gathered became no maximum, sum or "
        f"mean over neighbors that could be followed (it ran {listed}). If it makes a graph, tell where with an "
        f"`adapter` ({GUIDE})"
    )


@torch.no_grad()
def why_not(call: GraphCall) -> str:
    """What was tried on a layer that is not understood, and how near it came; "" where nothing could be compared."""
    graph = call.graph
    if isinstance(call.adapter, Traced) or call.seen or call.leaking:
        used = "features of neighbors are also used in another way, or inside of a `torch.autograd.Function`"
        used = used if call.leaking else ""
        return used or "what was gathered goes along other edges than those that were told"
    if not call.untouched:
        return "the features it was given were overwritten before they could be compared"
    if not graph.aligned:
        return "the centers of its edges are not the nodes in their order"
    tried: list[str] = []
    channels, heard = graph.x.shape[1], None
    for _, _, values in inputs_by_node(call, None):
        if values.shape[1] == 2 * channels:
            heard = heard or largest_messages(call, call.adapter.max_relative)
        if values.shape[1] == 2 * channels and heard is not None:
            off = min(difference(values[:, slots], heard[0]) for slots in (slice(1, None, 2), slice(channels, None)))
            tried.append(f"the maximum of its messages beside x: off by {off:.2g} ({tolerance(heard[0]):.0e} allowed)")
        elif values.shape[1] == channels:
            there = (graph.neighbors >= 0)[:, None]
            total = (gather(graph.y, graph.neighbors) * there).sum(-1)
            off = difference(values, total + graph.x)
            tried.append(f"x plus the sum of the neighbors: off by {off:.2g} ({tolerance(total):.0e} allowed)")
    tried += _maxima(call)
    return "; ".join(tried) or "none of its modules is given or gives a tensor that a maximum or sum could be read from"


def _maxima(call: GraphCall) -> list[str]:
    """How near the maximum over what a child gave for each edge is to what the layer gave."""
    tried: list[str] = []
    batch, nodes, k = call.graph.neighbors.shape
    output = None if call.output is None else as_nodes(call.output.detach(), batch, nodes)
    for child in call.consumed:
        gave = child.output
        if output is None or gave is None or gave.ndim != 4 or (gave.shape[0], *gave.shape[2:]) != (batch, nodes, k):
            continue
        best, _ = maximum_heard(gave.detach(), call.graph.neighbors)
        if best.shape == output.shape:
            off = difference(output, best)
            what = f"the maximum over what its {type(child.module).__name__} gives"
            tried.append(f"{what}: off by {off:.2g} ({tolerance(best):.0e} allowed)")
    return tried
