"""Checkpoints of a run: always whole, and checked when they are read."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch

from viz_nodes.files import PART
from viz_nodes.files import replacing as replacing_atomically
from vizgraph.errors import CannotWrite, CheckpointError, first_line

LAST, BEST = "last.pth.tar", "best.pth.tar"


@contextlib.contextmanager
def replacing(path: Path, cure: str = "make room and start again with --resume") -> Iterator[BinaryIO]:
    """A binary file to write that takes the place of `path` at the end, at once and whole, or not at all.

    Args:
        cure: what the error says to do.

    Raises:
        CannotWrite: the disk is full or the folder is closed; `path` is as it was.
    """
    try:
        with replacing_atomically(path) as file:
            yield file
    # torch.save reports a failed write of its archive as a RuntimeError
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        kept = "; the one there is kept" if path.exists() else ""
        raise CannotWrite(f"{path}: cannot be written: {reason}{kept}; {cure}") from error


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint so that whatever is killed when, `path` holds a whole one: the old or the new.

    Raises:
        CannotWrite: it could not be written.
    """
    with replacing(path) as file:
        torch.save(content, file)


def read(path: Path) -> dict[str, Any]:
    """Read a run's checkpoint, tensors and plain types only; each part of the file must have its checksum.

    Raises:
        CheckpointError: it is not there, is damaged, or is no checkpoint of a run.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint")
    damaged = _damaged_part(path)
    if damaged:
        raise CheckpointError(f"{path}: is damaged ({damaged}); go on from another checkpoint of the run")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({first_line(error)})") from error
    if not isinstance(content, dict) or "state_dict" not in content or "training" not in content:
        raise CheckpointError(
            f"{path}: is no checkpoint of a run; to start from its weights use model.checkpoint={path}"
        )
    return content


def _damaged_part(path: Path) -> str:
    """What of torch's zip archive is not as it was written, "" where nothing is or it is no archive.

    torch writes a checksum of each part and does not look at it when it reads.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
    except zipfile.BadZipFile as error:
        return first_line(error) if zipfile.is_zipfile(path) else ""
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        return first_line(error)
    return "" if part is None else f"{part} has not its checksum"


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for beside in (*folder.glob(f"{PART}*"), *folder.glob(".*.tmp")):
        with contextlib.suppress(OSError):
            beside.unlink()
