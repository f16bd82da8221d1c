"""Shapes of the stickers as distance fields: handwritten and typeset digits, letters, symbols, brush strokes.

A shape is kept as signed distances to its outline, so that one small array gives crisp edges at any size, strokes of
any weight and borders of any width.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from viz_nodes.text import quoted
from vizgraph.data.scenes.extras import require

CANVAS = 128
"""Side of a field, in cells."""
HEIGHT = 80
"""Height of a glyph in its field, in cells."""
LEVELS = 6
"""Steps of a uint8 field a cell; 128 is the outline, larger is inside."""
REACH = 16
"""How far, in cells, the die-cut line is kept outside the glyph: the largest weight + border."""
_FINE = 2

SPLITS = ("train", "val", "test")
FONTS: dict[str, tuple[str, ...]] = {
    "train": (
        "DejaVuSans",
        "DejaVuSans-Bold",
        "DejaVuSans-Oblique",
        "DejaVuSans-BoldOblique",
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
        "STIXGeneral",
        "STIXGeneralBol",
        "STIXGeneralItalic",
        "STIXGeneralBolIta",
        "cmr10",
        "cmb10",
    ),
    "val": ("cmtt10", "cmti10"),
    "test": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic", "cmss10"),
}
"""Fonts in matplotlib's wheel, no family in two splits."""
WRITTEN: dict[str, range] = {"train": range(1200), "val": range(1200, 1440), "test": range(1440, 1797)}
"""Samples of scikit-learn's handwritten digits; they come writer after writer, so the splits have different hands."""
_HOLES = {0: 1, 6: 1, 8: 2, 9: 1}
LETTERS = "AEFHKMNRUVWXfhkmnrtwx"
"""No letter that may pass for a digit at an angle of 35 degrees."""
SYMBOLS = "★♥♣♠♫♪☀☁☂☎✈✂✿❄☕⚓✚➜⬆☺☾⚑✦❖♨✏✌♛⚙✉"
_SYMBOL_FONT = "DejaVuSans"


@dataclass(frozen=True, eq=False)
class Shape:
    """A shape as two distance fields.

    Attributes:
        fields: (CANVAS, CANVAS, 2) uint8: distance to the glyph's outline, and to the outline of the glyph with holes
            and nooks filled, which a die-cut line follows at a distance.
        key: what it is made from, such as ("written", 17).
        thickness: half the width of its widest stroke, in cells.
    """

    fields: np.ndarray
    key: tuple[Any, ...]
    thickness: float


def _signed(inside: np.ndarray) -> np.ndarray:
    """Signed distance to the outline of a boolean mask in its own pixels, positive inside."""
    mask = inside.astype(np.uint8)
    return cv2.distanceTransform(mask, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)


def _fields(inside: np.ndarray) -> np.ndarray:
    """Both fields of a boolean mask drawn `_FINE` times as large as a field."""
    glyph = _signed(inside)
    reach = REACH * _FINE
    grown = (glyph > -reach).astype(np.uint8)
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(grown, outlines, -1, 1, cv2.FILLED)
    both = np.stack([glyph, _signed(grown > 0) - reach], axis=-1) / _FINE
    small = cv2.resize(both, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(128 + small * LEVELS), 0, 255).astype(np.uint8)


def _centered(coverage: np.ndarray, height: float = HEIGHT, width: float = HEIGHT * 1.1) -> np.ndarray:
    """A tightly cropped uint8 drawing made to fit (height, width) cells, in the middle of a fine canvas, as a mask."""
    rows, cols = coverage.shape
    scale = min(height * _FINE / rows, width * _FINE / cols)
    side = CANVAS * _FINE
    middle = np.array([[scale, 0, (side - scale * cols) / 2], [0, scale, (side - scale * rows) / 2]])
    if scale < 1:
        coverage = cv2.GaussianBlur(cv2.copyMakeBorder(coverage, 8, 8, 8, 8, cv2.BORDER_CONSTANT), (0, 0), 0.4 / scale)
        middle[:, 2] -= 8 * scale
    return cv2.warpAffine(coverage, middle, (side, side), flags=cv2.INTER_LINEAR) > 127


def _shape(inside: np.ndarray, key: tuple[Any, ...]) -> Shape:
    fields = _fields(inside)
    return Shape(fields, key, (float(fields[..., 0].max()) - 128) / LEVELS)


@functools.cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")), size)


