"""Open a checkpoint file that may be hostile: whatever it says, nothing in it is run.

Pickles go through torch's weights-only unpickler. The names that honest training files carry beside their tensors (the
arguments, a NumPy scalar, a path) are allowed as names only: each is bound to one empty class, and what the file wanted
to build from them is thrown away. Any other name is refused. There is no switch.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import stat
import threading
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from vizgraph.errors import CheckpointError, first_line

_LONGEST_HEADER = 100 * 2**20
"""Bytes of a safetensors header, the format's own limit."""
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64)
_DEEPEST = 4
"""Wrappers within wrappers that are followed."""


class Inert:
    """Stands in for anything a checkpoint names beside tensors: takes every argument, keeps nothing."""

    __slots__ = ()

    def __new__(cls, *_: object, **__: object) -> Inert:
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


_NUMPY = ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
_NUMPY_DTYPES = ("Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "Float16", "Float32", "Float64", "Str", "Bytes")
INERT_NAMES = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.{name}" for core in ("core", "_core") for name in _NUMPY),
    *(f"numpy.dtypes.{name}DType" for name in _NUMPY_DTYPES),
    *(f"pathlib.{local}{flavor}" for local in ("", "_local.") for flavor in ("PosixPath", "WindowsPath")),
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "datetime.datetime",
    "datetime.date",
    "datetime.timedelta",
    "torch.torch_version.TorchVersion",
    # mmengine's training log, which fetches its own methods by getattr
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",
)
_ALLOWED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [(Inert, name) for name in INERT_NAMES]
_ONE_AT_A_TIME = threading.RLock()
"""torch keeps the allowed names for the whole process."""


@dataclass(frozen=True)
class Contents:
    """What a file held.

    Attributes:
        path: the file.
        sha256: of the whole file, 64 hexadecimal digits.
        data: what was unpickled, or the tensors of a safetensors file.
        metadata: the strings of a safetensors header.
    """

    path: Path
    sha256: str
    data: Any
    metadata: dict[str, str] = field(default_factory=dict)


def read(path: str | os.PathLike[str], *, sha256: str | None = None) -> Contents:
    """Read a checkpoint: torch's zip files, its files from before 1.6, and safetensors, told apart by content.

    Args:
        path: the file.
        sha256: pins the file: its SHA-256 in hexadecimal, or at least the first 8 digits.

    Raises:
        CheckpointError: it is not there, is no checkpoint, is damaged, wants to run something, or is not the one that
            was pinned.
        ValueError: `sha256` is no such digest.
    """
    pin = None if sha256 is None else _digits(sha256)
    path = Path(path).expanduser()
    _require_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(512)
            safe = _is_safetensors(head, os.fstat(file.fileno()).st_size)
            if not safe:
                _require_torch(path, head)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if pin is not None and not digest.startswith(pin):
                raise CheckpointError(
                    f"{path}: its SHA-256 begins {digest[: max(12, len(pin))]}, not {pin}; it is not the file that was "
                    "pinned, fetch it again or correct the pin"
                )
            file.seek(0)
            if safe:
                data, metadata = _read_safetensors(path, file)
                return Contents(path, digest, data, metadata)
            return Contents(path, digest, _unpickle(path, file))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def _digits(sha256: str) -> str:
    digits = sha256.strip().lower().removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{8,64}", digits):
        raise ValueError(f"`sha256` must be 8 to 64 hexadecimal digits (got {sha256!r})")
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


def _unpickle(path: Path, file: BinaryIO) -> Any:
    if file.read(4).startswith(b"PK"):
        _require_torch_zip(path, file)
    file.seek(0)
    try:
        with _ONE_AT_A_TIME, torch.serialization.safe_globals(_ALLOWED), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path}: {_refusal(str(error))}") from error
    except Exception as error:  # whatever a damaged file makes torch raise
        reason = first_line(error)
        if isinstance(error, MemoryError) or "allocate memory" in reason:
            raise CheckpointError(f"{path}: claims more memory than there is; it is damaged or hostile") from error
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({reason}); fetch it again") from error


