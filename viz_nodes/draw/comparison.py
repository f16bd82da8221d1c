"""Explanations of one image side by side: models, checkpoints, targets or methods, and what sets two of them apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from viz_nodes.draw.artists.colorbars import add_colorbar, add_signed_bar
from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.cam import draw_cam, heat_table
from viz_nodes.draw.differences import (
    cam_difference,
    draw_cam_difference,
    draw_edge_difference,
    edge_difference,
    signed_table,
)
from viz_nodes.draw.figures import KINDS, aspect_of, default_layers
from viz_nodes.draw.geometry.layout import Band, Cell, Page, compose
from viz_nodes.draw.geometry.selection import Ego, edges_words, ego_of
from viz_nodes.draw.graph import draw_graph
from viz_nodes.draw.neighbors import draw_neighbors
from viz_nodes.draw.style.captions import SEPARATOR, layer_words, method_words, plain, target_words
from viz_nodes.draw.style.palettes import DEFAULT_PALETTE, Theme, palette_named, theme_named
from viz_nodes.draw.style.scales import scale_of
from viz_nodes.draw.style.widths import width_in_inches
from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation
from viz_nodes.grids import Grid, View


def same_place(node: int, grid: Grid, other: Grid) -> int:
    """The node of another grid in whose box the middle of a node lies.

    Example: node 5 of a 4 x 4 grid, in row 1 and column 1, is node 0 of a 2 x 2 grid.
    """
    row, col = divmod(node, grid[1])
    return int((row + 0.5) / grid[0] * other[0]) * other[1] + int((col + 0.5) / grid[1] * other[1])


def compare(
    exps: Sequence[Explanation],
    image: np.ndarray | Picture | Sequence[np.ndarray | Picture] | None,
    *,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | int = 0,
    layers: Sequence[int] | Sequence[Sequence[int]] | None = None,
    kinds: Sequence[str] = ("cam", "graph"),
    center: int | tuple[int, int] | None = None,
    k: int | str | None = 9,
    order: str = "rank",
    shared: bool | None = None,
    difference: bool = True,
    view: View | Sequence[View | None] | None = None,
    palette: str | Colormap = DEFAULT_PALETTE,
    alpha: float = 0.75,
    fade: bool = True,
    smooth: bool = True,
    width: str | float = "page",
    font_size: float = 6.5,
    font: str = "DejaVu Sans",
    theme: str | Theme = "light",
    title: bool | str = True,
    key: bool = True,
    dpi: float = 300.0,
) -> Figure:
    """Compose explanations of one image side by side: a column each, and with two a third for their difference.

    All columns draw the edges of the same place, so that edges can be compared: `center`, or the peak of the first
    explanation that has one.

    Args:
        exps: two or more; the same object twice is fine.
        image: (H, W, 3) uint8 for all, or a list with one for each.
        names: of the columns; by default the models' names, or targets or methods where those differ.
        rows: which row of each, or one for all.
        layers: indices in the network for all, or a list for each; by default a third, two thirds and the last of each.
        kinds: of "cam", "neighbors", "graph".
        center: a node or (row, col) of the first one's grid.
        k, order: which edges, see `draw_graph`.
        shared: one scale for the maps side by side; by default where all have the same method, since raw values of two
            methods cannot be compared. Else each up to its own maximum.
        difference: with two explanations, A and B, add what sets them apart: map A minus map B; edges in both (gray),
            only in A, only in B.
        view: the part of `image` that the networks saw, or a list with one for each.
        palette, alpha, fade, smooth, width, font_size, font, theme, title, key, dpi: as in `figure`.

    Raises:
        ValueError: fewer than two explanations, or lists of other lengths than theirs.
    """
    exps = list(exps)
    if len(exps) < 2:
        raise ValueError(f"`exps` must hold at least two explanations (got {len(exps)})")
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"`kinds` must be of {', '.join(KINDS)} (got {kind!r})")
    row_of: list[int] = [rows] * len(exps) if np.ndim(rows) == 0 else list(rows)  # type: ignore[arg-type, list-item]
    layers_of = _layers_of(exps, layers)
    titles = [plain(name) for name in (names if names is not None else column_names(exps, row_of))]
    two = difference and len(exps) == 2
    one_scale = len({exp.method for exp in exps}) == 1 if shared is None else shared
    look = theme_named(theme)
    page = Page(width_in_inches(width), look, font_size, font)
    blocks = len(layers_of[0]) > 1
    panel_width = page.panel_width(len(exps) + two, blocks=blocks)
    pictures = _pictures(exps, image, panel_width / 72.0 * dpi)
    table = heat_table(palette_named(palette), alpha, fade)
    views = list(view) if isinstance(view, list) else [view] * len(exps)
    for what, given in (("rows", row_of), ("names", titles), ("view", views)):
        if len(given) != len(exps):
            raise ValueError(f"`{what}` must have one entry for each of {len(exps)} explanations (got {len(given)})")
    row_of = [exp.row(row) for exp, row in zip(exps, row_of, strict=True)]
    common = [{"view": one, "theme": look, "font_size": page.small} for one in views]

    bands = []
    for indices in zip(*layers_of, strict=True):
        records = [exp.layer(index) for exp, index in zip(exps, indices, strict=True)]
        node = _common_center(records, row_of, center)
        egos = [
            None
            if node is None
            else ego_of(exp, record.index, same_place(node, records[0].grid, record.grid), row=row, k=k, order=order)
            for exp, record, row in zip(exps, records, row_of, strict=True)
        ]
        same_layer = len({layer_words(exp, record) for exp, record in zip(exps, records, strict=True)}) == 1
        block = (
            layer_words(exps[0], records[0])
            if blocks and same_layer
            else SEPARATOR.join(
                dict.fromkeys(f"{record.number}/{exp.depth}" for exp, record in zip(exps, records, strict=True))
            )
            if blocks
            else ""
        )
        for kind in kinds:
            if kind == "cam":
                cells = _cam_cells(
                    exps,
                    records,
                    row_of,
                    pictures,
                    one_scale,
                    two,
                    table,
                    look,
                    page,
                    common,
                    {"palette": palette, "alpha": alpha, "fade": fade, "smooth": smooth},
                    say_layer=not (blocks and same_layer),
                )
            else:
                cells = _edge_cells(kind, exps, records, row_of, pictures, egos, k, order, two, common)
            name = {"cam": "CAM", "neighbors": "neighbors", "graph": "graph"}[kind]
            bands.append(Band(name, aspect_of(exps[0], pictures[0]), cells, block))

    columns = [f"A · {titles[0]}", f"B · {titles[1]}", "A against B"] if two else titles
    with mpl.rc_context({"font.family": [font], "axes.linewidth": 0.4}):
        fig = Figure(figsize=(page.inches, page.inches), facecolor=look.page)
        heading = plain(title) if isinstance(title, str) else _heading(exps) if title else ""
        legend = _key_words(kinds, center, one_scale, two) if key else ""
        compose(fig, page, columns, bands, heading, legend)
    return fig


def column_names(exps: Sequence[Explanation], rows: Sequence[int]) -> list[str]:
    """What tells the explanations apart: model, else class, else method, else a letter; all of what differs."""
    parts = []
    for options in (
        [exp.model for exp in exps],
        [exp.label(int(exp.target[row])) for exp, row in zip(exps, rows, strict=True)],
        [method_words(exp.method) for exp in exps],
    ):
        if len(set(options)) > 1 and all(options):
            parts.append(options)
    if not parts:
        return [exp.model or chr(ord("A") + at % 26) for at, exp in enumerate(exps)]
    return [SEPARATOR.join(words) for words in zip(*parts, strict=True)]


def _layers_of(exps: Sequence[Explanation], layers) -> list[list[int]]:
    if layers is None:
        found = [default_layers(exp) for exp in exps]
    elif isinstance(layers, Sequence) and len(layers) and all(isinstance(one, (list, tuple, range)) for one in layers):
        if len(layers) != len(exps):
            raise ValueError(f"`layers` must have a list for each of {len(exps)} explanations (got {len(layers)})")
        found = [list(one) for one in layers]
    else:
        found = [[layer.index for layer in exp.pick(layers)] for exp in exps]
    counts = {len(one) for one in found}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            f"`layers` must name equally many of each explanation, at least one (got {[len(o) for o in found]})"
        )
    return found


def _pictures(exps, image, width: float) -> list[Picture | None]:
    if image is None:
        return [None] * len(exps)
    if not isinstance(image, (list, tuple)):
        return [as_picture(image).fitted(width)] * len(exps)
    if len(image) != len(exps):
        raise ValueError(f"`image` must hold one for each of {len(exps)} explanations (got {len(image)})")
    ready: dict[int, Picture] = {}
    for one in image:
        if id(one) not in ready:
            ready[id(one)] = as_picture(one).fitted(width)
    return [ready[id(one)] for one in image]


def _common_center(records: Sequence[LayerExplanation], rows: Sequence[int], center) -> int | None:
    """The center as a node of the first one's grid."""
    first = records[0].grid
    if center is not None:
        return records[0].node(center, name="center")
    for record, row in zip(records, rows, strict=True):
        if int(record.peak[row]) != NO_PEAK:
            return same_place(int(record.peak[row]), record.grid, first)
    return None


