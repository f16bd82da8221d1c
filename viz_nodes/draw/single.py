"""One picture as a figure of its own, with its caption below."""

from __future__ import annotations

from functools import partial
from typing import Any

from viz_nodes.draw.cam import cam_caption
from viz_nodes.draw.cells import (
    aspect_of,
    cam_cell,
    edges_cell,
    graph_and_closeup,
    graph_bands,
    neighbors_cell,
    plan_for,
)
from viz_nodes.draw.composer import PaperFigure, Way, compose_best
from viz_nodes.draw.geometry.layout import Band
from viz_nodes.draw.geometry.selection import Selection, egos_of
from viz_nodes.draw.graph import graph_caption, value_limits
from viz_nodes.draw.hyperedges import hyperedges_cell, hyperedges_of
from viz_nodes.draw.key import brief_words, said_of_places, strongest_words
from viz_nodes.draw.neighbors import neighbors_caption
from viz_nodes.draw.paper import caption_of
from viz_nodes.draw.plans import picture_scale
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.strongest import Strongest, set_said, strongest_carried, strongest_of
from viz_nodes.draw.style.captions import SEPARATOR, head_words, note_words
from viz_nodes.draw.style.scales import scale_of
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject


def single(
    kind: str, subject: Subject, selection: Selection, style: Style, vmax: float | None, caption: bool | str
) -> PaperFigure:
    """A picture of one kind, see `viz_nodes.draw.panel`.

    Args:
        vmax: top of the scale of a map, or end of that of colored edges.
        caption: True for the full one, False for none, or the words.
    """
    scale = scale_of(subject.exp, subject.layer, subject.row, style.normalize, style.map_max if vmax is None else vmax)
    chosen = selection.but(hops=1) if kind == "neighbors" else selection
    edged = kind in ("neighbors", "graph")
    chosen, style = settled(chosen, style, [(subject.layer, subject.row)] if edged else [])
    egos = egos_of(subject.exp, subject.layer.index, chosen, subject.row) if edged else []
    vmax = style.edge_max if vmax is None else vmax
    top = top_of(egos, style.edge_width, vmax) if kind == "graph" else 1.0
    quiet = style.but(notes=False)
    last: dict[str, Any] = {"plans": {}}

    def build(width: float, beside: bool = False) -> list[Band]:
        picture = subject.picture and subject.picture.fitted(width / 72.0 * style.dpi)
        shown = Subject(subject.exp, subject.layer, subject.row, picture, subject.view)
        aspect = aspect_of([shown])
        if kind == "graph":
            last["plans"] = {0: plan_for(shown, egos, style, width, top, beside=aspect if beside else None)}
            if beside:
                limits = value_limits(egos, quiet, vmax)
                return [Band("", aspect, list(graph_and_closeup(shown, last["plans"][0], quiet, limits)))]
            bands = graph_bands([(shown, last["plans"][0])], quiet, width, aspect, vmax=vmax)
        elif kind == "cam":
            bands = [Band("", aspect, [cam_cell(shown, quiet, scale)])]
        elif kind == "neighbors":
            bands = [Band("", aspect, [neighbors_cell(shown, egos, quiet)])]
        elif kind == "hyperedges":
            bands = [Band("", aspect, [hyperedges_cell(shown, selection, quiet)])]
        else:
            last["edges"] = strongest_of(shown, selection)
            bands = [Band("", aspect, [edges_cell(shown, last["edges"], quiet, width)])]
            last["edges"] = last["edges"].seen_at(shown, picture_scale(shown, width))
        return [Band("", band.aspect, band.cells, attached=band.attached) for band in bands]

    def words(_: Any = None) -> str:
        if isinstance(caption, str):
            return caption
        if not caption:
            return ""
        if kind == "cam":
            note = cam_caption(subject, scale)
        elif kind == "neighbors":
            note = neighbors_caption(subject, egos, style)
        elif kind == "graph":
            note = graph_caption(subject, last["plans"][0], style)
        else:
            note = _said_of_edges(kind, subject, last.get("edges"), selection, style)
        return SEPARATOR.join([note, *note_words(subject.exp), *said_of_places([subject])])

    ways = [Way(1, build)]
    if style.width == "slide" and kind == "graph":
        ways.append(Way(2, partial(build, beside=True), holds=lambda: any(last["plans"][0].closeups)))
    heading, brief = _on_a_slide(kind, subject, style, chosen, caption)
    return compose_best(
        quiet,
        ways,
        heading=heading,
        legend=words,
        brief=brief,
        caption=lambda _: caption_of([subject], [kind], last["plans"], style, chosen),
    )


def _said_of_edges(kind: str, subject: Subject, strongest: Strongest | None, selection: Selection, style: Style) -> str:
    """The caption of a layer's strongest edges, or of a set's, or of its hyperedges."""
    words = head_words(subject.exp, subject.layer, subject.row)
    if kind == "hyperedges" or strongest is None:
        return SEPARATOR.join([*words, hyperedges_of(subject.layer, selection, subject.row).words(style.look)])
    words += [strongest.words()[0], strongest_words(selection, style), set_said(subject, strongest)]
    words.append(strongest_carried(subject, strongest_of(subject, selection)))
    return SEPARATOR.join(each for each in words if each)


def _on_a_slide(
    kind: str, subject: Subject, style: Style, selection: Selection, caption: bool | str
) -> tuple[str, str]:
    """What stands above and below a picture on a slide, in place of a caption that could not be read from afar."""
    if style.width != "slide" or not caption:
        return "", ""
    if isinstance(caption, str):
        return caption, ""
    head = SEPARATOR.join(head_words(subject.exp, subject.layer, subject.row))
    return head, brief_words([kind], style, selection)
