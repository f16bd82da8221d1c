"""Files that are there whole or not at all, also after a power cut; one writer a folder; what a file's bytes are."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

PART = ".part-"
"""How the names begin that files have until they are whole; what a killed process leaves has one of these."""
_NOT_ON_FOLDERS = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM, errno.ENOSYS}
"""How file systems (SMB, VirtualBox, WSL) say that folders cannot be flushed."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, flush_name: bool = True) -> Iterator[BinaryIO]:
    """A binary file to write that takes the place of `path` at the end, at once and whole, or not at all.

    It is written under a temporary name beside it, flushed to the disk, then renamed; folders above it are made.

    Args:
        path: the file; a link there is replaced, what it points to stays.
        flush_name: make sure of the name too. Who writes many files into a folder calls `flush_folder` after them.

    Raises:
        OSError: it cannot be written; what was there before is still there, and nothing half-written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not made of the file's own name, which may be as long as names can be; never one that is there, nor a link.
    temporary = path.with_name(f"{PART}{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flush_name:
        flush_folder(path.parent)


def write_atomically(path: str | os.PathLike[str], data: bytes, *, flush_name: bool = True) -> None:
    """Write a file as `replacing` does, from bytes."""
    with replacing(path, flush_name=flush_name) as file:
        file.write(data)


def _rename(temporary: Path, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except FileExistsError:  # a file system that does not rename over what is there
        path.unlink()
        os.replace(temporary, path)


def flush_folder(folder: str | os.PathLike[str]) -> None:
    """Make sure that the names of files in a folder outlast a power cut, where the system can.

    Raises:
        OSError: the disk failed; not where the file system cannot flush folders.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_ON_FOLDERS:
            raise
    finally:
        os.close(handle)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(
    folder: str | os.PathLike[str],
    *,
    waiting: Callable[[], None] | None = None,
    unlockable: Callable[[OSError], None] | None = None,
) -> Iterator[None]:
    """Hold a folder (made if it is not there) for this process; the kernel lets go of it, however the process ends.

    The lock is on the directory itself, so that it leaves no file behind. Where the file system has no locks this goes
    on without one.

    Args:
        waiting: called once where another process has it, before waiting for it.
        unlockable: called with the reason where it cannot be locked.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if unlockable is not None:
                unlockable(error)
        yield
    finally:
        os.close(handle)
