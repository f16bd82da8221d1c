"""What values of options may be: checked as soon as they are read, before anything slow is imported, and completed."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from viz_nodes.batch.options import ALL, COLORS
from viz_nodes.text import quoted
from vizgraph.errors import did_you_mean

Param = click.Parameter | None
Ctx = click.Context | None


class Layers(click.ParamType[tuple[int, ...] | str]):
    """ "4,8,12", "-1", "all": a tuple of places from 0 (negative from the end), or "all"."""

    name = "layers"

    def convert(self, value: tuple[int, ...] | str, param: Param, ctx: Ctx) -> tuple[int, ...] | str:
        if not isinstance(value, str) or value == ALL:
            return value
        try:
            numbers = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{quoted(value)} is not a list of layer numbers such as 4,8,12, nor 'all'", param, ctx)
        if 0 in numbers:
            self.fail("layers are counted from 1, there is no layer 0", param, ctx)
        return tuple(number - 1 if number > 0 else number for number in numbers)


class ImageSize(click.ParamType[tuple[int, int]]):
    """ "224", "224x320": (height, width), each from 1 to 16384."""

    name = "size"

    def convert(self, value: tuple[int, int] | str, param: Param, ctx: Ctx) -> tuple[int, int]:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"0*([1-9]\d{0,4})(?:[xX]0*([1-9]\d{0,4}))?", value)
        sides = () if match is None else (int(match[1]), int(match[2] or match[1]))
        if not sides or max(sides) > 16384:
            self.fail(f"{quoted(value)} is neither a side in pixels such as 224 nor a height and width such as 224x320")
        return sides


class CountOrAll(click.ParamType[int | str | None]):
    """ "9" or "all": a number above 0, or "all"."""

    name = "count"

    def convert(self, value: int | str | None, param: Param, ctx: Ctx) -> int | str | None:
        if value is None or value == ALL or (isinstance(value, int) and value > 0):
            return value
        if not re.fullmatch(r"0*[1-9]\d{0,8}", str(value)):
            self.fail(f"{quoted(value)} is neither a number above 0 nor 'all'", param, ctx)
        return int(value)


class Several(click.ParamType[tuple[str, ...]]):
    """ "png,pdf": a tuple of words without repeats, in the order of the choices where `ordered`."""

    def __init__(self, name: str, choices: Sequence[str], *, ordered: bool = False) -> None:
        self.name, self.choices, self.ordered = name, tuple(choices), ordered

    def convert(self, value: tuple[str, ...] | str, param: Param, ctx: Ctx) -> tuple[str, ...]:
        if not isinstance(value, str):
            return value
        words = tuple(dict.fromkeys(part.strip().lower().lstrip(".") for part in value.split(",")))
        for word in words:
            if word not in self.choices:
                self.fail(f"{quoted(word)} is no {self.name}; choose from {', '.join(self.choices)}", param, ctx)
        return tuple(word for word in self.choices if word in words) if self.ordered else words

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        head, comma, last = incomplete.rpartition(",")
        return [CompletionItem(head + comma + word) for word in self.choices if word.startswith(last)]


class Place(click.ParamType[tuple[float, float]]):
    """A place in what the network saw: "0.25,0.4", fractions from the left and from the top."""

    name = "place"

    def convert(self, value: tuple[float, float] | str, param: Param, ctx: Ctx) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            x, y = (float(part) for part in value.split(","))
        except ValueError:
            x = y = -1.0
        if not (0 <= x <= 1 and 0 <= y <= 1):
            self.fail(f"{quoted(value)} is no place; give two fractions from 0 to 1, such as 0.25,0.4", param, ctx)
        return x, y


class Levels(click.ParamType[tuple[float, ...]]):
    """ "0.25,0.5": fractions between 0 and 1."""

    name = "levels"

    def convert(self, value: tuple[float, ...] | str, param: Param, ctx: Ctx) -> tuple[float, ...]:
        if not isinstance(value, str):
            return value
        try:
            levels = tuple(float(part) for part in value.split(","))
        except ValueError:
            levels = (0.0,)
        if not all(0 < level < 1 for level in levels):
            self.fail(f"{quoted(value)} is no list of fractions between 0 and 1, such as 0.25,0.5", param, ctx)
        return levels


class Color(click.ParamType[str | None]):
    """What colors of edges stand for, or a color of matplotlib for all of them.

    Args:
        meanings: those that there are.
    """

    name = "color"

    def __init__(self, meanings: Sequence[str] = COLORS) -> None:
        self.meanings = tuple(meanings)

    def convert(self, value: str | None, param: Param, ctx: Ctx) -> str | None:
        if value is None or value in self.meanings:
            return value
        from matplotlib.colors import is_color_like

        if not is_color_like(value) or value in COLORS:
            words = f"choose from {', '.join(self.meanings)}, or name a color such as red or #c4005c"
            self.fail(f"{quoted(value)} is no color; {words}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self.meanings if word.startswith(incomplete)]


class Bands(click.ParamType[tuple[int | str, ...]]):
    """ "red,green,nir" or "4,3,2": names of bands, or their numbers from 1."""

    name = "bands"

    def convert(self, value: tuple[int | str, ...] | str, param: Param, ctx: Ctx) -> tuple[int | str, ...]:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(parts):
            self.fail(f"{quoted(value)} is no list of bands such as 4,3,2 or red,nir", param, ctx)
        return tuple(int(part) if part.isdecimal() else part for part in parts)


class BlackAndWhite(click.ParamType[tuple[float, float]]):
    """ "0,4095": the values that are black and white."""

    name = "range"

    def convert(self, value: tuple[float, float] | str, param: Param, ctx: Ctx) -> tuple[float, float]:
        if not isinstance(value, str):
            return value
        try:
            black, white = (float(part) for part in value.split(","))
        except ValueError:
            black = white = 0.0
        if not black < white:
            self.fail(f"{quoted(value)} is no range; give black and white, such as 0,4095", param, ctx)
        return black, white


class Digest(click.ParamType[str | None]):
    """The beginning of a SHA-256, 8 to 64 hexadecimal digits."""

    name = "sha256"

    def convert(self, value: str | None, param: Param, ctx: Ctx) -> str | None:
        if value is None:
            return None
        digits = value.strip().lower().removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{8,64}", digits):
            self.fail(f"{quoted(value)} is not the 8 to 64 hexadecimal digits a SHA-256 begins with", param, ctx)
        return digits


class Named(click.ParamType[str | None]):
    """A name of a list that is asked for when it is needed; others answer with near ones.

    Args:
        name: what it names.
        names: function that lists them all.
        plain: makes of a name what is compared.
    """

    def __init__(self, name: str, names: Callable[[], list[str]], plain: Callable[[str], str] = str) -> None:
        self.name, self._names, self._plain = name, names, plain

    def convert(self, value: str | None, param: Param, ctx: Ctx) -> str | None:
        if value is None:
            return None
        known = {self._plain(name): name for name in self._names()}
        if self._plain(value) not in known:
            self.fail(f"no {self.name} is called {quoted(value)}; {did_you_mean(value, self._names())}", param, ctx)
        return known[self._plain(value)]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]


class Width(click.ParamType[Any]):
    """A width of the page, by name, in millimeters or in inches."""

    name = "width"

    def convert(self, value: Any, param: Param, ctx: Ctx) -> Any:
        from viz_nodes.draw.style.widths import width_in_inches

        if value is not None:
            try:
                width_in_inches(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
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
    """Colormaps, 'release' for the release's, and 'print' for gray print."""
    import matplotlib

    return ["release", "print", *matplotlib.colormaps]


def letters(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.casefold())


ARCH = Named("architecture", architectures)
METHOD = Named("method", methods, letters)
METHOD_OR_RANDOM = Named("method", lambda: [*methods(), "random"], letters)
PALETTE = Named("palette", palettes)
EDGE_METHODS = (
    "rank",
    "distance",
    "cosine",
    "share",
    "contribution",
    "effect",
    "gradient",
    "integrated",
    "gnnexplainer",
    "pgexplainer",
    "random",
)
"""Names of `viz_nodes.metrics.edge_scores.METHODS`, which takes torch to be asked."""
