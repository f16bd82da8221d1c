"""A bench in a notebook: choose a network and an image, explain, and look at the figure and the explorer.

It knows no network: `load` brings whatever a name stands for. `vizgraph.workbench()` binds the package's own.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ipywidgets as w
from torch import nn

from viz_nodes.cams import METHODS
from viz_nodes.draw import figure, figure_bytes
from viz_nodes.explainer import explain
from viz_nodes.explanation import Explanation
from viz_nodes.explorer.runs import replace_those_of_an_earlier_run
from viz_nodes.explorer.stills import publish
from viz_nodes.explorer.widget import Explorer, explore
from viz_nodes.text import quoted

_WIDE = {"style": {"description_width": "60px"}, "layout": {"width": "225px"}}
_DPI = 150.0


@dataclass(frozen=True, eq=False)
class Bench:
    """What `load` brings for a network, its weights and an image.

    Attributes:
        model: the network, in eval mode.
        sample: the image ready for it: `pixels` (1, C, H, W), and `image`, `original` and `view` to draw on.
        labels: the class names, where the network does not have them.
    """

    model: nn.Module
    sample: Any
    labels: Sequence[str] | None = None


Load = Callable[[str, str, Path], Bench]


def workbench(
    load: Load,
    networks: Sequence[str],
    images: Mapping[str, Path] | Sequence[Path],
    *,
    weights: str = "",
    layers: str = "",
    target: str = "top5",
    method: str = "gradcam",
) -> Workbench:
    """The bench, with the first network and image explained.

    Args:
        load: called with a network's name, what was written for its weights, and the image's file.
        networks: names to choose from.
        images: files to choose from, or names with files; more can be uploaded.
        weights, layers, target, method: what is written in the fields at first. Layers count from 1, with commas
            between them, "all", or "" for a third, two thirds and the last.

    Returns:
        Shown where it is the last line of a cell. `exp`, `sample`, `model`, `figure` and `explorer` are what was
        explained last.
    """
    named = dict(images) if isinstance(images, Mapping) else {Path(path).name: Path(path) for path in images}
    return Workbench(load, networks, named, weights=weights, layers=layers, target=target, method=method)


def chosen_layers(words: str, depth: int) -> list[int] | None:
    """Places of the layers that somebody wrote, from 0; None for "", which leaves the choice to the figure.

    Raises:
        ValueError: something that is no layer.
    """
    known = [str(number) for number in range(1, depth + 1)]
    asked = known if words.strip() == "all" else [word.strip() for word in words.split(",") if word.strip()]
    if unknown := [word for word in asked if word not in known]:
        raise ValueError(
            f"layers are numbers from 1 to {depth} with commas between them, or all (got {quoted(', '.join(unknown))})"
        )
    return [int(word) - 1 for word in asked] or None


class Workbench:
    """See `workbench`.

    Attributes:
        model, sample, exp, figure: of the last explanation; None before the first.
        explorer: the widget that shows it.
        fields: the controls by name: "network", "weights", "image", "upload", "layers", "target", "method", "run".
        said: what happened, as the bench says it.
    """

    def __init__(
        self,
        load: Load,
        networks: Sequence[str],
        images: Mapping[str, Path],
        *,
        weights: str,
        layers: str,
        target: str,
        method: str,
    ) -> None:
        self.model: nn.Module | None = None
        self.sample: Any = None
        self.exp: Explanation | None = None
        self.figure: Any = None
        self.explorer: Explorer | None = None
        self._load = load
        self._uploads = tempfile.TemporaryDirectory()
        self.fields: dict[str, Any] = {
            "network": w.Dropdown(options=list(networks), description="network", **_WIDE),
            "weights": w.Text(weights, description="weights", **_WIDE),
            "image": w.Dropdown(options=list(images.items()), description="image", **_WIDE),
            "upload": w.FileUpload(accept="image/*", multiple=False, description="or upload"),
            "layers": w.Text(layers, description="layers", placeholder="2,4,6 or all", **_WIDE),
            "target": w.Text(target, description="target", **_WIDE),
            "method": w.Dropdown(options=list(METHODS), value=method, description="method", **_WIDE),
            "run": w.Button(description="Explain", button_style="primary", icon="play", layout={"width": "100px"}),
        }
        self._progress = w.IntProgress(max=4, layout={"width": "120px"})
        self._said = w.HTML()
        self._picture = w.Image(format="png", layout={"max_width": "100%", "width": "760px"})
        self._place = w.VBox()
        self.box = w.VBox([self._laid_out(), self._said, self._picture, self._place])
        self.fields["upload"].observe(self._take, "value")
        self.fields["run"].on_click(lambda _: self.explain())
        self.explain()

    @property
    def said(self) -> str:
        """What happened, in words."""
        return html.unescape(str(self._said.value))

    def explain(self) -> None:
        """Explain what the fields say; what goes wrong is said and not raised."""
        self.fields["run"].disabled = True
        try:
            self._explain()
        except Exception as error:  # whatever a network, an image or a person's words lead to is for that person to see
            self._progress.value = 0
            self._said.value = f"<b>That did not work:</b> {html.escape(str(error) or type(error).__name__)}"
        finally:
            self.fields["run"].disabled = False

    def close(self) -> None:
        """Free what both sides of the notebook hold."""
        for widget in self._widgets():
            widget.close()
            vars(widget).pop(
                "_repr_mimebundle_", None
            )  # set to None by `close`, after which nothing could show it again

    def open(self) -> None:
        """Open the connections to the front end that are not."""
        for widget in self._widgets():
            if widget.comm is None:
                widget.open()

    def _explain(self) -> None:
        field = {name: each.value for name, each in self.fields.items() if name not in ("run", "upload")}
        self._step(1, "loading the network")
        bench = self._load(field["network"], field["weights"].strip(), Path(field["image"]))
        self._step(2, "one forward, one backward")
        target = field["target"].strip()
        asked = int(target) if target.isdigit() else target or None
        pixels = bench.sample.pixels
        exp = explain(bench.model, pixels, target=asked, method=field["method"], labels=bench.labels)
        self._step(3, "drawing")
        columns = chosen_layers(field["layers"], exp.depth)
        drawn = figure(exp, bench.sample, layers=columns, width="page")
        if self.explorer is None:
            self.explorer = explore(exp, bench.sample)
            self._place.children = [self.explorer]
        else:
            self.explorer.show(exp, bench.sample)
        self._picture.layout.width = "760px" if len(columns or ()) <= 6 else "100%"
        self._picture.value = figure_bytes(drawn, "png", dpi=_DPI)
        self.model, self.sample, self.exp, self.figure = bench.model, bench.sample, exp, drawn
        self._step(4, _answer(exp))

    def _step(self, count: int, words: str) -> None:
        self._progress.value, self._said.value = count, html.escape(words)

    def _take(self, change: dict[str, Any]) -> None:
        """Choose an uploaded file."""
        field = self.fields["image"]
        for file in change["new"]:
            path = Path(self._uploads.name) / Path(file["name"]).name
            path.write_bytes(file["content"])
            field.options = [*(entry for entry in field.options if entry[1] != path), (path.name, path)]
            field.value = path

    def _laid_out(self) -> w.Widget:
        field = self.fields
        run = w.HBox([field["run"], self._progress])
        pairs = (("network", "weights"), ("image", "upload"), ("layers", "target"))
        columns = [w.VBox([field[name] for name in pair]) for pair in pairs]
        return w.HBox([*columns, w.VBox([field["method"], run])], layout={"flex_flow": "row wrap"})

    def _widgets(self) -> list[Any]:
        """All widgets, those that others hold first."""
        widgets: list[Any] = []

        def visit(widget: Any) -> None:
            for child in getattr(widget, "children", ()):
                visit(child)
            held = (getattr(widget, name, None) for name in ("style", "layout"))
            widgets.extend(each for each in held if isinstance(each, w.Widget))
            widgets.append(widget)

        visit(self.box)
        return widgets

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The bench, and above it as pictures what it shows, for exports and viewers without widgets."""
        replace_those_of_an_earlier_run(self)
        if self.explorer is not None:
            for picture in (self._picture.value, self.explorer.still()):
                if picture:
                    publish(bytes(picture), self.explorer.key)
        return self.box._repr_mimebundle_(**kwargs)


def _answer(exp: Explanation) -> str:
    """The class explained first, with its probability where it has one."""
    from viz_nodes.draw.style.captions import percent

    label = exp.label(int(exp.target[0]))
    if not exp.probable or int(exp.target[0]) < 0:
        return label
    return f"{label}: {percent(float(exp.probabilities[0, exp.target[0]]))}"
