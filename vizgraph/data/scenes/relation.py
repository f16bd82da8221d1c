"""A task that no single object answers: two digits far apart, the same one or not, and where both of them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vizgraph.data.scenes.composition import developed, digit, distractor, ground
from vizgraph.data.scenes.stickers import Pose, paste, random_look

DIGITS = 5
"""The digits are 0 to 4."""
RELATION_CLASSES = ("different", *(f"two {name}" for name in ("zeros", "ones", "twos", "threes", "fours")))
RELATION_SIZE = 144
"""Height and width of a scene in pixels."""
RELATION_SPLITS = ("train", "val", "test", "hidden")
"""What "hidden" is made from is what "test" is made from, in scenes of its own that no choice was made by."""
FAR = 0.54
"""Distance between the middles of the two digits, of the scene's side, at least."""
_SIZES = (48.0, 60.0)
_MARGIN = 0.62
_STREAM = 77


@dataclass(frozen=True, eq=False)
class RelationScene:
    """A scene of two digits and its truth.

    Attributes:
        image: (144, 144, 3) uint8 RGB.
        label: an index into `RELATION_CLASSES`: 0 where the digits differ, 1 more than the digit where they do not.
        digits: the digit of each object.
        masks: (2, 144, 144) bool, the pixels of each object's sticker, its border and filled holes included.
    """

    image: np.ndarray
    label: int
    digits: tuple[int, int]
    masks: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """(144, 144) bool, the pixels of either object."""
        both: np.ndarray = np.logical_or(*self.masks)
        return both

    @property
    def name(self) -> str:
        """Name of the class."""
        return RELATION_CLASSES[self.label]

    @property
    def same(self) -> bool:
        """Whether the digits are the same."""
        return self.digits[0] == self.digits[1]


def make_relation(split: str, seed: int, index: int) -> RelationScene:
    """Make one scene; the same arguments give the same pixels.

    Half of the scenes show one digit twice. Sizes, colors, hands and fonts of the two are drawn apart, so that only
    what they are called decides.

    Args:
        split: "train", "val", "test" or "hidden".
        seed, index: not negative.
    """
    rng = np.random.default_rng([seed, RELATION_SPLITS.index(split), index, _STREAM])
    materials = "test" if split == "hidden" else split
    first = int(rng.integers(DIGITS))
    same = bool(rng.random() < 0.5)
    second = first if same else int((first + 1 + rng.integers(DIGITS - 1)) % DIGITS)
    canvas = ground(materials, rng, RELATION_SIZE)
    light, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.0)
    shadow = (rng.uniform(0.3, 0.6), np.cos(light) * length, abs(np.sin(light)) * length, rng.uniform(0.8, 2.0))
    poses = _two_poses(rng)
    # As among the other scenes, half of what is trained on has nothing beside the digits.
    if not (split == "train" and rng.random() < 0.5):
        other = _beside(rng, poses)
        if other is not None:
            shape = distractor(materials, rng)
            paste(canvas, shape, random_look(rng, shape, shadow), other)
    masks = np.zeros((2, RELATION_SIZE, RELATION_SIZE), bool)
    for mask, number, pose in zip(masks, (first, second), poses):
        shape = digit(materials, number, rng)
        cut, (left, top, right, bottom) = paste(canvas, shape, random_look(rng, shape, shadow), pose)
        mask[top:bottom, left:right] = cut > 0.5
    return RelationScene(developed(canvas, rng), first + 1 if same else 0, (first, second), masks)


def _two_poses(rng: np.random.Generator) -> tuple[Pose, Pose]:
    """Poses of the digits, their middles `FAR` apart."""
    sizes = rng.uniform(*_SIZES, 2)
    reach = (_MARGIN * sizes)[:, None]
    while True:
        # Many at once, as most pairs of places are too near to each other.
        middles = rng.uniform(reach, RELATION_SIZE - reach, (64, 2, 2))
        apart = np.hypot(*(middles[:, 0] - middles[:, 1]).T)
        far = np.flatnonzero(apart >= FAR * RELATION_SIZE)
        if len(far):
            first, second = middles[far[0]]
            return _pose(rng, first, sizes[0]), _pose(rng, second, sizes[1])


def _beside(rng: np.random.Generator, poses: tuple[Pose, Pose]) -> Pose | None:
    """The pose of a distractor that leaves the digits room; None where none was found."""
    size = rng.uniform(22, 34)
    reach = _MARGIN * size
    middles = rng.uniform(reach, RELATION_SIZE - reach, (64, 2))
    gaps = [np.hypot(*(middles - (pose.x, pose.y)).T) - 0.58 * (size + pose.size) for pose in poses]
    free = np.flatnonzero(np.minimum(*gaps) > 0)
    return _pose(rng, middles[free[0]], size) if len(free) else None


def _pose(rng: np.random.Generator, middle: np.ndarray, size: float) -> Pose:
    return Pose(
        float(middle[0]),
        float(middle[1]),
        float(size),
        angle=float(np.clip(rng.normal(0, 8), -20, 20)),
        shear=rng.uniform(-0.1, 0.1),
        squeeze=rng.uniform(0.85, 1.1),
        tilt=(rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1)),
    )
