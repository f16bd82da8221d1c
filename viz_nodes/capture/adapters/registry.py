"""Which adapters look at a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.message_passing import MessagePassing
from viz_nodes.capture.adapters.shifts import GreedyViG, MobileViG
from viz_nodes.capture.adapters.windowed import WindowedEdges

SHIPPED: tuple[type[Adapter], ...] = (MobileViG, GreedyViG, MessagePassing, WindowedEdges)
"""All look at once, the first that knows a call has it."""
_SHIPPED = tuple(kind() for kind in SHIPPED)
"""The same objects in every call, for what is known of a network is known by them."""


def adapters_for(adapter: Adapter | type[Adapter] | Sequence[Adapter] | None) -> list[Adapter]:
    """The user's own, before the shipped ones.

    Raises:
        TypeError: not an adapter, nor several.
    """
    if adapter is None:
        own: list[Any] = []
    else:
        own = list(adapter) if isinstance(adapter, (list, tuple)) else [adapter]
    own = [each() if isinstance(each, type) and issubclass(each, Adapter) else each for each in own]
    for each in own:
        if not isinstance(each, Adapter):
            raise TypeError(f"`adapter` must be a viz_nodes.capture.Adapter, or several (got {type(each).__name__})")
    return [*own, *_SHIPPED]
