"""Text in lines: broken at spaces, or cut with an ellipsis, so that it fits a width on paper."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from viz_nodes.draw.style.captions import SEPARATOR
from viz_nodes.draw.style.fonts import DEFAULT_FONT, text_width

_JOINED = "\N{NO-BREAK SPACE}"


def wrap(text: str, width: float, size: float, family: str = DEFAULT_FONT) -> str:
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
            fits = max(1, _longest(word, width, size, family))
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    lines.append(line)
    return "\n".join(lines)


def shortened(text: str, width: float, size: float, family: str = DEFAULT_FONT) -> str:
    """One line of at most `width` points, its end replaced by an ellipsis where it is longer."""
    if text_width(text, size, family) <= width:
        return text
    return text[: _longest(text[:-1], width, size, family, "…")].rstrip() + "…"


def _longest(text: str, width: float, size: float, family: str, end: str = "") -> int:
    """How many letters of a text, with an end behind them, are at most so wide; 0 where not one is."""

    def too_wide(count: int) -> bool:
        shown = text[:count].rstrip() + end if end else text[:count]
        return text_width(shown, size, family) > width

    return bisect.bisect_left(range(1, len(text) + 1), True, key=too_wide)


def fitting(names: Sequence[str], width: float, size: float, family: str = DEFAULT_FONT) -> str:
    """The first of several ways to say the same that fits on a line; the last, shortened, where none does."""
    for words in names:
        if text_width(words, size, family) <= width:
            return words
    return shortened(names[-1], width, size, family) if names else ""


def count_lines(text: str) -> int:
    """How many lines a text has; none has 0."""
    return text.count("\n") + 1 if text else 0
