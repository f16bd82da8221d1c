"""What comes out of a network: which tensor holds the logits, and what makes probabilities of them.

A network may answer with a tensor, a tuple, a mapping or a list of detections. `read` says once how that is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from viz_nodes.text import quoted

ACTIVATIONS = ("auto", "softmax", "sigmoid", "none")
GIVEN = "given"
"""In `Reading.activation`: the outputs are probabilities already."""

Target = Callable[[Any], Tensor]
Step = int | str

_TRIVIAL = ("View", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Alias", "Clone", "ToCopy", "Expand")
_PROBABLE = ("SoftmaxBackward", "SigmoidBackward")
"""Steps whose results are probabilities."""
_BETWEEN = (
    *("Add", "Sub", "Rsub", "Mul", "Div", "Mean", "Sum", "Clamp", "Minimum", "Maximum", "Max", "Amax", "Min", "Amin"),
    *("Stack", "Cat", "Where", "Index", "Neg", "Permute", "Transpose", "TBackward"),
)
"""Steps that may follow them, as where two heads are averaged, or a score is multiplied by another."""
_NO_LOGITS = ("Softplus", "Exp", "Tanh", "LogSigmoid", "EuclideanDist", "Cdist", "LinalgVectorNorm", "Norm")
"""Last steps of networks whose outputs are numbers of another kind: evidence, log-probabilities, distances, codes."""
_POSITIVE = ("Relu", "Abs", "Sqrt", "Pow")
"""The same, of networks with one output."""
_FAR = 20.0
"""A single output as large as this is one of a regression, seldom of a network surer than float32 can tell."""


class UnlikelyLogits(UserWarning):
    """An output does not look like a logit."""


@dataclass(frozen=True, eq=False)
class Reading:
    """How the raw output of a network is read.

    Attributes:
        path: the steps into tuples, lists and mappings that lead to the tensor explained.
        pick: a user's function on the raw output, in the place of `path`.
        activation: what makes probabilities of the logits: "softmax", "sigmoid", "none" (they are plain numbers) or
            "given" (they are probabilities already).
        problem: why no tensor holds logits (B, classes), or "" where one does.
    """

    path: tuple[Step, ...] = ()
    pick: Callable[[Any], Any] | None = None
    activation: str = "softmax"
    problem: str = ""

    def named(self, raw: Any) -> Any:
        """The part of a raw output that is explained, whatever its shape."""
        if self.pick is not None:
            return self.pick(raw)
        for step in self.path:
            raw = _entered(raw, step)
        return raw

    def logits(self, raw: Any) -> Tensor:
        """(n, classes) of a raw output.

        Raises:
            TypeError: there are none, or it is not known which of several tensors they are.
        """
        if self.problem:
            raise TypeError(self.problem)
        logits = as_logits(self.named(raw))
        if logits is None:
            raise TypeError(_no_logits(raw))
        return logits

    @property
    def words(self) -> str:
        """Where in the output, "" for the output itself: "[1]", "['out'][0]", "features"."""
        if self.pick is not None:
            return str(getattr(self.pick, "__name__", type(self.pick).__name__))
        return "".join(f"[{step!r}]" for step in self.path)


def probabilities(logits: Tensor, activation: str) -> Tensor:
    """(..., classes) what the outputs are worth: their softmax, each one's sigmoid, or as they are."""
    if activation == "softmax":
        return logits.softmax(dim=-1)
    return logits.sigmoid() if activation == "sigmoid" else logits


def as_logits(value: Any) -> Tensor | None:
    """(B, classes) of (B, classes), (B,) or (B, classes, 1, 1); None for anything else."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    if value.ndim == 4 and value.shape[2:] == (1, 1):
        value = value.flatten(1)
    if value.ndim == 1 and value.numel():
        value = value[:, None]
    return value if value.ndim == 2 and value.shape[1] else None


def logits_of(raw: Any) -> Tensor:
    """(B, classes) out of what a network returns, by the rules of `read`.

    Raises:
        TypeError: there are none, or several tensors that could be it.
    """
    return read(raw).logits(raw)


def read(raw: Any, *, output: Step | Sequence[Step] | Target | None = None, activation: str = "auto") -> Reading:
    """How to read this output and those of later forwards.

    Args:
        raw: what the network returned.
        output: where the logits are: an index, a key, several of them one into the other, or a callable on `raw`; None
            for the one tensor that can be it, or the one named "logits".
        activation: one of `ACTIVATIONS`; "auto" is none where the outputs are probabilities already, a sigmoid for one
            output, and a softmax otherwise.

    Raises:
        ValueError: another activation, or no such part of the output.
        TypeError: what `output` names holds no tensor.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"`activation` must be one of {', '.join(ACTIVATIONS)} (got {quoted(activation)})")
    reading = _where(raw, output)
    if activation != "auto":
        return replace(reading, activation=activation)
    logits = None if reading.problem else as_logits(reading.named(raw))
    return replace(reading, activation="none" if logits is None else _activation(logits))


def _where(raw: Any, output: Any) -> Reading:
    if output is not None:
        if callable(output) and not isinstance(output, Tensor):
            reading = Reading(pick=output)
        else:
            steps = tuple(output) if isinstance(output, (list, tuple)) else (output,)
            reading = Reading(path=steps)
        named = reading.named(raw)
        if as_logits(named) is None:
            reading = replace(reading, problem=_no_logits(named, reading.words))
        return reading
    if as_logits(raw) is not None:
        return Reading()
    named = _entered(raw, "logits", missing=None)
    if as_logits(named) is not None:
        return Reading(path=("logits",))
    candidates = [(path, value) for path, value in tensors_of(raw) if as_logits(value) is not None and value.ndim > 1]
    candidates = [(path, value) for path, value in candidates if not _of_detections(raw, path)]
    if len(candidates) == 1:
        return Reading(path=candidates[0][0])
    if not candidates:
        return Reading(problem=_no_logits(raw))
    listed = ", ".join(f"{_written(path)} {tuple(value.shape)}" for path, value in candidates)
    example = candidates[-1][0][0] if len(candidates[-1][0]) == 1 else candidates[-1][0]
    return Reading(
        problem=f"the model returns several tensors that could be its logits: {listed}; say which with `output`, as in "
        f"`output={example!r}`"
    )


