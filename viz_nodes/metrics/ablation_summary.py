"""Means over images of what `Ablation` found, with bootstrap intervals: accuracies, flips, areas, fidelity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from viz_nodes.metrics.intervals import Statistic, interval, mean

if TYPE_CHECKING:
    import pandas as pd

SUMMARY = ("measure", "kind", "name", "graphs", "scope", "layer", "curve", "fraction", "mean", "low", "high", "n")
"""Columns of `ablation_summary`."""
MEASURES = ("accuracy", "accuracy_drop", "probability", "true_probability", "flip")
"""Of every run."""
AREAS = ("deletion", "insertion", "difference", "difference_accuracy")
FIDELITY = ("fidelity_plus", "fidelity_minus", "characterization")
_RUN = ["kind", "name", "graphs", "scope", "layer", "curve", "fraction"]


def ablation_summary(rows: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One line for each measure and run, images resampled for the intervals.

    Measures of every run (columns `kind`, `name`, `graphs`, `scope`, `layer`, `curve`, `fraction` as `Ablation` has
    them):

    - "accuracy" against the label, and "accuracy_drop" from the untouched graph, where labels are known;
    - "probability" of the class explained, "true_probability" of the label;
    - "flip": how often another class is named than with the untouched graph.

    Of every order, by scope, without a `curve`:

    - "deletion": area under the probability while the most important edges go first; low is good;
    - "insertion": area while they come back first, into a network without edges; high is good;
    - "difference": insertion minus deletion. To come first is to go last, so this is i-WiViG's Delta AUC, the area
      while the most important edges come first minus that while the least important do (Obadic et al., arXiv
      2503.08321), of the probability, not rescaled to its own range; "difference_accuracy": the same of the accuracy;
    - at each `fraction` that is called the explanation, the most important of each node's edges, fidelity as PyTorch
      Geometric defines it for explanations of a model (GraphFramEx, arXiv 2206.09677): "fidelity_plus", 1 minus how
      often the class stays without the explanation; "fidelity_minus", 1 minus how often it stays with the explanation
      alone; and their "characterization", 1 / (0.5 / plus + 0.5 / (1 - minus)), 0 where plus is 0 or minus 1.

    Args:
        rows: of all images, with a column `image` that tells them apart.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        Columns `SUMMARY`; `n` images; NaN where there is nothing to be said.
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    if len(rows):
        images = {name: at for at, name in enumerate(dict.fromkeys(rows["image"]))}
        table = _numbers(rows, images)
        measured = _Measured(table, len(images), level, seed)
        lines = [*measured.runs(), *measured.orders()]
    return pd.DataFrame(lines, columns=list(SUMMARY))


def _numbers(rows: pd.DataFrame, images: dict[Any, int]) -> pd.DataFrame:
    """The rows with what is None as NaN, and the images numbered."""
    columns = {"accuracy": "correct", "probability": "probability", "true_probability": "true_probability"}
    table = rows[_RUN].copy()
    table["at"] = rows["image"].map(images)
    for name, column in (columns | {"flip": "flip"}).items():
        table[name] = rows[column].map(lambda value: np.nan if value is None else float(value))
    whole = table[table["kind"] == "untouched"].set_index("at")["accuracy"]
    table["accuracy_drop"] = table["at"].map(whole) - table["accuracy"]
    return table


class _Measured:
    """Values by image, and their means."""

    def __init__(self, table: pd.DataFrame, images: int, level: float, seed: int) -> None:
        self.table, self.images, self.level, self.seed = table, images, level, seed

    def runs(self) -> Iterator[dict[str, Any]]:
        """Lines of every run."""
        for key, group in self.table.groupby(_RUN, sort=False, dropna=False):
            about = dict(zip(_RUN, key, strict=True))
            for measure in MEASURES:
                values = group.sort_values("at")[measure].to_numpy(dtype=np.float64)
                if not np.isnan(values).all():
                    yield self._line(measure, about, values)

    def orders(self) -> Iterator[dict[str, Any]]:
        """Lines of every order."""
        by = ["name", "graphs", "scope", "layer"]
        for key, group in self.table[self.table["kind"] == "order"].groupby(by, sort=False):
            about = dict(zip(by, key, strict=True)) | {"kind": "order", "curve": None, "fraction": np.nan}
            fractions = np.sort(group["fraction"].unique())
            curves = {
                (curve, measure): _by_fraction(group[group["curve"] == curve], measure, self.images)
                for curve in ("deletion", "insertion")
                for measure in ("probability", "accuracy", "flip")
            }
            areas = {key: _area(curve, fractions) for key, curve in curves.items()}
            yield self._line("deletion", about, areas["deletion", "probability"])
            yield self._line("insertion", about, areas["insertion", "probability"])
            for measure, name in (("probability", "difference"), ("accuracy", "difference_accuracy")):
                between = areas["insertion", measure] - areas["deletion", measure]
                if not np.isnan(between).all():
                    yield self._line(name, about, between)
            for at, fraction in enumerate(fractions[1:-1], start=1):
                without, alone = (curves[curve, "flip"][:, at] for curve in ("deletion", "insertion"))
                if np.isnan(without).all():
                    continue
                here = about | {"fraction": fraction}
                yield self._line("fidelity_plus", here, without)
                yield self._line("fidelity_minus", here, alone)
                yield self._line("characterization", here, np.stack([without, alone], 1), _of_means)

    def _line(
        self, measure: str, about: dict[str, Any], values: np.ndarray, statistic: Statistic = mean
    ) -> dict[str, Any]:
        there = values[~np.isnan(values).reshape(len(values), -1).any(1)]
        low, high = interval(there, statistic=statistic, level=self.level, seed=self.seed)
        middle = statistic(there) if len(there) else float("nan")
        return {"measure": measure, **about, "mean": middle, "low": low, "high": high, "n": len(there)}


def characterization(plus: float, minus: float) -> float:
    """PyTorch Geometric's characterization score of fidelity+ and fidelity-, with equal weights; 0 in its limits."""
    return 0.0 if plus <= 0 or minus >= 1 else 1 / (0.5 / plus + 0.5 / (1 - minus))


def _of_means(pairs: np.ndarray) -> float:
    plus, minus = pairs.mean(0)
    return characterization(float(plus), float(minus))


def _by_fraction(group: pd.DataFrame, measure: str, images: int) -> np.ndarray:
    """(images, fractions), NaN where nothing is known."""
    table = group.pivot(index="at", columns="fraction", values=measure).reindex(range(images))
    return np.asarray(table.sort_index(axis=1).to_numpy(dtype=np.float64))


def _area(curve: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """(images,) under each curve, trapezoids between the fractions."""
    return np.asarray(((curve[:, 1:] + curve[:, :-1]) / 2 * np.diff(fractions)).sum(1))
