"""Which class of a network a data set's class is: by synset, number or name; by order only where there is no name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vizgraph.data.labels import imagenet_synsets, synset_index
from vizgraph.errors import TrainingError


def match(
    names: Sequence[str] | None, labels: Sequence[str] | None, classes: int
) -> tuple[tuple[int, ...] | None, str]:
    """Match a data set's classes with a network's.

    Args:
        names: the data set's class names in the order of their numbers; None where it has none.
        labels: the network's class names; None where it has none.
        classes: how many it has.

    Returns:
        The network's number for each of the data set's (None where they are the same), and how they were matched.

    Raises:
        TrainingError: they cannot be matched.
    """
    if names is None:
        return None, "by number, as the data set names no classes"
    if labels is not None and list(names) == list(labels):
        return None, "same names in the same order"
    if all(re.fullmatch(r"n\d{8}", name) for name in names) and classes == 1000:
        unknown = sorted(set(names) - set(imagenet_synsets()))
        if not unknown:
            return _simplified([synset_index(name) for name in names], classes), "by synset"
        raise TrainingError(
            f"{len(unknown)} folders are no synsets of ImageNet-1k ({', '.join(unknown[:3])}); remove them"
        )
    if labels is not None and len(set(labels)) == len(labels) and set(names) <= set(labels):
        place = {name: number for number, name in enumerate(labels)}
        return _simplified([place[name] for name in names], classes), "by name"
    if all(re.fullmatch(r"\d+", name) for name in names) and all(int(name) < classes for name in names):
        return _simplified([int(name) for name in names], classes), "by the numbers that the classes are named after"
    if labels is not None:
        strange = [name for name in names if name not in set(labels)]
        raise TrainingError(
            f"the data set has {len(strange)} classes that the network has not (first {', '.join(strange[:3])}); "
            f"the network's {len(labels)} begin {', '.join(labels[:3])}"
        )
    if len(names) == classes:
        return None, "by folder order, as the network names no classes"
    raise TrainingError(f"the data set has {len(names)} classes, the network {classes}; name the network's own data")


def _simplified(numbers: list[int], classes: int) -> tuple[int, ...] | None:
    return None if numbers == list(range(classes)) else tuple(numbers)
