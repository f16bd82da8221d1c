"""What each edge of a layer is said to be worth, by every method that says it: one table of functions.

A score is (N, k) float64 in the order of `neighbors`, high where an edge is said to matter; NaN where a method was not
asked, and where there is no edge. `SIGNED` methods say also whether an edge speaks for the target (above 0) or against
it; ask the others, and the size of these, which edges matter at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture import edit_edges
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.score import score_of
from viz_nodes.capture.structure import structure
from viz_nodes.effects import effect
from viz_nodes.explanation import NO_EDGE, Explanation, LayerExplanation
from viz_nodes.metrics.learned_masks import features_of, gnnexplainer, pgexplainer
from viz_nodes.text import quoted

POINTS = 20
"""Points on the path of integrated gradients."""
_CUTS = 512
"""Single edges whose masks are held at once."""
_MAXIMA = ("mr", "edge", "sage", "max")
"""Convolutions in which an edge without share can be cut and nothing changes."""


@dataclass(frozen=True, eq=False)
class EdgeQuestion:
    """Which edges are asked about.

    Attributes:
        model: the network, `unwrap`ped.
        inputs: of one image.
        exp: its explanation, one row, all graph layers.
        layer: the layer asked about.
        source: pixels, explanation and row as a user gave them.
        nodes: centers whose edges are measured by methods that measure them one by one; None for all.
        seed: of what is random.
        batch: how many networks run at once.
        kept: what methods found for all layers at once, so that another layer of the same image need not ask again.
    """

    model: nn.Module
    inputs: Inputs
    exp: Explanation
    layer: LayerExplanation
    source: tuple[Any, Explanation, int]
    nodes: Sequence[int] | None = None
    seed: int = 0
    batch: int = 32
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def neighbors(self) -> Tensor:
        """(N, k)."""
        return self.layer.neighbors[0]

    def empty(self) -> Tensor:
        """(N, k) NaN."""
        return torch.full(self.neighbors.shape, float("nan"), dtype=torch.float64)

    def score(self, weights: Mapping[int, Tensor]) -> Tensor:
        """(n,) the explained score, differentiable, with messages weighed: by layer (n, N, k), all graphs held."""
        count = len(next(iter(weights.values())))
        rows = torch.zeros(count, dtype=torch.int64)
        with edit_edges(self.model, weigh={at: _as_is(each) for at, each in weights.items()}, frozen=self.exp):
            return score_of(self.exp)(self.inputs.of(rows).run(self.model), rows)


def _as_is(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A function of the neighbors, for a tensor would be copied."""
    return lambda neighbors: weights


def _rank(asked: EdgeQuestion) -> Tensor:
    return -torch.arange(asked.neighbors.shape[1], dtype=torch.float64).expand(asked.neighbors.shape)


def _distance(asked: EdgeQuestion) -> Tensor:
    if asked.layer.distance is None:
        raise ValueError(f"layer {asked.layer.number} must rank its neighbors by a distance, and does not")
    return -asked.layer.distance[0].double()


def _cosine(asked: EdgeQuestion) -> Tensor:
    """Of the features of center and neighbor, without what the layer adds for their positions."""
    layers = structure(asked.model, asked.inputs.args, asked.inputs.kwargs, adapters_for(None))
    centers, keys = features_of(asked.model, asked.inputs, asked.exp, layers[asked.layer.index])
    sent = keys[asked.neighbors.clamp(min=0)].double()
    return torch.nn.functional.cosine_similarity(sent, centers[:, None].double(), dim=2)


def _share(asked: EdgeQuestion) -> Tensor:
    return asked.layer.share[0].double()


def _contribution(asked: EdgeQuestion) -> Tensor:
    return asked.layer.contribution[0].double()


def _worth(asked: EdgeQuestion) -> Tensor:
    """Minus the effect: what the score loses with the edge. Not measured, but 0, where it wins no channel."""
    worth, share = asked.empty(), asked.layer.share[0]
    nodes = torch.arange(len(worth)) if asked.nodes is None else torch.tensor(list(asked.nodes))
    worth[nodes] = 0
    due = torch.zeros_like(asked.neighbors, dtype=torch.bool)
    due[nodes] = asked.neighbors[nodes] != NO_EDGE
    if asked.layer.conv in _MAXIMA:
        due &= share > 0
    pixels, exp, row = asked.source
    for part in torch.split(due.nonzero(), _CUTS):
        sets = torch.zeros(len(part), *worth.shape, dtype=torch.bool)
        sets[torch.arange(len(part)), part[:, 0], part[:, 1]] = True
        changes = effect(asked.model, pixels, exp, asked.layer.index, edges=sets, row=row, batch=asked.batch)
        worth[part[:, 0], part[:, 1]] = -changes.double()
    return worth


