"""Curves with their intervals, in the letters and colors of the other figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from viz_nodes.draw.style.fonts import text_width
from viz_nodes.draw.style.palettes import LIGHT
from viz_nodes.draw.style.widths import LETTERS

COLORS = (LIGHT.centers[1], LIGHT.centers[3], LIGHT.centers[2], LIGHT.centers[0], LIGHT.centers[4], LIGHT.centers[5])
"""Of curves, the ones that differ most first."""


@contextmanager
def charting() -> Iterator[None]:
    """Meanwhile matplotlib draws charts as all of ours look."""
    settings: dict[Any, Any] = {
        "font.family": ["DejaVu Sans"],
        "font.size": LETTERS,
        "axes.titlesize": LETTERS,
        "axes.labelsize": LETTERS,
        "xtick.labelsize": LETTERS,
        "ytick.labelsize": LETTERS,
        "legend.fontsize": LETTERS,
        "axes.linewidth": 0.4,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": LIGHT.muted,
        "axes.labelcolor": LIGHT.ink,
        "text.color": LIGHT.ink,
        "xtick.color": LIGHT.muted,
        "ytick.color": LIGHT.muted,
        "xtick.labelcolor": LIGHT.ink,
        "ytick.labelcolor": LIGHT.ink,
        "xtick.major.width": 0.4,
        "ytick.major.width": 0.4,
        "xtick.major.size": 2.0,
        "ytick.major.size": 2.0,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": "#e6e7ea",
        "grid.linewidth": 0.4,
        "lines.solid_capstyle": "round",
    }
    with mpl.rc_context(settings):
        yield


def curve(
    ax: Axes,
    x: Sequence[float] | np.ndarray,
    middle: Sequence[float] | np.ndarray,
    low: Sequence[float] | np.ndarray | None = None,
    high: Sequence[float] | np.ndarray | None = None,
    *,
    color: str,
    faint: bool = False,
    markers: bool = True,
) -> None:
    """A line with a band of its interval; `faint` ones are thin, dashed and have none."""
    if faint:
        ax.plot(x, middle, color=color, linewidth=0.6, linestyle=(0, (3, 1.6)), zorder=2.5)
        return
    if low is not None and high is not None:
        ax.fill_between(x, low, high, color=color, alpha=0.13, linewidth=0, zorder=1.5)
    size = 2.4 if markers else 0.0
    ax.plot(x, middle, color=color, linewidth=1.1, marker="o" if markers else "", markersize=size, zorder=3)


def key_lines(colors: dict[str, str], faint: str = "") -> tuple[list[Line2D], list[str]]:
    """Handles and words of a legend: a line for each color, and a dashed one for what is faint."""
    handles = [Line2D([], [], color=color, linewidth=1.3) for color in colors.values()]
    words = list(colors)
    if faint:
        handles.append(Line2D([], [], color=LIGHT.muted, linewidth=0.7, linestyle=(0, (3, 1.6))))
        words.append(faint)
    return handles, words


def legend(place: Any, colors: dict[str, str], faint: str = "") -> None:
    """A legend below a figure or a part of one, in as few lines as its width allows."""
    handles, words = key_lines(colors, faint)
    wide = max((text_width(each, LETTERS) for each in words), default=0.0) + 3.4 * LETTERS
    whole = place.bbox.width / place.figure.dpi * 72 if place.figure is not None else 0.0
    box = place.legend(
        handles,
        words,
        loc="outside lower center",
        ncols=min(len(words), max(1, int(whole // wide))),
        frameon=False,
        handlelength=1.6,
        columnspacing=1.2,
        handletextpad=0.5,
        borderaxespad=0.1,
        borderpad=0.1,
        labelspacing=0.25,
    )
    for text in box.get_texts():
        text.set_parse_math(False)


def tightened(fig: Any) -> None:
    """Less white between the panels of a figure that matplotlib lays out."""
    fig.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.0)


def layer_ticks(ax: Axes, depth: int) -> None:
    """Numbers of layers on the x axis, at most about eight of them."""
    step = max(1, -(-depth // 8))
    ticks = [number for number in range(1, depth + 1) if number % step == 0 or number in (1, depth)]
    ax.set_xticks(ticks)
    ax.set_xlim(0.7, depth + 0.3)
