"""Every progress bar: on stderr, only where it is asked for."""

from __future__ import annotations

import sys
from typing import Any

_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
"""Always things a second: tqdm turns it round where one takes longer."""


def progress(
    items: Any = None,
    *,
    show: bool,
    total: int | None = None,
    done: int = 0,
    unit: str = "images",
    doing: str | None = None,
    stays: bool = True,
) -> Any:
    """A tqdm bar over `items`, or one to be moved on by `update()`.

    Args:
        show: whether it is seen at all.
        total: how many there are, where `items` does not know; None too where nobody does.
        done: how many of them are done already.
        unit: what they are; "B" for bytes, which are then counted in kB, MB and so on of 1,024.
        doing: what is said before the bar.
        stays: whether the full bar stays on the screen.
    """
    from tqdm.auto import tqdm

    live, in_bytes = sys.stderr.isatty(), unit == "B"
    known = total is not None or hasattr(items, "__len__")
    return tqdm(
        items,
        total=total,
        initial=done,
        unit=unit if in_bytes else f" {unit}",
        unit_scale=in_bytes,
        unit_divisor=1024 if in_bytes else 1000,
        desc=doing,
        disable=not show,
        bar_format=_BAR if known and not in_bytes and stays else None,
        dynamic_ncols=live,
        smoothing=0.1,
        mininterval=0.5 if live else 10,
        leave=None if stays else False,
        file=sys.stderr,
    )


def say_above(line: str) -> None:
    """A line on stderr, above a bar where there is one."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is not None:
        tqdm.tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr)
