"""The same run on Ray: the same bytes, whatever dies on the way.

What must die is held, so that it dies where it should, however busy the machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray.data", reason="needs Ray: pip install 'vizgraph[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),  # Ray may need a minute to start, and several tries, where others use the processors
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds Ray's processes through /proc"),
]
IMAGES = 5
HELD = """
import contextlib, os, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
import viz_nodes, vizgraph

images, out, engine, hold = sys.argv[1:]

def load(path):
    image = np.array(Image.open(path).convert("RGB").resize((224, 224)))
    # All but the image that comes first wait, and whoever waits says who it is.
    try:
        os.mkdir(os.path.join(hold, "first"))
    except FileExistsError:
        while os.path.exists(hold):
            with contextlib.suppress(FileNotFoundError):
                Path(hold, str(os.getpid())).touch()
            time.sleep(0.05)
    except FileNotFoundError:  # nobody is held
        pass
    return torch.as_tensor(image).permute(2, 0, 1)[None].float() / 255, image

if __name__ == "__main__":
    model = vizgraph.load_model("gcn_demo", "demo", device="cpu")
    rendered = viz_nodes.render_folder(model, images, out, load=load, layers=[5], dpi=40, engine=engine, workers=2)
    print([row.status for row in rendered.rows])
"""
ALL_BUT_ONE = str(["done"] * IMAGES + ["failed"])


@pytest.fixture(scope="module")
def given(images_and_a_broken_one):
    return images_and_a_broken_one(IMAGES, "broken.jpg")


@pytest.fixture(scope="module")
def held(given, tmp_path_factory):
    """Starts a run of `HELD` into a folder; it is held while the folder `hold` is there."""
    script = tmp_path_factory.mktemp("script") / "held.py"
    script.write_text(HELD)

    def begin(out: Path, hold: Path, engine: str = "ray") -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(script), str(given), str(out), engine, str(hold)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return begin


@pytest.fixture(scope="module")
def unbroken(held, tmp_path_factory):
    """The files of a run without Ray."""
    out = tmp_path_factory.mktemp("unbroken")
    stdout, stderr = held(out, out / "no hold", "local").communicate()
    assert stdout == f"{ALL_BUT_ONE}\n", stderr
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


def is_alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def until_held(process: subprocess.Popen, out: Path, hold: Path) -> int:
    """Wait until a first image is done and a worker waits with another; the worker's process id."""
    while not (list(out.rglob("manifest.json")) and (waiting := [each for each in hold.iterdir() if each.is_file()])):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    return int(waiting[0].name)


def let_go(hold: Path) -> None:
    hold.rename(hold.with_name("let go"))


def test_a_killed_worker_costs_nothing_and_the_files_are_those_of_a_run_without_ray(held, unbroken, tmp_path):
    out, hold = tmp_path / "out", tmp_path / "hold"
    hold.mkdir()
    process = held(out, hold)
    worker = until_held(process, out, hold)
    assert "MapWorker" in descendants(process.pid)[worker]
    os.kill(worker, signal.SIGKILL)
    let_go(hold)
    stdout, stderr = process.communicate()
    assert stdout == f"{ALL_BUT_ONE}\n", stderr
    assert contents(out) == unbroken


def test_a_killed_driver_leaves_no_process_and_the_next_run_finishes(held, unbroken, tmp_path):
    out, hold = tmp_path / "out", tmp_path / "hold"
    hold.mkdir()
    process = held(out, hold)
    until_held(process, out, hold)
    others = descendants(process.pid)
    assert any("raylet" in name for name in others.values())
    done = {path: path.stat().st_mtime_ns for path in out.rglob("manifest.json")}
    assert 0 < len(done) < IMAGES
    process.kill()
    process.communicate()
    while any(map(is_alive, others)):
        time.sleep(0.05)
    let_go(hold)
    stdout, stderr = held(out, hold).communicate()
    assert stdout == f"{ALL_BUT_ONE}\n", stderr
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert contents(out) == unbroken


@pytest.mark.parametrize("alone", [True, False], ids=["an image", "a folder"])
def test_the_command_gives_the_same_files_on_ray(start, weights, given, tmp_path, alone):
    image = given / "0.png" if alone else given
    command = ("render", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--layers", 6, "--dpi", 40)
    command = (*command, "--device", "cpu", "--workers", 1)
    local, ray = tmp_path / "local", tmp_path / "ray"
    for engine, out in (("local", local), ("ray", ray)):
        process = start(*command, "--engine", engine, "--out", out)
        stdout, stderr = process.communicate()
        assert process.returncode == (0 if alone else 1), stderr
        assert alone or f"{IMAGES + 1} images: {IMAGES} rendered, 0 there already, 1 failed" in stdout
    assert contents(ray) == contents(local)
