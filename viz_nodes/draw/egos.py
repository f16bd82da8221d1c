"""What a graph picture shows: a center with the neighbors that are drawn, as a networkx graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from viz_nodes.draw.captions import percent
from viz_nodes.grids import row_col
from viz_nodes.records import NO_PEAK, Explanation, LayerExplanation

NodeName = tuple[str, int, int]
"""("node", layer, i) for a node of the grid, ("key", layer, j) for a pooled key node."""


@dataclass(frozen=True, eq=False)
class Ego:
    """A center and its neighbors in one layer.

    Attributes:
        layer: the layer whose edges these are.
        center: node number of the center.
        is_peak: whether the center is the map's peak.
        drawn: (n,) places 0..k-1 of the neighbors drawn.
        keys: (n,) their key nodes.
        share, contribution: (n,) their values.
        is_self: (n,) whether a neighbor is the center itself.
        total: how many neighbors the center has.
    """

    layer: LayerExplanation
    center: int
    is_peak: bool
    drawn: np.ndarray
    keys: np.ndarray
    share: np.ndarray
    contribution: np.ndarray
    is_self: np.ndarray
    total: int

    @property
    def pooled(self) -> bool:
        """Whether neighbors live on a grid of their own."""
        return self.layer.key_grid != self.layer.grid

    @property
    def carried(self) -> float:
        """Share of the center's wins that the neighbors drawn carry."""
        return float(self.share.sum())

    def name(self, key: int) -> NodeName:
        """Name in the graph of a neighbor."""
        return ("key" if self.pooled else "node", self.layer.index, int(key))

    def graph(self) -> nx.DiGraph:
        """The center with the neighbors drawn, edges neighbor -> center with `rank`, `share`, `contribution`."""
        graph: nx.DiGraph = nx.DiGraph(layer=self.layer.index, center=("node", self.layer.index, self.center))
        row, col = row_col(self.center, self.layer.grid)
        target: NodeName = ("node", self.layer.index, self.center)
        graph.add_node(target, row=row, col=col)
        for place, key, share, contribution in zip(self.drawn, self.keys, self.share, self.contribution, strict=True):
            row, col = row_col(int(key), self.layer.key_grid)
            graph.add_node(self.name(key), row=row, col=col)
            graph.add_edge(
                self.name(key), target, rank=int(place), share=float(share), contribution=float(contribution)
            )
        return graph


def choose_centers(
    layer: LayerExplanation, row: int, center: int | tuple[int, int] | Sequence[Any] | None
) -> list[int]:
    """Node numbers of the centers to draw.

    Args:
        center: None for the peak (none where the map is blank), a node number, a (row, col) pair as a tuple, or a list
            of these.

    Raises:
        ValueError: no such node.
    """
    if center is None:
        peak = int(layer.peak[row])
        return [] if peak == NO_PEAK else [peak]
    asked = list(center) if isinstance(center, (list, np.ndarray)) else [center]
    height, width = layer.grid
    nodes = []
    for one in asked:
        if isinstance(one, tuple):
            if len(one) != 2 or not (0 <= one[0] < height and 0 <= one[1] < width):
                raise ValueError(f"`center` must be a (row, col) in a grid of {layer.grid} (got {one})")
            one = one[0] * width + one[1]
        if not 0 <= int(one) < height * width:
            raise ValueError(f"`center` must lie in [0, {height * width}) (got {one})")
        nodes.append(int(one))
    return nodes


def ego_of(layer: LayerExplanation, row: int, center: int, k: int | str | None = 9, order: str = "rank") -> Ego:
    """A center with at most `k` of its neighbors.

    Args:
        k: how many; "all" or None for every one.
        order: "rank" takes the nearest, "share" those that win most.

    Raises:
        ValueError: `k` below 1, or an unknown order.
    """
    if order not in ("rank", "share"):
        raise ValueError(f'`order` must be "rank" or "share" (got {order!r})')
    limit = _limit(k)
    ids = layer.neighbors[row, center].numpy()
    share = layer.share[row, center].numpy().astype(float)
    places = np.flatnonzero(ids >= 0)
    total = len(places)
    if order == "share":
        places = places[np.argsort(-share[places], kind="stable")]
    places = np.sort(places[:limit])
    keys = ids[places]
    return Ego(
        layer=layer,
        center=center,
        is_peak=center == int(layer.peak[row]),
        drawn=places,
        keys=keys,
        share=share[places],
        contribution=layer.contribution[row, center].numpy().astype(float)[places],
        is_self=(keys == center) & (layer.key_grid == layer.grid),
        total=total,
    )


def _limit(k: int | str | None) -> int | None:
    if k is None or k == "all":
        return None
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f'`k` must be a positive number of neighbors or "all" (got {k!r})')
    return int(k)


def edges_words(egos: Sequence[Ego]) -> str:
    """ "9 of 17 neighbors drawn, 61 % of the wins", summed over centers; says when the center itself is among them. """
    if not egos:
        return "no positive evidence"
    drawn, total = sum(len(ego.drawn) for ego in egos), sum(ego.total for ego in egos)
    if total == 0:
        return "no neighbors"
    carried = sum(ego.carried for ego in egos) / len(egos)
    layer = egos[0].layer
    count = f"all {total} neighbors drawn" if drawn == total else f"{drawn} of {total} neighbors drawn"
    if len(egos) > 1:
        count = f"{len(egos)} centers, {count}"
    what = "the weight" if layer.conv == "gin" else "the wins"
    words = f"{count}, {'' if layer.exact else 'about '}{percent(carried)} of {what}"
    own = sum(float(ego.share[ego.is_self].sum()) for ego in egos)
    if any(ego.is_self.any() for ego in egos):
        words += f"; ring: the center itself, {percent(own / len(egos))}"
    return words
