"""The last file of an item's folder: what was made from what, and the proof that all of it is there.

A folder of results may come from anywhere, so what is read here is believed only as far as `parsed` has looked.
"""

from __future__ import annotations

import errno
import functools
import json
import math
import os
import platform
import re
import stat
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from viz_nodes.files import sha256_of

NAME = "manifest.json"
FORMAT = "vizgraph render"
FORMAT_VERSION = 1
_SHOWN_VERSIONS = (
    "vizgraph",
    "torch",
    "timm",
    "grad-cam",
    "matplotlib",
    "networkx",
    "numpy",
    "opencv-python-headless",
    "pillow",
)
IDENTITY = ("format", "version", "arch", "weights", "options", "made_by")
"""What must be the same for an earlier result to be this run's result."""
_LARGEST = 64 * 2**20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PAIR = re.compile(r"\[\n\s+(\d+),\n\s+(\d+)\n\s+\]")
_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


class BrokenManifest(ValueError):
    """A manifest of ours that says what none of ours can say."""


def made_by() -> str:
    """The program and its version, as results hold it."""
    return f"vizgraph {versions().get('vizgraph', '?')}"


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what the results depend on."""
    known = {"python": platform.python_version()}
    for name in _SHOWN_VERSIONS:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known


def identity(arch: str, weights: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What must be the same for an earlier result to be this run's result."""
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_by": made_by(),
        "arch": arch,
        "weights": weights,
        "options": options,
    }


def read_json(path: Path) -> Any:
    """What a JSON file holds; None where there is none that can be read, or where reading it might not end."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
                return None
            return json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None where there is none, or none that can be believed."""
    try:
        return parsed(folder)
    except BrokenManifest:
        return None


def parsed(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder; None where there is no file that says it is one.

    Raises:
        BrokenManifest: it says it is one, and holds what none of ours can hold.
    """
    record = read_json(folder / NAME)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return None
    for what, is_right in _SHAPE.items():
        value: Any = record
        for key in what.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if not is_right(value):
            raise BrokenManifest(f"{folder / NAME}: `{what}` is not what it can be; render it again")
    return record


def is_whole(folder: Path, record: Mapping[str, Any], *, check: bool = False) -> bool:
    """Whether every file that a manifest lists is there in its full length, and with `check` of the same bytes."""
    try:
        for name, about in record["outputs"].items():
            state = (folder / name).lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_size != about["bytes"]:
                return False
            if check and sha256_of(folder / name) != about.get("sha256"):
                return False
    except OSError:
        return False
    return True


def same_request(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a manifest was made for this identity."""
    return all(record.get(key) == wanted[key] for key in IDENTITY)


def as_bytes(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    # A set of edges is thousands of pairs: each on a line. No string holds a line's end.
    return (_PAIR.sub(r"[\1, \2]", json.dumps(manifest, indent=2)) + "\n").encode()


def cut_records(exp: Any) -> dict[str, Any]:
    """What a manifest holds of what cutting did: "carried" by the drawn edges, "sets" of edges; neither if unknown.

    Args:
        exp: an `Explanation`.
    """
    carried, sets = exp.extras.get("carried"), exp.extras.get("sets")
    records: dict[str, Any] = {}
    if carried:
        records["carried"] = [{name: value for name, value in each.items() if name != "edges"} for each in carried]
    return {**records, "sets": sets} if sets else records


def is_plain_name(name: Any) -> bool:
    """Whether something can be the name of a file beside others on any system, and leads nowhere else."""
    return isinstance(name, str) and 0 < len(name) <= 200 and not _UNFIT.search(name) and name.strip(". ") == name


def require_no_links(out: Path, folder: Path) -> None:
    """Refuse to write through a link that lies in the folder of results: it leads to what is somebody else's.

    Args:
        out: where results go, which may be a link itself.
        folder: below it.

    Raises:
        OSError: a folder between the two, or `folder`, is a link.
    """
    below = out
    for part in folder.relative_to(out).parts:
        below = below / part
        if below.is_symlink():
            why = "is a link, and results are not written through links in their folder"
            raise OSError(errno.ELOOP, why, str(below))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_relative(value: Any) -> bool:
    return _is_text(value) and not os.path.isabs(value) and ".." not in value.replace("\\", "/").split("/")


def _are_outputs(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value != {}
        and all(
            "/" not in name
            and name not in ("", ".", "..")
            and "\0" not in name
            and isinstance(about, dict)
            and type(about.get("bytes")) is int
            for name, about in value.items()
        )
    )


def _is_size(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(type(side) is int and 0 < side < 2**31 for side in value)
    )


def _is_view(value: Any) -> bool:
    if value is None:
        return True
    if not (isinstance(value, list) and len(value) == 4):
        return False
    if not all(isinstance(edge, int | float) and not isinstance(edge, bool) for edge in value):
        return False
    left, top, right, bottom = value
    return all(math.isfinite(edge) and abs(edge) < 2**31 for edge in value) and left < right and top < bottom


def _is_class(value: Any) -> bool:
    return isinstance(value, dict) and type(value.get("class")) is int and isinstance(value.get("label"), str)


def _are_predicted(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and value != []
        and all(_is_class(each) and isinstance(each.get("probability"), int | float | None) for each in value)
    )


_SHAPE: dict[str, Any] = {
    "arch": is_plain_name,
    "weights": lambda value: isinstance(value, dict),
    "options": lambda value: isinstance(value, dict),
    "image": lambda value: isinstance(value, dict),
    "image.relative": _is_relative,
    "image.path": lambda value: value is None or _is_text(value),
    "image.sha256": lambda value: value is None or (isinstance(value, str) and _DIGEST.fullmatch(value) is not None),
    "image.size": _is_size,
    "image.view": _is_view,
    "outputs": _are_outputs,
    "predicted": _are_predicted,
    "explained": lambda value: value is None or _is_class(value),
    "warnings": lambda value: value is None or (isinstance(value, list) and all(isinstance(at, str) for at in value)),
}
"""What each part must be; parts that may be missing accept None."""
