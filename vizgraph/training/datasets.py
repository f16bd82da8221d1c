"""The images of a run: folders, what timm's `create_dataset` reads, and the bundled scenes, with their class names."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import IterableDataset

from viz_nodes.text import quoted
from vizgraph.data.images import channels_of, read_image
from vizgraph.data.limits import Reading
from vizgraph.data.preprocessing import Preprocessing
from vizgraph.errors import DataError, first_line
from vizgraph.training.folders import ImageFolder, require_images, require_split, split_folder
from vizgraph.training.pictures import no_other_programs, require_croppable, upright_rgb
from vizgraph.training.schema import MOST_CLASSES, Config, DataConfig

SCENES, RELATION = "scenes", "relation"
MADE = (RELATION, SCENES)
"""The bundled tasks, whose images are made when asked for."""
VALIDATION_SCENES = 2000
"""Scenes validated on where the config does not say."""
TRAINING_SCENES = 10000
"""Scenes of an epoch where the config does not say."""
READERS = ("hfds", "hfids", "wds", "tfds", "torch")
"""What timm reads beside folders, as the part of a name before the slash."""
_FOLDERS = ("", "folder", "image_folder")
_UNKNOWN_LENGTH = "a stream of unknown length needs data.train_size and data.val_size"


@dataclass(frozen=True)
class Source:
    """A data set, opened.

    Attributes:
        images: gives (image, label) by index, or a stream of them (timm's `IterableImageDataset`).
        size: images in it; of a stream, what it says of itself.
        labels: class names in the order of their numbers; None where unknown.
        fresh: whether every epoch has samples of its own: sample i of epoch e is then `images[e * size + i]`.
        indices: which of `images` are its samples; None takes them as they come.
        mapping: the network's number of each class of the data set; None where they are the same.
        note: what a person should know of how it was opened.
        preprocessing: of a network that takes other bands than the colors; None reads every image in RGB.
    """

    images: Any
    size: int
    labels: tuple[str, ...] | None = None
    fresh: bool = False
    indices: tuple[int, ...] | None = None
    mapping: tuple[int, ...] | None = None
    note: str = ""
    preprocessing: Preprocessing | None = None

    def read_for(self, preprocessing: Preprocessing) -> Source:
        """The same, its images read as `load_image` reads one for a network of this preprocessing."""
        colors = preprocessing.input_size[0] == 3 and preprocessing.bands is None
        return self if colors else replace(self, preprocessing=preprocessing)

    @property
    def stream(self) -> bool:
        """Whether its samples have no index."""
        return isinstance(self.images, IterableDataset)

    def name_of(self, index: int) -> str:
        """What to call a sample: its file name where there is one."""
        name = getattr(self.images, "filename", None)
        if name is not None:
            with contextlib.suppress(Exception):
                return str(name(self._place(index)))
        return f"sample {index}"

    def read(self, index: int) -> tuple[Any, int]:
        """Image and label of a sample, the image as `open_image` reads it; see `seen`.

        Raises:
            ImageError: it cannot be read, or is too elongated to crop. Data sets of others raise what they like.
        """
        reader = getattr(self.images, "reader", None)
        # timm's own __getitem__ takes the next image for a damaged one without counting it.
        with no_other_programs():
            if self.preprocessing is not None and isinstance(self.images, ImageFolder):
                reading = Reading(channels=self.preprocessing.input_size[0])
                image, label = self.images.raster(self._place(index), reading)
            else:
                image, label, *_ = (self.images if reader is None else reader)[self._place(index)]
            return self.seen(image), self.number_of(label)

    def seen(self, image: Any) -> Any:
        """An image as a data set gives it for a transform: in RGB, a PIL image; of other bands (height, width, C).

        Raises:
            ImageError: it cannot be read, has not the bands that the network takes, or is too elongated to crop.
        """
        if self.preprocessing is None:
            return upright_rgb(image)
        channels = self.preprocessing.input_size[0]
        with contextlib.closing(image) if hasattr(image, "close") else contextlib.nullcontext():
            values, _ = channels_of(read_image(image, Reading(channels=channels)), self.preprocessing)
        require_croppable(values)
        return Image.fromarray(values) if channels == 3 else values

    def number_of(self, label: Any) -> int:
        """The network's number of a label of the data set; -1 where it has none."""
        number: int = -1 if label is None else int(label)
        if self.mapping is not None and 0 <= number < len(self.mapping):
            return self.mapping[number]
        return number

    def subset(self, size: int | None) -> Source:
        """So many samples of it, spread evenly, so that classes that lie one after the other all have their share."""
        if size is None or size >= self.size:
            return self
        places = (np.arange(size) * self.size + self.size // 2) // size
        return replace(self, size=size, indices=tuple(self._place(int(place)) for place in places))

    def _place(self, index: int) -> int:
        return index if self.indices is None else self.indices[index]


class Sources(NamedTuple):
    """The data sets of a run, and the classes that a network for them has.

    Attributes:
        training, validation: opened.
        labels: class names; None where they are unknown or are not all of the network's.
        classes: how many the network has.
    """

    training: Source
    validation: Source
    labels: tuple[str, ...] | None
    classes: int


def open_sources(config: Config) -> Sources:
    """Open both data sets of a config.

    Raises:
        DataError: one cannot be opened, they have other classes, or more than `model.num_classes`.
    """
    data, run = config.data, config.run
    epochs = config.schedule.epochs + config.schedule.cooldown_epochs
    training, validation = open_training(data, epochs=epochs, seed=run.seed), open_held_out(data, seed=run.seed)
    labels, others = training.labels, validation.labels
    if labels is not None and others is not None and labels != others:
        first = next((pair for pair in zip(labels, others) if pair[0] != pair[1]), (len(labels), len(others)))
        raise DataError(
            "training and validation have other classes "
            f"(first difference: {quoted(first[0])} and {quoted(first[1])}); "
            "give both splits the same class folders, or a data.class_map"
        )
    classes = config.model.num_classes
    if classes is None:
        if labels is None:
            raise DataError("the data set does not say how many classes it has; set model.num_classes")
        classes = len(labels)
    if labels is not None and len(labels) > classes:
        raise DataError(f"the data set has {len(labels)} classes, model.num_classes is {classes}")
    if classes > MOST_CLASSES:
        raise DataError(f"the data set has {classes} classes, more than the {MOST_CLASSES:,} that can be measured")
    return Sources(training, validation, labels if labels is not None and len(labels) == classes else None, classes)


def open_training(data: DataConfig, *, epochs: int, seed: int) -> Source:
    """The training split; of a folder without splits all that `open_held_out` leaves.

    Raises:
        DataError: it is not there, it is empty, or a class of it is.
    """
    if data.name in MADE:
        size = TRAINING_SCENES if data.train_size is None else data.train_size
        return _scenes(data.name, data.train_split, size * epochs, seed, size, fresh=True)
    source = _open(data, data.train_split, training=True, samples=data.train_size, seed=seed)
    return _part(source, data, held_out=False) if _undivided(data) else source.subset(data.train_size)


def open_validation(data: DataConfig, *, seed: int = 0, split: str | None = None) -> Source:
    """A split to measure on, the validation split by default; the scenes of a split are the same for every seed.

    Raises:
        DataError: as `open_training`.
    """
    split = split or data.val_split
    if data.name in MADE:
        split = {"validation": "val"}.get(split, split)
        size = VALIDATION_SCENES if data.val_size is None else data.val_size
        return _scenes(data.name, split, size, 0, size)
    return _open(data, split, training=False, samples=data.val_size, seed=seed).subset(data.val_size)


def open_held_out(data: DataConfig, *, seed: int = 0) -> Source:
    """What a training run is validated on: the validation split; of a folder without splits a part of each class.

    Raises:
        DataError: as `open_training`, or the classes are too small to hold an image out.
    """
    if not _undivided(data):
        return open_validation(data, seed=seed)
    return _part(_open(data, data.val_split, training=False, samples=None, seed=seed), data, held_out=True)


def _undivided(data: DataConfig) -> bool:
    """Whether training and validation would read the same folder."""
    root = Path(data.root or "").expanduser()
    splits = (data.train_split, data.val_split)
    return data.name in _FOLDERS and root.is_dir() and all(split_folder(root, split) == root for split in splits)


def _part(source: Source, data: DataConfig, *, held_out: bool) -> Source:
    """Of each class the images that are held out, or the others: by the hash of their names, the same in every run."""
    folder: ImageFolder = source.images
    classes: dict[int, list[tuple[bytes, int]]] = {}
    for index, (_, label) in enumerate(folder.samples):
        name = Path(folder.filename(index)).as_posix()
        classes.setdefault(label, []).append((hashlib.sha256(name.encode()).digest(), index))
    held: set[int] = set()
    for images in classes.values():
        count = min(max(1, round(len(images) * data.val_fraction)), len(images) - 1)
        held |= {index for _, index in sorted(images)[:count]}
    if not held:
        raise DataError(f"{data.root}: no class has an image to spare to validate on; add images, or a folder val/")
    total = len(folder)
    indices = tuple(index for index in range(total) if (index in held) == held_out)
    note = (
        f"{data.root} is not divided into train/ and val/: {len(held)} of its {total} images, "
        f"{data.val_fraction:.0%} of each class, are held out to validate on (data.val_fraction)"
    )
    note = "; ".join(part for part in (note, source.note) if part)
    part = replace(source, size=len(indices), indices=indices, note=note)
    return part.subset(data.val_size if held_out else data.train_size)


def _scenes(name: str, split: str, held: int, seed: int, size: int, *, fresh: bool = False) -> Source:
    from vizgraph.data import scenes

    try:
        images = {SCENES: scenes.Scenes, RELATION: scenes.Relations}[name](split=split, size=held, seed=seed)
    except (ImportError, ValueError) as error:
        raise DataError(f"{name}, {split}: {error}") from error
    return Source(images, size, tuple(images.classes), fresh=fresh)


def require_there(data: DataConfig, split: str) -> Path | None:
    """The root of a data set, home folder spelled out; quick, so that it can be asked before weights are fetched.

    Raises:
        DataError: no images are named, there is no such folder or none in it, or it is divided and has no such split.
    """
    root = None if data.root is None else _expanded(data.root)
    if data.name not in (*_FOLDERS, "tar", *MADE) and data.name.partition("/")[0].lower() not in READERS:
        known = f"leave it out for a folder, or write {', '.join((*MADE, *(f'{reader}/NAME' for reader in READERS)))}"
        raise DataError(f"data.name={data.name}: there is no such data; {known}")
    if data.name not in (*_FOLDERS, "tar"):
        return root
    if not data.root or root is None:
        raise DataError("no images are named; set data.root=FOLDER (a folder a class) or data.name=scenes")
    if not root.exists():
        raise DataError(f"{data.root}: there is no such folder; set data.root to the folder that holds the classes")
    require_split(root, split)
    if root.is_dir():
        require_images(split_folder(root, split))
    return root


def _open(data: DataConfig, split: str, *, training: bool, samples: int | None, seed: int) -> Source:
    root = require_there(data, split)
    if data.name in (*_FOLDERS, "tar") and root is not None and root.is_dir():
        images = ImageFolder(split_folder(root, split), data.class_map)
        return Source(images, len(images), _names(images.class_to_idx), note=_noted(images))
    return _open_by_timm(data, root, split, training=training, samples=samples, seed=seed)


def _noted(images: ImageFolder) -> str:
    return f"{images.root}: {images.note}" if images.note else ""


def _expanded(root: str) -> Path:
    try:
        return Path(root).expanduser()
    except RuntimeError as error:
        raise DataError(f"data.root={root}: {error}") from error


def _open_by_timm(
    data: DataConfig, root: Path | None, split: str, *, training: bool, samples: int | None, seed: int
) -> Source:
    from timm.data import create_dataset

    where = f"{root or data.name}, {split}"
    try:
        images: Any = create_dataset(
            "" if data.name in (*_FOLDERS, "tar") else data.name,
            root=None if root is None else str(root),
            split=split,
            is_training=training,
            class_map=data.class_map or "",  # type: ignore[arg-type]
            batch_size=data.batch_size,
            num_samples=None if data.name.startswith("tfds/") else samples,
            seed=seed,
            # As they come, but for TFDS, whose reader makes images of arrays by it.
            input_img_mode="RGB" if data.name.startswith("tfds/") else "",
        )
    except Exception as error:
        # Readers of many kinds, and the libraries behind them, fail in their own ways.
        if "num_samples" in str(error):
            raise DataError(_UNKNOWN_LENGTH) from error
        raise DataError(f"{where}: cannot be opened: {first_line(error)}") from error
    if not isinstance(images, IterableDataset) and len(images) == 0:
        raise DataError(f"{where}: holds no images; check data.root")
    reader = getattr(images, "reader", None)
    classes = getattr(reader, "class_to_idx", None) or getattr(images, "class_to_idx", None)
    return Source(images, _length(images, samples), _names(classes or {}))


def _names(classes: dict[str, int]) -> tuple[str, ...] | None:
    """Class names in the order of their numbers; None where these are not 0, 1, 2, ..."""
    by_number = {number: str(name) for name, number in classes.items()}
    if not by_number or sorted(by_number) != list(range(len(by_number))):
        return None
    return tuple(by_number[number] for number in range(len(by_number)))


def _length(images: Sized, samples: int | None) -> int:
    if not isinstance(images, IterableDataset):
        return len(images)
    held = getattr(getattr(images, "reader", None), "num_samples", None)
    if held:
        return int(min(held, samples or held))  # its own `len` is of one rank
    try:
        return len(images)
    except TypeError:
        if samples:
            return samples
        raise DataError(_UNKNOWN_LENGTH) from None