def _require_torch_zip(path: Path, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise CheckpointError(f"{path}: is cut short or damaged; fetch it again") from error
    names = {entry.filename.rpartition("/")[2] for entry in entries}
    if "constants.pkl" in names:
        raise CheckpointError(f"{path}: is a TorchScript program, which could run anything; give a file of weights")
    if "data.pkl" not in names:
        raise CheckpointError(f"{path}: is a zip archive without weights; unpack it and give the checkpoint inside")
    # torch stores without compression; what inflates far beyond the file is a bomb
    if sum(entry.file_size for entry in entries) > 2 * path.stat().st_size + 2**20:
        raise CheckpointError(f"{path}: would unpack to far more than its size; it was not written by torch.save")


def _refusal(message: str) -> str:
    """Say in a sentence why torch's weights-only unpickler stopped."""
    match = re.search(r"GLOBAL (\S+)", message)
    if match:
        return (
            f"refused, because it asks for {match[1]!r}, which could run code; only tensors and plain values are read: "
            "save `model.state_dict()` where you trust the file"
        )
    if "perand" in message or "protocol" in message:
        return (
            "refused, because its pickle is not one that torch.save writes by default; save `model.state_dict()` again"
        )
    reason = re.search(r"WeightsUnpickler error: (.+)", message)
    shown = (reason[1] if reason else message).strip().splitlines()[0]
    return f"refused, because it holds more than tensors and plain values ({shown}); save `model.state_dict()`"


@dataclass(frozen=True)
class Chosen:
    """The state dict taken out of a file.

    Attributes:
        state: keys without wrapper prefixes, as in the file's own layout; values dense CPU tensors.
        entry: where in the file it was, "state_dict_ema"; "" for a bare state dict.
        ema: whether these are averaged (EMA) weights; None where the file has only one kind and does not say.
    """

    state: dict[str, Tensor]
    entry: str
    ema: bool | None


_AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")
_PLAIN = ("state_dict", "model", "model_state_dict", "net", "network", "module")


def choose(contents: Contents, *, ema: bool = True) -> Chosen:
    """Take the weights out of the wrappers around them, the averaged ones where there are both (unless `ema=False`).

    Raises:
        CheckpointError: there are no weights, or an entry that is no ordinary tensor.
    """
    data, entry, averaged = contents.data, "", None
    for _ in range(_DEEPEST):
        if not isinstance(data, dict):
            raise CheckpointError(f"{contents.path}: holds {_kind(data)} where a state dict should be")
        name, is_average = _wrapper(data, ema)
        if name is None:
            break
        data, entry = data[name], f"{entry}.{name}" if entry else name
        averaged = is_average if averaged is None else averaged
    if not isinstance(data, dict) or not any(isinstance(value, Tensor) for value in data.values()):
        found = ", ".join(map(str, list(data)[:5])) if isinstance(data, dict) else _kind(data)
        raise CheckpointError(f"{contents.path}: holds no weights, only {found or 'an empty dict'}")
    for key, value in data.items():
        _require_tensor(contents.path, key, value)
    return Chosen(_without_prefixes(contents.path, data), entry, averaged)


def _wrapper(data: dict[Any, Any], ema: bool) -> tuple[str | None, bool | None]:
    """The key to go on with and whether it leads to averaged weights; None where `data` is the state dict itself."""
    averaged = [name for name in _AVERAGED if isinstance(data.get(name), dict) and data[name]]
    plain = [name for name in _PLAIN if isinstance(data.get(name), dict) and data[name]]
    if averaged and plain and "meta" in data and averaged[0] == "ema_state_dict":
        # mmengine swaps the two on saving: `state_dict` is the average, `ema_state_dict` the raw weights.
        return (plain[0], True) if ema else (averaged[0], False)
    if averaged and (ema or not plain):
        return averaged[0], True
    if plain:
        return plain[0], False if averaged else None
    return None, None


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _require_tensor(path: Path, key: object, value: object) -> None:
    """Values must be what they seem: a hostile tensor may claim a shape that its storage does not hold."""
    if not isinstance(key, str) or not isinstance(value, Tensor):
        raise CheckpointError(f"{path}: its entry {key!r} is {_kind(value)}, not a tensor")
    if type(value) not in (Tensor, torch.nn.Parameter) or value.layout != torch.strided or value.device.type != "cpu":
        raise CheckpointError(
            f"{path}: its entry {key!r} is no ordinary dense tensor; save `model.state_dict()` on the CPU"
        )
    if value.dtype not in _DTYPES:
        raise CheckpointError(f"{path}: its entry {key!r} holds {value.dtype}; convert it to float32")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        raise CheckpointError(
            f"{path}: its entry {key!r} claims {value.numel()} values and stores fewer; it is damaged"
        )


_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_COUNTERS = {"n_averaged", "steps"}
"""What the averaging wrappers of torch and mmengine count beside the weights."""


def _without_prefixes(path: Path, data: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop what DataParallel, torch.compile, FSDP and their nestings put into keys, wherever in the key it is."""
    state: dict[str, Tensor] = {}
    for key, value in data.items():
        name = ".".join(part for part in key.split(".") if part not in _WRAPPERS)
        if name in _COUNTERS:
            continue
        if name in state:
            raise CheckpointError(f"{path}: its keys {name!r} and {key!r} are the same without wrapper prefixes")
        state[name] = value
    while state and all(key.startswith("model.") for key in state):
        state = {key.removeprefix("model."): value for key, value in state.items()}
    return state
