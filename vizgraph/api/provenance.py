"""What a figure says it was made from, believed only as far as it can be meant."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import RenderOptions
from vizgraph.errors import UsageError, first_line

_BESIDE = ("manifest.json", "compare.json")
_COMMANDS = ("render", "compare", "figure")
DIGEST = re.compile(r"[0-9a-f]{64}")
_FURTHER = ("labels", "explain")
"""What a record of options holds beside the options."""


def digest_of(note: dict[str, Any]) -> str:
    """What tells one question from another, in eight hex digits."""
    return hashlib.sha256(json.dumps(note, sort_keys=True, default=str).encode()).hexdigest()[:8]


def provenance_of(figure: str | os.PathLike[str]) -> dict[str, Any]:
    """What is embedded in a figure.

    Raises:
        UsageError: it is no figure of `vizgraph render`, `compare` or `figure`.
    """
    from viz_nodes.draw import read_provenance

    figure = inputs.expanded(figure)
    if not figure.is_file():
        raise UsageError(str(figure), "there is no such file", "check the name")
    try:
        note = read_provenance(figure)
    except (ValueError, OSError, RecursionError, MemoryError) as error:
        raise UsageError(str(figure), first_line(error), "give a PNG, PDF or SVG of ours") from error
    if note is None or note.get("command") not in _COMMANDS:
        raise UsageError(
            str(figure),
            "it does not say what it was made from",
            "figures of `vizgraph render`, `compare` and `figure` do, unless a program removed it",
        )
    return note


def changed(figure: Path, why: str) -> UsageError:
    return UsageError(str(figure), f"its note says what none of ours says ({why})", "somebody has changed it")


def options_of(figure: Path, note: Mapping[str, Any]) -> RenderOptions:
    """The options that a figure names.

    Raises:
        UsageError: it names others than there are.
    """
    try:
        record = {name: value for name, value in note["options"].items() if name not in _FURTHER}
        options = RenderOptions.of_record(record)
        from viz_nodes.batch.render import require_drawable

        require_drawable(options)
        return options
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise changed(figure, f"options: {first_line(error)}") from error


def named_beside(figure: Path) -> Path | None:
    """The image that a manifest in the figure's folder names."""
    for name in _BESIDE:
        record = manifest.read_json(figure.parent / name)
        about = record.get("image") if isinstance(record, dict) else None
        path = about.get("path") if isinstance(about, dict) else None
        if isinstance(path, str) and path and "\0" not in path:
            return Path(path)
    return None


def manifest_beside(figure: Path) -> dict[str, Any] | None:
    """What `vizgraph figure` wrote beside a figure; None where there is nothing that can be believed."""
    record = manifest.read_json(figure.with_suffix(".json"))
    if not isinstance(record, dict) or record.get("command") != "figure" or not isinstance(record.get("images"), list):
        return None
    return record


def images_beside(figure: Path) -> list[Path]:
    """The images that the manifest of a figure of several images names."""
    images = (manifest_beside(figure) or {}).get("images", [])
    paths = [about.get("path") for about in images if isinstance(about, dict)]
    return [Path(path) for path in paths if isinstance(path, str) and path and "\0" not in path]


def changed_beside(figure: Path) -> list[str]:
    """Names of files that are not what the manifest of a figure of several images says they are."""
    record = manifest_beside(figure)
    outputs = (record or {}).get("outputs")
    if record is None or not isinstance(outputs, dict):
        return []
    named = {name: about for name, about in outputs.items() if manifest.is_plain_name(name) and isinstance(about, dict)}
    wrong = [name for name in outputs if name not in named]
    for name, about in named.items():
        if not manifest.is_whole(figure.parent, {"outputs": {name: {"bytes": None, **about}}}, check=True):
            wrong.append(name)
    return wrong
