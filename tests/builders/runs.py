"""A small folder of images, a config whose epoch takes a fraction of a second, and a listener."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

COLORS = {"blue": (40, 60, 200), "green": (50, 190, 60), "red": (210, 50, 40)}
TINY = (
    "model.arch=gcn_demo",
    "model.kwargs={k: 1, img_size: 32}",
    "data.input_size=[32, 32]",
    "data.batch_size=4",
    "data.workers=0",
    "schedule.epochs=2",
    "run.device=cpu",
    "optimizer.lr=1e-3",
)


def fill_folder(root, *, train=8, val=4, size=40):
    """Write `train` and `val` images a class: noise around the class's color."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for name, color in COLORS.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                noise = rng.normal(color, 40, (size, size, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(noise).save(folder / f"{number}.png")
    return root


def after_update(function):
    """A callback that calls `function(training)` after each update."""
    from vizgraph.training.callbacks import Callback

    class Listener(Callback):
        def on_update(self, training):
            function(training)

    return Listener()


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, (list, tuple)):
        for key, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{key}")
    else:
        yield path, value


def require_equal(left, right):
    """Compare two checkpoints leaf by leaf; only the seconds and the folder may differ."""
    left, right = dict(leaves(left)), dict(leaves(right))
    assert left.keys() == right.keys()
    for path, value in left.items():
        if path.endswith(("/seconds", "/run/out")):
            continue
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, right[path]), path
        else:
            assert value == right[path], path
