"""Which images there are: files and folders a user named, as a stream in an order that is always the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vizgraph.cli.errors import USAGE, Failure
from vizgraph.cli.rendering.names import folder_names, marked

SUFFIXES = frozenset(
    {
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".mpo",
        ".pbm",
        ".pcx",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".qoi",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""Files of a folder that are taken for images; a file named by itself may have any name."""


@dataclass(frozen=True)
class Item:
    """One image of a run.

    Attributes:
        path: the file.
        relative: its path relative to what was given, with "/" between the parts.
        folder: of its output, relative to the run's folder.
    """

    path: Path
    relative: str
    folder: str


def items(given: Sequence[Path], out: Path | None = None) -> Iterator[Item]:
    """The images in files and folders, each with an output folder of its own.

    Folders are read one directory at a time, sorted by the bytes of the names; hidden files and directories are left
    out, and so is `out`. A link to a directory is followed unless what it leads to is read anyway or contains what was
    given, and no directory is read twice, so loops end. A directory that cannot be read is given as if it were an
    image: whoever opens it says why. Where several things are given, one that would share an output folder with an
    earlier one gets a mark.
    """
    roots = [Path(path) for path in given]
    avoided = set() if out is None else {os.path.realpath(out)}
    if len(roots) == 1:
        yield from _of(roots[0], roots, avoided)
        return
    claimed: set[bytes] = set()
    for root in roots:
        for item in _of(root, roots, avoided):
            key = os.fsencode(item.folder).lower()
            if key in claimed:
                head, _, last = item.folder.rpartition("/")
                source = os.path.abspath(item.path)
                folder = "/".join(part for part in (head, marked(last, source)) if part)
                item = Item(item.path, item.relative, folder)
                key = os.fsencode(folder).lower()
                if key in claimed:  # the same file was given twice
                    continue
            claimed.add(key)
            yield item


def count(given: Sequence[Path], out: Path | None = None) -> int:
    """How many images `items` will give.

    Raises:
        Failure: there is none.
    """
    number = sum(1 for _ in items(given, out))
    if not number:
        names = ", ".join(str(path) for path in given)
        raise Failure(
            names, "there is no image in it", f"give a file, or a folder with {_some_suffixes()} files", code=USAGE
        )
    return number


def is_batch(given: Sequence[Path]) -> bool:
    """Whether more than a single file is asked for, so that one that fails does not end the run."""
    return len(given) > 1 or given[0].is_dir()


def _some_suffixes() -> str:
    return ", ".join(suffix for suffix in (".jpg", ".png", ".tif", ".webp") if suffix in SUFFIXES)


def _of(root: Path, roots: Sequence[Path], avoided: set[str]) -> Iterator[Item]:
    if not root.is_dir():
        name = root.name or str(root)
        yield Item(root, name, folder_names([name])[name])
        return
    yield from _walk(os.fspath(root), "", "", [os.path.realpath(path) for path in roots], avoided, set())


def _walk(
    directory: str, relative: str, folder: str, roots: Sequence[str], avoided: set[str], seen: set[tuple[int, int]]
) -> Iterator[Item]:
    try:
        about = os.stat(directory)
        files, directories = _listing(directory, roots)
    except OSError:
        yield Item(Path(directory), relative.rstrip("/") or directory, folder.rstrip("/") or "unreadable")
        return
    if (about.st_dev, about.st_ino) in seen:
        return
    seen.add((about.st_dev, about.st_ino))
    own = folder_names(files, directories)
    for name in files:
        yield Item(Path(directory, name), f"{relative}{name}", f"{folder}{own[name]}")
    for name in directories:
        inner = os.path.join(directory, name)
        if os.path.realpath(inner) not in avoided:
            yield from _walk(inner, f"{relative}{name}/", f"{folder}{name}/", roots, avoided, seen)


def _listing(directory: str, roots: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the images and of the directories to go into, each sorted."""
    files, directories = [], []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and _leads_elsewhere(entry.path, roots)):
                directories.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in SUFFIXES and not os.path.isdir(entry.path):
                files.append(entry.name)
    return sorted(files, key=os.fsencode), sorted(directories, key=os.fsencode)


def _leads_elsewhere(link: str, roots: Sequence[str]) -> bool:
    """Whether a link leads to a directory that neither lies in one of the folders given nor contains one."""
    target = os.path.realpath(link)
    return os.path.isdir(target) and not any(_contains(root, target) or _contains(target, root) for root in roots)


def _contains(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)


def is_regular(path: Path) -> bool:
    """Whether reading a file ends: a pipe or a device may wait for ever."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # whoever opens it says why it cannot be
