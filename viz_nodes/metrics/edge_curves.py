"""Deletion and insertion of edges: what the network says while edges go, or come, in the order of a method.

Every order of every method is asked in the same batches, with the graphs of the image held, so that nothing changes but
the edges. Signed scores favor the class that they are of: look at the true label and at insertion, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.editing import edit_edges
from viz_nodes.capture.inputs import prepare
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.outputs import probabilities
from viz_nodes.capture.score import CUSTOM, score_of
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.text import quoted

FRACTIONS = tuple(at / 10 for at in range(11))
"""Where curves are taken unless asked otherwise."""
OF_EACH = ("node", "all")
"""What a fraction is of: the edges of every node, or all edges together."""
BATCH = 32
"""How many networks run at once, unless asked otherwise."""


def area(fractions: np.ndarray, values: np.ndarray) -> float:
    """Area under a curve by trapezoids, 0 to 1 for values of 0 to 1 over fractions 0 to 1."""
    values = np.asarray(values, dtype=np.float64)
    return float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(fractions)))


@dataclass(frozen=True, eq=False)
class EdgeCurve:
    """What the network says while edges go (deletion) or come (insertion).

    Attributes:
        fractions: (S,) from 0 to 1, how much is gone, or there.
        scores: (S,) the explained score, in logits.
        probability: (S,) of the explained class.
        label_probability: (S,) of the true label; NaN where none was given.
        classes: (S,) int64, the class that the network names.
    """

    fractions: np.ndarray
    scores: np.ndarray
    probability: np.ndarray
    label_probability: np.ndarray
    classes: np.ndarray

    @property
    def area(self) -> float:
        """Under the probability of the explained class. Low for a good deletion, high for a good insertion."""
        return area(self.fractions, self.probability)

    @property
    def label_area(self) -> float:
        """Under the probability of the true label; NaN where none was given."""
        return area(self.fractions, self.label_probability)

    def right(self, label: int) -> np.ndarray:
        """(S,) 1 where the network names `label`, 0 where not; the mean of these over images is an accuracy."""
        return np.asarray(self.classes == label, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class EdgeCurves:
    """Both curves of one order."""

    deletion: EdgeCurve
    insertion: EdgeCurve

    @property
    def difference(self) -> float:
        """Area of insertion minus area of deletion (the difference of i-WiViG, arXiv 2503.08321): high is good."""
        return self.insertion.area - self.deletion.area


def edge_curves(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    orders: Mapping[str, Mapping[int, Tensor]],
    *,
    label: int | None = None,
    fractions: Sequence[float] | np.ndarray = FRACTIONS,
    of: str = "node",
    row: int = 0,
    held: bool = True,
    batch: int = BATCH,
) -> dict[str, EdgeCurves]:
    """Deletion and insertion of edges in several orders, of one image.

    Args:
        model: the network that was explained.
        pixels: what it was given, as for `explain`.
        exp: the explanation of all its graph layers, of a class.
        orders: by name, for each layer whose edges go or come (its place from 0, negative from the end) what each edge
            is worth, (N, k), high first, as `edge_scores` gives it: NaN comes last, equal values in the order of the
            edges. Layers that are not named keep all their edges.
        label: the true class, to be watched as well.
        fractions: where the curves are taken, rising, the first 0 and the last 1.
        of: "node": so much of every node's edges, which needs no scores that compare between nodes; "all": so much of
            all edges of these layers together.
        row: of the explanation.
        held: whether all graphs stay as they were explained. Otherwise every layer builds its own, and what is cut
            or kept in it are the edges of the explanation, by sender and receiver; images run one at a time then, for
            another batch size changes last bits and so neighbors.
        batch: how many networks run at once.

    Raises:
        ValueError: not all layers explained, a callable target, no order, an order without layers, scores of another
            shape, fractions that do not rise from 0 to 1, an unknown `of`.

    Example:
        >>> by = {name: {at: edge_scores(model, pixels, exp, at, name)[name] for at in range(exp.depth)}
        ...       for name in ("share", "contribution")}
        >>> edge_curves(model, pixels, exp, by)["contribution"].difference
        0.61
    """
    row = exp.row(row)
    points = _points(fractions)
    if not orders:
        raise ValueError("`orders` must hold at least one order (got none)")
    sets: list[dict[int, Tensor]] = []
    for values in orders.values():
        first = first_edges(exp, values, points, of=of, row=row)
        there = {at: exp.layer(at).neighbors[row] != NO_EDGE for at in first}
        sets += [first, {at: there[at] & ~mask for at, mask in first.items()}]
    layers = sorted({at for masks in sets for at in masks})
    nothing = {at: torch.zeros(len(points), *exp.layer(at).neighbors.shape[1:], dtype=torch.bool) for at in layers}
    cut = {at: torch.cat([masks.get(at, nothing[at]) for masks in sets]) for at in layers}
    new = (torch.arange(len(sets)) % 2 == 1).repeat_interleave(len(points))
    once, place = _distinct(cut, None if held else new)
    answer = answers(
        model, pixels, exp, {at: mask[once] for at, mask in cut.items()}, row=row, held=held, batch=batch, new=new[once]
    )
    answer = Answers(answer.scores[place], answer.probabilities[place], answer.classes[place])
    curves = [_curve(points, part, exp, row, label) for part in _parts(answer, len(points))]
    return {name: EdgeCurves(*curves[2 * at : 2 * at + 2]) for at, name in enumerate(orders)}


def _distinct(cut: Mapping[int, Tensor], new: Tensor | None) -> tuple[list[int], Tensor]:
    """The first of equal sets, and for each set its place among these: what is equal is run once, and is equal."""
    count = len(next(iter(cut.values())))
    places: dict[tuple[bytes, ...], int] = {}
    once: list[int] = []
    place: list[int] = []
    for at in range(count):
        key = tuple(mask[at].numpy().tobytes() for mask in cut.values())
        key += () if new is None else (bytes([int(new[at])]),)
        if key not in places:
            places[key] = len(once)
            once.append(at)
        place.append(places[key])
    return once, torch.tensor(place)


def first_edges(
    exp: Explanation,
    values: Mapping[int, Tensor],
    fractions: Sequence[float] | np.ndarray,
    *,
    of: str = "node",
    row: int = 0,
) -> dict[int, Tensor]:
    """Which edges are the first of an order: by layer (S, N, k) bool, one (N, k) for each fraction.

    Args:
        exp, values, of, row: as for `edge_curves`, `values` one of its orders.
        fractions: how many of the edges; half an edge is one.

    Raises:
        ValueError: see `edge_curves`.
    """
    if of not in OF_EACH:
        raise ValueError(f"`of` must be one of {', '.join(OF_EACH)} (got {quoted(of)})")
    if not values:
        raise ValueError("an order must name at least one layer (got none)")
    points = torch.as_tensor(np.asarray(fractions, dtype=np.float64))
    shapes, worth = {}, []
    for layer, own in values.items():
        explained = exp.layer(layer)
        neighbors = explained.neighbors[row]
        if own.shape != neighbors.shape:
            raise ValueError(
                f"an order must be of shape {tuple(neighbors.shape)} for layer {explained.number} "
                f"(got {tuple(own.shape)})"
            )
        missing = neighbors == NO_EDGE
        lowest = own.double().cpu().nan_to_num(nan=-torch.inf, neginf=-torch.inf)
        shapes[explained.index] = missing
        worth.append(lowest)
    if of == "node":
        return {at: _of_nodes(each, shapes[at], points) for at, each in zip(shapes, worth, strict=True)}
    # One line of all edges, as the edges of a single node; places without an edge come last.
    flat, gone = torch.cat([each.flatten() for each in worth]), torch.cat([each.flatten() for each in shapes.values()])
    masks = _of_nodes(flat[None], gone[None], points)[:, 0]
    sizes = [each.numel() for each in worth]
    return {
        at: part.reshape(len(points), *shapes[at].shape)
        for at, part in zip(shapes, torch.split(masks, sizes, 1), strict=True)
    }


def _of_nodes(worth: Tensor, missing: Tensor, points: Tensor) -> Tensor:
    """(S, N, k), the first so many of each row's edges."""
    # A stable sort by what is there after one by worth: edges without a worth still go before places without an edge.
    first = worth.argsort(dim=1, descending=True, stable=True)
    first = first.gather(1, missing.gather(1, first).int().argsort(dim=1, stable=True))
    place = torch.empty_like(first).scatter_(1, first, torch.arange(worth.shape[1]).expand_as(first))
    counts = (points[:, None] * (~missing).sum(1) + 0.5).floor()
    return (place < counts[..., None]) & ~missing


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network says with sets of edges cut.

    Attributes:
        scores: (n,) float64 the explained score.
        probabilities: (n, classes) float64.
        classes: (n,) int64 the class named.
    """

    scores: Tensor
    probabilities: Tensor
    classes: Tensor


def answers(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    cut: Mapping[int, Tensor],
    *,
    row: int = 0,
    held: bool = True,
    batch: int = BATCH,
    new: Tensor | None = None,
) -> Answers:
    """What the network says with sets of edges cut, many sets at once.

    Args:
        model, pixels, exp, row, held, batch: as for `edge_curves`.
        cut: by layer (n, N, k) bool, n sets; True is cut.
        new: (n,) bool, where graphs are not held: whether edges that the explanation has not are cut, too, at a node
            that some of its edges are taken from. Where all of them are, they are, and where none is, they stay.

    Raises:
        ValueError: not all layers explained, a callable target, no layer.
    """
    row = exp.row(row)
    network, single = unwrap(model), exp.only(row)
    if len(exp.layers) != exp.depth:
        raise ValueError(f"`exp` must explain all {exp.depth} graph layers (got {len(exp.layers)})")
    if int(single.target[0]) == CUSTOM:
        raise ValueError("`exp` must explain a class (got a callable target)")
    if not cut:
        raise ValueError("`cut` must name at least one layer (got none)")
    assert exp.source is not None
    inputs, score = prepare(network, pixels).of(exp.source[row : row + 1]), score_of(single)
    count, size = len(next(iter(cut.values()))), batch if held else 1
    parts: list[tuple[Tensor, Tensor]] = []
    with eval_mode(network, grad=False):
        for start in range(0, count, size):
            masks = {exp.layer(at).index: mask[start : start + size] for at, mask in cut.items()}
            rows = torch.zeros(len(next(iter(masks.values()))), dtype=torch.int64)
            others = new is not None and bool(new[start])
            edits: Any = masks if held else {at: _by_ends(single, at, mask, others) for at, mask in masks.items()}
            with edit_edges(network, cut=edits, frozen=single if held else None):
                raw = inputs.of(rows).run(network)
            parts.append((score(raw, rows).detach().cpu().double(), score.read(raw).logits(raw).detach().cpu()))
            reading = score.read(raw)
    logits = torch.cat([each for _, each in parts])
    return Answers(
        torch.cat([each for each, _ in parts]), probabilities(logits.double(), reading.activation), logits.argmax(1)
    )


def _by_ends(exp: Explanation, layer: int, mask: Tensor, others: bool) -> Callable[[Tensor], Tensor]:
    """Edges of an explanation as edges of whatever graph is built: those of the same sender and receiver."""
    known = exp.layer(layer).neighbors[0]
    there = known != NO_EDGE
    gone, left = mask[0] & there, ~mask[0] & there
    strange = gone.any(1) & (~left.any(1) | others)

    def chosen(neighbors: Tensor) -> Tensor:
        nobody = max(int(known.max()), int(neighbors.max())) + 1
        table = strange[:, None].repeat(1, nobody + 1)
        table.scatter_(1, torch.where(gone, known, nobody), True)
        table.scatter_(1, torch.where(left, known, nobody), False)
        return table.gather(1, neighbors[0].clamp(min=0))[None]

    return chosen


def _points(fractions: Sequence[float] | np.ndarray) -> np.ndarray:
    points = np.asarray(fractions, dtype=np.float64)
    if len(points) < 2 or points[0] != 0 or points[-1] != 1 or not (np.diff(points) > 0).all():
        raise ValueError(f"`fractions` must rise from 0 to 1 (got {quoted(list(fractions))})")
    return points


def _parts(answer: Answers, size: int) -> list[Answers]:
    pieces = [torch.split(each, size) for each in (answer.scores, answer.probabilities, answer.classes)]
    return [Answers(*each) for each in zip(*pieces, strict=True)]


def _curve(points: np.ndarray, answer: Answers, exp: Explanation, row: int, label: int | None) -> EdgeCurve:
    missing = np.full(len(points), np.nan)
    return EdgeCurve(
        points,
        answer.scores.numpy(),
        answer.probabilities[:, int(exp.target[row])].numpy(),
        missing if label is None else answer.probabilities[:, label].numpy(),
        answer.classes.numpy(),
    )
