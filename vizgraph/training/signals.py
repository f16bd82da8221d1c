"""SIGTERM and SIGINT ask a run to finish its step, save and leave; so does the end of the launcher."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType

from viz_nodes.processes import handling, when_orphaned

GRACE_SECONDS = 60.0
"""How long a rank without its launcher may take to save."""


class Stop:
    """Takes note of SIGTERM and SIGINT while it is entered; a second SIGINT interrupts at once.

    A command that does not train unwinds instead (`vizgraph.errors.Terminated`): it has nothing to save.
    """

    def __init__(self) -> None:
        self.signum = 0
        self._handling = contextlib.ExitStack()

    def __bool__(self) -> bool:
        return self.signum != 0

    def __enter__(self) -> Stop:
        self._handling.enter_context(handling((signal.SIGTERM, signal.SIGINT), self._note))
        return self

    def __exit__(self, *_: object) -> None:
        self._handling.close()

    def _note(self, signum: int, _: FrameType | None) -> None:
        if self.signum and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.signum = signum


def die_with_launcher() -> None:
    """Under torchrun: when the launcher is gone, ask this process to save and leave, and insist after a minute."""
    if "LOCAL_RANK" not in os.environ:
        return

    def leave() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(128 + signal.SIGTERM)

    when_orphaned(leave)
