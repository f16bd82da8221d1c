"""Text of any origin as one line."""

from __future__ import annotations

LONGEST_TITLE = 1000
"""Characters of a heading: more would leave no room for what it is about."""


def one_line(text: object) -> str:
    """Text as one line that any terminal can show: control characters and undecodable bytes escaped."""
    line = " ".join(str(text).split())
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in line
    )


def well_formed(text: object) -> str:
    """Text that UTF-8 and XML can hold: lone surrogates, control characters, U+FFFE and U+FFFF escaped."""
    return "".join(
        char
        if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff\x7f")
        else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in str(text)
    )


def shortened(text: object, most: int = 200) -> str:
    """Text of at most so many characters: the middle is left out, and how long it was is said."""
    whole = str(text)
    if len(whole) <= most:
        return whole
    omission = f"... ({len(whole):,} characters) ..."
    rest = most - len(omission)
    return f"{whole[: rest - rest // 3]}{omission}{whole[len(whole) - rest // 3 :]}"


def quoted(value: object) -> str:
    """A value that somebody gave, as an error quotes it: its `repr`, shortened."""
    try:
        return shortened(repr(value))
    except Exception:  # an object of a user's own
        return f"a {type(value).__name__}"
