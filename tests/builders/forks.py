"""Runs of the command line as forks of one process that has everything imported, so that many can be killed quickly.

That process is a fresh one without a GPU: where a GPU is, autograd's threads do not survive a fork. It reads a line of
JSON for each run and answers with the fork's process id, or for a process id with its exit code.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

IMPORTED = (
    "tqdm.auto",
    "viz_nodes.draw",
    "viz_nodes.export.archive",
    "viz_nodes.explainer",
    "vizgraph.checkpoints.load",
    "vizgraph.cli.main",
    "vizgraph.cli.render",
    "viz_nodes.batch.run",
    "vizgraph.data.preprocessing",
)
"""What a run needs, so that its forks need not import it."""


class Forks:
    """The process that forks."""

    def __enter__(self) -> Forks:
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "builders.forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def start(self, arguments: Sequence[str], out: Path, full_after: int | None = None) -> int:
        """Start the command; returns its process id.

        Args:
            full_after: with it the disk is full after so many files of an image's folder.
        """
        return self._ask({"arguments": [*arguments, "--out", str(out)], "full_after": full_after})

    def exit_code(self, child: int) -> int:
        """Wait for its end; negative where a signal ended it."""
        return self._ask({"wait": child})

    def _ask(self, question: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _serve() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        else:
            answer = os.fork()
            if not answer:
                _run(question["arguments"], question["full_after"])
        print(answer, flush=True)


def _run(arguments: Sequence[str], full_after: int | None) -> None:
    """The command, in the fork; never comes back."""
    from vizgraph.cli.main import main

    code = 99
    try:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(quiet, stream)
        # A shell starts what it runs in the background with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if full_after is not None:
            _fill_disk(full_after)
        main([*arguments], prog_name="vizgraph")
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def _fill_disk(after: int) -> None:
    from viz_nodes.batch import folder

    written, real = iter(range(after)), folder.write_atomically

    def write(path: Path, data: bytes, **more: Any) -> None:
        if next(written, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        real(path, data, **more)

    folder.write_atomically = write


if __name__ == "__main__":
    _serve()
