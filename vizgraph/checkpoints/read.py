"""Open a checkpoint that may be hostile: one file of any of torch's formats or safetensors, or a folder of them.

Everything is looked at before it is used, and nothing in it is run (`pickles`). What was read is a dict of whatever the
file held; which of it are the weights, `wrappers` says.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from viz_nodes.text import quoted
from vizgraph.checkpoints.pickles import unpickle
from vizgraph.errors import CheckpointError, first_line

_LONGEST_HEADER = 100 * 2**20
"""Bytes of a safetensors header, the format's own limit."""
_LONGEST_CONFIG = 16 * 2**20
_INDEX = ".safetensors.index.json"
CONFIG = "config.json"
"""What timm and the hub put beside weights."""
_IN_FOLDERS = ("model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth")
"""Names of weights in a folder with a `config.json`, the first that is there, as timm looks for them."""


@dataclass(frozen=True)
class Contents:
    """What a file held.

    Attributes:
        path: the file.
        sha256: of the whole file, 64 hexadecimal digits; of several files that of `sha256sum`'s lines about them.
        data: what was unpickled, or the tensors of safetensors files.
        metadata: the strings of a safetensors header.
        config: the `config.json` beside it; None where there is none, or the file was named itself.
    """

    path: Path
    sha256: str
    data: Any
    metadata: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None


def read(path: str | os.PathLike[str], *, sha256: str | None = None) -> Contents:
    """Read a checkpoint: torch's zip files, its files from before 1.6, and safetensors, told apart by content.

    Args:
        path: the file; the index of several safetensors files (`.safetensors.index.json`), which must lie beside it; or
            a folder with a `config.json` or such an index, as timm and the hub lay them out.
        sha256: pins the file: its SHA-256 in hexadecimal, or at least the first 8 digits.

    Raises:
        CheckpointError: it is not there, is no checkpoint, is damaged, wants to run something, or is not the one that
            was pinned.
        UsageError: `sha256` is no such digest.
    """
    pin = None if sha256 is None else _digits(sha256)
    path = expanded(path)
    if (path / CONFIG).is_file():
        inside = _read(_weights_in(path), pin)
        return replace(inside, config=_json(path / CONFIG))
    if path.is_dir() and (path / f"model{_INDEX}").is_file():
        path = path / f"model{_INDEX}"
    return _read(path, pin)


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path whose `~` means a home folder.

    Raises:
        CheckpointError: nobody is known by that name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise CheckpointError(os.fspath(path), "nobody of that name has a home folder here", "check the name") from None


def _weights_in(folder: Path) -> Path:
    """The weights of a folder with a `config.json`."""
    for name in (*_IN_FOLDERS[:1], f"model{_INDEX}", *_IN_FOLDERS[1:]):
        if (folder / name).is_file():
            return folder / name
    others = [
        path for path in sorted(folder.iterdir()) if path.name.endswith((".safetensors", ".pth", ".pth.tar", ".bin"))
    ]
    if len(others) == 1:
        return others[0]
    near = _neighbors(folder / "x")
    raise CheckpointError(
        f"{folder}: has a {CONFIG}, and {'several files' if near else 'no file'} of weights; name the file"
        + (f": {near}" if near else "")
    )


def _read(path: Path, pin: str | None) -> Contents:
    _require_file(path)
    if path.name.endswith(_INDEX):
        return _read_shards(path, pin)
    try:
        with path.open("rb") as file:
            head = file.read(512)
            safe = _is_safetensors(head, os.fstat(file.fileno()).st_size)
            if not safe:
                _require_torch(path, head)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            _require_pinned(path, digest, pin)
            file.seek(0)
            if safe:
                data, metadata = _read_safetensors(path, file)
                return Contents(path, digest, data, metadata)
            return Contents(path, digest, unpickle(path, file))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def _require_pinned(path: Path, digest: str, pin: str | None) -> None:
    if pin is not None and not digest.startswith(pin):
        raise CheckpointError(
            f"{path}: its SHA-256 begins {digest[: max(12, len(pin))]}, not {pin}; it is not the file that was pinned, "
            "fetch it again or correct the pin"
        )


