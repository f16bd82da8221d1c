"""How sure a number is: bootstrap intervals, resampled by image, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from viz_nodes.arguments import numbers
from viz_nodes.text import quoted

Statistic = Callable[[np.ndarray], float]


def mean(values: np.ndarray) -> float:
    """The mean over the first axis, NaN where there is nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def interval(
    values: Sequence[float] | Tensor | np.ndarray,
    groups: Sequence[object] | np.ndarray | None = None,
    statistic: Statistic = mean,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The percentile bootstrap interval of a statistic (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: (n,), or (n, d) where an observation is a row. Rows with a NaN are left out.
        groups: (n,) which image an observation belongs to. Images are drawn with replacement, each with all that was
            observed on it, for observations on one image are no independent ones. None: each is its own.
        statistic: a number of a sample, given it as `values` is; the mean by default. Where it is NaN on a sample, as
            a correlation of equal values is, that sample is left out.
        level: how much of the samples lies in the interval, 0.95 for 95 %.
        resamples: how many samples are drawn.
        seed: of the drawing.

    Returns:
        (low, high). Both NaN where fewer than two images are left: one image says nothing about others.

    Raises:
        ValueError: a level outside of (0, 1), no resamples, groups of another length, values of more than two axes.

    Example:
        >>> interval([0.0, 1.0, 1.0, 1.0])
        (0.25, 1.0)
    """
    observed = numbers("values", values)
    if observed.ndim not in (1, 2):
        raise ValueError(f"`values` must have one or two axes (got {quoted(observed.ndim)})")
    if not 0 < level < 1:
        raise ValueError(f"`level` must lie between 0 and 1 (got {quoted(level)})")
    if resamples < 1:
        raise ValueError(f"`resamples` must be at least 1 (got {quoted(resamples)})")
    members = _members(groups, len(observed))
    whole = np.array([not np.isnan(row).any() for row in observed], dtype=bool)
    parts = [rows[whole[rows]] for rows in members]
    parts = [rows for rows in parts if len(rows)]
    if len(parts) < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, len(parts), (resamples, len(parts)))
    if statistic is mean and observed.ndim == 1:
        # As below, for all samples at once.
        sums = np.array([observed[rows].sum() for rows in parts])
        counts = np.array([len(rows) for rows in parts])
        samples = sums[drawn].sum(1) / counts[drawn].sum(1)
    else:
        samples = np.array([statistic(observed[np.concatenate([parts[at] for at in draw])]) for draw in drawn])
    samples = samples[~np.isnan(samples)]
    if not len(samples):
        return float("nan"), float("nan")
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def apart(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Whether two intervals have no number in common; otherwise the two are a tie, also where one is not known."""
    return bool(first[0] > second[1] or second[0] > first[1])


def _members(groups: Sequence[object] | np.ndarray | None, count: int) -> list[np.ndarray]:
    """Rows of each image, images in the order of their first row, so that names do not change what is drawn."""
    if groups is None:
        return [np.array([row]) for row in range(count)]
    if len(groups) != count:
        raise ValueError(f"`groups` must name the image of each of {count} values (got {len(groups)})")
    rows: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [np.array(each) for each in rows.values()]