def _gradient(asked: EdgeQuestion) -> Tensor:
    """Of the score by what the message of each edge is multiplied by, at 1; by another way what contribution is."""
    weights = torch.ones(1, *asked.neighbors.shape, dtype=torch.float64, requires_grad=True)
    with eval_mode(asked.model):
        (gradient,) = torch.autograd.grad(asked.score({asked.layer.index: weights}).sum(), weights)
    return gradient[0].double()


def _integrated(asked: EdgeQuestion) -> Tensor:
    """Integrated gradients (Sundararajan et al., arXiv 1703.01365) of a mask on the layer's edges, from 0 to 1.

    They sum to the score less that with all messages of the layer 0.
    """
    middles = (torch.arange(POINTS, dtype=torch.float64) + 0.5) / POINTS
    total = torch.zeros(asked.neighbors.shape, dtype=torch.float64)
    with eval_mode(asked.model):
        for part in torch.split(middles, asked.batch):
            weights = part[:, None, None].expand(-1, *asked.neighbors.shape).clone().requires_grad_()
            (gradient,) = torch.autograd.grad(asked.score({asked.layer.index: weights}).sum(), weights)
            total += gradient.sum(0).double()
    return total / POINTS


def _random(asked: EdgeQuestion) -> Tensor:
    generator = torch.Generator().manual_seed(asked.seed * 1009 + asked.layer.index)
    return torch.rand(asked.neighbors.shape, generator=generator, dtype=torch.float64)


METHODS: dict[str, Callable[[EdgeQuestion], Tensor]] = {
    "rank": _rank,
    "distance": _distance,
    "cosine": _cosine,
    "share": _share,
    "contribution": _contribution,
    "effect": _worth,
    "gradient": _gradient,
    "integrated": _integrated,
    "gnnexplainer": gnnexplainer,
    "pgexplainer": pgexplainer,
    "random": _random,
}
"""By the names that commands take."""
SIGNED = ("contribution", "effect", "gradient", "integrated")
"""Methods whose scores say for or against; the edges that matter most are those of the largest size."""
OPTIONAL = ("gnnexplainer", "pgexplainer")
"""Methods that need torch_geometric."""


def edge_scores(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    layer: int,
    methods: str | Sequence[str] = ("rank", "share", "contribution"),
    *,
    row: int = 0,
    nodes: Sequence[int] | None = None,
    seed: int = 0,
    batch: int = 32,
    kept: dict[Any, Any] | None = None,
) -> dict[str, Tensor]:
    """What each edge of a layer is said to be worth, by each method.

    Args:
        model: the network that was explained.
        pixels: what it was given, as for `explain`.
        exp: the explanation of all its graph layers.
        layer: place in the network from 0, negative from its end.
        methods: names in `METHODS`.
        row: of the explanation.
        nodes: centers whose edges "effect" measures, one forward from the layer on for each edge; None for all, which
            is N * k of them. The others give all edges.
        seed: of "random", "gnnexplainer" and "pgexplainer".
        batch: how many forwards run at once.
        kept: a dictionary of yours, given again for other layers of the same image: masks that are learned for all
            layers together are learned once.

    Returns:
        By method (N, k) float64, high where the edge matters; NaN where there is no edge, or it was not measured.
        "effect" is the worth of an edge, minus what `viz_nodes.effect` returns: what the score loses with it.

    Raises:
        ValueError: an unknown method; not all layers explained; a layer that cannot be edited; no distances.
        ImportError: a method of PyTorch Geometric, which is not installed.
    """
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    for name in names:
        if name not in METHODS:
            raise ValueError(f"`methods` must be among {', '.join(METHODS)} (got {quoted(name)})")
    if len(exp.layers) != exp.depth:
        raise ValueError(f"`exp` must explain all {exp.depth} graph layers (got {len(exp.layers)})")
    row = exp.row(row)
    network, single = unwrap(model), exp.only(row)
    assert exp.source is not None
    inputs = prepare(network, pixels).of(exp.source[row : row + 1])
    explained = single.layer(layer)
    centers = None if nodes is None else [explained.node(node) for node in nodes]
    asked = EdgeQuestion(
        network, inputs, single, explained, (pixels, exp, row), centers, seed, batch, kept if kept is not None else {}
    )
    missing = explained.neighbors[0] == NO_EDGE
    return {name: METHODS[name](asked).masked_fill(missing, float("nan")) for name in names}


def importance(method: str, scores: Tensor) -> Tensor:
    """The size of signed scores, the others as they are: high where an edge matters, for or against."""
    return scores.abs() if method in SIGNED else scores
