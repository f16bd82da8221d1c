"""The options that commands share, each once: `@together(arch, ckpt, layers)` above a command.

What needs the network to be understood (layers, target, k) stays as it was written until there is one: see
`layer_indices` and `method_name`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import click

from vizgraph.cli.errors import USAGE, Failure

FORMATS = ("png", "pdf", "svg")
ALL = "all"


class _Layers(click.ParamType):
    """ "4,8,12", "-1", "all": a tuple of layer numbers from 1 (negative from the end), or "all"."""

    name = "layers"

    def convert(self, value, param, ctx):
        if not isinstance(value, str) or value == ALL:
            return value
        try:
            numbers = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of layer numbers such as 4,8,12, nor 'all'", param, ctx)
        if 0 in numbers:
            self.fail("layers are counted from 1, there is no layer 0", param, ctx)
        return numbers


class _CountOrAll(click.ParamType):
    """ "9" or "all": a number above 0, or "all"."""

    name = "count"

    def convert(self, value, param, ctx):
        if value is None or value == ALL or (isinstance(value, int) and value > 0):
            return value
        if not re.fullmatch(r"0*[1-9]\d*", str(value)):
            self.fail(f"{value!r} is neither a number above 0 nor 'all'", param, ctx)
        return int(value)


class _Formats(click.ParamType):
    """ "png,pdf": a tuple of formats without repeats."""

    name = "formats"

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return value
        formats = tuple(dict.fromkeys(part.strip().lower().lstrip(".") for part in value.split(",")))
        for form in formats:
            if form not in FORMATS:
                self.fail(f"{form!r} is no format; choose from {', '.join(FORMATS)}", param, ctx)
        return formats


class _Place(click.ParamType):
    """A place in what the network saw: "0.25,0.4", fractions from the left and from the top."""

    name = "place"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            x, y = (float(part) for part in value.split(","))
        except ValueError:
            x = y = -1.0
        if not (0 <= x <= 1 and 0 <= y <= 1):
            self.fail(f"{value!r} is no place; give two fractions from 0 to 1, such as 0.25,0.4", param, ctx)
        return x, y


class _Digest(click.ParamType):
    """The beginning of a SHA-256, 8 to 64 hexadecimal digits."""

    name = "sha256"

    def convert(self, value, param, ctx):
        if value is None:
            return None
        digits = value.strip().lower().removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{8,64}", digits):
            self.fail(f"{value!r} is not the 8 to 64 hexadecimal digits a SHA-256 begins with", param, ctx)
        return digits


_ARCH_HELP = "Architecture, such as gcn_ti or vig_s; `vizgraph models` lists them."
_CKPT_HELP = "Weights file; 'demo' for the bundled ones, 'random' for none. Without it: the published weights."
_IMG_HELP = "Image or folder (searched through); again for more."

arch = click.option("--arch", metavar="NAME", help=_ARCH_HELP + "  [default: gcn_demo with --ckpt demo]")
archs = click.option("--arch", "archs", metavar="NAME", multiple=True, help=_ARCH_HELP + " Again for more.")
ckpt = click.option("--ckpt", metavar="FILE", help=_CKPT_HELP)
ckpts = click.option("--ckpt", "ckpts", metavar="FILE", multiple=True, help=_CKPT_HELP + " Again for more.")
no_ema = click.option(
    "--no-ema", is_flag=True, help="Take the plain weights of a file that has averaged (EMA) ones too."
)
sha256 = click.option(
    "--sha256", metavar="HEX", type=_Digest(), help="Refuse a weights file whose SHA-256 does not begin so."
)
img = click.option(
    "--img", metavar="PATH", multiple=True, required=True, type=click.Path(path_type=Path, exists=False), help=_IMG_HELP
)
one_img = click.option(
    "--img", metavar="FILE", required=True, type=click.Path(path_type=Path, exists=False), help="Image."
)
layers = click.option(
    "--layers",
    metavar="4,8,12",
    type=_Layers(),
    help="Graph layers from 1, or 'all'.  [default: a third, two thirds, the last]",
)
k = click.option(
    "--k", metavar="N", type=_CountOrAll(), default=9, show_default=True, help="Neighbors drawn, or 'all'."
)
centers = click.option(
    "--center",
    "centers",
    metavar="X,Y",
    type=_Place(),
    multiple=True,
    help="Draw whom the patch there asks, as fractions from the left and top; again for more.  [default: the peak]",
)
target = click.option(
    "--target",
    metavar="CLASS",
    default="top1",
    show_default=True,
    help="Class explained: label, index, or top1 (the predicted one).",
)
versus = click.option("--versus", metavar="CLASS", help="Explain why the target and not this class (label or index).")
method = click.option(
    "--method",
    metavar="NAME",
    default="gradcam",
    show_default=True,
    help="CAM method: gradcam, layercam, eigencam, ...",
)
fit = click.option(
    "--fit",
    type=click.Choice(("squash", "crop")),
    default="squash",
    show_default=True,
    help="Show the network the whole image, or its evaluation crop.",
)
device = click.option(
    "--device", metavar="NAME", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."
)
out = click.option(
    "--out",
    metavar="FOLDER",
    default="viz_output",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=True),
    help="Where results go.",
)
formats = click.option(
    "--format",
    "formats",
    metavar="png,pdf,svg",
    type=_Formats(),
    default="png",
    show_default=True,
    help="Files of a figure.",
)
dpi = click.option(
    "--dpi", type=click.IntRange(30, 2400), default=300, show_default=True, help="Pixels an inch of PNG files."
)
overwrite = click.option("--overwrite", is_flag=True, help="Make again what is there already.")
workers = click.option(
    "--workers",
    type=click.IntRange(0, 256),
    default=None,
    metavar="N",
    help="Processes that draw; 0 draws in this one.  [default: one a processor, up to 8]",
)
batch = click.option(
    "--batch",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Images a pass; other numbers change the last bits of results.  [default: 1 on a CPU, 16 on a GPU]",
)
width = click.option(
    "--width",
    metavar="WIDTH",
    help="Of figures: column, page, neurips, ..., millimeters, or such as 3.3in.  [default: column]",
)
canvas = click.option(
    "--canvas",
    type=click.Choice(("input", "original")),
    default="input",
    show_default=True,
    help="Draw on what the network saw, or on the original at its full resolution.",
)
palette = click.option(
    "--palette",
    metavar="NAME",
    default="inferno",
    show_default=True,
    help="Colors of maps; 'release' for the release's jet.",
)
theme = click.option(
    "--theme", type=click.Choice(("light", "dark")), default="light", show_default=True, help="Of figures."
)
font_size = click.option(
    "--font-size", type=click.FloatRange(3, 24), default=6.5, show_default=True, help="Points at final size."
)
drawing = (width, canvas, palette, theme, font_size)
"""How figures look."""
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")

weights = (arch, ckpt, no_ema, sha256)
"""What names a network: pass through `vizgraph.cli.networks.load` to get it."""
explanation = (layers, target, versus, method, fit)
"""What is asked of it."""


def together(*options: Callable | Sequence[Callable]) -> Callable:
    """One decorator of several options, which the help lists in this order; tuples of options may be among them."""
    flat = [one for option in options for one in (option if isinstance(option, (tuple, list)) else (option,))]

    def decorate(function: Callable) -> Callable:
        for option in reversed(flat):
            function = option(function)
        return function

    return decorate


def processors() -> int:
    """Processors this process may use."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def layer_indices(choice: str | Sequence[int] | None, depth: int) -> list[int]:
    """Places in the network, from 0 and in its order, of the layers a user named from 1.

    Args:
        choice: the value of --layers.
        depth: number of graph layers in the network.

    Raises:
        Failure: the network has no such layer.
    """
    if choice == ALL:
        return list(range(depth))
    if choice is None:
        numbers = [max(1, round(depth / 3)), max(1, round(2 * depth / 3)), depth]
    else:
        numbers = [number + depth + 1 if number < 0 else number for number in cast("Sequence[int]", choice)]
        for number, written in zip(numbers, choice):
            if not 1 <= number <= depth:
                raise Failure(
                    "--layers", f"there is no layer {written}", f"this network has layers 1 to {depth}", code=USAGE
                )
    return sorted({number - 1 for number in numbers})


def method_name(name: str) -> str:
    """The name of a CAM method, checked.

    Raises:
        Failure: there is none of this name; the message has near ones.
    """
    from viz_nodes.cams import METHODS

    if name in METHODS:
        return name
    near = difflib.get_close_matches(name.lower(), METHODS, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(METHODS)}"
    raise Failure("--method", f"no method is called {name!r}", hint, code=USAGE)


def as_record(values: dict[str, Any]) -> dict[str, Any]:
    """Option values as JSON holds them, for a manifest."""
    return {
        name: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        for name, value in sorted(values.items())
    }
