"""The CAM picture: where a layer looked, as a heatmap over the photograph."""

from __future__ import annotations

import cv2
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgba

from viz_nodes.draw.artists.axes import add_patch_grid, frame, set_stage
from viz_nodes.draw.artists.captions import add_caption
from viz_nodes.draw.artists.colorbars import add_colorbar
from viz_nodes.draw.artists.marks import add_star
from viz_nodes.draw.artists.photograph import Picture, add_raster
from viz_nodes.draw.style.captions import SEPARATOR, head_words, number
from viz_nodes.draw.style.palettes import DEFAULT_PALETTE, Theme, palette_named, theme_named
from viz_nodes.draw.style.scales import Scale, scale_of
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.grids import View, centers

_SMOOTH_SIDE = 320


def heat_table(palette: Colormap, alpha: float, fade: bool) -> np.ndarray:
    """(256, 4) uint8, the RGBA of values 0 to 1; with `fade`, opacity rises from a third of `alpha` on."""
    ramp = np.linspace(0, 1, 256)
    table = palette(ramp)
    table[:, 3] = alpha * ((1 + 2 * ramp) / 3 if fade else 1.0)
    return (table * 255).round().astype(np.uint8)


def heat_pixels(values: np.ndarray, table: np.ndarray, *, smooth: bool, side: int = _SMOOTH_SIDE) -> np.ndarray:
    """A map in 0..1 as RGBA pixels.

    Args:
        values: (H, W) in 0..1.
        table: (256, 4) uint8, see `heat_table`.
        smooth: enlarge bicubically before coloring, cut off at the map's own minimum and maximum (bicubic curves run
            past them); else one pixel a node.
        side: least pixels of the longer side when smooth.

    Returns:
        (h, w, 4) uint8.
    """
    field = np.asarray(values, np.float32)
    if smooth:
        factor = max(1, int(np.ceil(side / max(field.shape))))
        size = (field.shape[1] * factor, field.shape[0] * factor)
        field = cv2.resize(field, size, interpolation=cv2.INTER_CUBIC).clip(values.min(), values.max())
    return table[(field * 255).round().astype(np.uint8)]


def draw_cam(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    palette: str | Colormap = DEFAULT_PALETTE,
    alpha: float = 0.75,
    fade: bool = True,
    smooth: bool = True,
    normalize: str = "image",
    vmax: float | None = None,
    peak: bool = True,
    grid: bool = False,
    colorbar: bool = False,
    caption: bool | str = False,
    theme: str | Theme = "light",
    font_size: float = 7.0,
) -> dict[str, Artist]:
    """Draw a layer's class activation map over the photograph.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8; None draws the map alone, or over what an earlier painter put on `ax`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original; None for all.
        palette: a matplotlib colormap, "release" for the release's jet.
        alpha: opacity of the heatmap at its highest value.
        fade: let opacity fall with the value, to a third of `alpha` at 0, so that the photograph stays bright where
            there is no evidence; False paints all of it at `alpha`, as the release does.
        smooth: bicubic between nodes; False paints each patch in its own value.
        normalize, vmax: see `viz_nodes.draw.style.scales.scale_of`.
        peak: mark the most discriminative node; a blank map has none, and the picture says so.
        grid: draw the patch grid.
        colorbar: add a bar in raw values at the right.
        caption: True writes layer, class, method and scale below; a string writes that.
        theme: "light" or "dark".
        font_size: in points.

    Returns:
        The artists by name: "photograph", "heatmap", and where drawn "peak", "grid", "colorbar", "caption", "blank".
    """
    look, record = theme_named(theme), exp.layer(layer)
    stage = set_stage(ax, exp, image, view)
    frame(ax, look.muted)
    artists: dict[str, Artist] = {}
    if stage.photograph is not None:
        artists["photograph"] = stage.photograph
    scale, colors = scale_of(exp, record, row, normalize, vmax), palette_named(palette)
    blank = int(record.peak[row]) == NO_PEAK
    left, top, right, bottom = stage.view
    table = heat_table(colors, alpha, fade)
    pixels = heat_pixels(scale.apply(record.cam[row].numpy()), table, smooth=smooth)
    artists["heatmap"] = add_raster(ax, pixels, (left, right, bottom, top), smooth=smooth, zorder=1)
    if grid:
        artists["grid"] = add_patch_grid(ax, stage, record.grid, "#ffffff")
    if blank:
        artists["blank"] = say_blank(ax, look, font_size)
    elif peak:
        at = centers(record.grid, stage.size, stage.view)[int(record.peak[row])]
        artists["peak"] = add_star(ax, stage, record.grid, at, look.peak, look)
    if colorbar:
        artists["colorbar"] = add_colorbar(ax, table, scale, look, font_size)
    if caption:
        words = (
            caption
            if isinstance(caption, str)
            else SEPARATOR.join([*head_words(exp, record, row), scale_words(scale, blank)])
        )
        artists["caption"] = add_caption(ax, words, look, font_size)
    return artists


def scale_words(scale: Scale, blank: bool) -> str:
    """ "color 0 to 0.31 (own maximum)"."""
    return "no positive evidence" if blank else f"color from 0 to {number(scale.top)} ({scale.words})"


def say_blank(ax: Axes, look: Theme, font_size: float) -> Artist:
    """Write across the picture that the map is blank."""
    ground = {
        "boxstyle": "round,pad=0.35",
        "facecolor": to_rgba(look.page, 0.85),
        "edgecolor": look.muted,
        "linewidth": 0.4,
    }
    return ax.text(
        0.5,
        0.5,
        "no positive\nevidence",
        transform=ax.transAxes,
        ha="center",
        va="center",
        fontsize=font_size,
        color=look.ink,
        parse_math=False,
        zorder=8,
        bbox=ground,
    )
