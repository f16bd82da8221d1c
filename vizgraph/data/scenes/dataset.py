"""The scenes as a data set of torch's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import cv2
import torch
from PIL import Image
from torch.utils.data import Dataset, get_worker_info

from viz_nodes.text import quoted
from vizgraph.data.scenes.composition import CLASSES, SPLITS, Scene, make_scene
from vizgraph.data.scenes.extras import require
from vizgraph.data.scenes.relation import RELATION_CLASSES, RELATION_SPLITS, RelationScene, make_relation

DEFAULT_SIZES = {"train": 20_000, "val": 1_000, "test": 2_000, "hidden": 2_000}
_SPLIT_NAMES = {"validation": "val", "valid": "val", "eval": "val", "training": "train"}
_EPOCH_STRIDE = 10_000_000


class Scenes(Dataset[tuple[Any, Any]]):
    """The bundled scenes as a map-style data set of (image, class), made when asked for.

    Half of the training scenes are plain: a larger object and no distractors. The other splits have none of these.

    A scene depends on (seed, split, index) alone, whatever the number of workers and the order. Photographs,
    handwritten samples and font families of a split are in no other split. Half of the training scenes are plain: a
    digit without distractors.

    Args:
        split: "train", "val" or "test" ("validation" is "val").
        size: number of scenes; None takes 20,000, 1,000 or 2,000.
        seed: another seed gives other scenes of the same split.
        transform: applied to the PIL image.
        target_transform: applied to the class.

    Raises:
        ImportError: scikit-image or scikit-learn is not installed.
        ValueError: no such split, or a size that is not positive.
    """

    classes: ClassVar[tuple[str, ...]] = CLASSES
    class_to_idx: ClassVar[dict[str, int]] = {name: label for label, name in enumerate(CLASSES)}
    splits: ClassVar[tuple[str, ...]] = SPLITS

    def __init__(
        self,
        split: str = "train",
        size: int | None = None,
        seed: int = 0,
        transform: Callable[[Image.Image], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        self.split = _SPLIT_NAMES.get(split, split)
        if self.split not in self.splits:
            raise ValueError(f"`split` must be one of {', '.join(self.splits)} (got {quoted(split)})")
        size = DEFAULT_SIZES[self.split] if size is None else size
        if not 0 < size <= _EPOCH_STRIDE:
            raise ValueError(f"`size` must lie in [1, {_EPOCH_STRIDE}] (got {quoted(size)})")
        if seed < 0:
            raise ValueError(f"`seed` must not be negative (got {quoted(seed)})")
        self.size, self.seed = size, seed
        self.transform, self.target_transform = transform, target_transform
        # In shared memory, so that workers that live longer than an epoch see it change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        require("skimage")
        require("sklearn")

    def __len__(self) -> int:
        return self.size

    def set_epoch(self, epoch: int) -> None:
        """Show new scenes of the same split in another epoch; 0, the first, is what `scene(index)` gives unasked."""
        self._epoch.fill_(epoch)

    def scene(self, index: int) -> Any:
        """The scene at an index, negative from the end: what `make` makes of it."""
        place = index + self.size if index < 0 else index
        if not 0 <= place < self.size:
            raise IndexError(f"`index` must be in [-{self.size}, {self.size}) (got {quoted(index)})")
        return self.make(place + _EPOCH_STRIDE * int(self._epoch))

    def make(self, index: int) -> Scene | RelationScene:
        """The scene of the split and seed with this number."""
        return make_scene(self.split, self.seed, index)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if get_worker_info() is not None:
            _one_thread()
        scene = self.scene(index)
        image, target = Image.fromarray(scene.image), scene.label
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target


class Relations(Scenes):
    """Scenes of two digits, the same one or not, as a data set: see `make_relation`.

    The splits are those of `Scenes` and "hidden", made of what "test" is made of, in scenes of its own. 144 x 144
    pixels; arguments as of `Scenes`.
    """

    classes: ClassVar[tuple[str, ...]] = RELATION_CLASSES
    class_to_idx: ClassVar[dict[str, int]] = {name: label for label, name in enumerate(RELATION_CLASSES)}
    splits: ClassVar[tuple[str, ...]] = RELATION_SPLITS

    def make(self, index: int) -> RelationScene:
        """The scene of the split and seed with this number."""
        return make_relation(self.split, self.seed, index)


@functools.lru_cache(maxsize=1)
def _one_thread() -> None:
    """Keep cv2 to one thread in a loading process: its threads do not survive a fork, and the cores are taken."""
    cv2.setNumThreads(0)
