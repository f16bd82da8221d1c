"""The bundled task with known truth: one digit sticker among other stickers on a photograph, and where it is.

`dataset` (what torch's loaders read), `composition` (one scene), `stickers` (one sticker), `glyphs` (its shape),
`photographs` (what it lies on).
"""

from __future__ import annotations

from vizgraph.data.scenes.composition import CLASSES, SIZE, SPLITS, Scene, make_scene
from vizgraph.data.scenes.dataset import DEFAULT_SIZES, Scenes

__all__ = ["CLASSES", "DEFAULT_SIZES", "SIZE", "SPLITS", "Scene", "Scenes", "make_scene"]
