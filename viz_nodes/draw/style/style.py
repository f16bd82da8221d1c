"""How figures look: one frozen record that checks itself and passes from a figure to all of its panels."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, is_color_like

from viz_nodes.arguments import numbers
from viz_nodes.draw.style.palettes import DEFAULT_PALETTE, Theme, palette_named, theme_named
from viz_nodes.draw.style.scales import NORMALIZATIONS
from viz_nodes.draw.style.widths import letters_of, width_in_inches
from viz_nodes.text import LONGEST_TITLE, quoted

VALUES = ("rank", "share", "contribution", "effect")
"""What edges can be ordered, widened and colored by."""
SIGNED = ("contribution", "effect")
CONTOURS = (0.25, 0.5, 0.75)
"""Levels of contours where none are named, as fractions of the map's scale."""
DPI = (10.0, 2400.0)


@dataclass(frozen=True)
class Style:
    """How pictures look; the keywords that every figure and painter takes as `**style`.

    Attributes:
        theme: "light", "dark", or a `Theme`.
        palette: of maps: a matplotlib colormap or its name, "print" for gray print, "release" for the GraphConvNet
            release's jet.
        alpha: opacity of a map at its highest value.
        fade: let opacity fall with the value, to 0 where the map is 0, so that the photograph is as it was where there
            is no evidence; False paints all of it at `alpha`, as the release does.
        smooth: maps bicubic between nodes; False paints each patch in its own value.
        contours: lines of equal value on maps, which gray print keeps: True for a quarter, a half and three quarters
            of the scale, or fractions of it.
        normalize: "image", "layer", "shared" or "none", see `viz_nodes.draw.style.scales.scale_of`.
        map_max: the top of the scale of maps in raw values, in place of what `normalize` says.
        edge_max: the contribution or effect at which edges are widest and their colors end, in place of the largest
            drawn: the same for figures that are to be compared.
        color: of edges: "center" gives each center a color, "rank", "share", "contribution" and "effect" color by
            that value; a color of matplotlib draws all in it. "auto": by what they are ordered by where that has a sign
            and there is one center, else by center.
        edge_width: what widths and opacities of edges stand for: "rank", "share", "contribution" or "effect" (the size
            of signed ones). "auto": what they are ordered by, for the rank the share.
        signs: break the shafts and hollow the dots of edges against the class, so that gray print keeps the sign.
        ranks: number the neighbors.
        grid, nodes: draw the patch grid, and all nodes as small dots.
        veil: how much the photograph is paled below a graph, 0 to 1; None for the theme's own.
        dim: how much of the rest is hidden around a center's neighbors, 0 to 1.
        width: of a figure at final size: a name ("column", "page", "neurips", ...), millimeters, or "3.3in".
        font: family; None for DejaVu Sans in figures, and for matplotlib's own choice on Axes of yours.
        font_size: in points at final size, notes are a point smaller; None for what suits the width.
        dpi: resolution that photographs are prepared for.
        title: True writes class, probability, method and model above a figure; a string writes that.
        key: explain the marks in a line at the bottom.
        notes: say below each panel what is drawn of how many.
        scales: draw the bars that say which color is which value.
        closeups: enlarge the surroundings of a center where its nearest neighbors are too close to be told apart.

    Raises:
        ValueError: a value that none of them can have.
    """

    theme: str | Theme = "light"
    palette: str | Colormap = DEFAULT_PALETTE
    alpha: float = 0.75
    fade: bool = True
    smooth: bool = True
    contours: bool | Sequence[float] = False
    normalize: str = "image"
    map_max: float | None = None
    edge_max: float | None = None
    color: str = "auto"
    edge_width: str = "auto"
    signs: bool = True
    ranks: bool = True
    grid: bool = True
    nodes: bool = True
    veil: float | None = None
    dim: float = 0.62
    width: str | float = "column"
    font: str | None = None
    font_size: float | None = None
    dpi: float = 300.0
    title: bool | str = True
    key: bool = True
    notes: bool = True
    scales: bool = True
    closeups: bool = True

    def __post_init__(self) -> None:
        theme_named(self.theme)
        palette_named(self.palette)
        width_in_inches(self.width)
        for name in ("alpha", "dim", "veil"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"`{name}` must lie between 0 and 1 (got {quoted(value)})")
        for name in ("map_max", "edge_max"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"`{name}` must be a number above 0 (got {quoted(value)})")
        if self.normalize not in NORMALIZATIONS:
            raise ValueError(f"`normalize` must be one of {', '.join(NORMALIZATIONS)} (got {quoted(self.normalize)})")
        if self.color not in ("auto", "center", *VALUES) and not is_color_like(self.color):
            known = ", ".join(VALUES)
            raise ValueError(f'`color` must be "auto", "center", {known} or a color (got {quoted(self.color)})')
        if self.edge_width not in ("auto", *VALUES):
            raise ValueError(f'`edge_width` must be "auto", {", ".join(VALUES)} (got {quoted(self.edge_width)})')
        if self.font_size is not None and not 1 <= self.font_size <= 200:
            raise ValueError(f"`font_size` must lie between 1 and 200 points (got {quoted(self.font_size)})")
        if not DPI[0] <= self.dpi <= DPI[1]:
            raise ValueError(f"`dpi` must lie between {DPI[0]:.0f} and {DPI[1]:.0f} (got {quoted(self.dpi)})")
        if isinstance(self.title, str) and len(self.title) > LONGEST_TITLE:
            raise ValueError(f"`title` must have at most {LONGEST_TITLE} characters (got {len(self.title):,})")
        if not all(0 < level < 1 for level in self.levels):
            raise ValueError(f"`contours` must be fractions between 0 and 1 (got {quoted(self.contours)})")

    @property
    def look(self) -> Theme:
        """The theme itself."""
        return theme_named(self.theme)

    @property
    def colormap(self) -> Colormap:
        """The palette itself."""
        return palette_named(self.palette)

    @property
    def levels(self) -> tuple[float, ...]:
        """Where contours run, as fractions of the scale."""
        if isinstance(self.contours, bool | np.bool_):
            return CONTOURS if self.contours else ()
        return tuple(float(level) for level in numbers("contours", self.contours).ravel())

    @property
    def inches(self) -> float:
        """Width of a figure."""
        return width_in_inches(self.width)

    @property
    def size(self) -> float:
        """Points of names and headings."""
        return letters_of(self.width) if self.font_size is None else float(self.font_size)

    @property
    def small(self) -> float:
        """Points of notes."""
        return max(self.size - 1.0, 0.8 * self.size)

    @property
    def signed(self) -> bool:
        """Whether edges are colored by a value that may be negative."""
        return self.color in SIGNED

    @property
    def sign_of(self) -> str:
        """The value whose sign breaks the shafts of edges; "" where none has one or it is not to be drawn."""
        return next((by for by in (self.color, self.edge_width) if self.signs and by in SIGNED), "")

    def but(self, **changes: Any) -> Style:
        """The same style with other values."""
        return replace(self, **changes)


def style_of(options: Mapping[str, Any], *, taken: Sequence[str] = ()) -> Style:
    """The style that keywords name.

    Args:
        options: names and values; a `Style` under "style" is the one that the others change.
        taken: further names that the caller takes, offered as near matches.

    Raises:
        TypeError: a keyword that is none; the message has near ones.
    """
    known = [entry.name for entry in fields(Style)]
    base = options.get("style")
    named = {name: value for name, value in options.items() if name != "style"}
    refuse_unknown(named, [*known, *taken], of=known)
    return replace(base, **named) if isinstance(base, Style) else Style(**named)


def refuse_unknown(named: Mapping[str, Any], offered: Sequence[str], *, of: Sequence[str] | None = None) -> None:
    """Raise for keywords that are not among `of` (by default `offered`), and offer near ones.

    Raises:
        TypeError: there is such a one.
    """
    for name in named:
        if name not in (offered if of is None else of):
            near = difflib.get_close_matches(name, offered, n=2, cutoff=0.55)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(sorted(offered))}"
            raise TypeError(f"no keyword is called {quoted(name)}{hint}")
