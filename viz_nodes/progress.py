"""Progress bars, all alike: on stderr, only where they are asked for."""

from __future__ import annotations

import sys
from typing import Any

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""Always things a second: tqdm turns it round where one takes longer."""


def progress(
    items: Any = None, *, show: bool, total: int | None = None, unit: str = "images", doing: str | None = None
) -> Any:
    """A tqdm bar over `items`, or one to be moved on by `update()`.

    Args:
        show: whether it is seen at all.
        total: how many there are, where `items` does not know.
        unit: what they are.
        doing: what is said before the bar.
    """
    from tqdm.auto import tqdm

    return tqdm(
        items,
        total=total,
        unit=f" {unit}",
        desc=doing,
        disable=not show,
        bar_format=_BAR if total is not None or hasattr(items, "__len__") else None,
        smoothing=0.1,
        mininterval=0.5 if sys.stderr.isatty() else 10,
        leave=None,
    )
