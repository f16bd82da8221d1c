"""However a run ends, the same command finishes it, and the files are those of a run that nobody stopped.

Runs are forks of this process, which has everything imported, so that many can be killed in little time.
"""

from __future__ import annotations

import errno
import importlib
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or torch.cuda.is_available(),
    reason="needs fork, which autograd's threads for a GPU do not survive",
)

IMPORTED = (
    "tqdm.auto",
    "viz_nodes.draw",
    "viz_nodes.export.archive",
    "viz_nodes.explainer",
    "vizgraph.checkpoints.load",
    "vizgraph.cli.render",
    "viz_nodes.batch.run",
    "vizgraph.data.preprocessing",
)
"""What a run needs, so that its forks need not import it."""
KILLS = 4
IMAGES = 3


def contents(folder: Path) -> dict[bytes, bytes]:
    return {os.fsencode(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def given(images_and_a_broken_one):
    return images_and_a_broken_one(IMAGES, "broken.jpg")


@pytest.fixture(scope="module")
def arguments(given, weights):
    return [
        "render",
        "--arch",
        "gcn_demo",
        "--ckpt",
        str(weights),
        "--img",
        str(given),
        "--layers",
        "6",
        "--dpi",
        "40",
        "--device",
        "cpu",
        "--workers",
        "0",
    ]


def forked(arguments, out, before=lambda: None) -> int:
    """Start the command in a fork of this process; returns its process id."""
    from vizgraph.cli.main import main

    for name in IMPORTED:
        importlib.import_module(name)

    child = os.fork()
    if child:
        return child
    code = 99
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.stdout = sys.stderr = os.fdopen(quiet, "w")
        # A shell starts what it runs in the background with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        torch.set_num_threads(1)  # OpenMP's threads, which other tests may have started, do not survive the fork
        before()
        main([*arguments, "--out", str(out)], prog_name="vizgraph")
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def unbroken(arguments, tmp_path_factory):
    """The files of a run that nobody stopped, and how long it took."""
    out = tmp_path_factory.mktemp("unbroken")
    since = time.monotonic()
    assert exit_code(forked(arguments, out)) == 1
    files = contents(out)
    assert sum(name.endswith(b"manifest.json") for name in files) == IMAGES
    return files, time.monotonic() - since


def check(out, unbroken, arguments):
    """No manifest speaks of files that are not there; one more run ends, and all is as if nothing had happened."""
    from viz_nodes.batch import manifest

    for path in out.rglob("manifest.json"):
        made = manifest.read(path.parent)
        assert made is not None
        assert manifest.is_whole(path.parent, made)
    assert exit_code(forked(arguments, out)) == 1
    assert contents(out) == unbroken[0]


def test_killed_at_any_moment_and_run_again_gives_the_same_files(arguments, unbroken, tmp_path):
    chance = random.Random(0)
    for _ in range(KILLS):
        child = forked(arguments, tmp_path)
        time.sleep(chance.uniform(0.05, 1.0) * unbroken[1])
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    check(tmp_path, unbroken, arguments)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_runs_say_so_by_their_exit_code_and_leave_nothing_unfinished(
    number, code, arguments, unbroken, tmp_path
):
    child = forked(arguments, tmp_path)
    while not list(tmp_path.rglob("*.png")):
        time.sleep(0.01)
    os.kill(child, number)
    assert exit_code(child) == code
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
    check(tmp_path, unbroken, arguments)


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_full_disk_ends_the_run_with_5_and_the_next_one_finishes(after, arguments, unbroken, tmp_path):
    def fill():
        from viz_nodes.batch import folder as item

        written, real = iter(range(after)), item.write_atomically

        def write(path, data, **more):
            if next(written, None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            real(path, data, **more)

        item.write_atomically = write

    assert exit_code(forked(arguments, tmp_path, fill)) == 5
    check(tmp_path, unbroken, arguments)


def test_what_was_done_is_not_done_again(arguments, unbroken, tmp_path):
    out = tmp_path / "out"
    assert exit_code(forked(arguments, out)) == 1
    shutil.rmtree(out / "gcn_demo" / "1")
    stamps = {path: path.stat().st_mtime_ns for path in (out / "gcn_demo").rglob("figure.png")}
    assert exit_code(forked(arguments, out)) == 1
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert contents(out) == unbroken[0]


def test_a_second_run_waits_for_the_first(arguments, tmp_path, start):
    from viz_nodes.files import locked

    with locked(tmp_path / "gcn_demo"):
        second = start(*arguments, "--out", tmp_path)
        said = ""
        while "waiting for it to end" not in said:
            said += second.stderr.readline()
        assert second.poll() is None
        assert not list((tmp_path / "gcn_demo").iterdir())
    assert second.wait(240) == 1
    assert list(tmp_path.rglob("manifest.json"))
