"""The one call: graphs, maps, shares and contributions of any network, from one forward and one backward."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes import cams
from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.between import windows_between
from viz_nodes.capture.calls import NoGraphLayer
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import config_of, eval_mode, name_of, unwrap
from viz_nodes.capture.modules import modules_of
from viz_nodes.capture.observing import observe
from viz_nodes.capture.outputs import Reading, read
from viz_nodes.capture.plans import Plan
from viz_nodes.capture.recorder import Recording
from viz_nodes.capture.regions import in_regions, regions_of
from viz_nodes.capture.whereabouts import Whereabouts, find_places, not_tried, warn_of_misplaced
from viz_nodes.explanation import Explanation
from viz_nodes.layers import View, explain_layers, plain, reordered, require_explainable, views_of
from viz_nodes.text import quoted


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
    order: str | None = None,
) -> Explanation:
    """What each graph layer looked at, and which neighbors its nodes chose.

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
            in pixels of the network's input; a list where images differ. Layers with as many nodes have them. None: on
            the grid, which is proven the first time that a network is seen with an input of this size, by one more
            forward, of four images. Nodes that the network has sorted are put back in order, those it has added are
            left out, which `note` of the layer says; where nodes lie elsewhere, `placed` is False and a
            `MisplacedNodes` warning says what was seen. False: on the grid, and nobody proves it.
        order: how `neighbors` are sorted in the result: None as the network has them (nearest first where it ranks
            them), "share" or "contribution" with the largest first.

    Raises:
        NoGraphLayer: (a ValueError) the network holds no graph layer that is known.
        ValueError: a layer, target or method that does not exist, pixels of another shape, a network whose output is
            not finite.
        TypeError: arguments of another kind; an output that holds no logits, or several.
    """
    network = unwrap(model)
    chosen_method = cams.lookup(method)
    inputs = prepare(network, pixels)
    regions = None if places is None or places is False else regions_of(places, inputs)
    with eval_mode(network):
        nodes = regions[0].num_nodes if regions else None
        adapters = adapters_for(adapter)
        record, plan, raw, images, where = _placed(network, inputs.with_gradients(), adapters, nodes, places is None)
        with torch.autocast(inputs.pixels.device.type, enabled=False):
            reading = read(raw, output=output, activation=activation)
            logits = None if reading.problem else _logits(reading, raw, len(inputs))
            if logits is not None and target is None:
                _refuse_embedding(network, logits)
            labels = _labels(network, labels, logits)
            views = views_of(record.calls, inputs, images, where)
            chosen = _chosen(views, layers)
            score = cams.resolve(target, raw, labels, versus, reading=reading, images=len(inputs))
            explained, values = explain_layers(network, inputs, chosen, score, raw, chosen_method)
            if "extras" not in plan.notes:
                plan.notes["extras"] = windows_between(record.ran, [call.name for call in record.calls])
            extras = dict(plan.notes["extras"]) | _about(network)
    warn_of_misplaced(explained)
    shown = [reordered(layer, order) for layer in explained]
    answers = values[:, None] if logits is None else plain(logits)[score.source]
    return Explanation(
        logits=answers,
        target=score.index,
        layers=tuple(shown) if regions is None else in_regions(shown, regions, score.source),
        method=chosen_method.name,
        image_size=inputs.size,
        depth=len(views),
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


def _logits(reading: Reading, raw: Any, images: int) -> Tensor:
    """(B, classes), one line an image, finite, with a graph behind it."""
    logits = reading.logits(raw)
    if logits.shape[0] != images:
        raise ValueError(
            f"the model must return one line of logits for each of {images} images (got {logits.shape[0]})"
        )
    require_explainable("logits", logits)
    return logits


def _refuse_embedding(network: nn.Module, logits: Tensor) -> None:
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
    for module in modules_of(network):
        own = type(module)
        if own.__getattr__ is nn.Module.__getattr__ and not (
            "pretrained_cfg" in module.__dict__ or hasattr(own, "pretrained_cfg")
        ):
            continue  # to ask a module for what it lacks takes long
        names = config_of(module, "label_names")
        if names and len(names) == logits.shape[1]:
            return tuple(names)
    return None


def _watched(
    network: nn.Module, inputs: Inputs, adapters: Sequence[Adapter], regions: int | None
) -> tuple[Recording, Plan, Any, int]:
    """One forward; where a network puts several inputs into one batch, another one that knows of it.

    Returns:
        What was seen and is known, the raw output, and how many images ran as a batch.
    """
    images = len(inputs) * inputs.views
    try:
        batch = inputs.batch_of(images)
        return *observe(network, adapters, batch, lambda: inputs.run(network), regions=regions), images
    except NoGraphLayer:
        if len(inputs.images) == 1:
            raise
    images = len(inputs) * len(inputs.images)
    return *observe(network, adapters, inputs.batch_of(images), lambda: inputs.run(network)), images


def _placed(
    network: nn.Module, inputs: Inputs, adapters: Sequence[Adapter], regions: int | None, prove: bool
) -> tuple[Recording, Plan, Any, int, Sequence[Whereabouts]]:
    """As `_watched`, and where the nodes of each layer lie on the image, if there is one and that is to be proven."""
    record, plan, raw, images = _watched(network, inputs, adapters, regions)
    if not prove or images != len(inputs) or inputs.points or inputs.pixels.ndim != 4:
        return record, plan, raw, images, [not_tried(call) for call in record.calls]
    places = find_places(network, inputs, adapters, plan, record.calls)
    if plan.around and all(call.around is None for call in record.calls):
        record, plan, raw, images = _watched(network, inputs, adapters, regions)
    return record, plan, raw, images, [place.in_forward(call) for place, call in zip(places, record.calls)]


def _chosen(views: list[View], layers: Sequence[int] | int | None) -> list[View]:
    """The layers asked for, in the order of the network."""
    depth = len(views)
    if layers is None:
        return list(views)
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
            raise ValueError(
                f"`layers` must lie in [-{depth}, {depth}), the network's graph layers (got {quoted(place)})"
            )
        places.add(place % depth)
    return [views[place] for place in sorted(places)]


def _about(network: nn.Module) -> dict[str, Any]:
    """What a network says of itself: its `checkpoint_info.about()`, plain data such as the command that renders it."""
    about = getattr(getattr(network, "checkpoint_info", None), "about", None)
    return {"about": about()} if callable(about) else {}
