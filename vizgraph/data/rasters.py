"""An image as arrays of named bands, from any source, with what had to be guessed about it said in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from vizgraph.data.meanings import profiled, white_is_zero
from vizgraph.errors import ImageError, UsageError

Range = tuple[float, float]
RGB, RGBA = ("red", "green", "blue"), ("red", "green", "blue", "alpha")
GRAY = ("gray",)
_SHORT = 65535
_MOST_BANDS = 64
_STRIP = 2**22
"""Pixels that are worked on at a time, so that a large image is never there twice."""
_MOSTLY = 0.5
"""Share of a fourth band that must be quite transparent or quite opaque for it to be transparency."""


@dataclass(frozen=True, eq=False)
class Raster:
    """An upright image of C bands.

    Attributes:
        values: (H, W, C) uint8.
        bands: their names, "red", "green", "blue", "alpha", "gray", or "band 4" where nothing says what one is.
        notes: what was guessed or left out, in sentences without a subject: "of its 12 frames the first is taken".
        sha256: of the file it was read from; "" where it was not asked for.
    """

    values: np.ndarray
    bands: tuple[str, ...]
    notes: tuple[str, ...] = ()
    sha256: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.values.shape[0], self.values.shape[1]

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 as people see it: transparency laid on white, one band as gray, of more the colors."""
        if self.bands == RGB:
            return self.values
        if self.bands == RGBA:
            return _on_white(self.values)
        if len(self.bands) < 3:
            return np.repeat(self.values[..., :1], 3, axis=2)
        places = [self.bands.index(name) if name in self.bands else place for place, name in enumerate(RGB)]
        return np.ascontiguousarray(self.values[..., places])

    def channels(self, count: int, bands: Sequence[str | int] | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
        """What a network of `count` channels is given, and what was guessed.

        Args:
            count: channels of the network.
            bands: which bands, by name or by number from 1, in the network's order. None lets three be the colors, one
                be gray, and any other number all bands in the order of the file, which must be as many.

        Returns:
            (H, W, count) uint8, and notes.

        Raises:
            ImageError: the bands are not as many as the channels.
            UsageError: there is no such band.
        """
        if bands is not None and set(map(str, bands)) <= set(self.bands) | {str(n + 1) for n in range(len(self.bands))}:
            picked = self.values[..., [self._place(name) for name in bands]]
            if picked.shape[2] != count:
                raise UsageError(f"`bands` names {picked.shape[2]} bands, and the network takes {count} channels")
            return np.ascontiguousarray(picked), ()
        if bands is not None:
            unknown = [str(name) for name in bands if not self._has(name)]
            raise UsageError(f"`bands`: the image has no {', '.join(unknown)}; it has {', '.join(self.bands)}")
        if count == 3:
            return self.rgb(), ()
        if count == 1:
            gray = self.values if len(self.bands) == 1 else np.asarray(Image.fromarray(self.rgb()).convert("L"))
            return gray.reshape(*self.size, 1), ()
        if len(self.bands) != count:
            have = "1 band" if len(self.bands) == 1 else f"{len(self.bands)} bands"
            raise ImageError(
                f"it has {have} ({', '.join(self.bands)}), and the network takes {count} channels; give it an image of "
                f"{count} bands, or choose some by bands="
            )
        return self.values, (f"its bands {', '.join(self.bands)} are taken for the network's channels in this order",)

    def _has(self, band: str | int) -> bool:
        return str(band) in self.bands or str(band) in {str(place + 1) for place in range(len(self.bands))}

    def _place(self, band: str | int) -> int:
        return self.bands.index(str(band)) if str(band) in self.bands else int(band) - 1


def _on_white(values: np.ndarray) -> np.ndarray:
    """(H, W, 3) of (H, W, 4) with transparency, a strip at a time."""
    height, width = values.shape[:2]
    result = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        part = Image.fromarray(np.ascontiguousarray(values[top : top + rows]), "RGBA")
        white = Image.new("RGBA", part.size, "white")
        result[top : top + rows] = np.asarray(Image.alpha_composite(white, part).convert("RGB"))
    return result


def from_pil(image: Image.Image, *, value_range: Range | None = None, shrink: int = 1, bits: int = 0) -> Raster:
    """A decoded PIL image of any mode.

    Args:
        value_range: (black, white) of values of more than 8 bits; None lets `_eight_bits` say it.
        shrink: each so many rows and columns become one, their mean.
        bits: significant bits of 16-bit values, where the file says it; 0 where it does not.
    """
    notes: list[str] = []
    if image.mode.startswith("I") or image.mode == "F":
        values, note = _deep(image, value_range, shrink, bits)
        notes += note
        if image.mode.startswith("I;16") and white_is_zero(image):
            values = 255 - values
        bands: tuple[str, ...] = GRAY
    else:
        mode, bands = _target(image)
        notes += profiled(image)
        values = _by_strips(image, mode, shrink)
        if image.format == "TIFF" and bands == RGBA:
            bands, note = _fourth_band(values)
            notes += note
    turned = np.ascontiguousarray(_upright(image, values))
    return Raster(turned.reshape(*turned.shape[:2], len(bands)), bands, tuple(notes))


def _target(image: Image.Image) -> tuple[str, tuple[str, ...]]:
    """The mode that an image of at most 8 bits is converted to, and its bands."""
    if image.mode == "RGBX":
        return "RGBX", (*RGB, "band 4")
    if image.has_transparency_data:
        return "RGBA", RGBA
    if image.mode in ("1", "L"):
        return "L", GRAY
    return "RGB", RGB


def _fourth_band(values: np.ndarray) -> tuple[tuple[str, ...], list[str]]:
    """Whether the fourth band that a TIFF calls transparency is that: many programs call near infrared so.

    Transparency is mostly none or all; a band of light is anything between.
    """
    fourth = values[..., 3]
    plain = float(((fourth == 0) | (fourth == 255)).mean())
    if plain == 1.0 and bool((fourth == 255).all()):
        return RGBA, []
    if plain >= _MOSTLY:
        note = "its fourth band is called transparency and laid on white; bands= takes others"
        return RGBA, [note]
    note = (
        "its fourth band is called transparency, but by its values is a band of its own (near infrared?): left out of "
        "the colors; bands= takes others"
    )
    return (*RGB, "band 4"), [note]


def _by_strips(image: Image.Image, mode: str, shrink: int) -> np.ndarray:
    """(h, w) or (h, w, C) uint8 in another mode, a strip at a time, made smaller on the way."""
    width, height = image.size
    rows = max(shrink, _STRIP // max(1, width) // shrink * shrink)
    parts = []
    for top in range(0, height, rows):
        whole = top == 0 and rows >= height
        part = image if whole else image.crop((0, top, width, min(height, top + rows)))
        part = part if part.mode == mode else part.convert(mode)
        parts.append(np.asarray(part.reduce(shrink) if shrink > 1 else part))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _deep(image: Image.Image, value_range: Range | None, shrink: int, bits: int) -> tuple[np.ndarray, list[str]]:
    """(h, w) uint8 of an image of one band of more than 8 bits."""
    if image.mode.startswith("I;16"):
        native = image if image.mode == "I;16" else image.convert("I;16") if image.mode != "I;16B" else image
        width, height = native.size
        rows = max(shrink, _STRIP // max(1, width) // shrink * shrink)
        dtype = np.dtype(">u2") if native.mode == "I;16B" else np.dtype("<u2")
        parts, highest = [], 0
        table: np.ndarray | None = None
        for top in range(0, height, rows):
            part = native.crop((0, top, width, min(height, top + rows)))
            values = np.frombuffer(part.tobytes(), dtype).reshape(part.height, width)
            highest = max(highest, int(values.max()))
            if table is None:
                full = float(2**bits - 1) if 8 < bits < 16 else float(_SHORT)
                low, high = value_range or (0.0, full)
                table = _scaled(np.arange(_SHORT + 1, dtype=np.float64), low, high)
            small = Image.fromarray(table[values])
            parts.append(np.asarray(small.reduce(shrink) if shrink > 1 else small))
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return joined, [] if value_range or bits else _dark(highest)
    small = image.reduce(shrink) if shrink > 1 else image
    return _eight_bits(np.asarray(small), value_range)


def _dark(highest: int) -> list[str]:
    """What to say of 16-bit values that use a small part of their range."""
    if not 1 < highest < 4096:
        return []
    bits = max(8, highest.bit_length())
    note = f"its values end at {highest} of {_SHORT}, as those of {bits} bits do, and so it is nearly "
    return [note + f"black: value_range=(0, {2**bits - 1}) shows them"]


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 of values from `low`, which becomes black, to `high`, white."""
    scale = 255.0 / max(high - low, 1e-12)
    result: np.ndarray = np.clip(np.rint((values - low) * scale), 0, 255).astype(np.uint8)
    return result


def _eight_bits(values: np.ndarray, value_range: Range | None = None) -> tuple[np.ndarray, list[str]]:
    """Values of any type as uint8, and what was guessed.

    16-bit values are divided by their full range. 32-bit and floating values have no range of their own: within
    0..65535 or 0..1 (or 0..255) that range is taken, otherwise that from their smallest to their largest.
    """
    notes: list[str] = []
    if values.dtype == np.uint8 and value_range is None:
        return values, notes
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255), notes
    floating = np.issubdtype(values.dtype, np.floating)
    if floating and not bool(np.isfinite(values).all()):
        notes.append(f"{int((~np.isfinite(values)).sum())} of its values are no numbers, and black")
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if value_range is not None:
        return _by_rows(values, *value_range), notes
    low, high = float(values.min()), float(values.max())
    full = float(_SHORT)
    if floating:
        full = 255.0 if 1.0 < high <= 255.0 else 1.0
    if low >= 0 and high <= full:
        notes += _dark(int(high)) if values.dtype == np.uint16 else []
        low, high = 0.0, full
    else:
        notes.append(f"its values say no range: {low:g} is black and {high:g} is white; value_range= says otherwise")
    return _by_rows(values, low, high), notes


def _by_rows(values: np.ndarray, low: float, high: float) -> np.ndarray:
    result = np.empty(values.shape, np.uint8)
    rows = max(1, _STRIP // max(1, int(np.prod(values.shape[1:]))))
    for top in range(0, len(values), rows):
        result[top : top + rows] = _scaled(values[top : top + rows].astype(np.float64), low, high)
    return result


def _upright(image: Image.Image, values: np.ndarray) -> np.ndarray:
    """Values turned as the image's EXIF orientation says; one that cannot be read says nothing."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # whatever a damaged block makes the parser raise
        return values
    turned = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }.get(orientation)
    return values if turned is None else turned(values)


def from_array(array: Any, *, value_range: Range | None = None) -> Raster:
    """An array or tensor: (H, W), (H, W, C), or (C, H, W) where only that can be meant; of any type of number.

    Raises:
        UsageError: it has another shape, or no values.
    """
    tensor = hasattr(array, "detach")
    if tensor and array.dtype.is_floating_point and array.dtype.itemsize < 4:
        array = array.float()  # NumPy has no bfloat16
    values = np.asarray(array.detach().cpu().numpy() if tensor else array)
    shape = values.shape
    notes: list[str] = []
    if values.ndim == 4 and shape[0] == 1:
        values = values[0]
    if values.ndim == 2:
        values = values[..., None]
    first = values.ndim == 3 and values.shape[0] <= _MOST_BANDS
    if first and (values.shape[2] > _MOST_BANDS or (tensor and values.shape[2] > 4)):
        values = np.moveaxis(values, 0, 2)
        notes += [] if tensor else [f"its shape {shape} was read as channels, rows, columns"]
    if values.ndim != 3 or values.shape[2] > _MOST_BANDS or not values.size or values.dtype.kind not in "buif":
        raise UsageError(
            f"an image must be (height, width), (height, width, channels) or (channels, height, width) numbers (got "
            f"{shape} {values.dtype})"
        )
    wide = value_range is None and values.dtype.kind in "iu" and values.dtype.itemsize > 2
    if wide and values.min() >= 0 and values.max() <= 255:
        notes.append("its whole numbers lie within 0..255 and were read as those of 8 bits")
        values = values.astype(np.uint8)
    eight, note = _eight_bits(np.ascontiguousarray(values), value_range)
    names = {1: GRAY, 3: RGB, 4: RGBA}.get(eight.shape[2], tuple(f"band {n + 1}" for n in range(eight.shape[2])))
    if names == RGBA:
        notes.append("its fourth channel was read as transparency; bands= says otherwise")
    return Raster(eight, names, (*notes, *note))


def as_rgb(image: Image.Image) -> np.ndarray:
    """(height, width, 3) uint8 of a decoded PIL image of any mode, as `open_image` says."""
    return from_pil(image).rgb()
