"""Disks that are full, cannot be written, refuse what others can do, or are gone; few descriptors and little memory."""

from __future__ import annotations

import errno
import functools
import importlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders.explanations import build_explanation
from corpus.apart import CODES, Ended, apart, command, require_one_error
from corpus.promises import Case, promise, require

RENDER = ("render", "--ckpt", "demo", "--layers", 6, "--dpi", 40, "--workers", 0, "--device", "cpu")


def pictures(folder: Path, count: int = 2) -> Path:
    """A folder of images of noise."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 60, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def require_whole(out: Path) -> None:
    """That nothing half-written stands under a final name.

    Raises:
        Broken: a file cannot be read, or a manifest lists what is not there.
    """
    from viz_nodes import Explanation
    from viz_nodes.batch import manifest

    for path in sorted(out.rglob("*")) if out.is_dir() else ():
        if path.name.startswith(".part-") or not path.is_file():
            continue
        if path.suffix == ".png":
            Image.open(path).load()
        elif path.suffix == ".npz":
            Explanation.load(path.parent)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        if path.name == manifest.NAME:
            found = manifest.read(path.parent)
            require(found is not None and manifest.is_whole(path.parent, found, check=True), f"{path} lies")


def _require_said(ended: Ended, out: Path, codes: Any = CODES) -> None:
    """That a run says how it ended, and that what it left is whole."""
    if ended.code == 1:  # items failed, and the rest is done
        require("Traceback" not in ended.words, ended.words[-300:])
    elif ended.code != 0:
        require_one_error(ended, codes)
    require_whole(out)


@promise(
    "on a full disk a run ends with exit code 5 and one line, or says which images failed; nothing half-written stands "
    "under a final name",
    how="`render` of two images by a process whose files can have so many bytes only (0 to 200 kB), then again "
    "without the "
    "limit: the results are whole",
    limits="a limit on file sizes stands for a full disk: what the system answers is EFBIG, not ENOSPC (see "
    "`failing-disks`)",
    sample=1,
    full=40,
)
def full_disks(case: Case) -> None:
    sizes = (0, 1, 100, 1000, 4096, 10_000, 20_000, 40_000, 80_000, 200_000)
    images, out = pictures(case.folder / "in"), case.folder / "o"
    size = sizes[(case.number * 3 + 1) % len(sizes)]
    run = command(*RENDER, "--img", images, "--out", out)
    ended = apart(run, case.folder, file_size=size)
    _require_said(ended, out, (5,))
    require(ended.code != 0 or size >= 40_000, f"exit 0 with files of {size} bytes at most")
    again = apart(run, case.folder)
    require(again.code == 0, f"not well again: {again.words[-200:]}")
    require_whole(out)


@functools.cache
def _small() -> Any:
    return build_explanation(layers=(0,), depth=1, grid=(3, 4), k=2, size=(48, 64))


def _writers() -> dict[str, Callable[[Path], Any]]:
    import viz_nodes
    from viz_nodes import files
    from viz_nodes.draw import save_figure
    from viz_nodes.export import to_graphml

    image = np.zeros((48, 64, 3), np.uint8)
    return {
        "x.bin": lambda path: files.write_atomically(path, b"new" * 1000),
        "explanation.npz": lambda path: _small().save(path.parent),
        "x.html": lambda path: viz_nodes.write_page(_small(), image, path),
        "x.png": lambda path: save_figure(viz_nodes.figure(_small(), image), path, dpi=30),
        "x.svg": lambda path: save_figure(viz_nodes.figure(_small(), image), path),
        "x.graphml": lambda path: to_graphml(_small(), path),
    }


_FAULTS = (
    errno.ENOSPC,
    errno.EIO,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.EMFILE,
    errno.EINTR,
)


@contextmanager
def _failing(calls: tuple[str, ...], at: int, number: int) -> Iterator[list[str]]:
    """Let the call number `at` of these functions of `os`, and each after it, answer an error; what was called."""
    real, seen = {name: getattr(os, name) for name in calls}, []

    def failing(name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            seen.append(name)
            if len(seen) > at:
                raise OSError(number, os.strerror(number))
            return real[name](*args, **more)

        return call

    for name in calls:
        setattr(os, name, failing(name))
    try:
        yield seen
    finally:
        for name, function in real.items():
            setattr(os, name, function)


@promise(
    "what a disk refuses while a file is written leaves the old file as it was, and is an OSError",
    how="six kinds of files, over an older one and not, where flush and rename answer each of nine errors at "
    "each place",
    sample=54,
    full=216,
)
def failing_disks(case: Case) -> None:
    writers = _writers()
    names = list(writers)
    name = names[case.number % len(names)]
    number = _FAULTS[case.number // len(names) % len(_FAULTS)]
    at, older = case.number // 54 % 2, case.number // 108 % 2 == 0
    path = case.folder / name
    if older:
        path.write_bytes(b"old")
    raised = None
    with _failing(("fsync", "replace"), at, number) as seen:
        try:
            writers[name](path)
        except OSError as error:
            raised = error
    require(seen, f"{name} is not flushed before it is renamed")
    require(raised is not None and raised.errno == number, f"{name}: {raised!r}")
    require((path.read_bytes() == b"old") if older else not path.exists(), f"{name} is another file now")
    require([each.name for each in case.folder.iterdir()] in ([name], []), f"{name}: something is left")


@promise(
    "a file system that cannot flush folders, or cannot rename over a file, is served as any other",
    how="the same files where flushing a folder answers what SMB, WSL, VirtualBox and FUSE answer, or renaming "
    "over a file is "
    "refused",
    sample=12,
    full=54,
)
def poor_file_systems(case: Case) -> None:
    writers = _writers()
    names = list(writers)
    name = names[case.number % len(names)]
    answers = (
        errno.EINVAL,
        errno.EBADF,
        errno.ENOTSUP,
        errno.EACCES,
        errno.EPERM,
        errno.ENOSYS,
        errno.EOPNOTSUPP,
        0,
        0,
    )
    number, path = answers[case.number // len(names) % len(answers)], case.folder / name
    fsync, replace = os.fsync, os.replace

    def poor_fsync(handle: int) -> None:
        if number and stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    def poor_replace(source: Any, target: Any) -> None:
        if not number and os.path.exists(target):
            raise FileExistsError(errno.EEXIST, "File exists")
        replace(source, target)

    path.write_bytes(b"old")
    os.fsync, os.replace = poor_fsync, poor_replace
    try:
        writers[name](path)
    finally:
        os.fsync, os.replace = fsync, replace
    require(path.read_bytes() != b"old", f"{name} was not written")
    require([each.name for each in case.folder.iterdir()] == [name], "something is left")


@promise(
    "where nothing may be written a command ends with exit code 5 and one line",
    how="`render`, `explore`, `compare` and `score` by a user without the right, into a folder, over a file, "
    "below a file",
    sample=2,
    full=16,
)
def read_only_places(case: Case) -> None:
    which = ("render", "explore", "compare", "score")[case.number % 4]
    images = pictures(case.folder / "in", 1)
    place = case.folder / "ro"
    place.mkdir()
    out = (place, place / "deeper", place / "file" / "x", place / "file")[case.number // 4 % 4]
    (place / "file").write_bytes(b"mine")
    for path in (place, case.folder):
        path.chmod(0o555 if path == place else 0o755)
    out = out / "x.html" if which == "explore" and out.name != "file" else out
    more = {
        "render": RENDER[3:],
        "explore": ("--device", "cpu"),
        "compare": ("--method", "gradcam", "--method", "layercam", "--dpi", 40, "--device", "cpu"),
        "score": ("--no-randomize", "--steps", 1, "--device", "cpu"),
    }[which]
    run = command(which, "--ckpt", "demo", *more, "--img", images / "0.png", "--out", out)
    ended = apart(run, case.folder, no_rights=True)
    place.chmod(0o755)
    require_one_error(ended, (5, 2) if out.name == "file" else (5,))
    require((place / "file").read_bytes() == b"mine" and len(list(place.iterdir())) == 1, "something was written")


@promise(
    "a folder that vanishes during a run, of results or of images, is said: exit code 0 means that all results "
    "are there",
    how="`render` of three images, its output or its images moved away at a random moment",
    sample=1,
    full=40,
)
def vanishing_folders(case: Case) -> None:
    images, out = pictures(case.folder / "in", 3), case.folder / "o"
    victim = out if case.number % 2 == 0 else images
    wait = [int(case.rng.integers(1, 900))]
    sign = out / "gcn_demo"

    def meanwhile() -> None:
        if sign.is_dir() and victim.is_dir():
            wait[0] -= 1
            if wait[0] == 0:
                shutil.move(victim, case.folder / "gone")

    ended = apart(command(*RENDER, "--img", images, "--out", out), case.folder, seconds=120, meanwhile=meanwhile)
    if ended.code not in (0, 1):
        require_one_error(ended)
    if ended.code == 0:
        there = len(list(out.glob("gcn_demo/*/manifest.json")))
        moved_after_the_end = victim is out and len(list((case.folder / "gone").glob("gcn_demo/*/manifest.json"))) == 3
        require(there == 3 or moved_after_the_end, f"exit 0 with {there} of 3")
    require_whole(out)


@functools.cache
def _everything_loaded() -> None:
    """Run the commands once here: a module that is half loaded fails in ways of its own."""
    import tempfile

    import viz_nodes
    import vizgraph

    with tempfile.TemporaryDirectory() as folder:
        path = pictures(Path(folder) / "in", 1) / "0.png"
        options = {"layers": [5], "dpi": 40, "workers": 0, "checkpoint": "demo", "device": "cpu"}
        vizgraph.render("gcn_demo", path, Path(folder) / "o", **options)
        viz_nodes.write_page(_small(), np.zeros((48, 64, 3), np.uint8), Path(folder) / "x.html")
    for name in ("render", "explore", "compare"):
        importlib.import_module(f"vizgraph.cli.{name}")
        importlib.import_module(f"vizgraph.api.{name}")


@promise(
    "with few file descriptors a command does its work or says in a line why not",
    how="`render`, `explore`, `compare` with 4 to 64 descriptors",
    sample=2,
    full=30,
)
def few_descriptors(case: Case) -> None:
    which = ("render", "explore", "compare")[case.number % 3]
    count = (8, 64, 16, 6, 12, 20, 24, 32, 10, 4)[case.number // 3 % 10]
    _everything_loaded()
    images, out = pictures(case.folder / "in", 1), case.folder / "o"
    more = {
        "render": (*RENDER[3:], "--out", out),
        "explore": ("--device", "cpu", "--out", out / "x.html"),
        "compare": ("--method", "gradcam", "--method", "layercam", "--dpi", 40, "--device", "cpu", "--out", out),
    }[which]
    ended = apart(command(which, "--ckpt", "demo", *more, "--img", images / "0.png"), case.folder, descriptors=count)
    if ended.code != 0:
        require_one_error(ended)
    require_whole(out)


@promise(
    "with little memory a command does its work, or says in a line that memory is what it lacks",
    how="`render` and `explore` of an image of 24 megapixels with 20 MB to 1 GB more than the program itself takes",
    limits="memory is taken away once all modules are loaded; where the kernel ends a process nothing can be "
    "said; libraries that end the process themselves are seen as broken",
    sample=2,
    full=24,
)
def little_memory(case: Case) -> None:
    _everything_loaded()
    which = ("render", "explore")[case.number % 2]
    megabytes = (60, 150, 20, 40, 90, 120, 200, 250, 300, 400, 600, 1000)[case.number // 2 % 12]
    path, out = case.folder / "x.png", case.folder / "o"
    Image.fromarray(np.zeros((4000, 6000, 3), np.uint8)).save(path, compress_level=1)
    more = (*RENDER[3:], "--out", out) if which == "render" else ("--device", "cpu", "--out", out / "x.html")
    ended = apart(
        command(which, "--ckpt", "demo", *more, "--img", path), case.folder, more_memory=megabytes, seconds=120
    )
    if ended.code != 0:
        require(ended.code in (*CODES, 70), f"exit {ended.code}: {ended.words[-300:]!r}")
        line = require_one_error(ended, (*CODES, 70))
        require("memory" in line, line)
    require_whole(out)
