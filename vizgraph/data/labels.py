"""Names of classes: those that came with a network's weights, those of a file, and ImageNet-1k's, offline."""

from __future__ import annotations

import csv
import functools
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from viz_nodes.text import quoted
from vizgraph.errors import UsageError, first_line

LONGEST_LABEL, LONGEST_LABELS = 300, 2**20
"""Characters of one class name, and of all of them."""
_LARGEST_FILE = 16 * 2**20
IMAGENET = "imagenet"
"""What names ImageNet-1k's classes where a file of names is asked for."""
_SAME_NAME = {"n02012849": "crane (bird)", "n03126707": "crane (machine)", "n03710721": "maillot (tank suit)"}
_NAME_COLUMNS = ("name", "label", "class", "class_name", "classname", "label_name", "category", "species", "title")
_NUMBER_COLUMNS = ("index", "id", "idx", "class_id", "class_index", "label_id", "number", "target", "category_id")
_NAMED_LISTS = ("names", "classes", "CLASSES", "label_names", "labels", "class_names", "id2label", "label2id")
_IMAGENET_TAG = re.compile(r"(^|_)in1k$")


def labels_of(model: Any) -> tuple[str, ...] | None:
    """Class names of a network, in the order of its logits.

    Args:
        model: a network; its names lie in `model.pretrained_cfg["label_names"]`.

    Returns:
        Its own names; without such, those of ImageNet-1k where its weights are known to be trained on that
        (`pretrained_cfg["tag"]`, which `vizgraph.load_model` keeps for published weights alone); else None. Names that
        are not as many as the classes are none.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    facts = cfg if isinstance(cfg, Mapping) else vars(cfg) if cfg is not None else {}
    names, classes = facts.get("label_names"), getattr(model, "num_classes", None)
    if classes is None:
        classes = facts.get("num_classes")
    if names is not None:
        names = tuple(str(name) for name in names)
        return names if classes is None or len(names) == classes else None
    return imagenet_names() if classes == 1000 and _IMAGENET_TAG.search(str(facts.get("tag") or "")) else None


def read_labels(source: str | os.PathLike[str] | Sequence[str] | None) -> tuple[str, ...] | None:
    """Class names in the order of a network's logits, from wherever people have them.

    Args:
        source: a file: a line each (with the numbers before them, or without), `.csv` or `.tsv` (columns with or
            without a header), `.json` or `.yaml` (a list, {number: name}, {name: number}, or such a thing under
            "names", "classes", "id2label" and the like; keras' {"0": ["n01440764", "tench"]}); a folder with a folder
            for each class, as ImageFolder reads it; "imagenet"; or the names themselves. None for None.

    Raises:
        UsageError: it cannot be read, or says something else.
    """
    if source is None:
        return None
    if not isinstance(source, (str, os.PathLike)):
        names: tuple[str, ...] | None = tuple(str(name) for name in source)
        where = "the names given"
    elif os.fspath(source) == IMAGENET:
        return imagenet_names()
    else:
        path, where = _path(source), os.fspath(source)
        names = _of_folder(path) if path.is_dir() else _of_file(path)
    if not names:
        raise UsageError("--labels", f"{where} holds no class names", _CURE)
    wrong = wrong_labels(names)
    if wrong:
        raise UsageError("--labels", f"{where} has names that are {wrong}", _CURE)
    return names


_CURE = "give a class name a line, a csv, or JSON: a list, {number: name} or {name: number}"


def _path(source: str | os.PathLike[str]) -> Path:
    try:
        path = Path(source).expanduser()
    except RuntimeError:
        path = Path(source)
    if path.is_dir() or path.is_file():
        return path
    raise UsageError("--labels", f"{path} is no file", "check the name")


def _of_folder(folder: Path) -> tuple[str, ...]:
    """As torchvision's ImageFolder numbers classes: their folders, sorted by name."""
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _of_file(path: Path) -> tuple[str, ...] | None:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError("it is too large for class names")
        text = path.read_text(encoding="utf-8-sig")
        suffix = path.suffix.lower()
        if suffix == ".json":
            names = named_in(json.loads(text))
        elif suffix in (".yaml", ".yml"):
            import yaml

            names = named_in(yaml.safe_load(text))
        elif suffix in (".csv", ".tsv"):
            names = _of_table(text, "\t" if suffix == ".tsv" else None)
        else:
            names = _of_lines(text.splitlines())
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise UsageError("--labels", f"{path} cannot be read ({first_line(error)})", _CURE) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise UsageError("--labels", f"{path} cannot be read ({first_line(error)})", _CURE) from error
    if names is None:
        raise UsageError("--labels", f"{path} holds neither a list of names nor names with their numbers", _CURE)
    return names


def named_in(plain: Any) -> tuple[str, ...] | None:
    """The class names in what a JSON or YAML file holds."""
    names = in_order(plain)
    if names is not None or not isinstance(plain, dict):
        return names
    if all(isinstance(value, list) and value and all(isinstance(v, str) for v in value) for value in plain.values()):
        return in_order({key: value[-1] for key, value in plain.items()})  # keras' class index
    for key in _NAMED_LISTS:
        if key in plain and (names := in_order(plain[key])) is not None:
            return names
    listed = plain.get("categories")  # COCO
    if isinstance(listed, list) and all(isinstance(entry, dict) and "name" in entry for entry in listed):
        ordered = sorted(listed, key=lambda entry: entry.get("id", 0) if _is_whole(entry.get("id", 0)) else 0)
        named = [entry["name"] for entry in ordered]
        return tuple(map(str, named)) if all(isinstance(name, str | int | float) for name in named) else None
    return None


def in_order(plain: Any) -> tuple[str, ...] | None:
    """Class names in the order of their numbers, from a list, {name: number} or {number: name}; None for all else."""
    if isinstance(plain, (list, tuple)) and plain and all(isinstance(name, str) for name in plain):
        return tuple(plain)
    if not isinstance(plain, dict) or not plain:
        return None
    pairs = []
    for key, value in plain.items():
        if _is_whole(value) and isinstance(key, str):
            pairs.append((value, key))
        elif isinstance(value, str) and (_is_whole(key) or (isinstance(key, str) and key.isdecimal())):
            pairs.append((int(key), value))
        else:
            return None
    return _by_number(pairs)


def _by_number(pairs: Sequence[tuple[int, str]]) -> tuple[str, ...] | None:
    """Names by their numbers, which must go from 0 or 1 on without a gap."""
    ordered = sorted(pairs)
    first = ordered[0][0] if ordered else 0
    if first not in (0, 1) or [number for number, _ in ordered] != list(range(first, first + len(ordered))):
        return None
    return tuple(name for _, name in ordered)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _of_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """A name a line; numbers before all of them, "0 ant" or "0: ant", are their order."""
    names = [line.strip() for line in lines if line.strip()]
    numbered = [re.fullmatch(r"(\d+)\s*[:,;\t ]\s*(.+)", name) for name in names]
    if names and all(numbered):
        ordered = _by_number([(int(match[1]), match[2]) for match in numbered if match])
        if ordered is not None:
            return ordered
    return tuple(names)


def _of_table(text: str, delimiter: str | None) -> tuple[str, ...] | None:
    """The column of names of a table, in the order of the column of numbers where there is one."""
    if delimiter is None:
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(row)]
    if not rows:
        return None
    head = [cell.lower() for cell in rows[0]]
    name_at = next((head.index(name) for name in _NAME_COLUMNS if name in head), None)
    number_at = next((head.index(name) for name in _NUMBER_COLUMNS if name in head), None)
    if name_at is not None or number_at is not None:
        rows = rows[1:]
    columns = range(min(map(len, rows), default=0))
    if number_at is None:
        whole = [column for column in columns if all(row[column].isdecimal() for row in rows)]
        number_at = whole[0] if whole and len(columns) > 1 else None
    if name_at is None:
        name_at = next((column for column in columns if column != number_at), None)
    if name_at is None or any(len(row) <= max(name_at, number_at or 0) for row in rows):
        return None
    if number_at is None:
        return tuple(row[name_at] for row in rows)
    if not all(row[number_at].isdecimal() for row in rows):
        return None
    return _by_number([(int(row[number_at]), row[name_at]) for row in rows])


