"""Images and labels: from a file to the pixels a network takes, and the bundled task with known truth."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_HOME = {
    "ImageError": "vizgraph.data.images",
    "ImageWarning": "vizgraph.data.images",
    "Raster": "vizgraph.data.images",
    "Sample": "vizgraph.data.images",
    "load_image": "vizgraph.data.images",
    "open_image": "vizgraph.data.images",
    "prepare": "vizgraph.data.images",
    "read_image": "vizgraph.data.images",
    "Preprocessing": "vizgraph.data.preprocessing",
    "imagenet_names": "vizgraph.data.labels",
    "imagenet_synsets": "vizgraph.data.labels",
    "labels_of": "vizgraph.data.labels",
    "synset_index": "vizgraph.data.labels",
    "Scene": "vizgraph.data.scenes",
    "Scenes": "vizgraph.data.scenes",
    "bundled_images": "vizgraph.data.samples",
    "bundled_truth": "vizgraph.data.samples",
}
__all__ = [
    "ImageError",
    "ImageWarning",
    "Preprocessing",
    "Raster",
    "Sample",
    "Scene",
    "Scenes",
    "bundled_images",
    "bundled_truth",
    "imagenet_names",
    "imagenet_synsets",
    "labels_of",
    "load_image",
    "open_image",
    "prepare",
    "read_image",
    "synset_index",
]

if TYPE_CHECKING:
    from vizgraph.data.images import (
        ImageError,
        ImageWarning,
        Raster,
        Sample,
        load_image,
        open_image,
        prepare,
        read_image,
    )
    from vizgraph.data.labels import imagenet_names, imagenet_synsets, labels_of, synset_index
    from vizgraph.data.preprocessing import Preprocessing
    from vizgraph.data.samples import bundled_images, bundled_truth
    from vizgraph.data.scenes import Scene, Scenes


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
