"""Unpickle what may be hostile: whatever it says, nothing in it is run, and it takes no more time than its size.

Pickles go through torch's weights-only unpickler. The names that honest training files carry beside their tensors (the
arguments, a NumPy scalar, a path) are allowed as names only: each is bound to one empty class, and what the file wanted
to build from them is thrown away. Any other name is refused. There is no switch.

A few hundred bytes can describe a value that shares its parts so often that hashing or printing it would outlast the
universe. So the operations are walked through first (`pickle_size`), without doing any of them.
"""

from __future__ import annotations

import io
import pickle
import re
import threading
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from vizgraph.checkpoints.pickle_size import require_bounded
from vizgraph.errors import CheckpointError, first_line


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


_PICKLES_BEFORE_ZIP = 5
"""A file from before torch 1.6 holds: a magic number, a protocol, the system, the contents, the storages' keys."""


def unpickle(path: Path, file: BinaryIO) -> Any:
    """What torch.save wrote into a file, zip or older.

    Raises:
        CheckpointError: it is damaged, would run something, or would take more time or memory than its size allows.
    """
    if file.read(2) == b"PK":
        _require_torch_zip(path, file)
    else:
        file.seek(0)
        require_bounded(path, file, pickles=_PICKLES_BEFORE_ZIP)
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


_FOLDER = 0x10
"""The bit of MS-DOS attributes that marks a folder."""


def _require_torch_zip(path: Path, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            parts = [entry.filename for entry in entries]
            names = {part.rpartition("/")[2] for part in parts}
            if "constants.pkl" in names:
                raise CheckpointError(
                    f"{path}: is a TorchScript program, which could run anything; give a file of weights"
                )
            if "data.pkl" not in names:
                raise CheckpointError(
                    f"{path}: is a zip archive without weights; unpack it and give the checkpoint inside"
                )
            # torch stores without compression; what inflates far beyond the file is a bomb
            if sum(entry.file_size for entry in entries) > 2 * path.stat().st_size + 2**20:
                raise CheckpointError(
                    f"{path}: would unpack to far more than its size; it was not written by torch.save"
                )
            if len(set(parts)) != len(parts):
                raise CheckpointError(f"{path}: has two entries of one name; it is damaged, fetch it again")
            # torch's reader takes such an entry for a folder, and gives memory that it never filled
            if any(entry.external_attr & _FOLDER and not entry.is_dir() for entry in entries):
                raise CheckpointError(f"{path}: has an entry marked as a folder; it is damaged, fetch it again")
            _require_checksums(path, archive)
            for entry in entries:
                if entry.filename.rpartition("/")[2] == "data.pkl":
                    entry.CRC = None  # type: ignore[assignment]  # compared above, or not written
                    require_bounded(path, io.BytesIO(archive.read(entry)))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, RuntimeError, zlib.error) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: is cut short or damaged ({first_line(error)}); fetch it again") from error


def _require_checksums(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare each entry with its CRC-32, unless the file was written without (`set_crc32_options(False)`)."""
    wrong, right = [], 0
    for entry in archive.infolist():
        crc = 0
        expected, entry.CRC = entry.CRC, None  # type: ignore[assignment]  # zipfile is not to raise by itself
        with archive.open(entry) as content:
            while chunk := content.read(2**20):
                crc = zlib.crc32(chunk, crc)
        entry.CRC = expected
        if crc == expected:
            right += entry.file_size > 0
        else:
            wrong.append(entry.filename)
    if wrong and not _without_checksums(archive):
        raise CheckpointError(
            f"{path}: is damaged: {len(wrong)} of its {len(archive.infolist())} entries ({wrong[0]}, ...) do not have "
            "the content that was written (CRC-32); fetch it again"
        )


def _without_checksums(archive: zipfile.ZipFile) -> bool:
    """Whether a file was written without CRC-32 sums, of which torch then writes none at all."""
    return not any(entry.CRC for entry in archive.infolist())


def _refusal(message: str) -> str:
    """Say in a sentence why torch's weights-only unpickler stopped."""
    match = re.search(r"GLOBAL (\S+)", message)
    if match:
        return (
            f"refused, because it asks for {match[1][:80]!r}, which could run code; only tensors and plain values are "
            "read: save `model.state_dict()` where you trust the file"
        )
    if "perand" in message or "protocol" in message:
        return (
            "refused, because its pickle is not one that torch.save writes by default; save `model.state_dict()` again"
        )
    reason = re.search(r"WeightsUnpickler error: (.+)", message)
    shown = (reason[1] if reason else message).strip().splitlines()[0][:200]
    return f"refused, because it holds more than tensors and plain values ({shown}); save `model.state_dict()`"
