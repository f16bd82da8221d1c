"""The one call: graphs, maps, shares and contributions of any network, from one forward and one backward."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes import attribution, cams
from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.partition import Partition
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.aggregation import Aggregation, recognize
from viz_nodes.capture.between import between, window_of
from viz_nodes.capture.calls import GraphCall
from viz_nodes.capture.distances import Candidates, Ranking, candidates, ranking
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.layouts import from_nodes, layout_of
from viz_nodes.capture.model_state import config_of, doublable, eval_mode, name_of, unwrap
from viz_nodes.capture.observing import observe
from viz_nodes.capture.outputs import Reading, read
from viz_nodes.capture.recorder import Recording
from viz_nodes.capture.regions import in_regions, regions_of
from viz_nodes.capture.resuming import resuming
from viz_nodes.capture.score import Score
from viz_nodes.deferred import Deferred
from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation


def explain(
    model: nn.Module,
    pixels: Any,
    *,
    layers: Sequence[int] | int | None = None,
    target: Any = None,
    versus: Any = None,
    method: str = "gradcam",
    labels: Sequence[str] | None = None,
    adapter: Adapter | Sequence[Adapter] | None = None,
    output: Any = None,
    activation: str = "auto",
    places: Any = None,
) -> Explanation:
    """What each graph layer looked at, and whom its nodes asked.

    Runs the network once forward and once backward, in eval mode, and leaves it as it was.

    Args:
        model: any network that builds graphs over patches of images; wrapped by DataParallel or torch.compile, frozen
            or not.
        pixels: (B, 3, H, W) or (3, H, W), normalized as the model expects; moved to its device and precision. A tuple
            of the network's inputs where it takes several, or a mapping by their names.
        layers: places of graph layers in the network from 0, negative from its end, in any order; all when None.
        target: what to explain: None (the predicted class), an index, a label, "top3" (that many rows an image), a
            callable on the raw output that gives a score an image (`viz_nodes.ClassOver`, `BoxScore`, `Similarity`, a
            target of pytorch-grad-cam, or your own), or a sequence with one of these for each image.
        versus: the class to contrast with: the score is then logit(target) - logit(versus).
        method: how maps are made, one of `viz_nodes.cams.METHODS`.
        labels: the class names; by default those in `model.pretrained_cfg["label_names"]`.
        adapter: where the graphs are, for a network that is not understood by itself (docs/adapters.md).
        output: where the logits are in a tuple or mapping: an index, a key, several of them one into the other, or a
            callable on the raw output. Needed only where several tensors could be the logits.
        activation: what makes probabilities of the logits: "softmax", "sigmoid", "none", or "auto": none where they
            are probabilities already, sigmoid for a single output, else softmax.
        places: where nodes lie that are no grid (superpixels, cells, boxes): what `viz_nodes.places.as_places` takes,
            in pixels of the network's input; a list where images differ. Layers with as many nodes have them.

    Raises:
        NoGraphLayer: (a ValueError) the network holds no graph layer that is known.
        ValueError: a layer, target or method that does not exist, pixels of another shape, a network whose output is
            not finite.
        TypeError: arguments of another kind; an output that holds no logits, or several.
    """
    network = unwrap(model)
    chosen_method = cams.lookup(method)
    inputs = prepare(network, pixels)
    regions = None if places is None else regions_of(places, inputs)
    with eval_mode(network):
        forward, nodes = lambda: inputs.with_gradients().run(network), regions[0].num_nodes if regions else None
        record, plan, raw = observe(network, adapters_for(adapter), inputs.pixels, forward, regions=nodes)
        with torch.autocast(inputs.pixels.device.type, enabled=False):
            reading = read(raw, output=output, activation=activation)
            logits = None if reading.problem else _logits(reading, raw, len(inputs))
            if logits is not None and target is None:
                _warn_of_embedding(network, logits)
            labels = _labels(network, labels, logits)
            calls = _chosen(record.calls, layers)
            score = cams.resolve(target, raw, labels, versus, reading=reading, images=len(inputs))
            explained, values = _layers(network, inputs, calls, score, raw, chosen_method)
            if "extras" not in plan.notes:
                plan.notes["extras"] = _extras(record)
            extras = dict(plan.notes["extras"]) | _about(network)
    answers = values[:, None] if logits is None else _plain(logits)[score.source]
    return Explanation(
        logits=answers,
        target=score.index,
        layers=tuple(explained) if regions is None else in_regions(explained, regions, score.source),
        method=chosen_method.name,
        image_size=inputs.size,
        depth=len(record.calls),
        versus=score.versus,
        source=score.source,
        labels=None if labels is None else tuple(labels),
        model=name_of(network),
        extras=extras,
        activation="none" if logits is None else reading.activation,
        output=reading.path,
        explained=tuple(score.words(row) for row in range(len(score))) if score.functions else None,
        scored_by=score,
    )


def _plain(array: Tensor) -> Tensor:
    """Detached, on the CPU, float32 unless float64."""
    precise = array.dtype if array.dtype == torch.float64 or not array.is_floating_point() else torch.float32
    return array.detach().to("cpu", precise)


def _logits(reading: Reading, raw: Any, images: int) -> Tensor:
    """(B, classes), one line an image, finite, with a graph behind it."""
    logits = reading.logits(raw)
    if logits.shape[0] != images:
        raise ValueError(
            f"the model must return one line of logits for each of {images} images (got {logits.shape[0]})"
        )
    _require_explainable("logits", logits)
    return logits


def _require_explainable(what: str, array: Tensor) -> None:
    finite = array.detach().isfinite()
    if not bool(finite.all()):
        bad = (~finite.flatten(1).all(1) if array.ndim > 1 else ~finite).nonzero().flatten().tolist()
        raise ValueError(
            f"the model must give {what} that are finite (got NaN or infinity for images {bad}); are the weights?"
        )
    if not array.requires_grad:
        raise ValueError(f"the model must compute its {what} with gradients (got a forward under torch.no_grad)")


def _warn_of_embedding(network: nn.Module, logits: Tensor) -> None:
    """Where the largest number is no class: a network without a classifier."""
    length = logits.detach().double().norm(dim=1)
    unit = logits.shape[1] > 4 and bool(((length - 1).abs() < 1e-3).all()) and bool((logits.detach() < 0).any())
    if getattr(network, "num_classes", None) == 0 or unit:
        raise ValueError(
            f"the model gives an embedding of {logits.shape[1]} numbers, no classes, so there is no predicted class; "
            "give a `target`, such as viz_nodes.Similarity(reference) or one number by its index"
        )


def _labels(network: nn.Module, labels: Sequence[str] | None, logits: Tensor | None) -> Sequence[str] | None:
    """The class names given, else those that the network, or the one inside a wrapper, has for as many classes."""
    if labels is not None:
        return tuple(labels)
    if logits is None:
        return None
    for module in network.modules():
        names = config_of(module, "label_names")
        if names and len(names) == logits.shape[1]:
            return tuple(names)
    return None


def _chosen(calls: list[GraphCall], layers: Sequence[int] | int | None) -> list[GraphCall]:
    """The calls asked for, in the order of the network."""
    depth = len(calls)
    if layers is None:
        return list(calls)
    asked = list(layers) if not hasattr(layers, "__index__") else [layers]
    if not asked:
        raise ValueError("`layers` must name at least one graph layer (got none); leave it out for all of them")
    places = set()
    for layer in asked:
        try:
            place = operator.index(layer)
        except TypeError:
            raise TypeError(f"`layers` must hold integers (got {type(layer).__name__})") from None
        if not -depth <= place < depth:
            raise ValueError(f"`layers` must lie in [-{depth}, {depth}), the network's graph layers (got {place})")
        places.add(place % depth)
    return [calls[place] for place in sorted(places)]


def _about(network: nn.Module) -> dict[str, Any]:
    """What a network says of itself: its `checkpoint_info.about()`, plain data such as the command that renders it."""
    about = getattr(getattr(network, "checkpoint_info", None), "about", None)
    return {"about": about()} if callable(about) else {}


def _extras(record: Recording) -> dict[str, Any]:
    """What `viz_nodes.reach` needs to know of the operations between graph layers."""
    try:
        ran = [(name, window_of(module)) for name, module in record.ran]
        return {"between": between(ran, [call.name for call in record.calls])}
    except ValueError:
        return {}


def _layers(
    network: nn.Module, inputs: Inputs, calls: list[GraphCall], score: Score, raw: Any, method: cams.Method
) -> tuple[list[LayerExplanation], Tensor]:
    """The layers explained, and (R,) the scores."""
    found = [recognize(call) for call in calls]
    parts = [part for aggregation in found for part in (aggregation.parts or (aggregation,))]
    tensors = [*(call.site.activations for call in calls), *(part.source for part in parts)]
    wanted = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
    values = cams.objective(method.name, score, raw)
    _require_explainable("scores", values)
    second = method.needs == "hessian"
    maps: list[list[Tensor]] = [[] for _ in calls]
    gains: list[list[Tensor]] = [[] for _ in calls]
    for at, rows in enumerate(score.rounds):
        last = at == len(score.rounds) - 1
        gradients = _gradients(values[rows.to(values.device)].sum(), wanted, keep=not last, second=second)
        for place, (call, aggregation) in enumerate(zip(calls, found)):
            acts = call.site.activations
            assert acts is not None
            if method.needs != "forwards":
                gradient = gradients.get(id(acts))
                gradient = torch.zeros_like(acts) if gradient is None else gradient
                maps[place].append(cams.cam(method.name, acts if second else acts.detach(), gradient))
            gains[place].append(attribution.contributions(call, aggregation, gradients))
        del gradients
    order = torch.cat(score.rounds).argsort() if score.rounds else torch.arange(0)
    if method.needs == "forwards":
        row_maps = [_perturbed(network, inputs, call, score, method) for call in calls]
    else:
        row_maps = [torch.cat(parts)[order] for parts in maps]
    constant = inputs.constant[score.source]
    placed = False if inputs.pixels.ndim == 3 else None  # points lie on no image
    explained = [
        _layer(call, found[place], row_maps[place], gains[place], order, score.source, constant, placed)
        for place, call in enumerate(calls)
    ]
    return explained, _plain(values)


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


def _layer(
    call: GraphCall,
    aggregation: Aggregation,
    cam: Tensor,
    gains: Sequence[Tensor],
    order: Tensor,
    source: Tensor,
    constant: Tensor,
    placed: bool | None,
) -> LayerExplanation:
    """The record of one layer; `gains` holds a (B, N, k) for each round of targets, `order` sorts them by row.

    `constant` (R,) says which rows explain an image of one color, where no node is more discriminative than another.
    """
    assert call.site.activations is not None
    precise = torch.float64 if call.site.activations.dtype == torch.float64 else torch.float32
    neighbors, partition = call.graph.neighbors, call.partition
    share, chosen_from = attribution.shares(call, aggregation), candidates(call)

    def whole(array: Tensor) -> Tensor:
        return (array if partition is None else partition.to_grid(array)).cpu().to(precise)

    def keys(array: Tensor) -> Tensor:
        return (array if partition is None else partition.neighbors_on_grid(array)).cpu()[source]

    contribution = torch.cat([whole(gain) for gain in gains])[order]
    if not bool(contribution.isfinite().all()):
        raise ValueError(
            f"the contributions of layer {call.index + 1} ({call.name}) must be finite (got NaN or infinity); "
            "are the weights finite?"
        )
    if share is None:
        by_size = [whole(attribution.shares_by_size(gain, doublable(neighbors))) for gain in gains]
        shares = torch.cat(by_size)[order]
    else:
        shares = whole(share)[source]
    cam = cam.detach().cpu().to(precise).view(-1, *call.grid)
    return LayerExplanation(
        index=call.index,
        name=call.name,
        grid=call.grid,
        key_grid=call.key_grid,
        cam=cam,
        peak=cams.peak(cam).masked_fill(constant, NO_PEAK),
        neighbors=keys(neighbors),
        share=shares,
        contribution=contribution,
        exact=aggregation.exact and (partition is None or partition.checked),
        conv=aggregation.kind,
        placed=placed,
        **({} if chosen_from is None else _when_asked(chosen_from, partition, source, precise)),
    )


def _when_asked(
    chosen_from: Candidates, partition: Partition | None, source: Tensor, precise: torch.dtype
) -> dict[str, Any]:
    """The fields that say by what a layer ranked its neighbors, computed once one of them is asked for."""

    def ranked() -> dict[str, Any]:
        found = ranking(chosen_from)
        if found is None:
            return {}
        values = found.by_field()
        for name in ("distance", "margin", "rejected_distance"):
            if values[name] is not None:
                array = values[name] if partition is None else partition.to_grid(values[name])
                values[name] = array.cpu().to(precise)[source]
        for name in ("skipped", "rejected"):
            keys = values[name] if partition is None else partition.neighbors_on_grid(values[name])
            values[name] = keys.cpu()[source]
        return values

    deferred = Deferred(ranked)
    return dict.fromkeys((each.name for each in dataclasses.fields(Ranking)), deferred)


def _perturbed(network: nn.Module, inputs: Inputs, call: GraphCall, score: Score, method: cams.Method) -> Tensor:
    """The map of a method that runs the network again with the layer's output replaced."""
    module = call.site.cam_module
    assert module is not None
    assert call.site.activations is not None

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
