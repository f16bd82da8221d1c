"""What drawn edges do, measured while the network is at hand, and kept with the explanation for pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.batch.options import RenderOptions
from viz_nodes.explanation import NO_EDGE, Explanation

Nodes = Iterable[Any] | Mapping[int, Iterable[Any] | None] | None
"""Centers whose neighbors are drawn, for all layers or by layer; None for the peak."""
_log = logging.getLogger(__name__)


def measured(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    options: RenderOptions,
    *,
    nodes: Nodes = None,
) -> Explanation:
    """The explanation with all that its pictures order, draw, or say of edges by cutting them.

    Args:
        model, pixels: the network and what it was given.
        exp: of one row and all layers, where there is anything to cut.
        options: which edges are drawn, of which layers.
        nodes: the centers whose neighbors are drawn, by layer where they differ; None for each layer's peak.
    """
    from viz_nodes.effects import with_effects
    from viz_nodes.metrics import edge_sets
    from viz_nodes.metrics.sets import with_sets

    layers = [exp.layer(int(index)).index for index in options.layers or ()]
    edged = "edges" in options.kinds
    if options.edge_set is not None:
        _say_passes(f"a {options.edge_set} set", _set_passes(exp, options))
        exp = with_sets(model, pixels, exp, options.edge_set, order=options.order, draws=edge_sets.DRAWS)
    if options.needs_effect and set(options.kinds) & {"neighbors", "graph"}:
        for index in layers:
            own = nodes.get(index) if isinstance(nodes, Mapping) else nodes
            exp = with_effects(model, pixels, exp, layers=index, nodes=own)
    if options.order == "effect" and edged and options.edge_set is None:
        chosen = {index: _measurable(exp, index, options) for index in layers}
        _say_passes("effects", sum(int(mask.sum()) for mask in chosen.values()))
        exp = with_effects(model, pixels, exp, layers=layers, nodes=(), edges=chosen)
    return with_carried(model, pixels, exp, options, nodes=nodes) if options.carry else exp


def _measurable(exp: Explanation, index: int, options: RenderOptions) -> Tensor:
    from viz_nodes.draw.strongest import measurable
    from viz_nodes.draw.subject import Subject

    return measurable(Subject(exp, exp.layer(index), 0, None, None), options.part)


def _set_passes(exp: Explanation, options: RenderOptions) -> int:
    """About how many passes a set costs: looked for twice, held beside random ones, and effects of all edges."""
    from viz_nodes.metrics.edge_sets import DRAWS

    every = sum(int((layer.neighbors[0] != NO_EDGE).sum()) for layer in exp.layers)
    return DRAWS + 200 + (every if options.order == "effect" else 0)


def _say_passes(what: str, count: int) -> None:
    """What is about to be measured costs, before it is."""
    _log.info("%s: about %d passes of the network, from the cut layer on", what, count)


def with_carried(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    options: RenderOptions,
    kinds: Iterable[str] = (),
    *,
    nodes: Nodes = None,
) -> Explanation:
    """The explanation with what the edges carry together that its pictures will draw, in `extras["carried"]`.

    Args:
        model, pixels: the network and what it was given.
        exp: of one row and all layers.
        options: which edges are drawn, of which layers.
        kinds: of picture, "graph" and "edges" among them; those of `options` by default.
        nodes: as for `measured`; None for the centers of `options`.
    """
    from viz_nodes.metrics.carried import carried

    records: list[dict[str, Any]] = []
    for index in options.layers or ():
        layer = exp.layer(int(index))
        for kind in tuple(kinds) or options.kinds:
            if kind not in ("graph", "edges"):
                continue
            own = nodes.get(layer.index) if isinstance(nodes, Mapping) else nodes
            edges = _drawn(exp, layer.index, kind, options, own)
            if not bool(edges.any()):
                continue
            record = carried(model, pixels, exp, layer.index, edges)
            centers, places = edges.nonzero(as_tuple=True)
            pairs = torch.stack([layer.neighbors[0, centers, places], centers], 1).tolist()
            records.append({"kind": kind, **record.record(), "edges": sorted(pairs)})
    return replace(exp, extras={**exp.extras, "carried": records})


def _drawn(
    exp: Explanation, index: int, kind: str, options: RenderOptions, nodes: Iterable[Any] | None = None
) -> Tensor:
    """(N, k) bool, the edges that a picture of this kind draws; not those of nodes to themselves."""
    from viz_nodes.draw.geometry.selection import SELECTION, Selection, egos_of
    from viz_nodes.draw.quantities import settled
    from viz_nodes.draw.strongest import strongest_of
    from viz_nodes.draw.style.style import Style
    from viz_nodes.draw.subject import Subject

    layer = exp.layer(index)
    neighbors = layer.neighbors[0]
    named = {name: value for name, value in options.selected().items() if name in SELECTION}
    asked = Selection(**named).but(hops=1)
    if nodes is not None:
        asked = asked.but(center=list(nodes))
    shown = [exp.layer(int(each)) for each in options.layers or ()]
    selection, _ = settled(asked, Style(), [(each, 0) for each in shown])
    if kind == "edges":
        strongest = strongest_of(Subject(exp, layer, 0, None, None), asked)
        pairs = set(zip(strongest.senders.tolist(), strongest.receivers.tolist(), strict=True))
    else:
        egos = egos_of(exp, index, selection)
        pairs = {(int(key), ego.center) for ego in egos for key in ego.keys[~ego.is_self]}
    edges = torch.zeros(neighbors.shape, dtype=torch.bool)
    for key, center in pairs:
        edges[center] |= neighbors[center] == key
    return edges & (neighbors != NO_EDGE)
