"""Text of any origin as one line."""

from __future__ import annotations


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
