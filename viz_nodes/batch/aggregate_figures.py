"""Pictures of `aggregates`: mean maps of classes over layers, and how edges change with depth."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from viz_nodes.batch.aggregates import EVERY, Aggregates
from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.colorbars import add_colorbar
from viz_nodes.draw.artists.text import without_latex
from viz_nodes.draw.cam import heat_table
from viz_nodes.draw.style.captions import plain
from viz_nodes.draw.style.palettes import LIGHT, palette_named
from viz_nodes.draw.style.scales import Scale
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.style.widths import width_in_inches
from viz_nodes.draw.style.wrapping import count_lines, shortened, wrap

_MOST_CLASSES, _MOST_LAYERS, _MOST_LINES = 10, 6, 6
_SIZE = 6.5


def mean_maps(aggregates: Aggregates, arch: str, palette: str = "inferno") -> Figure:
    """Mean maps: a row a class (the most frequent), a column a layer. Each map counts with its maximum as 1."""
    classes = aggregates.classes(arch)
    shown = [(EVERY, "all classes", sum(class_maps[2] for class_maps in classes)), *classes[:_MOST_CLASSES]]
    numbers = aggregates.layers(arch)
    if len(numbers) > _MOST_LAYERS:
        numbers = [numbers[at] for at in np.linspace(0, len(numbers) - 1, _MOST_LAYERS).round().astype(int)]
    note = "each map divided by its own maximum, then averaged"
    if len(classes) > _MOST_CLASSES:
        note += f"; the {_MOST_CLASSES} most frequent of {len(classes)} classes"
    width, left, gap, head = width_in_inches("column") * 72, 62.0, 3.0, 26.0
    note = wrap(note, width - 4, _SIZE)
    bar, numbers_below = 3.5, 1.2 * _SIZE + 2.0
    foot = 2.0 + bar + numbers_below + 2.0 + count_lines(note) * 1.3 * _SIZE + 2.0
    side = min((width - left - gap * len(numbers)) / len(numbers), 60.0)
    height = head + len(shown) * (side + gap) + foot
    with mpl.rc_context({"font.family": ["DejaVu Sans"], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(width / 72, height / 72), facecolor=LIGHT.page)

        def write(x: float, y: float, words: str, color: str = LIGHT.ink, **more: Any) -> None:
            fig.text(x / width, 1 - y / height, words, fontsize=_SIZE, color=color, parse_math=False, **more)

        write(2, 3, f"mean class activation maps · {plain(arch)}", va="top")
        for row, (of_class, label, images) in enumerate(shown):
            y = head + row * (side + gap)
            words = shortened(plain(label), left - 6, _SIZE)
            write(left - 4, y + side / 2 - 4, words, ha="right", va="center")
            write(
                left - 4,
                y + side / 2 + 5,
                f"{images} image{'' if images == 1 else 's'}",
                LIGHT.muted,
                ha="right",
                va="center",
            )
            for column, number in enumerate(numbers):
                x = left + column * (side + gap)
                if row == 0:
                    write(x + side / 2, head - 2, f"layer {number}", ha="center", va="bottom")
                sums = aggregates.sums.get((arch, number, of_class, label))
                if sums is None:  # none of its images has this layer
                    write(x + side / 2, y + side / 2, "-", LIGHT.muted, ha="center", va="center")
                    continue
                ax = fig.add_axes((x / width, 1 - (y + side) / height, side / width, side / height))
                mean = sums.cam / max(sums.images, 1)
                ax.imshow(mean, cmap=palette_named(palette), vmin=0, vmax=1, interpolation="nearest", aspect="auto")
                ax.set_xticks([])
                ax.set_yticks([])
        y, wide = height - foot + 2.0, len(numbers) * (side + gap) - gap
        place = fig.add_axes((left / width, 1 - (y + bar) / height, wide / width, bar / height), axes_class=Panel)
        table = heat_table(palette_named(palette), 1.0, fade=False)
        add_colorbar(place, table, Scale(1.0, ""), Style(font_size=_SIZE + 1.0), place=place, horizontal=True)
        write(2, y + bar + numbers_below + 2.0, note, LIGHT.muted, va="top", linespacing=1.25)
    return without_latex(fig)


def edges_by_depth(aggregates: Aggregates, arch: str) -> Figure:
    """Mean edge length over layers, for all classes and the most frequent ones; with masks what stays on objects."""
    numbers = aggregates.layers(arch)
    shown = [(EVERY, "all classes"), *[(each[0], each[1]) for each in aggregates.classes(arch)[:_MOST_LINES]]]
    masked = any(sums.lists.get("on_object") for key, sums in aggregates.sums.items() if key[0] == arch)
    panels = [("edge_length", "mean edge length (patches)")] + (
        [("on_object", "edges that stay on the object")] if masked else []
    )
    width = width_in_inches("column")
    with mpl.rc_context({"font.family": ["DejaVu Sans"], "axes.linewidth": 0.4, "font.size": _SIZE}):
        fig = Figure(figsize=(width, 1.75 * len(panels) + 0.35), facecolor=LIGHT.page, layout="constrained")
        for place, (name, title) in enumerate(panels):
            ax = fig.add_subplot(len(panels), 1, place + 1)
            for which, (of_class, label) in enumerate(shown):
                values = [
                    aggregates.sums[arch, number, of_class, label].mean(name)
                    for number in numbers
                    if (arch, number, of_class, label) in aggregates.sums
                ]
                there = [number for number in numbers if (arch, number, of_class, label) in aggregates.sums]
                if not values or np.isnan(values).all():  # none of its images has a mask
                    continue
                every = of_class == EVERY
                color = LIGHT.ink if every else LIGHT.centers[(which - 1) % len(LIGHT.centers)]
                (line,) = ax.plot(
                    there,
                    values,
                    color=color,
                    marker="o",
                    markersize=3.2 if every else 2.2,
                    linewidth=1.6 if every else 0.8,
                )
                line.set_label(shortened(plain(label), 110, _SIZE))
            if name == "on_object":
                area = [aggregates.sums[arch, number, EVERY, "all classes"].mean("object_area") for number in numbers]
                ax.plot(
                    numbers, area, color=LIGHT.muted, linestyle="--", linewidth=0.8, label="by chance (object's area)"
                )
                ax.set_ylim(0, 1)
            else:
                ax.set_ylim(bottom=0)
            ax.set_xticks(numbers)
            ax.set_xlabel("layer")
            ax.set_ylabel(title, wrap=True)
            ax.spines[["top", "right"]].set_visible(False)
            legend = ax.legend(frameon=False, fontsize=_SIZE - 1, loc="center left", bbox_to_anchor=(1.0, 0.5))
            for text in legend.get_texts():
                text.set_parse_math(False)
    return without_latex(fig)
