"""The last file of an item's folder: what was made from what, and the proof that all of it is there."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
_IDENTITY = ("format", "version", "arch", "weights", "options", "made_by")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def versions() -> dict[str, str]:
    """Versions of what the results depend on."""
    import vizgraph

    found = {"python": platform.python_version()}
    for name in _SHOWN_VERSIONS:
        try:
            found[name] = vizgraph.__version__ if name == "vizgraph" else version(name)
        except PackageNotFoundError:
            continue
    return found


def identity(arch: str, weights: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What must be the same for an earlier result to be this run's result."""
    import vizgraph

    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_by": f"vizgraph {vizgraph.__version__}",
        "arch": arch,
        "weights": weights,
        "options": options,
    }


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, None where there is none that can be read."""
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def is_whole(folder: Path, found: dict[str, Any]) -> bool:
    """Whether every file that a manifest lists is there in its full length."""
    outputs = found.get("outputs")
    if not isinstance(outputs, dict) or not outputs:
        return False
    try:
        return all((folder / name).stat().st_size == about["bytes"] for name, about in outputs.items())
    except (OSError, TypeError, KeyError):
        return False


def same_request(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a manifest was made for this identity."""
    return all(found.get(key) == wanted[key] for key in _IDENTITY)


def as_bytes(manifest: dict[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    return (json.dumps(manifest, indent=2) + "\n").encode()
