"""Whether a network looks at the object: the bundled scenes, whose objects are known pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import viz_nodes
from viz_nodes.grids import boxes, centers
from viz_nodes.progress import progress as progress_bar
from vizgraph.data.preprocessing import Normalize, Preprocessing
from vizgraph.training.datasets import Source
from vizgraph.training.distributed import Distributed

_AT_ONCE = 32


def localize(
    model: nn.Module, source: Source, preprocessing: Preprocessing, distributed: Distributed, *, show: bool = False
) -> dict[str, Any]:
    """Whether the peak of the last layer's CAM of the predicted class lies on the object.

    Counted over the correctly classified scenes of a split, each once over all ranks. Two definitions: the center of
    the peak patch is a pixel of the object's mask; the peak patch overlaps the mask. `chance` is the mean share of
    patches that would count.

    Args:
        model: the network.
        source: a split of the scenes, opened.
        preprocessing: as in the evaluation.
        distributed: the processes that share the scenes.
        show: whether to show a progress bar (on the main rank).
    """
    transform, normalize = preprocessing.evaluation_transform(), Normalize(preprocessing, distributed.device)
    correct = blank = 0
    hits, chances = np.zeros(2), np.zeros(2)
    mine = range(distributed.rank, source.size, distributed.world_size)
    batches = [mine[start : start + _AT_ONCE] for start in range(0, len(mine), _AT_ONCE)]
    shown = show and distributed.is_main
    with progress_bar(show=shown, total=len(batches), unit="batches", doing="localization") as live:
        for batch in batches:
            scenes = [source.images.scene(index) for index in batch]
            pixels = torch.stack([torch.as_tensor(transform(Image.fromarray(scene.image))) for scene in scenes])
            explained = viz_nodes.explain(model, normalize(pixels), layers=[-1])
            layer = explained.layers[-1]
            for row, scene in enumerate(scenes):
                if int(explained.logits[row].argmax()) != scene.label:
                    continue
                inside = patches_on(seen_mask(scene.mask, preprocessing), layer.grid)
                correct += 1
                chances += inside.mean(axis=1)
                peak = int(layer.peak[row])
                if peak < 0:
                    blank += 1
                else:
                    hits += inside[:, peak]
            live.update(1)
    sums = distributed.total(torch.tensor([correct, blank, *hits, *chances], dtype=torch.float64)).tolist()
    count = max(1.0, sums[0])
    return {
        "scenes": source.size,
        "correct": int(sums[0]),
        "blank": int(sums[1]),
        "center_inside": {"hits": int(sums[2]), "share": sums[2] / count, "chance": sums[4] / count},
        "overlap": {"hits": int(sums[3]), "share": sums[3] / count, "chance": sums[5] / count},
    }


def seen_mask(mask: NDArray[np.bool_], preprocessing: Preprocessing) -> NDArray[np.bool_]:
    """The part of a mask that the network sees, (height, width) bool, through the same resizing and cropping."""
    nearest = replace(preprocessing, interpolation="nearest").evaluation_transform()
    image = Image.fromarray(np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255)
    seen: NDArray[np.uint8] = np.asarray(nearest(image))[0]
    return seen > 127


def patches_on(mask: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.float64]:
    """(2, N): for each patch whether its center is inside the mask, and whether it overlaps the mask."""
    size = (mask.shape[0], mask.shape[1])
    middle = np.floor(centers(grid, size)).astype(int)
    inside = mask[middle[:, 1], middle[:, 0]]
    overlap = [
        mask[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))].any()
        for left, top, right, bottom in boxes(grid, size)
    ]
    return np.stack([inside, np.array(overlap)]).astype(float)
