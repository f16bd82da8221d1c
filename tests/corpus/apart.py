"""Run something in a process of its own, with less than it would like to have, and see how that ended."""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.promises import Broken, require

PROGRAM = 700
"""Megabytes that a program has before it does anything: torch, timm and what they load."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code; -9 and the like where a signal ended it.
        value: what the function returned; None where it did not.
        error: (class name, message) of what it raised.
        peak: megabytes of memory, at most, as a program of its own: beyond what was there when it began, and `PROGRAM`.
        seconds: it took.
        words: what it wrote to stderr.
    """

    code: int
    value: Any
    error: tuple[str, str] | None
    peak: float
    seconds: float
    words: str = ""


def apart(
    function: Callable[[], Any],
    folder: Path,
    *,
    seconds: float = 60,
    more_memory: int | None = None,
    file_size: int | None = None,
    descriptors: int | None = None,
    no_rights: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> Ended:
    """Run a function in a fork.

    Args:
        folder: for what it says and returns.
        seconds: after which it is killed.
        more_memory: megabytes of address space beyond what this process has.
        file_size: bytes, the longest file it can write: as on a full disk.
        descriptors: files it can have open.
        no_rights: whether files that its user may not write are to be so for root too (Linux).
        meanwhile: called over and over while it runs.

    Raises:
        Broken: it did not end.
    """
    answer = folder / "answer.pickle"
    start = time.monotonic()
    sys.stdout.flush()
    before = _resident()
    reads, writes = os.pipe()  # a file would have to obey the limits
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = _child(function, answer, writes, more_memory, file_size, descriptors, no_rights)
        finally:
            os._exit(code)
    os.close(writes)
    os.set_blocking(reads, False)
    words = bytearray()
    with os.fdopen(reads, "rb", buffering=0) as pipe:
        status, usage = _waited(pid, pipe, words, start + seconds, meanwhile)
    took = time.monotonic() - start
    value, error = pickle.loads(answer.read_bytes()) if answer.is_file() and answer.stat().st_size else (None, None)
    said = words.decode(errors="replace")
    peak = usage.ru_maxrss / 1024 - before + PROGRAM
    return Ended(os.waitstatus_to_exitcode(status), value, error, peak, took, said)


def _resident() -> float:
    """Megabytes of this process, which a fork begins with."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _waited(
    pid: int, pipe: Any, words: bytearray, until: float, meanwhile: Callable[[], None] | None
) -> tuple[int, Any]:
    """Exit status and usage of a process, whose words are kept."""
    while True:
        words += pipe.read(2**16) or b""
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            words += pipe.read(2**20) or b""
            return status, usage
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.wait4(pid, 0)
            raise Broken("it did not end in time")
        if meanwhile is not None:
            meanwhile()
        time.sleep(0.002)


def _child(
    function: Callable[[], Any],
    answer: Path,
    words: int,
    more_memory: int | None,
    file_size: int | None,
    descriptors: int | None,
    no_rights: bool,
) -> int:
    # Opened before anything is taken away, so that the answer can still be given.
    out = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(words, 1)
    os.dup2(words, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    code, result = 0, (None, None)
    if no_rights and os.geteuid() == 0:
        _give_up_overriding()
    if descriptors is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))
    if more_memory is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + more_memory * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    try:
        result = (function(), None)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException as error:
        code, result = 98, (None, (type(error).__name__, str(error)))
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.write(out, pickle.dumps(result))
    return code


def _give_up_overriding() -> None:
    """Let permissions of files hold for root too: without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    require(libc.capget(header, sets) == 0, "capget")
    sets[0] &= ~0b110
    require(libc.capset(header, sets) == 0, "capset")


def command(*args: object) -> Callable[[], None]:
    """A function that runs `vizgraph` and leaves with its exit code."""

    from vizgraph.cli.main import main

    def run() -> None:
        main([str(arg) for arg in args], prog_name="vizgraph")

    return run


CODES = range(6)
"""Exit codes of people's mistakes and of what the machine lacks."""


def require_one_error(ended: Ended, codes: Any = CODES) -> str:
    """A command's one line about why it failed.

    Raises:
        Broken: another exit code, no line, several, or a traceback.
    """
    require(ended.code in codes, f"exit {ended.code}, {ended.words[-300:]!r}, {ended.error}")
    lines = [line for line in ended.words.splitlines() if line.startswith("vizgraph: error: ")]
    require("Traceback" not in ended.words, ended.words[-300:])
    require(len(lines) == 1, f"{len(lines)} lines of errors: {ended.words[-300:]!r}")
    return lines[0]
