"""Commands that write, beside what lies in their way; interrupted, doubled, of broken networks and hostile names."""

from __future__ import annotations

import contextlib
import csv
import functools
import json
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corpus.apart import Ended, apart, command, require_one_error
from corpus.disks import pictures, require_whole
from corpus.everything import COMMANDS, MEASURE, OF_IMAGES, asked
from corpus.processes import start
from corpus.promises import Case, promise, require
from corpus.texts import nasty_name


@functools.cache
def _kept() -> Any:
    """Where lies what is made once, until this process ends."""
    return tempfile.TemporaryDirectory(prefix="corpus-once-")


def _folder() -> Path:
    return Path(_kept().name)


@functools.cache
def _images(count: int) -> Path:
    return pictures(_folder() / f"in{count}", count)


@functools.cache
def calm(which: str, count: int) -> tuple[Path, float]:
    """What a command writes that nobody disturbs, and how many seconds it took."""
    out, folder = _folder() / f"{which}{count}", _folder() / f"{which}{count}.apart"
    folder.mkdir()
    ended = apart(command(*_asked(which, count, out)), folder, seconds=600)
    require(ended.code == 0, f"{which}: {ended.words[-300:]}")
    return out, ended.seconds


def _asked(which: str, count: int, out: Path) -> tuple[object, ...]:
    words = list(asked(which, _images(count) / "0.png", out))
    if count > 1:
        words[words.index(_images(count) / "0.png")] = _images(count)
    return tuple(words)


def written(out: Path) -> dict[str, bytes]:
    """All files, but for what says when they were made."""
    left_out = ("manifest.json", "batch.jsonl")
    found = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if path.name not in left_out}


KINDS = ("link", "link to nothing", "second name", "pipe", "folder", "linked folder", "loop", "part")


