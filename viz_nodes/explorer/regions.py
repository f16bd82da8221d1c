"""Nodes that are no grid, as the page draws them: outlines in fractions of what the network saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from viz_nodes.explorer.packing import pack_indices, pack_signed
from viz_nodes.places import Places


def pack_regions(places: Places) -> dict[str, Any]:
    """The regions of N nodes.

    Returns:
        size: [height, width] of the network's input.
        pitch: usual distance of two nodes, in its pixels.
        corners: (P, 2) x, y of all outlines, one behind the other; counts: how many each has.
        loops: how many outlines each node has.
        middles: (N, 2), where edges begin and end.
        spots: (N, 2), a place that belongs to this node alone, for those who choose it.
    """
    height, width = places.size
    whole = np.array([width, height], dtype=float)
    outlines = places.outlines()
    loops = [loop for each in outlines for loop in each]
    return {
        "size": [height, width],
        "pitch": round(float(places.pitch), 3),
        "corners": _packed(np.concatenate(loops) / whole),
        "counts": pack_indices(torch.tensor([len(loop) for loop in loops])),
        "loops": pack_indices(torch.tensor([len(each) for each in outlines])),
        "middles": _packed(places.centers() / whole),
        "spots": _packed(spots_of(places) / whole),
    }


def spots_of(places: Places) -> np.ndarray:
    """(N, 2) x, y of a point of each region that lies in no smaller one: its middle where that is such a point.

    A region that smaller ones cover altogether keeps its middle.
    """
    spots = places.centers()
    shown = places.label_map()
    for node, (x, y) in enumerate(spots):
        if places.at(x, y) == node:
            continue
        rows, cols = np.nonzero(shown == node)
        if len(rows):
            best = int(np.argmin(np.hypot(cols + 0.5 - x, rows + 0.5 - y)))
            spots[node] = cols[best] + 0.5, rows[best] + 0.5
    return spots


def _packed(points: np.ndarray) -> dict[str, Any]:
    return pack_signed(torch.from_numpy(np.ascontiguousarray(points)))
