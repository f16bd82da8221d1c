"""Checkpoints that are always whole: written beside, flushed to the disk, then renamed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch

from viz_nodes import files
from vizgraph.errors import CannotWrite, TrainingError, first_line

LAST, BEST = "last.pth.tar", "best.pth.tar"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write that takes the place of `path` at the end, at once and whole, or not at all.

    Raises:
        CannotWrite: the disk is full or the folder is closed; `path` is as it was.
    """
    try:
        with files.replacing(path) as file:
            yield file
    # torch.save reports a failed write of its archive as a RuntimeError
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        kept = "; the one there is kept" if path.exists() else ""
        raise CannotWrite(
            f"{path}: cannot be written: {reason}{kept}; make room and start again with --resume"
        ) from error


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint so that whatever is killed when, `path` holds a whole one: the old or the new.

    Raises:
        CannotWrite: it could not be written.
    """
    with replacing(path) as file:
        torch.save(content, file)


def read(path: Path) -> dict[str, Any]:
    """Read a run's checkpoint, tensors and plain types only.

    Raises:
        TrainingError: it is not there, is damaged, or is no checkpoint of a run.
    """
    if not path.is_file():
        raise TrainingError(f"{path}: there is no such checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(f"{path}: cannot be read as a checkpoint ({first_line(error)})") from error
    if not isinstance(content, dict) or "state_dict" not in content or "training" not in content:
        raise TrainingError(f"{path}: is no checkpoint of a run; to start from its weights use model.checkpoint={path}")
    return content


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for beside in (*folder.glob(f"{files.PART}*"), *folder.glob(".*.tmp")):
        beside.unlink(missing_ok=True)
