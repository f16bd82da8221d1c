"""Colors: palettes for maps, colors for centers, and the light and dark theme."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import matplotlib
from matplotlib.colors import Colormap, LinearSegmentedColormap

from viz_nodes.text import quoted

Color = str | tuple[float, ...]
"""A color as matplotlib takes it: a name, "#rrggbb", or RGB or RGBA in 0..1."""

DEFAULT_PALETTE = "inferno"
"""For CAMs: perceptually uniform by itself and told apart with every color vision; see `PRINT` for gray print."""
PRINT = LinearSegmentedColormap.from_list("print", ["#e85a2a", "#d22f4f", "#96105f", "#54085f", "#23053f"])
"""For maps over photographs in gray print: its luminance falls from 127 to 21 of 255.

With the opacity of `viz_nodes.draw.cam.heat_table`, luminance falls from a photograph's own, without a turn, wherever
that is 127 or more, as no palette that rises can. Where opacity and color both change, a palette is monotone over every
photograph only if its luminance does not change at all; then it is not seen over a photograph of the same luminance.
"""
_NICKNAMES = {"release": "jet", "default": DEFAULT_PALETTE}
_OURS = {PRINT.name: PRINT}

SIGNED_ON_LIGHT = LinearSegmentedColormap.from_list(
    "signed on light", ["#00448f", "#3f86c6", "#646973", "#e08433", "#b33c00"]
)
"""For signed contributions: blue against orange, which color-blind eyes tell apart, gray at 0."""
SIGNED_ON_DARK = LinearSegmentedColormap.from_list(
    "signed on dark", ["#8fd0ff", "#4a9ade", "#9299a5", "#e58e3a", "#ffc585"]
)
"""The same on dark ground, brightest at the ends."""


@dataclass(frozen=True)
class Theme:
    """What a picture is drawn in, beside its palette.

    Attributes:
        name: "light" or "dark".
        page: color of the paper.
        ink: color of text.
        muted: color of secondary text and frames.
        veil: color laid over the photograph below a graph.
        veil_strength: opacity of that veil by default.
        casing: color of the rim that parts an edge from what lies below it.
        dots: color of nodes that are no neighbors.
        peak: fill of the star.
        rim: outline of the star.
        centers: a color for each center, in order; hues of Okabe and Ito, made to stand out on this theme's veil.
        diverging: the palette of signed values.
        center_names: what people call the colors of centers.
    """

    name: str
    page: str
    ink: str
    muted: str
    veil: str
    veil_strength: float
    casing: str
    dots: str
    peak: str
    rim: str
    centers: tuple[str, ...]
    diverging: Colormap
    center_names: tuple[str, ...] = ("magenta", "blue", "green", "orange", "violet", "brown")


LIGHT = Theme(
    name="light",
    page="#ffffff",
    ink="#16181d",
    muted="#5c6068",
    veil="#ffffff",
    veil_strength=0.52,
    casing="#ffffff",
    dots="#1c1f26",
    peak="#ffd21f",
    rim="#16181d",
    centers=("#c4005c", "#0062a8", "#00805c", "#c24a00", "#6a3fa0", "#7a5c00"),
    diverging=SIGNED_ON_LIGHT,
)
DARK = Theme(
    name="dark",
    page="#101216",
    ink="#eef0f3",
    muted="#a0a6b0",
    veil="#0b0d11",
    veil_strength=0.58,
    casing="#0b0d11",
    dots="#ffffff",
    peak="#ffe04d",
    rim="#0b0d11",
    centers=("#ff7ac1", "#6cc4ff", "#3fe0ae", "#ff9d3c", "#c9b6ff", "#f6ea5e"),
    diverging=SIGNED_ON_DARK,
    center_names=("pink", "blue", "green", "orange", "violet", "yellow"),
)
_THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def theme_named(theme: str | Theme) -> Theme:
    """The theme "light" or "dark"; a `Theme` passes through.

    Raises:
        ValueError: no theme has this name.
    """
    if isinstance(theme, Theme):
        return theme
    if theme not in _THEMES:
        raise ValueError(f'`theme` must be "light", "dark" or a Theme (got {quoted(theme)})')
    return _THEMES[theme]


def palette_named(palette: str | Colormap) -> Colormap:
    """A colormap by name: "print" is ours, "release" the release's jet, any other matplotlib's ("viridis", ...).

    Raises:
        ValueError: matplotlib has none of this name; the message offers near ones.
    """
    if isinstance(palette, Colormap):
        return palette
    name = _NICKNAMES.get(palette, palette)
    if name in _OURS:
        return _OURS[name]
    if name not in matplotlib.colormaps:
        near = difflib.get_close_matches(name, list(matplotlib.colormaps), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"`palette` must name a matplotlib colormap (got {quoted(palette)}){hint}")
    return matplotlib.colormaps[name]
