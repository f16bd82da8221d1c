"""Pictures that stand in for widgets in saved notebooks, beside the widget, which hides them while it is alive."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from typing import Any

MARK = b"vizgraph-explorer"
"""Keyword of the PNG's text chunk that says which widget a picture stands in for; `src/stills.js` looks for it."""
_HEADER = 8 + 25
"""Bytes of a PNG before its first optional chunk: signature and IHDR."""


def publish(png: bytes, key: str) -> bool:
    """Put a picture into the output of the running cell, above the widget that stands for the same.

    Returns:
        False where nothing was published: outside of a notebook, and in VS Code and Colab, which lay outputs out so
        that the widget could not hide it.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None or "VSCODE_PID" in os.environ or "google.colab" in sys.modules:
        return False
    from IPython.display import Image, display

    display(Image(data=marked(png, key), format="png"))  # type: ignore[no-untyped-call]
    return True


def marked(png: bytes, key: str) -> bytes:
    """The PNG with a text chunk that names the widget it stands in for."""
    body = b"tEXt" + MARK + b"\0" + key.encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEADER] + chunk + png[_HEADER:]
