"""The explorer as a notebook widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from viz_nodes.explorer.document import build_document
from viz_nodes.explorer.page import static
from viz_nodes.records import Explanation


class Explorer(anywidget.AnyWidget):
    """The widget that `explore` returns.

    Attributes:
        document: what is shown, see `viz_nodes.explorer.document`. Assign another to show that in place.
        state: the view, in step with the screen both ways: `layer` (from 1), `pins` ([[x, y], ...] as fractions of
            the network's view), `hops`, `k` (0 for all), `share`, `out`, `target`, `method`, ... Keys that are
            absent have their default.
    """

    _esm = static("explorer.js")
    _css = static("explorer.css")
    document = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def show(self, exp: Explanation | Sequence[Explanation], image: Any, **options: Any) -> None:
        """Show other explanations in place; arguments as `explore`."""
        state = options.pop("state", None)
        document = build_document(exp, image, **options)
        with self.hold_sync():
            self.state = state or {}
            self.document = document


def explore(
    exp: Explanation | Sequence[Explanation],
    image: Any,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    commands: Sequence[Sequence[str]] | None = None,
    max_side: int = 1024,
    state: dict | None = None,
) -> Explorer:
    """Look into explanations in a notebook: hover a patch to see whom it asked, click to keep it, walk the layers.

    Works in JupyterLab, VS Code, Colab and marimo. Where a notebook must stay alive without a kernel, use
    `viz_nodes.explorer.embed`.

    Args:
        exp, image, title, names, commands, max_side: see `viz_nodes.explorer.document.build_document`.
        state: the view to begin with, e.g. `{"layer": 4, "hops": 2}`; see `Explorer.state`.
    """
    document = build_document(exp, image, title=title, names=names, commands=commands, max_side=max_side)
    return Explorer(document=document, state=state or {})
