"""What a file says its numbers mean: whether zero is white, and of which profile its colors are."""

from __future__ import annotations

from typing import Any

from PIL import Image

from viz_nodes.text import one_line, shortened

_PHOTOMETRIC = 262
"""TIFF's tag that says what its values mean."""


def white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF's smallest values are white, as many scanners of films write them; PIL minds that up to 8 bits."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC, 1) == 0


def profiled(image: Image.Image) -> list[str]:
    """What to say of colors that are not those of screens: they are read as if they were, as in training everywhere."""
    name = profile_name(image.info.get("icc_profile"))
    if not name or "srgb" in name.lower().replace(" ", "") or image.mode in ("1", "L", "LA"):
        return []
    return [f"its colors are those of the profile {shortened(name, 60)!r}, and were read as sRGB's"]


def profile_name(profile: Any) -> str:
    """What an ICC profile calls itself; "" where that cannot be read."""
    if not isinstance(profile, bytes) or len(profile) < 132:
        return ""
    for entry in range(min(int.from_bytes(profile[128:132]), 100)):
        tag = profile[132 + 12 * entry : 144 + 12 * entry]
        if tag[:4] != b"desc":
            continue
        start, size = int.from_bytes(tag[4:8]), min(int.from_bytes(tag[8:12]), 1000)
        text = profile[start : start + size]
        if text[:4] == b"desc":  # version 2
            return _name(text[12 : 12 + min(int.from_bytes(text[8:12]), 200)].decode("ascii", "ignore"))
        if text[:4] == b"mluc":  # version 4
            length, offset = int.from_bytes(text[20:24]), int.from_bytes(text[24:28])
            return _name(text[offset : offset + min(length, 400)].decode("utf-16-be", "ignore"))
    return ""


def _name(text: str) -> str:
    return one_line(text.split("\0", 1)[0])
