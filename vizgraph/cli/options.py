"""The options that commands share, each once, so that each means the same everywhere.

What decides a result is made from the fields of `RenderOptions`: default and words are there. Values are checked as
soon as they are read, before anything slow is imported; what needs the network to be understood (layers, classes)
waits until there is one.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from viz_nodes.batch.options import ALL as ALL
from viz_nodes.batch.options import RenderOptions, RunOptions
from vizgraph.errors import did_you_mean

_FIELDS = {one.name: one for kind in (RenderOptions, RunOptions) for one in fields(kind)}


def field_option(name: str, *flags: str, type: Any = None, **more: Any) -> Any:
    """The click option of a field: its name, default, words and values, unless they are given."""
    told = _FIELDS[name]
    default = None if told.default is MISSING else told.default
    if type is None and told.metadata.get("choices"):
        type = click.Choice(told.metadata["choices"])
    if type is None and "least" in told.metadata:
        bounds = click.FloatRange if isinstance(default, float) else click.IntRange
        type = bounds(told.metadata["least"], told.metadata["most"])
    settings: dict[str, Any] = {"help": told.metadata["help"], "type": type, "show_default": True, "default": default}
    if isinstance(default, bool):
        settings |= {"is_flag": True, "show_default": False}
    if default in (None, ()):
        settings |= {"show_default": False, "default": None}
    return click.option(*(flags or (f"--{name.replace('_', '-')}",)), name, **{**settings, **more})


class Layers(click.ParamType[Any]):
    """ "4,8,12", "-1", "all": a tuple of places from 0 (negative from the end), or "all"."""

    name = "layers"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str) or value == ALL:
            return value
        try:
            numbers = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of layer numbers such as 4,8,12, nor 'all'", param, ctx)
        if 0 in numbers:
            self.fail("layers are counted from 1, there is no layer 0", param, ctx)
        return tuple(number - 1 if number > 0 else number for number in numbers)


class CountOrAll(click.ParamType[Any]):
    """ "9" or "all": a number above 0, or "all"."""

    name = "count"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None or value == ALL or (isinstance(value, int) and value > 0):
            return value
        if not re.fullmatch(r"0*[1-9]\d{0,8}", str(value)):
            self.fail(f"{value!r} is neither a number above 0 nor 'all'", param, ctx)
        return int(value)


class Several(click.ParamType[Any]):
    """ "png,pdf": a tuple of words without repeats, in the order of the choices where `ordered`."""

    def __init__(self, name: str, choices: Sequence[str], *, ordered: bool = False) -> None:
        self.name, self.choices, self.ordered = name, tuple(choices), ordered

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        words = tuple(dict.fromkeys(part.strip().lower().lstrip(".") for part in value.split(",")))
        for word in words:
            if word not in self.choices:
                self.fail(f"{word!r} is no {self.name}; choose from {', '.join(self.choices)}", param, ctx)
        return tuple(word for word in self.choices if word in words) if self.ordered else words

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
        head, comma, last = incomplete.rpartition(",")
        return [CompletionItem(head + comma + word) for word in self.choices if word.startswith(last)]


class Place(click.ParamType[Any]):
    """A place in what the network saw: "0.25,0.4", fractions from the left and from the top."""

    name = "place"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            x, y = (float(part) for part in value.split(","))
        except ValueError:
            x = y = -1.0
        if not (0 <= x <= 1 and 0 <= y <= 1):
            self.fail(f"{value!r} is no place; give two fractions from 0 to 1, such as 0.25,0.4", param, ctx)
        return x, y


class Digest(click.ParamType[Any]):
    """The beginning of a SHA-256, 8 to 64 hexadecimal digits."""

    name = "sha256"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return None
        digits = value.strip().lower().removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{8,64}", digits):
            self.fail(f"{value!r} is not the 8 to 64 hexadecimal digits a SHA-256 begins with", param, ctx)
        return digits


class Named(click.ParamType[Any]):
    """A name of a list that is asked for when it is needed; others answer with near ones.

    Args:
        name: what it names.
        names: function that lists them all.
        plain: makes of a name what is compared.
    """

    def __init__(self, name: str, names: Any, plain: Any = str) -> None:
        self.name, self._names, self._plain = name, names, plain

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return None
        known = {self._plain(name): name for name in self._names()}
        if self._plain(value) not in known:
            self.fail(f"no {self.name} is called {value!r}; {did_you_mean(value, self._names())}", param, ctx)
        return known[self._plain(value)]

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]


class Width(click.ParamType[Any]):
    """A width of the page, by name, in millimeters or in inches."""

    name = "width"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        from viz_nodes.draw.style.widths import width_in_inches

        if value is not None:
            try:
                width_in_inches(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return value

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
        from viz_nodes.draw.style.widths import WIDTHS

        return [CompletionItem(name) for name in WIDTHS if name.startswith(incomplete)]


def architectures() -> list[str]:
    """The architectures, then their short names."""
    from vizgraph.checkpoints.catalog import ARCHITECTURES, SHORT_NAMES

    return [*ARCHITECTURES, *SHORT_NAMES]


def methods() -> list[str]:
    """The CAM methods, from the table of words that needs no torch."""
    table = json.loads((importlib.resources.files("viz_nodes.draw.style") / "words.json").read_text("utf-8"))
    return [name for name in table["methods"] if name not in ("random", "randomcam")]


def palettes() -> list[str]:
    """Colormaps, and 'release' for the release's."""
    import matplotlib

    return ["release", *matplotlib.colormaps]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.casefold())


