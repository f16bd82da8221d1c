"""How to read an image, and how large it may be: what decoding takes is computed before anything is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vizgraph.data.rasters import Range

MAX_PIXELS = 178_956_970
"""Images with more pixels are refused, unless `max_pixels` allows them."""
MAX_MEMORY = 640_000_000
"""Bytes that decoding may take where `max_pixels` does not say otherwise: pixels times what each takes."""
WORKING_PIXELS = 40_000_000
"""Images with more pixels are made smaller by a whole factor when they are decoded: no network sees that many."""
MOST_BANDS = 64
"""Pages of a stack that may be the bands of one image."""


@dataclass(frozen=True)
class Reading:
    """How to read an image.

    Attributes:
        channels: of the network it is for: a stack of so many gray pages is read as one image of so many bands.
        frame: which of several frames or pages, from 1.
        value_range: (black, white) of values of more than 8 bits.
        max_pixels: how many pixels are allowed, whatever memory they take; None for `MAX_PIXELS` within `MAX_MEMORY`.
        digest: whether to hash the file that is decoded.
        header_only: whether to decode nothing, only to refuse what would be refused before that.
    """

    channels: int = 3
    frame: int = 1
    value_range: Range | None = None
    max_pixels: int | None = None
    digest: bool = False
    header_only: bool = False


AS_USUAL = Reading()


def shrink_factor(size: tuple[int, int]) -> int:
    """By how much rows and columns are to be fewer, so that no more than `WORKING_PIXELS` are left."""
    factor = math.ceil(math.sqrt(size[0] * size[1] / WORKING_PIXELS))
    return max(1, min(factor, *size))


def too_large(allowed: int) -> str:
    return (
        f"it has more than the {allowed:,} pixels that are allowed for an image of its kind; make it smaller, or allow "
        "more (--max-pixels, max_pixels=)"
    )
