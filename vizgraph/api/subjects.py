"""The images that a network is studied on: files, a data set with labels, or scenes with labels and masks."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viz_nodes.batch import inputs
from viz_nodes.batch.options import RenderOptions
from viz_nodes.text import quoted
from vizgraph.api.images import load_sample, require_image
from vizgraph.api.networks import Network
from vizgraph.errors import ImageError, UsageError, VizgraphError, as_usage, sentence

if TYPE_CHECKING:
    from torch import Tensor

    from vizgraph.training.datasets import Source

PartOf = str | os.PathLike[str]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Subject:
    """One image as the network sees it.

    Attributes:
        name: unlike that of any other.
        index: its number among all images of where it comes from.
        pixels: (1, C, H, W).
        image: (H, W, 3) uint8.
        label: the network's number of its class, None where it is not known.
        mask: (H, W) bool, the object; None where it is not known.
    """

    name: str
    index: int
    pixels: Tensor
    image: np.ndarray
    label: int | None = None
    mask: np.ndarray | None = None

    @property
    def key(self) -> str:
        """What tells its pixels from others."""
        return hashlib.sha256(self.pixels.contiguous().numpy().tobytes()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Found:
    """Images that are there, before the network is.

    Attributes:
        words: what they are, as a record holds it.
        files: images as files.
        source: or a data set.
        chosen: numbers of those that are looked at.
        pool: how many there are to take another image from.
        single: whether one file is meant, so that its faults end everything.
    """

    words: Any
    files: tuple[inputs.Item, ...] = ()
    source: Source | None = None
    chosen: tuple[int, ...] = ()
    pool: int = 0
    single: bool = False

    def bind(self, network: Network, read: RenderOptions) -> Subjects:
        """The same for a network.

        Raises:
            TrainingError: the data set's classes are not the network's.
        """
        source = self.source
        if source is not None:
            from vizgraph.data import labels_of
            from vizgraph.evaluation.class_matching import match

            mapping, _ = match(source.labels, network.labels or labels_of(network.model), network.classes)
            source = replace(source, mapping=mapping)
        return Subjects(replace(self, source=source), network, read)


class Subjects:
    """Images made ready for a network, one after the other or by their numbers.

    Attributes:
        failed: why images could not be read, by their names.
    """

    def __init__(self, images: Found, network: Network, read: RenderOptions) -> None:
        self.found, self.network, self.read = images, network, read
        self.failed: dict[str, str] = {}
        self._other = functools.lru_cache(maxsize=1)(self._loaded)

    def __len__(self) -> int:
        return len(self.found.chosen)

    def load(self, at: int) -> Subject | None:
        """The image with this place among the chosen ones; None, said and kept in `failed`, where it cannot be read.

        Raises:
            ImageError: it is the only one.
        """
        index = self.found.chosen[at]
        try:
            return self._loaded(index)
        except (VizgraphError, ValueError, OSError) as error:
            if self.found.single:
                raise
            name = self._name(index)
            self.failed[name] = sentence(error).removeprefix(f"{name}: ")
            _log.error("%s: %s", name, self.failed[name])
            return None

    def other(self, subject: Subject, seed: int) -> Subject | None:
        """Another image, drawn at random; always the same one for the same image, seed and number of all images."""
        if self.found.pool < 2:
            return None
        drawn = int(np.random.default_rng([seed, subject.index]).integers(0, self.found.pool - 1))
        try:
            return self._other(drawn + (drawn >= subject.index))
        except (VizgraphError, ValueError, OSError) as error:
            _log.warning("%s: %s", subject.name, f"no other image: {sentence(error)}")
            return None

    def _name(self, index: int) -> str:
        if self.found.source is None:
            return self.found.files[index].relative
        return self.found.source.name_of(index)

    def _loaded(self, index: int) -> Subject:
        if self.found.source is None:
            item = self.found.files[index]
            sample = load_sample(item.path, model=self.network.model, options=self.read)
            return Subject(item.relative, index, sample.pixels, sample.image)
        from vizgraph.data import load_image

        fit: Any = self.read.fit
        scene = getattr(self.found.source.images, "scene", None)
        if scene is not None:
            drawn = scene(index)
            sample = load_image(drawn.image, self.network.model, fit=fit)
            mask = _seen(drawn.mask, self.network.model, self.read.fit)
            name = f"{self.found.source.images.split} scene {index} ({drawn.name})"
            return Subject(name, index, sample.pixels, sample.image, self.found.source.number_of(drawn.label), mask)
        try:
            image, label = self.found.source.read(index)
        except ImageError as error:
            raise ImageError(f"{self._name(index)}: {error}") from error
        sample = load_image(image, self.network.model, fit=fit)
        known = label if 0 <= label < self.network.classes else None
        return Subject(self._name(index), index, sample.pixels, sample.image, known)


def find(
    images: PartOf | Iterable[PartOf] | None,
    data: PartOf | None,
    scenes: int | None,
    *,
    out: Path,
    split: str = "validation",
    limit: int | None = None,
    seed: int = 0,
) -> Found:
    """The images that are meant, looked at before weights are fetched.

    Args:
        images: files or folders, without labels.
        data: instead a folder with a folder a class, "scenes", or "hfds/NAME" and "tfds/NAME".
        scenes: instead so many test scenes of the bundled task.
        out: where results go, which is not searched.
        split: of `data`.
        limit: look at so many; of `data` spread over its classes, else the first.
        seed: of the scenes.

    Raises:
        UsageError: not one of the three, or nothing there.
        ImageError: the only image is none.
        DataError: the data cannot be opened.
    """
    if [images is None, data is None, scenes is None].count(False) != 1:
        raise UsageError("images", "give one of --img, --data and --scenes", "such as --scenes 20")
    if limit is not None and limit < 1:
        raise UsageError("--limit", f"there are no {limit} images", "give a number above 0")
    if images is not None:
        paths = inputs.as_paths(images)
        if not inputs.is_batch(paths):
            require_image(paths[0])
        inputs.count(paths, out)  # says that there is none
        files = tuple(inputs.items(paths, out))
        chosen = tuple(range(len(files) if limit is None else min(limit, len(files))))
        words = [str(path.absolute()) for path in paths]
        return Found(words, files, None, chosen, len(files), single=not inputs.is_batch(paths))
    if scenes is not None:
        return _of_scenes(scenes if limit is None else min(scenes, limit), seed)
    assert data is not None
    return _of_data(str(inputs.expanded(data)), split, limit)


def _of_scenes(number: int, seed: int) -> Found:
    from vizgraph.data.scenes import CLASSES, DEFAULT_SIZES, Scenes
    from vizgraph.training.datasets import Source

    pool = max(number, DEFAULT_SIZES["test"])
    with as_usage("--scenes"):
        if number < 1:
            raise ValueError(f"there must be at least one scene (got {quoted(number)})")
        source = Source(Scenes("test", size=pool, seed=seed), pool, tuple(CLASSES))
    return Found(f"test scenes of seed {seed}", (), source, tuple(range(number)), pool)


def _of_data(where: str, split: str, limit: int | None) -> Found:
    from vizgraph.evaluation import data_config
    from vizgraph.training.datasets import open_validation

    source = open_validation(data_config(where, val_split=split), split=split)
    if source.stream:
        cure = "save them to a folder with a folder a class"
        raise UsageError("--data", f"the images of {where} cannot be asked for by their numbers", cure)
    indices = source.subset(limit).indices
    chosen = tuple(range(source.size)) if indices is None else indices
    return Found(f"{where}, {split}", (), source, chosen, source.size)


def _seen(mask: np.ndarray, model: Any, fit: str) -> np.ndarray:
    """The part of a scene's mask that the network sees."""
    import cv2

    from vizgraph.data.preprocessing import Preprocessing
    from vizgraph.evaluation.localization import seen_mask

    preprocessing = Preprocessing.of(model)
    if fit == "crop":
        return seen_mask(mask, preprocessing)
    height, width = preprocessing.size
    return np.asarray(cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0)
