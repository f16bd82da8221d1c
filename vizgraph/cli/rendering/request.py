"""What a run asks for: everything that decides what is in a folder, apart from the image and the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CANVASES = ("input", "original")
_COLUMN_LAYERS, _PAGE_LAYERS = 4, 8
_LAYER_WIDTH_MM = 22.0


@dataclass(frozen=True)
class Request:
    """The options of `render` once the network is known.

    Attributes:
        layers: places in the network, from 0, in its order.
        k: neighbors drawn, or "all".
        centers: whose neighbors are drawn, as (x, y) fractions of what the network saw; none for each layer's peak.
        target: class index, None for the predicted one.
        versus: class index to contrast with, or None.
        method: CAM method.
        fit: "squash" or "crop".
        formats: of figures.
        dpi: of PNG files.
        width: of figures, as `viz_nodes.figure` takes it; None picks one for the number of layers.
        canvas: "input" draws on what the network saw, "original" on the whole photograph.
        palette, theme, font_size: see `viz_nodes.figure`.
    """

    layers: tuple[int, ...]
    k: int | str = 9
    target: int | None = None
    versus: int | None = None
    method: str = "gradcam"
    fit: str = "squash"
    formats: tuple[str, ...] = ("png",)
    dpi: int = 300
    width: str | None = None
    canvas: str = "input"
    palette: str = "inferno"
    theme: str = "light"
    font_size: float = 6.5
    centers: tuple[tuple[float, float], ...] = ()

    def record(self) -> dict[str, Any]:
        """As a manifest holds it: layers from 1, the predicted class as "top1"."""
        return {
            "layers": [index + 1 for index in self.layers],
            "k": self.k,
            "target": "top1" if self.target is None else self.target,
            "versus": self.versus,
            "method": self.method,
            "fit": self.fit,
            "formats": list(self.formats),
            "dpi": self.dpi,
            "width": self.width,
            "canvas": self.canvas,
            "palette": self.palette,
            "theme": self.theme,
            "font_size": self.font_size,
            **({"centers": [list(place) for place in self.centers]} if self.centers else {}),
        }

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Request:
        """The request that `record` came from."""
        plain = dict(record)
        plain["layers"] = tuple(number - 1 for number in plain["layers"])
        plain["formats"] = tuple(plain["formats"])
        plain["centers"] = tuple((float(x), float(y)) for x, y in plain.get("centers", ()))
        plain["target"] = None if plain["target"] == "top1" else plain["target"]
        return cls(**plain)

    def sheet_width(self) -> str | float:
        """Width of `figure.*`: a column for few layers, a page for more, beyond that as much as they need."""
        if self.width is not None:
            return self.width
        if len(self.layers) <= _COLUMN_LAYERS:
            return "column"
        return "page" if len(self.layers) <= _PAGE_LAYERS else _LAYER_WIDTH_MM * len(self.layers)
