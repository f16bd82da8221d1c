"""Text below a picture, wrapped to its width."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.text import Annotation

from viz_nodes.draw.style.captions import wrap
from viz_nodes.draw.style.palettes import Theme


def add_caption(ax: Axes, words: str, look: Theme, font_size: float, *, gap: float = 3.0) -> Annotation:
    """Write below the Axes, wrapped to its width on paper; `gap` points away."""
    ax.apply_aspect()
    box = ax.get_window_extent()
    width = box.width * 72.0 / ax.figure.dpi
    return ax.annotate(
        wrap(words, width, font_size),
        (0.0, 0.0),
        xycoords="axes fraction",
        xytext=(0, -gap),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=font_size,
        color=look.ink,
        linespacing=1.25,
        parse_math=False,
        annotation_clip=False,
    )
