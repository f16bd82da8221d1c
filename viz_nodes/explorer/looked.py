"""What a state of the explorer names: the explanation, its row and layer, of one picture or of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viz_nodes.explanation import NO_PEAK, LayerExplanation
from viz_nodes.explorer.document import Document, Shown

if TYPE_CHECKING:
    from viz_nodes.draw.geometry.selection import Selection
    from viz_nodes.draw.style.style import Style
    from viz_nodes.explanation import Explanation

State = Mapping[str, Any]


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
        return [self._at(pin) for pin in pins] or ([] if peak == NO_PEAK else [peak])

    def _at(self, pin: tuple[float, ...]) -> int:
        """The node at a kept place; where nobody's region is, the nearest, as on the page."""
        places = self.layer.regions(self.exp.image_size, self.shown.row)
        height, width = places.size
        x, y = pin[0] * width, pin[1] * height
        node = places.at(x, y)
        return node if node >= 0 else int(np.argmin(np.hypot(*(places.centers() - (x, y)).T)))


def edge_options(state: State) -> dict[str, Any]:
    """Which edges a state shows and how, as `draw_graph` takes it."""
    return {
        "k": int(state.get("k", 0)) or "all",
        "order": str(state.get("order", "contribution")),
        "edge_width": str(state.get("width", "auto")),
        "color": str(state.get("color", "auto")),
    }


def selection_of(state: State, nodes: Sequence[int]) -> tuple[Selection, Style]:
    """The same as a selection and a style, with what is left open undecided."""
    from viz_nodes.draw.geometry.selection import Selection
    from viz_nodes.draw.style.style import Style

    named = edge_options(state)
    selection = Selection(center=list(nodes), k=named["k"], order=named["order"])
    return selection, Style(color=named["color"], edge_width=named["edge_width"])


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
