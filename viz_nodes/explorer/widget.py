"""The explorer as a notebook widget."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from viz_nodes.effects import with_effects
from viz_nodes.explanation import Explanation
from viz_nodes.explorer.document import Document, Shown, with_sources
from viz_nodes.explorer.looked import describe, look_up
from viz_nodes.explorer.page import static
from viz_nodes.explorer.runs import replace_those_of_an_earlier_run
from viz_nodes.explorer.still import still
from viz_nodes.explorer.stills import publish


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
    key = traitlets.Unicode().tag(sync=True)
    _sources: Sequence[Sequence[Shown]] = ()
    _made: tuple[list[Explanation], Any, dict[str, Any]] | None = None

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The widget, and for places without one its view as words and as a picture.

        In JupyterLab the picture is an output of its own above the widget, which hides it: exports prefer the widget of
        an output to its picture, and show nothing where the front end of widgets cannot be fetched.
        """
        replace_those_of_an_earlier_run(self)
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None or not self.document:
            return bundle
        data, metadata = bundle
        data["text/plain"] = f"Explorer: {describe(self.document, self.state)}"
        picture = self.still()
        if picture is not None and not publish(picture, self.key):
            data["image/png"] = base64.b64encode(picture).decode("ascii")
        return data, metadata

    def still(self) -> bytes | None:
        """The view as a PNG; None where there is nothing to draw, or the document was not made of explanations here."""
        return still(self.document, self._sources, self.state) if self._sources else None

    def close(self) -> None:
        """Free what the notebook's two sides hold for this widget; showing it again brings it back."""
        if self.comm is not None:
            self.layout.close()
            super().close()
            del self._repr_mimebundle_  # set to None by `close`, after which nothing could show it again

    def open(self) -> None:
        """Open the connection to the notebook's front end if it is not open."""
        if self.layout.comm is None:
            self.layout.open()
        super().open()

    def show(self, exp: Explanation | Sequence[Explanation], image: Any, **options: Any) -> None:
        """Show other explanations in place; arguments as `explore`."""
        state = options.pop("state", None)
        document, sources = with_sources(exp, image, **options)
        self._show(document, sources, state or {})
        self._made = ([exp] if isinstance(exp, Explanation) else list(exp), image, options)

    def measure(self, model: Any, pixels: Any, **options: Any) -> None:
        """Measure what cutting the edges does of the patches shown now, and show it: in the table, and by `order`.

        Args:
            model, pixels: the network and what it was given when the explanation shown was made, of all graph layers.
            options: further ones of `viz_nodes.with_effects`.

        Raises:
            ValueError: see `viz_nodes.effect`; nothing is shown, or the map is blank and no patch is kept.
        """
        if self._made is None:
            raise ValueError("nothing is shown whose edges could be measured")
        exps, image, shown = self._made
        looked = look_up(self.document, self._sources, self.state)
        nodes, row = looked.nodes(self.state), looked.shown.row
        if not nodes:
            raise ValueError("the map is blank and no patch is kept; keep one to measure its edges")
        more = with_effects(model, pixels, looked.exp, layers=looked.layer.index, nodes=nodes, rows=row, **options)
        state = dict(self.state)
        self.show([more if exp is looked.exp else exp for exp in exps], image, state=state, **shown)

    def _show(self, document: Document, sources: Sequence[Sequence[Shown]], state: dict[str, Any]) -> None:
        with self.hold_sync():
            self.state = state
            self.document = document
        self._sources = sources


def explore(
    exp: Explanation | Sequence[Explanation],
    image: Any,
    *,
    title: str | None = None,
    names: Sequence[str] | None = None,
    commands: Sequence[Sequence[str]] | None = None,
    max_side: int = 1024,
    state: dict[str, Any] | None = None,
) -> Explorer:
    """Look into explanations in a notebook: hover a patch to see its neighbors, click to keep it, walk the layers.

    For JupyterLab, VS Code, Colab and marimo (there inside `mo.ui.anywidget`). A saved notebook holds the view it was
    shown with as a picture too, for places without widgets; where it must stay alive without a kernel, use
    `viz_nodes.explorer.embed`.

    Args:
        exp, image, title, names, commands, max_side: see `viz_nodes.explorer.document.build_document`.
        state: the view to begin with, e.g. `{"layer": 4, "hops": 2}`; see `Explorer.state`.
    """
    document, sources = with_sources(exp, image, title=title, names=names, commands=commands, max_side=max_side)
    explorer = Explorer(document=document, state=state or {}, key=secrets.token_hex(8))
    explorer._sources = sources
    shown = {"title": title, "names": names, "commands": commands, "max_side": max_side}
    explorer._made = ([exp] if isinstance(exp, Explanation) else list(exp), image, shown)
    return explorer
