"""Where the pages of the docs are that messages name: in the wheel beside the code, in a checkout among the docs."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def page(name: str) -> Path:
    """The file of a page, such as "adapters.md"; pyproject.toml puts it into the wheel."""
    shipped = _PACKAGE / "docs" / name
    return shipped if shipped.is_file() else _PACKAGE.parent / "docs" / name
