"""The figure of a profile: what a network knows and how it connects, by depth, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.charts import COLORS, charting, curve, layer_ticks, legend, tightened
from viz_nodes.draw.style.captions import plain
from viz_nodes.draw.style.palettes import DEFAULT_PALETTE, LIGHT, palette_named
from viz_nodes.draw.style.widths import width_in_inches

if TYPE_CHECKING:
    import pandas as pd

Panel = tuple[str, str, float]
PANELS: tuple[Panel, ...] = (
    ("probability", "class probability (%)", 100.0),
    ("length", "edge length (patches)", 1.0),
    ("visual", "visual similarity", 1.0),
    ("color", "color difference", 1.0),
    ("embedding", "embedding similarity", 1.0),
    ("diversity", "feature diversity", 1.0),
    ("homophily", "homophily (%)", 100.0),
    ("modularity", "modularity", 1.0),
    ("gini", "hubs (Gini)", 1.0),
    ("turnover", "turnover (%)", 100.0),
    ("margin", "margin", 1.0),
)
"""Measure, title, scale."""
_SHOWN = ("edges", "nodes", "class")
_MOST_MAPS, _ROW, _STRIP, _COLUMNS = 8, 1.22, 1.02, 5


@dataclass(frozen=True, eq=False)
class Example:
    """An image and what is read off its nodes.

    Attributes:
        image: (H, W, 3) uint8.
        words: what is read off: the class.
        maps: by layer (from 0) (h, w) probabilities, None where not known.
    """

    image: np.ndarray
    words: str
    maps: Sequence[Any]


def profile_figure(
    table: pd.DataFrame, *, name: str = "", example: Example | None = None, width: str | float = "page"
) -> Figure:
    """A strip with what is read off the nodes of one image, and a panel for each measure over the layers.

    Args:
        table: of `viz_nodes.metrics.profile.profile_summary`.
        name: of the network.
        example: the image of the strip; without one, or where nothing could be read, there is none.
        width: of the figure, see `viz_nodes.draw.style.widths`.
    """
    there = set(table["measure"])
    panels = [panel for panel in PANELS if panel[0] in there]
    if "visual" in there:  # they say the same, and few figures have room for both
        panels = [panel for panel in panels if panel[0] != "color"]
    mapped = [] if example is None else [at for at, each in enumerate(example.maps) if each is not None]
    rows = -(-max(1, len(panels)) // _COLUMNS)
    columns = -(-max(1, len(panels)) // rows)
    heights = [*([_STRIP] if mapped else []), _ROW * rows + 0.22]
    with charting():
        fig = Figure(figsize=(width_in_inches(width), sum(heights) + 0.18), facecolor=LIGHT.page, layout="constrained")
        tightened(fig)
        count = int(table["n"].max()) if len(table) else 0
        words = [plain(name)] if name else []
        words += [f"{count} image{'' if count == 1 else 's'}", "bands: 95 % intervals"]
        fig.suptitle(" · ".join(words), fontsize=6.5, x=0.005, ha="left", parse_math=False)
        parts = fig.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        if example is not None and mapped:
            _draw_strip(parts[0], example, mapped)
        _draw_panels(parts[-1], table, panels, rows, columns)
    return without_latex(fig)


def _draw_strip(part: Any, example: Example, mapped: Sequence[int]) -> None:
    """The image, then its nodes at layers spread evenly over the depth."""
    chosen = list(mapped)
    if len(chosen) > _MOST_MAPS:
        chosen = [chosen[at] for at in np.linspace(0, len(chosen) - 1, _MOST_MAPS).round().astype(int)]
    axes = part.subplots(1, len(chosen) + 1, squeeze=False)[0]
    palette = palette_named(DEFAULT_PALETTE)
    axes[0].imshow(example.image, interpolation="nearest")
    axes[0].set_title("image")
    drawn = None
    for ax, at in zip(axes[1:], chosen):
        drawn = ax.imshow(100 * np.asarray(example.maps[at]), cmap=palette, vmin=0, vmax=100, interpolation="nearest")
        ax.set_title(f"layer {at + 1}")
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    if drawn is not None:
        bar = part.colorbar(drawn, ax=list(axes[1:]), fraction=0.02, pad=0.01, aspect=18, ticks=[0, 50, 100])
        bar.outline.set_linewidth(0.4)
        bar.set_label("probability of\n" + plain(example.words) + " (%)", parse_math=False)


def _draw_panels(part: Any, table: pd.DataFrame, panels: Sequence[Panel], rows: int, columns: int) -> None:
    axes = part.subplots(rows, columns, squeeze=False).ravel()
    depth = int(table["layer"].max()) if len(table) else 1
    beside = False
    for ax, (measure, title, scale) in zip(axes, panels):
        beside |= _draw_panel(ax, table[table["measure"] == measure], scale)
        layer_ticks(ax, depth)
        ax.set_title(title)
        if scale == 100.0:
            ax.set_ylim(0, 103)
            ax.set_yticks([0, 50, 100])
        elif ax.get_yscale() == "linear":
            ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    for at, ax in enumerate(axes):
        if at >= len(panels):
            ax.set_visible(False)
        elif at + columns >= len(panels):
            ax.set_xlabel("layer")
    colors = {"the network": COLORS[0]} | ({"random edges": LIGHT.muted} if beside else {})
    part_colors = colors | ({"nodes on the object": COLORS[1]} if _on_object(table) else {})
    legend(part, part_colors)


def _on_object(table: pd.DataFrame) -> bool:
    return bool(((table["measure"] == "probability") & (table["condition"] == "on object")).any())


def _draw_panel(ax: Axes, part: pd.DataFrame, scale: float) -> bool:
    """Whether there is a line of random edges."""
    beside = False
    colors = dict.fromkeys(_SHOWN, COLORS[0]) | {"random": LIGHT.muted, "on object": COLORS[1]}
    for condition, color in (*((name, colors[name]) for name in ("random", "on object", *_SHOWN)),):
        line = part[part["condition"] == condition].sort_values("layer")
        if not len(line):
            continue
        middle, low, high = (scale * line[name].to_numpy(dtype=np.float64) for name in ("mean", "low", "high"))
        beside |= condition == "random"
        curve(ax, line["layer"].to_numpy(), middle, low, high, color=color, markers=condition != "random")
    values = part["mean"].to_numpy(dtype=np.float64)
    if len(values) and values.min() > 0 and values.max() / values.min() > 20 and scale == 1.0:
        ax.set_yscale("log")
    elif len(values) and values.min() >= 0:
        ax.set_ylim(bottom=0)
    return beside
