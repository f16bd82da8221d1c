"""One scene: a digit sticker among other stickers on a photograph, and where it is."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vizgraph.data.scenes import glyphs
from vizgraph.data.scenes.photographs import PHOTOGRAPHS, photograph
from vizgraph.data.scenes.stickers import Pose, paste, random_look

CLASSES = tuple(f"digit {digit}" for digit in range(10))
SIZE = 224
"""Height and width of a scene in pixels."""
SPLITS = glyphs.SPLITS
_VARIANTS = 120


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene and its truth.

    Attributes:
        image: (224, 224, 3) uint8 RGB.
        label: class of the object, an index into `CLASSES`.
        mask: (224, 224) bool, the pixels where the object's sticker is seen, its border and filled holes included.
        box: (left, top, right, bottom) of the mask, right and bottom exclusive.
    """

    image: np.ndarray
    label: int
    mask: np.ndarray
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """Name of the class."""
        return CLASSES[self.label]


def make_scene(split: str, seed: int, index: int) -> Scene:
    """Make one scene; the same arguments give the same pixels.

    Args:
        split: "train", "val" or "test".
        seed, index: not negative.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    label = int(rng.integers(10))
    canvas = ground(split, rng)
    light = rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(1.0, 4.0)
    shadow = (rng.uniform(0.3, 0.6), np.cos(light) * distance, abs(np.sin(light)) * distance, rng.uniform(1.5, 3.5))

    # Among distractors alone, a small network does not start to learn: half of what it is trained on is plain.
    plain = split == "train" and rng.random() < 0.5
    size = rng.uniform(70, 170) if plain else rng.uniform(60, 125)
    pose = _pose(rng, size, margin=0.62)
    others = [] if plain else _others(rng, pose)
    above = [other for other in others if rng.random() < 0.25 and _gap(other, pose) > 0]
    for other in others:
        if other not in above:
            shape = distractor(split, rng)
            paste(canvas, shape, random_look(rng, shape, shadow), other)
    shape = digit(split, label, rng)
    cut, (left, top, right, bottom) = paste(canvas, shape, random_look(rng, shape, shadow), pose)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[top:bottom, left:right] = cut > 0.5
    for other in above:
        shape = distractor(split, rng)
        cover, (left, top, right, bottom) = paste(canvas, shape, random_look(rng, shape, shadow), other)
        mask[top:bottom, left:right] &= cover <= 0.5

    image = developed(canvas, rng)
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1)
    return Scene(image, label, mask, box)


def ground(split: str, rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """A random part of a photograph of the split, (size, size, 3) uint8, mirrored at times, its colors shifted."""
    files = PHOTOGRAPHS[split]
    photo = photograph(*files[rng.integers(len(files))])
    height, width = photo.shape[:2]
    side = int(rng.uniform(0.5, 1.0) * min(height, width))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    part = cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        part = cv2.flip(part, 1)
    # Photographs are few: the training ones are recolored more, so that they count as many.
    strength = 1.0 if split == "train" else 0.35
    return cv2.transform(part, _recoloring(rng, strength, gray=bool(np.ptp(part[::16, ::16], axis=-1).max() < 4)))


def _recoloring(rng: np.random.Generator, strength: float, gray: bool) -> np.ndarray:
    """(3, 4) matrix that turns hues, and shifts saturation, contrast, brightness and tint."""
    turn = rng.normal(0, 0.45) * strength
    saturation = 1 + rng.uniform(-0.5, 0.3) * strength
    contrast = 1 + rng.uniform(-0.3, 0.15) * strength
    gains = 1 + rng.uniform(-1, 1, 3) * (0.35 if gray else 0.1) * strength
    shift = rng.uniform(-35, 20) * strength
    third, root = 1 / 3, np.sqrt(1 / 3)
    cos, sin = np.cos(turn), np.sin(turn)
    # Rotation about the gray axis (1, 1, 1), Rodrigues' formula.
    cross = np.array([[0, -root, root], [root, 0, -root], [-root, root, 0]])
    hue = cos * np.eye(3) + (1 - cos) * third * np.ones((3, 3)) + sin * cross
    luma = np.tile([0.299, 0.587, 0.114], (3, 1))
    matrix = (saturation * hue + (1 - saturation) * luma) * contrast * gains[:, None]
    offset = np.full((3, 1), 128 * (1 - contrast) + shift)
    return np.hstack([matrix, offset])


def _pose(rng: np.random.Generator, size: float, margin: float) -> Pose:
    """A random pose whose middle keeps `margin` times the size from the scene's edges."""
    reach = margin * size
    x, y = rng.uniform(reach, SIZE - reach, 2)
    return Pose(
        x,
        y,
        size,
        angle=float(np.clip(rng.normal(0, 15), -35, 35)),
        shear=rng.uniform(-0.15, 0.15),
        squeeze=rng.uniform(0.85, 1.1),
        tilt=(rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15)),
    )


