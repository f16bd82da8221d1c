"""An explanation <-> `explanation.npz`: arrays and one JSON text, no pickles; what comes back is equal to the bit.

What is saved follows from the fields of `Explanation` and `LayerExplanation`: tensors are arrays, the rest is in the
text. A field that a file does not have yet, because an earlier version wrote it, is left at its default.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import types
import typing
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.files import write_atomically
from viz_nodes.places import Places, from_arrays
from viz_nodes.text import quoted

FILE_NAME = "explanation.npz"
FORMAT = "viz_nodes explanation"
FORMAT_VERSION = 1
LARGEST = 512 * 1024**2
"""Bytes of memory an explanation may unpack to; more is refused before anything is unpacked."""
_LONGEST_TEXT = 16 * 1024**2

_npy: Any = np.lib.format
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}


class BrokenExplanation(ValueError):
    """A file is no explanation, is damaged, or does not fit together."""


def save(exp: Explanation, folder: str | os.PathLike[str]) -> Path:
    """Write `explanation.npz`, from which every figure can be drawn again without the model.

    Args:
        folder: made if it is not there.

    Returns:
        The file.

    Raises:
        TypeError: `exp.extras` holds something that is neither a tensor nor plain data.
        OSError: the folder cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    about: dict[str, Any] = {"format": FORMAT, "version": FORMAT_VERSION, "dtypes": {}}
    about |= _sorted(exp, tensors, "")
    shelf = _Shelf()
    about["layers"] = [
        _sorted(layer, tensors, f"layers/{layer.index}/") | {"places": shelf.put(layer.places)} for layer in exp.layers
    ]
    about["places"] = shelf.texts
    tensors |= shelf.tensors
    about["extras"] = _plain_extras(exp.extras, tensors)
    members: dict[str, Any] = {}
    for name, tensor in tensors.items():
        members[name], about["dtypes"][name] = _pack(tensor)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, allow_pickle=False, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **members
    )
    path = Path(folder) / FILE_NAME
    write_atomically(path, buffer.getvalue())
    return path


def load(folder: str | os.PathLike[str], *, most: int | None = None) -> Explanation:
    """Read what `save` wrote.

    Args:
        folder: the folder, or the npz file in it.
        most: bytes of memory it may unpack to; `LARGEST`, half a gibibyte, by default.

    Raises:
        FileNotFoundError: there is no explanation.
        OSError: the file cannot be read.
        BrokenExplanation: the file is damaged, is something else, or its parts do not fit together.
    """
    path = Path(folder)
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `explanation.save(folder)` writes one")
    limit = LARGEST if most is None else most
    # Read first: what fails from here on is the file's content, whatever the error is called.
    with path.open("rb") as file:
        data = file.read(limit + 1)
    try:
        _require_room(len(data), limit)
        return _read(data, limit)
    except MemoryError:
        raise
    except KeyError as error:
        raise BrokenExplanation(f"{path}: not a readable explanation: {str(error)[:80]} is missing") from error
    except Exception as error:  # whatever a hostile file makes numpy, zipfile or json raise is this one thing
        # zipfile's and json's messages may quote the file itself, all of it.
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise BrokenExplanation(f"{path}: not a readable explanation: {why}") from error


def _hints(kind: type) -> dict[str, Any]:
    """The types of a record's fields that are saved."""
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind) if each.metadata.get("saved", True)}


def _is_array(hint: Any) -> bool:
    return Tensor in (hint, *typing.get_args(hint))


def _sorted(record: Explanation | LayerExplanation, tensors: dict[str, Tensor], prefix: str) -> dict[str, Any]:
    """A record's plain fields; its tensors are put into `tensors`."""
    plain = {}
    for name, hint in _hints(type(record)).items():
        value = getattr(record, name)
        if not _is_array(hint):
            plain[name] = None if name in ("layers", "extras", "places") else value
        elif value is not None:
            tensors[prefix + name] = value
    return plain


class _Shelf:
    """Regions by number: layers that share theirs share what is written of them."""

    def __init__(self) -> None:
        self.texts: list[dict[str, Any]] = []
        self.tensors: dict[str, Tensor] = {}
        self._numbers: dict[Places, int] = {}

    def put(self, places: Places | tuple[Places, ...] | None) -> int | list[int] | None:
        """What stands for regions in the text."""
        if isinstance(places, tuple):
            return [self._number(each) for each in places]
        return None if places is None else self._number(places)

    def _number(self, places: Places) -> int:
        if places not in self._numbers:
            number = self._numbers[places] = len(self.texts)
            self.texts.append({"kind": places.kind, "size": list(places.size)})
            self.tensors |= {f"places/{number}/{name}": torch.as_tensor(a) for name, a in places.arrays().items()}
        return self._numbers[places]


def _plain_extras(extras: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    texts = {}
    for name, value in extras.items():
        if isinstance(value, (Tensor, np.ndarray)):
            tensors[f"extras/{name}"] = torch.as_tensor(value)
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"`extras[{quoted(name)}]` must be a tensor or made of numbers, strings, lists and dictionaries to be "
                f"saved (got {type(value).__name__})"
            ) from None
        texts[name] = value
    return texts


