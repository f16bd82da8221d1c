"""The same command on Ray: the same bytes, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

pytest.importorskip("ray.data", reason="needs Ray: pip install 'vizgraph[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds Ray's processes through /proc"),
]
IMAGES = 5


@pytest.fixture(scope="module")
def given(images_and_a_broken_one):
    return images_and_a_broken_one(IMAGES, "2 broken.jpg")


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
    ]


@pytest.fixture(scope="module")
def unbroken(arguments, start, tmp_path_factory):
    """The files of a run without Ray."""
    out = tmp_path_factory.mktemp("unbroken")
    process = start(*arguments, "--workers", 0, "--out", out)
    assert process.wait(240) == 1, process.stderr.read()
    return contents(out)


def contents(folder: Path) -> dict[bytes, bytes]:
    return {os.fsencode(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def descendants(ancestor: int) -> dict[int, str]:
    """The command lines of a process's children and theirs, by process id."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: names[pid] for pid in found - {ancestor}}


def on_ray(start, arguments, out):
    return start(*arguments, "--workers", 2, "--engine", "ray", "--out", out)


def first_done(process, out: Path) -> None:
    """Wait until a first image is done."""
    while process.poll() is None and not list(out.rglob("manifest.json")):
        time.sleep(0.05)


def test_a_killed_worker_costs_nothing_and_the_files_are_those_of_a_run_without_ray(
    start, arguments, unbroken, tmp_path
):
    process = on_ray(start, arguments, tmp_path)
    first_done(process, tmp_path)
    workers = [pid for pid, name in descendants(process.pid).items() if "MapWorker" in name]
    assert workers, process.communicate(timeout=240)[1]
    os.kill(workers[0], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 1, stderr
    assert f"{IMAGES + 1} images: {IMAGES} rendered, 0 there already, 1 failed" in stdout
    assert contents(tmp_path) == unbroken


def test_a_killed_driver_leaves_no_process_and_the_next_run_finishes(start, arguments, unbroken, tmp_path):
    process = on_ray(start, arguments, tmp_path)
    first_done(process, tmp_path)
    others = descendants(process.pid)
    assert any("raylet" in name for name in others.values())
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("manifest.json")}
    process.kill()
    process.wait()
    while any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in others):
        time.sleep(0.05)
    again = on_ray(start, arguments, tmp_path)
    _, stderr = again.communicate(timeout=240)
    assert again.returncode == 1, stderr
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert contents(tmp_path) == unbroken