def _gap(first: Pose, second: Pose) -> float:
    """Pixels between two stickers taken as discs; negative where they overlap."""
    return float(np.hypot(first.x - second.x, first.y - second.y) - 0.55 * (first.size + second.size))


def _others(rng: np.random.Generator, pose: Pose) -> list[Pose]:
    """Poses of two to five distractors that leave the object and each other room."""
    placed: list[Pose] = []
    crowded: list[tuple[float, Pose]] = []
    for _ in range(rng.integers(2, 6)):
        largest = 85.0
        best, room = None, -np.inf
        for _ in range(12):
            other = _pose(rng, rng.uniform(28, largest), margin=0.3)
            gap = min(_gap(other, there) for there in (pose, *placed))
            if gap > room:
                best, room = other, gap
            if gap > 0:
                break
            largest = max(40.0, largest * 0.9)
        if best is not None and room > -8:
            placed.append(best)
        elif best is not None:
            crowded.append((room, best))
    # A large object leaves little room; two distractors there are, if partly under it.
    crowded.sort(key=lambda other: -other[0])
    return placed + [other for _, other in crowded[: max(0, 2 - len(placed))]]


def digit(split: str, label: int, rng: np.random.Generator) -> glyphs.Shape:
    """A digit of the split, handwritten or typeset."""
    if rng.random() < 0.4:
        samples = glyphs.written_samples(split, label)
        while (shape := glyphs.written(samples[rng.integers(len(samples))])) is None:
            pass
        return shape
    fonts = glyphs.FONTS[split]
    return glyphs.typeset(fonts[rng.integers(len(fonts))], str(label))


def distractor(split: str, rng: np.random.Generator) -> glyphs.Shape:
    """A shape that is no digit."""
    kind = rng.random()
    if kind < 0.4:
        fonts = glyphs.FONTS[split]
        return glyphs.typeset(fonts[rng.integers(len(fonts))], glyphs.LETTERS[rng.integers(len(glyphs.LETTERS))])
    if kind < 0.65:
        return glyphs.symbol(glyphs.SYMBOLS[rng.integers(len(glyphs.SYMBOLS))])
    if kind < 0.9:
        return glyphs.brush(int(rng.integers(_VARIANTS)) + _VARIANTS * SPLITS.index(split))
    return glyphs.blob(int(rng.integers(_VARIANTS)) + _VARIANTS * SPLITS.index(split))


def developed(canvas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera adds: a little blur at times, exposure, and grain."""
    if rng.random() < 0.3:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.0))
    gain, shift = rng.uniform(0.85, 1.06), rng.uniform(0, 10)
    image = cv2.convertScaleAbs(canvas, alpha=gain, beta=shift)
    if rng.random() < 0.4:
        height, width = image.shape[:2]
        bytes_ = np.frombuffer(rng.bytes(height * width), np.uint8).reshape(height, width)
        grain = cv2.LUT(bytes_, (_normal() * rng.uniform(2, 6)).astype(np.float32))
        image = cv2.add(image, cv2.merge([grain] * 3), dtype=cv2.CV_8U)
    return image


@functools.lru_cache(maxsize=1)
def _normal() -> np.ndarray:
    """Table (256,) that makes standard normal noise out of uniform bytes."""
    table: np.ndarray = torch.special.ndtri((torch.arange(256, dtype=torch.float64) + 0.5) / 256).numpy()
    return table
