"""Aggregations seen in the arithmetic of a forward, in networks that hand no graph to any module.

While a forward runs under a `Trace`, every torch function it calls is looked at: where elements are moved their origins
move along (`origins`), and where many places become one, by a maximum, a sum or a mean over an axis, by one maximum or
sum after the other, by scattering, or by a product with weights, and what becomes one came from different nodes, there
is a graph: the places are the centers, what came together are their neighbors. What is handed to the network is equal
to the last bit to what it would have got.

Each way to write an aggregation has a file: reductions over an axis here, `folds`, `scattering` and `products` beside
it; `hearing` is what they share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from viz_nodes.capture.calls import Runs
from viz_nodes.capture.folds import Folds
from viz_nodes.capture.functions import MOVES, SHUFFLES
from viz_nodes.capture.hearing import Hearing
from viz_nodes.capture.messages import Seen, repeats
from viz_nodes.capture.origins import Origins
from viz_nodes.capture.products import PRODUCTS, multiplied
from viz_nodes.capture.scattering import SCATTERS, scattered
from viz_nodes.capture.spread import SPREADS
from viz_nodes.capture.tensor_notes import tensors_in

_REDUCTIONS = {
    "max": "max",
    "amax": "max",
    "sum": "sum",
    "mean": "mean",
    "max_pool2d": "max",
    "min": "min",
    "amin": "min",
    "std": "std",
    "var": "var",
}
_TAINTLESS = frozenset(
    (
        *("dim", "size", "numel", "__get__", "is_floating_point", "stride", "data_ptr", "is_contiguous", "item"),
        *("tolist", "topk", "sort", "argsort", "argmax", "argmin", "__len__", "nonzero", "cdist", "norm"),
        *("conv_transpose2d", "avg_pool2d", "adaptive_avg_pool2d", "interpolate"),
    )
)
"""Names of functions that pass no features on: what they give is no number, or is to choose by, or blurs."""
_CHOICES = frozenset(
    (
        *("topk", "sort", "argsort", "cdist", "gather", "index_select", "roll", "nonzero", "softmax"),
        "scaled_dot_product_attention",
    )
)
"""Names of functions that choose, compare or move nodes."""
_PROPERTIES = {getattr(Tensor, name): name for name in ("T", "mT", "H", "mH")}


def unwatched() -> Any:
    """A context in which no `Trace` looks: for what hooks compute that is no part of the network."""
    return torch._C.DisableTorchFunction()


class Trace(TorchFunctionMode):
    """Watches one forward.

    Attributes:
        origins: where the elements of tensors came from.
        hearing: what is told of every aggregation.
        folds: the maxima and sums that may go on yet.
        leaked: is told where features of neighbors were used in a way that is none.
        gathered: where set, gives what is to stand for features that were gathered, so that nodes stand several times.
        paused: while true nothing is looked at.
        inside: gives the runs of modules that the network is in.
        choices: how often nodes were chosen, compared or moved, by the name of the function.
    """

    def __init__(
        self,
        images: int,
        seen: Callable[[Seen], Tensor],
        leaked: Callable[[], None] = lambda: None,
        inside: Callable[[], Runs] = frozenset,
    ) -> None:
        super().__init__()
        self.leaked, self.inside = leaked, inside
        self._carried: dict[int, tuple[Tensor, Runs]] = {}
        self.gathered: Callable[[Tensor], Tensor] | None = None
        self.paused = False
        self.choices: dict[str, int] = {}
        self.origins = Origins()
        self.hearing = Hearing(images, self.origins, seen)
        self.folds = Folds(self.hearing)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if self.paused:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = _PROPERTIES.get(getattr(func, "__self__", None), "__get__")
        if name in _CHOICES:
            self.choices[name] = self.choices.get(name, 0) + 1
        args, kwargs = self.folds.by_place(name, args, kwargs)
        fold = self.folds.kind_of(name, args)
        if fold is None and name not in _TAINTLESS and name not in ("shape", "__get__"):
            args, kwargs = self.folds.ended_in(args, kwargs)
        known = self.origins.before_writing(name, args)
        result = func(*args, **kwargs)
        if known:
            self.origins.put(args[0], known)
        self._carry(name, args, kwargs, result)
        self.origins.passes_on(args, kwargs, result)
        self.origins.weighs(name, args, result)
        if name in ("__get__",) or (name in _TAINTLESS and not isinstance(result, Tensor)):
            return result
        if fold is not None:
            return self.folds.note(fold, args, result)
        if name in MOVES or name == "pad":
            self.origins.moved(func, name, args, kwargs, result)
            return result if self.gathered is None or name not in SHUFFLES else self._as_gathered(result)
        handed, first = None, self.hearing.told
        if name in _REDUCTIONS:
            handed = self._reduced(name, args, kwargs, result)
        elif name in SCATTERS:
            handed = scattered(self.hearing, name, args, kwargs, result)
        elif name in PRODUCTS:
            handed = multiplied(self.hearing, name, args, result)
        if handed is not None:
            for value in tensors_in(handed):
                self.origins.note_made_of(value, self.origins.made_of(value) | set(range(first, self.hearing.told)))
            self.origins.passes_on(args, kwargs, handed)
            return handed
        if name not in _TAINTLESS:
            if name in _REDUCTIONS:
                self._over_channels(name, args, kwargs, result)
            elif name not in PRODUCTS:
                self.origins.computed(args, kwargs, result)
            if self._leaks(args, kwargs, result):
                self.leaked()
        self.origins.laid_out(name, args, kwargs, result)
        return result

    def _as_gathered(self, result: Any) -> Any:
        if self.gathered is None or not isinstance(result, Tensor):
            return result
        known = self.origins.of(result)
        if not any(origin.pure and repeats(origin) for origin in known):
            return result
        other = self.gathered(result)
        self.origins.put(other, known)
        return other

    def _carry(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """Note what was made of features of neighbors to choose by, such as a distance, and what was made of that.

        No harm if it ends in a choice; should it reach what the network returns, it was more than that.
        """
        results = [value for value in tensors_in(result) if value.is_floating_point()]
        if not results:
            return
        operands = list(tensors_in((args, kwargs)))
        runs = frozenset().union(*(self.carried(value) for value in operands))
        chooses = name in _TAINTLESS and name != "__get__"
        if chooses and any(origin.moved for value in operands for origin in self.origins.of(value)):
            runs |= self.inside()
        for value in results if runs else ():
            self._carried[id(value)] = (value, runs)

    def carried(self, value: Any) -> Runs:
        """In which runs of modules what a tensor was made of was made to choose neighbors by."""
        entry = self._carried.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else frozenset()

    def _leaks(self, args: Any, kwargs: Any, result: Any) -> bool:
        """Whether features that were moved went into something that does not say so."""
        results = [value for value in tensors_in(result) if value.is_floating_point()]
        if not results or any(self.origins.of(value) for value in results):
            return False
        return any(origin.moved for value in tensors_in((args, kwargs)) for origin in self.origins.of(value))

    def _over_channels(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """A reduction over the channels of a place: the place stays."""
        tensor = args[0] if args else kwargs.get("input")
        axis, keep = _axis_of(name, tensor, args, kwargs)
        if axis is None or not isinstance(result, Tensor) or not any(o.moved for o in self.origins.of(tensor)):
            return
        if not tensor.shape[axis]:  # of nothing: no place stays
            return
        kept = []
        for origin in self.origins.of(tensor):
            first = origin.places.narrow(axis, 0, 1) if keep else origin.places.select(axis, 0)
            if any(
                not bool((origin.base.nodes(origin.places, channel).diff(dim=axis) != 0).any())
                for channel in origin.base.channels
            ):
                kept.append(replace(origin, places=first, pure=False))
        if any(origin.moved for origin in kept):
            self.origins.put(result, kept)

    # -- over an axis ------------------------------------------------------------------------------------------

    def _reduced(self, name: str, args: Any, kwargs: Any, result: Any) -> Any:
        tensor = args[0] if args else kwargs.get("input")
        known = self.origins.of(tensor)
        if not any(origin.moved for origin in known):
            return None
        axis, keep = _axis_of(name, tensor, args, kwargs)
        if axis is None:
            return None
        values = result[0] if isinstance(result, tuple) else result
        if not isinstance(values, Tensor) or not isinstance(tensor, Tensor):
            return None
        heard = self.hearing.heard(known, tensor, axis)
        if heard is None:
            return None
        kind, correction = _REDUCTIONS[name], _correction(name, args, kwargs)
        nodes = self.hearing.tell(kind, tensor, axis, heard, values if not keep else values.squeeze(axis), correction)
        if nodes is None:
            return None
        nodes = nodes.unsqueeze(axis) if keep else nodes
        return type(result)((nodes, result[1])) if isinstance(result, tuple) else nodes


def _axis_of(name: str, tensor: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | None, bool]:
    """Over which axis, and whether it stays with size one."""
    if not isinstance(tensor, Tensor):
        return None, False
    if name == "max_pool2d":
        window = args[1] if len(args) > 1 else kwargs.get("kernel_size")
        fits = (
            tensor.ndim == 4 and tuple(window) == (1, tensor.shape[3]) if isinstance(window, (tuple, list)) else False
        )
        return (3, True) if fits else (None, False)
    axis = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else None))
    at = 3 if name in SPREADS else 2
    keep = bool(kwargs.get("keepdim", args[at] if len(args) > at else False))
    if isinstance(axis, (tuple, list)) and len(axis) == 1:
        axis = axis[0]
    return (axis % tensor.ndim, keep) if isinstance(axis, int) else (None, False)


def _correction(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float:
    """What a variance or deviation takes off its count."""
    if name not in SPREADS:
        return 0.0
    correction = kwargs.get("correction", kwargs.get("unbiased", args[2] if len(args) > 2 else True))
    return 1.0 if correction is None else float(correction)
