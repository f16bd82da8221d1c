"""The optional packages that the bundled task is made from."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str) -> ModuleType:
    """Import a module of the `scenes` extra.

    Raises:
        ImportError: it is not installed; the message has the cure.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"the bundled scenes need {module.partition('.')[0]}, which is not installed; "
            "run: pip install 'vizgraph[scenes]'",
            name=error.name,
        ) from error
