"""The options that commands share, each once, so that each means the same everywhere.

What decides a result is made from the fields of `RenderOptions`: default and words are there. Values are checked as
soon as they are read, before anything slow is imported; what needs the network to be understood (layers, classes)
waits until there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from viz_nodes.batch.options import RenderOptions, RunOptions
from vizgraph.cli.values import (
    ARCH,
    METHOD,
    PALETTE,
    Bands,
    BlackAndWhite,
    Color,
    CountOrAll,
    Digest,
    Layers,
    Levels,
    Place,
    Several,
    Width,
)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]
_FIELDS = {field.name: field for kind in (RenderOptions, RunOptions) for field in fields(kind)}


def field_option(name: str, *flags: str, type: Any = None, **more: Any) -> Option:
    """The click option of a field: its name, default, words and values, unless they are given."""
    field = _FIELDS[name]
    default = None if field.default is MISSING else field.default
    if type is None and field.metadata.get("choices"):
        type = click.Choice(field.metadata["choices"])
    if type is None and "least" in field.metadata:
        bounds = click.FloatRange if isinstance(field.metadata["least"], float) else click.IntRange
        type = bounds(field.metadata["least"], field.metadata["most"])
    settings: dict[str, Any] = {"help": field.metadata["help"], "type": type, "show_default": True, "default": default}
    if isinstance(default, bool):
        settings |= {"is_flag": True, "show_default": False}
    if default in (None, ()):
        settings |= {"show_default": False, "default": None}
    return click.option(*(flags or (f"--{name.replace('_', '-')}",)), name, **{**settings, **more})


_FILE = click.Path(path_type=Path, readable=False)
_ARCH_HELP = "Architecture, such as gcn_ti or vig_s; `vizgraph models` lists them."
_CKPT_HELP = (
    "Weights file; 'demo' for the bundled ones, 'relation' for those of pairs of digits, 'random' for none. "
    "Without it: the published weights."
)
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
root = click.option("--root", metavar="FOLDER", help="Where the images of hfds/, wds/ or tfds/ data lie.")


def data(*, required: bool) -> Option:
    """--data: where labelled images are."""
    words = "A folder (a folder a class), 'scenes', 'relation', or hfds/NAME, wds/NAME, tfds/NAME."
    return click.option("--data", metavar="WHERE", required=required, help=words)


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
    help="Draw the neighbors of the patch there, fractions from the left and top; again for more.  [default: the peak]",
)
target = click.option("--target", metavar="CLASS", default="top1", show_default=True, help=f"{_TARGET_HELP}.")


def targets(default: str) -> Option:
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
reading = (
    fit,
    field_option("frame", metavar="N"),
    field_option("bands", metavar="4,3,2", type=Bands()),
    field_option("value_range", "--range", metavar="0,4095", type=BlackAndWhite()),
    field_option("max_pixels", metavar="N"),
)
"""How images are read."""
studied = (
    click.option(
        "--img",
        metavar="PATH",
        multiple=True,
        type=_FILE,
        help="Image or folder (searched through), without labels; again for more.",
    ),
    data(required=False),
    click.option("--split", metavar="NAME", default="validation", show_default=True, help="Split of --data."),
    click.option(
        "--scenes",
        metavar="N",
        type=click.IntRange(min=1),
        help="N test scenes of the bundled task, whose labels and objects' masks are known.",
    ),
    click.option("--limit", metavar="N", type=click.IntRange(1), help="Look at N images.  [default: all]"),
)
"""Which images a network is studied on: one of --img, --data and --scenes."""
studied_reading = (
    field_option(
        "fit", default=None, show_default=False, help="How images are fitted.  [default: crop for --data, else squash]"
    ),
    *reading[1:],
)
"""How they are read."""
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


def kinds(default: str) -> Option:
    """--kinds with the pictures that a command shows by default."""
    choices = _FIELDS["kinds"].metadata["choices"]
    kind = Several("kind of picture", choices, ordered=True)
    return field_option("kinds", metavar="cam,neighbors,graph", type=kind, default=default)


weights = (arch, ckpt, no_ema, sha256, seed, labels)
"""What names a network."""
several_weights = (archs, ckpts, no_ema, sha256s, seed, labels)
"""What names several."""
explanation = (layers, target, versus, method)
"""What is asked of one."""
color = field_option("color", metavar="WHAT", type=Color())
strongest = (
    field_option("part", metavar="PERCENT"),
    field_option("edge_set", "--set"),
    click.option("--carry", is_flag=True, help=_FIELDS["carry"].metadata["help"]),
)
"""Edges all over the picture, and what the drawn ones do."""
edges = (
    k,
    field_option("order"),
    field_option("hops"),
    field_option("far", metavar="N"),
    strongest,
    color,
    field_option("edge_width"),
    centers,
)
"""Which edges are drawn."""
words = (
    click.option("--title", metavar="WORDS", help=_FIELDS["title"].metadata["help"]),
    click.option("--no-title", is_flag=True, help="Leave out the heading of a figure."),
    click.option("--no-caption", is_flag=True, help="Leave out captions, heading, key and notes."),
    click.option("--no-key", is_flag=True, help="Leave out the line that explains the marks of a figure."),
    click.option("--no-notes", is_flag=True, help="Leave out what panels say of what they leave out."),
    click.option("--no-signs", is_flag=True, help="Draw edges against the class like the others, told by color alone."),
    click.option("--no-ranks", is_flag=True, help="Leave out the numbers on neighbors."),
    click.option("--no-scales", is_flag=True, help="Leave out the bars of values."),
    click.option("--no-grid", is_flag=True, help="Leave out the lines between patches."),
    click.option("--no-nodes", is_flag=True, help="Leave out the small dots of all nodes."),
    click.option("--no-closeups", is_flag=True, help="Leave out close-ups, and the edges that only they can show."),
)
looks = (
    width,
    field_option("canvas"),
    palette,
    field_option("normalize"),
    field_option("map_max", metavar="X"),
    field_option("edge_max", metavar="X"),
    field_option("theme"),
    field_option("font", metavar="FAMILY"),
    field_option("font_size"),
    field_option("alpha"),
    click.option("--no-fade", is_flag=True, help="Paint all of a map at its opacity, also where it is 0."),
    click.option("--no-smooth", is_flag=True, help="Paint each patch of a map in its own value."),
    click.option("--contours", is_flag=True, help=_FIELDS["contours"].metadata["help"]),
    click.option(
        "--levels",
        metavar="0.25,0.5",
        type=Levels(),
        help="Contours at these fractions of a map's scale.  [default with --contours: 0.25,0.5,0.75]",
    ),
    field_option("veil", metavar="X"),
    field_option("dim", metavar="X"),
)
"""How figures look."""
drawing = (*looks, *words)


_LEFT_OUT = ("caption", "key", "notes", "signs", "ranks", "scales", "grid", "nodes", "closeups", "fade", "smooth")


def render_fields(more: dict[str, Any]) -> dict[str, Any]:
    """Options with those of `words` as fields of `RenderOptions`."""
    named = dict(more)
    title, no_title = named.pop("title"), named.pop("no_title")
    named["contours"] = named.pop("levels") or named["contours"]
    return {
        **{name: value for name, value in named.items() if name not in {f"no_{name}" for name in _LEFT_OUT}},
        "title": title or not no_title,
        **{name: not named[f"no_{name}"] for name in _LEFT_OUT},
    }
