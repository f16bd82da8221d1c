"""What a folder of explanations says on average: for each class and layer, maps, edges and hubs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from viz_nodes.batch import manifest
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.graphs.edges import edges, in_degree, length

EVERY = -1
"""Class of the rows over all classes."""
COLUMNS = (
    "arch",
    "layer",
    "class",
    "label",
    "images",
    "blank_maps",
    "cam_mean",
    "cam_mean_sd",
    "cam_peak",
    "edge_length",
    "edge_length_sd",
    "self_share",
    "hub_in_degree",
    "hubs",
    "masks",
    "on_object",
    "on_object_wins",
    "object_area",
)
_TOP_HUBS = 3
_ON_OBJECT = 0.5


@dataclass
class Sums:
    """Running sums of one class in one layer, over images.

    Attributes:
        images: number of them.
        blank: of those, how many have a blank map.
        cam: (H, W) sum of the maps, each divided by its own maximum.
        degree: (M,) sum of the key nodes' in-degrees.
        lists: figures of each image, by name.
    """

    grid: tuple[int, int]
    key_grid: tuple[int, int]
    images: int = 0
    blank: int = 0
    cam: np.ndarray = field(default_factory=lambda: np.zeros(0))
    degree: np.ndarray = field(default_factory=lambda: np.zeros(0))
    lists: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cam = np.zeros(self.grid)
        self.degree = np.zeros(self.key_grid[0] * self.key_grid[1])

    def put(self, name: str, value: float) -> None:
        self.lists.setdefault(name, []).append(float(value))

    def mean(self, name: str) -> float:
        values = self.lists.get(name)
        return float(np.mean(values)) if values else float("nan")

    def deviation(self, name: str) -> float:
        """Standard deviation over images; NaN for fewer than two."""
        values = self.lists.get(name, [])
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")

    def hubs(self) -> list[tuple[int, int, float]]:
        """The key nodes with the highest mean in-degree, as (row, col, mean in-degree)."""
        mean = self.degree / max(self.images, 1)
        order = np.lexsort((np.arange(len(mean)), -mean))[:_TOP_HUBS]
        return [(int(node) // self.key_grid[1], int(node) % self.key_grid[1], float(mean[node])) for node in order]


Key = tuple[str, int, int, str]
"""Architecture, layer from 1, class, label."""


def finished(folder: Path) -> Iterator[tuple[Path, dict[str, Any] | manifest.BrokenManifest]]:
    """The finished items in a folder in the order of their names, with their manifests or what is wrong with them."""
    for path in sorted(folder.rglob(manifest.NAME)):
        try:
            record = manifest.parsed(path.parent)
        except manifest.BrokenManifest as error:
            yield path.parent, error
            continue
        if record is not None and manifest.is_whole(path.parent, record) and "explanation.npz" in record["outputs"]:
            yield path.parent, record


class Aggregates:
    """Sums for every architecture, layer and class, and over all classes."""

    def __init__(self) -> None:
        self.sums: dict[Key, Sums] = {}

    def add(self, exp: Explanation, record: dict[str, Any], mask: np.ndarray | None = None) -> None:
        """Count an item.

        Args:
            mask: (height, width) bool, the object's pixels in the original image; None where unknown.

        Raises:
            ValueError: another grid than in the images before; nothing was counted.
        """
        target = int(exp.target[0])
        classes = ((target, exp.label(target)), (EVERY, "all classes"))
        for layer in exp.layers:  # before anything is counted
            held = self.sums.get((record["arch"], layer.number, *classes[1]))
            if held is not None and (held.grid, held.key_grid) != (layer.grid, layer.key_grid):
                raise ValueError(
                    f"layer {layer.number} has a grid of {layer.grid} here, and of {held.grid} in images before"
                )
        counted = [
            (layer, _figures(exp, layer.index, mask, record), in_degree(exp, layer.index)) for layer in exp.layers
        ]
        for layer, figures, degree in counted:
            for of_class in classes:
                key = (record["arch"], layer.number, *of_class)
                sums = self.sums.get(key)
                if sums is None:
                    sums = self.sums[key] = Sums(layer.grid, layer.key_grid)
                sums.images += 1
                if int(layer.peak[0]) == NO_PEAK:
                    sums.blank += 1
                else:
                    sums.cam += layer.cam[0].double().numpy() / float(layer.cam[0].max())
                sums.degree += degree
                for name, value in figures.items():
                    sums.put(name, value)

    def rows(self) -> list[dict[str, Any]]:
        """A line for every architecture, layer and class, the lines over all classes first."""
        return [_row(key, self.sums[key]) for key in sorted(self.sums)]

    def classes(self, arch: str) -> list[tuple[int, str, int]]:
        """(class, label, images) of an architecture, the most frequent first."""
        counts: dict[tuple[int, str], int] = {}
        for key, sums in self.sums.items():
            if key[0] == arch and key[2] != EVERY:
                counts[key[2:]] = max(counts.get(key[2:], 0), sums.images)  # images may have different layers
        return [(*of, number) for of, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]

    def layers(self, arch: str) -> list[int]:
        """Numbers of the layers there are, from 1."""
        return sorted({key[1] for key in self.sums if key[0] == arch})

    def archs(self) -> list[str]:
        return sorted({key[0] for key in self.sums})


def _figures(exp: Explanation, index: int, mask: np.ndarray | None, record: dict[str, Any]) -> dict[str, float]:
    """The figures of one image in one layer."""
    layer = exp.layer(index)
    edge = edges(exp, index)
    own = (edge.center == edge.neighbor) if not layer.pooled else np.zeros(len(edge.center), bool)
    far = length(exp, index)[~own]
    figures = {
        "cam_mean": float(layer.cam[0].mean()),
        "cam_peak": float(layer.cam[0].max()),
        "self_share": float(edge.share[own].sum() / max(edge.share.sum(), 1e-12)),
        "hub_in_degree": float(in_degree(exp, index).max()),
    }
    if len(far):
        figures["edge_length"] = float(far.mean())
    if mask is not None:
        view = record["image"].get("view")
        centers_on, keys_on = (
            coverage(mask, layer.grid, view) >= _ON_OBJECT,
            coverage(mask, layer.key_grid, view) >= _ON_OBJECT,
        )
        figures["object_area"] = float(centers_on.mean())
        of_object = centers_on.ravel()[edge.center] & ~own
        if of_object.any():
            stays = keys_on.ravel()[edge.neighbor][of_object]
            wins = edge.share[of_object]
            figures["on_object"] = float(stays.mean())
            figures["on_object_wins"] = float((wins * stays).sum() / max(wins.sum(), 1e-12))
    return figures


def coverage(mask: np.ndarray, grid: tuple[int, int], view: list[float] | None = None) -> np.ndarray:
    """How much of each node's patch an object covers.

    Args:
        mask: (height, width) bool in pixels of the original image.
        grid: (H, W).
        view: the part of the original that the network saw (left, top, right, bottom); None for all of it.

    Returns:
        (H, W) in 0..1, exact for boxes that cut through pixels.
    """
    height, width = mask.shape
    left, top, right, bottom = view or (0.0, 0.0, float(width), float(height))
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = mask.astype(np.float64).cumsum(0).cumsum(1)
    ys, xs = np.linspace(top, bottom, grid[0] + 1), np.linspace(left, right, grid[1] + 1)
    rows = np.stack([np.interp(ys, np.arange(height + 1), total[:, x]) for x in range(width + 1)], axis=1)
    corners = np.stack([np.interp(xs, np.arange(width + 1), row) for row in rows])
    area = np.diff(np.diff(corners, axis=0), axis=1)
    return np.asarray(area / np.outer(np.diff(ys), np.diff(xs)))


def _row(key: Key, sums: Sums) -> dict[str, Any]:
    arch, number, of_class, label = key
    hubs = " ".join(f"({row},{col}):{degree:.1f}" for row, col, degree in sums.hubs())
    values = {
        "arch": arch,
        "layer": number,
        "class": "" if of_class == EVERY else of_class,
        "label": label,
        "images": sums.images,
        "blank_maps": sums.blank,
        "hubs": hubs,
        "masks": len(sums.lists.get("object_area", [])),
        "cam_mean_sd": sums.deviation("cam_mean"),
        "edge_length_sd": sums.deviation("edge_length"),
    }
    row = {name: values[name] if name in values else sums.mean(name) for name in COLUMNS}
    return {
        name: ("" if isinstance(v, float) and np.isnan(v) else round(v, 6) if isinstance(v, float) else v)
        for name, v in row.items()
    }
