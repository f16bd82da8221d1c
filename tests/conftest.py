"""What all tests share: where the reference data lies, and one thread a process so that workers do not fight."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"


@pytest.fixture(scope="session", autouse=True)
def _one_thread_each():
    import cv2

    cv2.setNumThreads(1)  # its threads do not survive the forks of the tests of interruptions
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)


@pytest.fixture
def one_thread():
    """On several threads some of torch's own operations differ from call to call in the last bit."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference data; tests that need it are skipped in a clone that does not have it beside it."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference data (../shared/reference) is not beside this checkout")
    return REFERENCE


@pytest.fixture(scope="session")
def fill(reference):
    """The reference's `fill.py`: weights and images that depend only on names and seeds."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("reference_fill", reference / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_net():
    """Builds a `SmallGNN` with random weights and batch-norm statistics, in eval mode and float64 unless told."""
    from builders.networks import seeded_net

    return seeded_net


@pytest.fixture(scope="session")
def make_pixels():
    """Random pixels (images, 3, 24, 16)."""
    from builders.networks import seeded_pixels

    return seeded_pixels


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Folder with 24 training and 12 validation images of three classes."""
    from builders.runs import fill_folder

    return fill_folder(tmp_path_factory.mktemp("photos"))
