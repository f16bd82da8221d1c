"""What a graph picture shows: a center with the neighbors that are drawn, cut out of the explanation's ego graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from viz_nodes.draw.style.captions import percent
from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation
from viz_nodes.graphs.digraphs import ego_graph


@dataclass(frozen=True, eq=False)
class Hop:
    """The edges drawn of one earlier layer.

    Attributes:
        layer: the layer whose edges these are.
        senders: (n,) key nodes of its key grid.
        receivers: (n,) nodes of its grid, each on the way to the center.
        share, weight: (n,) share at the receiver, and product of shares down to the center.
        total: how many edges of this hop there are.
        carried: weight of the edges drawn; all edges of a hop weigh 1 together.
    """

    layer: LayerExplanation
    senders: np.ndarray
    receivers: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    total: int
    carried: float


@dataclass(frozen=True, eq=False)
class Ego:
    """A center and those of its neighbors that are drawn.

    Attributes:
        layer: the layer whose edges these are.
        center: node number of the center.
        is_peak: whether the center is the map's peak.
        graph: the edges drawn, as `Explanation.ego_graph` gives them: neighbor -> center, with `rank`, `share`, ...
        ranks: (n,) places 0..k-1 of the neighbors drawn, ascending.
        keys: (n,) their key nodes.
        share, contribution: (n,).
        is_self: (n,) whether a neighbor is the center itself.
        total: how many neighbors the center has.
        earlier: the later hops, each one layer earlier.
    """

    layer: LayerExplanation
    center: int
    is_peak: bool
    graph: nx.DiGraph
    ranks: np.ndarray
    keys: np.ndarray
    share: np.ndarray
    contribution: np.ndarray
    is_self: np.ndarray
    total: int
    earlier: tuple[Hop, ...] = ()

    @property
    def pooled(self) -> bool:
        """Whether neighbors live on a grid of their own."""
        return self.layer.pooled

    @property
    def carried(self) -> float:
        """Share of the center's wins that the neighbors drawn carry."""
        return float(self.share.sum())


def choose_centers(
    layer: LayerExplanation, row: int, center: int | tuple[int, int] | Sequence[Any] | None
) -> list[int]:
    """Node numbers of the centers to draw.

    Args:
        center: None for the peak (none where the map is blank), what `LayerExplanation.node` takes (a node number, a
            (row, col) tuple, an (x, y) tuple with fractions of what the network saw), or a list of these.

    Raises:
        ValueError: no such node.
        TypeError: anything else.
    """
    if center is None:
        peak = int(layer.peak[row])
        return [] if peak == NO_PEAK else [peak]
    several = isinstance(center, list) or getattr(center, "ndim", 0) > 0
    return [layer.node(each, name="center") for each in (center if several else [center])]  # type: ignore[union-attr]


def ego_of(
    exp: Explanation,
    layer: int,
    center: int,
    *,
    row: int = 0,
    k: int | str | None = 9,
    order: str = "rank",
    hops: int = 1,
    far: int = 18,
) -> Ego:
    """A center with at most `k` of its neighbors.

    Args:
        k: how many; "all" or None for every one.
        order: "rank" takes the nearest, "share" those that win most.
        hops: how many layers to go back; each needs its layer explained.
        far: how many edges of each further hop, the heaviest.

    Raises:
        ValueError: `k` below 1, or an unknown order; more hops than layers.
        IndexError: a layer on the way was not explained.
    """
    if order not in ("rank", "share"):
        raise ValueError(f'`order` must be "rank" or "share" (got {order!r})')
    limit = _limit(k)
    record = exp.layer(layer)
    whole = ego_graph(exp, record.index, center, hops=hops, row=row)
    near = [(u, v, d) for u, v, d in whole.in_edges(center, data=True) if d["hop"] == 1 and d["kind"] == "graph"]
    near.sort(key=lambda edge: (-edge[2]["share"] if order == "share" else 0, edge[2]["rank"]))
    kept = sorted(near[:limit], key=lambda edge: edge[2]["rank"])
    drawn = [(u, v) for u, v, _ in kept]
    earlier = []
    reached = {u for u, _ in drawn}
    for hop in range(2, hops + 1):
        pairs, one = _further(exp, whole, reached, hop, record.index - hop + 1, far)
        drawn += pairs
        earlier.append(one)
        reached = {u for u, _ in pairs}
    return Ego(
        layer=record,
        center=center,
        is_peak=center == int(record.peak[row]),
        graph=whole.edge_subgraph(drawn) if drawn else whole.subgraph([center]),
        ranks=np.array([d["rank"] for _, _, d in kept], dtype=int),
        keys=np.array([whole.nodes[u]["node"] for u, _, _ in kept], dtype=int),
        share=np.array([d["share"] for _, _, d in kept], dtype=float),
        contribution=np.array([d["contribution"] for _, _, d in kept], dtype=float),
        is_self=np.array([u == v for u, v, _ in kept], dtype=bool),
        total=len(near),
        earlier=tuple(earlier),
    )


