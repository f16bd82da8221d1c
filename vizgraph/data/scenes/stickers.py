"""One die-cut sticker: a shape in strong colors on pale paper, cut along its outline, with a soft shadow."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

from vizgraph.data.scenes.glyphs import CANVAS, HEIGHT, LEVELS, Shape

_HUES = (0.0, 0.03, 0.07, 0.11, 0.14, 0.28, 0.36, 0.44, 0.5, 0.56, 0.61, 0.67, 0.74, 0.81, 0.88, 0.94)
_CELLS = (np.arange(256, dtype=np.float32) - 128) / LEVELS
"""Distance from the outline, in cells, that a field's values stand for."""
_STRONG = 6.5
"""Half the width of a good stroke, in cells: thinner ones are made thicker, thick ones hardly finer."""


@dataclass(frozen=True)
class Look:
    """How a sticker is printed and lit; lengths in cells of a field unless said otherwise.

    Attributes:
        fill: two colors (r, g, b) in 0..255 that the print fades between.
        fade: direction of the fade, in radians.
        rim: color of a thin line around the print.
        rim_width: its width; 0 is none.
        paper: color of the border.
        weight: how much thicker the strokes are than in the shape.
        border: width of the border.
        shadow: darkness of the shadow, 0..1.
        lift: (x, y) shift and spread of the shadow, in pixels.
    """

    fill: tuple[tuple[float, float, float], tuple[float, float, float]]
    fade: float
    rim: tuple[float, float, float]
    rim_width: float
    paper: tuple[float, float, float]
    weight: float
    border: float
    shadow: float
    lift: tuple[float, float, float]


def _rgb(hue: float, lightness: float, saturation: float) -> tuple[float, float, float]:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return red * 255, green * 255, blue * 255


def random_look(rng: np.random.Generator, shape: Shape, shadow: tuple[float, float, float, float]) -> Look:
    """Colors and widths of a sticker; `shadow` (darkness, x, y, spread) is the light's, the same for a whole scene."""
    hue = _HUES[rng.integers(len(_HUES))] + rng.uniform(-0.015, 0.015)
    # Yellow and green look as light as the paper unless they are darker.
    lightness = rng.uniform(0.40, 0.55) - (0.08 if 0.1 < hue % 1 < 0.5 else 0.0)
    saturation = rng.uniform(0.75, 1.0)
    first = _rgb(hue, lightness, saturation)
    if rng.random() < 0.12:
        ink = rng.uniform(0.08, 0.2)
        first, second = _rgb(hue, ink, 0.35), _rgb(hue + 0.05, ink + 0.08, 0.35)
    elif rng.random() < 0.6:
        turn = rng.uniform(0.05, 0.12) * (1 if rng.random() < 0.5 else -1)
        second = _rgb(hue + turn, lightness + rng.uniform(-0.06, 0.06), saturation)
    else:
        second = first
    white = rng.uniform(0.955, 0.99)
    paper = _rgb(rng.random(), white - (0.05 if rng.random() < 0.25 else 0.0), 0.5)
    darkness, x, y, spread = shadow
    return Look(
        fill=(first, second),
        fade=rng.uniform(0, 2 * np.pi),
        rim=_rgb(hue, lightness * 0.55, saturation),
        rim_width=rng.uniform(1.2, 2.0) if rng.random() < 0.35 else 0.0,
        paper=paper,
        weight=float(np.clip(_STRONG - shape.thickness, -0.3, 2.5)) + rng.uniform(-0.2, 0.6),
        border=rng.uniform(6.0, 9.5),
        shadow=darkness,
        lift=(x, y, spread),
    )


@dataclass(frozen=True)
class Pose:
    """Where a sticker lies, in pixels of the scene.

    Attributes:
        x, y: its middle.
        size: height of the upright glyph.
        angle: rotation in degrees, counterclockwise.
        shear, squeeze: sideways slant, and width over height.
        tilt: (x, y) strength of the perspective, 0 flat.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0
    shear: float = 0.0
    squeeze: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)

    def matrix(self) -> np.ndarray:
        """(3, 3) homography from cells of a field to pixels of the scene."""
        scale = self.size / HEIGHT
        turn = np.deg2rad(self.angle)
        cos, sin = np.cos(turn), np.sin(turn)
        middle = np.array([[1, 0, -CANVAS / 2], [0, 1, -CANVAS / 2], [0, 0, 1]])
        slant = np.array([[self.squeeze, self.shear, 0], [0, 1, 0], [self.tilt[0] / CANVAS, self.tilt[1] / CANVAS, 1]])
        place = np.array([[cos * scale, sin * scale, self.x], [-sin * scale, cos * scale, self.y], [0, 0, 1]])
        matrix: np.ndarray = place @ slant @ middle
        return matrix


def _edge(threshold: float, scale: float, width: float = 1.0) -> np.ndarray:
    """Table (256,) from a field's values to coverage 0..1: an edge at `threshold` cells, `width` pixels wide."""
    ramp = np.clip((_CELLS - np.float32(threshold)) * np.float32(scale / width) + np.float32(0.5), 0, 1)
    return ramp if width == 1.0 else ramp * ramp * (3 - 2 * ramp)


