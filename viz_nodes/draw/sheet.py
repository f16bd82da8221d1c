"""One call for a whole figure: rows CAM, nodes and graph, a column a layer, measured in points at final size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from viz_nodes.draw.cam import add_colorbar, draw_cam
from viz_nodes.draw.captions import (
    SEPARATOR, layer_words, method_words, plain, shortened, target_words, text_width, wrap,
)  # fmt: skip
from viz_nodes.draw.egos import choose_centers, edges_words, ego_of
from viz_nodes.draw.graph import draw_graph
from viz_nodes.draw.neighbors import draw_neighbors
from viz_nodes.draw.palettes import DEFAULT_PALETTE, Theme, palette_named, theme_named
from viz_nodes.draw.paper import width_in_inches
from viz_nodes.draw.picture import Picture, as_picture
from viz_nodes.draw.scales import scale_of
from viz_nodes.grids import View
from viz_nodes.records import NO_PEAK, Explanation

KINDS = ("cam", "neighbors", "graph")
_NAMES = {"cam": "CAM", "neighbors": "neighbors", "graph": "graph"}
_MARGIN = 2.0
_GAP = 4.0
_LINE = 1.3


@dataclass(frozen=True)
class _Cell:
    """One panel of a sheet: what it shows and the height in points of what stands below it."""

    kind: str
    row: int
    layer: int
    note: str
    bar: bool


def default_layers(exp: Explanation) -> list[int]:
    """Indices of the layers shown when none are named: all of up to four, else a third, two thirds and the last."""
    have = [layer.index for layer in exp.layers]
    if len(have) <= 4:
        return have
    wanted = {round(exp.depth / 3) - 1, round(2 * exp.depth / 3) - 1, exp.depth - 1}
    if wanted <= set(have):
        return sorted(wanted)
    return [have[round(len(have) / 3) - 1], have[round(2 * len(have) / 3) - 1], have[-1]]


def figure(
    exp: Explanation,
    image: np.ndarray | Picture | Sequence[np.ndarray | Picture] | None,
    *,
    row: int = 0,
    rows: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
    kinds: Sequence[str] = KINDS,
    k: int | str | None = 9,
    order: str = "rank",
    center: int | tuple[int, int] | Sequence[Any] | None = None,
    view: View | None = None,
    color: str = "center",
    palette: str | Colormap = DEFAULT_PALETTE,
    alpha: float = 0.6,
    smooth: bool = True,
    normalize: str = "image",
    ranks: bool = True,
    width: str | float = "column",
    font_size: float = 6.5,
    font: str = "DejaVu Sans",
    theme: str | Theme = "light",
    title: bool | str = True,
    key: bool = True,
    dpi: float = 300.0,
) -> Figure:
    """Compose a figure: for each row of `exp` the kinds of picture below one another, a column a layer.

    Args:
        image: (H, W, 3) uint8, what the network saw, or the original with `view`; one for all, or one for each input
            image of `exp` (`exp.source` says which a row explains); None draws without photographs.
        row: which row of `exp`; `rows` several, each a block below the other: images, classes.
        layers: indices in the network, in the order of the columns; by default all of up to four, else three of them.
        kinds: of "cam", "neighbors", "graph".
        k, order, center: which edges, see `draw_graph`.
        view: the part of `image` that the network saw.
        color: "center" or "contribution", see `draw_graph`.
        palette, alpha, smooth, normalize: see `draw_cam`.
        ranks: number the neighbors.
        width: of the figure at final size: a name ("column", "page", "neurips", ...), millimeters, or "3.3in".
        font_size: in points at final size; small print is a step smaller.
        font: family.
        theme: "light" or "dark".
        title: True writes class, probability, method and model above; a string writes that.
        key: explain the marks in a line at the bottom.
        dpi: resolution that photographs are prepared for.

    Returns:
        A figure of exactly this width, its height following from the panels. Save it with `viz_nodes.draw.save_figure`
        for the same bytes every time.
    """
    shown_rows = [row] if rows is None else list(rows)
    shown_layers = default_layers(exp) if layers is None else list(layers)
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"`kinds` must be of {', '.join(KINDS)} (got {kind!r})")
    if not shown_rows or not shown_layers or not kinds:
        raise ValueError("`rows`, `layers` and `kinds` must each name at least one")
    look, inches = theme_named(theme), width_in_inches(width)
    small = max(font_size - 1.0, 0.8 * font_size)
    total = inches * 72.0
    block_names = _block_names(exp, shown_rows)
    side = (2 if len(shown_rows) > 1 else 1) * font_size * _LINE + 1.0
    panel_width = (total - 2 * _MARGIN - side - _GAP * (len(shown_layers) - 1)) / len(shown_layers)
    if panel_width < 24:
        raise ValueError(f"`width` of {inches * 25.4:.0f} mm leaves {panel_width:.0f} points a panel for {len(shown_layers)} layers")

    with mpl.rc_context({"font.family": [font], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(inches, inches), facecolor=look.page)
        pictures = _pictures(exp, image, shown_rows, panel_width / 72.0 * dpi)
        heights = {r: panel_width * _aspect(exp, pictures[r]) for r in shown_rows}

        heading = _heading(exp, shown_rows, title, total - 2 * _MARGIN, font_size, font)
        legend = wrap(_key_words(exp, shown_rows, shown_layers, kinds, center, k, order, color), total - 2 * _MARGIN, small, font) if key else ""
        top = _MARGIN + (_lines(heading) * font_size * _LINE + 2.0 if heading else 0.0) + font_size * _LINE + 1.0
        y = top
        placed = []
        for which, r in enumerate(shown_rows):
            block_top = y
            for kind in kinds:
                notes = [_note(exp, kind, r, i, k, order, center, panel_width, small, font) for i in shown_layers]
                below = 0.0
                if kind == "cam":
                    below = 3.5 + 2.0 + small * 1.15
                elif any(notes):
                    below = 1.5 + max(_lines(note) for note in notes) * small * _LINE
                placed.append((kind, r, y, heights[r], notes))
                y += heights[r] + below + _GAP
            if len(shown_rows) > 1:
                placed.append(("name", r, block_top, y - _GAP - block_top, [block_names[which]]))
                y += 0.5 * _GAP
        bottom = (_lines(legend) * small * _LINE + 1.0) if legend else 0.0
        height = y - _GAP * (1.5 if len(shown_rows) > 1 else 1.0) + (2.0 + bottom if legend else 0.0) + _MARGIN
        fig.set_size_inches(inches, height / 72.0)

        def at(x, y_top, w, h):
            return (x / total, 1 - (y_top + h) / height, w / total, h / height)

        def write(x, y_top, words, size, color, **more):
            fig.text(x / total, 1 - y_top / height, words, fontsize=size, color=color, parse_math=False, linespacing=1.22, **more)

        if heading:
            write(_MARGIN, _MARGIN, heading, font_size, look.ink, ha="left", va="top")
        left = _MARGIN + side
        for column, index in enumerate(shown_layers):
            x = left + column * (panel_width + _GAP)
            words = shortened(layer_words(exp, exp.layer(index)), panel_width, font_size, font)
            write(x + panel_width / 2, top - 2.0, words, font_size, look.ink, ha="center", va="baseline")
        for kind, r, y_top, h, notes in placed:
            if kind == "name":
                write(_MARGIN + 0.55 * font_size, y_top + h / 2, shortened(notes[0], h, font_size, font), font_size, look.ink,
                      ha="center", va="center", rotation=90)  # fmt: skip
                continue
            write(left - 2.0, y_top + h / 2, _NAMES[kind], font_size, look.muted, ha="right", va="center", rotation=90)
            for column, (index, note) in enumerate(zip(shown_layers, notes, strict=True)):
                x = left + column * (panel_width + _GAP)
                ax = fig.add_axes(at(x, y_top, panel_width, h))
                common = {"row": r, "view": view, "theme": look, "font_size": small}
                if kind == "cam":
                    draw_cam(ax, exp, index, pictures[r], palette=palette, alpha=alpha, smooth=smooth, normalize=normalize, **common)
                    bar = fig.add_axes(at(x, y_top + h + 2.0, panel_width, 3.5))
                    scale = scale_of(exp, exp.layer(index), r, normalize)
                    add_colorbar(ax, palette_named(palette), scale, look, small, place=bar, horizontal=True)
                elif kind == "neighbors":
                    draw_neighbors(ax, exp, index, pictures[r], center=center, k=k, order=order, ranks=ranks, **common)
                else:
                    draw_graph(ax, exp, index, pictures[r], center=center, k=k, order=order, color=color, **common)
                if note:
                    write(x, y_top + h + 1.5, note, small, look.muted, ha="left", va="top")
        if legend:
            write(_MARGIN, height - _MARGIN - bottom + 1.0, legend, small, look.muted, ha="left", va="top")
    return fig


def panel(
    kind: str,
    exp: Explanation,
    layer: int,
    image: np.ndarray | Picture | None,
    *,
    row: int = 0,
    width: str | float = "column",
    font_size: float = 7.0,
    font: str = "DejaVu Sans",
    theme: str | Theme = "light",
    caption: bool | str = True,
    dpi: float = 300.0,
    **options,
) -> Figure:
    """One picture with its caption as a figure of its own.

    Args:
        kind: "cam", "neighbors" or "graph".
        layer: index in the network, from 0; negative from its end.
        caption: True for the full one, False for none, or the words.
        options: whatever that painter takes (`k`, `center`, `palette`, ...).
    """
    painters = {"cam": draw_cam, "neighbors": draw_neighbors, "graph": draw_graph}
    if kind not in painters:
        raise ValueError(f"`kind` must be one of {', '.join(painters)} (got {kind!r})")
    look, inches = theme_named(theme), width_in_inches(width)
    total = inches * 72.0
    picture = None if image is None else as_picture(image)
    bar = 0.0
    if kind == "cam" and options.setdefault("colorbar", True):
        record = exp.layer(layer)
        scale = scale_of(exp, record, row, options.get("normalize", "image"), options.get("vmax"))
        bar = _bar_room(scale.top, font_size, font, total)
    panel_width = total - 2 * _MARGIN - bar
    panel_height = panel_width * _aspect(exp, picture)
    with mpl.rc_context({"font.family": [font], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(inches, panel_height / 72.0), facecolor=look.page)
        if picture is not None:
            picture = picture.fitted(panel_width / 72.0 * dpi)
        ax = fig.add_axes((_MARGIN / total, 0.0, panel_width / total, 1.0))
        artists = painters[kind](ax, exp, layer, picture, row=row, theme=look, font_size=font_size, caption=caption, **options)
        words = artists["caption"].get_text() if "caption" in artists else ""
        below = 3.0 + _lines(words) * font_size * _LINE if words else 0.0
        height = 2 * _MARGIN + panel_height + below
        fig.set_size_inches(inches, height / 72.0)
        ax.set_position((_MARGIN / total, (_MARGIN + below) / height, panel_width / total, panel_height / height))
    return fig


def _bar_room(top: float, font_size: float, font: str, total: float) -> float:
    """Points beside a panel for its colorbar and the numbers at it."""
    from viz_nodes.draw.captions import number

    return 0.075 * total + text_width(number(top), font_size, font) + 3.0


def _aspect(exp: Explanation, picture: Picture | None) -> float:
    height, width = exp.image_size if picture is None else picture.size
    return height / width


def _pictures(exp: Explanation, image, rows: Sequence[int], width: float) -> dict[int, Picture | None]:
    """A picture a row, made small or large once for all panels that show it."""
    if image is None:
        return dict.fromkeys(rows)
    many = isinstance(image, (list, tuple))
    fitted: dict[int, Picture] = {}
    result: dict[int, Picture | None] = {}
    for r in rows:
        source = int(exp.source[r]) if many else 0
        if source not in fitted:
            if many and source >= len(image):
                raise ValueError(f"`image` must hold one for each of {int(exp.source.max()) + 1} input images (got {len(image)})")
            fitted[source] = as_picture(image[source] if many else image).fitted(width)
        result[r] = fitted[source]
    return result


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _block_names(exp: Explanation, rows: Sequence[int]) -> list[str]:
    """What tells the rows of a sheet apart: the class, and the image where there are several."""
    sources = {int(exp.source[r]) for r in rows}
    names = []
    for r in rows:
        words = target_words(exp, r)
        names.append(f"image {int(exp.source[r]) + 1}{SEPARATOR}{words}" if len(sources) > 1 else words)
    return names


def _heading(exp: Explanation, rows: Sequence[int], title: bool | str, width: float, size: float, font: str) -> str:
    if title is False:
        return ""
    if isinstance(title, str):
        return wrap(plain(title), width, size, font)
    words = [target_words(exp, rows[0])] if len(rows) == 1 else []
    words.append(method_words(exp.method))
    if exp.model:
        words.append(plain(exp.model))
    return wrap(SEPARATOR.join(words), width, size, font)


def _note(exp, kind, row, index, k, order, center, width, size, font) -> str:
    """What stands below a panel, wrapped: for a graph, how many neighbors are drawn and what they carry."""
    if kind != "graph":
        return ""
    record = exp.layer(index)
    egos = [ego_of(record, row, node, k, order) for node in choose_centers(record, row, center)]
    return wrap(edges_words(egos), width, size, font)


def _key_words(exp, rows, layers, kinds, center, k, order, color) -> str:
    """What the marks mean."""
    words = []
    if "cam" in kinds:
        words.append("color: raw values from 0 to the maximum at the bar")
    records = [exp.layer(i) for i in layers]
    if center is None and any(int(record.peak[r]) != NO_PEAK for record in records for r in rows):
        words.append("star: peak of the CAM")
    if "neighbors" in kinds:
        words.append("numbers: rank, nearest first")
    if "graph" in kinds:
        words.append("edge: neighbor to center, width and opacity by share of the wins" + (", color by contribution" if color == "contribution" else ""))
    return SEPARATOR.join(words)
