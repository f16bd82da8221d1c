"""The CAM picture: where a layer looked, as a heatmap over the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, to_rgba
from matplotlib.patheffects import Normal, withStroke

from viz_nodes.draw.artists.axes import ImageAxes, add_patch_grid, frame
from viz_nodes.draw.artists.colorbars import add_colorbar
from viz_nodes.draw.artists.marks import add_center, star_size
from viz_nodes.draw.artists.photograph import Picture, add_raster
from viz_nodes.draw.artists.text import add_caption, say_across
from viz_nodes.draw.geometry.places import ShownPlaces
from viz_nodes.draw.style.captions import SEPARATOR, head_words, number
from viz_nodes.draw.style.palettes import Theme
from viz_nodes.draw.style.scales import Scale, scale_of
from viz_nodes.draw.style.style import Style, style_of
from viz_nodes.draw.subject import Subject, subject_of
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.grids import View

BLANK = "no positive\nevidence"
LEAST_STAR = 5.8
"""Points across the smallest star of a map, where nothing else stands around it."""
_SMOOTH_SIDE = 320
_FINER = 8
_REGIONS_SIDE = 1024
"""About how many pixels the longer side of painted regions has, so that their outlines are sharp in print."""
_RISE = 0.6
"""Power of the value that opacity follows: from 0, so that a photograph is untouched where there is no evidence."""


def heat_table(palette: Colormap, alpha: float, fade: bool) -> np.ndarray:
    """(256, 4) uint8, the RGBA of values 0 to 1; with `fade`, opacity rises from 0, quickly at first."""
    ramp = np.linspace(0, 1, 256)
    table = np.asarray(palette(ramp))
    table[:, 3] = alpha * (ramp**_RISE if fade else 1.0)
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


def value_pixels(places: ShownPlaces, values: np.ndarray, table: np.ndarray, *, smooth: bool) -> np.ndarray:
    """Values of nodes in 0..1 as RGBA pixels of what the network saw; nothing where there is no node.

    Args:
        values: an (H, W) map of a grid, or a value for each of the regions, which have no values between them.
        table: (256, 4) uint8, see `heat_table`.
    """
    if places.regions is None:
        return heat_pixels(values, table, smooth=smooth)
    finer = max(1, round(_REGIONS_SIDE / max(places.regions.size)))
    shape = (places.regions.size[0] * finer, places.regions.size[1] * finer)
    place = places.regions.label_map(shape)
    shades = table[(np.asarray(values, float).ravel() * 255).round().astype(np.uint8)]
    return np.asarray(np.concatenate([shades, np.zeros((1, 4), np.uint8)])[place])


def draw_cam(
    ax: Axes,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None = None,
    *,
    row: int = 0,
    view: View | None = None,
    vmax: float | None = None,
    peak: bool = True,
    grid: bool = False,
    colorbar: bool = False,
    caption: bool | str = False,
    **style: Any,
) -> dict[str, Any]:
    """Draw a layer's class activation map over the photograph.

    Args:
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8, or a sample with `original` and `view`; None draws the map alone, or over what an
            earlier painter put on `ax`.
        row: which row of `exp`.
        view: (left, top, right, bottom) of `image` that the network saw, when `image` is the original; None for all.
        vmax: the top of the scale in raw values, in place of `normalize`.
        peak: mark the most discriminative node; a blank map has none, and the picture says so.
        grid: draw the patch grid.
        colorbar: add a bar in raw values at the right.
        caption: True writes layer, class, method and scale below; a string writes that.
        style: see `Style`: `palette`, `alpha`, `fade`, `smooth`, `contours`, `normalize`, `theme`, `font`,
            `font_size`.

    Returns:
        The artists by name: "photograph", "heatmap", and where drawn "contours", "peak", "grid", "colorbar",
        "caption", "blank".
    """
    how = painter_style(style)
    subject = subject_of(exp, layer, image, row, view)
    scale = scale_of(exp, subject.layer, row, how.normalize, how.map_max if vmax is None else vmax)
    artists = paint_cam(ax, subject, how, scale, peak=peak, grid=grid)
    if colorbar:
        table = heat_table(how.colormap, how.alpha, how.fade)
        artists["colorbar"] = add_colorbar(ax, table, scale, how)
    if caption:
        words = caption if isinstance(caption, str) else cam_caption(subject, scale)
        artists["caption"] = add_caption(ax, words, how.look, how.size, font=how.font)
    return artists


def painter_style(options: dict[str, Any], *, taken: tuple[str, ...] = ()) -> Style:
    """The style of a painter on somebody's own Axes: a caption is in letters half a point larger than a figure's."""
    style = style_of(options, taken=taken)
    return style if style.font_size is not None else style.but(font_size=style.size + 0.5)


def paint_cam(
    ax: Axes, subject: Subject, style: Style, scale: Scale, *, peak: bool = True, grid: bool = False
) -> dict[str, Any]:
    """Draw a map, see `draw_cam`."""
    theme, record = style.look, subject.layer
    on = subject.on(ax)
    frame(ax, theme.muted)
    artists: dict[str, Any] = {}
    if on.photograph is not None:
        artists["photograph"] = on.photograph
    left, top, right, bottom = on.view
    values = scale.apply(record.cam[subject.row].numpy())
    places = on.places(record)
    smooth = style.smooth and places.regions is None
    pixels = value_pixels(places, values, heat_table(style.colormap, style.alpha, style.fade), smooth=smooth)
    artists["heatmap"] = add_raster(ax, pixels, (left, right, bottom, top), smooth=smooth, zorder=1)
    if style.levels and values.max(initial=0.0) > 0:
        artists["contours"] = add_contours(on, places, values, style.levels, theme)
    if grid:
        artists["grid"] = add_patch_grid(on, places, "#ffffff")
    node = int(record.peak[subject.row])
    if node == NO_PEAK:
        artists["blank"] = say_across(ax, BLANK, theme, style.small, style.font)
    elif peak:
        size = star_size(on.pitch(places), least=LEAST_STAR)
        artists["peak"] = add_center(on, size, places.centers[node], theme.peak, theme)
    return artists


def add_contours(
    on: ImageAxes, places: ShownPlaces, values: np.ndarray, levels: Sequence[float], theme: Theme
) -> LineCollection:
    """Lines of equal value, the thicker the higher, on a rim that parts them from the photograph.

    Between the nodes of a grid; around the regions of at least that value where nodes are no grid.
    """
    lines, widths = [], []
    thin = float(np.clip(on.width / 150.0, 0.5, 1.0))
    for place, level in enumerate(sorted(levels)):
        for line in _traced(on, places, values, level):
            lines.append(line)
            widths.append(thin * (0.5 + 0.35 * place))
    artist = LineCollection(lines, colors=theme.rim, linewidths=widths, zorder=1.6)
    artist.set_path_effects([withStroke(linewidth=2.0 * thin, foreground=to_rgba("#ffffff", 0.9)), Normal()])
    on.ax.add_collection(artist, autolim=False)
    return artist


def _traced(on: ImageAxes, places: ShownPlaces, values: np.ndarray, level: float) -> list[np.ndarray]:
    if places.regions is not None:
        loops = places.around(np.flatnonzero(values.ravel() >= level))
        return [np.concatenate([loop, loop[:1]]) for loop in loops]
    left, top, right, bottom = on.view
    padded = np.pad(values.astype(np.float32), 1, mode="edge")
    fine: Any = cv2.resize(padded, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_CUBIC)
    height, width = values.shape
    xs = left + ((np.arange(fine.shape[1]) + 0.5) / _FINER - 1.0) * (right - left) / width
    ys = top + ((np.arange(fine.shape[0]) + 0.5) / _FINER - 1.0) * (bottom - top) / height
    traced = contour_generator(x=np.clip(xs, left, right), y=np.clip(ys, top, bottom), z=fine)
    return [np.asarray(line) for line in traced.lines(level)]


def cam_caption(subject: Subject, scale: Scale) -> str:
    """Layer, class, method and scale."""
    blank = int(subject.layer.peak[subject.row]) == NO_PEAK
    return SEPARATOR.join([*head_words(subject.exp, subject.layer, subject.row), scale_words(scale, blank)])


def scale_words(scale: Scale, blank: bool) -> str:
    """ "color from 0 to 0.31 (own maximum)"."""
    return "no positive evidence" if blank else f"color from 0 to {number(scale.top)} ({scale.words})"
