"""What a run asks for: everything that decides what is in a folder, apart from the image and the weights.

Each field tells, in its metadata, what a person is told of it: the command line makes its options from them.
One file because a field, its words and its checks are read together.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from viz_nodes.text import LONGEST_TITLE, quoted

KINDS = ("cam", "neighbors", "graph", "edges")
DEFAULT_KINDS = KINDS[:3]
FORMATS = ("png", "pdf", "svg")
FITS = ("squash", "crop")
CANVASES = ("input", "original")
EDGE_SETS = ("sufficient", "necessary")
ORDERS = ("rank", "share", "contribution", "effect")
COLORS = ("auto", "center", *ORDERS)
EDGE_WIDTHS = ("auto", *ORDERS)
NORMALIZATIONS = ("image", "layer", "shared", "none")
THEMES = ("light", "dark")
ALL = "all"
_COLUMN_LAYERS, _PAGE_LAYERS = 4, 8
_LAYER_WIDTH_MM, _WIDEST_MM = 22.0, 400.0
_STYLED = (
    "palette",
    "theme",
    "normalize",
    "color",
    "edge_width",
    "font",
    "font_size",
    "dpi",
    "title",
    "key",
    "notes",
    "width",
    "alpha",
    "fade",
    "smooth",
    "map_max",
    "edge_max",
    "contours",
    "signs",
    "ranks",
    "scales",
    "grid",
    "nodes",
    "veil",
    "dim",
    "closeups",
)
"""The fields that `viz_nodes.draw.Style` has, too."""


def _told(default: Any, words: str, choices: Sequence[str] = (), **more: Any) -> Any:
    """A field with its words for people and, where there are few, its values."""
    return field(default=default, metadata={"help": words, "choices": tuple(choices), **more})


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """What is explained of each image and how it is drawn.

    Attributes:
        layers: places in the network from 0, negative from its end, in any order; "all"; None for a third, two thirds
            and the last.
        target: class explained, by index or label; None for the predicted one.
        versus: class to contrast with, or None.
        method: CAM method.
        fit: how an image is made to fit the network, "squash" or "crop"; what `load` does is to follow it.
        frame, bands, value_range, max_pixels: how an image is read, see `vizgraph.load_image`; for `load` to follow.
        k: neighbors drawn, or "all".
        order: which neighbors are drawn, where fewer than all are: the first by this.
        edge_width: what widths of edges mean.
        carry: cut the drawn edges together in the running network, beside as many at random, and say what that does.
        hops: how many layers back edges are followed.
        far: how many edges of each further hop, the heaviest.
        part: of a layer's edges, the percentage that its picture of strongest edges shows.
        edge_set: "sufficient" or "necessary": that picture shows the layer's edges of such a set, taken by `order`.
        color: what colors of edges mean, or one color of matplotlib for all.
        centers: whose neighbors are drawn, as (x, y) fractions of what the network saw; none for each layer's peak.
        kinds: of "cam", "neighbors", "graph", the pictures of a layer.
        formats: of figures.
        dpi: of PNG files.
        width: of figures, as `viz_nodes.figure` takes it; None picks one for the number of layers.
        canvas: "input" draws on what the network saw, "original" on the whole photograph.
        own_scales, difference: of a comparison, see `viz_nodes.draw.compare`.
        palette, theme, normalize, map_max, edge_max, font, font_size, title, key, notes, alpha, fade, smooth,
            contours, signs, ranks, scales, grid, nodes, veil, dim, closeups: as in `viz_nodes.draw.Style`.
        caption: whether pictures have captions, and the figure title, key and notes.
        style: a `viz_nodes.draw.Style` that says the rest; what is named beside it goes before.

    Raises:
        ValueError: a value that cannot be meant; what needs the network to be known is not looked at.
    """

    layers: tuple[int, ...] | str | None = _told(None, "Graph layers")
    target: int | str | None = _told(None, "Class explained")
    versus: int | str | None = _told(None, "Explain why the target and not this class (label or index).")
    method: str = _told("gradcam", "CAM method: gradcam, layercam, eigencam, ...")
    fit: str = _told("squash", "Show the network the whole image, or its evaluation crop.", FITS)
    frame: int = _told(1, "Frame of an animation or page of a stack, from 1.", least=1, most=2**31 - 1)
    bands: tuple[int | str, ...] | None = _told(None, "Bands that are the network's channels, by name or number.")
    value_range: tuple[float, float] | None = _told(None, "Black and white of values of more than 8 bits.")
    max_pixels: int | None = _told(None, "Pixels that an image may have.", least=1, most=2**40)
    k: int | str = _told(9, "Neighbors drawn, or 'all'.")
    order: str = _told("contribution", "Which neighbors are drawn: those with most of this; rank: the nearest.", ORDERS)
    hops: int = _told(1, "Graph layers that edges are followed back, each with its own edges.", least=1, most=6)
    far: int = _told(18, "Edges of each further hop, the heaviest.", least=1, most=2**31 - 1)
    part: float = _told(2.0, "Percent of a layer's edges in its picture of the strongest.", least=0.001, most=100.0)
    edge_set: str | None = _told(
        None, "Find the edges that alone keep the answer, or without which it changes, and draw them.", EDGE_SETS
    )
    color: str = _told("auto", f"What colors of edges mean: {', '.join(COLORS)}; or one color for all.")
    edge_width: str = _told("auto", "What widths of edges mean; auto: the order, for rank the share.", EDGE_WIDTHS)
    carry: bool = _told(False, "Measure what the drawn edges carry together, for captions and the manifest.")
    centers: tuple[tuple[float, float], ...] = _told((), "Places whose neighbors are drawn")
    kinds: tuple[str, ...] = _told(DEFAULT_KINDS, "Pictures of a layer.", KINDS)
    formats: tuple[str, ...] = _told(("png",), "Files of a figure.", FORMATS)
    dpi: int = _told(300, "Pixels an inch of PNG files.", least=30, most=2400)
    width: str | float | None = _told(None, "Of figures: column, page, neurips, ..., millimeters, or such as 3.3in.")
    canvas: str = _told(
        "original", "Draw on what the network saw, or on the original at its full resolution.", CANVASES
    )
    palette: str = _told(
        "inferno", "Colors of maps: any of matplotlib's; 'print' for gray print, 'release' for the release's jet."
    )
    theme: str = _told("light", "Of figures.", THEMES)
    normalize: str = _told(
        "image", "What shares a scale of colors: image, layer or all; none keeps raw values.", NORMALIZATIONS
    )
    map_max: float | None = _told(
        None, "Top of the scale of maps in raw values, instead of --normalize.", least=1e-30, most=1e30
    )
    edge_max: float | None = _told(
        None, "Contribution or effect at which edges are widest, instead of the largest.", least=1e-30, most=1e30
    )
    own_scales: bool = _told(False, "Compare maps each to its own maximum, also those of one network and method.")
    difference: bool = _told(True, "A third column for what sets two apart.")
    font: str | None = _told(None, "Family of letters.")
    font_size: float | None = _told(None, "Points at final size.", least=3.0, most=24.0)
    title: bool | str = _told(
        True, "The heading of a figure, instead of class, probability, method and model.", longest=LONGEST_TITLE
    )
    caption: bool = _told(True, "Title, captions and explanations.")
    key: bool = _told(True, "The line that explains the marks of a figure.")
    notes: bool = _told(True, "What panels say of what they leave out.")
    alpha: float = _told(0.75, "Opacity of a map at its highest value.", least=0.0, most=1.0)
    fade: bool = _told(True, "Let a map's opacity fall to 0 where it is 0.")
    smooth: bool = _told(True, "Maps are smooth between nodes.")
    contours: bool | tuple[float, ...] = _told(False, "Lines of equal value on maps, which gray print keeps.")
    signs: bool = _told(True, "Broken shafts and hollow dots for edges against the class, which gray print keeps.")
    ranks: bool = _told(True, "Numbers on the neighbors.")
    scales: bool = _told(True, "Bars that say which color is which value.")
    grid: bool = _told(True, "Lines between patches.")
    nodes: bool = _told(True, "Small dots for all nodes of a graph.")
    veil: float | None = _told(
        None, "How far a photograph is paled below its graph, 0 to 1.  [default: the theme's]", least=0.0, most=1.0
    )
    dim: float = _told(0.62, "How far all but a center and its neighbors is hidden.", least=0.0, most=1.0)
    closeups: bool = _told(True, "Close-ups of centers whose nearest edges are too short to be seen.")
    style: Any = field(default=None, metadata={"help": ""})

    def __post_init__(self) -> None:
        for name in ("centers", "kinds", "formats", "bands", "value_range", "contours"):
            if not isinstance(getattr(self, name), bool | None):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.layers is not None and self.layers != ALL:
            numbers: tuple[Any, ...] = (self.layers,) if isinstance(self.layers, int) else tuple(self.layers)
            if not numbers or any(isinstance(n, str | bool) or n != int(n) for n in numbers):
                raise ValueError(f"`layers` must be integers, 'all' or None (got {quoted(self.layers)})")
            object.__setattr__(self, "layers", tuple(int(number) for number in numbers))
        if not (self.k == ALL or (isinstance(self.k, int) and not isinstance(self.k, bool) and self.k > 0)):
            raise ValueError(f"`k` must be a number above 0 or 'all' (got {quoted(self.k)})")
        for x, y in self.centers:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(f"`centers` must be fractions from 0 to 1 (got {quoted((x, y))})")
        for option in fields(self):
            _check(option.name, getattr(self, option.name), option.metadata)
        if self.edge_set is not None and "edges" not in self.kinds:
            object.__setattr__(self, "kinds", (*self.kinds, "edges"))

    def record(self) -> dict[str, Any]:
        """As a manifest holds it: layers from 1, the predicted class as "top1"; what is as always is left out."""
        layers = self.layers
        if layers is not None and not isinstance(layers, str):
            layers = [index + 1 if index >= 0 else index for index in layers]  # type: ignore[assignment]
        record: dict[str, Any] = {"layers": layers, "target": "top1" if self.target is None else self.target}
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name not in (*record, "style") and (option.name in _ALWAYS or value != option.default):
                record[option.name] = _plain(value)
        if self.style is not None:
            record["style"] = {
                option.name: _plain(getattr(self.style, option.name))
                for option in fields(self.style)
                if getattr(self.style, option.name) != option.default
            }
        return record

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> RenderOptions:
        """The options that `record` came from.

        Raises:
            ValueError, TypeError: it is none of ours.
        """
        plain = _OF_OLD | {name: _tuples(value) for name, value in dict(record).items()}
        if isinstance(plain.get("layers"), tuple):
            plain["layers"] = tuple(n - 1 if n > 0 else n for n in plain["layers"])
        plain["target"] = None if plain.get("target") == "top1" else plain.get("target")
        if plain.get("style") is not None:
            from viz_nodes.draw.style.style import Style

            plain["style"] = Style(**plain["style"])
        return cls(**plain)

    def resolved(self, depth: int) -> RenderOptions:
        """With the layers as places from 0 in the order of a network of this depth.

        Raises:
            IndexError: the network has no such layer.
        """
        return dataclasses.replace(self, layers=tuple(layer_indices(self.layers, depth)))

    def drawn(self, *, sheet: bool = False) -> dict[str, Any]:
        """How pictures look, as painters and figures take it.

        Args:
            sheet: of the figure with all layers, whose width follows their number where nobody says it.
        """
        named = {name: getattr(self, name) for name in _STYLED if getattr(self, name) != _DEFAULTS[name]}
        if self.style is not None:
            named["style"] = self.style
        if self.width is None and self.style is None and sheet:
            named["width"] = self.sheet_width()
        return named

    def sheet_width(self) -> str | float:
        """Width of `figure.*`: a column for few layers, a page for more, beyond that as much as they need."""
        if self.width is not None:
            return self.width
        count = len(self.layers or "")
        if count <= _COLUMN_LAYERS:
            return "column"
        return "page" if count <= _PAGE_LAYERS else min(_LAYER_WIDTH_MM * count, _WIDEST_MM)

    def selected(self) -> dict[str, Any]:
        """Which edges are drawn, as painters and figures take it."""
        edges: dict[str, Any] = {"k": self.k, "order": self.order, "hops": self.hops}
        edges |= {"far": self.far, "part": self.part, "edge_set": self.edge_set}
        edges["center"] = list(self.centers) or None
        return edges

    @property
    def needs_effect(self) -> bool:
        """Whether edges must be cut to draw this."""
        return "effect" in (self.order, self.color, self.edge_width)

    @property
    def measures(self) -> bool:
        """Whether edges must be cut to draw this or to say what it carries."""
        return self.needs_effect or self.carry or self.edge_set is not None

    @property
    def needs_all_layers(self) -> bool:
        """Whether layers are needed that are not drawn: those that hops lead to, and those that are held for a cut."""
        return self.measures or self.hops > 1


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run goes about its work; none of it changes what is in a folder but `batch`, in the last bits.

    Attributes:
        overwrite: make again what is there already.
        check: take for done only what has the SHA-256 that its manifest says, not just its length.
        workers: processes that draw; 0 draws in this one, None is one a processor, up to 8.
        batch: images a pass; None is 1 on a CPU and 16 on a GPU.
        engine: "local", or "ray" for Ray Data.
        ray_address: of a Ray cluster; None starts a Ray of this machine's own.
        progress: show a bar on stderr.
    """

    overwrite: bool = _told(False, "Make again what is there already.")
    check: bool = _told(False, "Compare what is there with the SHA-256 of its manifest, not only its length.")
    workers: int | None = _told(0, "Processes that work beside this one; 0 for none.", least=0, most=256)
    batch: int | None = _told(None, "Images a pass; other numbers change the last bits of results.", least=1, most=1024)
    engine: str = _told("local", "Who runs a batch: processes here, or Ray.", ("local", "ray"))
    ray_address: str | None = _told(None, "Of a Ray cluster.")
    progress: bool = _told(False, "Show a bar.")

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(option.name, getattr(self, option.name), option.metadata)


