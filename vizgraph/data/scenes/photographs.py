"""Photographs that ship inside scikit-image and scikit-learn; those of the test are unseen in training."""

from __future__ import annotations

import functools
import importlib.resources

import numpy as np
from PIL import Image

from vizgraph.data.scenes.extras import require

SKIMAGE, SKLEARN = "skimage.data", "sklearn.datasets.images"
PHOTOGRAPHS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        (SKIMAGE, "astronaut.png"),
        (SKIMAGE, "brick.png"),
        (SKIMAGE, "grass.png"),
        (SKIMAGE, "gravel.png"),
        (SKIMAGE, "hubble_deep_field.jpg"),
        (SKIMAGE, "ihc.png"),
        (SKIMAGE, "moon.png"),
        (SKIMAGE, "motorcycle_left.png"),
        (SKIMAGE, "motorcycle_right.png"),
        (SKIMAGE, "retina.jpg"),
        (SKLEARN, "flower.jpg"),
    ),
    "val": ((SKIMAGE, "camera.png"), (SKIMAGE, "rocket.jpg")),
    "test": ((SKIMAGE, "chelsea.png"), (SKIMAGE, "coffee.png"), (SKLEARN, "china.jpg")),
}
"""(package, file) by split. Text, drawings and blurred frames are left out; the two motorcycles are one stereo pair."""
SHORT_SIDE = 400


@functools.cache
def photograph(package: str, file: str) -> np.ndarray:
    """A photograph, (height, width, 3) uint8 RGB, at most `SHORT_SIDE` on its short side.

    Raises:
        ImportError: the package is not installed, or its wheel no longer holds the file.
    """
    require(package)
    path = importlib.resources.files(package) / file
    if not path.is_file():
        owner = package.partition(".")[0]
        raise ImportError(f"the installed {owner} holds no {file}; install the version that constraints.txt names")
    with path.open("rb") as stream:
        image = Image.open(stream).convert("RGB")
    scale = SHORT_SIDE / min(image.size)
    if scale < 1:
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    pixels.setflags(write=False)
    return pixels
