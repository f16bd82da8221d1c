"""Where the page about adapters is: in the wheel beside the code, in a checkout among the docs."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def _page() -> Path:
    shipped = _PACKAGE / "docs" / "adapters.md"
    return shipped if shipped.is_file() else _PACKAGE.parent / "docs" / "adapters.md"


GUIDE = _page()
"""The page, for messages to name."""
