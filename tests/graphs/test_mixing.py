"""Numbers of whole graphs, on rings, grids and complete graphs whose answers are known."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

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


def ring(count, reach=1):
    """Every node asks the `reach` ones on either side."""
    center = np.repeat(np.arange(count), 2 * reach)
    steps = np.array([step for step in range(-reach, reach + 1) if step])
    return center, (center + np.tile(steps, count)) % count


def complete(count, own=False):
    center, neighbor = np.divmod(np.arange(count * count), count)
    kept = (center != neighbor) | own
    return center[kept], neighbor[kept]


def grid(rows, columns):
    """Every node asks the 2 to 4 cells beside it."""
    pairs = [
        (row * columns + column, (row + down) * columns + column + across)
        for row in range(rows)
        for column in range(columns)
        for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1))
        if 0 <= row + down < rows and 0 <= column + across < columns
    ]
    return np.array(pairs).T[0], np.array(pairs).T[1]


def halves(count):
    return np.arange(count) < count // 2


def test_nobody_is_a_hub_in_rings_and_complete_graphs_and_one_is_in_a_star():
    for pairs, count in ((ring(8), 8), (complete(5), 5)):
        assert gini(np.bincount(pairs[1], minlength=count)) == pytest.approx(0)
    assert gini(np.bincount(np.zeros(9, dtype=int), minlength=10)) == pytest.approx(0.9)
    # Corners are asked 2 times, borders 3, the middle 4: mean |difference| over twice the mean, over 81 pairs.
    degrees = np.bincount(grid(3, 3)[1])
    assert gini(degrees) == pytest.approx(np.abs(degrees[:, None] - degrees).sum() / (2 * 81 * degrees.mean()))
    assert np.isnan(gini(np.zeros(4)))


def test_homophily_of_a_ring_of_two_halves_is_all_but_its_two_borders():
    kinds = halves(10)
    assert homophily(*ring(10), kinds, kinds) == pytest.approx(16 / 20)
    assert homophily(*complete(10), kinds, kinds) == pytest.approx(4 / 9)
    assert chance_homophily(ring(10)[0], kinds, kinds, np.arange(10)) == pytest.approx(4 / 9)
    assert homophily(*grid(4, 4), halves(16), halves(16)) == pytest.approx(1 - 8 / 48)
    assert np.isnan(homophily(np.empty(0, int), np.empty(0, int), kinds, kinds))


def test_the_expected_homophily_of_unequal_kinds_with_pooled_keys():
    kinds, keys = np.array([True, True, False, False]), np.array([True, False, False])
    own = np.array([0, 0, 1, 2])
    # A node of the object lies in the only key of its kind, which is not drawn; another has one of two left.
    assert chance_homophily(np.array([0, 2]), kinds, keys, own) == pytest.approx((0 / 2 + 1 / 2) / 2)
    # A node of the object in a key node that is not: both others are drawn from, one of them of its kind.
    assert chance_homophily(np.array([0]), kinds, keys, np.array([1, 0, 1, 2])) == pytest.approx(1 / 2)


STAR = (np.array([*range(1, 12), 0]), np.array([0] * 11 + [7]))
"""All ask one, who asks one of them: in- and out-degrees differ."""


@pytest.mark.parametrize("pairs", [ring(12), ring(12, 2), grid(3, 4), complete(12), complete(12, own=True), STAR])
@pytest.mark.parametrize("kinds", [halves(12), np.arange(12) % 2 == 0, np.arange(12) < 3])
def test_modularity_is_networkx_own(pairs, kinds):
    graph = nx.DiGraph(zip(*(each.tolist() for each in pairs)))
    sides = [set(np.flatnonzero(kinds).tolist()), set(np.flatnonzero(~kinds).tolist())]
    assert modularity(*pairs, kinds, kinds) == pytest.approx(nx.community.modularity(graph, sides))


def test_modularity_where_it_is_known_by_hand():
    kinds = halves(8)
    assert modularity(*complete(8, own=True), kinds, kinds) == pytest.approx(0)
    assert modularity(*ring(8), kinds, kinds) == pytest.approx(12 / 16 - 1 / 2)
    both = [np.concatenate([each, each + 4]) for each in complete(4)]
    assert modularity(*both, kinds, kinds) == pytest.approx(0.5)  # 1 - 1/2: two kinds, no edge between them


def test_random_edges_are_as_long_as_pairs_of_nodes_are():
    places = np.arange(4.0)
    table = np.abs(places[:, None] - places)
    assert over_pairs(table, np.arange(4)) == pytest.approx(20 / 12)
    assert over_pairs(table[:, :2], np.array([0, 0, 1, 1])) == pytest.approx(6 / 4)


def test_turnover_is_what_two_layers_do_not_share():
    assert turnover(ring(6), ring(6)) == 0
    assert turnover(ring(6), complete(6)) == pytest.approx(1 - 12 / 30)
    assert turnover((np.array([0]), np.array([1])), (np.array([1]), np.array([0]))) == 1


def test_diversity_is_the_distance_from_features_that_are_all_the_same():
    rng = np.random.default_rng(0)
    same = np.tile(rng.normal(size=5), (7, 1))
    assert diversity(same) == pytest.approx(0, abs=1e-12)
    values = rng.normal(size=(7, 5))
    near = min(np.linalg.norm(values - (values.mean(0) + step)) for step in rng.normal(size=(200, 5)) * 0.1)
    assert diversity(values) == pytest.approx(np.linalg.norm(values - values.mean(0)))
    assert diversity(values) <= near
    assert diversity(values + same) == pytest.approx(diversity(values))
    assert relative_diversity(np.array([[3.0, 0.0], [-3.0, 0.0]])) == pytest.approx(1)
    assert relative_diversity(10 * values) == pytest.approx(relative_diversity(values))


def test_cosines_of_every_pair():
    found = cosines(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[2.0, 0.0], [1.0, 1.0], [0.0, -3.0]]))
    np.testing.assert_allclose(found, [[1, 0.5**0.5, 0], [0, 0, 0]], atol=1e-12)