def _cam_cells(
    exps, records, rows, pictures, one_scale, two, table, look, page, common, paint_options, *, say_layer
) -> list[Cell | None]:
    scales = [scale_of(exp, record, row) for exp, record, row in zip(exps, records, rows, strict=True)]
    if one_scale:
        top = max(scale.top for scale in scales)
        scales = [scale_of(exp, record, row, vmax=top) for exp, record, row in zip(exps, records, rows, strict=True)]
    cells: list[Cell | None] = []
    for exp, record, row, picture, scale, own in zip(exps, records, rows, pictures, scales, common, strict=True):
        words = [layer_words(exp, record)] if say_layer else []
        paint = partial(
            draw_cam,
            exp=exp,
            layer=record.index,
            image=picture,
            row=row,
            vmax=scale.top or None,
            **paint_options,
            **own,
        )
        bar = partial(add_colorbar, table=table, scale=scale, look=look, font_size=page.small, horizontal=True)
        cells.append(Cell(paint, _on_itself(bar), SEPARATOR.join([*words, target_words(exp, row)])))
    if two:
        maps = [record.cam[row].numpy() for record, row in zip(records, rows, strict=True)]
        apart = cam_difference(maps[0], maps[1], None if one_scale else (scales[0], scales[1]))
        limit = float(np.abs(apart).max(initial=0.0))
        paint = partial(
            draw_cam_difference,
            exp=exps[0],
            difference=apart,
            limit=limit,
            image=pictures[0],
            smooth=paint_options["smooth"],
            **common[0],
        )
        bar = partial(
            add_signed_bar, limit=limit, look=look, font_size=page.small, horizontal=True, table=signed_table(look)
        )
        note = "A minus B" + ("" if one_scale else ", each divided by its own maximum")
        if common[0]["view"] != common[1]["view"]:
            note += ", patch by patch at the places of A"
        cells.append(Cell(paint, _on_itself(bar) if limit > 0 else None, note))
    return cells


