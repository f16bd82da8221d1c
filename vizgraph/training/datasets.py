"""The images of a run: folders, what timm's `create_dataset` reads, and the bundled scenes, with their class names."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image
from torch.utils.data import IterableDataset

from vizgraph.errors import TrainingError, first_line
from vizgraph.training.config import DataConfig

SCENES = "scenes"
VALIDATION_SCENES = 2000
"""Scenes validated on where the config does not say."""
TRAINING_SCENES = 10000
"""Scenes of an epoch where the config does not say."""
_FOLDERS = ("", "folder", "image_folder")
_UNKNOWN_LENGTH = "a stream of unknown length needs data.train_size and data.val_size"


@dataclass(frozen=True)
class Source:
    """A data set, opened.

    Attributes:
        images: gives (PIL image, label) by index, or a stream of them (timm's `IterableImageDataset`).
        size: images in it; of a stream, what it says of itself.
        labels: class names in the order of their numbers; None where unknown.
        fresh: whether every epoch has samples of its own: sample i of epoch e is then `images[e * size + i]`.
        mapping: the network's number of each class of the data set; None where they are the same.
        note: what a person should know of how it was opened.
    """

    images: Any
    size: int
    labels: tuple[str, ...] | None = None
    fresh: bool = False
    mapping: tuple[int, ...] | None = None
    note: str = ""

    @property
    def stream(self) -> bool:
        return isinstance(self.images, IterableDataset)

    def name_of(self, index: int) -> str:
        """What to call a sample: its file name where there is one."""
        name = getattr(self.images, "filename", None)
        if name is not None:
            with contextlib.suppress(Exception):
                return str(name(index))
        return f"sample {index}"

    def read(self, index: int) -> tuple[Image.Image, int]:
        """Image and label of a sample, the image in RGB; raises whatever a damaged file makes its reader raise."""
        reader = getattr(self.images, "reader", None)
        # timm's own __getitem__ takes the next image for a damaged one without counting it.
        image, label, *_ = self.images[index] if reader is None else reader[index]
        if not isinstance(image, Image.Image):
            with Image.open(image) as opened:
                image = opened.convert("RGB")
        return image if image.mode == "RGB" else image.convert("RGB"), self.number_of(label)

    def number_of(self, label: Any) -> int:
        """The network's number of a label of the data set; -1 where it has none."""
        label = -1 if label is None else int(label)
        if self.mapping is not None and 0 <= label < len(self.mapping):
            return self.mapping[label]
        return label


def open_training(data: DataConfig, *, epochs: int, seed: int) -> Source:
    """The training split; of a folder without splits all that `open_held_out` leaves.

    Raises:
        TrainingError: it is not there, it is empty, or a class of it is.
    """
    if data.name == SCENES:
        size = data.train_size or TRAINING_SCENES
        return _scenes(data.train_split, size * epochs, seed, size, fresh=True)
    source = _open(data, data.train_split, training=True, samples=data.train_size, seed=seed)
    return _part(source, data, held_out=False) if _undivided(data) else source


def open_validation(data: DataConfig, *, seed: int = 0, split: str | None = None) -> Source:
    """A split to measure on, the validation split by default; the scenes of a split are the same for every seed."""
    split = split or data.val_split
    if data.name == SCENES:
        split = {"validation": "val"}.get(split, split)
        size = data.val_size or VALIDATION_SCENES
        return _scenes(split, size, 0, size)
    return _open(data, split, training=False, samples=data.val_size, seed=seed)


def open_held_out(data: DataConfig, *, seed: int = 0) -> Source:
    """What a training run is validated on: the validation split; of a folder without splits a part of each class.

    Raises:
        TrainingError: as `open_training`, or the classes are too small to hold an image out.
    """
    source = open_validation(data, seed=seed)
    return _part(source, data, held_out=True) if _undivided(data) else source


def _undivided(data: DataConfig) -> bool:
    """Whether training and validation would read the same folder."""
    root = Path(data.root or "").expanduser()
    splits = (data.train_split, data.val_split)
    return data.name in _FOLDERS and root.is_dir() and all(split_folder(root, split) == root for split in splits)


def _part(source: Source, data: DataConfig, *, held_out: bool) -> Source:
    """Of each class the images that are held out, or the others: by the hash of their names, the same in every run."""
    reader = source.images.reader
    classes: dict[int, list[tuple[bytes, int]]] = {}
    for index in range(len(reader)):
        name = Path(reader.filename(index)).as_posix()
        classes.setdefault(reader.samples[index][1], []).append((hashlib.sha256(name.encode()).digest(), index))
    chosen = set()
    for images in classes.values():
        count = min(max(1, round(len(images) * data.val_fraction)), len(images) - 1)
        chosen |= {index for _, index in sorted(images)[:count]}
    if not chosen:
        raise TrainingError(f"{data.root}: no class has an image to spare to validate on; add images, or a folder val/")
    total = len(reader)
    reader.samples = [sample for index, sample in enumerate(reader.samples) if (index in chosen) == held_out]
    size = len(reader.samples)
    wanted = data.val_size if held_out else data.train_size
    note = (
        f"{data.root} is not divided into train/ and val/: {len(chosen)} of its {total} images, "
        f"{data.val_fraction:.0%} of each class, are held out to validate on (data.val_fraction)"
    )
    return replace(source, size=min(size, wanted or size), note=note)


def _scenes(split: str, held: int, seed: int, size: int, *, fresh: bool = False) -> Source:
    from vizgraph.data import scenes

    try:
        images = scenes.Scenes(split=split, size=held, seed=seed)
    except (ImportError, ValueError) as error:
        raise TrainingError(f"scenes, {split}: {error}") from error
    return Source(images, size, tuple(scenes.CLASSES), fresh=fresh)


def _open(data: DataConfig, split: str, *, training: bool, samples: int | None, seed: int) -> Source:
    from timm.data import create_dataset

    folder = data.name in (*_FOLDERS, "tar")
    if folder and data.root is None:
        raise TrainingError("no images are named; set data.root=FOLDER (a folder a class) or data.name=scenes")
    if folder and not Path(data.root or "").expanduser().exists():
        raise TrainingError(f"{data.root}: there is no such folder; set data.root to the folder that holds the classes")
    root = None if data.root is None else str(Path(data.root).expanduser())
    if folder and root is not None:
        _require_split(Path(root), split)
    try:
        images = create_dataset(
            "" if folder else data.name,
            root=root,
            split=split,
            is_training=training,
            class_map=data.class_map or "",  # type: ignore[arg-type]
            batch_size=data.batch_size,
            num_samples=None if data.name.startswith("tfds/") else samples,
            seed=seed,
        )
    except (OSError, RuntimeError, ValueError, AssertionError, ImportError, KeyError) as error:
        if "num_samples" in str(error):
            raise TrainingError(_UNKNOWN_LENGTH) from error
        raise TrainingError(f"{root or data.name}, {split}: cannot be opened: {first_line(error)}") from error
    reader = getattr(images, "reader", None)
    classes = getattr(reader, "class_to_idx", None) or getattr(images, "class_to_idx", None)
    names = None
    if classes:
        by_number = {number: str(name) for name, number in classes.items()}
        if sorted(by_number) == list(range(len(by_number))):
            names = tuple(by_number[number] for number in range(len(by_number)))
    if not isinstance(images, IterableDataset) and len(images) == 0:
        raise TrainingError(f"{root or data.name}, {split}: holds no images; check data.root")
    if folder and root is not None and not data.class_map:
        _require_full_classes(Path(root), split, names)
    size = _length(images, samples)
    if samples and not isinstance(images, IterableDataset):
        size = min(samples, size)
    return Source(images, size, names)


def _length(images: Any, samples: int | None) -> int:
    held = getattr(getattr(images, "reader", None), "num_samples", None)
    if isinstance(images, IterableDataset) and held:
        return min(held, samples or held)  # its own `len` is of one rank
    try:
        return len(images)
    except TypeError:
        if samples:
            return samples
        raise TrainingError(_UNKNOWN_LENGTH) from None


def split_folder(root: Path, split: str) -> Path:
    """The folder of a split below a root, the root itself where it is not divided (timm's search)."""
    from timm.data.dataset_factory import _search_split

    return Path(_search_split(str(root), split))


def _require_split(root: Path, split: str) -> None:
    """A root that is divided must have the split asked for, else timm would take `train` and `val` for classes."""
    if root.is_dir() and split_folder(root, split) == root:
        parts = {"train", "training", "val", "valid", "validation", "eval", "evaluation", "test"}
        found = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name.lower() in parts)
        if found:
            raise TrainingError(
                f"{root}: has no split {split!r}, only {', '.join(found)}; set the split or add the folder"
            )


def _require_full_classes(root: Path, split: str, names: tuple[str, ...] | None) -> None:
    folder = split_folder(root, split)
    if not folder.is_dir():
        return
    known = set(names or ())
    empty = [
        entry.name
        for entry in sorted(folder.iterdir())
        if entry.is_dir()
        and not entry.name.startswith(".")
        and entry.name not in known
        and not any(str(Path(name)).startswith(entry.name) for name in known)
    ]
    if empty:
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise TrainingError(f"{folder}: these class folders hold no images: {shown}; fill them or remove them")


@contextlib.contextmanager
def quiet_readers() -> Iterator[None]:
    """timm's readers log each damaged image by themselves; the run counts and names them once."""
    logger = logging.getLogger("timm.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
