"""The bundled tasks with known truth: one digit sticker among other stickers on a photograph, and where it is.

`dataset` (what torch's loaders read), `composition` (one scene), `stickers` (one sticker), `glyphs` (its shape),
`photographs` (what it lies on).
`relation` is a second task with known truth: two digits far apart, the same one or not.
"""

from __future__ import annotations

from vizgraph.data.scenes.composition import CLASSES, SIZE, SPLITS, Scene, make_scene
from vizgraph.data.scenes.dataset import DEFAULT_SIZES, Relations, Scenes
from vizgraph.data.scenes.relation import RELATION_CLASSES, RELATION_SIZE, RelationScene, make_relation

__all__ = [
    "CLASSES",
    "DEFAULT_SIZES",
    "RELATION_CLASSES",
    "RELATION_SIZE",
    "SIZE",
    "SPLITS",
    "RelationScene",
    "Relations",
    "Scene",
    "Scenes",
    "make_relation",
    "make_scene",
]
