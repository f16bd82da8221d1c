"""`vizgraph.workbench`: the bench of `viz_nodes` with this package's networks, weights and images."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viz_nodes.bench import Workbench

DEMO = "gcn_demo"


def workbench(
    images: Sequence[str | os.PathLike[str]] | None = None, *, arch: str = DEMO, weights: str = "demo", **fields: Any
) -> Workbench:
    """Choose a network, weights and an image in a notebook, explain, and look at the figure and the explorer.

    Args:
        images: files to choose from, the bundled ones by default; more can be uploaded.
        arch: the network chosen at first.
        weights: what is written for its weights: "demo" for the bundled ones, "random" for an untrained network, a
            file; "" for the published ones.
        **fields: `layers`, `target` and `method` as they are written at first, see `viz_nodes.workbench`.
    """
    from viz_nodes.bench import Bench
    from viz_nodes.bench import workbench as bench
    from vizgraph.checkpoints import load_model
    from vizgraph.data import bundled_images, labels_of, load_image
    from vizgraph.models import list_models

    kept = functools.lru_cache(maxsize=2)(load_model)

    def load(network: str, words: str, image: Path) -> Bench:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if words == "random" else "default")  # who wrote it knows
            model = kept(network, words or None)
        return Bench(model, load_image(image, model), labels_of(model))

    names = [arch, *(name for name in list_models() if name != arch)]
    paths = bundled_images() if images is None else [Path(each) for each in images]
    return bench(load, names, paths, weights=weights, **fields)
