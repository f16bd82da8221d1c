"""What is explained: from what a user writes to one score a row, and targets of tasks that have no classes.

A target is called with the raw output of the network. Where pytorch-grad-cam has one it does the arithmetic; its own
objects, and any built like them, are taken as they are.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.capture.outputs import Reading, Target, read
from viz_nodes.capture.score import CUSTOM, Score
from viz_nodes.text import quoted

Box = tuple[float, float, float, float]


class ClassOver:
    """A class over a region of the image: the mean of its logits there, for dense outputs (segmentation).

    Args:
        category: the class, an index into the channels.
        mask: (H, W) bool or weights, the pixels that count; at any size, enlarged or reduced to that of the output.
        box: (left, top, right, bottom) in place of a mask, as fractions of the image from 0 to 1.
        output: the key or index of the dense tensor in the raw output, such as "out" of torchvision's networks.

    Raises:
        ValueError: neither a mask nor a box, or an empty one.
    """

    def __init__(
        self,
        category: int,
        mask: Tensor | np.ndarray | None = None,
        *,
        box: Box | None = None,
        output: int | str | None = None,
    ) -> None:
        if (mask is None) == (box is None):
            raise ValueError("`ClassOver` takes either a `mask` or a `box`")
        self.category, self.output = operator.index(category), output
        self.mask = None if mask is None else torch.as_tensor(np.asarray(mask), dtype=torch.float32)
        if self.mask is not None and (self.mask.ndim != 2 or not bool((self.mask > 0).any())):
            raise ValueError(f"`mask` must be (H, W) with a pixel that counts (got shape {tuple(self.mask.shape)})")
        if box is not None and not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise ValueError(f"`box` must be (left, top, right, bottom) as fractions from 0 to 1 (got {quoted(box)})")
        self.box = box

    @property
    def words(self) -> str:
        """ "class 3 over 12 % of the image"."""
        if self.mask is not None:
            part = float((self.mask > 0).float().mean())
        else:
            assert self.box is not None
            part = (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])
        return f"class {self.category} over {max(1, round(100 * part))}\N{NO-BREAK SPACE}% of the image"

    def _weights(self, size: tuple[int, int]) -> Tensor:
        """(H, W) of the output."""
        if self.mask is not None:
            weights = torch.nn.functional.interpolate(self.mask[None, None], size, mode="area")[0, 0]
        else:
            assert self.box is not None
            left, top, right, bottom = self.box
            rows, cols = torch.arange(size[0]), torch.arange(size[1])
            across = ((cols + 1).clamp(max=right * size[1]) - cols.clamp(min=left * size[1])).clamp(min=0)
            down = ((rows + 1).clamp(max=bottom * size[0]) - rows.clamp(min=top * size[0])).clamp(min=0)
            weights = down[:, None] * across[None]
        return weights / weights.sum()

    def __call__(self, raw: Any) -> Tensor:
        """(B,)."""
        from pytorch_grad_cam.utils.model_targets import SemanticSegmentationTarget

        dense = Reading(path=() if self.output is None else (self.output,)).named(raw)
        if not isinstance(dense, Tensor) or dense.ndim != 4:
            got = tuple(dense.shape) if isinstance(dense, Tensor) else type(dense).__name__
            raise ValueError(f"`ClassOver` needs an output (B, classes, H, W) (got {got}); name it with its `output`")
        if not 0 <= self.category < dense.shape[1]:
            raise ValueError(
                f"`category` must lie in [0, {dense.shape[1]}), the output's classes (got {quoted(self.category)})"
            )
        weights = self._weights((dense.shape[2], dense.shape[3])).to(dense)
        score = SemanticSegmentationTarget(self.category, np.zeros((1, 1), np.float32))
        score.mask = weights
        return torch.stack([score(image) for image in dense])


class BoxScore:
    """How well a detector finds given boxes: for each the overlap and the score of its best match.

    By grad-cam's `FasterRCNNBoxScoreTarget`, for outputs that are a list with a mapping of `boxes` (n, 4), `labels` and
    `scores` an image, as torchvision's detectors give.

    Args:
        labels: the class of each box.
        boxes: (n, 4) left, top, right, bottom in pixels of the network's input.
        overlap: below which (intersection over union) a box counts as not found.
    """

    def __init__(self, labels: Sequence[int], boxes: Tensor | np.ndarray, *, overlap: float = 0.5) -> None:
        self.labels = [operator.index(label) for label in labels]
        self.boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        self.overlap = overlap
        if len(self.labels) != len(self.boxes) or not self.labels:
            raise ValueError(f"`labels` must name each of the {len(self.boxes)} boxes (got {len(self.labels)})")

    @property
    def words(self) -> str:
        """ "box of class 3"."""
        named = ", ".join(map(str, dict.fromkeys(self.labels)))
        return f"{'box' if len(self.labels) == 1 else f'{len(self.labels)} boxes'} of class {named}"

    def __call__(self, raw: Any) -> Tensor:
        """(B,)."""
        from pytorch_grad_cam.utils.model_targets import FasterRCNNBoxScoreTarget

        score = FasterRCNNBoxScoreTarget(self.labels, self.boxes, self.overlap)
        if not isinstance(raw, (list, tuple)) or not all(isinstance(each, dict) and "boxes" in each for each in raw):
            raise ValueError(f"`BoxScore` needs a list with a mapping of boxes an image (got {type(raw).__name__})")
        return torch.cat([score(each).reshape(1) for each in raw])


class Similarity:
    """How like a reference an embedding is: the cosine of the angle between the two.

    Args:
        reference: (D,) what to compare with: another image's embedding, say. A `target` may hold one for each image.
        output: where in the raw output the embedding (B, D) is: an index or a key.
    """

    def __init__(self, reference: Tensor, *, output: int | str | None = None) -> None:
        self.reference, self.output = torch.as_tensor(reference).detach().flatten(), output
        self.words = "similarity to a reference"

    def __call__(self, raw: Any) -> Tensor:
        """(B,)."""
        features = Reading(path=() if self.output is None else (self.output,)).named(raw)
        if not isinstance(features, Tensor) or features.ndim != 2 or features.shape[1] != len(self.reference):
            got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise ValueError(
                f"`Similarity` needs an embedding (B, {len(self.reference)}) (got {got}); name it with its `output`"
            )
        return torch.nn.functional.cosine_similarity(features, self.reference.to(features), dim=1)


def class_index(name: str, labels: Sequence[str] | None) -> int:
    """Index of a class by its name, whatever the case; "great white shark" finds "great white shark, white shark".

    Raises:
        ValueError: no class, or more than one, has that name; the message lists near matches.
    """
    if labels is None:
        raise ValueError(
            f"`target` {quoted(name)} is a name, but the class names are not known; give the index or `labels`"
        )
    wanted = " ".join(name.casefold().split())
    whole = [" ".join(label.casefold().split()) for label in labels]
    indices = [at for at, label in enumerate(whole) if label == wanted]
    if not indices:
        indices = [at for at, label in enumerate(whole) if wanted in (part.strip() for part in label.split(","))]
    if len(indices) > 1:
        raise ValueError(f"`target` {quoted(name)} names {len(indices)} classes, {indices}; give one of these indices")
    if indices:
        return indices[0]
    names = {part.strip(): at for at, label in reversed(list(enumerate(whole))) for part in (label, *label.split(","))}
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    near += [known for known in names if wanted and wanted in known]
    chosen = list(dict.fromkeys(labels[names[known]] for known in near))[:3]
    hint = f"did you mean {' or '.join(map(repr, chosen))}?" if chosen else f"choose from {_list_of(labels)}"
    raise ValueError(f"`target` {quoted(name)} is none of the {len(labels)} classes; {hint}")


def _list_of(labels: Sequence[str]) -> str:
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")


def _one(target: Any, line: Tensor | None, labels: Sequence[str] | None, what: str) -> tuple[int, Target | None]:
    """Class and callable of a target for one image, whose logits are `line` (classes,), None where there are none."""
    if not isinstance(target, (Tensor, str)) and callable(target):
        if (
            type(target).__module__.startswith("pytorch_grad_cam.")
            and type(target).__name__ == "ClassifierOutputTarget"
        ):
            return _one(target.category, line, labels, what)
        return CUSTOM, target
    if line is None:
        raise TypeError("no logits")
    classes = line.shape[0]
    if target is None:
        return int(line.argmax()), None
    if isinstance(target, str):
        known = labels is not None and any(target.casefold() == label.casefold() for label in labels)
        if known or not re.fullmatch(r"\s*\d+\s*", target):
            return class_index(target, labels), None
        target = int(target)
    if isinstance(target, bool):
        raise TypeError(f"`{what}` must be a class index, a label or a callable (got {quoted(target)})")
    try:
        index = operator.index(target)
    except TypeError:
        raise TypeError(
            f"`{what}` must be None, a class index, a label, a callable on the raw output, or a sequence with one of "
            f"these for each image (got {type(target).__name__})"
        ) from None
    if not 0 <= index < classes:
        raise ValueError(f"`{what}` must lie in [0, {classes}), the network's classes (got {quoted(index)})")
    return index, None


def _is_sequence(value: Any) -> bool:
    if isinstance(value, str) or (callable(value) and not isinstance(value, Tensor)):
        return False
    if hasattr(value, "ndim"):
        return bool(value.ndim > 0)
    return isinstance(value, Sequence)


def _for_images(value: Any, images: int, what: str) -> list[Any]:
    """One entry for each image."""
    if not _is_sequence(value):
        return [value] * images
    if len(value) != images:
        raise ValueError(f"`{what}` must hold one entry for each of the {images} images (got {len(value)})")
    return list(value)


def resolve(
    target: Any,
    raw: Any,
    labels: Sequence[str] | None = None,
    versus: Any = None,
    *,
    reading: Reading | None = None,
    images: int | None = None,
) -> Score:
    """What to explain for each image.

    Args:
        target: None (the predicted class), a class index, a label (whatever the case; also one of several names
            divided by commas), "top3" (or any other number: that many rows an image, best first), a callable on
            the raw output that gives (B,) scores, a target of pytorch-grad-cam, or a sequence with one of these for
            each image.
        raw: what the network returned; logits (B, classes), or whatever holds them.
        labels: the class names.
        versus: the class to contrast with, "why A rather than B": as `target`, but neither a callable nor "top3".
        reading: how `raw` is read; by the rules of `viz_nodes.capture.outputs.read` where None.
        images: how many images there are, for outputs without logits.

    Returns:
        R rows, image-major: B of them, or 3 * B for "top3".

    Raises:
        ValueError: an index out of range, an unknown label (the message lists near matches), a sequence whose length
            is not B.
        TypeError: none of the above; a class where the output holds no logits.
    """
    reading = read(raw) if reading is None else reading
    if versus is None and images is not None and _all_called(target, images):
        logits = None
    else:
        logits = reading.logits(raw).detach()
        images = logits.shape[0]
    top = re.fullmatch(r"top(\d+)", target) if isinstance(target, str) else None
    functions: tuple[Target | None, ...] = ()
    count = 1
    if top and logits is not None and not (labels is not None and target in labels):
        count, classes = int(top[1]), logits.shape[1]
        if not 1 <= count <= classes:
            raise ValueError(f"`target` {quoted(target)} must ask for 1 to {classes} classes")
        index = logits.topk(count, dim=1).indices.cpu().flatten()
    else:
        lines = [None] * images if logits is None else list(logits)
        pairs = [
            _one(entry, line, labels, "target") for entry, line in zip(_for_images(target, images, "target"), lines)
        ]
        index = torch.tensor([pair[0] for pair in pairs], dtype=torch.int64)
        functions = tuple(pair[1] for pair in pairs) if any(pair[1] for pair in pairs) else ()
    against = None
    if versus is not None and logits is not None:
        pairs = [
            _one(entry, line, labels, "versus") for entry, line in zip(_for_images(versus, images, "versus"), logits)
        ]
        if any(pair[1] for pair in pairs):
            raise TypeError("`versus` must be a class index or a label (got a callable)")
        against = torch.tensor([pair[0] for pair in pairs], dtype=torch.int64).repeat_interleave(count)
    return Score(index, torch.arange(images).repeat_interleave(count), against, functions, reading)


def _all_called(target: Any, images: int) -> bool:
    """Whether every image has a callable that needs no logits."""
    entries = list(target) if _is_sequence(target) and not hasattr(target, "ndim") else [target]
    named = [type(entry).__name__ == "ClassifierOutputTarget" for entry in entries]
    called = [not isinstance(entry, (Tensor, str)) and callable(entry) for entry in entries]
    return bool(entries) and all(called) and not any(named)
