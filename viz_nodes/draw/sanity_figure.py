"""The figure of a sanity check: what is left of maps and edges while a network forgets, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.charts import COLORS, charting, curve, legend
from viz_nodes.draw.style.captions import plain
from viz_nodes.draw.style.palettes import LIGHT
from viz_nodes.draw.style.widths import width_in_inches

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "map": "order of the map (Spearman)",
    "peak": "the peak moves (of the diagonal)",
    "edges": "strongest edges (Jaccard)",
    "graph": "graph, rebuilt (Jaccard)",
}
_PERMUTED, _HEIGHT, _HEAD = "permuted", 1.7, 0.16


def sanity_figure(
    table: pd.DataFrame, *, layer: int | None = None, name: str = "", width: str | float = "column"
) -> Figure:
    """A panel a measure, a line a method from the network as trained to one that knows nothing, chance as a gray band.

    Args:
        table: of `viz_nodes.metrics.cascade_summary`.
        layer: which of its layers, from 0; None for its last one.
        name: of the network.
        width: of the figure, see `viz_nodes.draw.style.widths`.
    """
    shown = int(table["layer"].max()) if layer is None else layer
    rows = table[table["layer"] == shown]
    steps = [step for step in dict.fromkeys(rows["step"]) if step != _PERMUTED]
    methods = list(dict.fromkeys(rows["method"]))
    colors = dict(zip(methods, COLORS * len(methods)))
    measures = [measure for measure in TITLES if (rows["measure"] == measure).any()]
    inches = width_in_inches(width)
    with charting():
        height = _HEIGHT * -(-len(measures) // 2) + 0.5 + (_HEAD if name else 0.0)
        fig = Figure(figsize=(inches, height), facecolor=LIGHT.page, layout="constrained")
        if name:
            words = f"{plain(name)} · layer {shown + 1} · {int(rows['n'].max())} images · gray: chance, 95 %"
            fig.suptitle(words, fontsize=6.5, x=0.01, ha="left", parse_math=False)
        axes = fig.subplots(-(-len(measures) // 2), 2, squeeze=False, sharex=True)
        for ax in axes.flat[len(measures) :]:
            ax.remove()
        for at, (ax, measure) in enumerate(zip(axes.flat, measures)):
            part = rows[rows["measure"] == measure]
            chance = part[part["step"] == _PERMUTED]
            ax.axhspan(chance["low"].min(), chance["high"].max(), color=LIGHT.muted, alpha=0.35, linewidth=0)
            for method in (each for each in methods if (part["method"] == each).any()):
                line = part[part["method"] == method].set_index("step").loc[steps]
                curve(ax, np.arange(len(steps)), line["mean"], line["low"], line["high"], color=colors[method])
            ax.set_title(TITLES[measure])
            ax.set_xticks(range(len(steps)), [plain(step) for step in steps], rotation=90)
            ax.tick_params(labelbottom=at + 2 >= len(measures))
        legend(fig, colors)
    return without_latex(fig)
