"""Names of classes: those that came with a network's weights, and those of ImageNet-1k, offline."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

_SAME_NAME = {"n02012849": "crane (bird)", "n03126707": "crane (machine)", "n03710721": "maillot (tank suit)"}


def labels_of(model: Any) -> tuple[str, ...] | None:
    """Class names of a network, in the order of its logits.

    Args:
        model: a network; its names lie in `model.pretrained_cfg["label_names"]`.

    Returns:
        Its own names; without such, those of ImageNet-1k for a network of 1000 classes; else None. Names that are not
        as many as the classes are none.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    names = cfg.get("label_names") if isinstance(cfg, Mapping) else getattr(cfg, "label_names", None)
    classes = getattr(model, "num_classes", None)
    if classes is None and isinstance(cfg, Mapping):
        classes = cfg.get("num_classes")
    if names is not None:
        names = tuple(str(name) for name in names)
        return names if classes is None or len(names) == classes else None
    return imagenet_names() if classes == 1000 else None


@functools.lru_cache(maxsize=1)
def imagenet_synsets() -> tuple[str, ...]:
    """The 1000 synsets of ImageNet-1k, "n01440764" first, in the order of the published networks' classes."""
    from timm.data import ImageNetInfo

    return tuple(ImageNetInfo("imagenet-1k").label_names())


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
        raise ValueError(f"`synset` must be one of ImageNet-1k's 1000, like 'n01440764' (got {synset!r})") from None


def in_order(found: Any) -> tuple[str, ...] | None:
    """Class names in the order of their numbers, from a list, {name: number} or {number: name}; None for all else."""
    if isinstance(found, (list, tuple)) and found and all(isinstance(name, str) for name in found):
        return tuple(found)
    if not isinstance(found, dict) or not found:
        return None
    pairs = []
    for key, value in found.items():
        if _is_whole(value) and isinstance(key, str):
            pairs.append((value, key))
        elif isinstance(value, str) and (_is_whole(key) or (isinstance(key, str) and key.isdecimal())):
            pairs.append((int(key), value))
        else:
            return None
    numbers = sorted(number for number, _ in pairs)
    if numbers != list(range(len(pairs))):
        return None
    return tuple(name for _, name in sorted(pairs))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


LONGEST_LABEL, LONGEST_LABELS = 300, 2**20
"""Characters of one class name, and of all of them."""


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
