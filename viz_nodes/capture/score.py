"""The one number that is explained, of any raw output of the network, also of a forward with something replaced."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from viz_nodes.capture.outputs import Reading, Target, attributes_of, probabilities, read, tensors_of

if TYPE_CHECKING:
    from viz_nodes.explanation import Explanation

CUSTOM = -1
"""In `Score.index`: what is explained is a callable, not a class."""


def lines_of(raw: Any, chosen: Sequence[int], count: int) -> Any:
    """The output for chosen images, of an output for `count` of them; itself where all are wanted, in order."""
    if list(chosen) == list(range(count)):
        return raw
    if isinstance(raw, Tensor):
        return raw[list(chosen)] if raw.ndim and raw.shape[0] == count else raw
    if isinstance(raw, Mapping):
        parts = {key: lines_of(value, chosen, count) for key, value in raw.items()}
        try:
            return type(raw)(parts)  # type: ignore[call-arg]
        except TypeError:
            return parts
    if isinstance(raw, (list, tuple)):
        if len(raw) == count and not any(isinstance(value, (Tensor, list, tuple)) for value in raw):
            return [raw[at] for at in chosen]  # a detector's: an entry an image
        lines = [lines_of(value, chosen, count) for value in raw]
        return type(raw)(*lines) if hasattr(raw, "_fields") else type(raw)(lines)
    if held := attributes_of(raw):
        chosen_lines = copy.copy(raw)
        vars(chosen_lines).update({name: lines_of(value, chosen, count) for name, value in held.items()})
        return chosen_lines
    return raw


def line_of(raw: Any, at: int, count: int) -> Any:
    """The output for one image without its batch axis, as pytorch-grad-cam's targets take it."""
    if isinstance(raw, Tensor):
        return raw[at] if raw.ndim and raw.shape[0] == count else raw
    if isinstance(raw, Mapping):
        return {key: line_of(value, at, count) for key, value in raw.items()}
    if isinstance(raw, (list, tuple)):
        if len(raw) == count and not any(isinstance(value, (Tensor, list, tuple)) for value in raw):
            return raw[at]
        return tuple(line_of(value, at, count) for value in raw)
    return raw


def of_one_image(target: Any) -> bool:
    """Whether a callable is pytorch-grad-cam's, which are given one image's output at a time."""
    return any(kind.__module__.startswith("pytorch_grad_cam.") for kind in type(target).__mro__)


