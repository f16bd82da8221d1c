"""The figure of a comparison of methods: a dot with its interval for each method and measure, ties by their color."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.charts import charting
from viz_nodes.draw.style.captions import plain
from viz_nodes.draw.style.palettes import LIGHT
from viz_nodes.draw.style.widths import width_in_inches

if TYPE_CHECKING:
    import pandas as pd

PANELS = {
    "deletion": "deletion ↓",
    "insertion": "insertion ↑",
    "faithfulness": "difference ↑",
    "accuracy_insertion": "acc., ins. ↑",
    "infidelity": "infidelity ↓",
    "stability": "stability ↑",
    "complexity": "complexity",
    "pointing": "pointing ↑",
}
"""Measures that are drawn, those of which there are numbers; an arrow says which way is good."""
_LINE, _HEAD, _FOOT, _GAP, _KEY = 0.115, 0.2, 0.2, 0.1, 0.2
_TIE, _OTHER = LIGHT.centers[1], LIGHT.muted


def score_figure(
    means: pd.DataFrame, *, name: str = "", width: str | float = "page", only: tuple[str, ...] = tuple(PANELS)
) -> Figure:
    """A row of panels for nodes and one for edges, a line a method, a panel a measure.

    Args:
        means: of `viz_nodes.metrics.verdicts.compared`, by `of` and `layer`.
        name: of the network.
        width: of the figure, see `viz_nodes.draw.style.widths`.
        only: which measures.
    """
    groups = [(str(kind), part.to_dict("records")) for kind, part in means.groupby("of", sort=False)]
    shown = [each for each in only if each in means and not means[each].isna().all()]
    heights = [_HEAD + _LINE * len(lines) + _FOOT for _, lines in groups]
    top = 0.18 if name else 0.0
    inches, total = width_in_inches(width), sum(heights) + _GAP * (len(groups) - 1) + top + _KEY
    with charting():
        fig = Figure(figsize=(inches, total), facecolor=LIGHT.page)
        words = [[_words(line, lines) for line in lines] for _, lines in groups]
        left = 0.055 * max(len(each) for part in words for each in part) + 0.12
        wide = (inches - left - 0.04) / max(1, len(shown))
        y = total - top
        if name:
            count = int(means["images"].max())
            head = f"{plain(name)} · {count} image{'' if count == 1 else 's'}"
            fig.text(0.01, 1 - 0.08 / total, head, va="center", fontsize=7.0, parse_math=False)
        for (kind, lines), height, labels in zip(groups, heights, words):
            for at, measure in enumerate(shown):
                box = (left + at * wide, y - height + _FOOT, wide - 0.09, height - _HEAD - _FOOT)
                ax = fig.add_axes((box[0] / inches, box[1] / total, box[2] / inches, box[3] / total))
                _panel(ax, lines, measure, labels if at == 0 else None)
                ax.set_title(PANELS[measure], pad=3)
            fig.text(0.01, (y - 0.1) / total, kind, va="center", weight="bold", parse_math=False)
            y -= height + _GAP
        handles = [
            Line2D([], [], color=_TIE, marker="o", markersize=3.2, linewidth=1.0),
            Line2D([], [], color=_TIE, marker="o", markersize=3.2, linewidth=1.0, markerfacecolor="white"),
            Line2D([], [], color=_OTHER, marker="o", markersize=2.6, linewidth=0.8),
        ]
        verdicts = ["best", "a tie with it: 95 % intervals overlap", "not"]
        fig.legend(
            handles,
            verdicts,
            loc="lower center",
            ncols=3,
            frameon=False,
            borderaxespad=0.2,
            handlelength=1.8,
            fontsize=6.5,
        )
    return without_latex(fig)


def _words(line: dict[Any, Any], lines: list[dict[Any, Any]]) -> str:
    """A method, and its layer where there are several."""
    several = len({each["layer"] for each in lines}) > 1
    return plain(f"{line['method']} {line['layer']}" if several else str(line["method"]))


def _panel(ax: Axes, lines: list[dict[Any, Any]], measure: str, labels: list[str] | None) -> None:
    """Dots of one measure, the first method on top."""
    places = np.arange(len(lines))[::-1]
    for place, line in zip(places, lines):
        mean, best = line[measure], line[f"{measure}_best"]
        if mean != mean:
            continue
        low, high = line[f"{measure}_low"], line[f"{measure}_high"]
        color = _TIE if best else _OTHER
        if low == low:
            ax.plot([low, high], [place, place], color=color, linewidth=1.0 if best else 0.8, zorder=2)
        ax.plot(
            [mean],
            [place],
            marker="o",
            color=color,
            markersize=3.2 if best else 2.6,
            markerfacecolor="white" if best == "tie" else color,
            markeredgewidth=0.8,
            zorder=3,
        )
    ax.set_ylim(-0.6, len(lines) - 0.4)
    ax.set_yticks(places, labels if labels is not None else [])
    ax.tick_params(axis="y", length=0)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    ax.margins(x=0.08)
    low, high = ax.get_xlim()
    ticks = [tick for tick in MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    ax.set_xticks([ticks[0], ticks[-1]] if len(ticks) > 2 else ticks)
    ax.set_xlim(low, high)
    # Labels of ticks at the ends of a panel stay in it: they would touch those of the next.
    for label, tick in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True):
        at = (tick - low) / (high - low)
        label.set_horizontalalignment("left" if at < 0.12 else "right" if at > 0.88 else "center")
    ax.xaxis.set_major_formatter("{x:.3g}")
    for text in ax.get_yticklabels():
        text.set_parse_math(False)
