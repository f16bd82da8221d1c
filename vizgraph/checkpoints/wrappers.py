"""Which of what a file holds are the weights: the entries that people wrap them in, averaged weights or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vizgraph.checkpoints.read import Contents
from vizgraph.errors import CheckpointError
from vizgraph.models._filter import is_network_key

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64)
_DEEPEST = 4
"""Wrappers within wrappers that are followed."""


@dataclass(frozen=True)
class Chosen:
    """The state dict taken out of a file.

    Attributes:
        state: keys as in the file; the values that may be a network's are dense CPU tensors.
        entry: where in the file it was, "state_dict_ema"; "" for a bare state dict.
        ema: whether these are averaged (EMA) weights; None where the file has only one kind and does not say.
        beside: keys among them whose values are no tensors, and no network's.
    """

    state: dict[str, Tensor]
    entry: str
    ema: bool | None
    beside: tuple[str, ...] = ()


_AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")
_PLAIN = ("state_dict", "model", "model_state_dict", "net", "network", "module", "weights")


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
        content = ", ".join(map(str, list(data)[:5])) if isinstance(data, dict) else _kind(data)
        raise CheckpointError(f"{contents.path}: holds no weights, only {content or 'an empty dict'}")
    state: dict[str, Tensor] = {}
    beside: list[str] = []
    for key, value in data.items():
        if isinstance(key, str) and is_network_key(key):
            _require_tensor(contents.path, key, value)
        if isinstance(key, str) and isinstance(value, Tensor):
            state[key] = value
        else:
            beside.append(str(key)[:40])
    return Chosen(state, entry, averaged, tuple(beside))


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


def _require_tensor(path: Path, key: str, value: object) -> None:
    """Values must be what they seem: a hostile tensor may claim a shape that its storage does not hold."""
    if not isinstance(value, Tensor):
        raise CheckpointError(f"{path}: its entry {key[:80]!r} is {_kind(value)}, not a tensor")
    if type(value) not in (Tensor, torch.nn.Parameter) or value.layout != torch.strided or value.device.type != "cpu":
        raise CheckpointError(
            f"{path}: its entry {key[:80]!r} is no ordinary dense tensor; save `model.state_dict()` on the CPU"
        )
    if value.dtype not in _DTYPES:
        raise CheckpointError(f"{path}: its entry {key[:80]!r} holds {value.dtype}; convert it to float32")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        raise CheckpointError(
            f"{path}: its entry {key[:80]!r} claims {value.numel()} values and stores fewer; it is damaged"
        )