@dataclass(frozen=True, eq=False)
class Score:
    """The number that is explained, one a row (one image explained for one target); R rows, image-major.

    Made once from output, target and versus (`viz_nodes.cams.resolve`); gradients, effects, perturbations and metrics
    all ask this one. Call it with a raw output of the network.

    Attributes:
        index: (R,) int64 the class of each row, `CUSTOM` where it is a callable.
        source: (R,) int64 which image a row explains.
        versus: (R,) int64 the class it is contrasted with, or None.
        functions: for each row the callable on the raw output, or None where `index` says it; empty where all do.
        reading: where the logits are; None asks each output by the rules of `read`.
    """

    index: Tensor
    source: Tensor
    versus: Tensor | None = None
    functions: tuple[Target | None, ...] = ()
    reading: Reading | None = None

    def __len__(self) -> int:
        return int(self.index.shape[0])

    @property
    def images(self) -> int:
        """How many images are explained."""
        return int(self.source.max()) + 1 if len(self) else 0

    @property
    def per_image(self) -> int:
        """Rows an image: 3 for "top3", else 1."""
        return len(self) // max(1, self.images) if len(self) else 1

    @property
    def rounds(self) -> list[Tensor]:
        """The rows in groups that hold every image once, so that one backward serves a group: (images,) int64 each."""
        return [torch.arange(start, len(self), self.per_image) for start in range(self.per_image)]

    def read(self, raw: Any) -> Reading:
        """How an output is read."""
        return read(raw) if self.reading is None else self.reading

    def row(self, at: int) -> Score:
        """The score of one row, as the only one of the only image."""
        return Score(
            index=self.index[at : at + 1],
            source=torch.zeros(1, dtype=torch.int64),
            versus=None if self.versus is None else self.versus[at : at + 1],
            functions=self.functions[at : at + 1],
            reading=self.reading,
        )

    def __call__(self, raw: Any, rows: Tensor | None = None) -> Tensor:
        """The explained score of every row, differentiable.

        Args:
            raw: what the network returned: for all images without `rows`, with them for n, one for each of them.
            rows: (n,) int64 rows of this score, in any order and as often as wanted.

        Returns:
            (R,), or (n,) with `rows`: logit of the class, minus the logit of `versus` where there is one; or what the
            callable made of the output.

        Raises:
            ValueError: a callable did not return one score for each image.
            TypeError: a class is explained, and the output holds no logits.
        """
        lines = self.source if rows is None else torch.arange(len(rows))
        count = self.images if rows is None else len(rows)
        chosen = torch.arange(len(self)) if rows is None else rows.cpu()
        index = self.index[chosen]
        parts: list[Tensor] = []
        logits = None
        if bool((index != CUSTOM).any()) or self.versus is not None:
            logits = self.read(raw).logits(raw)[lines.to(_device_of(raw))]
            parts = list(logits.gather(1, index.clamp(min=0).to(logits.device)[:, None])[:, 0].unbind())
        parts = self._called(raw, parts, lines.tolist(), chosen.tolist(), count)
        scores = torch.stack(parts)
        if self.versus is not None and logits is not None:
            scores = scores - logits.gather(1, self.versus[chosen].to(logits.device)[:, None])[:, 0]
        return scores

    def _called(self, raw: Any, parts: list[Tensor], lines: list[int], chosen: list[int], count: int) -> list[Tensor]:
        """The scores of classes in `parts`, with those of callables in their places."""
        if not self.functions:
            return parts
        parts = parts or [torch.empty(0)] * len(chosen)
        for function in dict.fromkeys(f for f in self.functions if f is not None):
            places = [at for at, row in enumerate(chosen) if self.functions[row] is function]
            if not places:
                continue
            if of_one_image(function):
                reading = self.read(raw)
                named = raw if reading.problem and not (reading.path or reading.pick) else reading.named(raw)
                scores = [_scalar(function, line_of(named, lines[at], count)) for at in places]
            else:
                scores = list(_lines(function, lines_of(raw, [lines[at] for at in places], count), len(places)))
            for at, score in zip(places, scores):
                parts[at] = score
        return parts

    def probability(self, raw: Any, rows: Tensor | None = None) -> Tensor:
        """(R,) or (n,) what curves show: the probability of the class, or the score itself where there is none."""
        reading = self.read(raw)
        if self.functions or reading.activation == "none":
            return self(raw, rows)
        lines = self.source if rows is None else torch.arange(len(rows))
        logits = reading.logits(raw)[lines.to(_device_of(raw))]
        index = self.index if rows is None else self.index[rows.cpu()]
        return probabilities(logits, reading.activation).gather(1, index.to(logits.device)[:, None])[:, 0]

    def words(self, row: int) -> str:
        """What is explained where it is no class: the callable's own words, "" for a class."""
        function = self.functions[row] if self.functions else None
        if function is None:
            return ""
        own = getattr(function, "words", None)
        name = getattr(function, "__name__", None) or type(function).__name__
        if isinstance(own, str) and own:
            return own
        return "custom target" if name == "<lambda>" else str(name).strip("_").replace("_", " ")


def _device_of(raw: Any) -> torch.device:
    return next((value.device for _, value in tensors_of(raw)), torch.device("cpu"))


def _scalar(function: Target, line: Any) -> Tensor:
    score = function(line)
    if not isinstance(score, Tensor) or score.numel() != 1:
        got = tuple(score.shape) if isinstance(score, Tensor) else type(score).__name__
        raise ValueError(
            f"`target` {type(function).__name__} must give one number an image (got {got}); name the part of the "
            "output that it takes with `output`"
        )
    return score.reshape(())


def _lines(function: Target, raw: Any, count: int) -> Tensor:
    scores = function(raw)
    if not isinstance(scores, Tensor):
        raise TypeError(f"a callable `target` must return a tensor (got {type(scores).__name__})")
    if scores.numel() == 1 and count == 1:
        scores = scores.reshape(1)
    if tuple(scores.shape) != (count,):
        raise ValueError(
            f"a callable `target` must return one score for each of {count} images, shape ({count},) "
            f"(got {tuple(scores.shape)})"
        )
    return scores


def score_of(exp: Explanation) -> Score:
    """The score that an explanation explains, for a network to be run again.

    Raises:
        ValueError: it was read from a file, and its target was a callable, which no file holds.
    """
    score = exp.scored_by
    if isinstance(score, Score):
        return score
    if bool((exp.target == CUSTOM).any()):
        raise ValueError("the explanation must be of classes, or not have been read from a file (a target is callable)")
    assert exp.source is not None
    reading = Reading(path=tuple(exp.output), activation=exp.activation)
    return Score(exp.target, exp.source, exp.versus, (), reading)
