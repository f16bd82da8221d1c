"""Explanations of one image side by side: models, checkpoints, targets or methods, and what sets two of them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from viz_nodes.draw.artists.colorbars import add_signed_bar
from viz_nodes.draw.artists.photograph import Picture
from viz_nodes.draw.cells import (
    KIND_NAMES,
    aspect_of,
    cam_cell,
    edges_cell,
    graph_bands,
    neighbors_cell,
    photograph_cell,
    plan_for,
)
from viz_nodes.draw.columns import (
    column_names,
    egos_beside,
    layers_of,
    pictures_beside,
    same_edges,
    scales_beside,
    span_beside,
    ways_above,
)
from viz_nodes.draw.composer import PaperFigure, Way, beside, compose_best
from viz_nodes.draw.differences import (
    cam_difference,
    difference_tones,
    draw_cam_difference,
    edge_difference,
    maps_of,
    same_nodes,
    signed_table,
    union,
)
from viz_nodes.draw.figures import EDGED, check_kinds, figure_options, with_sets
from viz_nodes.draw.geometry.layout import Band, Cell
from viz_nodes.draw.geometry.selection import Ego, Selection
from viz_nodes.draw.graph import plan_words
from viz_nodes.draw.key import against_words, beside_words, brief_words, edges_key, said_of_places, width_strip
from viz_nodes.draw.paper import caption_of
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.sets_beside import sets_beside
from viz_nodes.draw.strongest import strongest_of
from viz_nodes.draw.style.captions import SEPARATOR, layer_words, method_words, note_words, plain, target_words
from viz_nodes.draw.style.scales import Scale
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject
from viz_nodes.explanation import Explanation
from viz_nodes.grids import View


def compare(
    exps: Sequence[Explanation],
    image: Any,
    *,
    names: Sequence[str] | None = None,
    rows: Sequence[int] | int = 0,
    layers: Sequence[int] | Sequence[Sequence[int]] | None = None,
    kinds: Sequence[str] = ("cam", "graph"),
    shared: bool | None = None,
    difference: bool = True,
    view: View | Sequence[View | None] | None = None,
    caption: bool | str = True,
    **options: Any,
) -> PaperFigure:
    """Compose explanations of one image side by side: a column each, and with two a third for their difference.

    All columns draw the edges of the same place, so that edges can be compared: `center`, or the peak of the first
    explanation that has one. Where all have the same graph, as targets and methods of one network do, it is drawn
    once.

    Args:
        exps: two or more; the same object twice is fine.
        image: (H, W, 3) uint8 for all, or a sample, or a list with one for each.
        names: of the columns; by default the models' names, or targets or methods where those differ.
        rows: which row of each, or one for all.
        layers: indices in the network for all, or a list for each; by default three of each.
        kinds: of "cam", "neighbors", "graph" (hypergraphs: "hyperedges"), "edges" and "photograph".
        shared: one scale for the maps side by side; by default where network and method are the same, since raw values
            of two networks or methods cannot be compared, or where `normalize` or `map_max` ask for one. Else each up
            to its own maximum.
        difference: with two explanations, A and B, add what sets them apart: map A minus map B; edges in both (gray),
            only in A, only in B.
        view: the part of `image` that the networks saw, or a list with one for each.
        caption: False leaves out title, key and notes; a string stands as the title.
        options: which edges, see `Selection` (`center` is of the first one's grid), and how all looks, see `Style`; the
            default `width` is a page.

    Raises:
        ValueError: fewer than two explanations, lists of other lengths than theirs, or more than a page holds.
    """
    exps = list(exps)
    if len(exps) < 2:
        raise ValueError(f"`exps` must hold at least two explanations (got {len(exps)})")
    check_kinds(kinds)
    selection, style = figure_options({"width": "page", **options}, caption)
    row_of: list[int] = [rows] * len(exps) if np.ndim(rows) == 0 else list(rows)  # type: ignore[arg-type, list-item]
    titles = [plain(name) for name in (names if names is not None else column_names(exps, row_of))]
    views: list[Any] = list(view) if isinstance(view, list) else [view] * len(exps)
    for what, values in (("rows", row_of), ("names", titles), ("view", views)):
        if len(values) != len(exps):
            raise ValueError(f"`{what}` must have one entry for each of {len(exps)} explanations (got {len(values)})")
    row_of = [exp.row(row) for exp, row in zip(exps, row_of, strict=True)]
    of_each = layers_of(exps, layers)
    shown = [(exp.layer(i), row) for exp, row, picked in zip(exps, row_of, of_each, strict=True) for i in picked]
    kinds = with_sets(kinds, [layer for layer, _ in shown])
    edged = shown if EDGED & set(kinds) else []
    selection, style = settled(selection, style, edged, colored=difference and len(exps) == 2)
    alike = len({(exp.method, exp.model) for exp in exps}) == 1
    return _Comparison(
        exps=exps,
        rows=row_of,
        layers=of_each,
        kinds=list(kinds),
        pictures=pictures_beside(exps, image),
        views=views,
        names=titles,
        one_scale=alike or style.normalize != "image" if shared is None else shared,
        two=difference and len(exps) == 2,
        selection=selection.but(hops=1),
        style=style,
    ).compose()


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Explanations side by side, and how they are shown."""

    exps: list[Explanation]
    rows: list[int]
    layers: list[list[int]]
    kinds: list[str]
    pictures: list[Picture | None]
    views: list[View | None]
    names: list[str]
    one_scale: bool
    two: bool
    selection: Selection
    style: Style

    def compose(self) -> PaperFigure:
        last: dict[str, Any] = {"plans": {}}
        sets = [self._subjects(list(indices)) for indices in zip(*self.layers, strict=True)]
        egos = [egos_beside(subjects, self.selection) for subjects in sets]
        style, each = self.style, len(self.exps) + self.two
        last["top"] = top_of([ego for row in egos for ego in row if ego is not None], style.edge_width, style.edge_max)

        def build(panel: float, across: int) -> list[Band]:
            last["plans"] = {}
            bands: list[Band] = []
            for start in range(0, len(sets), across):
                parts = []
                for at in range(start, min(start + across, len(sets))):
                    pixels = panel / 72.0 * style.dpi
                    fitted = [replace(s, picture=s.picture and s.picture.fitted(pixels)) for s in sets[at]]
                    numbers = [s.layer.number for s in sets[at]] if across > 1 else None
                    names = ways_above(self.names, self.two, numbers) if across > 1 or at == 0 else ()
                    parts.append(self._layer(at, fitted, egos[at], panel, names, last, alone=across == 1))
                bands += beside(parts, each * across)
            return bands

        counts = range(1, len(sets) + 1)
        everything = [subject for subjects in sets for subject in subjects]
        return compose_best(
            style,
            [Way(each * n, partial(build, across=n), len(sets) / (-(-len(sets) // n) * n)) for n in counts],
            heading=self._heading() if style.title is True else plain(style.title or ""),
            legend=lambda _: self._key(last["plans"], everything) if style.key else "",
            strip=width_strip(last, style, everything) if "graph" in self.kinds and style.key else None,
            brief=brief_words(self.kinds, style, self.selection),
            caption=lambda _: caption_of(
                everything,
                self.kinds,
                # Not those of A against B, which hold the edges of both.
                {at: plan for at, plan in last["plans"].items() if at[1] < len(self.exps)},
                self._scaled(),
                self.selection,
            ),
        )

    def _scaled(self) -> Style:
        named = self.style.normalize if self.style.normalize != "image" else "layer"
        return self.style.but(normalize=named if self.one_scale else "image")

    def _subjects(self, indices: list[int]) -> list[Subject]:
        return [
            Subject(exp, exp.layer(index), row, picture, view)
            for exp, index, row, picture, view in zip(
                self.exps, indices, self.rows, self.pictures, self.views, strict=True
            )
        ]

    def _layer(
        self,
        at: int,
        subjects: list[Subject],
        egos: list[Ego | None],
        panel: float,
        names: Sequence[Sequence[str]],
        last: dict[str, Any],
        *,
        alone: bool,
    ) -> list[Band]:
        """The bands of one layer, which stands `alone` on its rows or beside others.

        Args:
            last: "top", the value at which edges are widest; under "plans" the plans are kept.
        """
        block = self._block(subjects) if len(self.layers[0]) > 1 and alone else ""
        same_layer = len({layer_words(s.exp, s.layer) for s in subjects}) == 1
        aspect, style = aspect_of(subjects), self.style
        bands: list[Band] = []
        for kind in self.kinds:
            above = names if not bands else ()
            if kind == "graph":
                shown, notes = self._graphs(subjects, egos, panel, last["top"])
                last["plans"] |= {(at, which): picture[1] for which, picture in enumerate(shown) if picture is not None}
                bands += graph_bands(shown, style, panel, aspect, block=block, notes=notes, names=above)
                continue
            cells: list[Cell | None]
            if kind == "cam":
                cells = self._cams(subjects, say_layer=alone and not (block and same_layer))
            elif kind == "neighbors":
                there = [[] if ego is None else [ego] for ego in egos]
                cells = [neighbors_cell(s, each, style) for s, each in zip(subjects, there, strict=True)]
            elif kind == "hyperedges":
                centers = [None if ego is None else ego.center for ego in egos]
                cells = sets_beside(subjects, centers, self.selection, style, two=self.two)
            else:
                cells = [self._alone(kind, s, panel) for s in subjects]
            cells += [None] * (len(self.exps) + self.two - len(cells))
            bands.append(Band(KIND_NAMES[kind], aspect, cells, block, above))
        return bands

    def _alone(self, kind: str, subject: Subject, panel: float) -> Cell:
        if kind == "photograph":
            return photograph_cell(subject, self.style)
        return edges_cell(subject, strongest_of(subject, self.selection), self.style, panel)

    def _block(self, subjects: list[Subject]) -> str:
        words = list(dict.fromkeys(layer_words(s.exp, s.layer) for s in subjects))
        if len(words) == 1:
            return words[0]
        return SEPARATOR.join(dict.fromkeys(f"{s.layer.number}/{s.exp.depth}" for s in subjects))

    def _cams(self, subjects: list[Subject], *, say_layer: bool) -> list[Cell | None]:
        """Maps on one scale or each on its own, and the difference of two."""
        style = self.style
        every = [subject for indices in zip(*self.layers, strict=True) for subject in self._subjects(list(indices))]
        scales = scales_beside(subjects, every, style, shared=self.one_scale)
        cells: list[Cell | None] = []
        for subject, scale in zip(subjects, scales, strict=True):
            words = [layer_words(subject.exp, subject.layer)] if say_layer else []
            note = SEPARATOR.join([*words, target_words(subject.exp, subject.row)])
            cells.append(cam_cell(subject, style, scale, notes=(note,)))
        if self.two:
            cells.append(self._cam_difference(subjects, scales))
        return cells

    def _cam_difference(self, subjects: list[Subject], scales: list[Scale]) -> Cell:
        style, first = self.style, subjects[0]
        maps, smooth = maps_of(subjects)
        apart = cam_difference(maps[0], maps[1], None if self.one_scale else (scales[0], scales[1]))
        limit = float(np.abs(apart).max(initial=0.0))
        style = style.but(smooth=style.smooth and smooth)

        def paint(ax: Any) -> None:
            draw_cam_difference(ax, first.exp, apart, limit, first.picture, view=first.view, style=style)

        def bar(ax: Any) -> None:
            add_signed_bar(ax, limit, style, place=ax, horizontal=True, table=signed_table(style.look))

        note = "A minus B" + ("" if self.one_scale else ", each divided by its own maximum")
        if first.seen != subjects[1].seen:
            note += ", patch by patch at the places of A"
        return Cell(paint, bar if limit > 0 else None, (note,))

    def _graphs(
        self, subjects: list[Subject], egos: list[Ego | None], panel: float, top: float
    ) -> tuple[list[tuple[Subject, Plan] | None], list[tuple[str, ...] | None]]:
        """The graph of each column, once where all have the same, and the edges that set two apart."""
        style = self.style
        if self._same_graph(subjects, egos):
            plan = plan_for(subjects[0], [ego for ego in egos[:1] if ego is not None], style, panel, top)
            note = f"the same graph in all columns: {plan_words(plan, style)}"
            blank = [None] * (len(subjects) + self.two - 1)
            return [(subjects[0], plan), *blank], [(note,), *blank]
        shown: list[tuple[Subject, Plan] | None] = []
        notes: list[tuple[str, ...] | None] = []
        for at, (subject, ego) in enumerate(zip(subjects, egos, strict=True)):
            plan = plan_for(subject, [] if ego is None else [ego], style, panel, top)
            tones = None
            if self.two and ego is not None and style.color == "center":
                tones = dict.fromkeys(ego.keys.tolist(), style.look.centers[at])
            shown.append((subject, replace(plan, tones=tones)))
            notes.append(None)
        if self.two:
            (a, b), (first, second) = egos, subjects
            if a is None or b is None or not same_nodes(first.layer, second.layer, (first.row, second.row)):
                return [*shown, None], [*notes, None]
            difference = edge_difference(a, b, rows=(first.row, second.row))
            plan = plan_for(first, [union(a, difference)], style, panel, top)
            shown.append((first, replace(plan, tones=difference_tones(difference, style.look), signed=False)))
            unseen = f"; {plan.unseen} too close to the center for this size" if plan.unseen else ""
            notes.append((difference.words() + unseen, difference.brief()))
        return shown, notes

    def _same_graph(self, subjects: list[Subject], egos: list[Ego | None]) -> bool:
        """Whether all columns would show the very same edges and shares."""
        if len({None if ego is None else ego.center for ego in egos} | {None}) != 2 or None in egos:
            return False
        return same_edges(subjects, {self.style.color, self.style.edge_width, self.selection.order})

    def _heading(self) -> str:
        """What all explanations share."""
        models, methods = {exp.model for exp in self.exps}, {exp.method for exp in self.exps}
        words = [plain(model) for model in models if model] if len(models) == 1 else []
        words += [method_words(method) for method in methods if len(methods) == 1]
        if len({tuple(note_words(exp)) for exp in self.exps}) == 1 and len({"untrained" in m for m in models}) == 1:
            return SEPARATOR.join([*words, *note_words(self.exps[0])])
        own = []
        for name, exp in zip(self.names, self.exps, strict=True):
            # The networks' own names, one of which says it, stand nowhere where columns have others.
            said_by_model = ["untrained"] if "untrained" in exp.model and "untrained" not in name else []
            own += [f"{name}: {note}" for note in [*note_words(exp), *said_by_model]]
        return SEPARATOR.join([*words, *own])

    def _key(self, plans: Mapping[Any, Plan], subjects: Sequence[Subject]) -> str:
        words = []
        if "cam" in self.kinds:
            words.append(f"CAM: raw values, {span_beside(self.style, shared=self.one_scale)}")
        words += beside_words(subjects, self.kinds, plans, self.style, self.selection)
        words += against_words(self.kinds, any(which == len(self.exps) for _, which in plans), two=self.two)
        if "edges" in self.kinds:
            words += edges_key(self.names, self.exps, subjects, self.selection, self.style)
        names = [f"A: {self.names[0]}, B: {self.names[1]}"] if self.two else []
        return SEPARATOR.join([*words, *names, *said_of_places(subjects)])