@functools.lru_cache(maxsize=1024)
def typeset(font: str, character: str) -> Shape:
    """A character of one of matplotlib's fonts."""
    face = _font(font, 320)
    left, top, right, bottom = face.getbbox(character)
    sheet = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(sheet).text((1 - left, 1 - top), character, fill=255, font=face)
    box = sheet.getbbox()
    if box is None:
        raise ValueError(f"the font {font} has no glyph for {quoted(character)}")
    return _shape(_centered(np.asarray(sheet.crop(box))), ("typeset", font, character))


@functools.lru_cache(maxsize=1)
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Handwritten digits (1797, 8, 8) in 0..1, their labels, and which of them are written clearly.

    Clear is a digit whose 6 nearest others in the whole collection all carry its label: what is left out is what
    readers disagree about.
    """
    bunch = require("sklearn.datasets").load_digits()
    images, labels = bunch.images.astype(np.float32) / 16, bunch.target
    flat = images.reshape(len(images), -1)
    squares = (flat**2).sum(1)
    distance = squares[:, None] + squares[None] - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argpartition(distance, 6, axis=1)[:, :6]
    return images, labels, (labels[nearest] == labels[:, None]).all(axis=1)


@functools.cache
def written_samples(split: str, digit: int) -> tuple[int, ...]:
    """The handwritten samples of a digit in a split, but for those that readers disagree about."""
    _, labels, clear = _digits()
    return tuple(i for i in WRITTEN[split] if labels[i] == digit and clear[i])


def _ink(gray: np.ndarray, cell: int, even: bool) -> np.ndarray:
    """Smooth ink, about 0..1, of an 8 x 8 image drawn with `cell` pixels a cell and a margin of two cells.

    Args:
        even: measure ink against the darkest nearby, so that faint strokes count as much as strong ones.
    """
    margin = cv2.copyMakeBorder(gray, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    ink = cv2.GaussianBlur(
        cv2.resize(margin, None, fx=cell, fy=cell, interpolation=cv2.INTER_LANCZOS4), (0, 0), 0.22 * cell
    )
    if even:
        nearby = cv2.dilate(ink, np.ones((int(2.4 * cell),) * 2, np.uint8))
        ink = ink / np.maximum(cv2.GaussianBlur(nearby, (0, 0), 0.8 * cell), 0.5)
    return ink


def _holes(stroke: np.ndarray) -> list[int]:
    """Areas of the holes of a stroke, which must be of one piece (otherwise a list with a hole of no area)."""
    pieces, _ = cv2.connectedComponents(stroke)
    if pieces != 2:
        return [0]
    count, _, stats, _ = cv2.connectedComponentsWithStats(1 - stroke, connectivity=4)
    outside = int(stats[1:, cv2.CC_STAT_AREA].argmax()) + 1
    return [int(stats[part, cv2.CC_STAT_AREA]) for part in range(1, count) if part != outside]


def _legible(stroke: np.ndarray, cell: int, holes: int) -> bool:
    """Whether a stroke has the holes of its digit, none of them tiny, and is a line rather than a lump."""
    inside = _holes(stroke)
    if len(inside) != holes or any(area < 0.5 * cell * cell for area in inside):
        return False
    half = float(cv2.distanceTransform(stroke, cv2.DIST_L2, 5).max())
    edges, _ = cv2.findContours(stroke, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    around = sum(cv2.arcLength(edge, True) for edge in edges)
    # A line of even width has an area of half its width times its outline, and is some widths long.
    even = half * around / float(stroke.sum()) < 1.72
    return even and around > 4.6 * 4 * half and 0.6 * cell < half < 1.3 * cell


@functools.cache
def _reading(sample: int) -> tuple[bool, float] | None:
    """(even, threshold) at which a sample is legible as its digit, the finest such line; None where there is none."""
    images, labels, _ = _digits()
    cell, holes = 10, _HOLES.get(int(labels[sample]), 0)
    for even in (True, False):
        ink = _ink(images[sample], cell, even)
        for threshold in (0.68, 0.62, 0.56, 0.5):
            if _legible((ink > threshold).astype(np.uint8), cell, holes):
                return even, threshold
    return None


@functools.lru_cache(maxsize=1024)
def written(sample: int) -> Shape | None:
    """One of scikit-learn's handwritten digits, its 8 x 8 gray values made the smooth stroke of a brush.

    Returns:
        None where 8 x 8 pixels hold too little to draw a legible digit: no threshold gives one line with as many holes
        as the digit has.
    """
    reading = _reading(sample)
    if reading is None:
        return None
    even, threshold = reading
    stroke = (_ink(_digits()[0][sample], HEIGHT * _FINE // 8, even) > threshold).astype(np.uint8)
    left, top, wide, high = cv2.boundingRect(stroke)
    shape = _shape(_centered(stroke[top : top + high, left : left + wide] * np.uint8(255)), ("written", sample))
    holes = _HOLES.get(int(_digits()[1][sample]), 0)
    glyph = shape.fields[..., 0].astype(int) - 128
    # Printed a little bolder or finer, a ring must stay a ring.
    robust = all(len(_holes((glyph > cells * LEVELS).astype(np.uint8))) == holes for cells in (-0.8, 0.6))
    return shape if robust else None


def symbol(character: str) -> Shape:
    """A pictograph of `SYMBOLS`."""
    return typeset(_SYMBOL_FONT, character)


@functools.lru_cache(maxsize=512)
def blob(variant: int) -> Shape:
    """A plain rounded patch; another variant has another outline."""
    rng = np.random.default_rng([0, variant])
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(2, 6):
        radius += rng.uniform(-0.22, 0.22) / wave * 2 * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    side = CANVAS * _FINE
    points = np.stack([np.cos(angle) * rng.uniform(0.8, 1), np.sin(angle) * rng.uniform(0.8, 1)], axis=1)
    points = side / 2 + points * radius[:, None] * (HEIGHT * _FINE * 0.42)
    sheet = np.zeros((side, side), np.uint8)
    cv2.fillPoly(sheet, [np.rint(points).astype(np.int32)], 1)
    return _shape(sheet > 0, ("blob", variant))


_STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "zigzag": [[(0.0, 0.35), (0.17, 0.65), (0.34, 0.35), (0.5, 0.65), (0.67, 0.35), (0.84, 0.65), (1.0, 0.35)]],
    "cross": [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
    "plus": [[(0.5, 0.0), (0.5, 1.0)], [(0.0, 0.5), (1.0, 0.5)]],
    "triangle": [[(0.5, 0.05), (1.0, 0.95), (0.0, 0.95), (0.5, 0.05)]],
    "square": [[(0.08, 0.1), (0.92, 0.08), (0.9, 0.92), (0.1, 0.9), (0.08, 0.1)]],
    "arrow": [[(0.0, 0.5), (1.0, 0.5)], [(0.62, 0.15), (1.0, 0.5), (0.62, 0.85)]],
    "hash": [[(0.3, 0.0), (0.2, 1.0)], [(0.7, 0.0), (0.7, 1.0)], [(0.0, 0.3), (1.0, 0.3)], [(0.0, 0.7), (1.0, 0.7)]],
    "bars": [[(0.0, 0.25), (1.0, 0.25)], [(0.0, 0.75), (1.0, 0.75)]],
    "tree": [[(0.5, 0.0), (0.5, 1.0)], [(0.1, 0.55), (0.5, 0.2), (0.9, 0.55)], [(0.1, 0.95), (0.5, 0.6), (0.9, 0.95)]],
    "asterisk": [[(0.5, 0.0), (0.5, 1.0)], [(0.07, 0.25), (0.93, 0.75)], [(0.93, 0.25), (0.07, 0.75)]],
}
"""Brush strokes in the unit square that form no digit."""


@functools.lru_cache(maxsize=512)
def brush(variant: int) -> Shape:
    """A sign that is no digit, of the handwritten digits' brush; another variant is another sign or another hand."""
    rng = np.random.default_rng([1, variant])
    name = list(_STROKES)[variant % len(_STROKES)]
    side, height = CANVAS * _FINE, HEIGHT * _FINE
    sheet = np.zeros((side, side), np.uint8)
    width = int(rng.integers(16, 30))
    stretch = rng.uniform(0.75, 1.0, 2)
    for stroke in _STROKES[name]:
        points = np.array(stroke) + rng.normal(0, 0.035, (len(stroke), 2))
        points = side / 2 + (points - 0.5) * stretch * (height - width)
        cv2.polylines(sheet, [np.rint(points).astype(np.int32)], False, 255, width, cv2.LINE_AA)
    return _shape(cv2.GaussianBlur(sheet, (0, 0), 5) > 127, ("brush", name, variant))
