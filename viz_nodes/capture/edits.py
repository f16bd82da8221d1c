"""What `edit_edges` has made of graphs that are running now: read by whoever watches the network, so that it sees them.

An edited convolution is called with the tensors the network made; that some of their edges do not count is known here
alone. State of a thread, filled by `viz_nodes.capture.editing` when a graph convolution starts, emptied when it ends.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor, nn

if TYPE_CHECKING:
    from viz_nodes.capture.adapters.base import Adapter


class NotHeld(ValueError):
    """A layer made another graph than the one that was to be held, and nothing can stand in for what it makes itself.

    Attributes:
        number: of the layer, from 1.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class Edited(NamedTuple):
    """The graph of a convolution that runs with edges taken out.

    Attributes:
        neighbors: (B, N, k) as they count, -1 where an edge is out.
        edge_index: the tensor (2, B, N, k) as the network made it, or None.
        adapter: what found the graph.
    """

    neighbors: Tensor
    edge_index: Tensor | None
    adapter: Adapter


class RunningEdits(threading.local):
    """The edits of this thread's running modules.

    Attributes:
        graphs: of convolutions that are called with their edges.
        networks: those that run with edits.
        passed: (E,) bool of modules that send messages edge by edge, which of them are passed on.
        watched: how many recordings look at the arithmetic now.
    """

    def __init__(self) -> None:
        self.graphs: dict[nn.Module, Edited] = {}
        self.networks: list[nn.Module] = []
        self.passed: dict[nn.Module, Tensor] = {}
        self.watched = 0

    def no_longer_watched(self) -> None:
        """One of them has ended."""
        self.watched -= 1


running_edits = RunningEdits()
"""This thread's."""
