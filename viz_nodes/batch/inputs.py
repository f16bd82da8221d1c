"""Which images there are: files and folders a user named, as a stream in an order that is always the same."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from viz_nodes.batch.naming import folder_names, marked
from viz_nodes.files import sha256_of

SUFFIXES = frozenset(
    {
        ".apng",
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".heic",
        ".heif",
        ".hif",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpf",
        ".jpg",
        ".jpx",
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


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OURS = b"Software\0vizgraph"


class NoImages(ValueError):
    """There is no image in what was given."""


class UnreadableImage(ValueError):
    """A file that cannot be read, before anybody looks whether it is an image."""


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


def items(
    paths: Sequence[str | os.PathLike[str]], out: Path | None = None, left_out: list[str] | None = None
) -> Iterator[Item]:
    """The images in files and folders, each with an output folder of its own.

    Folders are read one directory at a time, sorted by the bytes of the names; hidden files and directories are left
    out, and so are `out` and figures that this project drew. A link to a directory is followed unless what it leads to
    is read anyway or contains what was given, and no directory is read twice, so loops end. A directory that cannot be
    read is given as if it were an image: whoever opens it says why. Where several things are given, one that would
    share an output folder with an earlier one gets a mark.

    Args:
        paths: files and folders.
        out: of the results.
        left_out: gets the paths of figures that were found among the images.
    """
    roots = [Path(path) for path in paths]
    avoided = set() if out is None else {os.path.realpath(out)}
    if len(roots) == 1:
        yield from _of(roots[0], roots, avoided, left_out)
        return
    claimed: set[bytes] = set()
    for root in roots:
        for item in _of(root, roots, avoided, left_out):
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


def count(paths: Sequence[str | os.PathLike[str]], out: Path | None = None, left_out: list[str] | None = None) -> int:
    """How many images `items` will give.

    Raises:
        NoImages: there is none.
        UnreadableImage: a file that was named is not there, or is none.
    """
    for path in paths:
        require_file_or_folder(Path(path))
    number = sum(1 for _ in items(paths, out, left_out))
    if not number:
        names = ", ".join(str(path) for path in paths)
        raise NoImages(f"{names}: there is no image in it; give a file, or a folder with .jpg, .png, .tif, .webp files")
    return number


def require_file_or_folder(path: Path) -> None:
    """Refuse what cannot hold an image, before anything slow is done.

    Raises:
        UnreadableImage: it is not there, or is a pipe, a device or a socket, reading which might never end.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UnreadableImage(f"{path}: there is no such file; check the name") from None
    except (OSError, ValueError) as error:
        raise UnreadableImage(f"{path}: {reason_of(error)}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UnreadableImage(f"{path}: is no file; give an image")


def digest_of(path: Path) -> str:
    """The SHA-256 of an image's bytes, 64 hexadecimal digits.

    Raises:
        UnreadableImage: it cannot be read, or reading it might never end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            folder = path.is_dir()
            raise UnreadableImage(
                f"{path}: it is a folder; name an image in it" if folder else f"{path}: is no file; give an image"
            )
        return sha256_of(path)
    except OSError as error:
        raise UnreadableImage(f"{path}: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, in words with a cure."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the name"
    if isinstance(error, PermissionError):
        return "it may not be read; check its permissions"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a link that leads to itself; remove it"
    reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return f"it cannot be read ({reason}); get it again"


def is_batch(paths: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether more than a single file is asked for, so that one that fails does not end the run."""
    return len(paths) > 1 or Path(paths[0]).is_dir()


def as_paths(images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """One path or many as a list, "~" being the user's home folder."""
    many = [images] if isinstance(images, str | os.PathLike) else list(images)
    return [expanded(path) for path in many]


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with "~" or "~name" at its beginning as that home folder; left as it is where there is no such user."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, KeyError):
        return Path(path)


def _of(root: Path, roots: Sequence[Path], avoided: set[str], left_out: list[str] | None) -> Iterator[Item]:
    if not root.is_dir():
        name = root.name or str(root)
        yield Item(root, name, folder_names([name])[name])
        return
    yield from _walk(os.fspath(root), "", "", [os.path.realpath(path) for path in roots], avoided, set(), left_out)


def _walk(
    directory: str,
    relative: str,
    folder: str,
    roots: Sequence[str],
    avoided: set[str],
    seen: set[tuple[int, int]],
    left_out: list[str] | None,
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
    drawn = [name for name in files if is_own_figure(os.path.join(directory, name))]
    if drawn:
        files = [name for name in files if name not in set(drawn)]
        if left_out is not None:
            left_out += [os.path.join(directory, name) for name in drawn]
    own = folder_names(files, directories)
    for name in files:
        yield Item(Path(directory, name), f"{relative}{name}", f"{folder}{own[name]}")
    for name in directories:
        inner = os.path.join(directory, name)
        if os.path.realpath(inner) not in avoided:
            yield from _walk(inner, f"{relative}{name}/", f"{folder}{name}/", roots, avoided, seen, left_out)


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


def is_own_figure(path: str) -> bool:
    """Whether a file is a picture that this project drew, by the note at the beginning of its PNG files."""
    if not path.lower().endswith(".png"):
        return False
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            start = file.read(256)
    except OSError:
        return False
    return start.startswith(_SIGNATURE) and _OURS in start
