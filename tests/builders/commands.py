"""Fixtures of the command line and of batches: a small checkpoint, photographs, ways to run commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from vizgraph.cli.main import main


@pytest.fixture(scope="session")
def images_and_a_broken_one(tmp_path_factory) -> Callable[[int, str], Path]:
    """A new folder of so many images of noise, and a file of this name that is none."""

    def make(count: int, broken: str) -> Path:
        folder = tmp_path_factory.mktemp("given")
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        (folder / broken).write_text("no image")
        return folder

    return make


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A file of gcn_demo weights with sane batch statistics: an untrained network's features grow beyond all bounds."""
    import timm

    import vizgraph  # noqa: F401

    torch.manual_seed(0)
    model = timm.create_model("gcn_demo").train()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        for _ in range(6):
            model(torch.randn(2, 3, 224, 224))
    torch.set_num_threads(threads)
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture
def photograph() -> Callable[..., Path]:
    """Writes a picture with structure, another one for every seed."""

    def write(path: str | os.PathLike[str], seed: int = 0, size: tuple[int, int] = (64, 48)) -> Path:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            form = "PNG" if str(path).lower().endswith("png") else "JPEG"
            Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, form)
        return Path(path)

    return write


@pytest.fixture
def run() -> Callable[..., Result]:
    """Runs a command in this process: exit code, stdout and stderr."""

    def invoke(*args: object) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="vizgraph")

    return invoke


@pytest.fixture(scope="session")
def start() -> Callable[..., subprocess.Popen]:
    """Starts a command in a process, and a process group, of its own."""

    def begin(*args: object, **more) -> subprocess.Popen:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "vizgraph", *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
            **more,
        )

    return begin
