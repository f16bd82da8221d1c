"""Widths of the page, by the names that venues use."""

from __future__ import annotations

import difflib

from viz_nodes.text import quoted

WIDTHS = {
    "column": 3.3,
    "page": 6.9,
    "cvpr": 3.25,
    "cvpr-page": 6.875,
    "ieee": 3.5,
    "ieee-page": 7.16,
    "acm": 3.33,
    "acm-page": 7.0,
    "neurips": 5.5,
    "iclr": 5.5,
    "icml": 3.25,
    "icml-page": 6.75,
    "eccv": 4.8,
    "elsevier": 90 / 25.4,
    "elsevier-page": 190 / 25.4,
    "nature": 89 / 25.4,
    "nature-page": 183 / 25.4,
    "slide": 10.0,
}
"""Widths in inches. "column" and "page" fit all two-column venues here within a twentieth of an inch of white."""
LETTERS = 6.5
"""Points of letters in print."""
SLIDE_LETTERS = 15.0
"""Points of letters on a slide 10 inches wide, which is projected."""
_PAGE, _PAGE_HEIGHT, _SLIDE_HEIGHT = 7.6, 8.8, 5.4


def width_in_inches(width: str | float) -> float:
    """A width by name ("column", "page", "neurips", ...), in mm ("84mm" or the number 84), or in inches ("3.3in").

    Raises:
        ValueError: an unknown name, or a width that is no page's (below 15 mm or above 2 m).
    """
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    try:
        if isinstance(width, str) and width.endswith("in"):
            inches = float(width[:-2])
        else:
            inches = float(width[:-2] if isinstance(width, str) and width.endswith("mm") else width) / 25.4
    except (ValueError, TypeError):
        near = difflib.get_close_matches(str(width), WIDTHS, n=2)
        hint = f"; did you mean {' or '.join(near)}?" if near else f"; names are {', '.join(WIDTHS)}"
        raise ValueError(
            f'`width` must be a name, millimeters, or inches as "3.3in" (got {quoted(width)}){hint}'
        ) from None
    if not 15 / 25.4 <= inches <= 2000 / 25.4:
        raise ValueError(f"`width` must lie between 15 and 2000 mm (got {quoted(width)}, {inches * 25.4:.4g} mm)")
    return inches


def letters_of(width: str | float) -> float:
    """Points of letters that suit a width: those of a paper, on a slide those of a slide."""
    return SLIDE_LETTERS if width == "slide" else LETTERS


def page_height(width: str | float) -> float:
    """Inches that a figure of this width may be high: a page of a paper, a slide, or what a poster's width suggests."""
    if width == "slide":
        return _SLIDE_HEIGHT
    inches = width_in_inches(width)
    return _PAGE_HEIGHT if inches <= _PAGE else inches * _PAGE_HEIGHT / _PAGE
