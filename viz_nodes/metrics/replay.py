"""Run a network with other graphs in its layers, many versions of one image in a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture import edit_edges
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.outputs import probabilities
from viz_nodes.capture.score import CUSTOM, score_of
from viz_nodes.explanation import NO_EDGE, Explanation
from viz_nodes.text import quoted


@dataclass(frozen=True, eq=False)
class Version:
    """What the layers of a network hear instead of what they would.

    Attributes:
        graphs: by layer (N, K) key nodes, `NO_EDGE` for none, in the place of the layer's own; a layer whose edges can
            only be taken out needs (N, k), the captured ones with some taken out, or none at all.
        frozen: whether the other layers keep the graphs that were captured; else each builds its own of what it is
            given.
    """

    graphs: Mapping[int, Tensor] = field(default_factory=dict)
    frozen: bool = True

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for versions that are the same run."""
        return self.frozen, *((at, tuple(graph.shape), graph.numpy().tobytes()) for at, graph in _sorted(self.graphs))


def _sorted(graphs: Mapping[int, Tensor]) -> list[tuple[int, Tensor]]:
    return [(at, graphs[at].contiguous()) for at in sorted(graphs)]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the network said to n versions.

    Attributes:
        score: (n,) float64 the explained score.
        probability: (n,) float64 of the class explained, or the score where it is none.
        logits: (n, classes) float64, None where a callable is explained and there are none.
        probabilities: (n, classes) what they are worth, or None.
    """

    score: Tensor
    probability: Tensor
    logits: Tensor | None
    probabilities: Tensor | None


class Replay:
    """One image of a network that was explained, to be run again with other graphs.

    Args:
        model: the network.
        pixels: what it was given.
        exp: the explanation of all its graph layers.
        row: of the explanation.
        batch: how many versions run at once; other numbers change the last bits.
        holds: whether the network's graphs can be held; where they cannot, no version may be frozen.

    Attributes:
        only: the explanation of the row.

    Raises:
        ValueError: not all graph layers are explained.
    """

    def __init__(
        self, model: nn.Module, pixels: Any, exp: Explanation, *, row: int = 0, batch: int = 32, holds: bool = True
    ) -> None:
        row = exp.row(row)
        if len(exp.layers) != exp.depth:
            raise ValueError(f"`exp` must explain all {exp.depth} graph layers (got {len(exp.layers)})")
        if batch < 1:
            raise ValueError(f"`batch` must be at least 1 (got {quoted(batch)})")
        assert exp.source is not None
        self.network, self.only, self.batch, self.holds = unwrap(model), exp.only(row), batch, holds
        self.inputs: Inputs = prepare(self.network, pixels).of(exp.source[row : row + 1])
        self._replaceable: dict[int, bool] = {}

    def __call__(self, versions: Sequence[Version]) -> Answers:
        """Each version once, however often it is asked for.

        Raises:
            ValueError: a graph that the network cannot be given.
        """
        unique: dict[tuple[Any, ...], int] = {}
        runs: list[Version] = []
        places = []
        for version in map(self.settled, versions):
            key = version.key
            if key not in unique:
                unique[key] = len(runs)
                runs.append(version)
            places.append(unique[key])
        parts: list[tuple[Tensor, ...]] = []
        order: list[int] = []
        for frozen in (True, False):
            due = [at for at, version in enumerate(runs) if version.frozen is frozen]
            for start in range(0, len(due), self.batch):
                chosen = due[start : start + self.batch]
                parts.append(self._run([runs[at] for at in chosen], frozen))
                order += chosen
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        at = back[torch.tensor(places)]
        columns = [torch.cat(column)[at] for column in zip(*parts, strict=True)]
        return Answers(columns[0], columns[1], *(columns[2:] if len(columns) > 2 else (None, None)))

    def settled(self, version: Version) -> Version:
        """The same run with frozen graphs where no layer is left that would build another one."""
        first = min(version.graphs, default=self.only.depth)
        held = all(at in version.graphs for at in range(first, self.only.depth))
        return Version(version.graphs, frozen=True) if held and self.holds and not version.frozen else version

    def problem(self, version: Version) -> str:
        """Why the network cannot be run so; "" where it can."""
        try:
            self._run([version], version.frozen)
        except (ValueError, RuntimeError) as error:
            return str(error)
        return ""

    def replaceable(self, layer: int) -> bool:
        """Whether a layer can be given any graph, not only its own with edges taken out."""
        if layer not in self._replaceable:
            graph = self.only.layer(layer).neighbors
            try:
                self._forward(1, {}, {layer: lambda neighbors: graph}, frozen=False)
            except (ValueError, RuntimeError):
                self._replaceable[layer] = False
            else:
                self._replaceable[layer] = True
        return self._replaceable[layer]

    def _run(self, versions: Sequence[Version], frozen: bool) -> tuple[Tensor, ...]:
        """Scores, probabilities, and logits and their probabilities where there are any."""
        cut: dict[int, Callable[[Tensor], Tensor]] = {}
        replace: dict[int, Callable[[Tensor], Tensor]] = {}
        for layer in sorted({at for version in versions for at in version.graphs}):
            if self.replaceable(layer):
                replace[layer] = self._graphs(layer, versions, frozen)
            else:
                cut[layer] = self._cuts(layer, versions)
        raw = self._forward(len(versions), cut, replace, frozen=frozen)
        score, rows = score_of(self.only), torch.zeros(len(versions), dtype=torch.int64)
        answers = [score(raw, rows), score.probability(raw, rows)]
        if int(self.only.target[0]) != CUSTOM:
            reading = score.read(raw)
            logits = reading.logits(raw)
            answers += [logits, probabilities(logits, reading.activation)]
        return tuple(each.detach().cpu().double() for each in answers)

    def _forward(
        self,
        count: int,
        cut: Mapping[int, Callable[[Tensor], Tensor]],
        replace: Mapping[int, Callable[[Tensor], Tensor]],
        *,
        frozen: bool,
    ) -> Any:
        held = self.only if frozen else None
        with (
            eval_mode(self.network, grad=False),
            edit_edges(self.network, cut=dict(cut), replace=dict(replace), frozen=held),
        ):
            return self.inputs.of(torch.zeros(count, dtype=torch.int64)).run(self.network)

    def _graphs(self, layer: int, versions: Sequence[Version], frozen: bool) -> Callable[[Tensor], Tensor]:
        captured = self.only.layer(layer).neighbors[0]

        def graphs(own: Tensor) -> Tensor:
            passed_on = [
                version.graphs.get(layer, captured if frozen else own[at if len(own) == len(versions) else 0])
                for at, version in enumerate(versions)
            ]
            widest = max(graph.shape[1] for graph in passed_on)
            return torch.stack([_wide(graph, widest) for graph in passed_on])

        return graphs

    def _cuts(self, layer: int, versions: Sequence[Version]) -> Callable[[Tensor], Tensor]:
        captured = self.only.layer(layer).neighbors[0]

        def cuts(own: Tensor) -> Tensor:
            masks = torch.zeros(len(versions), *own.shape[1:], dtype=torch.bool)
            for at, version in enumerate(versions):
                graph = version.graphs.get(layer)
                if graph is None:
                    continue
                if bool((graph == NO_EDGE).all()):
                    masks[at] = True
                elif graph.shape == captured.shape and bool(((graph == captured) | (graph == NO_EDGE)).all()):
                    masks[at] = graph == NO_EDGE
                else:
                    raise ValueError(f"layer {layer + 1} can lose edges, but cannot be given others")
            return masks

        return cuts


def _wide(graph: Tensor, width: int) -> Tensor:
    return torch.nn.functional.pad(graph, (0, width - graph.shape[1]), value=NO_EDGE)
