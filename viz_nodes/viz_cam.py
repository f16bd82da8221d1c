"""`Viz_CAM`, the class of the GraphConvNet release, on top of `explain` and the painters.

This is the one module of the package that knows vizgraph: as in the release, importing it registers the architectures
with timm, so that the release's notebook runs as it stands.
"""

from __future__ import annotations

import json
import os
import warnings
from collections import namedtuple
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

import vizgraph
from viz_nodes.batch.inputs import SUFFIXES
from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation
from viz_nodes.files import write_atomically
from viz_nodes.text import quoted

__all__ = ["Neighbor", "Viz_CAM"]

Neighbor = namedtuple("Neighbor", "layer_idx center_idx neighbors")
"""The most discriminative node of a layer (from 0) and its neighbors, nearest first."""


class Viz_CAM:
    """Grad-CAM, the most discriminative node's neighbors, and their graph, for one image or all images of a folder.

    Args:
        image_root: an image, or a folder that is searched through.
        output_root_dir: results go to `<output_root_dir>/<image name>/`, for a folder to the image's place in it.
        hr_ratio: pictures are this many times as wide as the network's input.
        model: a network with graph layers.
        target_layers_idx: graph layers from 0; files count them from 1, so index 3 is in `layer_4_cam.png`.
        patch_size: kept for programs of the release; the grid is read off the network.
        label_list: the class names; without it the model's own, or those of ImageNet for 1000 classes.
    """

    def __init__(
        self,
        image_root: str | os.PathLike[str],
        output_root_dir: str | os.PathLike[str],
        hr_ratio: float,
        model: nn.Module,
        target_layers_idx: Sequence[int],
        patch_size: int = 16,
        label_list: Sequence[str] | None = None,
    ) -> None:
        if not hr_ratio > 0:
            raise ValueError(f"`hr_ratio` must be above 0 (got {quoted(hr_ratio)})")
        self.image_root = image_root
        self.output_root_dir = output_root_dir
        self.hr_ratio = hr_ratio
        self.model = model
        self.target_layers_idx = list(target_layers_idx)
        self.patch_size = patch_size
        self.label_list = label_list

    def process(self, viz_neighbors: int = 9, save_topk: int = 1) -> list[Explanation]:
        """Explain every image and write its pictures.

        For layer index 3 and center 5: `layer_4_cam.png`, `layer_4_center_5_neighbors.png`, `layer_4_graph.png`; for
        `save_topk=1`: `top_1.json`, as {"tench, Tinca tinca_0": "0.89690"}. Where a layer's map is blank there is no
        center, and a warning in place of the last two pictures.

        Args:
            viz_neighbors: how many of the nearest neighbors to draw; 0 for no neighbors and no graph.
            save_topk: how many classes to save; 0 for none.

        Returns:
            An explanation for each image.

        Raises:
            FileNotFoundError: there is no image.
        """
        images = find_images(self.image_root)
        return [
            self._process(path, folder, viz_neighbors, save_topk)
            for path, folder in zip(images, output_folders(images, self.image_root, self.output_root_dir))
        ]

    def _process(self, path: Path, folder: Path, viz_neighbors: int, save_topk: int) -> Explanation:
        from viz_nodes.draw import panel, save_figure
        from viz_nodes.explainer import explain

        sample = vizgraph.load_image(path, self.model)
        device = next(self.model.parameters()).device
        exp = explain(self.model, sample.pixels.to(device), layers=self.target_layers_idx)
        folder.mkdir(parents=True, exist_ok=True)
        if save_topk > 0:
            best = self._top(exp, save_topk)
            print(f"{path}: top {save_topk}: {best}")
            write_atomically(folder / f"top_{save_topk}.json", json.dumps(best, indent=4, ensure_ascii=False).encode())
        for index in dict.fromkeys(exp.layer(index).index for index in self.target_layers_idx):
            explained = exp.layer(index)
            stem = f"layer_{explained.number}"
            pictures: list[tuple[str, str, dict[str, Any]]] = [("cam", f"{stem}_cam.png", {})]
            peak = int(explained.peak[0])
            if viz_neighbors > 0 and peak == NO_PEAK:
                warnings.warn(f"{path}: layer {explained.number} has a blank map, so it has no center", stacklevel=3)
            elif viz_neighbors > 0:
                neighbors = [node for node in explained.neighbors[0, peak].tolist() if node != NO_EDGE][:viz_neighbors]
                print(Neighbor(index, peak, neighbors))
                nearest = {"k": viz_neighbors, "order": "rank"}  # as the release draws them
                pictures.append(("neighbors", f"{stem}_center_{peak}_neighbors.png", nearest))
                pictures.append(("graph", f"{stem}_graph.png", nearest))
            for kind, name, options in pictures:
                figure = panel(kind, exp, index, sample.image, **options)
                save_figure(figure, folder / name, dpi=self.hr_ratio * sample.image.shape[1] / figure.get_figwidth())
        return exp

    def _top(self, exp: Explanation, count: int) -> dict[str, str]:
        """The most probable classes, as the release wrote them: {"<label>_<index>": "<probability>"}."""
        from vizgraph.data import imagenet_names, labels_of

        labels = self.label_list or exp.labels or labels_of(self.model)
        if labels is None and exp.logits.shape[1] == 1000:
            labels = imagenet_names()
        best = exp.probabilities[0].topk(min(count, exp.logits.shape[1]))
        return {
            f"{labels[index] if labels is not None else 'class'}_{index}": f"{value:.5f}"
            for value, index in zip(best.values.tolist(), best.indices.tolist())
        }


def find_images(root: str | os.PathLike[str]) -> list[Path]:
    """An image itself, or the images in a folder and its subfolders, sorted.

    Raises:
        FileNotFoundError: there is none.
    """
    root = Path(root)
    if not root.is_dir():
        if not root.exists():
            raise FileNotFoundError(f"{root}: no such image or folder")
        return [root]
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise FileNotFoundError(f"{root}: there is no image in this folder")
    return paths


def output_folders(
    images: Sequence[Path], root: str | os.PathLike[str], output_root: str | os.PathLike[str]
) -> list[Path]:
    """A folder for each image: its path below `root` without the suffix; with it where two would share one."""
    root = Path(root)
    below = [path.relative_to(root) if root.is_dir() else Path(path.name) for path in images]
    bare = [path.with_suffix("") for path in below]
    return [Path(output_root) / (path if bare.count(short) > 1 else short) for path, short in zip(below, bare)]
