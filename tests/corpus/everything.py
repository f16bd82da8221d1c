"""Every command that writes: on file systems that are really full, where nothing may be written, given bad things."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.apart import CODES, Ended, apart, command, require_one_error
from corpus.disks import RENDER, pictures, require_whole
from corpus.promises import Case, promise, require
from viz_nodes.files import PART

DEMO = ("--ckpt", "demo", "--device", "cpu")
MAPS = ("--only", "nodes", "--method", "gradcam", "--steps", 1, "--samples", 0, "--draws", 0, "--no-randomize")
ABLATION = ("--conditions", "none", "--orders", "share", "--steps", 1, "--no-rebuilt")
NETWORK = "import timm, vizgraph\n\ndef build():\n    return timm.create_model('gcn_demo').eval()\n"


def asked(which: str, image: Path, out: Path) -> tuple[object, ...]:
    """The words of a command that writes into a folder, with as little work as it can have."""
    where = ("--img", image, "--out", out)
    if which == "check":
        file = image.parent / "mynet.py"
        file.write_text(NETWORK)
        return ("check", f"{file}:build", "--device", "cpu", "--batch", 1, "--out", out)
    return {
        "render": (*RENDER, *where),
        "explore": ("explore", *DEMO, *where[:2], "--out", out / "x.html"),
        "compare": ("compare", *DEMO, "--method", "gradcam", "--method", "layercam", "--dpi", 40, *where),
        "figure": ("figure", "images", *DEMO, "--dpi", 40, *where),
        "score": ("score", *DEMO, *MAPS, *where),
        "ablate": ("ablate", *DEMO, *ABLATION, *where),
        "sanity": ("score", "--sanity", *DEMO, *MAPS[2:4], "--edge-method", "share", *where),
        "edges": ("score", "--edges", *DEMO, "--edge-method", "share", "--layers", 6, *where),
        "profile": ("profile", *DEMO, *where),
        "report": ("report", *DEMO, "--samples", 0, "--draws", 0, "--no-pdf", *where),
        "evaluate": ("evaluate", *DEMO, "--data", "scenes", "--limit", 4, "--workers", 0, "--save", "--out", out),
        "train": ("train", "--config", "demo.yaml", "--smoke", "--resume", "--device", "cpu", "--out", out),
    }[which]


MEASURE = ("score", "ablate", "profile", "sanity", "edges", "report")
"""Those that go on where they were interrupted."""
COMMANDS = ("render", "train", "evaluate", "figure", "compare", "explore", "check", *MEASURE)
OF_IMAGES = ("render", "explore", "compare", "figure", *MEASURE)


@contextmanager
def small_file_system(place: Path, kilobytes: int) -> Iterator[bool]:
    """A file system of so many kilobytes in memory at a folder; False where this user may not mount any."""
    libc = ctypes.CDLL(None, use_errno=True)
    place.mkdir()
    options = f"size={kilobytes}k".encode()
    can = sys.platform == "linux" and libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, options) == 0
    try:
        yield can
    finally:
        if can:
            require(libc.umount2(os.fsencode(place), 2) == 0, "the file system stays mounted")


def _grow(place: Path) -> None:
    remount = 32
    done = ctypes.CDLL(None).mount(b"tmpfs", os.fsencode(place), b"tmpfs", remount, b"size=200m")
    require(done == 0, "the file system cannot be made larger")


def _require_ended(ended: Ended, which: str, codes: tuple[int, ...]) -> None:
    if ended.code == 1 and which == "render":  # of a batch some images failed, and are named
        require("Traceback" not in ended.words, ended.words[-300:])
    else:
        require_one_error(ended, codes)


@promise(
    "on a file system that is full a command ends with exit code 5 and one line, nothing half-written stands under a "
    "final name, and with more room the same command does its work",
    how="every command that writes, on a file system in memory of 4 kB to 4 MB, which is then made larger",
    limits="Linux, by a user who may mount; held for nothing elsewhere",
    sample=1,
    full=78,
)
def full_file_systems(case: Case) -> None:
    which = COMMANDS[case.number % len(COMMANDS)]
    kilobytes = (40, 4, 200, 1000, 16, 4000)[case.number // len(COMMANDS) % 6]
    image, place = pictures(case.folder / "in", 1) / "0.png", case.folder / "disk"
    with small_file_system(place, kilobytes) as can:
        if not can:
            return
        run = command(*asked(which, image, place / "o"))
        ended = apart(run, case.folder, seconds=300)
        if ended.code != 0:
            _require_ended(ended, which, (5,))
        require_whole(place / "o")
        left = [path.name for path in place.rglob(f"{PART}*")]
        require(not left, f"{which}: {left} is left, and takes the room that is lacking")
        if kilobytes <= 4:
            require(ended.code != 0, f"{which}: exit 0 with {kilobytes} kB")
        _grow(place)
        again = apart(run, case.folder, seconds=300)
        require(again.code == 0, f"{which}: not well again: {again.words[-300:]}")
        require_whole(place / "o")


@promise(
    "where nothing may be written every command ends with exit code 5 and one line, and leaves nothing",
    how="every command that writes, by a user without the right to write there",
    sample=0,
    full=26,
)
def read_only_everywhere(case: Case) -> None:
    which = COMMANDS[case.number % len(COMMANDS)]
    image, place = pictures(case.folder / "in", 1) / "0.png", case.folder / "ro"
    place.mkdir()
    out = place if case.number // len(COMMANDS) % 2 == 0 else place / "deeper"
    run = command(*asked(which, image, out))
    place.chmod(0o555)
    ended = apart(run, case.folder, no_rights=True, seconds=300)
    place.chmod(0o755)
    require_one_error(ended, (5,))
    require(not list(place.iterdir()), "something was written")


BAD = ("image", "folder without images", "checkpoint", "labels", "method", "architecture", "layer", "size of a file")


@promise(
    "what cannot be meant ends every command of images with the exit code of its kind and one line, and nothing is "
    "written",
    how="a damaged image, an empty folder, a damaged checkpoint, wrong labels, methods, architectures and layers, and "
    "a value of 5,000 characters, given to each command",
    sample=3,
    full=80,
)
def bad_input(case: Case) -> None:
    which = OF_IMAGES[case.number % len(OF_IMAGES)]
    kind = BAD[case.number // len(OF_IMAGES) % len(BAD)] if case.number >= 3 else BAD[(0, 2, 7)[case.number]]
    folder = pictures(case.folder / "in", 1)
    image, out, codes = folder / "0.png", case.folder / "o", (2,)
    words = list(asked(which, image, out))
    if kind == "image":
        image.write_bytes(image.read_bytes()[:60])
        codes = (3,)
    elif kind == "folder without images":
        image.unlink()
        words[words.index(image)] = folder
        codes = (2, 3)
    elif kind == "checkpoint":
        (case.folder / "bad.pth").write_bytes(b"PK\x03\x04 nothing")
        words[words.index("demo")] = case.folder / "bad.pth"
        words[1:1] = ["--arch", "gcn_demo"] if which != "figure" else []
        words += ["--arch", "gcn_demo"] if which == "figure" else []
        codes = (4,)
    elif kind == "labels":
        (case.folder / "labels.txt").write_text("one\ntwo\n")
        words += ["--labels", case.folder / "labels.txt"]
    elif kind == "architecture":
        words += ["--arch", "no_such_network"]
    elif kind == "layer":
        words += ["--layers", "99"] if which not in ("ablate", "profile") else ["--target", "no such class"]
    elif kind == "method":
        words += ["--method", "no such"] if which not in ("ablate", "profile") else ["--limit", "0"]
    else:
        words += ["--arch", "x" * 5000]
    ended = apart(command(*words), case.folder, seconds=300)
    line = require_one_error(ended, codes)
    require(len(line) < 1000, f"a line of {len(line)} characters")
    left = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else []
    require(not left, f"{which}, {kind}: {left} was written")
    require(ended.code in CODES, ended.code)
