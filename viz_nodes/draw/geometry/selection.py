"""Which edges a picture shows: a center with those of its neighbors that are asked for, and the hops before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import networkx as nx
import numpy as np
from torch import Tensor

from viz_nodes.arguments import SETS
from viz_nodes.draw.style.style import VALUES
from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation, LayerExplanation
from viz_nodes.graphs.digraphs import ego_graph
from viz_nodes.grids import covering
from viz_nodes.text import quoted

Center = int | tuple[Any, ...] | Sequence[Any] | None
Values = np.ndarray | Tensor | Sequence[float]


@dataclass(frozen=True, eq=False)
class Selection:
    """Which edges are drawn; the keywords that figures and painters of edges take.

    Attributes:
        center: a node, a (row, col) tuple of integers, an (x, y) tuple of floats as fractions of what the network saw,
            or a list of these, each in a color of its own; None for the peak. A blank map has no peak, and the picture
            says so.
        k: how many neighbors, "all" or None for every one.
        order: which ones: "contribution" and "effect" those of the largest absolute value; "share" those that provide
            most channels; "rank" the nearest. Where contributions are unknown, shares are
            taken; where these are, ranks.
        hops: how many layers to go back: a second hop draws the edges of the layer before, lighter, into the
            neighbors drawn. Each of those layers must be among those explained.
        far: how many edges of each further hop, the heaviest.
        part: for pictures of a layer's strongest edges, how many of them, in percent.
        edge_set: "sufficient" or "necessary": those pictures draw the layer's edges of that set instead, which
            `viz_nodes.with_sets` found.
        effect: what cutting each edge of the center changes (`viz_nodes.effect`): (k,) in the order of
            `neighbors`, (N, k) for several centers, or a mapping from the layer's index to these.

    Raises:
        ValueError: `k`, `hops` or `far` below 1, `part` outside 0 to 100, an unknown order or set.
    """

    center: Center = None
    k: int | str | None = 9
    order: str = "contribution"
    hops: int = 1
    far: int = 18
    part: float = 2.0
    edge_set: str | None = None
    effect: Values | Mapping[int, Values] | None = None

    def __post_init__(self) -> None:
        if self.order not in VALUES:
            raise ValueError(f"`order` must be one of {', '.join(VALUES)} (got {quoted(self.order)})")
        _ = self.limit
        for name in ("hops", "far"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"`{name}` must be a whole number of at least 1 (got {quoted(value)})")
        if self.edge_set not in (None, *SETS):
            raise ValueError(f"`edge_set` must be one of {', '.join(SETS)} (got {quoted(self.edge_set)})")
        if not 0 < self.part <= 100:
            raise ValueError(f"`part` must be a percentage above 0, up to 100 (got {quoted(self.part)})")

    @property
    def limit(self) -> int | None:
        """`k` as a number; None for all."""
        if self.k is None or self.k == "all":
            return None
        if isinstance(self.k, bool) or not isinstance(self.k, int | np.integer) or self.k < 1:
            raise ValueError(f'`k` must be a positive number of neighbors or "all" (got {quoted(self.k)})')
        return int(self.k)

    def but(self, **changes: Any) -> Selection:
        """The same selection with other values."""
        return replace(self, **changes)


SELECTION = tuple(entry.name for entry in fields(Selection))


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
        hidden: how many more were asked for, that cannot be told apart at the size drawn.
    """

    layer: LayerExplanation
    senders: np.ndarray
    receivers: np.ndarray
    share: np.ndarray
    weight: np.ndarray
    total: int
    carried: float
    hidden: int = 0


@dataclass(frozen=True, eq=False)
class Ego:
    """A center and those of its neighbors that are drawn.

    Attributes:
        layer: the layer whose edges these are.
        center: node number of the center.
        is_peak: whether the center is the map's peak.
        ranks: (n,) places 0..k-1 of the neighbors drawn, ascending.
        keys: (n,) their key nodes.
        share, contribution: (n,).
        effect: (n,), NaN where it is not known.
        is_self: (n,) whether a neighbor is the center itself; where keys are pooled, the key node that the center
            lies in.
        total: how many neighbors the center has.
        earlier: the later hops, each one layer earlier.
        by: what the neighbors drawn are the first of: "rank", "share", "contribution" or "effect".
    """

    layer: LayerExplanation
    center: int
    is_peak: bool
    ranks: np.ndarray
    keys: np.ndarray
    share: np.ndarray
    contribution: np.ndarray
    is_self: np.ndarray
    total: int
    effect: np.ndarray = field(default_factory=lambda: np.zeros(0))
    earlier: tuple[Hop, ...] = ()
    by: str = "rank"

    @property
    def pooled(self) -> bool:
        """Whether neighbors live on a grid of their own."""
        return self.layer.pooled

    @property
    def carried(self) -> float:
        """Share of the center's channels that the neighbors drawn carry."""
        return float(self.share.sum())

    def value(self, name: str) -> np.ndarray:
        """(n,) rank, share, contribution or effect of the neighbors drawn."""
        return self.shown_ranks.astype(float) if name == "rank" else np.asarray(getattr(self, name), float)

    @property
    def shown_ranks(self) -> np.ndarray:
        """(n,) ranks for people, from 1 for the nearest; a node as its own neighbor is not counted and has 0."""
        if self.pooled:
            return self.ranks + 1
        before = np.array([int((self.ranks[self.is_self] < rank).sum()) for rank in self.ranks], dtype=int)
        return np.where(self.is_self, 0, self.ranks + 1 - before)

    @property
    def numbers(self) -> np.ndarray:
        """(n,) places for people by what the neighbors are ordered by, as `shown_ranks`: 1 for the largest."""
        if self.by == "rank":
            return self.shown_ranks
        place = np.empty(len(self.keys), dtype=int)
        place[np.lexsort((self.ranks, -np.abs(np.nan_to_num(self.value(self.by)))))] = np.arange(1, len(place) + 1)
        if self.pooled:
            return place
        before = np.array([int((place[self.is_self] < each).sum()) for each in place], dtype=int)
        return np.where(self.is_self, 0, place - before)

    def only(self, mask: np.ndarray) -> Ego:
        """The same center with some of its neighbors drawn."""
        columns = ("ranks", "keys", "share", "contribution", "effect", "is_self")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})


