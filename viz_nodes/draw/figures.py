"""One call for a whole figure: rows CAM, nodes and graph, a column a layer, measured in points at final size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.cells import (
    KIND_NAMES,
    KINDS,
    aspect_of,
    cam_cell,
    edges_cell,
    graph_bands,
    neighbors_cell,
    photograph_cell,
    plan_for,
    scale_for,
)
from viz_nodes.draw.composer import PaperFigure, Way, compose_best
from viz_nodes.draw.geometry.layout import FLATTEST, LOW, Band, Cell, Page, columns_for
from viz_nodes.draw.geometry.selection import SELECTION, Ego, Selection, egos_of
from viz_nodes.draw.hyperedges import hyperedges_cell
from viz_nodes.draw.key import brief_words, key_words, width_strip
from viz_nodes.draw.paper import caption_of
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.sideways import Line, line_ways
from viz_nodes.draw.strongest import strongest_of
from viz_nodes.draw.style.captions import (
    SEPARATOR,
    layer_ways,
    layer_words,
    method_words,
    note_words,
    plain,
    target_words,
)
from viz_nodes.draw.style.style import Style, style_of
from viz_nodes.draw.subject import Subject, block_names, pictures_of
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.grids import View
from viz_nodes.text import quoted

DEFAULT_KINDS = ("cam", "neighbors", "graph")
EDGED = {"neighbors", "graph"}
"""Kinds of picture that show neighbors of a center."""
Image = np.ndarray | Picture | Any
Place = tuple[int, int]
"""Row and layer."""


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
    image: Image | Sequence[Image] | None,
    *,
    row: int | None = None,
    rows: Sequence[int] | None = None,
    layers: Sequence[int] | int | str | None = None,
    kinds: Sequence[str] = DEFAULT_KINDS,
    view: View | None = None,
    caption: bool | str = True,
    **options: Any,
) -> PaperFigure:
    """Compose a figure: for each row of `exp` the kinds of picture below one another, a column a layer.

    Panoramas, wide and low, fill the width, and layers follow one another below; so do layers that are too many to
    stand side by side. Of one layer, and on a slide, kinds stand side by side and layers below one another where panels
    are larger so. No figure is higher than a page: panels become smaller instead.

    Args:
        image: (H, W, 3) uint8, what the network saw, or the original with `view`, or a sample of
            `vizgraph.load_image`, which is the original with its view; one for all, or a list with one for each input
            image of `exp` (`exp.source` says which a row explains); None draws without photographs.
        row: which row of `exp`; `rows` several, each a block below the other: images, classes. By default the first,
            or all rows where `image` lists several.
        layers: indices in the network, in the order of the columns, or "all"; by default all of up to four, else three
            of them.
        kinds: of "cam", "neighbors", "graph", "edges" (the layer's strongest edges), and "photograph". Layers of
            hypergraphs have "hyperedges" in the place of "graph": the groups that the center aggregates from, as sets.
        view: the part of `image` that the network saw.
        caption: False leaves out title, key and notes, for what your own caption says; a string stands as the title.
        options: which edges, see `Selection` (`center`, `k`, `order`, `hops`, `far`, `effect`), and how all looks, see
            `Style` (`width`, `theme`, `palette`, `color`, `title`, `key`, `notes`, `scales`, `ranks`, ...).

    Returns:
        A figure of exactly this width, its height following from the panels; `.caption` says in sentences what is
        drawn. Save it with `viz_nodes.draw.save_figure` for the same bytes every time.

    Raises:
        ValueError: an unknown kind, nothing to draw, or more than the page holds.
        TypeError: a keyword that is none.
    """
    selection, style = figure_options(options, caption)
    if rows is None:
        several = isinstance(image, list | tuple) and len(image) > 1 and row is None
        rows = None if several else [row or 0]
    shown = exp.rows(rows)
    if layers is None:
        picked = default_layers(exp)
    else:
        picked = [layer.index for layer in exp.pick(None if isinstance(layers, str) and layers == "all" else layers)]  # type: ignore[arg-type]
    check_kinds(kinds)
    kinds = with_sets(kinds, [exp.layer(i) for i in picked])
    if not shown or not picked or not list(kinds):
        raise ValueError("`rows`, `layers` and `kinds` must each name at least one")
    edged = [(exp.layer(i), r) for r in shown for i in picked] if EDGED & set(kinds) else []
    selection, style = settled(selection, style, edged)
    return _Figure(exp, shown, picked, list(kinds), pictures_of(exp, image, shown), view, selection, style).compose()


def figure_options(options: Mapping[str, Any], caption: bool | str = True) -> tuple[Selection, Style]:
    """A figure's keywords as a selection and a style; without caption it says nothing but names and values."""
    named = {name: value for name, value in options.items() if name in SELECTION}
    style = style_of({name: value for name, value in options.items() if name not in SELECTION}, taken=SELECTION)
    if caption is False:
        style = style.but(title=False, key=False, notes=False)
    elif isinstance(caption, str):
        style = style.but(title=caption)
    return Selection(**named), style


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise ValueError for a kind of picture that there is not."""
    for kind in kinds:
        if kind not in (*KINDS, "photograph", "hyperedges"):
            raise ValueError(f"`kinds` must be of {', '.join(KINDS)} or hyperedges (got {quoted(kind)})")


def with_sets(kinds: Sequence[str], layers: Sequence[LayerExplanation]) -> list[str]:
    """The kinds of picture, with hyperedges where layers have some: for graphs where all have, else below them."""
    grouped = [layer.groups is not None for layer in layers]
    if not any(grouped) or "graph" not in kinds or "hyperedges" in kinds:
        return list(kinds)
    stand_in = ["hyperedges"] if all(grouped) else ["graph", "hyperedges"]
    return [each for kind in kinds for each in (stand_in if kind == "graph" else [kind])]


@dataclass(frozen=True, eq=False)
class _Figure:
    """Rows and layers of one explanation, and how they are shown."""

    exp: Explanation
    rows: list[int]
    layers: list[int]
    kinds: list[str]
    pictures: dict[int, Picture | None]
    view: View | None
    selection: Selection
    style: Style

    def compose(self) -> PaperFigure:
        style, page = self.style, Page(self.style)
        subjects = {
            (r, i): Subject(self.exp, self.exp.layer(i), r, self.pictures[r], self.view)
            for r in self.rows
            for i in self.layers
        }
        egos = {at: egos_of(self.exp, at[1], self.selection, at[0]) for at in subjects} if self._has_edges() else {}
        top = top_of([ego for each in egos.values() for ego in each], style.edge_width, style.edge_max) if egos else 1.0
        blocks = len(self.rows) > 1
        flat = len(self.layers) > 1 and all(aspect_of([subject]) < FLATTEST for subject in subjects.values())
        most = columns_for(page, len(self.layers), blocks=blocks)
        last: dict[str, Any] = {}

        def fitted_to(panel: float, beside: float | None = None) -> tuple[dict[Place, Subject], dict[Place, Plan]]:
            fitted = {
                at: Subject(s.exp, s.layer, s.row, s.picture and s.picture.fitted(panel / 72.0 * style.dpi), s.view)
                for at, s in subjects.items()
            }
            plans = {at: plan_for(fitted[at], egos[at], style, panel, top, beside=beside) for at in egos}
            last.update(plans=plans, panel=panel)
            return fitted, plans

        def upright(panel: float, columns: int) -> list[Band]:
            fitted, plans = fitted_to(panel)
            groups = [self.layers[at : at + columns] for at in range(0, len(self.layers), columns)]
            bands: list[Band] = []
            for r in self.rows:
                for group in groups:
                    bands += self._group(r, group, columns, fitted, egos, plans, panel, many=len(groups) > 1)
            return bands

        def lines_at(panel: float, beside: bool) -> list[Line]:
            fitted, plans = fitted_to(panel, aspect_of(list(subjects.values())) if beside else None)
            return self._lines(fitted, plans, egos, panel)

        ways = self._ways(lines_at, list(subjects.values()))
        if not ways or style.width == "slide":
            # Panoramas fill the width; only where a page does not hold them so, they stand side by side.
            crowded = len(subjects) * len(self.kinds) * LOW > page.most
            uprights = range(1, most + 1 if crowded else 2) if flat else [most]
            ways[:0] = [Way(count, partial(upright, columns=count), count**-0.5) for count in uprights]
        return compose_best(
            style,
            ways,
            heading=plain(style.title if isinstance(style.title, str) else self._heading() if style.title else ""),
            brief=brief_words(self.kinds, style, self.selection),
            legend=lambda bands: (
                key_words(list(subjects.values()), self.kinds, last["plans"], style, self.selection)
                if style.key
                else ""
            ),
            strip=width_strip(last, style, list(subjects.values())) if "graph" in self.kinds and style.key else None,
            caption=lambda bands: caption_of(list(subjects.values()), self.kinds, last["plans"], style, self.selection),
        )

    def _has_edges(self) -> bool:
        return bool(EDGED & set(self.kinds))

    def _heading(self) -> str:
        exp = self.exp
        words = [target_words(exp, self.rows[0])] if len(self.rows) == 1 else []
        if len(self.layers) == 1 and len(self.rows) > 1 and len(self.kinds) > 1:
            words.append(layer_words(exp, exp.layer(self.layers[0])))
        models = [plain(exp.model)] if exp.model else []
        return SEPARATOR.join([*words, method_words(exp.method), *models, *note_words(exp)])

    def _ways(self, lines_at: Callable[[float, bool], list[Line]], subjects: Sequence[Subject]) -> list[Way]:
        """How kinds may stand side by side: of one layer, and on a slide, but for panoramas."""
        aspect = aspect_of(subjects)
        if (self.style.width != "slide" and len(self.layers) > 1) or aspect < FLATTEST:
            return []
        return line_ways(lines_at, self.kinds, self.style, aspect, len(subjects))

    def _lines(
        self,
        subjects: dict[Place, Subject],
        plans: dict[Place, Plan],
        egos: dict[Place, list[Ego]],
        panel: float,
    ) -> list[Line]:
        """A line for each row and layer."""
        rows = dict(zip(self.rows, block_names(self.exp, self.rows), strict=True))
        lines = []
        for (row, index), subject in subjects.items():
            parts = [rows[row]] if len(self.rows) > 1 else []
            if len(self.rows) == 1 or len(self.layers) > 1:
                parts.append(layer_ways(self.exp, self.exp.layer(index))[self.style.width == "slide"])
            cell = partial(self._cell, subject=subject, egos=egos.get((row, index), []), panel=panel)
            short = f"{subject.layer.number}" if len(self.layers) > 1 else ""
            lines.append(Line(SEPARATOR.join(parts), short, subject, plans.get((row, index)), cell))
        return lines

    def _cell(self, kind: str, subject: Subject, egos: list[Ego], panel: float) -> Cell | None:
        """A picture that is no graph."""
        style = self.style
        if kind == "photograph":
            return photograph_cell(subject, style)
        if kind == "cam":
            return cam_cell(subject, style, scale_for(subject, style))
        if kind == "neighbors":
            return neighbors_cell(subject, egos, style)
        if kind == "hyperedges":
            return hyperedges_cell(subject, self.selection, style)
        return edges_cell(subject, strongest_of(subject, self.selection), style, panel)

    def _group(
        self,
        row: int,
        group: list[int],
        columns: int,
        subjects: dict[Place, Subject],
        egos: dict[Place, list[Ego]],
        plans: dict[Place, Plan],
        panel: float,
        *,
        many: bool,
    ) -> list[Band]:
        """The bands of one row and the layers that stand side by side."""
        exp, style = self.exp, self.style
        flat = columns == 1 and len(self.layers) > 1 and all(aspect_of([s]) < FLATTEST for s in subjects.values())
        block = block_names(exp, self.rows)[self.rows.index(row)] if len(self.rows) > 1 else ""
        first = row == self.rows[0] and group[0] == self.layers[0]
        if flat:
            block = SEPARATOR.join(part for part in (block, layer_words(exp, exp.layer(group[0]))) if part)
        names: list[tuple[str, ...]] = (
            [] if flat or not (first or many) else [layer_ways(exp, exp.layer(i)) for i in group]
        )
        names += [("",)] * (columns - len(names)) if names else []
        if many and not block:
            block = " " * (1 + self.layers.index(group[0]) // columns % 2)
        shown = [subjects[row, i] for i in group]
        aspect, empty = aspect_of(shown), [None] * (columns - len(group))
        bands: list[Band] = []
        for kind in self.kinds:
            above = names if not bands else []
            if kind == "graph":
                pictures = [(subjects[row, i], plans[row, i]) for i in group]
                bands += graph_bands([*pictures, *empty], style, panel, aspect, block=block, names=above)
                continue
            drawn = [self._cell(kind, s, egos.get((s.row, s.layer.index), []), panel) for s in shown]
            cells = [*drawn, *empty]
            bands.append(Band(KIND_NAMES[kind], aspect, cells, block, above))
        return bands


def panel(
    kind: str,
    exp: Explanation,
    layer: int,
    image: Image | None,
    *,
    row: int = 0,
    view: View | None = None,
    vmax: float | None = None,
    caption: bool | str = True,
    **options: Any,
) -> PaperFigure:
    """One picture with its caption as a figure of its own.

    Args:
        kind: "cam", "neighbors", "graph", "edges" or "hyperedges", which a layer of a hypergraph has for "graph", too.
        layer: index in the network, from 0; negative from its end.
        image: (H, W, 3) uint8, or a sample of `vizgraph.load_image`.
        row: which row of `exp`.
        view: the part of `image` that the network saw.
        vmax: top of the map's scale, in raw values.
        caption: True for the full one, False for none, or the words.
        options: see `Selection` and `Style`. A bar is added where colors stand for values, unless `scales=False`
            (`colorbar=False` is the same).
    """
    from viz_nodes.draw.single import single

    if "colorbar" in options:
        options["scales"] = bool(options.pop("colorbar"))
    selection, style = figure_options(options)
    if style.font_size is None:
        style = style.but(font_size=style.size + 0.5)
    if kind not in (*KINDS, "hyperedges"):
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)} or hyperedges (got {quoted(kind)})")
    picture = None if image is None else as_picture(image)
    (kind,) = with_sets([kind], [exp.layer(layer)])
    return single(kind, Subject(exp, exp.layer(layer), row, picture, view), selection, style, vmax, caption)
