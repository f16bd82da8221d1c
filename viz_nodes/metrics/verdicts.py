"""Methods side by side: means over images with intervals, and a tie called a tie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from viz_nodes.metrics.benchmark import FIGURES
from viz_nodes.metrics.intervals import apart, interval

if TYPE_CHECKING:
    import pandas as pd

BETTER = {
    "deletion": "low",
    "insertion": "high",
    "faithfulness": "high",
    "accuracy_deletion": "low",
    "accuracy_insertion": "high",
    "infidelity": "low",
    "stability": "high",
    "displacement": "low",
    "pointing": "high",
    "inside": "high",
    "road": "high",
}
"""Which way each figure is good; the others are told and have no best."""


def compared(
    table: pd.DataFrame, by: Sequence[str] = ("of", "layer"), *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Means of each method with bootstrap intervals, images resampled.

    Args:
        table: lines with `image`, `method`, the columns `by`, and figures of `viz_nodes.metrics.FIGURES`.
        by: what is compared with what: methods among the lines that have these in common.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        A line for each of `by` and method, in the order of the table: `images`, `blank` (of how many the first figure
        is missing), and for each figure of which there is any its mean, `<figure>_low`, `<figure>_high` and
        `<figure>_best`: "best" for the method with the best mean, "tie" for those whose interval overlaps its, else
        "", and "" for figures that have no best. An interval that is not known, of one image, overlaps all.
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    there = [name for name in FIGURES if name in table and not table[name].isna().all()]
    for _, part in table.groupby(list(by), sort=False):
        group = []
        for method, own in part.groupby("method", sort=False):
            line: dict[str, Any] = {name: own[name].iloc[0] for name in by}
            line |= {"method": method, "images": own.image.nunique(), "blank": int(own.deletion.isna().sum())}
            for name in there:
                low, high = interval(own[name].to_numpy(dtype=float), own.image.tolist(), level=level, seed=seed)
                line |= {name: own[name].mean(), f"{name}_low": low, f"{name}_high": high, f"{name}_best": ""}
            group.append(line)
        for name in there:
            _judge(group, name)
        lines += group
    return pd.DataFrame(lines)


def _judge(group: list[dict[str, Any]], name: str) -> None:
    """Say in each line whether it is the best of its group in a figure, or cannot be told from it."""
    known = [line for line in group if line[name] == line[name]]
    if name not in BETTER or len(known) < 2:
        return
    best = (min if BETTER[name] == "low" else max)(known, key=lambda line: float(line[name]))
    for line in known:
        if line is best:
            line[f"{name}_best"] = "best"
        elif not apart(_range(line, name), _range(best, name)):
            line[f"{name}_best"] = "tie"


def _range(line: dict[str, Any], name: str) -> tuple[float, float]:
    return line[f"{name}_low"], line[f"{name}_high"]
