"""Figures with a row an image: the photograph, then networks, layers or kinds of picture beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.composer import PaperFigure
from viz_nodes.draw.figures import EDGED, figure_options
from viz_nodes.draw.quantities import settled
from viz_nodes.draw.rows import COLUMN_NAMES, Column, Table
from viz_nodes.draw.style.captions import (
    SEPARATOR,
)
from viz_nodes.draw.subject import Subject, source_of
from viz_nodes.explanation import Explanation


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
    return Table(subjects, listed, names, selection, style).compose()


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
