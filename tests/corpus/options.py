"""Values that no option expects, given to every option of every command."""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from corpus.apart import CODES, PROGRAM, apart, command, require_one_error
from corpus.disks import pictures
from corpus.everything import COMMANDS, asked
from corpus.promises import Case, promise, require

NUMBERS = ("0", "-1", "1000000000", "9" * 40, "9" * 5000, "1e309", "nan", "-inf", "0x10", "1_0", "٣", "1.5", "")
WORDS = (
    "",
    " ",
    "x" * 5000,
    "'" + "y" * 5000,
    "../../x",
    "~nobodyhere/x",
    "\x1b[31m\n\r\x07",
    "\u202e\u2028",
    "\udcff",
    "{0}%s",
    "--",
    "-",
    "1e6mm",
    "1e9999mm",
    "0mm",
    "-3cm",
    ",",
    "1,,2",
    "all,all",
    "1e9,1e9",
    "nan,nan",
    "1" + ",1" * 4000,
    "=",
    "a=b",
    "hf-hub:x/y",
    "hfds/x",
    "wds/x",
    "tfds/x",
    "cuda:999999999999999999999",
    "meta",
    "top0",
    "top99999999999",
    "99999999999999999999",
)
PLACES = (
    "pipe",
    "loop",
    "folder",
    "empty",
    "gone",
    "/dev/null",
    "/dev/zero",
    "/proc/self/mem",
    "link",
    "a\x00b",
    "n" * 300,
)
"""What a path may lead to: a named pipe, a link to itself, devices that end never or at once."""


@functools.cache
def options() -> list[tuple[str, click.Parameter]]:
    """Every command that writes and its options that take a value."""
    return [
        (which, parameter)
        for which in COMMANDS
        for parameter in _command(which).params
        if not getattr(parameter, "is_flag", False) and parameter.name not in ("layout", "builds")
    ]


def _command(which: str) -> click.Command:
    name = {"sanity": "score", "edges": "score"}.get(which, which)
    found: click.Command = importlib.import_module(f"vizgraph.cli.{name}").command
    return found


def values(parameter: click.Parameter, folder: Path) -> Iterator[str]:
    """Hostile ones for an option; the files that they name are made in the folder."""
    if isinstance(parameter.type, click.IntRange | click.FloatRange):
        yield from NUMBERS
        return
    yield from WORDS
    yield from NUMBERS[2:5]
    if isinstance(parameter.type, click.Choice):
        return
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    for place in PLACES:
        yield place if place.startswith("/") else str(folder / place)


def _tree(folder: Path) -> dict[str, Any]:
    return {str(path): path.lstat().st_mtime_ns for path in sorted(folder.rglob("*")) if not path.is_dir()}


@promise(
    "whatever an option is given, a command does its work or ends with exit code 1 to 5 and one short line, in less "
    "than 3 GB, and writes nowhere but below `--out`",
    how="every option of every command that writes, each with numbers beyond all bounds, words of 5,000 characters, "
    "control characters, lists of thousands, pipes, devices, loops of links, paths that lead elsewhere",
    limits="values that cost much and may be meant (a thousand images, ten thousand samples) take what they cost",
    sample=4,
    full=1_000,
)
def hostile_options(case: Case) -> None:
    every = options()
    which, parameter = every[int(case.rng.integers(len(every)))]
    folder = case.folder / "given"
    folder.mkdir()
    given = list(values(parameter, folder))
    value = given[int(case.rng.integers(len(given)))]
    image, out = pictures(case.folder / "in", 1) / "0.png", case.folder / "o"
    words = list(asked(which, image, out))
    before = _tree(folder) | _tree(case.folder / "in")
    words += [parameter.opts[0], value] if isinstance(parameter, click.Option) else [value]
    what = f"{which} {parameter.opts[0]} {value[:60]!r}"

    ended = apart(command(*words), case.folder, seconds=240)
    require(ended.peak < PROGRAM + 3000, f"{what}: {ended.peak:.0f} MB")
    require(
        _tree(folder) | _tree(case.folder / "in") == before or parameter.opts[0] in ("--out", "--export"),
        f"{what}: it wrote there",
    )
    if ended.code != 0:
        require(ended.code in CODES, f"{what}: exit {ended.code}: {ended.words[-300:]!r}")
        line = require_one_error(ended) if ended.code != 1 or "error: " in ended.words else ""
        require(len(line) < 1000, f"{what}: a line of {len(line)} characters")
        require(line.isprintable(), f"{what}: {line!r}")
    require("Traceback" not in ended.words, f"{what}: {ended.words[-300:]}")
