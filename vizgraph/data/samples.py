"""The bundled sample images: a few test scenes, with the truth beside them.

`python -m vizgraph.data.samples FOLDER` makes them again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "samples"
TRUTH = "truth.json"
CHOSEN = {
    "cat_6": 117,
    "cat_7": 24,
    "coffee_3": 66,
    "coffee_5": 111,
    "palace_2": 133,
    "palace_9": 120,
}
"""Name of each sample, and its index among the test scenes of seed 0."""


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about a sample image.

    Attributes:
        label: the class.
        name: its name.
        box: (left, top, right, bottom) of the object in pixels, right and bottom exclusive.
        mask: (224, 224) bool, the object's visible pixels.
    """

    label: int
    name: str
    box: tuple[int, int, int, int]
    mask: np.ndarray


def bundled_images() -> tuple[Path, ...]:
    """The sample images that come with the package."""
    return tuple(sorted(FOLDER.glob("*.png")))


def bundled_truth(folder: str | os.PathLike[str] = FOLDER) -> dict[str, Truth]:
    """What is known about each sample image, by file name."""
    entries = json.loads(Path(folder, TRUTH).read_text(encoding="utf-8"))["images"]
    return {
        file: Truth(entry["label"], entry["name"], tuple(entry["box"]), _mask(entry["runs"], entry["size"]))
        for file, entry in entries.items()
    }


def write_samples(folder: str | os.PathLike[str] = FOLDER, chosen: Mapping[str, int] | None = None) -> list[Path]:
    """Make the sample images and their truth.json.

    Args:
        folder: where to, made where it is not there.
        chosen: name -> index among the test scenes of seed 0; None takes the bundled ones.

    Returns:
        The images written.

    Raises:
        ImportError: scikit-image or scikit-learn is not installed.
    """
    from vizgraph.data.scenes import make_scene

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths, entries = [], {}
    for name, index in (CHOSEN if chosen is None else chosen).items():
        scene = make_scene("test", 0, index)
        path = folder / f"{name}.png"
        Image.fromarray(scene.image).save(path, optimize=True)
        paths.append(path)
        entries[path.name] = {
            "label": scene.label,
            "name": scene.name,
            "box": list(scene.box),
            "size": list(scene.mask.shape),
            "scene": {"split": "test", "seed": 0, "index": index},
            "runs": _runs(scene.mask),
        }
    text = json.dumps({"runs": "lengths outside and inside the object in turn, row by row", "images": entries})
    # A line an image: readable, and short.
    (folder / TRUTH).write_text(text.replace("]}, ", "]},\n") + "\n", encoding="utf-8")
    return paths


def _runs(mask: np.ndarray) -> list[int]:
    """Lengths of the runs of a mask read row by row, the first one outside (0 where the first pixel is inside)."""
    flat = np.concatenate([[False], mask.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    lengths: list[int] = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return lengths


def _mask(runs: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """The mask of `_runs`."""
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(tuple(size))


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser("python -m vizgraph.data.samples", description="Make the bundled sample images.")
    parser.add_argument("folder", nargs="?", default=str(FOLDER), help="where to (default: into the package)")
    for path in write_samples(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
