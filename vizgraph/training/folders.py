"""Images in folders, a folder a class: which files there are, in an order that is always the same."""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from viz_nodes.batch.inputs import SUFFIXES
from viz_nodes.text import quoted
from vizgraph.data.images import Raster, read_image
from vizgraph.data.limits import AS_USUAL, Reading
from vizgraph.errors import DataError, ImageError, first_line

_TRAINING = ("train", "training")
_VALIDATION = ("val", "valid", "validation", "eval", "evaluation")
_SPLITS = frozenset((*_TRAINING, *_VALIDATION, "test"))
_SHOWN = 5


class ImageFolder(Dataset[tuple[Any, int]]):
    """The images below a folder; the name of the folder that holds an image is its class, as in timm's reader.

    Images are what `render` takes for one, by their endings. Hidden files and folders (`.ipynb_checkpoints`,
    `._x.jpg`) are none. A link is followed unless it leads back to a folder that it lies in.

    Args:
        root: the folder.
        class_map: a text file, a class a line, or a pickled dict: the numbers of classes; others are left out.

    Attributes:
        samples: (file, class) of each.
        class_to_idx: number of each class by name.
        left_out: how many files are no images by their endings, by ending, or lie in no folder of a class.

    Raises:
        DataError: there is no image, or a class folder without one.
    """

    def __init__(self, root: Path, class_map: str | None = None) -> None:
        self.root = Path(root)
        self.left_out: collections.Counter[str] = collections.Counter()
        files = list(_walk(self.root, (), self.left_out))
        if class_map:
            self.class_to_idx = _read_class_map(class_map, self.root)
        else:
            names = sorted({path.parent.name for path in files}, key=_natural)
            self.class_to_idx = {name: number for number, name in enumerate(names)}
        self.samples = [
            (str(path), self.class_to_idx[path.parent.name])
            for path in sorted(files, key=lambda path: _natural(str(path)))
            if path.parent.name in self.class_to_idx
        ]
        if not self.samples:
            but = f"; {self.note}" if self.left_out else ""
            raise DataError(f"{root}: holds no images{but}; a class is a folder with images in it, check data.root")
        if not class_map:
            self._require_full_classes(files)

    def _require_full_classes(self, files: list[Path]) -> None:
        full = {path.relative_to(self.root).parts[0] for path in files}
        empty = sorted(
            entry.name
            for entry in os.scandir(self.root)
            if entry.is_dir() and not entry.name.startswith(".") and entry.name not in full
        )
        if empty:
            shown = ", ".join(empty[:_SHOWN]) + (", ..." if len(empty) > _SHOWN else "")
            raise DataError(f"{self.root}: these class folders hold no images: {shown}; fill them or remove them")

    @property
    def note(self) -> str:
        """How many files are left out, and of which kinds; "" where there are none."""
        if not self.left_out:
            return ""
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.left_out.most_common(_SHOWN))
        return f"{self.left_out.total()} files are left out ({kinds})"

    def filename(self, index: int) -> str:
        """The file of an image below the root."""
        return os.path.relpath(self.samples[index][0], self.root)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """Pixels as `open_image` reads them, (height, width, 3) uint8, and the class.

        Raises:
            ImageError: the file cannot be read as an image.
        """
        raster, label = self.raster(index, AS_USUAL)
        return raster.rgb(), label

    def raster(self, index: int, reading: Reading) -> tuple[Raster, int]:
        """An image with all its bands, and the class.

        Raises:
            ImageError: the file cannot be read as an image.
        """
        path, label = self.samples[index]
        try:
            return read_image(path, reading), label
        except ImageError as error:
            # Whoever says it names the file, too, in fewer words.
            raise ImageError(str(error).removeprefix(f"{path}: ")) from None


def split_folder(root: Path, split: str) -> Path:
    """The folder of a split below a root, by its own name or one that means the same; the root where there is none."""
    names = (split, *(same for group in (_TRAINING, _VALIDATION) if split in group for same in group))
    return next((root / name for name in names if (root / name).is_dir()), root)


def require_split(root: Path, split: str) -> None:
    """A root that is divided must have the split asked for, else `train` and `val` would be taken for classes.

    Raises:
        DataError: it has not.
    """
    if root.is_dir() and split_folder(root, split) == root:
        splits = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name.lower() in _SPLITS)
        if splits:
            raise DataError(
                f"{root}: has no split {quoted(split)}, only {', '.join(splits)}; set the split or add the folder"
            )


def require_images(folder: Path) -> None:
    """Refuse a folder without an image in a folder of a class; quick where there is one.

    Raises:
        DataError: as `ImageFolder`.
    """
    if next(_walk(folder, (), collections.Counter()), None) is None:
        ImageFolder(folder)  # says what is there instead


def _walk(folder: Path, above: tuple[str, ...], left_out: collections.Counter[str]) -> Iterator[Path]:
    """Images in folders of classes; what else is there is counted in `left_out`."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror or error}); check its permissions") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), (*above, real), left_out)
        elif (suffix := os.path.splitext(entry.name)[1].lower()) not in SUFFIXES:
            left_out[suffix or "without ending"] += 1
        elif not above:
            left_out["in no class folder"] += 1
        else:
            yield Path(entry.path)


def _natural(name: str) -> list[str | int]:
    """A key that sorts 2 before 10, as timm's `natural_key` does."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name.lower()))]


def _read_class_map(class_map: str, root: Path) -> dict[str, int]:
    from timm.data.readers.class_map import load_class_map

    try:
        return dict(load_class_map(class_map, str(root)))  # type: ignore[no-untyped-call]
    except Exception as error:
        # A pickle may fail in any way.
        raise DataError(f"data.class_map={class_map}: cannot be read: {first_line(error)}") from error
