"""A small folder of images and a config whose epoch takes a fraction of a second."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

COLORS = {"blue": (40, 60, 200), "green": (50, 190, 60), "red": (210, 50, 40)}


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


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Folder with 24 training and 12 validation images of three classes."""
    return fill_folder(tmp_path_factory.mktemp("photos"))


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """Every test here: runs are compared to the bit."""


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


@pytest.fixture
def tiny(photos):
    """Makes a config of a small run on `photos` from overrides."""
    from vizgraph.training.config import load

    def make(*overrides):
        return load(None, (*TINY, f"data.root={photos}", *overrides))

    return make


@pytest.fixture
def start():
    """Makes a `Training` on the CPU, alone and silent."""
    import torch

    from vizgraph.training.loop import Training
    from vizgraph.training.ranks import Ranks

    def make(config, folder, **options):
        return Training(config, Ranks(torch.device("cpu")), folder, show=False, **options)

    return make