_DEFAULTS = {option.name: option.default for option in fields(RenderOptions)}
_OF_OLD: dict[str, Any] = {"order": "rank", "color": "center", "edge_width": "share", "signs": False}
"""What records meant that say nothing of these: they were left out where they were as always, which this was then."""
_ALWAYS = {"layers", "target", "versus", "method", "fit", "k", "kinds", "formats", *_OF_OLD} | {
    "dpi",
    "width",
    "canvas",
    "palette",
    "theme",
    "font_size",
}
"""In every record, also where they are as always."""


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keywords as those of `RenderOptions` and those of `RunOptions`.

    Raises:
        TypeError: a name that neither has; the message has near ones.
    """
    of_render, of_run = ({option.name for option in fields(kind)} for kind in (RenderOptions, RunOptions))
    for name in options:
        if name not in of_render | of_run:
            near = difflib.get_close_matches(name, sorted(of_render | of_run), n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else "see RenderOptions and RunOptions"
            raise TypeError(f"there is no option {quoted(name)}; {hint}")
    return (
        {name: value for name, value in options.items() if name in of_render},
        {name: value for name, value in options.items() if name in of_run},
    )


def layer_indices(choice: str | Sequence[int] | None, depth: int) -> list[int]:
    """Places in the network, from 0 and in its order.

    Args:
        choice: places from 0, negative from the end; "all"; None for a third, two thirds and the last.
        depth: number of graph layers in the network.

    Raises:
        IndexError: the network has no such layer.
    """
    if choice == ALL:
        return list(range(depth))
    if choice is None:
        return sorted({max(1, round(depth / 3)) - 1, max(1, round(2 * depth / 3)) - 1, depth - 1})
    for index in choice:
        if not isinstance(index, int) or not -depth <= index < depth:
            written = index if isinstance(index, str) or index < 0 else int(index) + 1
            raise IndexError(f"there is no layer {written}; this network has layers 1 to {depth}")
    return sorted({int(index) % depth for index in choice})


def digest_of(labels: Iterable[str]) -> str:
    """What tells one list of class names from another, in 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(list(labels)).encode()).hexdigest()[:16]


def _check(name: str, value: Any, about: Mapping[str, Any]) -> None:
    """One value against what its field's metadata allow.

    Raises:
        ValueError: it is none of those.
    """
    choices = about.get("choices")
    if choices and value is not None:
        for each in value if isinstance(value, tuple) else (value,):
            if each not in choices:
                raise ValueError(f"`{name}` must be of {', '.join(choices)} (got {quoted(each)})")
        if value == ():
            raise ValueError(f"`{name}` must name at least one of {', '.join(choices)}")
    if "longest" in about and isinstance(value, str) and len(value) > about["longest"]:
        raise ValueError(f"`{name}` must have at most {about['longest']:,} characters (got {len(value):,})")
    if value is not None and "least" in about:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not about["least"] <= value <= about["most"]:
            raise ValueError(f"`{name}` must lie in [{about['least']}, {about['most']}] (got {quoted(value)})")


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    # Palettes and themes have names.
    return value if isinstance(value, str | int | float | bool | None) else getattr(value, "name", str(value))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
