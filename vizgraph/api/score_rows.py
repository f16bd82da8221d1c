"""Part of `vizgraph.score`: the lines of all images, those of the journal as they stand there, the others measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from viz_nodes.text import quoted
from vizgraph.errors import as_usage

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from viz_nodes.explanation import Explanation
    from vizgraph.api.journal import Journal
    from vizgraph.api.score import Measures
    from vizgraph.api.study import Study
    from vizgraph.api.subjects import Subject

NODES, EDGES = "nodes", "edges"
_PASSES = {"cosine": 1, "gradient": 3, "integrated": 60}
"""Passes of the network, a layer, that scores of edges cost; a backward counts as two."""
_LEARNED = {"gnnexplainer": 300, "pgexplainer": 100}
"""The same, for all layers together."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of every image.

    Attributes:
        maps: CAM methods by their names, and "random".
        edges: methods for edges.
        measures: what is measured; its `edges` instead of the above.
    """

    maps: tuple[str, ...]
    edges: tuple[str, ...]
    measures: Measures

    @classmethod
    def checked(cls, maps: Sequence[str], edges: Sequence[str], measures: Measures) -> Wanted:
        """The names as they are called.

        Raises:
            UsageError: an unknown method, or none.
        """
        from viz_nodes.cams import lookup
        from viz_nodes.metrics.edge_scores import METHODS

        with as_usage("--method"):
            chosen = tuple(name if name == "random" else lookup(name).name for name in maps)
        with as_usage("--edge-method"):
            for name in (*edges, *measures.edges):
                if name not in METHODS:
                    raise ValueError(f"edges can be scored by {', '.join(METHODS)} (got {quoted(name)})")
            if not (chosen or edges or measures.edges):
                raise ValueError("there is no method to be scored; name one for nodes or one for edges")
        return cls(chosen, tuple(edges), measures)

    @property
    def names(self) -> dict[str, list[str]]:
        """As a result holds them."""
        if self.measures.edges:
            return {EDGES: list(self.measures.edges)}
        if self.measures.sanity:
            return {NODES: list(self.maps)}
        return {NODES: list(self.maps), EDGES: list(self.edges)}


class Rows:
    """The lines of a network's images.

    Attributes:
        left_out: methods that the network cannot answer, and why.
    """

    def __init__(self, model: nn.Module, wanted: Wanted, layers: Sequence[int], target: int | str | None) -> None:
        from viz_nodes.metrics.benchmark import MapScores
        from viz_nodes.metrics.benchmark import Measures as Measured
        from viz_nodes.metrics.edge_benchmark import EdgeBenchmark

        self.model, self.wanted = model, wanted
        self.layers, self.target = list(layers), target
        own = {each.name for each in fields(Measured)}
        measured = Measured(**{name: value for name, value in vars(wanted.measures).items() if name in own})
        self._maps = MapScores(model, wanted.maps, layers, measured)
        self._edges = EdgeBenchmark(model, measured)
        self.left_out: dict[str, str] = {}

    def table(self, study: Study, journal: Journal, show: bool) -> pd.DataFrame:
        """A line for each image, kind, layer and method, whatever was there already."""
        import pandas as pd

        lines: list[dict[str, Any]] = []
        walk = study.walk(journal, self._measured, doing="scoring", show=show, parts=self._parts(), cost=self._cost)
        for subject, part, rows in walk:
            lines += [{"image": subject.name, **_with_kind(part, row)} for row in rows if "why" not in row]
            self.left_out |= {row["method"]: row["why"] for row in rows if "why" in row}
        return pd.DataFrame(lines, columns=self.columns)

    @property
    def columns(self) -> list[str]:
        """Of the table."""
        from viz_nodes.metrics import agreement, benchmark, cascade

        if self.wanted.measures.edges:
            return list(agreement.COLUMNS)
        if self.wanted.measures.sanity:
            return list(cascade.COLUMNS)
        return ["image", "of", "layer", "method", "label", "target", "probability", *benchmark.FIGURES]

    def _parts(self) -> list[str]:
        """What is measured, and kept, in one piece: a method for nodes, or all for edges, which share batches."""
        if self.wanted.measures.edges:
            return [f"agreement {','.join(self.wanted.measures.edges)}"]
        if self.wanted.measures.sanity:
            return [f"sanity {','.join(self._learned_maps())}"]
        edges = [f"{EDGES} {','.join(self.wanted.edges)}"] if self.wanted.edges else []
        return [*(f"{NODES} {name}" for name in self.wanted.maps), *edges]

    def _learned_maps(self) -> list[str]:
        """The methods that could forget something: a dice has nothing to forget."""
        return [name for name in self.wanted.maps if name != "random"]

    def _measured(self, subject: Subject, part: str) -> list[dict[str, Any]]:
        about: dict[str, Any] = {"label": subject.label, "mask": subject.mask, "number": subject.index}
        kind, _, name = part.partition(" ")
        known = {} if subject.label is None else {"label": subject.label}
        if kind == NODES:
            return [known | line for line in self._maps.lines(subject.pixels, name, target=self.target, **about)]
        if kind == EDGES:
            lines = self._edges.lines(subject.pixels, self.wanted.edges, target=self.target, **about)
            left_out = [{"method": method, "why": why} for method, why in self._edges.left_out.items()]
            return [*(known | line for line in lines), *left_out]
        if kind == "sanity":
            return self._sanity(subject)
        from viz_nodes.metrics.agreement import agreement

        named, measures = [(subject.name, subject.pixels)], self.wanted.measures
        one_image = agreement(
            self.model, named, methods=measures.edges, layers=self.layers, target=self.target, seed=measures.seed
        )
        return next(iter(one_image))

    def _sanity(self, subject: Subject) -> list[dict[str, Any]]:
        """What is left of maps and edges while the network forgets, beside a dummy that it has to fail."""
        from viz_nodes.metrics.cascade import cascade_images
        from viz_nodes.metrics.known_truth import DUMMY

        cascades = cascade_images(
            self.model,
            [(subject.name, subject.pixels, self.target)],
            methods=(*self._learned_maps(), DUMMY),
            layers=self.layers,
            seed=self.wanted.measures.seed + 7919 * subject.index,
        )
        return next(iter(cascades))

    def _cost(self, subject: Subject) -> tuple[int, float]:
        """Forwards that an image takes, and seconds of them, by how long one took."""
        import viz_nodes
        from vizgraph.api.study import seconds_of_a_pass

        passes = self._passes(viz_nodes.explain(self.model, subject.pixels, target=self.target))
        return passes, passes * seconds_of_a_pass(self.model, subject.pixels)

    def _passes(self, exp: Explanation) -> int:
        """How many forwards an image takes; a backward counts as two."""
        depth, measures = exp.depth, self.wanted.measures
        edges = sum(int((layer.neighbors[0] >= 0).sum()) for layer in exp.layers)
        most = max(layer.neighbors.shape[2] for layer in exp.layers)
        own = {"effect": edges // 2}
        for name in (*self.wanted.edges, *measures.edges):
            own.setdefault(name, _LEARNED.get(name, depth * _PASSES.get(name, 0)))
        if measures.edges:
            return 3 + depth * most + sum(own[name] for name in measures.edges if name != "effect")
        if measures.sanity:
            from viz_nodes.metrics.cascade import steps_of

            return 3 * (2 + len(self._learned_maps())) * (1 + len(steps_of(self.model)))
        maps = 3 * (1 + measures.draws + measures.randomize)
        maps += len(self.layers) * (2 * (measures.steps + 1) + measures.samples + 30 * measures.road)
        curves = len(self.wanted.edges) * 2 * min(measures.steps, most)
        explained = 3 * (1 + measures.draws) + sum(own[name] for name in self.wanted.edges) * (1 + measures.draws)
        orders = curves + measures.samples + explained if self.wanted.edges else 0
        return len(self.wanted.maps) * maps + orders


def _with_kind(part: str, row: dict[str, Any]) -> dict[str, Any]:
    """A line with its kind, and its layer from 1."""
    layer = row["layer"] + 1 if isinstance(row["layer"], int) else row["layer"]
    return {"of": part.partition(" ")[0], **row, "layer": layer}