def _further(exp: Explanation, whole: nx.DiGraph, reached: set, hop: int, index: int, far: int) -> tuple[list, Hop]:
    """The heaviest edges of one further hop that lead into nodes drawn already."""
    asking = set(reached)
    for u, v, d in whole.edges(data=True):
        if d["kind"] == "cover" and d["hop"] == hop - 1 and v in reached:
            asking.add(u)
    everything = [(u, v, d) for u, v, d in whole.edges(data=True) if d["kind"] == "graph" and d["hop"] == hop]
    leading = [edge for edge in everything if edge[1] in asking]
    leading.sort(key=lambda edge: (-edge[2]["weight"], edge[2]["rank"], str(edge[0]), str(edge[1])))
    chosen = leading[:far]
    return [(u, v) for u, v, _ in chosen], Hop(
        layer=exp.layer(index),
        senders=np.array([whole.nodes[u]["node"] for u, _, _ in chosen], dtype=int),
        receivers=np.array([whole.nodes[v]["node"] for _, v, _ in chosen], dtype=int),
        share=np.array([d["share"] for _, _, d in chosen], dtype=float),
        weight=np.array([d["weight"] for _, _, d in chosen], dtype=float),
        total=len(everything),
        carried=float(sum(d["weight"] for _, _, d in chosen)),
    )


def _limit(k: int | str | None) -> int | None:
    if k is None or k == "all":
        return None
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f'`k` must be a positive number of neighbors or "all" (got {k!r})')
    return int(k)


def edges_words(egos: Sequence[Ego], itself: str = "ring: the center itself") -> str:
    """What is drawn and what is hidden: "9 of 17 neighbors drawn, 61 % of the wins; ring: the center itself, 12 %".

    Several centers are counted together, their shares averaged. Where all are drawn, only that is said.

    Args:
        itself: what is said of a center that is its own neighbor.
    """
    if not egos:
        return "no positive evidence"
    drawn, total = sum(len(ego.keys) for ego in egos), sum(ego.total for ego in egos)
    if total == 0:
        return "no neighbors"
    layer = egos[0].layer
    about, what = "" if layer.exact else "about ", "the weight" if layer.conv in ("gin", "sum") else "the wins"
    words = f"{len(egos)} centers, " if len(egos) > 1 else ""
    if drawn == total:
        words += f"all {total} neighbors drawn"
    else:
        carried = sum(ego.carried for ego in egos) / len(egos)
        words += f"{drawn} of {total} neighbors drawn, {about}{percent(carried)} of {what}"
    if any(ego.is_self.any() for ego in egos):
        own = sum(float(ego.share[ego.is_self].sum()) for ego in egos) / len(egos)
        words += f"; {itself}, {about}{percent(own)}" + (f" of {what}" if drawn == total else "")
    for hops in zip(*(ego.earlier for ego in egos), strict=True):
        count, of = sum(len(hop.senders) for hop in hops), sum(hop.total for hop in hops)
        carried = sum(hop.carried for hop in hops) / len(hops)
        words += f"; layer {hops[0].layer.number}: {count} of {of} edges drawn, {about}{percent(carried)} of the weight"
    return words
