"""Letters of any script: which installed fonts have them, how wide they are, and what TeX has to be spared."""

from __future__ import annotations

import functools
import unicodedata
import warnings
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, fontManager, get_font
from matplotlib.ft2font import LoadFlags

from viz_nodes.text import quoted

DEFAULT_FONT = "DejaVu Sans"
LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
_PACKAGES = {
    "CJK": "fonts-noto-cjk (Fedora: google-noto-sans-cjk-fonts; macOS and Windows have such fonts)",
    # Color fonts such as Noto Color Emoji hold pictures, which matplotlib does not draw.
    "emoji": "fonts-symbola (Fedora: gdouros-symbola-fonts; a font of outlines, as color ones cannot be used)",
    "": "fonts-noto-core (Fedora: google-noto-sans-fonts)",
}
_CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")
_PREFERRED = ("noto sans", "dejavu", "liberation", "arial", "segoe", "helvetica", "pingfang", "hiragino", "microsoft")
_EMOJI = range(0x1F000, 0x1FB00)
_EMPTY = ("last resort", "color emoji", "colrv1")
"""Fonts that say they have characters and draw none."""
_AVOIDED = ("mono", "serif", "bold", "italic")
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "·": r"\textperiodcentered{}",
    "…": r"\ldots{}",
    "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}",
    "×": r"\ensuremath{\times}",
}


@functools.lru_cache(maxsize=64)
def _file_of(family: str) -> str | None:
    """The regular face of an installed family, None where there is none of this name."""
    try:
        return str(fontManager.findfont(FontProperties(family=[family]), fallback_to_default=False))
    except ValueError:
        return None


@functools.lru_cache(maxsize=64)
def installed(family: str) -> str:
    """The family, or the default one with a warning where it is not installed.

    Raises:
        ValueError: nothing; a missing font is no reason to draw nothing.
    """
    if family in ("sans-serif", "serif", "monospace", "cursive", "fantasy") or _file_of(family) is not None:
        return family
    warnings.warn(f"font {quoted(family)} is not installed; {DEFAULT_FONT} is used", stacklevel=2)
    return DEFAULT_FONT


@functools.lru_cache(maxsize=256)
def _has(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())


def _suits(name: str, path: str) -> tuple[int, int, str]:
    """Sort key of fonts that could stand in: sans-serif families that most systems have first."""
    low = f"{name} {path.rpartition('/')[2]}".lower()
    family = next((place for place, words in enumerate(_PREFERRED) if words in low), len(_PREFERRED))
    return sum(words in low for words in _AVOIDED), family, name


@functools.lru_cache(maxsize=512)
def _family_with(code: int) -> str | None:
    """The installed family to take a character from that the wanted font lacks."""
    entries = {
        (entry.name, entry.fname)
        for entry in fontManager.ttflist
        if entry.style == "normal" and str(entry.weight) in ("400", "normal", "regular")
    }
    for name, path in sorted(entries, key=lambda entry: _suits(*entry)):
        if any(words in name.lower() for words in _EMPTY):
            continue
        try:
            if code in _has(path):
                return name
        except (OSError, RuntimeError):
            continue
    return None


@functools.lru_cache(maxsize=4096)
def families_for(text: str, family: str = DEFAULT_FONT) -> tuple[str, ...]:
    """The family, and behind it those that have the characters it lacks, for matplotlib's fallback."""
    first = _file_of(installed(family))
    known = frozenset() if first is None else _has(first)
    missing = sorted({char for char in text if ord(char) not in known and not _unseen(char)})
    families = [installed(family)]
    lost = []
    for char in missing:
        other = _family_with(ord(char))
        if other is None:
            lost.append(char)
        elif other not in families:
            families.append(other)
    if lost:
        _warn_of("".join(lost))
    return tuple(families)


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Cc", "Zs", "Mn")


_TOLD: set[str] = set()
"""Packages that a warning named, so that a figure of a hundred such labels has one warning."""


def _warn_of(characters: str) -> None:
    packages = dict.fromkeys(_PACKAGES[_script_of(char)] for char in characters)
    if _TOLD.issuperset(packages):
        return
    _TOLD.update(packages)
    shown = characters[:8] + ("…" if len(characters) > 8 else "")
    warnings.warn(
        f"no installed font has the characters {shown}, which are drawn as boxes; install a font package such as "
        f"{' and '.join(packages)}",
        stacklevel=2,
    )


def _script_of(char: str) -> str:
    """A key of `_PACKAGES`."""
    if ord(char) in _EMOJI:
        return "emoji"
    return "CJK" if any(word in unicodedata.name(char, "") for word in _CJK) else ""


@functools.lru_cache(maxsize=8192)
def text_width(text: str, size: float, family: str = DEFAULT_FONT) -> float:
    """Width in points of one line of text, from the fonts' metrics; a character that none has counts as a square."""
    paths = [path for name in families_for(text, family) if (path := _file_of(name)) is not None]
    font: Any = get_font(paths)
    font.set_size(size, 720)
    covered = frozenset().union(*(_has(path) for path in paths))
    known = "".join(char for char in text if ord(char) in covered)
    # As files are drawn; hinted letters are narrower here, and lines would run over the edge.
    font.set_text(known, 0.0, flags=LoadFlags.NO_HINTING)
    lost = sum(1 for char in text if ord(char) not in covered and not _unseen(char))
    return float(font.get_width_height()[0] / 640.0 + size * lost)


def right_to_left(text: str) -> bool:
    """Whether some of its letters run from right to left."""
    return any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)


def directed(text: str) -> str:
    """Text in which right-to-left words stand right and the sentence around them still runs from the left.

    matplotlib lays out such words itself from 3.11 on; before, `python-bidi` is used where it is installed.
    """
    if not right_to_left(text):
        return text
    lines = [LEFT_TO_RIGHT + line for line in text.split("\n")]
    if _lays_out():
        return "\n".join(lines)
    try:
        from bidi.algorithm import get_display  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        _warn_of_direction()
        return text
    return "\n".join(str(get_display(line)).replace(LEFT_TO_RIGHT, "") for line in lines)


@functools.lru_cache(maxsize=1)
def _warn_of_direction() -> None:
    warnings.warn("right-to-left words need matplotlib 3.11 or newer, or python-bidi", stacklevel=2)


def _lays_out() -> bool:
    return tuple(int(part) for part in mpl.__version__.split(".")[:2]) >= (3, 11)


def can_be_tex(text: str) -> bool:
    """Whether LaTeX's own fonts have all of it: Latin letters and what `as_tex` spells out."""
    return all(ord(char) < 0x180 or char in _TEX for char in text)


def as_tex(text: str) -> str:
    """Text for LaTeX, nothing in it a command: "62 %" becomes "62~\\%", so that what follows is no comment."""
    return "".join(_TEX.get(char, char) for char in text)
