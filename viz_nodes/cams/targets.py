"""Which class an explanation is for: from what a user writes to one score a row."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

CUSTOM = -1
"""In `Targets.index`: the target is a callable, not a class."""


@dataclass(frozen=True, eq=False)
class Targets:
    """One score for each row (one image explained for one target); R rows, image-major.

    Attributes:
        index: (R,) int64 the class of each row, `CUSTOM` where it is a callable.
        source: (R,) int64 which image a row explains.
        versus: (R,) int64 the class it is contrasted with, or None.
        functions: for each row the callable on logits, or None where `index` says it.
    """

    index: Tensor
    source: Tensor
    versus: Tensor | None = None
    functions: tuple[Callable[[Tensor], Tensor] | None, ...] = field(default=())

    def __len__(self) -> int:
        return int(self.index.shape[0])

    @property
    def per_image(self) -> int:
        """Rows an image: 3 for "top3", else 1."""
        return len(self) // max(1, int(self.source.max()) + 1) if len(self) else 1

    @property
    def rounds(self) -> list[Tensor]:
        """The rows in groups that hold every image once, so that one backward serves a group: (images,) int64 each."""
        return [torch.arange(start, len(self), self.per_image) for start in range(self.per_image)]

    def scores(self, logits: Tensor, rows: Tensor | None = None) -> Tensor:
        """The explained score of every row, differentiable.

        Args:
            logits: (images, classes) without `rows`; with them (n, classes), one line for each of them.
            rows: (n,) int64 rows of these targets, in any order and as often as wanted.

        Returns:
            (R,), or (n,) with `rows`: logit of the class, minus the logit of `versus` where there is one.

        Raises:
            ValueError: a callable did not return one score for each line of logits.
        """
        if rows is None:
            rows = torch.arange(len(self))
            logits = logits[self.source.to(logits.device)]
        rows = rows.cpu()
        index = self.index[rows].to(logits.device)
        scores = logits.gather(1, index.clamp(min=0)[:, None])[:, 0]
        if self.functions:
            parts = list(scores.unbind())
            for function in {f for f in self.functions if f is not None}:
                chosen = [at for at, row in enumerate(rows.tolist()) if self.functions[row] is function]
                if chosen:
                    for at, score in zip(chosen, _call(function, logits[chosen]).unbind()):
                        parts[at] = score
            scores = torch.stack(parts)
        if self.versus is not None:
            scores = scores - logits.gather(1, self.versus[rows].to(logits.device)[:, None])[:, 0]
        return scores


def _call(function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
    scores = function(logits)
    if not isinstance(scores, Tensor):
        raise TypeError(f"a callable `target` must return a tensor (got {type(scores).__name__})")
    if scores.ndim == 0 and logits.shape[0] == 1:
        scores = scores[None]
    if tuple(scores.shape) != (logits.shape[0],):
        raise ValueError(
            f"a callable `target` must return one score for each of {logits.shape[0]} lines of logits, "
            f"shape ({logits.shape[0]},) (got {tuple(scores.shape)})"
        )
    return scores


def class_index(name: str, labels: Sequence[str] | None) -> int:
    """Index of a class by its name, whatever the case; "great white shark" finds "great white shark, white shark".

    Raises:
        ValueError: no class, or more than one, has that name; the message lists near matches.
    """
    if labels is None:
        raise ValueError(f"`target` {name!r} is a name, but the class names are not known; give the index or `labels`")
    wanted = " ".join(name.casefold().split())
    whole = [" ".join(label.casefold().split()) for label in labels]
    found = [at for at, label in enumerate(whole) if label == wanted]
    if not found:
        found = [at for at, label in enumerate(whole) if wanted in (part.strip() for part in label.split(","))]
    if len(found) > 1:
        raise ValueError(f"`target` {name!r} names {len(found)} classes, {found}; give one of these indices")
    if found:
        return found[0]
    names = {part.strip(): at for at, label in reversed(list(enumerate(whole))) for part in (label, *label.split(","))}
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    near += [known for known in names if wanted and wanted in known]
    chosen = list(dict.fromkeys(labels[names[known]] for known in near))[:3]
    hint = f"did you mean {' or '.join(map(repr, chosen))}?" if chosen else f"choose from {_list_of(labels)}"
    raise ValueError(f"`target` {name!r} is none of the {len(labels)} classes; {hint}")


def _list_of(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")


def _one(target: Any, logits: Tensor, labels: Sequence[str] | None, what: str) -> tuple[int, Callable | None]:
    """Class and callable of a target for one image, whose logits are (classes,)."""
    classes = logits.shape[0]
    if target is None:
        return int(logits.argmax()), None
    if isinstance(target, str):
        known = labels is not None and any(target.casefold() == label.casefold() for label in labels)
        if known or not re.fullmatch(r"\s*\d+\s*", target):
            return class_index(target, labels), None
        target = int(target)
    if isinstance(target, bool):
        raise TypeError(f"`{what}` must be a class index, a label or a callable (got {target!r})")
    if not isinstance(target, Tensor) and callable(target):
        return CUSTOM, target
    try:
        index = operator.index(target)
    except TypeError:
        raise TypeError(
            f"`{what}` must be None, a class index, a label, a callable on logits, or a sequence with one of these for "
            f"each image (got {type(target).__name__})"
        ) from None
    if not 0 <= index < classes:
        raise ValueError(f"`{what}` must lie in [0, {classes}), the network's classes (got {index})")
    return index, None


def _is_sequence(value: Any) -> bool:
    if isinstance(value, str) or (callable(value) and not isinstance(value, Tensor)):
        return False
    if hasattr(value, "ndim"):
        return value.ndim > 0
    return isinstance(value, Sequence)


def _for_images(
    value: Any, logits: Tensor, labels: Sequence[str] | None, what: str
) -> list[tuple[int, Callable | None]]:
    images = logits.shape[0]
    if _is_sequence(value):
        if len(value) != images:
            raise ValueError(f"`{what}` must hold one entry for each of the {images} images (got {len(value)})")
        values = list(value)
    else:
        values = [value] * images
    return [_one(entry, line, labels, what) for entry, line in zip(values, logits)]


def resolve(target: Any, logits: Tensor, labels: Sequence[str] | None = None, versus: Any = None) -> Targets:
    """What to explain for each image.

    Args:
        target: None (the predicted class), a class index, a label (whatever the case; also one of several names
            divided by commas), "top3" (or any other number: that many rows an image, best first), a callable on
            logits (B, classes) -> (B,), or a sequence with one of these for each image.
        logits: (B, classes).
        labels: the class names.
        versus: the class to contrast with, "why A rather than B": as `target`, but neither a callable nor "top3".

    Returns:
        R rows, image-major: B of them, or 3 * B for "top3".

    Raises:
        ValueError: an index out of range, an unknown label (the message lists near matches), a sequence whose length
            is not B.
        TypeError: none of the above.
    """
    if logits.ndim != 2:
        raise ValueError(f"`logits` must have shape (B, classes) (got {tuple(logits.shape)})")
    logits = logits.detach()
    images, classes = logits.shape
    top = re.fullmatch(r"top(\d+)", target) if isinstance(target, str) else None
    if top and not (labels is not None and target in labels):
        count = int(top[1])
        if not 1 <= count <= classes:
            raise ValueError(f"`target` {target!r} must ask for 1 to {classes} classes")
        index = logits.topk(count, dim=1).indices.cpu().flatten()
        functions: tuple = ()
    else:
        count = 1
        pairs = _for_images(target, logits, labels, "target")
        index = torch.tensor([pair[0] for pair in pairs], dtype=torch.int64)
        functions = tuple(pair[1] for pair in pairs) if any(pair[1] for pair in pairs) else ()
    source = torch.arange(images).repeat_interleave(count)
    against = None
    if versus is not None:
        pairs = _for_images(versus, logits, labels, "versus")
        if any(pair[1] for pair in pairs):
            raise TypeError("`versus` must be a class index or a label (got a callable)")
        against = torch.tensor([pair[0] for pair in pairs], dtype=torch.int64).repeat_interleave(count)
    return Targets(index=index, source=source, versus=against, functions=functions)
