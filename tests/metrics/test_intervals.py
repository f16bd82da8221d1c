"""Intervals: known where theory knows them, by image, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from viz_nodes.metrics import apart, interval
from viz_nodes.metrics.randomization import rank_correlation


def test_the_interval_of_a_mean_is_the_one_of_theory():
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = interval(values, resamples=4000)
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.02)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.02)
    narrow = interval(values, level=0.5, resamples=4000)
    assert narrow[1] - narrow[0] == pytest.approx(2 * 0.674 * error, abs=0.02)


def test_true_means_lie_in_it_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for seed in range(300):
        low, high = interval(generator.exponential(1.0, 60), seed=seed, resamples=400)
        hits += low <= 1.0 <= high
    assert 0.88 < hits / 300 < 0.98


def test_images_are_drawn_and_not_their_observations():
    # Ten images with twenty equal observations each are ten observations.
    means = np.random.default_rng(1).normal(0, 1, 10)
    values, groups = np.repeat(means, 20), np.repeat([f"image {i}" for i in range(10)], 20)
    assert interval(values, groups) == pytest.approx(interval(means))
    low, high = interval(values)
    assert high - low < 0.5 * np.subtract(*interval(means)[::-1])


def test_the_fast_way_of_the_mean_is_the_slow_one():
    generator = np.random.default_rng(4)
    values, groups = generator.normal(size=50), generator.integers(0, 7, 50)
    slow = interval(values, groups, statistic=lambda sample: float(sample.mean()))
    assert interval(values, groups) == pytest.approx(slow, abs=1e-12)


def test_statistics_of_pairs_seeds_and_gaps():
    generator = np.random.default_rng(5)
    x = generator.normal(size=80)
    pairs = np.stack([x, x + generator.normal(size=80)], 1)
    low, high = interval(pairs, statistic=lambda sample: rank_correlation(sample[:, 0], sample[:, 1]))
    assert 0.4 < low < rank_correlation(*pairs.T) < high < 0.9
    assert interval(x, seed=1) == interval(x, seed=1) != interval(x, seed=2)
    assert interval([*x, float("nan")]) == interval(x)
    assert np.isnan(interval([1.0])).all()
    assert np.isnan(interval([1.0, 2.0], ["a", "a"])).all()


def test_ties_are_intervals_that_overlap():
    assert apart((0, 1), (1.5, 2))
    assert apart((1.5, 2), (0, 1))
    assert not apart((0, 1), (0.5, 2))
    assert not apart((0, 1), (float("nan"), float("nan")))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 1.0}, "`level` must lie between"),
        ({"resamples": 0}, "`resamples` must be at least 1"),
        ({"groups": [1]}, "must name the image of each of 3"),
    ],
)
def test_what_makes_no_interval_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        interval([1.0, 2.0, 3.0], **options)