def _of_detections(raw: Any, path: Sequence[Step]) -> bool:
    """Whether a tensor belongs to what was detected: a list of mappings, one an image, or boxes (n, 4) of any."""
    listed = isinstance(raw, (tuple, list)) and bool(raw) and all(isinstance(item, Mapping) for item in raw)
    return listed or any(isinstance(step, str) and step.lower().endswith("boxes") for step in path)


def _written(path: Sequence[Step]) -> str:
    return "output" + "".join(f"[{step!r}]" for step in path)


def _no_logits(raw: Any, where: str = "") -> str:
    if isinstance(raw, Tensor):
        got = f"shape {tuple(raw.shape)}, {raw.dtype}".replace("torch.", "")
    else:
        shapes = [f"{_written(path)} {tuple(value.shape)}" for path, value in tensors_of(raw)]
        got = type(raw).__name__ + (f" with {', '.join(shapes)}" if shapes else " without any tensor")
    return (
        f"the model must return logits of shape (B, classes) (got {got}{f' at {where}' if where else ''}); for any "
        "other output say what to explain by a `target` that is a callable on it, such as viz_nodes.ClassOver(1, mask) "
        "for pixels, viz_nodes.BoxScore(...) for boxes, viz_nodes.Similarity(reference) for embeddings"
    )


_RAISE = object()


def _entered(raw: Any, step: Step, missing: Any = _RAISE) -> Any:
    """One step into a tuple, list, mapping or object with attributes."""
    try:
        if isinstance(raw, Mapping) or (isinstance(raw, (tuple, list)) and not isinstance(step, str)):
            return raw[step]  # type: ignore[index]
        if isinstance(step, str) and not isinstance(raw, Tensor) and hasattr(raw, step):
            return getattr(raw, step)
    except (KeyError, IndexError, TypeError):
        pass
    if missing is not _RAISE:
        return missing
    there = [_written(path) for path, _ in tensors_of(raw)]
    raise ValueError(
        f"`output` {quoted(step)} is no part of what the model returns, {type(raw).__name__}"
        + (f" with {', '.join(there)}" if there else "")
    )


def tensors_of(raw: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Tensor]]:
    """Every floating point tensor inside, with the steps to it."""
    if isinstance(raw, Tensor):
        if raw.is_floating_point():
            yield path, raw
    elif len(path) < 4 and isinstance(raw, Mapping):
        for key, value in raw.items():
            yield from tensors_of(value, (*path, key))
    elif len(path) < 4 and isinstance(raw, (tuple, list)):
        for at, value in enumerate(raw):
            yield from tensors_of(value, (*path, at))
    elif len(path) < 4:
        for name, value in attributes_of(raw).items():
            yield from tensors_of(value, (*path, name))


def attributes_of(raw: Any) -> dict[str, Any]:
    """What an object holds, such as a dataclass that a network returns."""
    if isinstance(raw, type) or callable(raw) or not hasattr(raw, "__dict__"):
        return {}
    return {name: value for name, value in vars(raw).items() if not name.startswith("_")}


def _activation(logits: Tensor) -> str:
    """What "auto" means for these outputs."""
    values, alone = logits.detach(), logits.shape[1] == 1
    within = bool((values >= 0).all()) and bool((values <= 1).all())
    if _all_probable(logits.grad_fn):
        return GIVEN if within and not (alone and bool((values == 1).all())) else "none"
    near = 1e-2 if values.dtype in (torch.float16, torch.bfloat16) else 1e-4
    if within and not alone and bool(((values.sum(1) - 1).abs() < near).all()):
        return GIVEN
    last = _last_step(logits.grad_fn)
    if last.startswith((*_NO_LOGITS, *_POSITIVE) if alone else _NO_LOGITS):
        return "none"
    if alone:
        if bool((values.abs() > _FAR).any()):
            largest = float(values.flatten()[values.abs().argmax()])
            warnings.warn(
                f"the only output is {largest:.4g}, of which a sigmoid is 0 or 1, and is taken for a number of another "
                "kind, as of a regression; if it is a logit, say activation='sigmoid'",
                UnlikelyLogits,
                stacklevel=4,
            )
            return "none"
        return "sigmoid"
    return "softmax"


def _all_probable(step: Any, depth: int = 12) -> bool:
    """Whether all that an output was made of, place by place, are probabilities."""
    if step is None or depth == 0:
        return False
    if step.name().startswith(_PROBABLE):
        return True
    if not step.name().startswith((*_TRIVIAL, *_BETWEEN)):
        return False
    before = [inner for inner, _ in step.next_functions if inner is not None and "AccumulateGrad" not in inner.name()]
    return bool(before) and all(_all_probable(inner, depth - 1) for inner in before)


def _last_step(step: Any) -> str:
    """The name of the step that an output comes from, but for such as only move numbers, shift or scale them."""
    while step is not None and step.name().startswith((*_TRIVIAL, "Add", "Sub", "Mul", "Div")):
        before = [inner for inner, _ in step.next_functions if inner is not None]
        if len(before) != 1:
            break
        step = before[0]
    return "" if step is None else str(step.name())
