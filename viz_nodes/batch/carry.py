"""What drawn edges carry, measured while the network is at hand, and kept with the explanation for captions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.batch.options import RenderOptions
from viz_nodes.explanation import NO_EDGE, Explanation


def with_carried(
    model: nn.Module, pixels: Any, exp: Explanation, options: RenderOptions, kinds: Iterable[str] = ()
) -> Explanation:
    """The explanation with what the edges carry together that its pictures will draw, in `extras["carried"]`.

    Args:
        model, pixels: the network and what it was given.
        exp: of one row and all layers.
        options: which edges are drawn, of which layers.
        kinds: of picture, "graph" and "edges" among them; those of `options` by default.
    """
    from viz_nodes.metrics.carried import carried

    found: list[dict[str, Any]] = []
    for index in options.layers or ():
        layer = exp.layer(int(index))
        for kind in tuple(kinds) or options.kinds:
            if kind not in ("graph", "edges"):
                continue
            edges = _drawn(exp, layer.index, kind, options)
            if not bool(edges.any()):
                continue
            told = carried(model, pixels, exp, layer.index, edges)
            centers, places = edges.nonzero(as_tuple=True)
            pairs = torch.stack([layer.neighbors[0, centers, places], centers], 1).tolist()
            found.append({"kind": kind, **told.record(), "edges": sorted(pairs)})
    return replace(exp, extras={**exp.extras, "carried": found})


def _drawn(exp: Explanation, index: int, kind: str, options: RenderOptions) -> Tensor:
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
