"""Messages that were seen to become one value a node: which node sent each, and how they lie in their tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from viz_nodes.capture.origins import Base, Origin


@dataclass(eq=False)
class Seen:
    """One aggregation, as it was computed. N places of an image, M nodes they may hear, k messages a place.

    Attributes:
        kind: "max", "min", "sum", "mean", "std" or "var".
        messages: (B, C, N, k) what was aggregated; a place without an edge holds what changes nothing.
        neighbors: (B, N, k) int64, which node each message came from; -1 where there is none.
        y: (B, C', M) features of the nodes, as they were moved.
        x: (B, C', N) features of the centers; y where they are the same nodes, zeros where they are not known.
        nodes: (B, C, N) what was aggregated into, connected to the output of the network.
        closed: whether the centers are the nodes themselves (N = M).
        correction: of "std" and "var", what is taken off the count in the denominator.
        through: where the nodes heard are groups of nodes, the aggregation that made them.
        number: its place among the aggregations of the forward.
        after: the numbers of those that the features heard were made of.
    """

    kind: str
    messages: Tensor
    neighbors: Tensor
    y: Tensor
    x: Tensor
    nodes: Tensor
    closed: bool
    correction: float = 0.0
    through: Seen | None = None
    number: int = 0
    after: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Heard:
    """Which node every message came from, and how the messages lie in their tensor.

    Attributes:
        ids: (places of all images, k) node numbers over all images.
        centers: (places of all images,) which node a place belongs to, or None.
        base: whose nodes they are, with `channel`, its axis of channels.
        channels: the axes of the tensor along which the node stays the same.
        places: the other axes, but the one that was aggregated over.
        asking: (B, C', N) features of the places, where these are other nodes than those of `base` and known; or None.
    """

    ids: Tensor
    centers: Tensor | None
    base: Base
    channel: int
    channels: tuple[int, ...]
    places: tuple[int, ...]
    asking: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Lying:
    """How a tensor holds a value for every place and channel, and back.

    Attributes:
        channels, places: its axes.
        shape: its shape.
        images: B.
        order: (B * N,) which place comes at each node, or None for the order they have.
    """

    channels: tuple[int, ...]
    places: tuple[int, ...]
    shape: torch.Size
    images: int
    order: Tensor | None

    def to_nodes(self, array: Tensor) -> Tensor:
        """(B, C, N)."""
        lines = array.permute(*self.places, *self.channels).reshape(self._count(self.places), -1)
        if self.order is not None:
            lines = lines[self.order]
        return lines.view(self.images, -1, lines.shape[1]).transpose(1, 2)

    def back(self, nodes: Tensor) -> Tensor:
        """The inverse of `to_nodes`."""
        lines = nodes.transpose(1, 2).reshape(self._count(self.places), -1)
        if self.order is not None:
            lines = lines[self.order.argsort()]
        axes = (*self.places, *self.channels)
        wide = lines.view([self.shape[at] for at in axes])
        return wide.permute([axes.index(at) for at in range(len(axes))]).contiguous()

    def _count(self, axes: Sequence[int]) -> int:
        count = 1
        for at in axes:
            count *= self.shape[at]
        return count


def channel_of(base: Base) -> int:
    return 1 if base.channel is None else base.channel


def on_its_grid(base: Base, tensor: Tensor) -> bool:
    """Whether a tensor has the same places as a base, whatever its channels."""
    shapes = [list(base.tensor.shape), list(tensor.shape)]
    if base.tensor.ndim != tensor.ndim or tensor.ndim < 3:
        return False
    for shape in shapes:
        shape[channel_of(base)] = 0
    return shapes[0] == shapes[1]


def repeats(origin: Origin) -> bool:
    """Whether a node stands at more than one place, as it does where features are gathered by an index."""
    if not origin.moved:
        return False
    for channel in origin.base.channels:
        ids = origin.base.nodes(origin.places, channel)
        same = channel_axes(ids, -1)
        if any(ids.shape[at] > 1 for at in same):
            for at in same:
                ids = ids.narrow(at, 0, 1)
            return bool((ids.flatten().sort().values.diff() == 0).any())
    return False


def channel_axes(ids: Tensor, axis: int) -> tuple[int, ...]:
    """The axes, but the first and `axis`, along which the node stays the same: those of channels."""
    return tuple(at for at in range(1, ids.ndim) if at != axis and bool((ids.narrow(at, 0, 1) == ids).all()))


def as_table(array: Tensor, channels: Sequence[int], places: Sequence[int], axis: int) -> Tensor:
    """(places, k) of the first channel."""
    for at in channels:
        array = array.narrow(at, 0, 1)
    return array.permute(*places, axis, *channels).reshape(-1, array.shape[axis])


def messages_of(tensor: Tensor, heard: Heard, axis: int, images: int, order: Tensor | None) -> Tensor:
    """(B, C, N, k) of messages."""
    lines = tensor.permute(*heard.places, axis, *heard.channels).reshape(len(heard.ids), tensor.shape[axis], -1)
    if order is not None:
        lines = lines[order]
    return lines.view(images, -1, *lines.shape[1:]).permute(0, 3, 1, 2)
