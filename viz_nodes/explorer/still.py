"""A view as a plain picture, for places that keep no widget alive: exported notebooks, code forges, mail.

Drawn from the explanations by the painters of `viz_nodes.draw`, with what the view shows: its layer, class, kept
patches, direction, hops, shares, canvas, zoom, and the second picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viz_nodes.explanation import NO_EDGE, LayerExplanation
from viz_nodes.explorer.document import Document, Shown
from viz_nodes.explorer.looked import Looked, State, edge_options, look_up, second, selection_of
from viz_nodes.explorer.sent import paint_sent, sent_from
from viz_nodes.grids import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz_nodes.explanation import Explanation

FAR = 18
"""How many edges of each further hop are drawn where the state says nothing, as in figures."""
_WIDTH, _GAP, _BELOW = 4.6, 0.2, 0.42
"""Inches: of a picture, between two, and of the words below."""


def still(document: Document, sources: Sequence[Sequence[Shown]], state: State, *, dpi: float = 110.0) -> bytes | None:
    """A PNG of one view.

    Args:
        document: see `viz_nodes.explorer.document`.
        sources: what its rows were made of, by subject and row.
        state: as `viz_nodes.explore` takes it.

    Returns:
        None where the map is blank and no patch is kept, so that there is nothing to draw.
    """
    from viz_nodes.draw import figure_bytes

    looked = [look_up(document, sources, state), *second(document, sources, state)]
    if not any(each.nodes(state) for each in looked):
        return None
    return figure_bytes(_figure(looked, state), "png", dpi=dpi)


def _figure(looked: Sequence[Looked], state: State) -> Figure:
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.bare_axes import Panel
    from viz_nodes.draw.artists.text import dressed

    tall = max(_aspect(each, state) for each in looked) * _WIDTH
    wide, high = len(looked) * (_WIDTH + _GAP) + _GAP, tall + _BELOW + _GAP
    figure = Figure(figsize=(wide, high), facecolor="white")
    for place, each in enumerate(looked):
        left, height = _GAP + place * (_WIDTH + _GAP), _aspect(each, state) * _WIDTH
        where = (left / wide, (_BELOW + tall - height) / high, _WIDTH / wide, height / high)
        ax = Panel(figure, where)
        figure.add_axes(ax)
        _paint(ax, each, state)
        words = _caption(each, state)
        for line, (text, size) in enumerate(((each.name, 7.5), (words, 7.0))):
            y = (_BELOW - 0.13 - 0.15 * line) / high
            dressed(figure.text(left / wide, y, text, fontsize=size, color="#16181d", va="center", parse_math=False))
    return figure


def _aspect(looked: Looked, state: State) -> float:
    """Height by width of a picture."""
    if state.get("canvas") == "input":
        height, width = looked.exp.image_size
        return height / width
    return looked.shown.photograph.height / looked.shown.photograph.width


def _picture(looked: Looked, state: State) -> tuple[np.ndarray, View]:
    """(H, W, 3) what is shown, and the network's view in it."""
    photograph = looked.shown.photograph
    if state.get("canvas") != "input":
        return np.asarray(photograph.picture), photograph.view
    scale = max(1.0, photograph.width / max(1.0, photograph.view[2] - photograph.view[0]))
    height, width = (max(1, round(side * scale)) for side in looked.exp.image_size)
    seen = photograph.picture.resize((width, height), box=_inside(photograph.view, photograph.picture.size))
    return np.asarray(seen), (0.0, 0.0, float(width), float(height))


def _inside(view: View, size: tuple[int, int]) -> tuple[float, float, float, float]:
    left, top, right, bottom = view
    return max(0.0, left), max(0.0, top), min(float(size[0]), right), min(float(size[1]), bottom)


def _paint(ax: Any, looked: Looked, state: State) -> None:
    from viz_nodes.draw import draw_cam, draw_graph

    image, view = _picture(looked, state)
    nodes, layer, row = looked.nodes(state), looked.layer, looked.shown.row
    style: dict[str, Any] = {"palette": state.get("palette", "inferno"), "smooth": bool(state.get("smooth", True))}
    alpha = float(state.get("opacity", 0.75))
    painted = _with_map(looked.exp, layer, row, state)
    style["normalize"] = "shared" if state.get("scale") == "shared" else "image"
    grid = bool(state.get("grid", True))
    draw_cam(ax, painted, layer.index, image, row=row, view=view, alpha=alpha, peak=False, grid=grid, **style)
    if state.get("out"):
        paint_sent(ax, looked, state, nodes)
    elif nodes:
        exp = _with_shares(looked.exp, layer, row, nodes, float(state.get("share", 0)))
        hops = _reached(looked.exp, layer, int(state.get("hops", 1)))
        draw_graph(
            ax,
            exp,
            layer.index,
            row=row,
            center=nodes,
            hops=hops,
            **edge_options(state),
            far=int(state.get("far", FAR)) or 10**6,
            veil=0.0,
            grid=False,
            nodes=False,
            closeups=_zoomed(state) <= 1,
        )
    _zoom(ax, image, state)


