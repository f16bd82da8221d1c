"""Parts of a network that are run again in the backward pass instead of being kept for it.

Between two convolutions a network keeps what the norm, the activation and the next convolution each got, although all
of it follows from the first convolution's output at little cost. `recomputed` keeps that output alone. What is costly
about such a part and needs no gradient, the search for neighbors, is done once: it goes through `remembered`.

Chen, Xu, Zhang, Guestrin: "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv 1604.06174.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint

__all__ = ["keeping_convolutions", "recomputed", "remembered"]

_Value = TypeVar("_Value")
_local = threading.local()


def recomputed(run: Callable[[Tensor], Tensor], x: Tensor, owner: nn.Module) -> Tensor:
    """`run(x)`, of which nothing but `x` is kept for the backward pass, where it is run again.

    Values, gradients, running statistics and random draws are those of a plain call: norms count a batch once.
    `torch.compile` decides such things itself, so that a compiled network runs plainly.

    Args:
        run: the part. A convolution at its end is not computed a second time, as nothing needs its output.
        x: (B, C, H, W).
        owner: the module whose norms the part uses.
    """
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return run(x)
    notes: list[Any] = []
    contexts = lambda: (_writing(notes), _reading(notes, owner))  # noqa: E731
    return checkpoint(run, x, use_reentrant=False, context_fn=contexts)


def keeping_convolutions(steps: Iterable[Callable[[Tensor], Tensor]], x: Tensor, owner: nn.Module) -> Tensor:
    """The steps one after another, keeping for the backward pass only what the convolutions among them return.

    Args:
        steps: modules or functions (B, C, H, W) -> (B, C', H', W').
        x: what the first step gets.
        owner: the module whose norms are among the steps.
    """
    since: list[Callable[[Tensor], Tensor]] = []
    for step in steps:
        since.append(step)
        if isinstance(step, nn.Conv2d):
            x = step(x) if len(since) == 1 else recomputed(_chain(tuple(since)), x, owner)
            since.clear()
    return _chain(tuple(since))(x)


def _chain(steps: Sequence[Callable[[Tensor], Tensor]]) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        for step in steps:
            x = step(x)
        return x

    return run


def remembered(compute: Callable[[], _Value]) -> _Value:
    """`compute()`, or in a part that is run again what it was the first time. It must need no gradient."""
    recall: Callable[[Callable[[], _Value]], _Value] | None = getattr(_local, "recall", None)
    return compute() if recall is None else recall(compute)


@contextlib.contextmanager
def _recalling(recall: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    before = getattr(_local, "recall", None)
    _local.recall = recall
    try:
        yield
    finally:
        _local.recall = before


@contextlib.contextmanager
def _writing(notes: list[Any]) -> Iterator[None]:
    def write(compute: Callable[[], Any]) -> Any:
        notes.append(compute())
        return notes[-1]

    with _recalling(write):
        yield


@contextlib.contextmanager
def _reading(notes: list[Any], owner: nn.Module) -> Iterator[None]:
    """Give back what was written, and let no norm count the batch again."""
    left = iter(notes)
    # Only copies of the statistics move: a norm keeps tensors for its backward pass by what buffers it has.
    kept = [(part, dict(part._buffers)) for part in owner.modules() if isinstance(part, _NormBase)]
    with _recalling(lambda compute: next(left)):
        try:
            for part, buffers in kept:
                part._buffers.update({name: None if one is None else one.clone() for name, one in buffers.items()})
            yield
        finally:
            for part, buffers in kept:
                part._buffers.update(buffers)
