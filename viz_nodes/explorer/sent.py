"""Who aggregates from a patch, drawn: edges that leave a center, for the still picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viz_nodes.explanation import LayerExplanation
from viz_nodes.explorer.looked import Looked, State

if TYPE_CHECKING:
    from viz_nodes.draw.artists.axes import ImageAxes


@dataclass(frozen=True, eq=False)
class Sent:
    """Edges from a key node to the patches that aggregate from it.

    Attributes:
        key: the key node.
        nodes: (n,) the patches.
        share, contribution: (n,).
    """

    key: int
    nodes: np.ndarray
    share: np.ndarray
    contribution: np.ndarray


def sent_from(layer: LayerExplanation, row: int, node: int, state: State) -> Sent:
    """Who aggregates from a patch, or where keys are pooled from the key node that covers it."""
    from viz_nodes.draw.geometry.selection import own_key

    key = own_key(layer, node)
    rank_below = int(state.get("k", 0)) or layer.neighbors.shape[-1]
    named = layer.neighbors[row, :, :rank_below] == key
    named &= layer.share[row, :, :rank_below] >= float(state.get("share", 0))
    nodes, ranks = named.nonzero(as_tuple=True)
    share, contribution = (getattr(layer, name)[row, nodes, ranks].numpy() for name in ("share", "contribution"))
    return Sent(key, nodes.numpy(), share, contribution)


def paint_sent(ax: Any, looked: Looked, state: State, nodes: Sequence[int], color: str) -> None:
    """Edges that leave the centers, each with its head at the patch that aggregates."""
    from matplotlib.colors import to_rgba

    from viz_nodes.draw.artists.axes import image_axes
    from viz_nodes.draw.artists.colorbars import edge_palette
    from viz_nodes.draw.artists.edges import edge_opacities
    from viz_nodes.draw.artists.marks import add_center, star_size
    from viz_nodes.draw.style.style import Style

    layer, row = looked.layer, looked.shown.row
    style = Style(color=color if color in ("share", "contribution") else "center")
    look, on = style.look, image_axes(ax, looked.exp, None, None, row=row)
    sent = [sent_from(layer, row, node, state) for node in nodes]
    end = max((float(np.abs(each.contribution).max(initial=0)) for each in sent), default=0.0) or 1.0
    for which, (node, edges) in enumerate(zip(nodes, sent, strict=True)):
        tone = look.centers[which % len(look.centers)]
        if style.color == "contribution":
            rgba = np.asarray(edge_palette(style)(0.5 + 0.5 * edges.contribution / end)).reshape(-1, 4)
        elif style.color == "share":
            rgba = np.asarray(edge_palette(style)(edges.share)).reshape(-1, 4)
        else:
            rgba = np.tile(to_rgba(tone), (len(edges.nodes), 1))
        rgba[:, 3] = edge_opacities(edges.share)
        _add_sent(on, layer, node, edges, rgba)
        pitch, at = on.pitch(on.places(layer)), on.places(layer).centers[node]
        is_peak = node == int(layer.peak[row])
        mark = tone if len(nodes) > 1 else look.peak
        add_center(on, star_size(pitch), at, mark, look, is_peak=is_peak)


def _add_sent(on: ImageAxes, layer: LayerExplanation, node: int, edges: Sent, rgba: np.ndarray) -> None:
    from viz_nodes.draw.artists.edges import EdgeCollection, edge_unit, edge_widths
    from viz_nodes.draw.artists.ego import TAPER, head_widths
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
    widths = edge_widths(edges.share[others], edge_unit(on.width, len(ends)))
    dot = dot_size(pitch)
    lines = bezier(starts, control_points(starts, ends, np.full(len(ends), 0.1)), ends)
    EdgeCollection(
        on.ax, lines, widths=widths, colors=colors, gaps=np.array([0.5 * star_size(pitch), 0.6 * dot]), taper=TAPER,
        heads=head_widths(widths, pitch), casing=0.35, casing_color=(1.0, 1.0, 1.0, 0.7), zorder=4,
    )  # fmt: skip
    for end, tone in zip(ends, colors, strict=True):
        add_dots(on, end[None], dot, tuple(tone[:3]), rim=LIGHT.casing, rim_width=0.1 * dot + 0.1, zorder=5)