def names_of_transformers(config: Mapping[str, Any]) -> list[str] | None:
    """The class names of a `config.json` as transformers writes it, in either direction; its "LABEL_0" are none."""
    for place in ("id2label", "label2id"):
        names = in_order(config.get(place))
        made_up = names is not None and all(name == f"LABEL_{number}" for number, name in enumerate(names))
        if names and not made_up and not wrong_labels(names) and config.get("num_classes") in (None, len(names)):
            return list(names)
    return None


def wrong_labels(names: Sequence[str]) -> str:
    """Why strings cannot be class names, "" where they can."""
    if max(map(len, names), default=0) > LONGEST_LABEL:
        return f"longer than {LONGEST_LABEL} characters"
    if sum(map(len, names)) > LONGEST_LABELS:
        return f"longer than {LONGEST_LABELS} characters in all"
    # A lone surrogate is no character: neither UTF-8 nor XML can hold it.
    if any("\ud800" <= char <= "\udfff" or char in "\x00\ufffe\uffff" for name in names for char in name):
        return "no text"
    return ""


@functools.lru_cache(maxsize=1)
def imagenet_synsets() -> tuple[str, ...]:
    """The 1000 synsets of ImageNet-1k, "n01440764" first, in the order of the published networks' classes."""
    from timm.data import ImageNetInfo

    return tuple(ImageNetInfo("imagenet-1k").label_names())  # type: ignore[no-untyped-call]


@functools.lru_cache(maxsize=1)
def imagenet_names() -> tuple[str, ...]:
    """A short name for each ImageNet-1k class, no two the same, in the order of `imagenet_synsets`."""
    from timm.data import ImageNetInfo

    described = ImageNetInfo("imagenet-1k").label_descriptions()
    return tuple(
        _SAME_NAME.get(synset, text.split(",")[0].strip()) for synset, text in zip(imagenet_synsets(), described)
    )


@functools.lru_cache(maxsize=1)
def _places() -> dict[str, int]:
    return {synset: place for place, synset in enumerate(imagenet_synsets())}


def synset_index(synset: str) -> int:
    """The ImageNet-1k class of a synset: 0 for "n01440764".

    Raises:
        ValueError: it is none of the 1000.
    """
    try:
        return _places()[synset]
    except KeyError:
        raise ValueError(
            f"`synset` must be one of ImageNet-1k's 1000, like 'n01440764' (got {quoted(synset)})"
        ) from None
