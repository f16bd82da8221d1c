"""One run a folder at a time; the kernel releases the lock, however the run ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import click

from vizgraph.cli.errors import one_line, warn


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder (made if it is not there) for this process; waits, and says so, while another one has it.

    The lock is on the directory itself, so that it leaves no file behind and dies with the process. Where the file
    system has no locks this goes on without.
    """
    folder.mkdir(parents=True, exist_ok=True)
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
            click.echo(f"vizgraph: another run is writing to {one_line(folder)}; waiting for it to end", err=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            warn(f"{folder}: cannot be locked ({error.strerror}); do not let two runs write to it at a time")
        yield
    finally:
        os.close(handle)
