"""Processes among others: signals that end them, and parents that they must not outlive."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from types import FrameType

_SECONDS = 1.0
"""Between two looks whether the parent is there."""


@contextlib.contextmanager
def handling(signums: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Meanwhile these signals call `handler`; what was there before is put back. Nothing where no handler may be set.

    What a handler does is its owner's: a command unwinds its stack (`vizgraph/cli/errors.py`), a training run takes
    note, finishes its update and saves (`vizgraph/training/signals.py`).
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other thread may set one
        for signum in signums:
            before[signum] = signal.signal(signum, handler)
    try:
        yield
    finally:
        for signum, earlier in before.items():
            signal.signal(signum, signal.SIG_DFL if earlier is None else earlier)


def when_orphaned(act: Callable[[], None]) -> None:
    """Call something, in a thread of its own, once the process that this one works for is gone, whatever way.

    That is the process that started it by `multiprocessing`, also where a fork server did so for it, else its parent.
    """
    started_by, parent = multiprocessing.parent_process(), os.getppid()

    def watch() -> None:
        # A forked sibling keeps the pipe of the sentinel open, and the parent of a fork server's child is the server:
        # each sign alone would miss a death.
        while os.getppid() == parent:
            if started_by is None:
                time.sleep(_SECONDS)
            elif wait([started_by.sentinel], timeout=_SECONDS):
                break
        act()

    threading.Thread(target=watch, daemon=True).start()
