"""Proof that the captured edges are those the network used: what its convolution consumed, computed again."""

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
    """

    index: int
    name: str
    conv: str
    proven: bool
    error: float
    nodes: int
    tried: str = ""


def verify(
    model: nn.Module, pixels: Any, *, adapter: Adapter | Sequence[Adapter] | None = None
) -> tuple[LayerProof, ...]:
    """Aggregate features from the captured edges, and compare them with what the model's own convolution consumed.

    Args:
        model, pixels, adapter: as for `explain`.

    Returns:
        One record for each graph layer, in the order of the network. `proven` is False where they differ and where the
        aggregation is not understood.

    Raises:
        NoGraphLayer: the network holds no graph layer that is known.
    """
    network = unwrap(model)
    inputs = prepare(network, pixels)
    with eval_mode(network, grad=False):
        record, _, _ = observe(network, adapters_for(adapter), inputs.pixels, lambda: inputs.run(network), anew=True)
        proofs = []
        for call in record.calls:
            one = recognize(call)
            proven = one.exact and (call.partition is None or call.partition.checked)
            nodes = call.graph.x.shape[0] * call.graph.x.shape[2]
            tried = "" if one.exact else why_not(call)
            proofs.append(LayerProof(call.index, call.name, one.kind, proven, one.error, nodes, tried))
    return tuple(proofs)
