"""What a network holds at every depth: features of its nodes, and the class that its own head reads off them.

The head is whatever runs after the last graph block, so it is found in any network whose blocks have one shape: the
output of another block is handed on in the place of the last one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.capture.adapters.registry import adapters_for
from viz_nodes.capture.inputs import Inputs, prepare
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.outputs import probabilities
from viz_nodes.capture.resuming import resuming
from viz_nodes.capture.score import score_of
from viz_nodes.capture.structure import Layer, structure
from viz_nodes.explanation import Explanation

_AT_ONCE = 64
"""Nodes whose features are read off in one batch."""
_CLOSE = 1e-4


@dataclass(frozen=True, eq=False)
class Depth:
    """One graph layer of one image.

    Attributes:
        index: place from 0.
        centers, keys: (N, C), (M, C) float64 features that the layer is handed; None where it is called without them.
        block: (C, H, W) what the block around the layer gives; None where no block holds this layer alone.
        holder: that block.
    """

    index: int
    centers: Tensor | None
    keys: Tensor | None
    block: Tensor | None
    holder: nn.Module | None = None


@dataclass(frozen=True, eq=False)
class Read:
    """What the head reads off one layer.

    Attributes:
        logits: (classes,) float64 of the whole image.
        probabilities: (classes,) what they are worth.
        nodes: (N,) probability of the class explained, read off every node alone; None where that was not asked.
    """

    logits: Tensor
    probabilities: Tensor
    nodes: Tensor | None = None


def depths(model: nn.Module, pixels: Any) -> list[Depth]:
    """Features at every layer of one image, in one forward.

    Args:
        model: the network.
        pixels: of one image.
    """
    network, inputs = unwrap(model), prepare(model, pixels)
    layers = structure(network, inputs.args, inputs.kwargs, adapters_for(None))
    holders = {module: at for at in range(len(layers)) for module in holders_of(network, layers, at)}
    seen: dict[int, tuple[Tensor, Tensor]] = {}
    gave: dict[int, tuple[Tensor, nn.Module]] = {}
    runs: dict[nn.Module, int] = {}

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        times = runs[module] = runs.get(module, -1) + 1
        for layer in layers:
            if layer.module is module and layer.times == times:
                graph = layer.adapter.graph(module, args, kwargs)
                if graph is not None:
                    seen[layer.index] = _on_grid(layer, graph.x, graph.y)

    def keep(module: nn.Module, args: Any, output: Any) -> None:
        at = holders[module]
        nodes = layers[at].grid[0] * layers[at].grid[1]
        if isinstance(output, Tensor) and output.ndim == 4 and (len(output), output[0, 0].numel()) == (1, nodes):
            gave[at] = output.detach()[0], module  # larger ones end later

    handles: list[Any] = [
        module.register_forward_pre_hook(note, with_kwargs=True)
        for module in {layer.module: None for layer in layers if not layer.steps}
    ]
    handles += [module.register_forward_hook(keep) for module in holders]
    try:
        with eval_mode(network, grad=False):
            inputs.run(network)
    finally:
        for handle in handles:
            handle.remove()
    return [Depth(at, *seen.get(at, (None, None)), *gave.get(at, (None, None))) for at in range(len(layers))]


def holders_of(network: nn.Module, layers: Sequence[Layer], at: int) -> list[nn.Module]:
    """The modules that hold this graph layer and no other, largest first; none where its own runs several times.

    The largest of them that gives all nodes on their grid is its block.
    """
    layer = layers[at]
    if sum(other.module is layer.module for other in layers) > 1:
        return []
    others = [f"{other.name}." for other in layers if other is not layer]
    parts = layer.name.split(".")
    paths = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return [network.get_submodule(path) for path in paths if not any(name.startswith(f"{path}.") for name in others)]


def _on_grid(layer: Layer, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C) and (M, C) of the only image, windows one after the other put on the grid."""
    centers, keys = (each.detach().transpose(1, 2) for each in (x, y))
    if layer.partition is not None:
        centers = layer.partition.to_grid(centers)
        values = torch.empty(int(layer.partition.keys.numel()), keys.shape[2], dtype=keys.dtype)
        values[layer.partition.keys.flatten().cpu()] = keys.flatten(0, 1).cpu()
        keys = values[None]
    return centers[0].double().cpu(), keys[0].double().cpu()


def read_off(
    model: nn.Module, pixels: Any, exp: Explanation, layers_read: Sequence[Depth], *, nodes: bool = True
) -> tuple[list[Read | None], str]:
    """What the network's head reads off each layer.

    Args:
        model, pixels: as for `depths`.
        exp: the explanation of the image.
        layers_read: the features.
        nodes: also of every node alone: its features stand everywhere on the grid then, so that pooling gives them.

    Returns:
        For each layer what was read, None where that is not known, and why it is not; "" where all is.
    """
    network, inputs = unwrap(model), prepare(model, pixels)
    last = layers_read[-1].holder if layers_read else None
    shape = None if not layers_read or layers_read[-1].block is None else layers_read[-1].block.shape
    if last is None or shape is None:
        return [None] * len(layers_read), "the block of the last graph layer is not known"
    with _head(network, inputs, last) as head:
        if head is None:
            return [None] * len(layers_read), "the network does not give the same when it runs from its last block on"
        score, reading = score_of(exp), None
        reads: list[Read | None] = []
        for depth in layers_read:
            if depth.block is None or depth.block.shape != shape:
                reads.append(None)
                continue
            raw = head(depth.block[None])
            reading = score.read(raw)
            logits = reading.logits(raw)[0].cpu().double()
            by_node = None
            if nodes:
                flat = depth.block.flatten(1).T
                parts = [
                    score.probability(head(part[:, :, None, None].expand(-1, *shape)), torch.zeros(len(part)).long())
                    for part in torch.split(flat, _AT_ONCE)
                ]
                by_node = torch.cat(parts).cpu().double()
            reads.append(Read(logits, probabilities(logits, reading.activation), by_node))
        own = reads[-1]
        near = own is not None and torch.allclose(own.logits, exp.logits[0].double(), rtol=1e-3, atol=1e-3)
        if not near:
            return [None] * len(layers_read), "what follows the last block does not give the network's own answer"
    lost = [str(at + 1) for at, read in enumerate(reads) if read is None]
    return reads, f"layers {', '.join(lost)} give other shapes than the last one, which its head reads" if lost else ""


@contextmanager
def _head(network: nn.Module, inputs: Inputs, last: nn.Module) -> Iterator[Callable[[Tensor], Any] | None]:
    """What runs after a block, as a function of the block's output (n, C, H, W); None where it cannot be had alone."""
    with eval_mode(network, grad=False), resuming(network, last, 0, inputs, _instead) as run:
        before = [module for module in network.modules() if "forward" in vars(module)]
        if not before:
            yield None
            return
        own = vars(last).get("forward")
        arrived: list[Tensor] = []

        def head(features: Tensor) -> Any:
            arrived[:] = [features]
            return run(features, torch.zeros(len(features), dtype=torch.int64))

        vars(last)["forward"] = lambda *args, **kwargs: arrived[0]  # the block itself need not run
        try:
            yield head
        finally:
            if own is None:
                del vars(last)["forward"]
            else:
                vars(last)["forward"] = own


def _instead(activations: Tensor, output: Tensor) -> Tensor:
    return activations if len(activations) else output
