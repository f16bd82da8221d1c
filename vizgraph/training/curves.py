"""Learning curves as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = (
    ("loss", (("train_loss", "training", "-"), ("val_loss", "validation", "--")), "loss"),
    ("accuracy", (("top1", "top-1", "-"), ("top5", "top-5", ":")), "percent of the validation images"),
    ("learning rate", (("learning_rate", "", "-"),), "learning rate"),
)
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def draw_curves(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Loss, accuracy and learning rate over epochs, a color a run.

    Args:
        runs: the rows of each run's log by its name.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.2), layout="constrained")
    for axes, (title, lines, unit) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for color, (name, rows) in zip(COLORS * len(runs), runs.items(), strict=False):
            for column, what, style in lines:
                points = [(row["epoch"], row[column]) for row in rows if row.get(column) is not None]
                if not points:
                    continue
                label = ", ".join(part for part in (name if len(runs) > 1 else "", what) if part)
                marker = "o" if len(points) < 3 else ""
                axes.plot(*zip(*points, strict=True), style, color=color, marker=marker, label=label or None)
        heights = [y for line in axes.lines for y in line.get_ydata()]
        if title == "loss" and heights and min(heights) > 0 and max(heights) > 30 * min(heights):
            # The first epochs of batch-norm networks can be far off: they must not flatten all others.
            axes.set_yscale("log")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch")
        axes.set_ylabel(unit)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8, frameon=False)
    return figure