def _on_itself(bar):
    """A bar painter that is given the bar's own Axes."""
    return lambda ax: bar(ax, place=ax)


def _edge_cells(
    kind, exps, records, rows, pictures, egos: Sequence[Ego | None], k, order, two, common
) -> list[Cell | None]:
    cells: list[Cell | None] = []
    look = common[0]["theme"]
    for at, (exp, record, row, picture, ego) in enumerate(zip(exps, records, rows, pictures, egos, strict=True)):
        where: dict[str, Any] = {"center": [] if ego is None else ego.center}
        options: dict[str, Any] = {
            "exp": exp,
            "layer": record.index,
            "image": picture,
            "row": row,
            "k": k,
            "order": order,
        }
        if kind == "neighbors":
            cells.append(Cell(partial(draw_neighbors, **options, **where, **common[at])))
            continue
        tone = look.centers[at] if two else "center"
        paint = partial(draw_graph, **options, **where, color=tone, **common[at])
        cells.append(Cell(paint, note=edges_words([] if ego is None else [ego])))
    if two:
        a, b = egos
        if (
            kind != "graph"
            or a is None
            or b is None
            or (records[0].grid, records[0].key_grid) != (records[1].grid, records[1].key_grid)
        ):
            cells.append(None)
        else:
            found = edge_difference(a, b, rows=(rows[0], rows[1]))
            paint = partial(
                draw_edge_difference,
                exp=exps[0],
                a=a,
                difference=found,
                image=pictures[0],
                view=common[0]["view"],
                theme=look,
            )
            cells.append(Cell(paint, note=found.words()))
    return cells


def _heading(exps: Sequence[Explanation]) -> str:
    """What all explanations share."""
    models, methods = {exp.model for exp in exps}, {exp.method for exp in exps}
    words = [plain(model) for model in models if model] if len(models) == 1 else []
    return SEPARATOR.join([*words, *(method_words(method) for method in methods if len(methods) == 1)])


def _key_words(kinds, center, one_scale, two) -> str:
    words = []
    if "cam" in kinds:
        words.append("CAM: raw values, " + ("one scale a row" if one_scale else "each map to its own maximum"))
    if {"graph", "neighbors"} & set(kinds):
        where = "the place named" if center is not None else "the first map's peak"
        words.append(f"neighbors of {where} in every column (star where it is that map's peak too)")
    if "graph" in kinds:
        words.append("edge: neighbor to center, width and opacity by share of the wins")
        if two:
            words.append("A against B: gray edges are in both, colored in that one only")
    return SEPARATOR.join(words)
