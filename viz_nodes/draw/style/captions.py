"""What is said about a picture: layer, class, method, and what is hidden."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from viz_nodes.draw.style.fonts import LEFT_TO_RIGHT, right_to_left
from viz_nodes.explanation import Explanation, LayerExplanation

WORDS: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
"""Words and numbers that pages, written in JavaScript, say alike."""
SEPARATOR: str = WORDS["separator"]
_JOINED = "\N{NO-BREAK SPACE}"
_WRITTEN = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}"


def plain(text: str) -> str:
    """Text as it may be drawn: control characters and lone surrogates become escapes, so that no name breaks a line.

    Joiners and marks of direction, which scripts are written with and which alone reorder nothing, stay.

    Example: `plain("a\\nb")` is `a\\\\nb` (four characters).
    """
    shown = []
    for char in str(text):
        category = unicodedata.category(char)
        if category in ("Cc", "Cs", "Cf", "Zl", "Zp") and char not in _WRITTEN:
            shown.append(char.encode("unicode_escape").decode("ascii"))
        else:
            shown.append(char)
    return "".join(shown)


def all_of(count: int, what: str) -> str:
    """Every one of some things, given their name in the plural: "all 9 neighbors", "both edges", "the only edge"."""
    if count == 1:
        return f"the only {what.removesuffix('s')}"
    return f"both {what}" if count == 2 else f"all {count} {what}"


def counted(count: int, what: str) -> str:
    """So many things, given their name in the plural: "46 nodes", "1 node"."""
    return f"{count} {what if count != 1 else what.removesuffix('s')}"


def percent(fraction: float) -> str:
    """A fraction in whole percent, never rounded to a false 0 or 100: 0.004 is "<1 %", 0.998 is ">99 %"."""
    rule = WORDS["percent"]
    value = 100.0 * float(fraction)
    if not math.isfinite(value):
        return str(rule["unknown"])
    if 0 < value < rule["below"]:
        return str(rule["below_words"])
    if rule["above"] <= value < rule["whole"]:
        return str(rule["above_words"])
    whole = math.floor(abs(value) + 0.5)
    return str(rule["template"]).format(f"{WORDS['number']['minus'] if value < 0 and whole else ''}{whole}")


def number(value: float, *, signed: bool = False) -> str:
    """A value in three significant digits, a half rounded up: 0, 0.0313, 1.25, 3.1e−5.

    Args:
        signed: write "+" before what is above 0.
    """
    rule, exact = WORDS["number"], float(value)
    if not math.isfinite(exact):
        return str(rule["unknown"])
    sign = rule["minus"] if exact < 0 else "+" if signed and exact > 0 else ""
    size = abs(Decimal(exact))
    if size == 0:
        return "0"
    if not Decimal(str(rule["least"])) <= size < rule["most"]:
        mantissa, exponent = f"{_rounded(size, rule['scientific_digits']):.{rule['scientific_digits'] - 1}e}".split("e")
        return f"{sign}{mantissa}e{int(exponent)}".replace("-", rule["minus"])
    whole_digits = size.adjusted() + 1
    words = f"{_rounded(size, max(rule['digits'], whole_digits)):f}"
    return sign + (words.rstrip("0").rstrip(".") if "." in words else words)


def _rounded(size: Decimal, digits: int) -> Decimal:
    """A number to so many significant digits, a half upward as JavaScript's `toPrecision` does."""
    return size.quantize(Decimal(1).scaleb(size.adjusted() - digits + 1), ROUND_HALF_UP)


def layer_words(exp: Explanation, layer: LayerExplanation) -> str:
    """ "layer 4 of 12"; "layer 4 of 12, image 2" where a network takes several."""
    several = len({other.image for other in exp.layers}) > 1 or layer.image not in (0, None)
    image = f", image {layer.image + 1}" if several and layer.image is not None else ""
    return f"layer {layer.number} of {exp.depth}{image}".replace(" ", _JOINED)


def layer_ways(exp: Explanation, layer: LayerExplanation) -> tuple[str, str, str]:
    """ "layer 4 of 12", "layer 4", "4": what fits above a column."""
    return layer_words(exp, layer), f"layer {layer.number}".replace(" ", _JOINED), str(layer.number)


def note_words(exp: Explanation) -> list[str]:
    """What a figure must say of the network: that it is untrained, what it was trained on."""
    about = exp.extras.get("about")
    note = about.get("note") if isinstance(about, dict) else None
    return [plain(note)] if isinstance(note, str) and note and note not in exp.model else []


def layer_notes(exp: Explanation, layers: Iterable[LayerExplanation]) -> list[str]:
    """What a figure must say of where the nodes of layers lie, each once: "layer 4: 3 nodes ... are left out"."""
    notes: dict[str, list[LayerExplanation]] = {}
    for layer in layers:
        if layer.note:
            notes.setdefault(plain(layer.note), []).append(layer)
    several = len({layer.index for layer in exp.layers}) > 1
    return [
        f"layer{'s' if len(these) > 1 else ''} {', '.join(str(layer.number) for layer in these)}: {note}"
        if several
        else note
        for note, these in notes.items()
    ]


def target_words(exp: Explanation, row: int) -> str:
    """ "tabby cat 62 %", "digit 5, 96 %"; "tabby cat 62 % rather than tiger cat 21 %" for a contrast.

    A percentage only where outputs are probabilities: "output 0, 3.25" for a regression, "similarity to a reference"
    for a target that is no class.
    """
    words = _class_words(exp, row, int(exp.target[row]))
    if exp.versus is not None and int(exp.versus[row]) >= 0:
        words += f" rather than {_class_words(exp, row, int(exp.versus[row]))}"
    return words


def _class_words(exp: Explanation, row: int, index: int) -> str:
    if index < 0:
        return plain(exp.target_label(row))
    name = plain(exp.label(index))
    if right_to_left(name):
        name += LEFT_TO_RIGHT
    pause = "," if name[-1:].isdigit() else ""
    return f"{name}{pause}{_JOINED}{value_words(exp, row, index)}"


def value_words(exp: Explanation, row: int, index: int | None = None) -> str:
    """The probability of a class, by default the one explained; where outputs are none, the output."""
    value = float(exp.probabilities[row, int(exp.target[row]) if index is None else index])
    return percent(value) if exp.probable else number(value)


def method_words(method: str) -> str:
    """The name a method's paper gives it: "gradcam" is "Grad-CAM"."""
    return str(WORDS["methods"].get(method.lower(), plain(method)))


def head_words(exp: Explanation, layer: LayerExplanation, row: int) -> list[str]:
    """Layer, class with probability, and method: what every caption begins with."""
    return [layer_words(exp, layer), target_words(exp, row), method_words(exp.method)]
