"""Effects of the edges that are drawn, measured where a figure or a comparison orders, widens or colors by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viz_nodes.batch.options import RenderOptions
from vizgraph.errors import as_usage

if TYPE_CHECKING:
    from torch import nn

    from viz_nodes.explanation import Explanation


def measured(
    exps: Sequence[Explanation],
    networks: Sequence[tuple[nn.Module, Any]],
    layers: Sequence[Sequence[int] | None],
    options: RenderOptions,
    *,
    same_place: bool,
) -> list[Explanation]:
    """Explanations of the asked layers, with what cutting the edges of the centers drawn does.

    Args:
        exps: of all layers, one row each.
        networks: the network of each, and its pixels.
        layers: of each the places from 0 that are drawn; None for all.
        options: whose centers these are.
        same_place: whether all show the neighbors of one and the same place, as comparisons do.
    """
    from viz_nodes.batch.carry import measured as cut
    from viz_nodes.draw.columns import common_center, node_at
    from viz_nodes.draw.subject import Subject

    centers: list[Any] = [(float(x), float(y)) for x, y in options.centers]
    picked = [list(exp.pick(None if asked is None else list(asked))) for exp, asked in zip(exps, layers, strict=True)]
    results = list(exps)
    with as_usage("effect"):
        for at, (model, pixels) in enumerate(networks):
            nodes: dict[int, list[Any] | None] = {}
            for place, layer in enumerate(picked[at]):
                nodes[layer.index] = centers or None
                if same_place and all(len(each) == len(picked[0]) for each in picked):
                    beside = [Subject(exp, each[place], 0, None, None) for exp, each in zip(exps, picked, strict=True)]
                    first = common_center(beside, centers[0] if centers else None)
                    node = None if first is None else node_at(first, beside[0], beside[at])
                    nodes[layer.index] = [] if node is None else [node]
            drawn = replace(options, layers=tuple(nodes))
            results[at] = cut(model, pixels, results[at], drawn, nodes=nodes)
    if options.hops > 1:
        return results
    kept = [{layer.index for layer in each} for each in picked]
    return [
        replace(exp, layers=tuple(layer for layer in exp.layers if layer.index in indices))
        for exp, indices in zip(results, kept, strict=True)
    ]
