"""The figure of an ablation: what other graphs cost, layer by layer, and what ever fewer edges leave of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.charts import COLORS, charting, curve, layer_ticks, legend, tightened
from viz_nodes.draw.style.captions import plain
from viz_nodes.draw.style.palettes import LIGHT
from viz_nodes.draw.style.widths import width_in_inches

if TYPE_CHECKING:
    import pandas as pd

WORDS = {
    "none": "no edges",
    "self": "self only",
    "random": "random nodes",
    "grid": "grid neighbors",
    "undilated": "no dilation",
    "other": "another image's graph",
}
_HEIGHT, _HEAD, _ALIKE = 1.7, 0.18, 0.005


def ablation_figure(table: pd.DataFrame, *, name: str = "", width: str | float = "column") -> Figure:
    """Four panels: other graphs in one layer and in all up to one; deletion and insertion of edges in every order.

    Args:
        table: of `viz_nodes.metrics.ablation_summary.ablation_summary`.
        name: of the network.
        width: of the figure, see `viz_nodes.draw.style.widths`.
    """
    kinds = [kind for kind in ("condition", "order") if len(table) and (table["kind"] == kind).any()]
    inches = width_in_inches(width)
    with charting():
        fig = Figure(
            figsize=(inches, _HEIGHT * max(1, len(kinds)) + (_HEAD if name else 0.0)),
            facecolor=LIGHT.page,
            layout="constrained",
        )
        tightened(fig)
        if name:
            count = int(table["n"].max()) if len(table) else 0
            words = (
                f"{plain(name)} · {count} image{'' if count == 1 else 's'} · bands: 95 % intervals · dots: untouched"
            )
            fig.suptitle(words, fontsize=6.5, x=0.01, ha="left", parse_math=False)
        parts = fig.subfigures(max(1, len(kinds)), 1, squeeze=False)
        for part, kind in zip(parts[:, 0], kinds):
            (_draw_conditions if kind == "condition" else _draw_orders)(part, table)
    return without_latex(fig)


def _draw_conditions(part: Any, table: pd.DataFrame) -> None:
    measure = "accuracy" if (table["measure"] == "accuracy").any() else "probability"
    rows = table[(table["kind"] == "condition") & (table["measure"] == measure)]
    whole = table[(table["kind"] == "untouched") & (table["measure"] == measure)]
    depth = int(rows["layer"].max())
    groups = _grouped(rows, WORDS)
    left, right = part.subplots(1, 2, sharey=True)
    for ax, scopes, words in (
        (left, ("layer",), "changed in one layer"),
        (right, ("up to", "all"), "changed in all up to"),
    ):
        for mean in whole["mean"]:
            ax.axhline(100 * mean, color=LIGHT.muted, linewidth=0.7, linestyle=":", zorder=2)
        for (first, _), color in zip(groups.items(), COLORS):
            for mode in ("rebuilt", "frozen"):
                line = rows[(rows["name"] == first) & (rows["graphs"] == mode) & rows["scope"].isin(scopes)]
                _curve(ax, line.sort_values("layer"), "layer", color, faint=mode == "rebuilt", scale=1.0)
        layer_ticks(ax, depth)
        ax.set_title(words)
        ax.set_xlabel("layer")
        _of_percent(ax)
    left.set_ylabel("accuracy (%)" if measure == "accuracy" else "probability (%)")
    faint = "graphs rebuilt" if (rows["graphs"] == "rebuilt").any() else ""
    legend(part, dict(zip(groups.values(), COLORS)), faint)


def _draw_orders(part: Any, table: pd.DataFrame) -> None:
    rows = table[(table["kind"] == "order") & (table["scope"] == "all") & (table["measure"] == "probability")]
    groups = _grouped(rows, {})
    colors = dict(zip([each for each in groups if each != "random"], COLORS)) | {"random": LIGHT.muted}
    left, right = part.subplots(1, 2, sharey=True)
    for ax, name in ((left, "deletion"), (right, "insertion")):
        for first in groups:
            for mode in ("rebuilt", "frozen"):
                line = rows[(rows["name"] == first) & (rows["graphs"] == mode) & (rows["curve"] == name)]
                _curve(
                    ax, line.sort_values("fraction"), "fraction", colors[first], faint=mode == "rebuilt", scale=100.0
                )
        ax.set_title(f"{name}, most important first")
        ax.set_xlabel("edges cut (%)" if name == "deletion" else "edges there (%)")
        ax.set_xlim(-2, 102)
        _of_percent(ax)
    left.set_ylabel("probability (%)")
    faint = "graphs rebuilt" if (rows["graphs"] == "rebuilt").any() else ""
    legend(part, {words: colors[first] for first, words in groups.items()}, faint)


def _grouped(rows: pd.DataFrame, words: dict[str, str]) -> dict[str, str]:
    """Names whose curves can be told apart, in order, with the words of all that run on them."""
    grouped: dict[str, str] = {}
    seen: dict[str, np.ndarray] = {}
    for name in map(str, dict.fromkeys(rows["name"])):
        values = rows[rows["name"] == name]["mean"].to_numpy(dtype=np.float64)
        label = words.get(name, name)
        same = next((other for other, own in seen.items() if _alike(own, values)), None)
        if same is None:
            seen[name], grouped[name] = values, label
        else:
            grouped[same] += f", {label}"
    return grouped


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    return len(first) == len(second) and bool(np.allclose(first, second, rtol=0, atol=_ALIKE, equal_nan=True))


def _of_percent(ax: Axes) -> None:
    ax.set_ylim(0, 103)
    ax.set_yticks([0, 25, 50, 75, 100])


def _curve(ax: Axes, line: pd.DataFrame, x: str, color: str, *, faint: bool, scale: float) -> None:
    if len(line):
        middle, low, high = (100 * line[name].to_numpy(dtype=np.float64) for name in ("mean", "low", "high"))
        curve(ax, scale * line[x].to_numpy(dtype=np.float64), middle, low, high, color=color, faint=faint)
