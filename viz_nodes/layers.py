"""What is explained of each graph layer: its map, and for every edge what it sent and what that was worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes import attribution, cams
from viz_nodes.arguments import all_finite
from viz_nodes.capture.aggregation import recognize
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.distances import Candidates, Ranking, candidates, ranking
from viz_nodes.capture.groups import members
from viz_nodes.capture.inputs import Inputs
from viz_nodes.capture.kinds import Aggregation
from viz_nodes.capture.layouts import from_nodes, layout_of
from viz_nodes.capture.on_grid import OnGrid
from viz_nodes.capture.resuming import resuming
from viz_nodes.capture.score import Score
from viz_nodes.capture.traced import Traced
from viz_nodes.capture.whereabouts import Whereabouts
from viz_nodes.deferred import Deferred
from viz_nodes.explanation import NO_PEAK, LayerExplanation
from viz_nodes.places import as_places
from viz_nodes.text import quoted

ORDERS = ("rank", "share", "contribution")


@dataclass(frozen=True, eq=False)
class View:
    """One graph layer of one of the network's images.

    Attributes:
        index: its place among the network's graph layers.
        call: what was seen of the layer.
        where: where its nodes lie.
        image: which of the network's input images it belongs to; None where it hears several.
        lines: (B,) where each image lies in the batch that ran; None where that is the batch.
        points: whether there is no image, but points.
    """

    index: int
    call: GraphCall
    where: Whereabouts
    image: int | None = 0
    lines: Tensor | None = None
    points: bool = False

    def of(self, array: Tensor) -> Tensor:
        """The lines of its image: (B, ...) of (batch, ...)."""
        return array if self.lines is None else array[self.lines.to(array.device)]

    @property
    def on_grid(self) -> OnGrid:
        """How its nodes come to lie on its grid."""
        return OnGrid(self.call.partition, self.where.order, self.lines)


def views_of(calls: Sequence[GraphCall], inputs: Inputs, batch: int, places: Sequence[Whereabouts]) -> list[View]:
    """The graph layers, each once for every image it runs on.

    Args:
        calls: as they were seen.
        inputs: what went in.
        places: where the nodes of each layer lie.
        batch: how many images ran together: B, or B times the views or inputs that the network put into one batch.
    """
    count = batch // len(inputs)
    views: list[View] = []
    for call, where in zip(calls, places):
        if count == 1:
            views.append(View(len(views), call, where, _image_of(call, inputs), points=inputs.points))
            continue
        for image in range(count):
            own = torch.arange(len(inputs))
            # Views of an image follow one another, several inputs are put below one another.
            lines = own * count + image if inputs.views > 1 else own + len(inputs) * image
            views.append(View(len(views), call, where, image, lines))
    return views


def _image_of(call: GraphCall, inputs: Inputs) -> int | None:
    """Which input a layer hears, by the gradient of what it was given."""
    x = call.graph.x
    if len(inputs.images) == 1 or not x.requires_grad:
        return 0
    gradients = torch.autograd.grad(x.square().sum(), inputs.images, retain_graph=True, allow_unused=True)
    heard = [at for at, gradient in enumerate(gradients) if gradient is not None and bool((gradient != 0).any())]
    return heard[0] if len(heard) == 1 else None


def explain_layers(
    network: nn.Module, inputs: Inputs, views: Sequence[View], score: Score, raw: Any, method: cams.Method
) -> tuple[list[LayerExplanation], Tensor]:
    """The layers explained, and (R,) the scores.

    Raises:
        ValueError: scores, maps or contributions that are not finite.
    """
    calls = [view.call for view in views]
    recognized = {id(call): recognize(call) for call in calls}
    parts = [part for aggregation in recognized.values() for part in (aggregation.parts or (aggregation,))]
    tensors = [*(call.site.activations for call in calls), *(part.source for part in parts)]
    wanted = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
    values = cams.objective(method.name, score, raw)
    require_explainable("scores", values)
    second = method.needs == "hessian"
    maps: list[list[Tensor]] = [[] for _ in calls]
    gains: list[list[Tensor]] = [[] for _ in calls]
    for at, rows in enumerate(score.rounds):
        last = at == len(score.rounds) - 1
        gradients = _gradients(values[rows.to(values.device)].sum(), wanted, keep=not last, second=second)
        for place, view in enumerate(views):
            acts = view.call.site.activations
            assert acts is not None
            if method.needs != "forwards":
                gradient = gradients.get(id(acts))
                gradient = torch.zeros_like(acts) if gradient is None else gradient
                maps[place].append(view.of(cams.cam(method.name, acts if second else acts.detach(), gradient)))
            gain = attribution.contributions(view.call, recognized[id(view.call)], gradients)
            gains[place].append(view.on_grid.values(gain))
        del gradients
    order = torch.cat(score.rounds).argsort() if score.rounds else torch.arange(0)
    if method.needs == "forwards":
        row_maps = [_perturbed(network, inputs, view, score, method) for view in views]
    else:
        row_maps = [torch.cat(parts)[order] for parts in maps]
    constant = inputs.constant[score.source]
    explained = [
        _layer(view, recognized[id(view.call)], row_maps[place], torch.cat(gains[place])[order], score.source)
        for place, view in enumerate(views)
    ]
    for layer in explained:
        layer.peak.masked_fill_(constant, NO_PEAK)  # no node of an image of one color stands out
    return [_placed(layer, view, inputs) for layer, view in zip(explained, views)], plain(values)


def _placed(layer: LayerExplanation, view: View, inputs: Inputs) -> LayerExplanation:
    """The layer in the regions that its adapter says, if it says any."""
    places = view.call.adapter.places(view.call.name, layer.num_nodes)
    return layer if places is None else dataclasses.replace(layer, places=as_places(places, inputs.size))


def plain(array: Tensor) -> Tensor:
    """Detached, on the CPU, float32 unless float64."""
    precise = array.dtype if array.dtype == torch.float64 or not array.is_floating_point() else torch.float32
    return array.detach().to("cpu", precise)


def require_explainable(what: str, array: Tensor) -> None:
    if not all_finite(array):
        finite = array.detach().isfinite()
        bad = (~finite.flatten(1).all(1) if array.ndim > 1 else ~finite).nonzero().flatten().tolist()
        raise ValueError(
            f"the model must give {what} that are finite (got NaN or infinity for images {bad}); are the weights?"
        )
    if not array.requires_grad:
        raise ValueError(f"the model must compute its {what} with gradients (got a forward under torch.no_grad)")


def _gradients(score: Tensor, wanted: list[Tensor], *, keep: bool, second: bool) -> dict[int, Tensor]:
    """By identity of the tensor; zero for what the score does not depend on."""
    unique = list({id(tensor): tensor for tensor in wanted}.values())
    gradients: tuple[Tensor | None, ...] = (None,) * len(unique)
    if score.requires_grad and unique:
        gradients = torch.autograd.grad(
            score, unique, retain_graph=keep or second, create_graph=second, allow_unused=True
        )
    return {
        id(tensor): torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(unique, gradients)
    }


def _layer(view: View, aggregation: Aggregation, cam: Tensor, contribution: Tensor, source: Tensor) -> LayerExplanation:
    """The record of one layer, of what was found for it by row: the map and the contributions (R, N, k)."""
    call, partition, where, on_grid = view.call, view.call.partition, view.where, view.on_grid
    assert call.site.activations is not None
    precise = torch.float64 if call.site.activations.dtype == torch.float64 else torch.float32
    share, chosen_from = attribution.shares(call, aggregation), candidates(call)
    asked = on_grid.keys(call.graph.neighbors)[source]
    if not all_finite(contribution):
        raise ValueError(
            f"the contributions of layer {view.index + 1} ({call.name}) must be finite (got NaN or infinity); "
            "are the weights finite?"
        )
    if share is None:
        shares = attribution.shares_by_size(contribution, asked)
    else:
        shares = on_grid.values(share)[source]
    note = where.note
    if where.order is not None:  # what comes from nodes without a place is not shown
        lost = shares.masked_fill(asked >= 0, 0)
        note += f"; {float(lost.sum(-1).mean()):.0%} of what the others hear comes from them" if lost.any() else ""
        shares, contribution = shares - lost, contribution.masked_fill(asked < 0, 0)
    cam = cam.detach().cpu().to(precise).flatten(1)
    cam = (on_grid.maps(cam, source) if where.map_in_order else cam).view(-1, *where.grid)
    return LayerExplanation(
        index=view.index,
        name=call.name,
        grid=where.grid,
        key_grid=call.key_grid if where.order is None else where.grid,
        cam=cam,
        peak=cams.peak(cam),
        neighbors=asked,
        share=shares.to(precise),
        contribution=contribution.to(precise),
        exact=aggregation.exact and (partition is None or partition.checked),
        conv=aggregation.kind,
        placed=False if view.points else where.placed,
        note=note,
        image=view.image,
        **_groups(view, aggregation, source, precise),
        **_ranked(view, chosen_from, source, precise),
    )


def _groups(view: View, aggregation: Aggregation, source: Tensor, precise: torch.dtype) -> dict[str, Any]:
    """The groups of a hypergraph, where its nodes lie on the grid as they are numbered."""
    if aggregation.through is None or view.call.partition is not None or view.where.order is not None:
        return {}
    heard, parts = attribution.heard_groups(view.call, aggregation)
    share = attribution.shares(heard, attribution.of_groups(aggregation))
    aggregated = view.call.seen[0].through
    assert aggregated is not None
    assert share is not None
    there = members(aggregated).to(parts.device)
    extras = {"groups": parts.masked_fill(~there, -1.0).to(precise), "heard_share": share.to(precise)}
    extras["heard"] = heard.graph.neighbors.detach()
    return {name: view.of(array).cpu()[source] for name, array in extras.items()}


def _ranked(view: View, chosen_from: Candidates | None, source: Tensor, precise: torch.dtype) -> dict[str, Any]:
    """By what a layer ranked its neighbors: as its adapter says, else as can be computed again."""
    graph = view.call.graph
    if graph.distance is not None or graph.dilation is not None:
        distance = None if graph.distance is None else view.on_grid.values(graph.distance.detach()).to(precise)[source]
        return {"distance": distance, "dilation": graph.dilation, "margin": None, "skipped": None}
    return {} if chosen_from is None else _when_asked(chosen_from, view.on_grid, source, precise)


def _when_asked(chosen_from: Candidates, on_grid: OnGrid, source: Tensor, precise: torch.dtype) -> dict[str, Any]:
    """The fields that say by what a layer ranked its neighbors, computed once one of them is asked for."""

    def ranked() -> dict[str, Any]:
        ranks = ranking(chosen_from)
        if ranks is None:
            return {}
        values = ranks.by_field()
        for name in ("distance", "margin", "rejected_distance"):
            if values[name] is not None:
                values[name] = on_grid.values(values[name]).to(precise)[source]
        return values | {name: on_grid.keys(values[name])[source] for name in ("skipped", "rejected")}

    deferred = Deferred(ranked)
    return dict.fromkeys((each.name for each in dataclasses.fields(Ranking)), deferred)


def _perturbed(network: nn.Module, inputs: Inputs, view: View, score: Score, method: cams.Method) -> Tensor:
    """The map of a method that runs the network again with the layer's output replaced."""
    call = view.call
    module = call.site.cam_module
    assert module is not None
    assert call.site.activations is not None
    if view.lines is not None or (call.site.listed and isinstance(call.adapter, Traced)):
        raise ValueError(
            f"`method` {quoted(method.name)} runs the network again from a module that has the layer's nodes as its "
            f"output, and {call.name} has none; choose one that needs gradients or activations alone"
        )

    def put(activations: Tensor, output: Tensor) -> Tensor:
        if not call.site.listed:
            return activations.to(output)
        layout = layout_of(output, len(activations), activations.shape[2])
        assert layout is not None
        return from_nodes(activations[..., 0].to(output), output, layout)

    def forward(activations: Tensor, rows: Tensor) -> Any:
        return run(activations, score.source[rows.cpu()])

    own = call.site.activations.detach()[score.source.to(call.site.activations.device)]
    with resuming(network, module, call.site.cam_call, inputs, put) as run:
        return cams.cam(method.name, own, forward=forward, score=score)


def reordered(layer: LayerExplanation, order: str | None) -> LayerExplanation:
    """The layer with each node's neighbors sorted, the largest first; as they are for None and "rank".

    Raises:
        ValueError: another order.
    """
    if order in (None, "rank"):
        return layer
    if order not in ORDERS:
        raise ValueError(
            f"`order` must be one of {', '.join(ORDERS)} (got {quoted(order)}); by effect, figures sort what "
            "viz_nodes.effect measured"
        )
    values = getattr(layer, order).masked_fill(layer.neighbors < 0, -torch.inf)
    rank = values.argsort(dim=-1, descending=True, stable=True)
    names = ("neighbors", "share", "contribution", "distance", "margin")
    arrays = {name: getattr(layer, name) for name in names}
    moved = {name: array.gather(-1, rank) for name, array in arrays.items() if array is not None}
    return dataclasses.replace(layer, **moved)
