"""Runs of a notebook's cell: what an earlier one showed is closed when the next shows something."""

from __future__ import annotations

import sys
from typing import Any, Protocol
from weakref import WeakSet


class Widget(Protocol):
    """What can be shown in a notebook and let go again."""

    def open(self) -> None:
        """Connect to the front end, where it is not."""

    def close(self) -> None:
        """Free what both sides hold."""


_shown: dict[str, tuple[str, WeakSet[Widget]]] = {}
"""By notebook cell: its last run that showed a widget, and the widgets shown in it."""


def replace_those_of_an_earlier_run(widget: Widget) -> None:
    """Open a widget that is about to be shown, and close those that an earlier run of the same cell showed.

    A notebook keeps every widget for good, on both of its sides, though the output it was in is gone. One that is shown
    in another cell too stays open.
    """
    widget.open()
    cell, run = _executing()
    if not cell:
        return
    earlier, widgets = _shown.get(cell, ("", WeakSet()))
    if earlier != run:
        elsewhere = {each for other, (_, shown) in _shown.items() if other != cell for each in shown}
        for each in set(widgets) - elsewhere - {widget}:
            each.close()
        widgets = WeakSet()
    widgets.add(widget)
    _shown[cell] = (run, widgets)


def _executing() -> tuple[str, str]:
    """Names of the notebook cell that runs and of this run of it; "" where there is none."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return str(request.get("metadata", {}).get("cellId", "")), str(request.get("header", {}).get("msg_id", ""))