def _read_shards(index: Path, pin: str | None) -> Contents:
    """The tensors of several safetensors files, of which the index says which holds which."""
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise CheckpointError(f"{index}: has no weight_map that says which file holds which tensor; fetch it again")
    names = sorted(set(places.values()))
    if any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise CheckpointError(f"{index}: names files that are no .safetensors beside it; it is damaged or hostile")
    shards = {name: _read(index.parent / name, None) for name in names}
    data: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    for key, name in places.items():
        if key not in shards[name].data:
            raise CheckpointError(f"{index}: {name} does not hold {quoted(key)}, as the index says; fetch both again")
        data[key] = shards[name].data[key]
    for shard in shards.values():
        metadata |= shard.metadata
    lines = "".join(f"{shards[name].sha256}  {name}\n" for name in names)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    _require_pinned(index, digest, pin)
    return Contents(index, digest, data, metadata)


def _json(path: Path) -> dict[str, Any]:
    """A small JSON file that holds an object."""
    _require_file(path)
    try:
        if path.stat().st_size > _LONGEST_CONFIG:
            raise CheckpointError(f"{path}: is larger than any such file is; fetch it again")
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is no JSON ({first_line(error)}); fetch it again") from None
    if not isinstance(parsed, dict):
        raise CheckpointError(f"{path}: holds no JSON object; fetch it again")
    return parsed


def _digits(sha256: str) -> str:
    digits = sha256.strip().lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{8,64}", digits):
        raise ValueError(f"`sha256` must be 8 to 64 hexadecimal digits (got {quoted(sha256)})")
    return digits


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        near = _neighbors(path)
        hint = f"beside it lie {near}" if near else "check the name"
        raise CheckpointError(f"{path}: there is no such file; {hint}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path!s}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(mode):
        near = _neighbors(path / "x")
        raise CheckpointError(f"{path}: is a folder; name the file in it" + (f": {near}" if near else ""))
    if not stat.S_ISREG(mode):
        raise CheckpointError(f"{path}: is not a regular file; copy the checkpoint to disk first")


def _neighbors(path: Path) -> str:
    """The first checkpoints in the folder of a path, for a message."""
    try:
        names = sorted(p.name for p in path.parent.iterdir() if re.search(r"\.(pth|pt|tar|safetensors|bin)$", p.name))
    except OSError:
        return ""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= min(_LONGEST_HEADER, size - 8)


def _require_torch(path: Path, head: bytes) -> None:
    """Say what a file is that does not begin as torch's files do."""
    if not head:
        raise CheckpointError(f"{path}: is empty; fetch it again")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<script", b"<!--")):
        raise CheckpointError(
            f"{path}: is a web page, not a checkpoint; open its link in a browser and save the file that it offers"
        )
    if text.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path}: is a Git LFS pointer, not the file itself; run `git lfs pull`")
    archives = {b"\x1f\x8b": "gzip", b"Rar!": "RAR", b"7z\xbc\xaf": "7z", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
    for magic, kind in archives.items():
        if head.startswith(magic):
            raise CheckpointError(f"{path}: is a {kind} archive; unpack it and give the checkpoint inside")
    if head[257:262] == b"ustar":
        raise CheckpointError(
            f"{path}: is a tar archive, not a checkpoint named .tar; unpack it and give the file inside"
        )
    for magic, kind in {
        b"\x89PNG": "a PNG image",
        b"\xff\xd8\xff": "a JPEG image",
        b"\x93NUMPY": "a NumPy array",
    }.items():
        if head.startswith(magic):
            raise CheckpointError(f"{path}: is {kind}, not a checkpoint; give a .pth, .pth.tar or .safetensors file")
    if not head.startswith((b"PK", b"\x80")):
        raise CheckpointError(
            f"{path}: is no file that torch or safetensors wrote (it begins {head[:8]!r}); give a .pth, .pth.tar or "
            ".safetensors file"
        )


def _read_safetensors(path: Path, file: BinaryIO) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = file.read()
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path}: is a damaged safetensors file: {first_line(error)}; fetch it again") from error
    return tensors, dict(header.get("__metadata__") or {})
