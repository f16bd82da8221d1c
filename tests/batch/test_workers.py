"""Processes that work on items: results in order, errors as they are, deaths made good."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from viz_nodes.batch.workers import WorkerDied, Workers

# The processes import this file's functions by name, and it lies on no path.
sys.path.insert(0, os.path.dirname(__file__))


def workers(count, name):
    module = __import__("workers_work")
    return Workers(count, getattr(module, name))


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))


def is_alive(number):
    """Whether a process exists and is no zombie."""
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_results_belong_to_their_items_whoever_worked_on_them():
    with workers(2, "double") as pool:
        assert [future.result() for future in [pool.submit(n) for n in range(20)]] == [2 * n for n in range(20)]


def test_without_processes_the_work_is_done_here():
    with workers(0, "where") as pool:
        assert pool.submit(None).result() == os.getpid()


def test_errors_arrive_as_they_were_raised():
    with workers(1, "fail") as pool:
        with pytest.raises(FileNotFoundError) as caught:
            pool.submit("x").result()
        assert caught.value.filename == "x"


def test_the_item_of_a_killed_process_is_done_by_another(tmp_path):
    with workers(1, "die_once") as pool:
        assert pool.submit(str(tmp_path / "died")).result() == "done"
        assert pool.submit(str(tmp_path / "died")).result() == "done"


def test_an_item_that_kills_every_process_is_given_up_and_the_next_is_done(tmp_path):
    with workers(1, "die") as pool:
        with pytest.raises(WorkerDied):
            pool.submit(True).result()
        assert pool.submit(False).result() == "alive"


def test_closing_ends_the_processes():
    with workers(1, "where") as pool:
        number = pool.submit(None).result()
    while is_alive(number):
        time.sleep(0.01)


def test_processes_die_with_the_one_that_started_them(tmp_path):
    script = (
        "import workers_work, sys\n"
        "from viz_nodes.batch.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    pool = Workers(1, workers_work.where)\n"
        "    print(pool.submit(None).result(), flush=True)\n"
        "    input()\n"
    )
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    number = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while is_alive(number):
        time.sleep(0.01)
