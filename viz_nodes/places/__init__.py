"""Where on the image the nodes of a graph lie: a region each. The patches of a grid are one case.

Superpixels are a `LabelMap`, cells of a tissue `Polygons` or `Points`, detections `Boxes`. Whatever they are, a node
has a middle, a box, a mask and an outline, a pixel has its node, and values of nodes have a picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from viz_nodes.places.base import NOBODY, Array, Places
from viz_nodes.places.grid import GridPlaces
from viz_nodes.places.label_map import LabelMap, loops_around
from viz_nodes.places.polygons import Boxes, Points, Polygons
from viz_nodes.text import quoted

__all__ = [
    "NOBODY",
    "Boxes",
    "GridPlaces",
    "LabelMap",
    "Places",
    "Points",
    "Polygons",
    "as_places",
    "from_arrays",
    "loops_around",
]


def as_places(where: Any, size: tuple[int, int]) -> Places:
    """What a user gives for `places`: regions themselves, a label map, boxes, points or polygons.

    Args:
        where: `Places`; (h, w) whole numbers, the node of each pixel; (N, 4) left, top, right, bottom; (N, 2) points
            x, y; or a sequence of N polygons (n, 2).
        size: (height, width) of the network's input, in whose pixels all but label maps are given.

    Raises:
        ValueError: regions of another image size, or of no known form.
    """
    if isinstance(where, Places):
        if where.size != tuple(size):
            raise ValueError(f"`places` must be for an image of {tuple(size)} (got one of {where.size})")
        return where
    if isinstance(where, (list, tuple)) and any(np.ndim(each) == 2 for each in where):
        return Polygons(where, size)
    array = np.asarray(where)
    if array.ndim == 3 and array.shape[2] == 2:
        return Polygons(list(array), size)
    counts = np.issubdtype(array.dtype, np.integer)
    if array.ndim == 2 and counts and (array.shape == tuple(size) or array.shape[1] not in (2, 4)):
        return LabelMap(array, size)
    if array.ndim == 2 and array.shape[1] == 4:
        return Boxes(array, size)
    if array.ndim == 2 and array.shape[1] == 2:
        return Points(array, size)
    raise ValueError(
        "`places` must be a label map (h, w) of whole numbers, boxes (N, 4), points (N, 2) or a list of polygons "
        f"(n, 2) (got an array of shape {array.shape} and {array.dtype})"
    )


def same(first: Places, second: Places) -> bool:
    """Whether node i of one lies where node i of the other does."""
    if first is second:
        return True
    mine, others = first.arrays(), second.arrays()
    return (
        first.size == second.size
        and mine.keys() == others.keys()
        and all(np.array_equal(array, others[name]) for name, array in mine.items())
    )


def from_arrays(kind: str, size: tuple[int, int], arrays: dict[str, Array]) -> Places:
    """Back from `Places.arrays`.

    Raises:
        ValueError, KeyError: they do not fit together.
    """
    if kind == GridPlaces.kind:
        height, width = arrays["grid"].tolist()
        return GridPlaces((height, width), size)
    if kind == LabelMap.kind:
        return LabelMap(arrays["labels"], size)
    counts = arrays["counts"].astype(int)
    if int(counts.min(initial=0)) < 0 or int(counts.sum()) != len(arrays["corners"]):
        raise ValueError("`counts` must count the corners")
    polygons = tuple(np.split(arrays["corners"], np.cumsum(counts)[:-1]))
    for shape in (Polygons, Boxes, Points):
        if kind == shape.kind:
            places: Polygons = shape.__new__(shape)
            Polygons.__init__(places, polygons, size)
            return places
    raise ValueError(f"places must be of a known kind (got {quoted(kind)})")