def _plant(kind: str, path: Path, victim: Path) -> None:
    """Put something where a command wants to write."""
    if kind in ("linked folder", "part"):
        elsewhere = victim.parent / "elsewhere"
        if kind == "part":  # the names that files had until they were whole, once
            (path.parent / f"{path.name}.part").symlink_to(victim)
            (path.parent / f".{path.name}.part").symlink_to(victim)
            return
        shutil.copytree(path.parent, elsewhere)
        shutil.rmtree(path.parent)
        path.parent.symlink_to(elsewhere)
        return
    path.unlink()
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "link to nothing":
        path.symlink_to(victim.parent / "nothing")
    elif kind == "second name":
        os.link(victim, path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.mkdir()


@promise(
    "what lies where a command wants to write is not written through and not waited for: it does its work or ends "
    "with one line, and nothing outside is made or changed",
    how="every command that writes, run again where one of its files (or its folder) is a link to another file, to "
    "nothing, to itself or to a folder, a second name of another file, a pipe or a folder",
    limits="who can write into the output folder can put any result there",
    sample=1,
    full=312,
)
def planted_files(case: Case) -> None:
    which = COMMANDS[case.number % len(COMMANDS)]
    kind = KINDS[case.number // len(COMMANDS) % len(KINDS)]
    out = case.folder / "o"
    shutil.copytree(calm(which, 1)[0], out)
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    deeper = [path for path in paths if path.parent != out] or paths
    path = (deeper if kind == "linked folder" else paths)[int(case.rng.integers(len(paths))) % len(deeper)]
    if kind == "linked folder" and path.parent == out:
        return  # the output folder itself may be a link
    private = case.folder / "private"
    private.mkdir()
    victim = private / "mine"
    victim.write_bytes(b"mine")
    _plant(kind, path, victim)
    before = {one: one.read_bytes() for one in private.rglob("*") if one.is_file()}
    ended = apart(command(*_asked(which, 1, out)), case.folder, seconds=300)
    what = f"{which}, {kind} at {path.relative_to(out)}"
    after = {one: one.read_bytes() for one in private.rglob("*") if one.is_file()}
    require(after == before, f"{what}: {sorted({*after} ^ {*before}) or 'other bytes'} outside")
    if ended.code != 0:
        _require_said(ended, what)


def _require_said(ended: Ended, what: str, codes: Any = range(1, 6)) -> None:
    try:
        require_one_error(ended, codes)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from None


@promise(
    "a measurement that is interrupted goes on, and writes the bytes of one that was not",
    how="`score`, `--sanity`, `--edges`, `ablate`, `profile` and `report` of three images, SIGKILL, SIGTERM or SIGINT "
    "at a random moment, then the same command again, compared with a run that nobody disturbed",
    limits="Linux; seconds that were measured are of the run that measured them",
    sample=0,
    full=36,
)
def interrupted_measurements(case: Case) -> None:
    which = MEASURE[case.number % len(MEASURE)]
    how = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[case.number // len(MEASURE) % 3]
    quiet, seconds = calm(which, 3)
    out = case.folder / "o"
    process = start(*_asked(which, 3, out))
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None and not (out / "gcn_demo").is_dir():
        time.sleep(0.02)
    with contextlib.suppress(Exception):
        process.wait(timeout=float(case.rng.uniform(0, seconds)))
    if process.poll() is None:
        process.send_signal(how)
    _, words = process.communicate(timeout=300)
    require(process.returncode in (0, 130, 143, -9), f"{which}: exit {process.returncode}: {words[-300:]}")
    require("Traceback" not in words, words[-300:])
    require_whole(out)
    _compared(which, out, quiet, case)


def _compared(which: str, out: Path, quiet: Path, case: Case) -> None:
    """That the same command makes of a folder what an undisturbed run made."""
    ended = apart(command(*_asked(which, 3, out)), case.folder, seconds=600)
    require(ended.code == 0, f"{which}: not well again: {ended.words[-300:]}")
    one, other = written(out), written(quiet)
    unlike = [name for name in sorted({*one, *other}) if _plain(name, one.get(name)) != _plain(name, other.get(name))]
    require(not unlike, f"{which}: other bytes in {unlike}")


def _plain(name: str, data: bytes | None) -> Any:
    """A file without what cannot be the same twice: seconds that were measured."""
    if data is None or not name.endswith((".csv", ".jsonl")):
        return data if data is None or b"seconds" not in data else None
    if name.endswith(".jsonl"):
        return len(data.splitlines())
    rows = list(csv.DictReader(data.decode().splitlines()))
    return [{key: value for key, value in row.items() if "second" not in key} for row in rows]


@promise(
    "two measurements into one folder give what one gives",
    how="`score`, `--sanity`, `--edges`, `ablate`, `profile` and `report` of three images, twice at once",
    limits="file systems without locks: both do the work",
    sample=0,
    full=12,
)
def two_measurements(case: Case) -> None:
    which = MEASURE[case.number % len(MEASURE)]
    quiet, _ = calm(which, 3)
    out = case.folder / "o"
    for process in [start(*_asked(which, 3, out)) for _ in range(2)]:
        _, words = process.communicate(timeout=600)
        require(process.returncode == 0, f"{which}: exit {process.returncode}: {words[-300:]}")
    _compared(which, out, quiet, case)


@promise(
    "in a folder that vanishes a measurement ends with one line, and exit code 0 means that all of it is there",
    how="the output of `score`, `ablate`, `profile`, `report` and the like moved away at a random moment",
    sample=0,
    full=18,
)
def vanishing_measurements(case: Case) -> None:
    which = MEASURE[case.number % len(MEASURE)]
    quiet, seconds = calm(which, 3)
    out, moved = case.folder / "o", [False]
    moment = float(case.rng.uniform(0, seconds)) + time.monotonic()

    def meanwhile() -> None:
        if not moved[0] and time.monotonic() > moment and out.is_dir():
            shutil.move(out, case.folder / "gone")
            moved[0] = True

    ended = apart(command(*_asked(which, 3, out)), case.folder, seconds=600, meanwhile=meanwhile)
    if ended.code != 0:
        _require_said(ended, which)
    else:
        there = out if not moved[0] or out.is_dir() else case.folder / "gone"
        require(
            set(written(there)) >= {n for n in written(quiet) if not n.endswith(".jsonl")}, f"{which}: not all there"
        )


def _broken(kind: str, path: Path) -> None:
    """The demo's weights, so changed that no number that comes out means anything."""
    from safetensors.torch import load_file, save_file

    import vizgraph

    source = Path(vizgraph.__file__).parent / "assets" / "gcn_demo.safetensors"
    tensors = load_file(source)
    last = max((name for name in tensors if name.endswith("weight") and tensors[name].ndim == 4), key=str)
    for name in list(tensors) if kind == "everything huge" else [last]:
        if tensors[name].is_floating_point():
            tensors[name] = tensors[name] * 0 + {"nan": float("nan"), "infinity": float("inf")}.get(kind, 3e38)
    save_file(tensors, path)


@promise(
    "of a network whose numbers are none nothing is drawn or measured: every command refuses it in one line, and "
    "leaves no result",
    how="the demo's weights with NaN, infinities or values of 3e38, given to every command of images",
    sample=1,
    full=40,
)
def broken_networks(case: Case) -> None:
    which = OF_IMAGES[case.number % len(OF_IMAGES)]
    kind = ("nan", "infinity", "everything huge", "huge")[case.number // len(OF_IMAGES) % 4]
    image, out, weights = pictures(case.folder / "in", 1) / "0.png", case.folder / "o", case.folder / "x.safetensors"
    _broken(kind, weights)
    words = list(asked(which, image, out))
    words[words.index("demo")] = weights
    ended = apart(command(*words, "--arch", "gcn_demo"), case.folder, seconds=300)
    _require_said(ended, f"{which}, {kind}")
    left = [path.name for path in out.rglob("*") if path.is_file() and path.name not in ("batch.jsonl", "summary.csv")]
    require(not left, f"{which}, {kind}: {left} was written")


@promise(
    "images and classes may have any names: commands do their work, write below `--out` alone, their tables hold the "
    "names as data, and no name is a command of LaTeX or a formula",
    how="an image and ten classes with names of letters that mean something to TeX, HTML, spreadsheets, terminals "
    "and file systems, given to every command of images",
    limits="names that file systems refuse, and labels that are no text",
    sample=1,
    full=60,
)
def names_in_commands(case: Case) -> None:
    from vizgraph.data.labels import wrong_labels

    which, rng = OF_IMAGES[case.number % len(OF_IMAGES)], case.rng
    names: list[str] = []
    while len(names) < 10:
        name = " ".join(nasty_name(rng).split())[:200]
        if name and name not in names and not wrong_labels([name]):
            names.append(name)
    folder, out = case.folder / "in", case.folder / "o"
    folder.mkdir()
    labels = case.folder / "labels.json"
    labels.write_text(json.dumps(names))
    stem = nasty_name(rng).replace("/", "").replace("\x00", "").encode()[:200].decode(errors="ignore").strip(".") or "x"
    image = folder / f"{stem}.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(image)
    words = [*asked(which, image, out)]
    before = sorted(case.folder.rglob("*"))
    ended = apart(command(*words, "--labels", labels), case.folder, seconds=300)
    what = f"{which}, {image.name!r}"
    require(ended.code == 0, f"{what}: exit {ended.code}: {ended.words[-300:]!r}")
    new = [
        path for path in sorted(case.folder.rglob("*")) if path not in before and path != case.folder / "answer.pickle"
    ]
    require(all(path == out or out in path.parents for path in new), f"{what}: {new}")
    for path in (path for path in new if path.suffix == ".tex"):
        text = path.read_text(encoding="utf-8", errors="replace")
        commands = [name for name in (*names, image.name) if re.search(r"\\[a-z]{3}", name)]
        require(not any(name in text for name in commands), f"{what}: {path.name} runs a name")
    for path in (path for path in new if path.suffix == ".csv"):
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        require(len({len(row) for row in rows}) <= 1, f"{what}: {path.name} has rows of other lengths")
