"""Where in a network nodes are chosen or moved, while it is watched by its modules alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from viz_nodes.capture.calls import GraphCall, Runs
from viz_nodes.capture.tensor_notes import tensors_in

_CHOICES = frozenset(("topk", "sort", "argsort", "roll", "scatter_reduce", "index_add", "index_reduce", "scatter_add"))
"""Names of functions that choose or move nodes, or send what they say."""
_GATHERS = frozenset(("gather", "index_select", "take_along_dim", "__getitem__"))
"""Names of functions that gather features by numbers."""


class Choosing(TorchFunctionMode):
    """Notes which modules run whenever nodes are chosen or moved.

    Args:
        runs: gives the modules that run.
    """

    def __init__(self, runs: Callable[[], Runs]) -> None:
        super().__init__()
        self._runs = runs
        self._chosen: set[Runs] = set()
        self._gathered: set[Runs] = set()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name.rstrip("_") in _CHOICES:
            self._chosen.add(self._runs())
        elif name in _GATHERS and _by_numbers(args, kwargs or {}):
            self._gathered.add(self._runs())
        return func(*args, **(kwargs or {}))

    def beside(self, calls: Sequence[GraphCall]) -> bool:
        """Whether nodes were chosen where none of these layers runs or has its edges from, or gathered around one."""
        makers = {call.maker for call in calls if call.maker is not None}
        layers = {(call.module, call.times) for call in calls}
        within = [call.within for call in calls]
        chosen, gathered = (
            [runs for runs in noted if not runs & (makers | layers)] for noted in (self._chosen, self._gathered)
        )
        around = [runs for runs in (*chosen, *gathered) if any(runs <= outer for outer in within)]
        return any(runs not in around for runs in chosen) or any(runs in around for runs in gathered)


def _by_numbers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether features of nodes, several for each, are gathered by a tensor of whole numbers."""
    tensors = list(tensors_in((args, kwargs)))
    features = bool(tensors) and tensors[0].is_floating_point() and tensors[0].ndim > 1
    return features and any(tensor.dtype in (torch.int64, torch.int32) and tensor.ndim for tensor in tensors[1:])
