"""Proof that the captured edges are those the network used, and that nodes lie where they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.aggregation import recognize
from viz_nodes.capture.inputs import prepare
from viz_nodes.capture.mismatch import why_not
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.observing import observe
from viz_nodes.capture.regions import regions_of
from viz_nodes.capture.whereabouts import find_places, not_tried


@dataclass(frozen=True)
class LayerProof:
    """What was found for one graph layer.

    Attributes:
        index: place among the network's graph layers, from 0.
        name: module path of the graph convolution.
        conv: "mr", "edge", "sage", "gin", "max", "sum" or "other", as in `viz_nodes.explanation.LayerExplanation`.
        proven: whether the features aggregated from the captured edges are those that the convolution consumed.
        error: largest difference between the two, over images, channels and nodes; NaN where nothing could be compared.
        nodes: how many nodes were compared, of all images.
        tried: where it is not proven, what was tried and how near it came.
        placed: whether nodes are proven to lie where they are drawn, perhaps after they were put back in order; False
            where that is refuted, None where nothing could be seen.
        note: what was found of their places, "" for nothing.
    """

    index: int
    name: str
    conv: str
    proven: bool
    error: float
    nodes: int
    tried: str = ""
    placed: bool | None = None
    note: str = ""


def verify(
    model: nn.Module, pixels: Any, *, adapter: Adapter | Sequence[Adapter] | None = None, places: Any = None
) -> tuple[LayerProof, ...]:
    """Aggregate features from the captured edges, and compare them with what the model's own convolution consumed.

    And change parts of the image, to see whether the nodes change that are drawn there.

    Args:
        model, pixels, adapter, places: as for `explain`.

    Returns:
        One record for each graph layer, in the order of the network. `proven` is False where they differ and where the
        aggregation is not understood.

    Raises:
        NoGraphLayer: the network holds no graph layer that is known.
    """
    network = unwrap(model)
    inputs, adapters = prepare(network, pixels), adapters_for(adapter)
    regions = None if places is None or places is False else regions_of(places, inputs)[0].num_nodes
    with eval_mode(network):
        forward = inputs.with_gradients().run  # some of what is proven, and orders of nodes, are read off gradients
        record, plan, _ = observe(
            network, adapters, inputs.pixels, lambda: forward(network), anew=True, regions=regions
        )
        recognized = [recognize(call) for call in record.calls]
        where = [not_tried(call) for call in record.calls]
        if places is None and inputs.pixels.ndim == 4 and not inputs.points:
            where = list(find_places(network, inputs, adapters, plan, record.calls))
        calls = record.calls
        if plan.around:
            calls = observe(network, adapters, inputs.pixels, lambda: forward(network))[0].calls
        where = [place.in_forward(call) for place, call in zip(where, calls)]
    proofs = []
    for call, aggregation, place in zip(record.calls, recognized, where):
        proven = aggregation.exact and (call.partition is None or call.partition.checked)
        nodes = call.graph.x.shape[0] * call.graph.x.shape[2]
        error, kind, tried = aggregation.error, aggregation.kind, "" if aggregation.exact else why_not(call)
        proofs.append(LayerProof(call.index, call.name, kind, proven, error, nodes, tried, place.placed, place.note))
    return tuple(proofs)
