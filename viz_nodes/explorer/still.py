"""A view as a plain picture, for places that keep no widget alive: exported notebooks, code forges, mail.

Drawn from the explanations by the painters of `viz_nodes.draw`, with what the view shows: its layer, class, kept
patches, direction, hops, shares, canvas, zoom, and the second picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viz_nodes.explanation import NO_EDGE, NO_PEAK, LayerExplanation
from viz_nodes.explorer.document import Document, Shown
from viz_nodes.grids import View, centers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.axes import ImageAxes
    from viz_nodes.explanation import Explanation

State = Mapping[str, Any]
FAR = 18
"""How many edges of each further hop are drawn where the state says nothing, as in figures."""
_WIDTH, _GAP, _BELOW = 4.6, 0.2, 0.42
"""Inches: of a picture, between two, and of the words below."""


@dataclass(frozen=True)
class Looked:
    """What one picture of a view is about.

    Attributes:
        document: what holds it.
        shown: the explanation, its row and its photograph.
        layer: the layer.
        name: of image and network.
    """

    document: Document
    shown: Shown
    layer: LayerExplanation
    name: str

    @property
    def exp(self) -> Explanation:
        """The explanation."""
        return self.shown.exp

    def nodes(self, state: State) -> list[int]:
        """The kept patches, else the peak; none where the map is blank."""
        pins = [tuple(min(1.0, max(0.0, float(at))) for at in pin) for pin in state.get("pins", [])]
        peak = int(self.layer.peak[self.shown.row])
        return [self.layer.node(pin) for pin in pins] or ([] if peak == NO_PEAK else [peak])


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


def describe(document: Document, state: State) -> str:
    """A view in words: image, network, layer, class and method."""
    from viz_nodes.draw.style.captions import method_words

    subject, row, at = _rows(document, state)
    name = document["images"][subject["image"]]["name"]
    parts = [name, subject["name"], f"layer {subject['layers'][at]['number']} of {subject['depth']}", row["label"]]
    return " · ".join(part for part in (*parts, method_words(row["method"])) if part)


def look_up(document: Document, sources: Sequence[Sequence[Shown]], state: State) -> Looked:
    """What a state names; what the page falls back to where it names none."""
    subject, row, at = _rows(document, state)
    shown = sources[document["subjects"].index(subject)][subject["rows"].index(row)]
    name = " · ".join(part for part in (document["images"][subject["image"]]["name"], subject["name"]) if part)
    return Looked(document, shown, shown.exp.layers[at], name)


def second(document: Document, sources: Sequence[Sequence[Shown]], state: State) -> list[Looked]:
    """The second picture where the view has one: the same layer, in a network of another depth the one as far in."""
    other = state.get("with")
    if not isinstance(other, Mapping):
        return []
    depths = [document["subjects"][_place(document, each)]["depth"] for each in (state, other)]
    subject, _, at = _rows(document, state)
    number = subject["layers"][at]["number"]
    if depths[0] != depths[1]:
        goal = (number - 1) / max(1, depths[0] - 1) * max(1, depths[1] - 1)
        numbers = [layer["number"] for layer in document["subjects"][_place(document, other)]["layers"]]
        number = min(numbers, key=lambda each: abs(each - 1 - goal))
    return [look_up(document, sources, {**other, "layer": number})]


def _place(document: Document, state: State) -> int:
    place = state.get("subject", 0)
    return place if place in range(len(document["subjects"])) else 0


def _rows(document: Document, state: State) -> tuple[Document, Document, int]:
    """Subject, row and place of the layer that a state names."""
    subject: Document = document["subjects"][_place(document, state)]
    target, method = state.get("target"), state.get("method")
    fits = [(row["target"] == target) * 2 + (row["method"] == method) for row in subject["rows"]]
    numbers = [layer["number"] for layer in subject["layers"]]
    at = numbers.index(state["layer"]) if state.get("layer") in numbers else len(numbers) - 1
    return subject, subject["rows"][int(np.argmax(fits))], at


def _figure(looked: Sequence[Looked], state: State) -> Figure:
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.bare_axes import Panel

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
            figure.text(left / wide, y, text, fontsize=size, color="#16181d", va="center", parse_math=False)
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
    color = _coloring(state, nodes)
    if state.get("out"):
        _paint_out(ax, looked, state, nodes, color)
    elif nodes:
        exp = _with_shares(looked.exp, layer, row, nodes, float(state.get("share", 0)))
        hops = _reached(looked.exp, layer, int(state.get("hops", 1)))
        draw_graph(
            ax, exp, layer.index, row=row, center=nodes, k=int(state.get("k", 0)) or "all", hops=hops, color=color,
            far=int(state.get("far", FAR)) or 10**6, veil=0.0, grid=False, nodes=False, closeups=float(state.get("zoom", 1)) <= 1,
        )  # fmt: skip
    _zoom(ax, image, state)


def _coloring(state: State, nodes: Sequence[int]) -> str:
    color = str(state.get("color", "auto"))
    if color == "auto":
        return "center" if len(nodes) > 1 else "contribution"
    return color


def _zoom(ax: Any, image: np.ndarray, state: State) -> None:
    """Show the part that is zoomed in on."""
    zoom = max(1.0, float(state.get("zoom", 1)))
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
    (x, y), (high, wide) = centers(layer.grid, (1, 1))[node], layer.key_grid
    key = min(high - 1, int(y * high)) * wide + min(wide - 1, int(x * wide))
    rank_below = int(state.get("k", 0)) or layer.neighbors.shape[-1]
    named = layer.neighbors[row, :, :rank_below] == key
    named &= layer.share[row, :, :rank_below] >= float(state.get("share", 0))
    nodes, ranks = named.nonzero(as_tuple=True)
    share, contribution = (getattr(layer, name)[row, nodes, ranks].numpy() for name in ("share", "contribution"))
    return Sent(key, nodes.numpy(), share, contribution)


def _paint_out(ax: Any, looked: Looked, state: State, nodes: Sequence[int], color: str) -> None:
    """Edges that leave the centers, each with its head at the patch that aggregates."""
    from matplotlib.colors import to_rgba

    from viz_nodes.draw.artists.axes import image_axes
    from viz_nodes.draw.artists.colorbars import edge_palette
    from viz_nodes.draw.artists.edges import edge_opacities
    from viz_nodes.draw.artists.marks import add_center, star_size
    from viz_nodes.draw.style.style import Style

    layer, row = looked.layer, looked.shown.row
    style = Style(color=color if color in ("share", "contribution") else "center")
    look, on = style.look, image_axes(ax, looked.exp, None, None)
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


def _caption(looked: Looked, state: State) -> str:
    """Layer, class, method, and what is drawn of how many edges."""
    from viz_nodes.draw.style.captions import head_words, percent

    layer, row, nodes = looked.layer, looked.shown.row, looked.nodes(state)
    parts = head_words(looked.exp, layer, row)
    if state.get("out"):
        count = sum(len(sent_from(layer, row, node, state).nodes) for node in nodes)
        parts.append(f"{count} patches aggregate from {'these' if len(nodes) > 1 else 'this one'}")
    elif nodes:
        exp = _with_shares(looked.exp, layer, row, nodes, float(state.get("share", 0)))
        kept = exp.layer(layer.index).neighbors[row, nodes] >= 0
        kept[:, int(state.get("k", 0)) or kept.shape[1] :] = False
        total = int((layer.neighbors[row, nodes] >= 0).sum())
        carried = float(layer.share[row, nodes][kept].sum()) / len(nodes)
        all_of_it = int(kept.sum()) == total
        parts.append(f"{int(kept.sum())} of {total} neighbors drawn, {percent(1.0 if all_of_it else carried)}")
        parts[-1] += " of the channels"
    else:
        parts.append("blank map: no peak")
    return " · ".join(parts)
