"""Image files on their way to a network: looked at before weights are fetched, read with word of what is not shown."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs

if TYPE_CHECKING:
    from torch import nn

    from vizgraph.data import Sample


def require_image(path: Path) -> None:
    """Refuse a file that is no image by its header, before weights are fetched for it.

    Raises:
        UnreadableImage: it cannot be read.
        ImageError: it is no image, or too large.
    """
    from vizgraph.data.decoding import look_at

    inputs.require_file_or_folder(path)
    if path.is_file():
        look_at(path)


def load_sample(path: Path, *, model: nn.Module, fit: Any) -> Sample:
    """An image made ready for a network; what had to be guessed about it is in its notes alone.

    Raises:
        ImageError: it is none.
    """
    from vizgraph.data import ImageWarning, load_image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImageWarning)
        return load_image(path, model, fit=fit)
