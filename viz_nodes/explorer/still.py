"""A document's view as a plain picture, for places that keep no widget alive: exported notebooks, code forges, mail."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import torch
from PIL import Image

from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation
from viz_nodes.explorer.packing import unpack


def still(document: dict, state: dict, *, dpi: float = 110.0) -> bytes | None:
    """A PNG of one view: its layer, kept patches (the peak without any), neighbors and hops.

    Args:
        document: see `viz_nodes.explorer.document`.
        state: as `viz_nodes.explore` takes it.

    Returns:
        None where the map is blank and no patch is kept, so that there is nothing to draw.
    """
    from viz_nodes.draw import figure_bytes, panel

    subject, row, at = look_up(document, state)
    hops = int(state.get("hops", 1))
    first = next(i for i in range(at + 1) if _follow_on(subject["layers"][i : at + 1]) and at - i < hops)
    records = tuple(_record(subject["layers"][i], row["layers"][i]) for i in range(first, at + 1))
    layer = records[-1]
    centers = [layer.node(tuple(min(1.0, max(0.0, float(at))) for at in pin)) for pin in state.get("pins", [])]
    if not centers and int(layer.peak[0]) == NO_PEAK:
        return None
    exp = Explanation(
        logits=torch.zeros(1, max(row["target"] + 1, 1)),
        target=torch.tensor([row["target"]]),
        layers=records,
        method=row["method"],
        image_size=tuple(subject["size"]),
        depth=subject["depth"],
    )
    source = document["images"][subject["image"]]
    with Image.open(io.BytesIO(base64.b64decode(source["source"].partition(",")[2]))) as picture:
        photograph = np.asarray(picture.convert("RGB"))
    figure = panel(
        "graph",
        exp,
        layer.index,
        photograph,
        view=tuple(source["view"]),
        caption=describe(document, state),
        center=centers or None,
        k=int(state.get("k", 0)) or "all",
        hops=len(records),
        dpi=dpi,
        color="center" if len(centers) > 1 else "contribution",
    )
    return figure_bytes(figure, "png", dpi=dpi)


def describe(document: dict, state: dict) -> str:
    """A view in words: image, network, layer, class and method."""
    from viz_nodes.draw.style.captions import method_words

    subject, row, at = look_up(document, state)
    name = document["images"][subject["image"]]["name"]
    parts = [name, subject["name"], f"layer {subject['layers'][at]['number']} of {subject['depth']}", row["label"]]
    return " · ".join(part for part in (*parts, method_words(row["method"])) if part)


def look_up(document: dict, state: dict) -> tuple[dict, dict, int]:
    """Subject, row and place of the layer that a state names; what the page falls back to where it names none."""
    subjects: list[dict[str, Any]] = document["subjects"]
    place = state.get("subject", 0)
    subject = subjects[place] if place in range(len(subjects)) else subjects[0]
    rows, target, method = subject["rows"], state.get("target"), state.get("method")
    fits = [(row["target"] == target) * 2 + (row["method"] == method) for row in rows]
    numbers = [layer["number"] for layer in subject["layers"]]
    at = numbers.index(state["layer"]) if state.get("layer") in numbers else len(numbers) - 1
    return subject, rows[int(np.argmax(fits))], at


def _follow_on(layers: list[dict]) -> bool:
    numbers = [layer["number"] for layer in layers]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _record(layer: dict, asked: dict) -> LayerExplanation:
    """One packed layer of one row as the toolkit's own record."""
    grid, edges = tuple(layer["grid"]), (1, layer["grid"][0] * layer["grid"][1], layer["k"])

    def values(packed: dict, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.from_numpy(np.nan_to_num(unpack(packed)).reshape(shape)).float()

    return LayerExplanation(
        index=layer["number"] - 1,
        name=layer["name"],
        grid=grid,
        key_grid=tuple(layer["key_grid"]),
        cam=values(asked["cam"], (1, *grid)),
        peak=torch.tensor([asked["peak"]]),
        neighbors=torch.from_numpy(unpack(layer["neighbors"]).reshape(edges)),
        share=values(asked.get("share", layer["share"]), edges),
        contribution=values(asked["contribution"], edges),
        exact=layer["exact"],
        conv=layer["conv"],
    )
