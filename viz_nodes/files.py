"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes, *, flush_name: bool = True) -> None:
    """Write a file under a temporary name beside it, flush it to the disk, then rename; folders above it are made.

    Args:
        flush_name: make sure of the name too. Who writes many files into a folder calls `flush_folder` after them.

    Raises:
        OSError: it cannot be written; what was there before is still there, and nothing half-written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not made of the file's own name, which may be as long as names can be.
    temporary = path.with_name(f".part-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flush_name:
        flush_folder(path.parent)


def flush_folder(folder: str | os.PathLike[str]) -> None:
    """Make sure that the names of files in a folder outlast a power cut, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
