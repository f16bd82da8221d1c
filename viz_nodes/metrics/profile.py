"""A network by depth: what every graph layer knows of the class, and what kind of graph it builds, image by image.

The four curves of Vision-GNNs-Explainer (Chaidos et al., arXiv 2504.19682: visual similarity, spatial distance,
embedding similarity, class probability) and its modularity, ViG's feature diversity, and hubs, turnover and margins,
each beside what edges drawn at random would have. Edges of a node to itself are left out everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.rewiring import random_neighbors
from viz_nodes.explainer import explain
from viz_nodes.explanation import NO_EDGE, Explanation, LayerExplanation
from viz_nodes.graphs.mixing import (
    chance_homophily,
    cosines,
    diversity,
    gini,
    homophily,
    modularity,
    over_pairs,
    relative_diversity,
    turnover,
)
from viz_nodes.grids import covering
from viz_nodes.metrics.intervals import interval
from viz_nodes.metrics.reading import Depth, Read, depths, read_off

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("measure", "layer", "condition", "value")
"""Of a row, see `Profile`."""
SUMMARY = ("measure", "layer", "condition", "mean", "low", "high", "n")
"""Columns of `profile_summary`."""
MEASURES = (
    "probability",
    "accuracy",
    "length",
    "manhattan",
    "visual",
    "color",
    "embedding",
    "diversity",
    "relative_diversity",
    "homophily",
    "modularity",
    "gini",
    "turnover",
    "margin",
    "near_ties",
)
_ON_OBJECT, _TIE = 0.5, 1e-6
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Profiled:
    """The profile of one image.

    Attributes:
        rows: see `Profile`.
        maps: by layer (from 0) the probability of the class, read off every node: (H, W); None where it is not known.
        predicted: the class.
        unknown: what could not be measured, and why.
    """

    rows: list[dict[str, Any]]
    maps: list[Tensor | None]
    predicted: int
    unknown: dict[str, str]


def profile_image(
    model: nn.Module,
    pixels: Any,
    *,
    label: int | None = None,
    mask: np.ndarray | None = None,
    target: Any = None,
    seed: int = 0,
    maps: bool = True,
) -> Profiled:
    """Numbers of one image at every graph layer.

    A row is a dictionary of `measure`, `layer` (from 1), `condition` and `value`; the condition "edges" is of the
    network's graph, "random" of edges drawn at random.

    - "probability", conditions "class" (the one explained) and "label": what the network's head says of the layer's
      features in the place of the last ones; with a mask also "on object" and "off object", the mean over what is read
      off single nodes there; "accuracy", condition "label": whether that names the label;
    - "length", "manhattan": of edges in patches, Euclidean and as Vision-GNNs-Explainer has it;
    - "visual": cosine of the pixels of two patches, as they go into the network; "color": distance of their mean
      colors in the same units; "embedding": cosine of the features that the layer is handed;
    - "diversity", "relative_diversity", condition "nodes": of what the block gives, see `viz_nodes.graphs.mixing`;
    - "homophily", "modularity": by object and background, with a mask; a node is of the object where it covers at least
      half of its patch;
    - "gini": of how many centers aggregate from each key node; "turnover": edges not shared with the layer before;
    - "margin", condition "edges": how much nearer the last neighbor is than the first candidate that was left out, the
      mean over nodes; "near_ties": how often that is below 1e-6.

    Args:
        model: a network that `explain` understands.
        pixels: of one image, as for `explain`.
        label: its class, where it is known.
        mask: (H, W) bool at the size of the input, the object.
        target: the class explained, None for the predicted one.
        seed: of the random graphs that hubs and turnover are held beside.
        maps: read the class off every node, too.
    """
    exp = explain(model, pixels, target=target)
    depths_read = depths(model, pixels)
    reads, why = read_off(model, pixels, exp, depths_read, nodes=maps)
    unknown = {"probability": why} if why else {}
    if all(layer.margin is None for layer in exp.layers):
        unknown["margin"] = "the layers do not rank candidates by a distance that is known"
    if mask is None:
        unknown["homophily"] = "no mask of the object is given"
    image = _Image(exp, pixels, mask)
    rows: list[dict[str, Any]] = []
    before: tuple[LayerExplanation, Pairs] | None = None
    for at, layer in enumerate(exp.layers):
        graph = _Graph(layer, image, seed)
        values = [*_read(exp, reads[at], label, graph), *graph.measured(depths_read[at], before)]
        rows += [
            {"measure": measure, "layer": layer.number, "condition": condition, "value": float(value)}
            for measure, condition, value in values
            if value == value
        ]
        before = layer, graph.pairs
    by_node = [None if read is None else read.nodes for read in reads]
    drawn = [
        None if nodes is None or len(nodes) != layer.num_nodes or layer.places is not None else nodes.view(layer.grid)
        for nodes, layer in zip(by_node, exp.layers, strict=True)
    ]
    return Profiled(rows, drawn, int(exp.target[0]), unknown)


def _read(exp: Explanation, read: Read | None, label: int | None, graph: _Graph) -> Iterator[tuple[str, str, float]]:
    if read is None:
        return
    target = int(exp.target[0])
    if target >= 0:
        yield "probability", "class", float(read.probabilities[target])
    if label is not None and 0 <= label < len(read.probabilities) > 1:
        yield "probability", "label", float(read.probabilities[label])
        yield "accuracy", "label", float(int(read.logits.argmax()) == label)
    if read.nodes is not None and graph.kinds is not None and len(read.nodes) == len(graph.kinds):
        for words, chosen in (("on object", graph.kinds), ("off object", ~graph.kinds)):
            if chosen.any():
                yield "probability", words, float(read.nodes.numpy()[chosen].mean())


class _Image:
    """Pixels and object of an image, by node of any grid."""

    def __init__(self, exp: Explanation, pixels: Any, mask: np.ndarray | None) -> None:
        self.exp = exp
        plain = pixels if isinstance(pixels, Tensor) else None
        self.pixels = None if plain is None else plain.detach().double().cpu().reshape(-1, *plain.shape[-2:]).numpy()
        self.mask = None if mask is None else np.asarray(mask, dtype=bool)

    def kinds(self, layer: LayerExplanation, *, keys: bool = False) -> np.ndarray | None:
        """(N,) or (M,) bool, which nodes are of the object."""
        if self.mask is None:
            return None
        covered = layer.regions(self.exp.image_size, 0, keys=keys).covered(self.mask[None])[0]
        return np.asarray(covered >= _ON_OBJECT)

    def colors(self, layer: LayerExplanation, *, keys: bool = False) -> np.ndarray | None:
        """(N, channels) mean over each region."""
        if self.pixels is None:
            return None
        regions = layer.regions(self.exp.image_size, 0, keys=keys)
        labels = regions.label_map(self.exp.image_size).ravel()
        inside = labels >= 0
        counts = np.bincount(labels[inside], minlength=regions.num_nodes)
        sums = [
            np.bincount(labels[inside], weights=channel.ravel()[inside], minlength=regions.num_nodes)
            for channel in self.pixels
        ]
        return np.asarray(np.stack(sums, 1) / np.maximum(counts, 1)[:, None])

    def patches(self, layer: LayerExplanation, *, keys: bool = False) -> np.ndarray | None:
        """(N, channels * h * w) the pixels of each patch; None where patches are not all of one size."""
        rows, columns = layer.key_grid if keys else layer.grid
        height, width = self.exp.image_size
        if self.pixels is None or layer.places is not None or height % rows or width % columns:
            return None
        parts = self.pixels.reshape(len(self.pixels), rows, height // rows, columns, width // columns)
        return parts.transpose(1, 3, 0, 2, 4).reshape(rows * columns, -1)


class _Graph:
    """One layer's graph of one image, edges of a node to itself left out."""

    def __init__(self, layer: LayerExplanation, image: _Image, seed: int) -> None:
        self.layer, self.image = layer, image
        self.own = np.arange(layer.num_nodes) if layer.places is not None else covering(layer.grid, layer.key_grid)
        self.pairs = self._without_own(layer.neighbors[0])
        self.random = self._without_own(random_neighbors(layer, row=0, seed=seed * 1009 + layer.index))
        self.kinds, self.key_kinds = (image.kinds(layer, keys=keys) for keys in (False, True))

    def _without_own(self, neighbors: Tensor) -> Pairs:
        table = neighbors.numpy()
        center, rank = np.nonzero(table != NO_EDGE)
        neighbor = table[center, rank]
        others = neighbor != self.own[center]
        return center[others], neighbor[others]

    def measured(self, depth: Depth, before: tuple[LayerExplanation, Pairs] | None) -> Iterator[tuple[str, str, float]]:
        """(measure, condition, value)."""
        yield from self._distances(depth)
        if depth.block is not None:
            features = depth.block.flatten(1).T.double().cpu().numpy()
            yield "diversity", "nodes", diversity(features)
            yield "relative_diversity", "nodes", relative_diversity(features)
        if self.kinds is not None and self.key_kinds is not None and self.kinds.any() and not self.kinds.all():
            yield "homophily", "edges", homophily(*self.pairs, self.kinds, self.key_kinds)
            chance = chance_homophily(self.pairs[0], self.kinds, self.key_kinds, self.own)
            yield "homophily", "random", chance
            yield "modularity", "edges", modularity(*self.pairs, self.kinds, self.key_kinds)
            yield "modularity", "random", modularity(*self.random, self.kinds, self.key_kinds)
        for condition, pairs in (("edges", self.pairs), ("random", self.random)):
            yield "gini", condition, gini(np.bincount(pairs[1], minlength=self.layer.num_keys))
            if before is not None and (before[0].grid, before[0].key_grid) == (self.layer.grid, self.layer.key_grid):
                yield "turnover", condition, turnover(before[1], pairs)
        yield from self._margins()

    def _distances(self, depth: Depth) -> Iterator[tuple[str, str, float]]:
        """Of edges, and of all pairs, which is what random edges have."""
        size = self.image.exp.image_size if self.layer.places is not None else self.layer.grid
        near, far = (self.layer.regions(size, 0, keys=keys) for keys in (False, True))
        step = near.centers()[:, None] - far.centers()[None]
        if self.layer.places is not None:
            step = step / near.pitch
        tables: dict[str, np.ndarray | None] = {
            "length": np.hypot(step[..., 0], step[..., 1]),
            "manhattan": np.abs(step).sum(-1),
        }
        patches = [self.image.patches(self.layer, keys=keys) for keys in (False, True)]
        if patches[0] is not None and patches[1] is not None and patches[0].shape[1] == patches[1].shape[1]:
            tables["visual"] = cosines(patches[0], patches[1])
        colors = [self.image.colors(self.layer, keys=keys) for keys in (False, True)]
        if colors[0] is not None and colors[1] is not None:
            tables["color"] = np.linalg.norm(colors[0][:, None] - colors[1][None], axis=-1)
        if depth.centers is not None and depth.keys is not None and depth.centers.shape[1] == depth.keys.shape[1]:
            tables["embedding"] = cosines(depth.centers.numpy(), depth.keys.numpy())
        for measure, table in tables.items():
            if table is not None and table.shape == (self.layer.num_nodes, self.layer.num_keys):
                if len(self.pairs[0]):
                    yield measure, "edges", float(table[self.pairs].mean())
                yield measure, "random", over_pairs(table, self.own)

    def _margins(self) -> Iterator[tuple[str, str, float]]:
        if self.layer.margin is None:
            return
        there = self.layer.neighbors[0] != NO_EDGE
        count = there.sum(1)
        if not bool((count > 0).any()):
            return
        last = (there.cumsum(1) == count[:, None]) & there
        margins = self.layer.margin[0][last & (count > 0)[:, None]].double()
        margins = margins[torch.isfinite(margins)]
        if len(margins):
            yield "margin", "edges", float(margins.mean())
            yield "near_ties", "edges", float((margins < _TIE).double().mean())


def profile_summary(rows: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Means over images with bootstrap intervals, images resampled.

    Args:
        rows: `COLUMNS` of all images.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        Columns `SUMMARY`, measures in the order of `MEASURES`, `n` images.
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    for measure in MEASURES:
        part = rows[rows["measure"] == measure]
        for condition in dict.fromkeys(part["condition"]):
            of = part[part["condition"] == condition]
            for layer in sorted(set(of["layer"])):
                values = of[of["layer"] == layer]["value"].to_numpy(dtype=np.float64)
                low, high = interval(values, level=level, seed=seed)
                line = {"measure": measure, "layer": int(layer), "condition": condition}
                lines.append(line | {"mean": float(values.mean()), "low": low, "high": high, "n": len(values)})
    return pd.DataFrame(lines, columns=list(SUMMARY))


def relative(table: pd.DataFrame, measure: str) -> Sequence[float]:
    """For each layer the mean of the edges over that of random ones."""
    part = table[table["measure"] == measure].pivot(index="layer", columns="condition", values="mean").sort_index()
    return [float(value) for value in part["edges"] / part["random"]]
