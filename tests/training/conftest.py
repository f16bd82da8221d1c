"""A config whose epoch takes a fraction of a second, and a run of it."""

from __future__ import annotations

import pytest

from builders.runs import TINY


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """Every test here: runs are compared to the bit."""


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

    from vizgraph.training.distributed import Distributed
    from vizgraph.training.loop import Training

    def make(config, folder, **options):
        return Training(config, Distributed(torch.device("cpu")), folder, show=False, **options)

    return make
