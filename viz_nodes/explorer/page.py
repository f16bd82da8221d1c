"""The explorer as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viz_nodes.explanation import Explanation
from viz_nodes.explorer.document import build_document
from viz_nodes.files import write_atomically


def static(name: str) -> str:
    """Text of a file in `static/`."""
    return (importlib.resources.files("viz_nodes.explorer") / "static" / name).read_text("utf-8")


def page_html(exp: Explanation | Sequence[Explanation], image: Any, **options: Any) -> str:
    """The page as a string; arguments as `write_page`.

    Names and labels enter as data only: the document is a JSON block in which every character that HTML could read is
    escaped, and the content security policy lets no script run but the one whose hash it states.
    """
    state = options.pop("state", None)
    document = build_document(exp, image, **options)
    script, style = static("explorer.js"), static("explorer.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "POLICY": html.escape(policy, quote=True),
        "TITLE": html.escape(document["title"]),
        "STYLE": style,
        "DOCUMENT": json_block({"document": document, "state": state or {}}),
        "SCRIPT": script,
    }
    page = static("page.html")
    pieces = []
    for piece in page.split("{{"):
        name, closed, rest = piece.partition("}}")
        pieces.append(parts[name] + rest if closed else piece)
    return "".join(pieces)


def write_page(
    exp: Explanation | Sequence[Explanation],
    image: Any,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    commands: Sequence[Sequence[str]] | None = None,
    max_side: int = 1600,
    state: dict[str, Any] | None = None,
) -> Path:
    """Write explanations as one offline HTML file to look into with a browser.

    Args:
        exp: one explanation or several; `explain(..., target="top5")` gives a page whose classes can be switched.
        image: (H, W, 3) uint8, a PIL image, a path, or a loaded sample; a sequence for several images
            (see `build_document`).
        path: the file to write; folders above it are made. An existing file is replaced when the new one is whole.
        title, names, commands, max_side: see `build_document`.
        state: the view it opens with, as `explore` takes it.

    Returns:
        The path.
    """
    text = page_html(exp, image, title=title, names=names, commands=commands, max_side=max_side, state=state)
    target = Path(path)
    write_atomically(target, text.encode())
    return target


@dataclass(frozen=True)
class Embedded:
    """A page to show in a notebook's output, where it works without a kernel and after `nbconvert`.

    Attributes:
        page: the HTML file's text.
        height: of its frame in pixels.
    """

    page: str
    height: int = 760

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="vizgraph explorer" srcdoc="{html.escape(self.page, quote=True)}" width="100%" '
            f'height="{self.height}" style="border:0" allow="clipboard-write; fullscreen" '
            'sandbox="allow-scripts allow-downloads"></iframe>'
        )


def embed(exp: Explanation | Sequence[Explanation], image: Any, *, height: int = 760, **options: Any) -> Embedded:
    """The page inside a notebook's output: a few hundred kB a copy, alive in an exported or reopened notebook.

    Args:
        height: of the frame in pixels.
        options: as `write_page`.
    """
    return Embedded(page_html(exp, image, **options), height)


def json_block(value: Any) -> str:
    """JSON that may stand inside a <script> element whatever its strings hold.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