ARCH = Named("architecture", architectures)
METHOD = Named("method", methods, _plain)
PALETTE = Named("palette", palettes)
_FILE = click.Path(path_type=Path)
_ARCH_HELP = "Architecture, such as gcn_ti or vig_s; `vizgraph models` lists them."
_CKPT_HELP = "Weights file; 'demo' for the bundled ones, 'random' for none. Without it: the published weights."
_TARGET_HELP = "Class explained: label, index, or top1 (the predicted one)"
_SHA_HELP = "Refuse a weights file whose SHA-256 does not begin so"
_IMG_HELP = "Image or folder (searched through); again for more."

arch = click.option("--arch", metavar="NAME", type=ARCH, help=_ARCH_HELP + "  [default: gcn_demo with --ckpt demo]")
archs = click.option("--arch", "archs", metavar="NAME", type=ARCH, multiple=True, help=_ARCH_HELP + " Again for more.")
ckpt = click.option("--ckpt", metavar="FILE", help=_CKPT_HELP)
ckpts = click.option("--ckpt", "ckpts", metavar="FILE", multiple=True, help=_CKPT_HELP + " Again for more.")
no_ema = click.option(
    "--no-ema", is_flag=True, help="Take the plain weights of a file that has averaged (EMA) ones too."
)
sha256 = click.option("--sha256", metavar="HEX", type=Digest(), help=f"{_SHA_HELP}.")
sha256s = click.option(
    "--sha256", metavar="HEX", type=Digest(), multiple=True, help=f"{_SHA_HELP}; again for each --ckpt."
)
seed = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of everything random."
)
labels = click.option(
    "--labels", metavar="FILE", type=_FILE, help="Class names instead of the network's: a line each, or JSON."
)
img = click.option("--img", metavar="PATH", multiple=True, required=True, type=_FILE, help=_IMG_HELP)
layers = field_option(
    "layers",
    metavar="4,8,12",
    type=Layers(),
    help="Graph layers from 1, or 'all'.  [default: a third, two thirds, the last]",
)
k = field_option("k", metavar="N", type=CountOrAll())
centers = field_option(
    "centers",
    "--center",
    metavar="X,Y",
    type=Place(),
    multiple=True,
    help="Draw whom the patch there asks, as fractions from the left and top; again for more.  [default: the peak]",
)
target = click.option("--target", metavar="CLASS", default="top1", show_default=True, help=f"{_TARGET_HELP}.")


def targets(default: str) -> Any:
    """--target of a command that shows several classes."""
    words = f"{_TARGET_HELP}, top5, ...; again for more."
    return click.option("--target", "targets", metavar="CLASS", multiple=True, default=(default,), help=words)


versus = field_option("versus", metavar="CLASS")
method = field_option("method", metavar="NAME", type=METHOD)
several_methods = click.option(
    "--method",
    "methods",
    metavar="NAME",
    multiple=True,
    type=METHOD,
    default=("gradcam",),
    show_default=True,
    help=_FIELDS["method"].metadata["help"] + " Again for more.",
)
fit = field_option("fit")
device = click.option(
    "--device", metavar="NAME", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."
)
out = click.option(
    "--out", metavar="FOLDER", default="viz_output", show_default=True, type=_FILE, help="Where results go."
)
formats = field_option(
    "formats",
    "--format",
    metavar="png,pdf,svg",
    type=Several("format", _FIELDS["formats"].metadata["choices"]),
    default="png",
)
dpi = field_option("dpi")
overwrite = field_option("overwrite")
check = field_option("check")
workers = field_option(
    "workers",
    metavar="N",
    default=None,
    show_default=False,
    help="Processes that work beside this one; 0 for none.  [default: one a processor, up to 8]",
)
batch = field_option("batch", metavar="N", help="Images a pass; other numbers change the last bits of results.")
width = field_option("width", metavar="WIDTH", type=Width())
palette = field_option("palette", metavar="NAME", type=PALETTE)


def kinds(default: str) -> Any:
    """--kinds with the pictures that a command shows by default."""
    choices = _FIELDS["kinds"].metadata["choices"]
    kind = Several("kind of picture", choices, ordered=True)
    return field_option("kinds", metavar="cam,neighbors,graph", type=kind, default=default)


weights = (arch, ckpt, no_ema, sha256, seed, labels)
"""What names a network."""
several_weights = (archs, ckpts, no_ema, sha256s, seed, labels)
"""What names several."""
explanation = (layers, target, versus, method, fit)
"""What is asked of one."""
edges = (k, field_option("order"), field_option("hops"), field_option("color"), centers)
"""Which edges are drawn."""
words = (
    click.option("--title", metavar="WORDS", help=_FIELDS["title"].metadata["help"]),
    click.option("--no-title", is_flag=True, help="Leave out the heading of a figure."),
    click.option("--no-caption", is_flag=True, help="Leave out captions under pictures."),
    click.option("--no-notes", is_flag=True, help="Leave out the line that explains the marks of a figure."),
)
looks = (
    width,
    field_option("canvas"),
    palette,
    field_option("normalize"),
    field_option("theme"),
    field_option("font", metavar="FAMILY"),
    field_option("font_size"),
)
"""How figures look."""
drawing = (*looks, *words)


def said(title: str | None, no_title: bool, no_caption: bool, no_notes: bool) -> dict[str, Any]:
    """The fields of `RenderOptions` that `words` name."""
    return {"title": title or not no_title, "captions": not no_caption, "notes": not no_notes}


def loading(no_ema: bool, sha256: Any, device: str, seed: int, labels: Path | None) -> dict[str, Any]:
    """What a command was told of weights, as `vizgraph.api.networks.load` takes it."""
    return {"ema": not no_ema, "sha256": sha256 or None, "device": device, "seed": seed, "labels": labels}


debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


def together(*given: Any) -> Any:
    """One decorator of several options."""
    from vizgraph.cli.command import flat

    def decorate(function: Any) -> Any:
        for option in reversed(list(flat(given))):
            function = option(function)
        return function

    return decorate
