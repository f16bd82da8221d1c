"""Figures with a row an image: the photograph, then networks, layers or kinds of picture beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.cells import (
    KINDS,
    aspect_of,
    cam_cell,
    edges_cell,
    graph_and_closeup,
    graph_bands,
    neighbors_cell,
    photograph_cell,
    plan_for,
    scale_for,
)
from viz_nodes.draw.composer import PaperFigure, compose
from viz_nodes.draw.figures import EDGED, figure_options
from viz_nodes.draw.geometry.layout import Band, Cell, Page
from viz_nodes.draw.geometry.selection import Ego, Selection, egos_of
from viz_nodes.draw.graph import value_limits
from viz_nodes.draw.key import brief_words, key_words, width_strip
from viz_nodes.draw.paper import caption_of
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import settled, top_of
from viz_nodes.draw.strongest import strongest_of
from viz_nodes.draw.style.captions import (
    SEPARATOR,
    layer_words,
    method_words,
    note_words,
    plain,
    target_words,
    value_words,
)
from viz_nodes.draw.style.fonts import DEFAULT_FONT, text_width
from viz_nodes.draw.style.style import Style
from viz_nodes.draw.subject import Subject, source_of
from viz_nodes.explanation import Explanation
from viz_nodes.text import quoted

COLUMN_NAMES = {
    "photograph": "image",
    "cam": "CAM",
    "neighbors": "neighbors",
    "graph": "graph",
    "edges": "strongest edges",
}


@dataclass(frozen=True, eq=False)
class Column:
    """A column of a table of pictures.

    Attributes:
        kind: "photograph", "cam", "neighbors", "graph" or "edges".
        exps: an explanation for each image, or one whose rows explain them; the table's own where None.
        layer: index in the network, from 0; negative from its end.
        name: written above; by default what tells columns apart.
    """

    kind: str
    exps: Explanation | Sequence[Explanation] | None = None
    layer: int = -1
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, "photograph"):
            raise ValueError(f"`kind` must be one of photograph, {', '.join(KINDS)} (got {quoted(self.kind)})")


def table(
    exps: Explanation | Sequence[Explanation] | None,
    images: Sequence[Any],
    columns: Sequence[Column | str],
    *,
    names: Sequence[str] | None = None,
    caption: bool | str = True,
    **options: Any,
) -> PaperFigure:
    """Compose a row for each image and a column for each picture of it.

    Args:
        exps: an explanation for each image, or one whose rows explain them (`exp.source` says which image a row is
            of); None where each column has its own.
        images: (H, W, 3) uint8 each, or samples of `vizgraph.load_image`.
        columns: `Column`s, or kinds of picture for the last layer.
        names: of the rows; by default the class explained, with its probability, of the first network.
        caption: False leaves out title, key and notes; a string stands as the title.
        options: which edges, see `Selection`, and how all looks, see `Style`.

    Raises:
        ValueError: no image or column, an unknown kind, or numbers of explanations and images that differ.
    """
    selection, style = figure_options(options, caption)
    pictures = [as_picture(image) for image in images]
    listed = [column if isinstance(column, Column) else Column(column) for column in columns]
    if not pictures or not listed:
        raise ValueError("`images` and `columns` must each hold at least one")
    if names is not None and len(names) != len(pictures):
        raise ValueError(f"`names` must have one for each of {len(pictures)} images (got {len(names)})")
    subjects = [
        [_subject(column, exps, at, picture, len(pictures)) for column in listed] for at, picture in enumerate(pictures)
    ]
    edged = [(s.layer, s.row) for row in subjects for s, column in zip(row, listed) if column.kind in EDGED]
    selection, style = settled(selection, style, edged)
    return _Table(subjects, listed, names, selection, style).compose()


def overview(
    exps: Explanation | Sequence[Explanation],
    images: Sequence[Any],
    *,
    layer: int = -1,
    kinds: Sequence[str] = ("photograph", "cam", "neighbors", "graph"),
    **options: Any,
) -> PaperFigure:
    """A row an image, with the plain photograph beside what one layer of the network made of it.

    Args:
        exps: an explanation for each image, or one whose rows explain them.
        images: see `table`.
        layer: index in the network, from 0; negative from its end.
        kinds: the columns.
        options: see `table`.
    """
    return table(exps, images, [Column(kind, layer=layer) for kind in kinds], **options)


def networks(
    exps: Mapping[str, Explanation | Sequence[Explanation]],
    images: Sequence[Any],
    *,
    layer: int | Mapping[str, int] = -1,
    kinds: Sequence[str] = ("cam",),
    **options: Any,
) -> PaperFigure:
    """A row an image: the photograph, and beside it what each network made of it, every map on its own scale.

    Args:
        exps: by the name of the network, an explanation for each image or one whose rows explain them.
        images: see `table`.
        layer: index in the networks, from 0; negative from their ends; or one for each by name.
        kinds: pictures of each network.
        options: see `table`.
    """
    columns = [Column("photograph", next(iter(exps.values())))]
    for name, each in exps.items():
        at = layer[name] if isinstance(layer, Mapping) else layer
        columns += [
            Column(kind, each, at, name if len(kinds) == 1 else f"{name}{SEPARATOR}{COLUMN_NAMES[kind]}")
            for kind in kinds
        ]
    return table(None, images, columns, **options)


def depths(
    exps: Explanation | Sequence[Explanation],
    images: Sequence[Any],
    *,
    layers: Sequence[int] = (0, -1),
    kind: str = "graph",
    **options: Any,
) -> PaperFigure:
    """A row an image: the photograph, and the same centers at an early and a late layer, as ViG's paper shows them.

    Args:
        layers: indices in the network, from 0; negative from its end.
        kind: what is drawn of each layer.
        options: see `table`; `center=[(0.3, 0.4), (0.7, 0.6)]` names two centers.
    """
    return table(exps, images, [Column("photograph"), *(Column(kind, layer=layer) for layer in layers)], **options)


def _subject(
    column: Column, shared: Explanation | Sequence[Explanation] | None, at: int, picture: Picture, count: int
) -> Subject:
    """What stands in a column for an image."""
    exps = column.exps if column.exps is not None else shared
    if exps is None:
        raise ValueError("`exps` is needed where a column has no explanations of its own")
    if isinstance(exps, Explanation):
        rows = [row for row in range(len(exps)) if source_of(exps, row) == at]
        if not rows:
            raise ValueError(f"`images` must be those that the rows explain (none explains image {at + 1})")
        exp, row = exps, rows[0]
    else:
        if len(exps) != count:
            raise ValueError(f"`exps` must hold one for each of {count} images (got {len(exps)})")
        exp, row = exps[at], 0
    return Subject(exp, exp.layer(column.layer), row, picture)


@dataclass(frozen=True, eq=False)
class _Table:
    """Subjects by row and column, and how they are shown."""

    subjects: list[list[Subject]]
    columns: list[Column]
    names: Sequence[str] | None
    selection: Selection
    style: Style

    def compose(self) -> PaperFigure:
        style = self.style
        last: dict[str, Any] = {"plans": {}}
        kinds = list(dict.fromkeys(column.kind for column in self.columns))
        egos = {
            (row, at): egos_of(subject.exp, subject.layer.index, self.selection, subject.row)
            for row, subjects in enumerate(self.subjects)
            for at, subject in enumerate(subjects)
            if self.columns[at].kind in EDGED
        }
        top = top_of([ego for each in egos.values() for ego in each], style.edge_width, style.edge_max) if egos else 1.0

        def build(panel: float, beside: bool) -> list[Band]:
            last["plans"] = {}
            bands: list[Band] = []
            for row in range(len(self.subjects)):
                bands += self._row(row, egos, panel, last["plans"], top, beside=beside)
            return bands

        shown = [subject for subjects in self.subjects for subject in subjects]
        heading = style.title if isinstance(style.title, str) else self._heading() if style.title else ""
        columns = len(self.columns)
        more = columns + sum(column.kind == "graph" for column in self.columns)

        def lost(beside: bool) -> int:
            """Edges too short to be seen, or -1 where nothing has to be enlarged."""
            build(Page(style).panel_width(more if beside else columns), beside=beside)
            plans = list(last["plans"].values())
            return sum(plan.unseen for plan in plans) if any(any(plan.closeups) for plan in plans) else -1

        below = lost(beside=False) if "graph" in kinds else -1
        beside = below >= 0 and lost(beside=True) <= below
        return compose(
            style,
            partial(build, beside=beside),
            columns=more if beside else columns,
            heading=plain(heading),
            legend=lambda _: key_words(shown, kinds, last["plans"], style, self.selection) if style.key else "",
            strip=width_strip(last, style, shown) if "graph" in kinds and style.key else None,
            brief=brief_words(kinds, style, self.selection),
            caption=lambda _: caption_of(shown, kinds, last["plans"], style, self.selection),
        )

    def _heading(self) -> str:
        exps = list({id(subject.exp): subject.exp for row in self.subjects for subject in row}.values())
        models = list(dict.fromkeys(plain(exp.model) for exp in exps if exp.model))
        methods = list(dict.fromkeys(method_words(exp.method) for exp in exps))
        layers = list(dict.fromkeys(layer_words(s.exp, s.layer) for row in self.subjects for s in row))
        notes = list(dict.fromkeys(note for exp in exps for note in note_words(exp)))
        where = layers if len(layers) == 1 else []
        return SEPARATOR.join([*(models if len(models) == 1 else []), *where, *methods, *notes])

    def _titles(self) -> list[tuple[str, ...]]:
        """What stands above each column, in several ways."""
        layers = {column.layer for column in self.columns if column.kind != "photograph"}
        titles: list[tuple[str, ...]] = []
        for column, subject in zip(self.columns, self.subjects[0], strict=True):
            kind = COLUMN_NAMES[column.kind]
            if column.name:
                name = plain(column.name)
                titles.append((name, "\n".join(name.rsplit(SEPARATOR, 1))))
            elif column.kind != "photograph" and len(layers) > 1:
                number = f"layer {subject.layer.number}"
                titles.append((layer_words(subject.exp, subject.layer), number, str(subject.layer.number)))
            else:
                titles.append((kind,))
        return titles

    def _row(
        self,
        row: int,
        egos: Mapping[tuple[int, int], list[Ego]],
        panel: float,
        plans: dict[Any, Plan],
        top: float,
        *,
        beside: bool,
    ) -> list[Band]:
        """The pictures of one image; close-ups stand in columns of their own where there are any, `beside` graphs."""
        style = self.style
        pixels = panel / 72.0 * style.dpi
        subjects = [
            Subject(s.exp, s.layer, s.row, s.picture and s.picture.fitted(pixels), s.view) for s in self.subjects[row]
        ]
        name = plain(self.names[row]) if self.names is not None else self._explained(subjects, panel)
        cells: list[Cell | None] = []
        pairs: list[tuple[int, Subject, Plan]] = []
        titles: list[tuple[str, ...]] = []
        for at, (column, subject, title) in enumerate(zip(self.columns, subjects, self._titles(), strict=True)):
            titles.append(title)
            if column.kind != "graph":
                cells.append(self._cell(column.kind, subject, egos.get((row, at), []), panel))
                continue
            plans[row, at] = plan_for(subject, egos[row, at], style, panel, top)
            pairs.append((len(cells), subject, plans[row, at]))
            cells += [None, None] if beside else [None]
            titles += [("close-up",)] if beside else []
        names, aspect = titles if row == 0 else (), aspect_of(subjects)
        if beside:
            for at, subject, plan in pairs:
                limits = value_limits(plan.egos, style)
                cells[at], cells[at + 1] = graph_and_closeup(subject, plan, style, limits)
            return [Band(name, aspect, cells, names=names)]
        graphs: list[tuple[Subject, Plan] | None] = [None] * len(cells)
        for at, subject, plan in pairs:
            graphs[at] = subject, plan
        first, *others = graph_bands(graphs, style, panel, aspect)
        merged = [graph or cell for graph, cell in zip(first.cells, cells, strict=True)]
        return [Band(name, aspect, merged, names=names), *(replace(band, name="") for band in others)]

    def _cell(self, kind: str, subject: Subject, egos: list[Ego], panel: float) -> Cell | None:
        """A picture that is no graph."""
        if kind == "photograph":
            return photograph_cell(subject, self.style)
        if kind == "cam":
            return cam_cell(
                subject,
                self.style,
                scale_for(subject, self.style),
            )
        if kind == "neighbors":
            return neighbors_cell(subject, egos, self.style)
        if kind == "edges":
            return edges_cell(subject, strongest_of(subject, self.selection), self.style, panel)
        return None

    def _explained(self, subjects: Sequence[Subject], panel: float) -> str:
        """The class explained in a row, with the probability that each network gives it where they differ.

        Examples: "digit 5, 89 %", "digit 5, 89 % / 95 %" (where there is no room for that "digit 5"), and
        "digit 5, 89 % / digit 3, 41 %".
        """
        words = {target_words(subject.exp, subject.row): subject for subject in subjects}
        first, *others = words
        names = {subject.exp.target_label(subject.row) for subject in subjects}
        if len(names) > 1 or any(s.exp.versus is not None or int(s.exp.target[s.row]) < 0 for s in subjects):
            return " / ".join(words)
        explained = " / ".join([first, *(value_words(words[each].exp, words[each].row) for each in others)])
        room = text_width(explained, self.style.small, self.style.font or DEFAULT_FONT) <= panel * aspect_of(subjects)
        return explained if room or not others else plain(names.pop())
