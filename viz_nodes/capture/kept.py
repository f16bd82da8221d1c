"""Tensors that are kept as the network goes on with them: as copies, until it is known which ones it overwrites."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of

GIVEN, GAVE = "given", "gave"
Run = tuple[nn.Module, int, str]
"""A module, how many times it had run before, and whether a tensor was given to it or it gave it."""
Place = tuple[weakref.ref[nn.Module], int, str]
"""The same, to be kept while the network lives."""


class Kept:
    """What a recording keeps of one forward, and whether the network has changed it since.

    A network may overwrite what is kept, with `nn.ReLU(inplace=True)` say, so it goes on with a copy. Where an earlier
    forward has shown that it does not, it goes on with the very tensor, and torch's count of changes says afterwards
    whether that was right.

    Args:
        copied: the tensors that the network is known to overwrite; None for copies of all.
    """

    def __init__(self, copied: frozenset[Place] | None) -> None:
        self._copied = copied
        self._held: list[tuple[Run, Tensor, int]] = []

    def handed(self, run: Run, tensor: Tensor, *, own: bool = True) -> Tensor:
        """What the network is to go on with.

        Args:
            run: where.
            tensor: what is kept, or a view of it.
            own: whether it is the network's own, and no leaf that stands in for it.
        """
        unsafe = not own or tensor.is_inference()
        if self._copied is not None and (unsafe or (weakref.ref(run[0]), *run[1:]) in self._copied):
            return tensor.clone()
        passed = tensor if self._copied is not None else tensor.clone()
        self.noted(run, passed)
        return passed

    def noted(self, run: Run, passed: Tensor) -> None:
        """The network goes on with this one."""
        if not passed.is_inference():
            self._held.append((run, passed, passed._version))

    def overwritten(self, answers: Iterable[Tensor] = ()) -> frozenset[Place]:
        """What the network has overwritten, or has given out as its answer, which whoever has it may overwrite.

        Nothing is held afterwards.
        """
        held, self._held = self._held, []
        out = {answer.untyped_storage().data_ptr() for answer in answers if _is_plain(answer)}
        return frozenset(
            (weakref.ref(module), times, way)
            for (module, times, way), tensor, version in held
            if tensor._version != version or (out and tensor.untyped_storage().data_ptr() in out)
        )


def kept_by_node(call: GraphCall, tensor: Tensor, images: int) -> Tensor:
    """Keeps a layer's output node by node, and gives what the network is to go on with, computed from that."""
    batch, nodes = call.graph.x.shape[0], call.graph.x.shape[2]
    layout = layout_of(tensor, batch, nodes)
    if layout is None or batch != images:
        return tensor
    by_node = as_nodes(tensor, batch, nodes)
    assert by_node is not None
    call.nodes = by_node[..., None]  # the network goes on from this very tensor, else it had no gradient
    return from_nodes(call.nodes[..., 0], tensor, layout)


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided and value.device.type != "meta"
