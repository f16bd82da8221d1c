"""One call for a whole figure: rows CAM, nodes and graph, a column a layer, measured in points at final size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.colorbars import add_colorbar, add_signed_bar
from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.cam import draw_cam, heat_table
from viz_nodes.draw.geometry.layout import FLATTEST, MARGIN, TALLEST, Band, Cell, Page, compose, lines
from viz_nodes.draw.geometry.selection import choose_centers, edges_words, ego_of
from viz_nodes.draw.graph import contribution_limit, draw_graph
from viz_nodes.draw.neighbors import draw_neighbors, rank_size
from viz_nodes.draw.style.captions import SEPARATOR, layer_words, method_words, number, plain, target_words, text_width
from viz_nodes.draw.style.palettes import DEFAULT_PALETTE, Theme, palette_named, theme_named
from viz_nodes.draw.style.scales import scale_of
from viz_nodes.draw.style.widths import width_in_inches
from viz_nodes.explanation import NO_PEAK, Explanation
from viz_nodes.grids import View

KINDS = ("cam", "neighbors", "graph")
"""The pictures a sheet can hold, in the order of its rows."""


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
    row: int | None = None,
    rows: Sequence[int] | None = None,
    layers: Sequence[int] | int | None = None,
    kinds: Sequence[str] = KINDS,
    k: int | str | None = 9,
    order: str = "rank",
    hops: int = 1,
    far: int = 18,
    center: int | tuple[int, int] | Sequence[Any] | None = None,
    view: View | None = None,
    color: str = "center",
    palette: str | Colormap = DEFAULT_PALETTE,
    alpha: float = 0.75,
    fade: bool = True,
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

    Panoramas, wide and low, fill the width, and layers follow one another below.

    Args:
        image: (H, W, 3) uint8, what the network saw, or the original with `view`; one for all, or a list with one for
            each input image of `exp` (`exp.source` says which a row explains); None draws without photographs.
        row: which row of `exp`; `rows` several, each a block below the other: images, classes. By default the first,
            or all rows where `image` lists several.
        layers: indices in the network, in the order of the columns; by default all of up to four, else three of them.
        kinds: of "cam", "neighbors", "graph".
        k, order, hops, far, center: which edges, see `draw_graph`.
        view: the part of `image` that the network saw.
        color: "center" or "contribution", see `draw_graph`.
        palette, alpha, fade, smooth, normalize: see `draw_cam`.
        ranks: number the neighbors.
        width: of the figure at final size: a name ("column", "page", "neurips", ...), millimeters, or "3.3in".
        font_size: in points at final size; notes are a point smaller.
        font: family.
        theme: "light" or "dark".
        title: True writes class, probability, method and model above; a string writes that.
        key: explain the marks in a line at the bottom.
        dpi: resolution that photographs are prepared for.

    Returns:
        A figure of exactly this width, its height following from the panels. Save it with
        `viz_nodes.draw.save_figure` for the same bytes every time.

    Raises:
        ValueError: an unknown kind, nothing to draw, or more columns than the width holds.
    """
    if rows is None:
        several = isinstance(image, (list, tuple)) and len(image) > 1 and row is None
        rows = None if several else [row or 0]
    shown_rows = exp.rows(rows)
    shown_layers = default_layers(exp) if layers is None else [layer.index for layer in exp.pick(layers)]
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"`kinds` must be of {', '.join(KINDS)} (got {kind!r})")
    if not shown_rows or not shown_layers or not kinds:
        raise ValueError("`rows`, `layers` and `kinds` must each name at least one")
    look = theme_named(theme)
    page = Page(width_in_inches(width), look, font_size, font)
    pictures = pictures_of(exp, image, shown_rows)
    flat = len(shown_layers) > 1 and all(aspect_of(exp, picture) < FLATTEST for picture in pictures.values())
    panel_width = page.panel_width(1 if flat else len(shown_layers), blocks=flat or len(shown_rows) > 1)
    pictures = {r: picture and picture.fitted(panel_width / 72.0 * dpi) for r, picture in pictures.items()}
    edges: dict[str, Any] = {"k": k, "order": order, "center": center}
    further: dict[str, Any] = {"hops": hops, "far": far}
    table = heat_table(palette_named(palette), alpha, fade)

    def cell(kind: str, r: int, index: int) -> Cell:
        common: dict[str, Any] = {"row": r, "view": view, "theme": look, "font_size": page.small}
        record = exp.layer(index)
        if kind == "cam":
            paint = partial(
                draw_cam,
                exp=exp,
                layer=index,
                image=pictures[r],
                palette=palette,
                alpha=alpha,
                fade=fade,
                smooth=smooth,
                normalize=normalize,
                **common,
            )
            scale = scale_of(exp, record, r, normalize)
            bar = partial(add_colorbar, table=table, scale=scale, look=look, font_size=page.small, horizontal=True)
            return Cell(paint, lambda ax: bar(ax, place=ax))
        if kind == "neighbors":
            return Cell(
                partial(draw_neighbors, exp=exp, layer=index, image=pictures[r], ranks=ranks, **edges, **common)
            )
        nodes = choose_centers(record, r, center)
        egos = [ego_of(exp, index, node, row=r, k=k, order=order, **further) for node in nodes]
        paint = partial(draw_graph, exp=exp, layer=index, image=pictures[r], color=color, **edges, **further, **common)
        if color != "contribution":
            return Cell(paint, note=edges_words(egos))
        limit = contribution_limit(egos)
        return Cell(
            paint,
            lambda ax: add_signed_bar(ax, limit, look, page.small, place=ax, horizontal=True),
            edges_words(egos),
        )

    names = _block_names(exp, shown_rows) if len(shown_rows) > 1 else [""]
    kind_names = {"cam": "CAM", "neighbors": "neighbors", "graph": "graph"}
    with mpl.rc_context({"font.family": [font], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(page.inches, page.inches), facecolor=look.page)
        columns = [layer_words(exp, exp.layer(i)) for i in shown_layers]
        # What stands side by side, under which name at the left: all layers, or one where the picture is flat.
        groups = (
            [([i], words) for i, words in zip(shown_layers, columns, strict=True)] if flat else [(shown_layers, "")]
        )
        bands = [
            Band(
                kind_names[kind],
                aspect_of(exp, pictures[r]),
                [cell(kind, r, i) for i in group],
                SEPARATOR.join(part for part in (name, words) if part),
            )
            for r, name in zip(shown_rows, names, strict=True)
            for group, words in groups
            for kind in kinds
        ]
        columns = [""] if flat else columns
        heading = title if isinstance(title, str) else SEPARATOR.join(_heading(exp, shown_rows)) if title else ""
        numbered = ranks and any(
            rank_size(_pitch(exp, pictures[r], view, panel_width, exp.layer(i).key_grid), page.small)
            for r in shown_rows
            for i in shown_layers
        )
        legend = _key_words(exp, shown_rows, shown_layers, kinds, center, color, normalize, numbered) if key else ""
        compose(fig, page, columns, bands, plain(heading) if isinstance(title, str) else heading, legend)
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
        image: (H, W, 3) uint8, or what `prepared` made of it.
        caption: True for the full one, False for none, or the words.
        options: whatever that painter takes (`k`, `center`, `palette`, ...). A bar is added where colors stand for
            values, unless `colorbar=False`.
    """
    painters: dict[str, Any] = {"cam": draw_cam, "neighbors": draw_neighbors, "graph": draw_graph}
    if kind not in painters:
        raise ValueError(f"`kind` must be one of {', '.join(painters)} (got {kind!r})")
    look, inches = theme_named(theme), width_in_inches(width)
    total = inches * 72.0
    picture = None if image is None else as_picture(image)
    beside = 0.0
    if kind == "cam" and options.setdefault("colorbar", True):
        scale = scale_of(exp, exp.layer(layer), row, options.get("normalize", "image"), options.get("vmax"))
        beside = _bar_room(number(scale.top), font_size, font, total)
    elif kind == "graph" and options.get("color") == "contribution" and options.setdefault("colorbar", True):
        beside = _bar_room("+0.00e+00", font_size, font, total)
    width_points = total - 2 * MARGIN - beside
    height_points = width_points * aspect_of(exp, picture)
    with mpl.rc_context({"font.family": [font], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(inches, height_points / 72.0), facecolor=look.page)
        if picture is not None:
            picture = picture.fitted(width_points / 72.0 * dpi)
        ax = fig.add_axes((MARGIN / total, 0.0, width_points / total, 1.0), axes_class=Panel)
        common: dict[str, Any] = {"row": row, "theme": look, "font_size": font_size, "caption": caption}
        artists = painters[kind](ax, exp, layer, picture, **common, **options)
        words = artists["caption"].get_text() if "caption" in artists else ""
        below = 3.0 + lines(words) * font_size * 1.3 if words else 0.0
        height = 2 * MARGIN + height_points + below
        fig.set_size_inches(inches, height / 72.0)
        ax.set_position((MARGIN / total, (MARGIN + below) / height, width_points / total, height_points / height))
    return fig


def prepared(image: np.ndarray | Picture, *, width: str | float = "column", dpi: float = 300.0) -> Picture:
    """A photograph made ready once for many panels of this width, which otherwise each resize it."""
    return as_picture(image).fitted((width_in_inches(width) * 72.0 - 2 * MARGIN) / 72.0 * dpi)


def _bar_room(words: str, font_size: float, font: str, total: float) -> float:
    """Points beside a panel for its colorbar and the numbers at it."""
    return 0.075 * total + text_width(words, font_size, font) + 3.0


def aspect_of(exp: Explanation, picture: Picture | None) -> float:
    """Height over width of the place for what is drawn: a page holds no picture that is many times as high as wide."""
    height, width = exp.image_size if picture is None else picture.size
    return min(height / width, TALLEST)


def _pitch(exp: Explanation, picture: Picture | None, view, width: float, grid: tuple[int, int]) -> float:
    """Points between two nodes in a panel of this width, as the painter's stage will have it."""
    tall, wide = exp.image_size if picture is None else picture.size
    left, top, right, bottom = view if view is not None else (0, 0, wide, tall)
    return min(width / wide, TALLEST * width / tall) * min((right - left) / grid[1], (bottom - top) / grid[0])


def source_of(exp: Explanation, row: int) -> int:
    """Which input image a row explains."""
    return row if exp.source is None else int(exp.source[row])


def pictures_of(exp: Explanation, image, rows: Sequence[int]) -> dict[int, Picture | None]:
    """A picture a row, one object for all rows that show it.

    Raises:
        ValueError: a list of images that is too short.
    """
    if image is None:
        return dict.fromkeys(rows)
    many = isinstance(image, (list, tuple))
    ready: dict[int, Picture] = {}
    result: dict[int, Picture | None] = {}
    for r in rows:
        source = source_of(exp, r) if many else 0
        if source not in ready:
            if many and source >= len(image):
                count = max(source_of(exp, r) for r in range(len(exp))) + 1
                raise ValueError(f"`image` must hold one for each of {count} input images (got {len(image)})")
            ready[source] = as_picture(image[source] if many else image)
        result[r] = ready[source]
    return result


def _block_names(exp: Explanation, rows: Sequence[int]) -> list[str]:
    """What tells the rows of a sheet apart: the class, and the image where there are several."""
    several = len({source_of(exp, r) for r in rows}) > 1
    return [(f"image {source_of(exp, r) + 1}{SEPARATOR}" if several else "") + target_words(exp, r) for r in rows]


def _heading(exp: Explanation, rows: Sequence[int]) -> list[str]:
    words = [target_words(exp, rows[0])] if len(rows) == 1 else []
    return [*words, method_words(exp.method), *([plain(exp.model)] if exp.model else [])]


def _key_words(exp, rows, layers, kinds, center, color, normalize, numbered) -> str:
    """What the marks mean."""
    words = []
    if "cam" in kinds:
        spans = {
            "image": "each map to its own maximum",
            "layer": "one scale a layer",
            "shared": "one scale for all",
            "none": "0 to 1",
        }
        words.append(f"CAM: raw values, {spans[normalize]}")
    records = [exp.layer(i) for i in layers]
    if center is None and any(int(record.peak[r]) != NO_PEAK for record in records for r in rows):
        words.append("star: its peak")
    if "neighbors" in kinds and numbered:
        words.append("numbers: rank, nearest first")
    if "graph" in kinds:
        words.append("edge: neighbor to center, width and opacity by share of the wins")
        if color == "contribution":
            words.append("color: contribution in logits")
    return SEPARATOR.join(words)
