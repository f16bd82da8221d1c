"""However a run ends, the same command finishes it, and the files are those of a run that nobody stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from builders.forks import Forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
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


@pytest.fixture(scope="module")
def forks():
    with Forks() as running:
        yield running


@pytest.fixture(scope="module")
def unbroken(forks, arguments, tmp_path_factory):
    """The files of a run that nobody stopped, and how long it took."""
    out = tmp_path_factory.mktemp("unbroken")
    since = time.monotonic()
    assert forks.exit_code(forks.start(arguments, out)) == 1
    files = contents(out)
    assert sum(name.endswith(b"manifest.json") for name in files) == IMAGES
    return files, time.monotonic() - since


def check(out, unbroken, arguments, forks):
    """No manifest speaks of files that are not there; one more run ends, and all is as if nothing had happened."""
    from viz_nodes.batch import manifest

    for path in out.rglob("manifest.json"):
        record = manifest.read(path.parent)
        assert record is not None
        assert manifest.is_whole(path.parent, record)
    assert forks.exit_code(forks.start(arguments, out)) == 1
    assert contents(out) == unbroken[0]


def test_killed_at_any_moment_and_run_again_gives_the_same_files(forks, arguments, unbroken, tmp_path):
    chance = random.Random(0)
    for _ in range(KILLS):
        child = forks.start(arguments, tmp_path)
        time.sleep(chance.uniform(0.05, 1.0) * unbroken[1])
        os.kill(child, signal.SIGKILL)
        assert forks.exit_code(child) in (-signal.SIGKILL, 1)
    check(tmp_path, unbroken, arguments, forks)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_runs_say_so_by_their_exit_code_and_leave_nothing_unfinished(
    number, code, forks, arguments, unbroken, tmp_path
):
    child = forks.start(arguments, tmp_path)
    while not list(tmp_path.rglob("*.png")):
        time.sleep(0.01)
    os.kill(child, number)
    assert forks.exit_code(child) == code
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
    check(tmp_path, unbroken, arguments, forks)


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_full_disk_ends_the_run_with_5_and_the_next_one_finishes(after, forks, arguments, unbroken, tmp_path):
    assert forks.exit_code(forks.start(arguments, tmp_path, full_after=after)) == 5
    check(tmp_path, unbroken, arguments, forks)


def test_what_was_done_is_not_done_again(forks, arguments, unbroken, tmp_path):
    out = tmp_path / "out"
    assert forks.exit_code(forks.start(arguments, out)) == 1
    shutil.rmtree(out / "gcn_demo" / "1")
    stamps = {path: path.stat().st_mtime_ns for path in (out / "gcn_demo").rglob("figure.png")}
    assert forks.exit_code(forks.start(arguments, out)) == 1
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
