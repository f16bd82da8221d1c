"""The one call: graphs, maps, shares and contributions of any network, from one forward and one backward."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes import attribution, cams
from viz_nodes.capture.adapters.base import Adapter, gather
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.aggregation import Aggregation, recognize
from viz_nodes.capture.between import between, window_of
from viz_nodes.capture.distances import ranking
from viz_nodes.capture.fallback import edge_gradients
from viz_nodes.capture.layouts import as_nodes, from_nodes, layout_of
from viz_nodes.capture.model_state import as_batch, doublable, eval_mode, logits_of, unwrap
from viz_nodes.capture.recorder import GraphCall, Recording, recording
from viz_nodes.capture.resuming import resuming
from viz_nodes.explanation import Explanation, LayerExplanation


def explain(
    model: nn.Module,
    pixels: Tensor,
    *,
    layers: Sequence[int] | int | None = None,
    target: Any = None,
    versus: Any = None,
    method: str = "gradcam",
    labels: Sequence[str] | None = None,
    adapter: Adapter | Sequence[Adapter] | None = None,
) -> Explanation:
    """What each graph layer looked at, and whom its nodes asked.

    Runs the network once forward and once backward, in eval mode, and leaves it as it was.

    Args:
        model: any image classifier that builds graphs over patches; wrapped by DataParallel or torch.compile, frozen or
            not.
        pixels: (B, 3, H, W) or (3, H, W), normalized as the model expects; moved to its device and precision.
        layers: places of graph layers in the network from 0, negative from its end, in any order; all when None.
        target: the class to explain: None (the predicted one), an index, a label, "top3" (that many rows an image), a
            callable on logits, or a sequence with one of these for each image.
        versus: the class to contrast with: the score is then logit(target) - logit(versus).
        method: how maps are made, one of `viz_nodes.cams.METHODS`.
        labels: the class names; by default those in `model.pretrained_cfg["label_names"]`.
        adapter: where the graphs are, for a network that is not understood by itself (docs/adapters.md).

    Raises:
        NoGraphLayer: (a ValueError) the network holds no graph layer that is known.
        ValueError: a layer, target or method that does not exist, pixels of another shape.
        TypeError: arguments of another kind.
    """
    network = unwrap(model)
    chosen_method = cams.lookup(method)
    pixels = as_batch(network, pixels)
    if labels is None:
        labels = _labels_of(network)
        named = None if labels is None else len(labels)
    else:
        labels, named = tuple(labels), None
    with eval_mode(network):
        with recording(network, adapters_for(adapter), pixels) as record:
            output = logits_of(network(pixels.requires_grad_(True)))
            record.finish()
        with torch.autocast(pixels.device.type, enabled=False):
            if named is not None and named != output.shape[1]:
                labels = None
            if output.shape[0] != pixels.shape[0]:
                raise ValueError(
                    f"the model must return one line of logits for each of {pixels.shape[0]} images "
                    f"(got {output.shape[0]})"
                )
            if not output.requires_grad:
                raise ValueError("the model must compute its logits with gradients (got a forward under torch.no_grad)")
            calls = _chosen(record.calls, layers)
            targets = cams.resolve(target, output.detach(), labels, versus)
            found = [recognize(call) for call in calls]
            explained = _explain(network, pixels, calls, found, targets, output, chosen_method)
            extras = _extras(record)
            logits = _plain(output)
    return Explanation(
        logits=logits[targets.source],
        target=targets.index,
        layers=tuple(explained),
        method=chosen_method.name,
        image_size=(pixels.shape[2], pixels.shape[3]),
        depth=len(record.calls),
        versus=targets.versus,
        source=targets.source,
        labels=labels,
        model=_name_of(network),
        extras=extras,
    )


def _plain(array: Tensor) -> Tensor:
    """Detached, on the CPU, float32 unless float64."""
    precise = array.dtype if array.dtype == torch.float64 or not array.is_floating_point() else torch.float32
    return array.detach().to("cpu", precise)


def _config(network: nn.Module, field: str) -> Any:
    config = getattr(network, "pretrained_cfg", None)
    return config.get(field) if isinstance(config, dict) else getattr(config, field, None)


def _labels_of(network: nn.Module) -> tuple[str, ...] | None:
    names = _config(network, "label_names")
    return tuple(names) if names else None


def _name_of(network: nn.Module) -> str:
    return str(_config(network, "architecture") or type(network).__name__)


def _chosen(calls: list[GraphCall], layers: Sequence[int] | int | None) -> list[GraphCall]:
    """The calls asked for, in the order of the network."""
    depth = len(calls)
    if layers is None:
        return list(calls)
    asked = list(layers) if not hasattr(layers, "__index__") else [layers]  # type: ignore[list-item, arg-type]
    if not asked:
        raise ValueError("`layers` must name at least one graph layer (got none); leave it out for all of them")
    places = set()
    for layer in asked:
        try:
            place = operator.index(layer)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"`layers` must hold integers (got {type(layer).__name__})") from None
        if not -depth <= place < depth:
            raise ValueError(f"`layers` must lie in [-{depth}, {depth}), the network's graph layers (got {place})")
        places.add(place % depth)
    return [calls[place] for place in sorted(places)]


def _extras(record: Recording) -> dict[str, Any]:
    """What `viz_nodes.reach` needs to know of the operations between graph layers."""
    try:
        ran = [(name, window_of(module)) for name, module in record.ran]
        return {"between": between(ran, [call.name for call in record.calls])}
    except ValueError:
        return {}


def _explain(
    network: nn.Module,
    pixels: Tensor,
    calls: list[GraphCall],
    found: list[Aggregation],
    targets: cams.Targets,
    output: Tensor,
    method: cams.Method,
) -> list[LayerExplanation]:
    activations = [call.activations for call in calls]
    sources = [one.source for one in found]
    wanted = [tensor for tensor in (*activations, *sources) if tensor is not None and tensor.requires_grad]
    score = cams.objective(method.name, targets, output)
    rounds = targets.rounds
    second = method.needs == "hessian"
    maps: list[list[Tensor]] = [[] for _ in calls]
    gains: list[list[Tensor]] = [[] for _ in calls]
    for at, rows in enumerate(rounds):
        last = at == len(rounds) - 1
        gradients = _gradients(score[rows.to(score.device)].sum(), wanted, keep=not last, second=second)
        for place, (call, one) in enumerate(zip(calls, found)):
            acts = call.activations
            assert acts is not None
            if method.needs != "forwards":
                maps[place].append(cams.cam(method.name, acts if second else acts.detach(), gradients[id(acts)]))
            source = None if one.source is None else gradients.get(id(one.source))
            gains[place].append(_gain(call, one, None if source is None else source.detach()))
        del gradients
    order = torch.cat(rounds).argsort() if rounds else torch.arange(0)
    if method.needs == "forwards":
        order_maps = [_perturbed(network, pixels.detach(), call, targets, method) for call in calls]
    else:
        order_maps = [torch.cat(parts)[order] for parts in maps]
    return [
        _layer(call, one, order_maps[place], gains[place], order, targets.source)
        for place, (call, one) in enumerate(zip(calls, found))
    ]


def _gradients(score: Tensor, wanted: list[Tensor], *, keep: bool, second: bool) -> dict[int, Tensor]:
    """By identity of the tensor; zero for what the score does not depend on."""
    unique = list({id(tensor): tensor for tensor in wanted}.values())
    found: tuple[Tensor | None, ...] = (None,) * len(unique)
    if score.requires_grad and unique:
        found = torch.autograd.grad(score, unique, retain_graph=keep or second, create_graph=second, allow_unused=True)
    return {
        id(tensor): torch.zeros_like(tensor) if gradient is None else gradient
        for tensor, gradient in zip(unique, found)
    }


@torch.no_grad()
def _gain(call: GraphCall, one: Aggregation, gradient: Tensor | None) -> Tensor:
    """(B, N, k) float64, the contribution of every edge for one round of targets."""
    neighbors = doublable(call.graph.neighbors)
    if gradient is None:
        return attribution.even_shares(neighbors) * 0
    if one.places is not None and one.source is not None:
        gained = torch.zeros(neighbors.numel(), dtype=torch.float64, device=neighbors.device)
        product = doublable(one.source).double() * doublable(gradient).double()
        gained[doublable(one.places)] = product.flatten(1).sum(1)
        return gained.view(neighbors.shape)
    if one.message is None:
        return _first_order(call, gradient, neighbors)
    by_node = as_nodes(gradient, neighbors.shape[0], neighbors.shape[1])
    assert by_node is not None
    gradient = doublable(by_node[:, one.slots])
    if one.winner is not None:
        winner, message = doublable(one.winner), doublable(one.message)
        return attribution.winner_contributions(winner, message, gradient, neighbors.shape[2])
    return attribution.sum_contributions(gather(doublable(call.graph.y), neighbors), gradient, neighbors)


def _first_order(call: GraphCall, gradient: Tensor, neighbors: Tensor) -> Tensor:
    """Where the aggregation is not understood: gradient x feature, else gradient x output dealt out evenly."""
    found = edge_gradients(call, gradient)
    if found is not None:
        return found
    even = attribution.even_shares(neighbors)
    if call.output is None:
        return even * 0
    product = doublable(call.output).double() * doublable(gradient).double()
    by_node = as_nodes(product, even.shape[0], even.shape[1])
    return even * (0 if by_node is None else by_node.sum(1)[..., None])


@torch.no_grad()
def _share(call: GraphCall, one: Aggregation) -> Tensor | None:
    """(B, N, k); None where the aggregation is not understood."""
    neighbors = doublable(call.graph.neighbors)
    if one.winner is not None:
        return attribution.winner_shares(doublable(one.winner), neighbors)
    if one.kind == "sum" and one.message is not None:
        return attribution.sum_shares(doublable(one.message), neighbors)
    if one.kind == "gin":
        return attribution.sum_shares(gather(doublable(call.graph.y), neighbors), neighbors)
    return None


def _layer(
    call: GraphCall, one: Aggregation, cam: Tensor, gains: Sequence[Tensor], order: Tensor, source: Tensor
) -> LayerExplanation:
    """The record of one layer; `gains` holds a (B, N, k) for each round of targets, `order` sorts them by row."""
    assert call.activations is not None
    precise = torch.float64 if call.activations.dtype == torch.float64 else torch.float32
    neighbors, partition = call.graph.neighbors, call.partition
    share, ranked = _share(call, one), ranking(call)

    def whole(array: Tensor) -> Tensor:
        return (array if partition is None else partition.to_grid(array)).cpu().to(precise)

    def keys(array: Tensor) -> Tensor:
        return (array if partition is None else partition.neighbors_on_grid(array)).cpu()[source]

    contribution = torch.cat([whole(gain) for gain in gains])[order]
    if share is None:
        shares = torch.cat([whole(attribution.shares_by_size(gain, doublable(neighbors))) for gain in gains])[order]
    else:
        shares = whole(share)[source]
    cam = cam.detach().cpu().to(precise).view(-1, *call.grid)
    return LayerExplanation(
        index=call.index,
        name=call.name,
        grid=call.grid,
        key_grid=call.key_grid,
        cam=cam,
        peak=cams.peak(cam),
        neighbors=keys(neighbors),
        share=shares,
        contribution=contribution,
        exact=one.exact and (partition is None or partition.checked),
        conv=one.kind,
        dilation=None if ranked is None else ranked.dilation,
        distance=None if ranked is None else whole(ranked.distance)[source],
        margin=None if ranked is None or ranked.margin is None else whole(ranked.margin)[source],
        skipped=None if ranked is None else keys(ranked.skipped),
    )


def _perturbed(
    network: nn.Module, pixels: Tensor, call: GraphCall, targets: cams.Targets, method: cams.Method
) -> Tensor:
    """The map of a method that runs the network again with the layer's output replaced."""
    module = network.get_submodule(call.cam_layer)
    assert call.activations is not None

    def put(activations: Tensor, output: Tensor) -> Tensor:
        if not call.listed:
            return activations.to(output)
        layout = layout_of(output, len(activations), activations.shape[2])
        assert layout is not None
        return from_nodes(activations[..., 0].to(output), output, layout)

    def forward(activations: Tensor, rows: Tensor) -> Tensor:
        return run(activations, targets.source[rows.cpu()])

    own = call.activations.detach()[targets.source.to(call.activations.device)]
    with resuming(network, module, call.cam_call, pixels, put) as run:
        return cams.cam(method.name, own, forward=forward, targets=targets)