def _pack(tensor: Tensor) -> tuple[np.ndarray, str]:
    """An array and the name of the dtype to restore; whole numbers in as few bytes as they fit."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise TypeError(f"an explanation cannot hold {tensor.dtype}")
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy(), name
    array: np.ndarray = tensor.numpy()
    if tensor.dtype == torch.int64 and array.size:
        for small in (np.int8, np.int16, np.int32):
            limits = np.iinfo(small)
            if limits.min <= array.min() and array.max() <= limits.max:
                return array.astype(small), name
    return array, name


def _unpack(array: np.ndarray, name: str) -> Tensor:
    dtype = _DTYPES[name]
    if dtype == torch.bfloat16:
        return torch.from_numpy(array.astype(np.int16)).view(torch.bfloat16)
    tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    if tensor.is_floating_point() != dtype.is_floating_point:
        raise BrokenExplanation(f"an array of {tensor.dtype} stands where {dtype} is expected")
    return tensor.to(dtype)


def _read(data: bytes, limit: int) -> Explanation:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        about = _about(archive)
        dtypes = about["dtypes"]
        _require_fit(archive, dtypes, limit)

        def array(name: str) -> Tensor:
            with archive.open(f"{name}.npy") as file:
                return _unpack(_npy.read_array(file, allow_pickle=False), dtypes[name])

        def record(kind: type, plain: dict[str, Any], prefix: str, **known: Any) -> Any:
            for name, hint in _hints(kind).items():
                if name in known:
                    continue
                if _is_array(hint):
                    if prefix + name in dtypes:
                        known[name] = array(prefix + name)
                elif name in plain:
                    known[name] = _fitting(name, plain[name], hint)
            missing = [entry.name for entry in dataclasses.fields(kind) if _required(entry) and entry.name not in known]
            if missing:
                raise KeyError(prefix + missing[0])
            return kind(**known)

        shelf = []
        for number, text in enumerate(about.get("places", ())):
            start = f"places/{number}/"
            arrays = {name.removeprefix(start): array(name).numpy() for name in dtypes if name.startswith(start)}
            size = _fitting("size", text["size"], tuple[int, int])
            shelf.append(from_arrays(text["kind"], size, arrays))
        layers = tuple(
            record(LayerExplanation, layer, f"layers/{layer['index']}/", places=_shelved(layer.get("places"), shelf))
            for layer in about["layers"]
        )
        extras = dict(about["extras"])
        extras |= {name.removeprefix("extras/"): array(name) for name in dtypes if name.startswith("extras/")}
        return typing.cast(Explanation, record(Explanation, about, "", layers=layers, extras=extras))


def _shelved(number: int | list[int] | None, shelf: list[Places]) -> Places | tuple[Places, ...] | None:
    if isinstance(number, list):
        return tuple(shelf[each] for each in number)
    return None if number is None else shelf[number]


def _required(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


def _about(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The JSON text."""
    if "about.npy" not in archive.namelist():
        raise BrokenExplanation("it is an npz file of something else")
    if archive.getinfo("about.npy").file_size > _LONGEST_TEXT:
        raise BrokenExplanation(f"its text is longer than {_LONGEST_TEXT / 1024**2:.0f} MiB")
    with archive.open("about.npy") as file:
        text: bytes = _npy.read_array(file, allow_pickle=False).tobytes()
    about = json.loads(text.decode())
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BrokenExplanation("it is an npz file of something else")
    if about["version"] != FORMAT_VERSION:
        raise BrokenExplanation(
            f"it has format version {quoted(about['version'])}, this program reads {FORMAT_VERSION}"
        )
    return about


def _require_room(size: float, limit: int) -> None:
    if size > limit:
        raise BrokenExplanation(
            f"it unpacks to {size / 1024**3:.2g} GiB, more than {limit / 1024**3:.2g}; "
            "`export.load(folder, most=...)` allows more"
        )


def _require_fit(archive: zipfile.ZipFile, dtypes: dict[str, str], limit: int) -> None:
    """Refuse, before anything is unpacked, what would take more memory than it may or than the file holds."""
    size = 0
    for member in archive.infolist():
        with archive.open(member) as file:
            version = _npy.read_magic(file)
            read_header = {(1, 0): _npy.read_array_header_1_0, (2, 0): _npy.read_array_header_2_0}
            if version not in read_header:
                raise BrokenExplanation(f"`{member.filename}` is an array of format {version}")
            shape, _, dtype = read_header[version](file)
            if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                raise BrokenExplanation(f"`{member.filename}` says {shape} of {dtype}, which it does not hold")
        restored = _DTYPES.get(dtypes.get(member.filename.removesuffix(".npy"), ""))
        size += math.prod(shape) * max(dtype.itemsize, 0 if restored is None else restored.itemsize)
    _require_room(size, limit)


def _fitting(name: str, value: Any, hint: Any) -> Any:
    """A value of the JSON text as a field of this type; lists are tuples.

    Raises:
        BrokenExplanation: it is of another type.
    """
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        kinds = typing.get_args(hint)
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
        if len(kinds) == len(value):
            return tuple(_fitting(name, each, kind) for each, kind in zip(value, kinds, strict=True))
    elif isinstance(hint, types.UnionType):
        fits = [kind for kind in typing.get_args(hint) if isinstance(value, _json_kind(kind))]
        if fits:
            return _fitting(name, value, fits[0])
    elif isinstance(value, _json_kind(hint)) and (hint is bool or not isinstance(value, bool)):
        return value
    raise BrokenExplanation(f"`{name}` must be {getattr(hint, '__name__', hint)} (got {value!r:.80})")


def _json_kind(hint: Any) -> type:
    """The type that JSON gives for a field's."""
    return list if typing.get_origin(hint) is tuple else hint if isinstance(hint, type) else object
