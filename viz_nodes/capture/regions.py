"""Nodes that are no grid: the regions of each image, and the layers whose nodes they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from viz_nodes.capture.inputs import Inputs
from viz_nodes.explanation import LayerExplanation
from viz_nodes.places import Places, as_places
from viz_nodes.text import quoted


def regions_of(where: Any, inputs: Inputs) -> list[Places]:
    """The regions of each image, as many in each.

    Args:
        where: what a user says, for all images or a list with one for each.

    Raises:
        ValueError: of no known form, or other counts from image to image.
    """
    several = isinstance(where, list | tuple) and len(where) == len(inputs)
    if several and (len(inputs) > 1 or isinstance(where[0], Places)):
        regions = [as_places(each, inputs.size) for each in where]
    else:
        regions = [as_places(where, inputs.size)] * len(inputs)
    counts = sorted({places.num_nodes for places in regions})
    if len(counts) > 1:
        raise ValueError(f"`places` must have as many regions in each image (got {counts}); explain them one by one")
    return regions


def in_regions(
    explained: Sequence[LayerExplanation], regions: Sequence[Places], source: Tensor
) -> tuple[LayerExplanation, ...]:
    """The layers, those with as many nodes as there are regions lying in them.

    Args:
        source: (R,) the image of each row.

    Raises:
        ValueError: no layer has as many nodes.
    """
    nodes = regions[0].num_nodes
    if all(layer.num_nodes != nodes for layer in explained):
        raise ValueError(
            f"`places` must have a region for each node of a layer, {sorted({x.num_nodes for x in explained})} "
            f"(got {quoted(nodes)})"
        )
    rows = tuple(regions[image] for image in source.tolist())
    places = rows[0] if all(each is rows[0] for each in rows) else rows
    return tuple(
        replace(layer, places=places) if layer.num_nodes == nodes and not layer.pooled else layer for layer in explained
    )
