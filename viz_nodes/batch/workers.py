"""Processes that work while the network goes on, each with a matplotlib of its own."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any

from viz_nodes.processes import when_orphaned

_FEW, _MOST = 4, 8
_TRIES = 2
"""Processes that may die over an item before it is given up."""


class WorkerDied(RuntimeError):
    """The process that worked on an item died, and so did the one that tried again."""


class Workers:
    """Worker processes behind futures.

    A process that dies (killed, out of memory) costs nothing but time: its item goes to a new one. When this process
    dies, whatever way, the workers end at once.

    Args:
        count: processes; 0 does the work in this one when it is asked for.
        function: what they do with an item; a function of a module, as its name is what travels.
    """

    def __init__(self, count: int, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._closed = False
        self._processes: dict[int, Any] = {}
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(count)
        ]
        if count:
            self._context = _context(function.__module__)
        for thread in self._threads:
            thread.start()

    def submit(self, item: Any) -> Future[Any]:
        """The future of an item's result."""
        future: Future[Any] = Future()
        if self._threads:
            self._jobs.put((future, pickle.dumps(item, protocol=pickle.HIGHEST_PROTOCOL)))
        else:
            _settle(future, self._function, item)
        return future

    def close(self) -> None:
        """End the processes now, whatever they are at; what they were writing is not taken for done."""
        self._closed = True
        for process in list(self._processes.values()):
            process.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(timeout=10)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, number: int) -> None:
        """A thread's life: start a process, hand it one item after another, replace it when it dies."""
        connection = None
        with contextlib.suppress(Exception):
            connection = self._start(number)
        while (job := self._jobs.get()) is not None and not self._closed:
            future, payload = job
            for _ in range(_TRIES):
                try:
                    if connection is None:
                        connection = self._start(number)
                    connection.send_bytes(payload)
                    kind, value = pickle.loads(connection.recv_bytes())
                except (EOFError, OSError) as error:
                    connection, kind, value = None, "died", error
                    if self._closed:
                        break
                    continue
                break
            if kind == "result":
                future.set_result(value)
            elif kind == "error":
                future.set_exception(value)
            else:
                future.set_exception(WorkerDied("the process that drew it died twice; there may be too little memory"))

    def _start(self, number: int) -> Connection:
        ours: Connection
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._function), name=f"worker-{number}", daemon=True
        )
        process.start()
        theirs.close()
        self._processes[number] = process
        if self._closed:
            process.kill()
        return ours


def _settle(future: Future[Any], function: Callable[[Any], Any], item: Any) -> None:
    try:
        future.set_result(function(item))
    except Exception as error:
        future.set_exception(error)


def _context(module: str) -> Any:
    """A way to start processes that shares no threads and locks with this one; imports are paid once if possible."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([module, "viz_nodes.batch.explainer", "viz_nodes.draw"])
        return context
    return multiprocessing.get_context("spawn")


def _work(connection: Connection, function: Callable[[Any], Any]) -> None:
    """A process's life: do what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who ends this process
    when_orphaned(lambda: os._exit(1))
    from viz_nodes.batch.explainer import one_thread

    with one_thread():
        gc.freeze()  # what is imported stays; the collector need not look through it again for every picture
        for payload in _incoming(connection):
            try:
                answer = ("result", function(pickle.loads(payload)))
            except Exception as error:
                answer = ("error", portable(error))
            connection.send_bytes(pickle.dumps(answer))


def _incoming(connection: Connection) -> Iterator[bytes]:
    while True:
        try:
            yield connection.recv_bytes()
        except EOFError:
            return


def portable(error: BaseException) -> BaseException:
    """An error that arrives as itself; one that does not survive the way arrives as its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def how_many(wanted: int | None, total: int) -> int:
    """Processes for so many items: as many as asked for, by default none where starting them takes longer."""
    if wanted is not None:
        return min(wanted, total)
    return 0 if total < _FEW else min(processors(), _MOST, total)
