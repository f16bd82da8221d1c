"""What an edge was worth: the change of the explained score when it is cut in the running network.

A share says what was passed on, a contribution what it was worth to first order; an effect is measured. All graphs are
held as they were captured, so that nothing changes but the edges that are cut, and the network runs from the cut layer
on, many cuts in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture import edit_edges
from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.edge_masks import Edges, edge_mask
from viz_nodes.capture.edits import NotHeld
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.resuming import resuming
from viz_nodes.capture.score import Score, score_of
from viz_nodes.capture.structure import Layer, structure
from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation
from viz_nodes.text import quoted

BATCH = 32
"""How many cuts run at once, unless asked otherwise."""
_SETS = 512
"""Single edges whose masks are held at once."""


def effect(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    layer: int,
    node: Any = None,
    *,
    edges: Tensor | Sequence[Edges] | None = None,
    row: int = 0,
    batch: int = BATCH,
    adapter: Adapter | Sequence[Adapter] | None = None,
) -> Tensor:
    """The change of the explained score when edges of a layer are cut, each alone or in sets.

    Args:
        model: the network that was explained.
        pixels: what it was given, as for `explain`.
        exp: the explanation of all its graph layers: their graphs are held, so that no later layer chooses anew.
        layer: place in the network from 0, negative from its end.
        node: whose edges, as `LayerExplanation.node` takes it; the peak by default.
        edges: sets of edges instead, the edges of a set cut together: bool (S, N, k), or a sequence with a set in any
            form that `edit_edges` takes (bool (N, k), pairs (neighbor, center), a function of the neighbors).
        row: the row of the explanation, so image and target.
        batch: how many cuts run at once.
        adapter: as for `explain`.

    Returns:
        (k,) for the node's edges by rank, or (S,) for sets: score after the cut minus score before it, in logits where
        the target is a class. Negative: the edges held the score up. Exactly 0 for an edge without share in a maximum,
        and for a place that holds no edge.

    Raises:
        ValueError: not all graph layers were explained; the map is blank and no node is given; no such edges; a layer
            whose aggregation is not understood, or before one that makes its graph itself and would choose anew.

    Example:
        >>> exp = viz_nodes.explain(model, pixels)
        >>> viz_nodes.effect(model, pixels, exp, -1)
        tensor([ 0.0000, -0.0112,  0.0031, ...])
    """
    network, row = unwrap(model), exp.row(row)
    if len(exp.layers) != exp.depth:
        raise ValueError(
            f"`exp` must explain all {exp.depth} graph layers, for all graphs are held (got {len(exp.layers)}); "
            "leave `layers` out of `explain`"
        )
    if batch < 1:
        raise ValueError(f"`batch` must be at least 1 (got {quoted(batch)})")
    single, explained = exp.only(row), exp.layer(layer)
    assert exp.source is not None
    inputs = prepare(network, pixels)
    inputs = inputs.of(exp.source[row : row + 1])
    adapters = adapters_for(adapter)
    sites = structure(network, inputs.args, inputs.kwargs, adapters)[explained.index]
    neighbors = explained.neighbors[row]
    sets = _of_node(exp, layer, node, row) if edges is None else _sets(edges, neighbors, sites)
    changed = sets.flatten(1).any(1)
    effects = torch.zeros(len(sets), dtype=exp.logits.dtype)
    if bool(changed.any()):
        try:
            effects[changed] = _Cuts(network, inputs, single, sites, adapter, batch)(sets[changed]).to(effects)
        except NotHeld as error:
            raise ValueError(
                f"an effect in layer {explained.number} ({explained.name}) cannot be measured, for all graphs are to "
                f"be held, and layer {error.number} makes its own, that the cut changed; measure from layer "
                f"{error.number} on, or cut with `edit_edges` without `frozen`, where later layers choose anew"
            ) from error
    return effects


def with_effects(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    *,
    layers: int | Iterable[int] | None = None,
    nodes: Iterable[Any] | None = None,
    edges: Mapping[int, Tensor] | None = None,
    rows: int | Iterable[int] | None = None,
    batch: int = BATCH,
    adapter: Adapter | Sequence[Adapter] | None = None,
) -> Explanation:
    """The explanation with what cutting edges does in `LayerExplanation.effect`: measured, each edge alone.

    Args:
        model, pixels, exp, batch, adapter: as for `effect`.
        layers: whose edges; None for all.
        nodes: centers, each as `LayerExplanation.node` takes it; None for each layer's peak (none where the map is
            blank).
        edges: further ones by layer, bool (N, k), each cut alone.
        rows: of the explanation; None for all.

    Returns:
        A copy; what was measured before stays.

    Raises:
        ValueError: see `effect`.
    """
    measured = []
    asked = None if nodes is None else list(nodes)
    further = {exp.layer(at).index: mask for at, mask in (edges or {}).items()}
    picked = {layer.index for layer in exp.pick(layers)}
    for layer in exp.layers:
        if layer.index not in picked:
            measured.append(layer)
            continue
        values = torch.full(layer.neighbors.shape, float("nan"), dtype=exp.logits.dtype)
        if layer.effect is not None:
            values = layer.effect.clone()
        for row in exp.rows(rows):
            centers = [int(layer.peak[row])] if asked is None else [layer.node(node, row=row) for node in asked]
            for center in dict.fromkeys(center for center in centers if center != NO_PEAK):
                there = layer.neighbors[row, center] != NO_EDGE
                change = effect(model, pixels, exp, layer.index, center, row=row, batch=batch, adapter=adapter)
                values[row, center] = change.to(values).masked_fill(~there, float("nan"))
            if layer.index in further:
                due = further[layer.index] & (layer.neighbors[row] != NO_EDGE)
                values[row][due] = _each_alone(model, pixels, exp, layer.index, due, row, batch, adapter).to(values)
        measured.append(replace(layer, effect=values))
    return replace(exp, layers=tuple(measured))


def _each_alone(
    model: nn.Module,
    pixels: Any,
    exp: Explanation,
    layer: int,
    due: Tensor,
    row: int,
    batch: int,
    adapter: Adapter | Sequence[Adapter] | None,
) -> Tensor:
    """(n,) the effect of each edge of a mask (N, k), in its order."""
    changes = []
    for part in torch.split(due.nonzero(), _SETS):
        sets = torch.zeros(len(part), *due.shape, dtype=torch.bool)
        sets[torch.arange(len(part)), part[:, 0], part[:, 1]] = True
        changes.append(effect(model, pixels, exp, layer, edges=sets, row=row, batch=batch, adapter=adapter))
    return torch.cat(changes) if changes else torch.zeros(0)


class _Cuts:
    """A network in which edges of one layer of one image are cut, many sets at once."""

    def __init__(
        self,
        network: nn.Module,
        inputs: Inputs,
        exp: Explanation,
        layer: Layer,
        adapter: Adapter | Sequence[Adapter] | None,
        batch: int,
    ) -> None:
        self.network, self.inputs, self.exp, self.layer = network, inputs, exp, layer
        self.adapter, self.batch = adapter, batch
        self._masks = torch.zeros(1, 1, 1, dtype=torch.bool)

    def __call__(self, sets: Tensor) -> Tensor:
        """(S,) float64 changes of the score, for sets (S, N, k)."""
        score = score_of(self.exp)
        nothing = torch.zeros_like(sets[:1])
        self._masks = nothing
        scores: list[Tensor] = []
        with (
            eval_mode(self.network, grad=False),
            edit_edges(self.network, cut={self.layer.index: self._mask}, frozen=self.exp, adapter=self.adapter),
            resuming(self.network, self.layer.module, self.layer.times, self.inputs, _as_it_is) as run,
        ):
            # The score without a cut is measured in each batch: another batch size may round otherwise.
            for start in range(0, len(sets), self.batch):
                self._masks = torch.cat([nothing, sets[start : start + self.batch]])
                raw = run(torch.empty(0), torch.zeros(len(self._masks), dtype=torch.int64))
                values = _scores(score, raw, len(self._masks))
                scores.append(values[1:] - values[0])
        return torch.cat(scores)

    def _mask(self, neighbors: Tensor) -> Tensor:
        """(B, N, k) what is cut for as many images as run; nothing where the network is only watched."""
        if len(neighbors) != len(self._masks):
            return torch.zeros_like(neighbors, dtype=torch.bool)
        return self._masks.to(neighbors.device)


def _as_it_is(activations: Tensor, output: Tensor) -> Tensor:
    return output


def _scores(score: Score, raw: Any, count: int) -> Tensor:
    """(count,) float64."""
    return score(raw, torch.zeros(count, dtype=torch.int64)).detach().cpu().double()


def _of_node(exp: Explanation, layer: int, node: Any, row: int) -> Tensor:
    """(k, N, k): each of a node's edges alone."""
    explained = exp.layer(layer)
    if node is None:
        node = int(explained.peak[row])
        if node == NO_PEAK:
            raise ValueError(f"layer {explained.number} has a blank map, so it has no peak; give `node`")
    number, neighbors = explained.node(node), explained.neighbors[row]
    k = neighbors.shape[1]
    sets = torch.zeros(k, *neighbors.shape, dtype=torch.bool)
    sets[range(k), number, range(k)] = neighbors[number] != NO_EDGE
    return sets


def _sets(edges: Tensor | Sequence[Edges], neighbors: Tensor, layer: Layer) -> Tensor:
    """(S, N, k) of what a user gave."""
    if isinstance(edges, Tensor) and edges.ndim != 3:
        raise ValueError(f"`edges` must be sets of edges (S, N, k), or a sequence of sets (got {tuple(edges.shape)})")
    masks = [edge_mask("edges", each, neighbors[None], layer)[0] for each in edges]
    if not masks:
        raise ValueError("`edges` must hold at least one set (got none)")
    return torch.stack(masks).cpu() & (neighbors != NO_EDGE)