def _zoomed(state: State) -> float:
    return max(1.0, float(state.get("zoom", 1)))


def _zoom(ax: Any, image: np.ndarray, state: State) -> None:
    """Show the part that is zoomed in on."""
    zoom = _zoomed(state)
    if zoom == 1:
        return
    at = state.get("at", (0.5, 0.5))
    ends = []
    for middle, whole in zip(at, (image.shape[1], image.shape[0]), strict=True):
        low = min(max(float(middle) * whole - whole / zoom / 2, 0), whole - whole / zoom)
        ends.append((low, low + whole / zoom))
    ax.set_xlim(*ends[0])
    ax.set_ylim(*ends[1][::-1])


def _reached(exp: Explanation, layer: LayerExplanation, hops: int) -> int:
    """How many hops back there are layers explained."""
    there = {each.index for each in exp.layers}
    reached = 1
    while reached < hops and layer.index - reached in there:
        reached += 1
    return reached


def _with_map(exp: Explanation, layer: LayerExplanation, row: int, state: State) -> Explanation:
    """The explanation with what the picture's map shows: the class's, or how often each patch is chosen."""
    if state.get("field") != "chosen":
        return exp
    keys = layer.neighbors[row]
    own = torch.full_like(keys, NO_EDGE) if layer.pooled else torch.arange(len(keys))[:, None].expand_as(keys)
    counts = keys[(keys >= 0) & (keys != own)].bincount(minlength=layer.num_keys).view(1, 1, *layer.key_grid)
    cam = torch.nn.functional.interpolate(counts.float(), size=layer.grid)[0].expand_as(layer.cam).clone()
    return _replaced(exp, replace(layer, cam=cam))


def _with_shares(
    exp: Explanation, layer: LayerExplanation, row: int, nodes: Sequence[int], least: float
) -> Explanation:
    """The explanation without edges of the centers whose share is below the least one."""
    if least <= 0:
        return exp
    neighbors = layer.neighbors.clone()
    at = torch.tensor(list(nodes))
    neighbors[row, at] = neighbors[row, at].masked_fill(layer.share[row, at] < least, NO_EDGE)
    return _replaced(exp, replace(layer, neighbors=neighbors))


def _replaced(exp: Explanation, layer: LayerExplanation) -> Explanation:
    return replace(exp, layers=tuple(layer if each.index == layer.index else each for each in exp.layers))


def _caption(looked: Looked, state: State) -> str:
    """Layer, class, method, and what is drawn of how many edges."""
    from viz_nodes.draw.geometry.selection import egos_of
    from viz_nodes.draw.quantities import settled
    from viz_nodes.draw.style.captions import head_words, percent

    layer, row, nodes = looked.layer, looked.shown.row, looked.nodes(state)
    parts = head_words(looked.exp, layer, row)
    if state.get("out"):
        count = sum(len(sent_from(layer, row, node, state).nodes) for node in nodes)
        parts.append(f"{count} patches aggregate from {'these' if len(nodes) > 1 else 'this one'}")
    elif nodes:
        exp = _with_shares(looked.exp, layer, row, nodes, float(state.get("share", 0)))
        selection, _ = settled(*selection_of(state, nodes), [(layer, row)])
        egos = egos_of(exp, layer.index, selection, row)
        drawn, total = sum(len(ego.keys) for ego in egos), int((layer.neighbors[row, nodes] >= 0).sum())
        carried = 1.0 if drawn == total else sum(ego.carried for ego in egos) / len(nodes)
        cut = drawn < total and selection.limit is not None and selection.order != "rank"
        first = f", the largest by {selection.order}" if cut else ""
        parts.append(f"{drawn} of {total} neighbors drawn{first}, {percent(carried)} of the channels")
    else:
        parts.append("blank map: no peak")
    return " · ".join(parts)
