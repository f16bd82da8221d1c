"""What is said about a picture: layer, class, method, and what is hidden."""

from __future__ import annotations

import functools
import unicodedata

from matplotlib.font_manager import FontProperties, findfont, get_font

from viz_nodes.explanation import Explanation, LayerExplanation

SEPARATOR = " · "
_JOINED = "\N{NO-BREAK SPACE}"
_METHODS = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "xgradcam": "XGrad-CAM",
    "layercam": "Layer-CAM",
    "hirescam": "HiResCAM",
    "eigencam": "Eigen-CAM",
    "eigengradcam": "Eigen-Grad-CAM",
    "gradcam_elementwise": "elementwise Grad-CAM",
    "shapleycam": "ShapleyCAM",
    "finercam": "Finer-CAM",
    "kpcacam": "KPCA-CAM",
    "fem": "FEM",
    "scorecam": "Score-CAM",
    "ablationcam": "Ablation-CAM",
}


def plain(text: str) -> str:
    """Text as it may be drawn: control characters and lone surrogates become escapes, so that no name breaks a line.

    Example: `plain("a\\nb")` is `a\\\\nb` (four characters).
    """
    shown = []
    for char in str(text):
        category = unicodedata.category(char)
        if category in ("Cc", "Cs", "Zl", "Zp") or category == "Cf":
            shown.append(char.encode("unicode_escape").decode("ascii"))
        else:
            shown.append(char)
    return "".join(shown)


def percent(fraction: float) -> str:
    """A fraction in whole percent, never rounded to a false 0 or 100: 0.004 is "<1 %", 0.998 is ">99 %"."""
    value = 100.0 * float(fraction)
    if value != value:
        return f"?{_JOINED}%"
    if 0 < value < 0.5:
        return f"<1{_JOINED}%"
    if 99.5 <= value < 100 - 1e-4:
        return f">99{_JOINED}%"
    return f"{round(value)}{_JOINED}%"


def number(value: float) -> str:
    """A value of a map in at most three significant digits: 0, 0.0312, 1.25, 3.1e-05."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")


def layer_words(exp: Explanation, layer: LayerExplanation) -> str:
    """ "layer 4 of 12"."""
    return f"layer {layer.number} of {exp.depth}".replace(" ", _JOINED)


def target_words(exp: Explanation, row: int) -> str:
    """ "tabby cat 62 %", "digit 5, 96 %"; "tabby cat 62 % rather than tiger cat 21 %" for a contrast."""
    words = _class_words(exp, row, int(exp.target[row]))
    if exp.versus is not None and int(exp.versus[row]) >= 0:
        words += f" rather than {_class_words(exp, row, int(exp.versus[row]))}"
    return words


def _class_words(exp: Explanation, row: int, index: int) -> str:
    name = plain(exp.label(index))
    if index < 0:
        return name
    pause = "," if name[-1:].isdigit() else ""
    return f"{name}{pause}{_JOINED}{percent(float(exp.probabilities[row, index]))}"


def method_words(method: str) -> str:
    """The name a method's paper gives it: "gradcam" is "Grad-CAM"."""
    return _METHODS.get(method.lower(), plain(method))


def head_words(exp: Explanation, layer: LayerExplanation, row: int) -> list[str]:
    """Layer, class with probability, and method: what every caption begins with."""
    return [layer_words(exp, layer), target_words(exp, row), method_words(exp.method)]


@functools.lru_cache(maxsize=16)
def _font_file(family: str) -> str:
    return findfont(FontProperties(family=family))


@functools.lru_cache(maxsize=4096)
def text_width(text: str, size: float, family: str = "DejaVu Sans") -> float:
    """Width in points of one line of text, from the font's metrics; a character it lacks counts as a square."""
    font = get_font(_font_file(family))
    font.set_size(size, 720)
    known = "".join(char for char in text if font.get_char_index(ord(char)))
    font.set_text(known, 0.0)
    return font.get_width_height()[0] / 640.0 + size * (len(text) - len(known))


def wrap(text: str, width: float, size: float, family: str = "DejaVu Sans") -> str:
    """Break text into lines of at most `width` points, at spaces; a longer word is broken inside.

    A "·" stays at the end of its line, where it says that the sentence goes on.
    """
    lines: list[str] = []
    line = ""
    for word in text.replace(SEPARATOR, f"{_JOINED}· ").split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size, family) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while text_width(word, size, family) > width and len(word) > 1:
            fits = max(
                1, next(n for n in range(len(word), 0, -1) if n == 1 or text_width(word[:n], size, family) <= width)
            )
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    lines.append(line)
    return "\n".join(lines)


def shortened(text: str, width: float, size: float, family: str = "DejaVu Sans") -> str:
    """One line of at most `width` points, its end replaced by an ellipsis where it is longer."""
    if text_width(text, size, family) <= width:
        return text
    for length in range(len(text) - 1, 0, -1):
        candidate = text[:length].rstrip() + "…"
        if text_width(candidate, size, family) <= width:
            return candidate
    return "…"
