"""Words on a figure: in a font that has their letters, in their own direction, and safe from TeX."""

from __future__ import annotations

from typing import TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.ticker import ScalarFormatter

from viz_nodes.draw.style.fonts import DEFAULT_FONT, as_tex, can_be_tex, directed, families_for
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.wrapping import wrap

AnyText = TypeVar("AnyText", bound=Text)
AnyFigure = TypeVar("AnyFigure", bound=Figure)


def font_of(font: str | None) -> str:
    """The family that letters are measured in: the one named, else matplotlib's own choice."""
    if font is not None:
        return font
    families = mpl.rcParams["font.family"]
    return str(families[0]) if families else DEFAULT_FONT


def dressed(text: AnyText, font: str | None = None) -> AnyText:
    """Give a text the fonts that its letters need; spell out what TeX would eat where LaTeX sets it."""
    words = text.get_text()
    if text.get_usetex() and can_be_tex(words):
        text.set_text(as_tex(words))
        return text
    text.set_usetex(False)
    text.set_parse_math(False)
    text.set_fontfamily(list(families_for(words, font_of(font))))
    text.set_text(directed(words))
    return text


def without_latex(fig: AnyFigure) -> AnyFigure:
    """Let matplotlib set all words of a chart, ticks too, where `text.usetex` would have LaTeX read them as commands.

    Pictures have their words through `dressed`; those of charts are made by matplotlib in many places, and behind a
    percent sign the rest would be lost.
    """
    for axis in fig.findobj(Axis):
        for formatter in (axis.get_major_formatter(), axis.get_minor_formatter()):
            if isinstance(formatter, ScalarFormatter):
                formatter.set_usetex(False)
    for text in fig.findobj(Text):
        text.set_usetex(False)
    return fig


def add_caption(
    ax: Axes, words: str, theme: Theme, font_size: float, *, gap: float = 3.0, font: str | None = None
) -> Annotation:
    """Write below the Axes, wrapped to its width on paper; `gap` points away."""
    ax.apply_aspect()
    box = ax.get_window_extent()
    width = box.width * 72.0 / ax.figure.dpi
    return dressed(
        ax.annotate(
            wrap(words, width, font_size, font_of(font)),
            (0.0, 0.0),
            xycoords="axes fraction",
            xytext=(0, -gap),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=font_size,
            color=theme.ink,
            linespacing=1.25,
            parse_math=False,
            annotation_clip=False,
        ),
        font,
    )


def say_across(ax: Axes, words: str, theme: Theme, font_size: float, font: str | None = None) -> Text:
    """Write across the picture what it would be blank without."""
    ground = {
        "boxstyle": "round,pad=0.35",
        "facecolor": to_rgba(theme.page, 0.85),
        "edgecolor": theme.muted,
        "linewidth": 0.4,
    }
    return dressed(
        ax.text(
            0.5,
            0.5,
            words,
            transform=ax.transAxes,
            ha="center",
            va="center",
            fontsize=font_size,
            color=theme.ink,
            parse_math=False,
            zorder=8,
            bbox=ground,
        ),
        font,
    )
