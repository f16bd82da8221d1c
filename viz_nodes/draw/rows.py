"""Pictures in rows and columns: a row an image, its name at its left, on a slide several images in a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

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
from viz_nodes.draw.composer import PaperFigure, Way, compose_best, in_groups
from viz_nodes.draw.figures import EDGED
from viz_nodes.draw.geometry.layout import Band, Cell, Page
from viz_nodes.draw.geometry.selection import Ego, Selection, egos_of
from viz_nodes.draw.graph import value_limits
from viz_nodes.draw.key import brief_words, key_words, width_strip
from viz_nodes.draw.paper import caption_of
from viz_nodes.draw.plans import Plan
from viz_nodes.draw.quantities import top_of
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
from viz_nodes.draw.subject import Subject
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


@dataclass(frozen=True, eq=False)
class Table:
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

        def build(panel: float, beside: bool, together: int = 1) -> list[Band]:
            last["plans"] = {}
            rows = [
                self._row(row, egos, panel, last["plans"], top, beside=beside, titled=row == 0 or together > 1)
                for row in range(len(self.subjects))
            ]
            if together > 1:
                return in_groups([_named_above(row) for row in rows], together)
            return [band for row in rows for band in row]

        shown = [subject for subjects in self.subjects for subject in subjects]
        heading = style.title if isinstance(style.title, str) else self._heading() if style.title else ""

        def lost() -> int:
            """Edges too short to be seen, or -1 where nothing has to be enlarged."""
            plans = list(last["plans"].values())
            return sum(plan.unseen for plan in plans) if any(any(plan.closeups) for plan in plans) else -1

        return compose_best(
            style,
            self._ways(build, lost),
            heading=plain(heading),
            legend=lambda _: key_words(shown, kinds, last["plans"], style, self.selection) if style.key else "",
            strip=width_strip(last, style, shown) if "graph" in kinds and style.key else None,
            brief=brief_words(kinds, style, self.selection),
            caption=lambda _: caption_of(shown, kinds, last["plans"], style, self.selection),
        )

    def _ways(self, build: Callable[..., list[Band]], lost: Callable[[], int]) -> list[Way]:
        """How images may stand: below one another; on a slide, which is low, also in lines.

        Args:
            build: bands, given panel, `beside` and `together`.
            lost: of the bands built last, edges too short to be seen, or -1 where nothing has to be enlarged.
        """
        columns, count = len(self.columns), len(self.subjects)
        graphs = sum(column.kind == "graph" for column in self.columns)
        page = Page(self.style)
        if self.style.width != "slide":

            def lost_with(beside: bool) -> int:
                build(page.panel_width(columns + graphs * beside), beside=beside)
                return lost()

            below = lost_with(False) if graphs else -1
            beside = below >= 0 and lost_with(True) <= below
            return [Way(columns + graphs * beside, partial(build, beside=beside))]
        ways = []
        for together in range(1, count + 1):
            for beside in (False, True) if graphs else (False,):
                across = (columns + graphs * beside) * together
                filled = count / (together * -(-count // together))  # the last group may have places left
                holds = (lambda: lost() == 0) if beside else (lambda: lost() <= 0)
                bands = partial(build, beside=beside, together=together)
                ways.append(Way(across, bands, (filled / across) ** 0.5, holds))
        return ways

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
        titled: bool,
    ) -> list[Band]:
        """The pictures of one image; close-ups stand in columns of their own where there are any, `beside` graphs.

        Args:
            titled: whether the names of columns stand above.
        """
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
            own = aspect_of(subjects) if beside else None
            plans[row, at] = plan_for(subject, egos[row, at], style, panel, top, beside=own)
            pairs.append((len(cells), subject, plans[row, at]))
            cells += [None, None] if beside else [None]
            titles += [("close-up",)] if beside else []
        names, aspect = titles if titled else (), aspect_of(subjects)
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


def _named_above(bands: Sequence[Band]) -> list[Band]:
    """A row that stands beside others: its name above its first column, not at its left."""
    first, *others = bands
    (title, *titles) = first.names
    ways = tuple(f"{name}\n{way}" for way in title for name in dict.fromkeys((first.name, first.name.split(", ")[0])))
    return [replace(first, name="", names=[ways, *titles]), *others]
