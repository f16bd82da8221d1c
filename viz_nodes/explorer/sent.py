"""Who aggregates from a patch, drawn: edges that leave a center, for the still picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.explanation import LayerExplanation
from viz_nodes.explorer.looked import Looked, State, selection_of

if TYPE_CHECKING:
    from viz_nodes.draw.artists.axes import ImageAxes


@dataclass(frozen=True, eq=False)
class Sent:
    """Edges from a key node to the patches that aggregate from it.

    Attributes:
        key: the key node.
        nodes: (n,) the patches.
        values: (n,) each: "share", "contribution", "effect" (NaN where unknown), "rank" from 1 for people.
    """

    key: int
    nodes: np.ndarray
    values: dict[str, np.ndarray]

    @property
    def share(self) -> np.ndarray:
        """(n,)."""
        return self.values["share"]


def sent_from(layer: LayerExplanation, row: int, node: int, state: State) -> Sent:
    """Who aggregates from a patch, or where keys are pooled from the key node that covers it."""
    from viz_nodes.draw.geometry.selection import own_key
    from viz_nodes.draw.quantities import settled

    key = own_key(layer, node)
    selection, _ = settled(*selection_of(state, [node]), [(layer, row)])
    neighbors = layer.neighbors[row]
    named = (neighbors == key) & (layer.share[row] >= float(state.get("share", 0)))
    if selection.limit is not None:
        named &= _turns(layer, row, selection.order) < selection.limit
    nodes, ranks = named.nonzero(as_tuple=True)
    effect = layer.effect
    values = {name: getattr(layer, name)[row, nodes, ranks].double().numpy() for name in ("share", "contribution")}
    values["effect"] = np.full(len(nodes), np.nan) if effect is None else effect[row, nodes, ranks].double().numpy()
    values["rank"] = ranks.numpy() + 1.0
    return Sent(key, nodes.numpy(), values)


def _turns(layer: LayerExplanation, row: int, order: str) -> Tensor:
    """(N, k) how many of a node's edges come before each, by what they are ordered by."""
    neighbors = layer.neighbors[row]
    if order == "rank":
        return torch.arange(neighbors.shape[1]).expand_as(neighbors)
    size = getattr(layer, order)[row].double().nan_to_num().abs().masked_fill(neighbors < 0, -1.0)
    turns: Tensor = size.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return turns


def paint_sent(ax: Any, looked: Looked, state: State, nodes: Sequence[int]) -> None:
    """Edges that leave the centers, each with its head at the patch that aggregates."""
    from matplotlib.colors import to_rgba

    from viz_nodes.draw.artists.axes import image_axes
    from viz_nodes.draw.artists.colorbars import edge_palette
    from viz_nodes.draw.artists.edges import edge_opacities
    from viz_nodes.draw.artists.marks import add_center, star_size
    from viz_nodes.draw.quantities import settled, widths_of

    layer, row = looked.layer, looked.shown.row
    _, style = settled(*selection_of(state, nodes), [(layer, row)])
    theme, on = style.look, image_axes(ax, looked.exp, None, None, row=row)
    sent = [sent_from(layer, row, node, state) for node in nodes]
    ends = {name: _end([each.values[name] for each in sent]) for name in ("rank", "contribution", "effect")}
    for which, (node, edges) in enumerate(zip(nodes, sent, strict=True)):
        tone = theme.centers[which % len(theme.centers)]
        if style.color == "center":
            rgba = np.tile(to_rgba(tone), (len(edges.nodes), 1))
        else:
            part = np.nan_to_num(edges.values[style.color]) / ends.get(style.color, 1.0)
            rgba = np.asarray(edge_palette(style)(0.5 + 0.5 * part if style.signed else part)).reshape(-1, 4)
        strong = widths_of(edges.values[style.edge_width], style.edge_width, ends.get(style.edge_width, 1.0))
        rgba[:, 3] = edge_opacities(strong)
        broken = np.nan_to_num(edges.values[style.sign_of]) < 0 if style.sign_of else np.zeros(len(rgba), bool)
        _add_sent(on, layer, node, edges, rgba, strong, broken)
        pitch, at = on.pitch(on.places(layer)), on.places(layer).centers[node]
        is_peak = node == int(layer.peak[row])
        mark = tone if len(nodes) > 1 else theme.peak
        add_center(on, star_size(pitch), at, mark, theme, is_peak=is_peak)


def _end(values: Sequence[np.ndarray]) -> float:
    """The largest size among values; 1 where there is none but 0."""
    return max((float(np.abs(np.nan_to_num(each)).max(initial=0)) for each in values), default=0.0) or 1.0


def _add_sent(
    on: ImageAxes,
    layer: LayerExplanation,
    node: int,
    edges: Sent,
    rgba: np.ndarray,
    strong: np.ndarray,
    broken: np.ndarray,
) -> None:
    from viz_nodes.draw.artists.edges import EdgeCollection, edge_unit, edge_widths
    from viz_nodes.draw.artists.ego import HOLLOW, TAPER, head_widths
    from viz_nodes.draw.artists.marks import add_dots, dot_size, star_size
    from viz_nodes.draw.geometry.curves import bezier, control_points
    from viz_nodes.draw.style.palettes import LIGHT

    places, keys = on.places(layer), on.places(layer, keys=True)
    others = edges.nodes != node
    ends = places.centers[edges.nodes[others]]
    if not len(ends):
        return
    starts = np.tile(keys.centers[edges.key], (len(ends), 1))
    pitch, colors = on.pitch(places), rgba[others]
    widths = edge_widths(strong[others], edge_unit(on.width, len(ends)))
    dot = dot_size(pitch)
    lines = bezier(starts, control_points(starts, ends, np.full(len(ends), 0.1)), ends)
    EdgeCollection(
        on.ax,
        lines,
        widths=widths,
        colors=colors,
        gaps=np.array([0.5 * star_size(pitch), 0.6 * dot]),
        taper=TAPER,
        heads=head_widths(widths, pitch),
        casing=0.35,
        casing_color=(1.0, 1.0, 1.0, 0.7),
        broken=broken[others],
        zorder=4,
    )
    for end, tone, hollow in zip(ends, colors, broken[others], strict=True):
        add_dots(on, end[None], dot, tuple(tone[:3]), rim=LIGHT.casing, rim_width=0.1 * dot + 0.1, zorder=5)
        if hollow:
            add_dots(on, end[None], HOLLOW * dot, LIGHT.casing, zorder=5.1)
