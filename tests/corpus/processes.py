"""Runs that are killed, and two at once."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from corpus.apart import apart, command
from corpus.disks import RENDER, pictures, require_whole
from corpus.everything import asked
from corpus.promises import Case, promise, require


def start(*args: object, memory: int | None = None) -> Any:
    """`vizgraph` as a process of its own, whose stderr is kept; with so many megabytes of address space at most."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def limited() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory * 2**20, memory * 2**20))

    return subprocess.Popen(
        [sys.executable, "-m", "vizgraph", *map(str, args)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True,
        preexec_fn=limited,
    )  # fmt: skip


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _contents(out: Path) -> dict[str, bytes]:
    """All results, but for what says when and where they were made."""
    names = ("manifest.json", "batch.jsonl")
    return {
        str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file() and p.name not in names
    }


@promise(
    "a run that is killed, or one of whose workers is, ends and says so, leaves whole results, and goes on to "
    "the same bytes",
    how="`render` of four images with two workers, SIGKILL to a worker or SIGTERM, SIGINT or SIGKILL to the run "
    "at a random "
    "moment, then the same command again, compared with a run that nobody disturbed",
    limits="Linux",
    sample=0,
    full=24,
)
def kills(case: Case) -> None:
    images, out, calm = pictures(case.folder / "in", 4), case.folder / "o", case.folder / "calm"
    run = [*RENDER[:-4], "--workers", 2, "--device", "cpu", "--img", images]
    kinds = ("worker", signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
    how = kinds[case.number % 4]
    process = start(*run, "--out", out)
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None and not (out / "gcn_demo").is_dir():
        time.sleep(0.02)
    time.sleep(float(case.rng.uniform(0, 4)))
    if how == "worker":
        children = _children(process.pid)
        if children:
            os.kill(children[int(case.rng.integers(len(children)))], signal.SIGKILL)
    elif process.poll() is None:
        process.send_signal(how)
    _, words = process.communicate(timeout=180)
    code = process.returncode
    require("Traceback" not in words or how == signal.SIGKILL, words[-300:])
    require(code in (0, 1, 5, 70, 130, 143, -9), f"exit {code} after {how}: {words[-200:]}")
    require(code != 70, f"a defect after {how}: {words[-300:]}")
    require_whole(out)
    again = apart(command(*RENDER, "--img", images, "--out", out), case.folder, seconds=120)
    require(again.code == 0, f"not well again after {how}: {again.words[-300:]}")
    apart(command(*RENDER, "--img", images, "--out", calm), case.folder, seconds=120)
    require(_contents(out) == _contents(calm), f"other results after {how}")


@promise(
    "where memory lacks while modules are loaded, a command says in a line that memory is what it lacks",
    how="`render`, `explore`, `score` and `profile` as processes of their own, with 200 MB to 5 GB of address space",
    limits="Linux; Python itself must be able to start; libraries that end the process themselves are seen as broken",
    sample=0,
    full=96,
)
def little_memory_at_the_start(case: Case) -> None:
    which = ("render", "score", "explore", "profile")[case.number % 4]
    megabytes = 200 + (case.number * 823) % 4800
    image, out = pictures(case.folder / "in", 1) / "0.png", case.folder / "o"
    process = start(*asked(which, image, out), memory=megabytes)
    _, words = process.communicate(timeout=300)
    what = f"{which} with {megabytes} MB: exit {process.returncode}: {words[-300:]!r}"
    require("Traceback" not in words, what)
    if process.returncode != 0:
        lines = [line for line in words.splitlines() if line.startswith("vizgraph: error: ")]
        require(process.returncode in (1, 5, 70) and lines and "memory" in lines[-1], what)
    require_whole(out)


@promise(
    "two runs into one folder give what one gives",
    how="`render` of three images twice at once",
    limits="file systems without locks: both do the work",
    sample=0,
    full=10,
)
def two_at_once(case: Case) -> None:
    images, out, calm = pictures(case.folder / "in", 3), case.folder / "o", case.folder / "calm"
    both = [start(*RENDER, "--img", images, "--out", out) for _ in range(2)]
    for process in both:
        _, words = process.communicate(timeout=240)
        require(process.returncode == 0, f"exit {process.returncode}: {words[-300:]}")
    require_whole(out)
    apart(command(*RENDER, "--img", images, "--out", calm), case.folder, seconds=120)
    one, other = _contents(out), _contents(calm)
    require(one == other, [name for name in {*one, *other} if one.get(name) != other.get(name)])


TRAINING = (
    "train", "--config", "demo.yaml", "--smoke", "--resume", "--device", "cpu", "schedule.epochs=3",
    "data.train_size=16", "data.val_size=8", "data.batch_size=4",
)  # fmt: skip


@functools.cache
def _undisturbed() -> dict[str, Any]:
    """The last checkpoint of that run, but for where and how long."""
    from vizgraph.training.checkpoint import LAST, read

    with tempfile.TemporaryDirectory(prefix="corpus-calm-") as folder:
        ended = apart(command(*TRAINING, "--out", Path(folder) / "o"), Path(folder), seconds=300)
        require(ended.code == 0, ended.words[-300:])
        content = dict(read(Path(folder) / "o" / LAST))
    content["args"]["run"].pop("out")
    content["training"]["progress"].pop("seconds")
    return content


@promise(
    "a training run that is killed goes on, and ends with the weights of a run that nobody disturbed",
    how="three epochs of 16 scenes, SIGKILL or SIGTERM at a random moment, then the same command with "
    "`--resume`; the last checkpoints are compared to the bit",
    limits="Linux; ranks and streams are in tests/training",
    sample=0,
    full=10,
)
def killed_training(case: Case) -> None:
    from builders.runs import require_equal
    from vizgraph.training.checkpoint import LAST, read

    out = case.folder / "o"
    process = start(*TRAINING, "--out", out)
    until = time.monotonic() + 200
    while time.monotonic() < until and process.poll() is None and not (out / LAST).exists():
        time.sleep(0.02)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=float(case.rng.uniform(0, 6)))
    if process.poll() is None:
        process.send_signal((signal.SIGKILL, signal.SIGTERM)[case.number % 2])
    _, words = process.communicate(timeout=200)
    require(process.returncode in (0, 143, -9), f"exit {process.returncode}: {words[-300:]}")
    ended = apart(command(*TRAINING, "--out", out), case.folder, seconds=300)
    require(ended.code == 0, f"not well again: {ended.words[-300:]}")
    left = dict(read(out / LAST))
    left["args"]["run"].pop("out")
    left["training"]["progress"].pop("seconds")
    require_equal(left, _undisturbed())