def paste(canvas: np.ndarray, shape: Shape, paint: Look, pose: Pose) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Put a sticker on a scene, in place.

    Args:
        canvas: (height, width, 3) uint8, changed.

    Returns:
        Coverage 0..1 of the sticker, (h, w) float32, and the (left, top, right, bottom) of the canvas it belongs to.
    """
    matrix = pose.matrix()
    scale = pose.size / HEIGHT
    edge = CANVAS / 2 - HEIGHT / 2 - 16
    corners = np.array([[[edge, edge], [CANVAS - edge, edge], [edge, CANVAS - edge], [CANVAS - edge, CANVAS - edge]]])
    reached = cv2.perspectiveTransform(corners.astype(np.float64), matrix)[0]
    spread = paint.lift[2]
    pad = 2 * spread + max(abs(paint.lift[0]), abs(paint.lift[1]))
    low = np.floor(reached.min(0) - pad).astype(int)
    high = np.ceil(reached.max(0) + pad).astype(int)
    left, top = max(low[0], 0), max(low[1], 0)
    right, bottom = min(high[0], canvas.shape[1]), min(high[1], canvas.shape[0])
    if right <= left or bottom <= top:
        return np.zeros((0, 0), np.float32), (0, 0, 0, 0)
    # Pixel centers lie at half integers, cv2's at integers.
    to_box = np.array([[1, 0, -left - 0.5], [0, 1, -top - 0.5], [0, 0, 1.0]])
    from_cell = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    size = (right - left, bottom - top)
    fields = cv2.warpPerspective(shape.fields, to_box @ matrix @ from_cell, size, flags=cv2.INTER_LINEAR)
    glyph, outline = cv2.split(fields)

    cut = cv2.LUT(outline, _edge(-paint.weight - paint.border, scale))
    ink = cv2.LUT(glyph, _edge(-paint.weight, scale))
    print_ = _fade(paint, size)
    if paint.rim_width:
        core = cv2.LUT(glyph, _edge(paint.rim_width - paint.weight, scale))
        rim = np.empty_like(print_)
        rim[:] = paint.rim
        print_ = cv2.blendLinear(print_, rim, core, 1 - core)
    paper = np.empty_like(print_)
    paper[:] = paint.paper
    face = cv2.blendLinear(print_, paper, ink, 1 - ink)

    part = canvas[top:bottom, left:right]
    if paint.shadow:
        # The field knows how far the outline is, so a soft edge needs no blur.
        shift = np.array([[1, 0, paint.lift[0]], [0, 1, paint.lift[1]]], np.float64)
        soft = _edge(-paint.weight - paint.border, scale, width=4 * spread) * np.float32(paint.shadow)
        shade = cv2.warpAffine(cv2.LUT(outline, soft), shift, size, flags=cv2.INTER_LINEAR)
        part = cv2.blendLinear(part, np.zeros_like(print_), 1 - shade, shade)
    canvas[top:bottom, left:right] = cv2.blendLinear(face, part, cut, 1 - cut)
    return cut, (left, top, right, bottom)


def _fade(paint: Look, size: tuple[int, int]) -> np.ndarray:
    """(h, w, 3) uint8 that fades between the two colors of the print."""
    width, height = size
    first, second = np.array(paint.fill[0], np.float32), np.array(paint.fill[1], np.float32)
    sheet = np.empty((height, width, 3), np.uint8)
    if paint.fill[0] == paint.fill[1]:
        sheet[:] = first
        return sheet
    # A fade is linear, so four corners stretched over the box are all of it.
    cos, sin = np.cos(paint.fade), np.sin(paint.fade)
    reach = abs(cos) + abs(sin)
    along = np.array([[-cos - sin, cos - sin], [-cos + sin, cos + sin]], np.float32) / (2 * reach) + 0.5
    corners = first + along[..., None] * (second - first)
    faded: np.ndarray = np.clip(cv2.resize(corners, size, interpolation=cv2.INTER_LINEAR), 0, 255).astype(np.uint8)
    return faded
