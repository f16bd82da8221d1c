"""Numbers of a whole graph: who is chosen by many, who chooses their own kind, how far and how often edges change.

Edges are pairs of arrays (E,): `center` chose `neighbor`. Neighbors are key nodes, which may be others than centers.
"""

from __future__ import annotations

import numpy as np


def gini(values: np.ndarray) -> float:
    """How unequal numbers >= 0 are: 0 where all are equal, (n - 1) / n where one has everything; NaN for no sum.

    Of in-degrees it says how far a graph runs through hubs.

    Example:
        >>> gini(np.array([0, 0, 0, 4]))
        0.75
    """
    held = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if not len(held) or held.sum() <= 0:
        return float("nan")
    place = np.arange(1, len(held) + 1)
    return float(((2 * place - len(held) - 1) * held).sum() / (len(held) * held.sum()))


def homophily(center: np.ndarray, neighbor: np.ndarray, kinds: np.ndarray, key_kinds: np.ndarray) -> float:
    """Fraction of edges between nodes of one kind (edge homophily, Zhu et al., arXiv 2006.11468); NaN without edges.

    Args:
        kinds: (N,) of centers.
        key_kinds: (M,) of key nodes, the same array where they are the nodes.
    """
    return float((kinds[center] == key_kinds[neighbor]).mean()) if len(center) else float("nan")


def chance_homophily(center: np.ndarray, kinds: np.ndarray, key_kinds: np.ndarray, own: np.ndarray) -> float:
    """The homophily to be expected if every edge came from another key node drawn at random.

    Args:
        own: (N,) the key node that each node is, or lies in, which is not drawn.
    """
    if not len(center) or len(key_kinds) < 2:
        return float("nan")
    values, counts = np.unique(key_kinds, return_counts=True)
    of_kind = dict(zip(values.tolist(), counts.tolist()))
    same = np.array([of_kind.get(kind, 0) for kind in kinds.tolist()], dtype=np.float64)
    same -= key_kinds[own] == kinds
    return float((same[center] / (len(key_kinds) - 1)).mean())


def modularity(center: np.ndarray, neighbor: np.ndarray, kinds: np.ndarray, key_kinds: np.ndarray) -> float:
    """How many more edges stay inside a kind than the degrees alone would have: Newman's Q of a directed graph.

    Q = 1/m * sum over pairs of one kind of (edges between them - out * in / m), Leicht and Newman, arXiv 0709.4500.
    0 for a complete graph with an edge from each node to itself, 1 - 1/c for c equal kinds without an edge between
    them; NaN without edges.
    """
    total = len(center)
    if not total:
        return float("nan")
    excess = 0.0
    receiving, sending = kinds[center], key_kinds[neighbor]
    for kind in np.unique(np.concatenate([kinds, key_kinds])):
        inside = ((receiving == kind) & (sending == kind)).sum() / total
        excess += inside - (receiving == kind).sum() / total * (sending == kind).sum() / total
    return float(excess)


def over_pairs(table: np.ndarray, own: np.ndarray) -> float:
    """Mean of a table (N, M) of centers and key nodes over all pairs but those of a node with itself.

    What edges drawn at random would have, without drawing any.
    """
    mask = np.ones(table.shape, dtype=bool)
    mask[np.arange(len(own)), own] = False
    return float(table[mask].mean()) if mask.any() else float("nan")


def turnover(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """How much of their edges two layers do not share: 1 - common / either (Jaccard); 0 where neither has any.

    Args:
        first, second: (center, neighbor) of each.
    """
    pairs = [set(zip(center.tolist(), neighbor.tolist())) for center, neighbor in (first, second)]
    either = pairs[0] | pairs[1]
    return 1 - len(pairs[0] & pairs[1]) / len(either) if either else 0.0


def diversity(features: np.ndarray) -> float:
    """How far the features of the nodes (N, C) are from being all the same: ||X - 1 x'||, x the nearest such row.

    The measure of ViG's figure (Han et al., arXiv 2206.00272), after Dong et al. (arXiv 2103.03404), in the Frobenius
    norm, in which x is the mean over the nodes. 0 is over-smoothed.
    """
    values = np.asarray(features, dtype=np.float64)
    return float(np.linalg.norm(values - values.mean(0)))


def relative_diversity(features: np.ndarray) -> float:
    """`diversity` over the norm of the features, from 0 to 1: what is left when all features grow alike."""
    whole = float(np.linalg.norm(np.asarray(features, dtype=np.float64)))
    return diversity(features) / whole if whole > 0 else float("nan")


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, M) cosine of each row of (N, C) with each row of (M, C); 0 for a row of zeros."""
    units = []
    for rows in (first, second):
        values = np.asarray(rows, dtype=np.float64)
        length = np.linalg.norm(values, axis=1, keepdims=True)
        units.append(values / np.where(length > 0, length, 1))
    return np.asarray(units[0] @ units[1].T)
