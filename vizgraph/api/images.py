"""Image files on their way to a network: looked at before weights are fetched, read with word of what is not shown."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Noted:
    """A sample with what a person should know of its file; fields as `vizgraph.data.Sample`."""

    pixels: Tensor
    image: np.ndarray
    original: np.ndarray
    view: tuple[float, float, float, float]
    path: Path
    notes: tuple[str, ...]


def require_image(path: Path) -> None:
    """Refuse a file that is no image, before weights are fetched for it.

    Raises:
        UnreadableImage: it cannot be read.
        ImageError: it is no image.
    """
    from PIL import Image

    from vizgraph.data import open_image

    inputs.require_file_or_folder(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path):
                return
    except Exception:
        open_image(path)  # whose words are for people


def load_sample(path: Path, *, model: nn.Module, fit: Any) -> Noted:
    """An image made ready for a network.

    Raises:
        ImageError: it is none.
    """
    from vizgraph.data import load_image

    sample = load_image(path, model, fit=fit)
    return Noted(sample.pixels, sample.image, sample.original, sample.view, path, frame_notes(path))


def frame_notes(path: Path) -> tuple[str, ...]:
    """What to say of a file that holds more than the one picture that is taken."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                frames = int(getattr(image, "n_frames", 1))
                form = image.format
    except Exception:
        return ()
    if frames < 2 or form == "MPO":  # a camera's second picture is a preview or another eye's
        return ()
    what = "pages" if form == "TIFF" else "frames"
    return (f"the file holds {frames} {what}; the first is taken",)
