"""What a panel is about: one layer of one row of an explanation, on a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from viz_nodes.draw.artists.axes import ImageAxes, image_axes, require_on_an_image
from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.geometry.places import ShownPlaces, places_of
from viz_nodes.draw.style.captions import SEPARATOR, target_words
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.grids import View


@dataclass(frozen=True, eq=False)
class Subject:
    """One layer of one row, and the photograph it is drawn on.

    Attributes:
        exp: the explanation.
        layer: the layer.
        row: of the explanation.
        picture: the photograph; None draws without one, or over what an earlier painter put there. A layer whose nodes
            do not lie where they would be drawn (`placed` is False) has none.
        view: the part of it that the network saw; None for what the picture says, else all of it.
    """

    exp: Explanation
    layer: LayerExplanation
    row: int = 0
    picture: Picture | None = None
    view: View | None = None

    def __post_init__(self) -> None:
        if self.layer.placed is False:
            object.__setattr__(self, "picture", None)
            object.__setattr__(self, "view", None)

    def on(self, ax: Axes, window: View | None = None) -> ImageAxes:
        """The Axes showing the photograph, or a part of it."""
        return image_axes(ax, self.exp, self.picture, self.view, window, self.row)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pixels that nodes are measured in."""
        return self.exp.image_size if self.picture is None else self.picture.size

    def places(self, layer: LayerExplanation, *, keys: bool = False) -> ShownPlaces:
        """Where the nodes, or key nodes, of a layer of this row lie on the picture."""
        return places_of(layer, self.size, self.seen, keys=keys, row=self.row)

    @property
    def seen(self) -> View | None:
        """The part of the picture that the network saw."""
        if self.view is not None:
            return self.view
        return None if self.picture is None else self.picture.view


def subject_of(
    exp: Explanation, layer: int, image: np.ndarray | Picture | None, row: int = 0, view: View | None = None
) -> Subject:
    """A subject of what a caller gave, checked."""
    return Subject(exp, exp.layer(layer), exp.row(row), None if image is None else as_picture(image), view)


def source_of(exp: Explanation, row: int) -> int:
    """Which input image a row explains."""
    return row if exp.source is None else int(exp.source[row])


def pictures_of(exp: Explanation, image: Any, rows: Sequence[int]) -> dict[int, Picture | None]:
    """A picture a row, one object for all rows that show it.

    Raises:
        ValueError: a list of images that is too short.
    """
    if image is None:
        return dict.fromkeys(rows)
    require_on_an_image(exp)
    many = isinstance(image, list | tuple)
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


def block_names(exp: Explanation, rows: Sequence[int]) -> list[str]:
    """What tells the rows of a figure apart: the class, and the image where there are several."""
    several = len({source_of(exp, r) for r in rows}) > 1
    return [(f"image {source_of(exp, r) + 1}{SEPARATOR}" if several else "") + target_words(exp, r) for r in rows]


def onto(on: ImageAxes, subject: Subject, lines: np.ndarray) -> np.ndarray:
    """Lines on a subject's picture as they lie on the picture that an earlier painter put there."""
    height, width = subject.size
    left, top, right, bottom = subject.seen or (0.0, 0.0, float(width), float(height))
    scale = np.array([(on.view[2] - on.view[0]) / (right - left), (on.view[3] - on.view[1]) / (bottom - top)])
    return np.asarray((lines - (left, top)) * scale + on.view[:2])
