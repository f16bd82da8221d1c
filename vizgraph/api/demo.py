"""`vizgraph.demo`: bundled images through the bundled checkpoint, offline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vizgraph.api.render import render
from vizgraph.errors import ImageError

if TYPE_CHECKING:
    from viz_nodes.batch.render import Rendered


def demo(out: str | os.PathLike[str] = "viz_output", **options: Any) -> Rendered:
    """Figures of the bundled images by the bundled network, which names the sticker on a photograph.

    Args:
        out: where results go, in a folder `gcn_demo`.
        **options: as for `vizgraph.render`: `device`, `style`, fields of `RenderOptions` and `RunOptions`.

    Raises:
        VizgraphError: see `vizgraph.render`.
    """
    from vizgraph.data import bundled_images

    images = bundled_images()
    if not images:
        raise ImageError("demo", "the bundled images are missing", "install the package again")
    return render("gcn_demo", images, out, checkpoint="demo", **options)
