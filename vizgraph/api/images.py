"""Image files on their way to a network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs
from viz_nodes.batch.options import RenderOptions
from viz_nodes.text import quoted
from vizgraph.errors import as_usage

if TYPE_CHECKING:
    from torch import nn

    from vizgraph.data import Sample

SAMPLES = Path(__file__).resolve().parents[1] / "assets" / "samples"
READING = ("fit", "frame", "bands", "value_range", "max_pixels")
"""The options that say how an image is read."""


def require_image(path: Path) -> None:
    """Refuse a file that is no image, before weights are fetched for it.

    Raises:
        UnreadableImage: it is not there, or reading it might not end.
        ImageError: it is no image.
    """
    from vizgraph.data.decoding import look_at

    inputs.require_file_or_folder(path)
    if path.is_file():
        look_at(path)


def load_sample(path: Path, *, model: nn.Module, options: RenderOptions) -> Sample:
    """An image made ready for a network; what a person should know of it is in its notes.

    Raises:
        ImageError: it is none, or has not the bands that the network takes.
    """
    from typing import cast

    from vizgraph.data import load_image
    from vizgraph.data.images import Fit, ImageWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImageWarning)  # the notes say it
        sample = load_image(
            path,
            model,
            fit=cast("Fit", options.fit),
            bands=options.bands,
            value_range=options.value_range,
            frame=options.frame,
            max_pixels=options.max_pixels,
        )
    return _of_the_demo(path, model, sample)


def _of_the_demo(path: Path, model: nn.Module, sample: Sample) -> Sample:
    """The sample, with a note where a bundled network is given something else than the bundled images."""
    from dataclasses import replace

    from vizgraph.checkpoints.provenance import KNOWS

    info = getattr(model, "checkpoint_info", None)
    if getattr(info, "source", "") != "bundled" or path.resolve().parent == SAMPLES:
        return sample
    return replace(sample, notes=(*sample.notes, f"{info.arch} {KNOWS} and nothing else"))  # type: ignore[union-attr]


def read_as(reading: dict[str, Any]) -> RenderOptions:
    """Options of how images are read.

    Raises:
        UsageError: a value that cannot be meant.
        TypeError: another option.
    """
    unknown = set(reading) - set(READING)
    if unknown:
        raise TypeError(f"there is no option {quoted(min(unknown))}; there are {', '.join(READING)}")
    with as_usage("image"):
        return RenderOptions(**reading)