def choose_centers(layer: LayerExplanation, row: int, center: Center) -> list[int]:
    """Node numbers of the centers to draw.

    Args:
        center: see `Selection`; none where it is None and the map is blank.

    Raises:
        ValueError: no such node.
        TypeError: nothing that names one.
    """
    if center is None:
        peak = int(layer.peak[row])
        return [] if peak == NO_PEAK else [peak]
    several = isinstance(center, list) or getattr(center, "ndim", 0) > 0
    return [layer.node(each, name="center", row=row) for each in (center if several else [center])]  # type: ignore[union-attr]


def egos_of(exp: Explanation, layer: int, selection: Selection, row: int = 0) -> list[Ego]:
    """The centers that a selection names in a layer, each with the neighbors to draw."""
    record = exp.layer(layer)
    return [ego_of(exp, record.index, node, selection, row) for node in choose_centers(record, row, selection.center)]


def ego_of(
    exp: Explanation, layer: int, center: int, selection: Selection | None = None, row: int = 0, **options: Any
) -> Ego:
    """A center with at most `k` of its neighbors.

    Args:
        options: of `Selection`, in its place or changing it.

    Raises:
        ValueError: more hops than layers, or `order="effect"` without effects.
        IndexError: a layer on the way was not explained.
    """
    selection = (selection or Selection()).but(**options)
    record = exp.layer(layer)
    ranks, keys, merged = _neighbors(record, center, row)
    total = len(ranks)
    effect = _effects(selection.effect, record, center, row)
    values = {
        "share": merged(record.share[row, center].double().numpy()),
        "contribution": merged(record.contribution[row, center].double().numpy()),
        "effect": np.full(total, np.nan) if effect is None else merged(effect),
    }
    if selection.order == "effect" and (effect is None or (total and not np.isfinite(effect).any())):
        raise ValueError('`order="effect"` needs `effect`: what `viz_nodes.effect` found for this center')
    if selection.order != "rank":
        best = np.lexsort((ranks, -np.abs(np.nan_to_num(values[selection.order]))))
        kept = np.sort(best[: selection.limit])
    else:
        kept = np.arange(total)[: selection.limit]
    ego = Ego(
        layer=record,
        center=center,
        is_peak=center == int(record.peak[row]),
        ranks=ranks[kept],
        keys=keys[kept],
        is_self=keys[kept] == own_key(record, center),
        total=total,
        by=selection.order,
        **{name: column[kept] for name, column in values.items()},
    )
    return ego if selection.hops == 1 else _with_hops(exp, ego, selection, row)


def own_key(layer: LayerExplanation, node: int) -> int:
    """The key node that a node is, or where keys are pooled the one that it lies in."""
    return int(covering(layer.grid, layer.key_grid)[node]) if layer.pooled else node


def _neighbors(
    layer: LayerExplanation, center: int, row: int
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Places and key nodes of a center's neighbors, and what sums a value over places that name the same one."""
    everything = layer.neighbors[row, center].numpy()
    there = np.flatnonzero(everything != NO_EDGE)
    _, first, which = np.unique(everything[there], return_index=True, return_inverse=True)
    by_rank = np.argsort(first)
    ranks = there[first[by_rank]]

    def merged(values: np.ndarray) -> np.ndarray:
        return np.bincount(which, weights=values[there], minlength=len(first))[by_rank]

    return ranks, everything[ranks], merged


def _effects(effects: Any, layer: LayerExplanation, center: int, row: int) -> np.ndarray | None:
    """(k,) effects of a center's edges, from the argument or the layer's own."""
    if isinstance(effects, Mapping):
        effects = effects.get(layer.index)
    if effects is None:
        effects = layer.effect
        if effects is None:
            return None
    values = np.asarray(effects, float)
    k = layer.neighbors.shape[-1]
    if values.ndim == 3:
        values = values[row]
    if values.ndim == 2:
        values = values[center]
    if values.shape != (k,):
        raise ValueError(f"`effect` must have shape ({k},) for the center's neighbors (got {values.shape})")
    return values


def _with_hops(exp: Explanation, ego: Ego, selection: Selection, row: int) -> Ego:
    """The heaviest edges of the layers before, into the neighbors drawn."""
    whole = ego_graph(exp, ego.layer.index, ego.center, hops=selection.hops, row=row)
    kept = set(ego.keys.tolist())
    into = whole.in_edges(ego.center, data=True)
    reached = {u for u, _, d in into if d["kind"] == "graph" and d["hop"] == 1 and whole.nodes[u]["node"] in kept}
    earlier = []
    for hop in range(2, selection.hops + 1):
        pairs, hop_drawn = _further(exp, whole, reached, hop, ego.layer.index - hop + 1, selection.far)
        earlier.append(hop_drawn)
        reached = {u for u, _ in pairs}
    return replace(ego, earlier=tuple(earlier))


def _further(
    exp: Explanation, whole: nx.DiGraph, reached: set[Any], hop: int, index: int, far: int
) -> tuple[list[tuple[Any, Any]], Hop]:
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
