"""Parts of a network that are run again in the backward pass instead of being kept for it.

Between two convolutions a network keeps what the norm, the activation and the next convolution each got, although all
of it follows from the first convolution's output at little cost. The layers know nothing of this: torch's selective
checkpointing looks at each operation of a part and is told here which results to keep, and neighbors are found once.

Chen, Xu, Zhang, Guestrin: "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv 1604.06174.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from vizgraph.layers import KNNGraph

Way = Literal["activations", "blocks"]
WAYS: tuple[Way, ...] = ("activations", "blocks")
_ATEN = torch.ops.aten
_GROUPS = 8
"""Place of a convolution's groups among its arguments."""


def recomputed(part: nn.Module, x: Tensor, way: Way) -> Tensor:
    """`part(x)`, of which little is kept for the backward pass, where the rest is computed again.

    Values, gradients, running statistics and random draws are those of a plain call: norms count a batch once.
    `torch.compile` decides such things itself, so that a compiled network runs plainly.

    Args:
        part: a module (B, C, H, W) -> (B, C', H', W').
        way: "activations" keeps what convolutions of nodes return and who won each maximum, "blocks" nothing but `x`;
            neither searches neighbors twice.
    """
    if not torch.is_grad_enabled() or torch.compiler.is_compiling():
        result: Tensor = part(x)
        return result

    def policy(_context: Any, operation: Any, *args: Any, **_kwargs: Any) -> CheckpointPolicy:
        kept = way == "activations" and (_is_convolution(operation, args) or _is_winner(operation, args))
        return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    def contexts() -> tuple[Any, Any]:
        first, again = create_selective_checkpoint_contexts(policy)  # type: ignore[no-untyped-call]
        nearest: list[Tensor] = []
        return _searching(first, part, nearest), _searched(_uncounted(again, part), part, nearest)

    kept: Tensor = checkpoint(part, x, use_reentrant=False, context_fn=contexts)
    return kept


def _is_convolution(operation: Any, args: tuple[Any, ...]) -> bool:
    """Whether an operation is a convolution of nodes; one of their neighbors (in groups) returns k times as much."""
    return operation is _ATEN.convolution.default and args[_GROUPS] == 1


def _is_winner(operation: Any, args: tuple[Any, ...]) -> bool:
    """Whether an operation is the last step of `layers.graph_conv._winners`: the only arithmetic on bytes there is."""
    return operation is _ATEN.clamp.default and isinstance(args[0], Tensor) and args[0].dtype == torch.uint8


@contextlib.contextmanager
def _searching(first: Any, part: nn.Module, nearest: list[Tensor]) -> Iterator[None]:
    """Meanwhile the neighbors that are searched are written down; the search is costly and needs no gradient."""

    def remembering(knn: KNNGraph) -> Callable[..., Tensor]:
        search = knn._nearest

        def remember(*args: Any) -> Tensor:
            nearest.append(search(*args))
            return nearest[-1]

        return remember

    with first, _searched_by(part, remembering):
        yield


@contextlib.contextmanager
def _searched(again: Any, part: nn.Module, nearest: list[Tensor]) -> Iterator[None]:
    """Meanwhile what was written down is taken instead of a search."""
    left = iter(nearest)
    with again, _searched_by(part, lambda _: lambda *_args: next(left)):
        yield


@contextlib.contextmanager
def _searched_by(part: nn.Module, search: Callable[[KNNGraph], Callable[..., Tensor]]) -> Iterator[None]:
    graphs = [module for module in part.modules() if isinstance(module, KNNGraph)]
    try:
        for knn in graphs:
            knn._nearest = search(knn)  # type: ignore[method-assign]
        yield
    finally:
        for knn in graphs:
            knn.__dict__.pop("_nearest", None)


@contextlib.contextmanager
def _uncounted(again: Any, part: nn.Module) -> Iterator[None]:
    """Let no norm count the batch again: meanwhile only copies of its statistics move.

    The buffers themselves are exchanged, since a norm keeps tensors for its backward pass by what buffers it has.
    """
    norms = [(norm, dict(norm._buffers)) for norm in part.modules() if isinstance(norm, _NormBase)]
    try:
        for norm, buffers in norms:
            norm._buffers.update({name: None if kept is None else kept.clone() for name, kept in buffers.items()})
        with again:
            yield
    finally:
        for norm, buffers in norms:
            norm._buffers.update(buffers)
