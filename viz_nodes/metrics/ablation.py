"""Does the graph matter? What a network answers with other edges, or ever fewer of its own, image by image.

Conditions put another graph in the place of a layer's (`CONDITIONS`), in one layer, in all up to one, and in all.
Orders cut the edges of all layers at once, the most important of each node first (deletion), or give nodes without
edges them back in this order (insertion).

Cutting makes features that the network has not seen, so everything is run twice: with the graphs of the other layers
held as they were captured ("frozen"), and with each layer building its own from what it is then given ("rebuilt").
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.explainer import explain
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.metrics.edge_curves import EdgeCurve, edge_curves
from viz_nodes.metrics.edge_scores import METHODS, edge_scores
from viz_nodes.metrics.other_graphs import CONDITIONS, graph_of, scopes
from viz_nodes.metrics.replay import Answers, Replay, Version
from viz_nodes.text import quoted

ORDERS = ("rank", "distance", "cosine", "share", "contribution", "random")
"""Orders that cost little more than an explanation; all of `viz_nodes.metrics.edge_scores.METHODS` can be asked for."""
GRAPHS = ("frozen", "rebuilt")
SCOPES = ("layer", "up to", "all")
COLUMNS = (
    "kind",
    "name",
    "graphs",
    "scope",
    "layer",
    "curve",
    "fraction",
    "predicted",
    "probability",
    "true_probability",
    "correct",
    "flip",
    "score",
)
"""Of a row, see `Ablation`."""


@dataclass(frozen=True)
class Plan:
    """What is done to the edges of an image.

    Attributes:
        conditions: of `CONDITIONS`.
        orders: of `viz_nodes.metrics.edge_scores.METHODS`; "effect" costs a forward from a layer on for each of its
            edges that carries anything.
        steps: in how many equal parts each node's edges go and come.
        each: orders also in every layer alone.
        rebuilt: also with rebuilt graphs; an order then cuts the edges it names wherever a layer builds them again.
        seed: of what is random.
        batch: how many versions of an image run at once.

    Raises:
        ValueError: an unknown condition or order, no steps, or no versions at once.
    """

    conditions: tuple[str, ...] = CONDITIONS
    orders: tuple[str, ...] = ORDERS
    steps: int = 5
    each: bool = False
    rebuilt: bool = True
    seed: int = 0
    batch: int = 32

    def __post_init__(self) -> None:
        for name, known in (("conditions", CONDITIONS), ("orders", tuple(METHODS))):
            for each in getattr(self, name):
                if each not in known:
                    raise ValueError(f"`{name}` must be among {', '.join(known)} (got {quoted(each)})")
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1 (got {quoted(getattr(self, name))})")


@dataclass(frozen=True)
class Cost:
    """What an image takes.

    Attributes:
        forwards: of the network, about.
        seconds: as measured here.
    """

    forwards: int
    seconds: float


class Ablation:
    """The answers of a network with other edges, for one image after the other.

    A row is a dictionary of `COLUMNS`:

    - `kind`: "untouched", "condition" or "order"; `name`: which;
    - `graphs`: "frozen" or "rebuilt"; `scope`, `layer`: the graphs changed are those of this "layer" (from 1), of the
      layers "up to" it, or of "all";
    - `curve`, `fraction` of orders: "deletion" or "insertion", and how much of each node's edges is gone, or there;
    - `predicted`: the class named; `correct`: whether it is the label, None without one; `flip`: whether it is another
      than with the graph untouched;
    - `probability` of the class explained, `true_probability` of the label; `score`: the logit explained.

    Args:
        model: a network that `explain` understands.
        plan: what is done.

    Attributes:
        left_out: conditions, orders and ways to hold graphs that this network does not allow, and why; known after
            the first image.
    """

    def __init__(self, model: nn.Module, plan: Plan | None = None) -> None:
        self.model, self.plan = model, plan or Plan()
        self.left_out: dict[str, str] = {}
        self._looked: set[str] = set()
        self._modes: tuple[str, ...] | None = None

    def __call__(
        self, pixels: Any, *, label: int | None = None, other: Any = None, target: Any = None, index: int = 0
    ) -> list[dict[str, Any]]:
        """The rows of one image.

        Args:
            pixels: as for `explain`, of one image.
            label: its class, where it is known.
            other: pixels of another image, for the condition of that name; without it the condition is left out.
            target: the class explained, None for the predicted one.
            index: the image's number: what is random differs from image to image.
        """
        exp = explain(self.model, pixels, target=target)
        theirs = None if other is None or "other" not in self.plan.conditions else explain(self.model, other)
        replay = self._replay(pixels, exp)
        seed = self.plan.seed * 1_000_003 + index
        before = _named(exp.logits[0])
        whole = _about("untouched", "untouched", "frozen", "all", exp.depth)
        rows = [whole | _answered(_untouched(exp), 0, label, before)]
        asked = list(self._asked(replay, theirs, seed))
        if asked:
            answers = replay([version for _, version in asked])
            rows += [about | _answered(answers, at, label, before) for at, (about, _) in enumerate(asked)]
        return [*rows, *self._orders(pixels, exp, label, before, seed)]

    def _replay(self, pixels: Any, exp: Explanation) -> Replay:
        """For one image; the first one shows whether graphs can be held and rebuilt."""
        replay = Replay(self.model, pixels, exp, batch=self.plan.batch)
        if self._modes is None:
            empty = {0: torch.full_like(exp.layer(0).neighbors[0], NO_EDGE)}
            wanted = GRAPHS if self.plan.rebuilt else GRAPHS[:1]
            problems = {mode: replay.problem(Version(empty, mode == "frozen")) for mode in wanted}
            self.left_out |= {f"graphs {mode}": why for mode, why in problems.items() if why}
            self._modes = tuple(mode for mode in wanted if not problems[mode])
        replay.holds = "frozen" in self._modes
        return replay

    def cost(self, pixels: Any, *, target: Any = None) -> Cost:
        """What an image takes, measured on a few forwards of this one.

        Args:
            pixels, target: as for a call.
        """
        exp = explain(self.model, pixels, target=target)
        replay = self._replay(pixels, exp)
        asked = [version for _, version in self._asked(replay, exp, 0)]
        different = {replay.settled(version).key: version for version in asked}
        forwards = len(different)
        few = list(different.values())[:8] or [Version(frozen=replay.holds)]
        start = time.perf_counter()
        replay(few)
        seconds = (time.perf_counter() - start) / len(few)
        modes = len(self._modes or ())
        runs = 1 + (exp.depth if self.plan.each else 0)
        forwards += modes * runs * len(self.plan.orders) * 2 * max(0, self.plan.steps - 1) + 2
        if "effect" in self.plan.orders:
            forwards += int(sum((layer.share > 0).sum() for layer in exp.layers))
        return Cost(forwards, forwards * seconds)

    def _asked(self, replay: Replay, theirs: Explanation | None, seed: int) -> Iterator[tuple[dict[str, Any], Version]]:
        depth, modes = replay.only.depth, self._modes or ()
        for condition in self.plan.conditions:
            graphs = self._graphs(condition, replay, theirs, seed)
            if graphs is None:
                continue
            for mode in modes:
                for scope, number, layers in scopes(depth):
                    about = _about("condition", condition, mode, scope, number)
                    yield about, Version({at: graphs[at] for at in layers}, mode == "frozen")

    def _orders(
        self, pixels: Any, exp: Explanation, label: int | None, before: int, seed: int
    ) -> Iterator[dict[str, Any]]:
        kept: dict[Any, Any] = {}
        scores = {order: self._scores(order, exp, pixels, seed, kept) for order in self.plan.orders}
        orders = {order: by_layer for order, by_layer in scores.items() if by_layer is not None}
        if not orders or not self._modes:
            return
        every = [layer.index for layer in exp.layers]
        runs: list[tuple[str, int, Sequence[int]]] = [("all", exp.depth, every)]
        runs += [("layer", at + 1, [at]) for at in every] if self.plan.each else []
        fractions = [step / self.plan.steps for step in range(self.plan.steps + 1)]
        for mode in self._modes:
            for scope, number, layers in runs:
                chosen = {order: {at: by_layer[at] for at in layers} for order, by_layer in orders.items()}
                curves = edge_curves(
                    self.model,
                    pixels,
                    exp,
                    chosen,
                    label=label if _known(label, exp) else None,
                    fractions=fractions,
                    held=mode == "frozen",
                    batch=self.plan.batch,
                )
                for order, both in curves.items():
                    for name in ("deletion", "insertion"):
                        about = _about("order", order, mode, scope, number) | {"curve": name}
                        yield from _points(about, getattr(both, name), exp, label, before)

    def _graphs(
        self, condition: str, replay: Replay, theirs: Explanation | None, seed: int
    ) -> dict[int, Tensor] | None:
        """By layer; None where the condition is left out."""
        if condition in self.left_out or (condition == "other" and theirs is None) or not self._modes:
            return None
        exp = replay.only
        try:
            graphs = {layer.index: graph_of(condition, layer, theirs, seed) for layer in exp.layers}
        except ValueError as error:
            self.left_out[condition] = str(error)
            return None
        if condition not in self._looked:
            self._looked.add(condition)
            why = replay.problem(Version(graphs, self._modes[0] == "frozen"))
            if condition == "undilated" and all(layer.dilation == 1 for layer in exp.layers):
                why = "every layer has a dilation of 1"
            if why:
                self.left_out[condition] = why
                return None
        return graphs

    def _scores(
        self, order: str, exp: Explanation, pixels: Any, seed: int, kept: dict[Any, Any]
    ) -> dict[int, Tensor] | None:
        if f"order {order}" in self.left_out:
            return None
        try:
            return {
                layer.index: edge_scores(
                    self.model, pixels, exp, layer.index, order, seed=seed, batch=self.plan.batch, kept=kept
                )[order]
                for layer in exp.layers
            }
        except (ValueError, ImportError) as error:
            self.left_out[f"order {order}"] = str(error)
            return None


def _untouched(exp: Explanation) -> Answers:
    """What the network said when it was explained."""
    logits, target = exp.logits[:1].double(), int(exp.target[0])
    likely = exp.probabilities[:1].double()
    if target < 0:  # a callable, whose score stands in the place of logits
        return Answers(logits[:, 0], logits[:, 0], None, None)
    score = logits[:, target] - (0 if exp.versus is None else logits[:, int(exp.versus[0])])
    return Answers(score, likely[:, target], logits, likely)


def _points(
    about: dict[str, Any], curve: EdgeCurve, exp: Explanation, label: int | None, before: int
) -> Iterator[dict[str, Any]]:
    known = _known(label, exp)
    for at, fraction in enumerate(curve.fractions):
        predicted = int(curve.classes[at]) if exp.logits.shape[1] > 1 else int(curve.scores[at] > 0)
        yield about | {
            "fraction": float(fraction),
            "predicted": predicted,
            "probability": float(curve.probability[at]),
            "true_probability": float(curve.label_probability[at]) if known else None,
            "correct": predicted == label if known else None,
            "flip": predicted != before,
            "score": float(curve.scores[at]),
        }


def _known(label: int | None, exp: Explanation) -> bool:
    return label is not None and 0 <= label < exp.logits.shape[1]


def _about(kind: str, name: str, graphs: str, scope: str, layer: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "graphs": graphs,
        "scope": scope,
        "layer": layer,
        "curve": None,
        "fraction": None,
    }


def _answered(answers: Answers, at: int, label: int | None, untouched: int) -> dict[str, Any]:
    line: dict[str, Any] = dict.fromkeys(("predicted", "true_probability", "correct", "flip"))
    line |= {"probability": float(answers.probability[at]), "score": float(answers.score[at])}
    if answers.logits is None or answers.probabilities is None:
        return line
    likely, predicted = answers.probabilities[at], _named(answers.logits[at])
    if len(likely) == 1:  # one output: of class 1 against class 0
        likely = torch.stack([1 - likely[0], likely[0]])
    line |= {"predicted": predicted, "flip": predicted != untouched}
    if label is not None and 0 <= label < len(likely):
        line |= {"correct": predicted == label, "true_probability": float(likely[label])}
    return line


def _named(logits: Tensor) -> int:
    """The class that logits (classes,) name; one output names class 1 where it is positive, else class 0."""
    return int(logits.argmax()) if len(logits) > 1 else int(logits[0] > 0)
