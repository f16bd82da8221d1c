"""What a panel is about: one layer of one row of an explanation, on a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from viz_nodes.draw.artists.axes import ImageAxes, image_axes
from viz_nodes.draw.artists.photograph import Picture, as_picture
from viz_nodes.draw.geometry.places import ShownPlaces, places_of
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
