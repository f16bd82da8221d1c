"""Methods that change the activations of the layer and ask the rest of the network again, in batches.

`forward(activations, rows) -> raw` runs the network with the output of the layer replaced: activations (n, C, H, W),
rows (n,) int64 says which row each belongs to, raw is what the network returns for n images. `score(raw, rows) -> (n,)`
is the explained score (`Score`). Perturbing the nodes of the layer rather than the pixels costs C forwards
(`scorecam`, `ablationcam`) or N (`node_ablation`) for a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.cams.gradcam import unhooked
from viz_nodes.progress import progress as progress_bar

Forward = Callable[[Tensor, Tensor], Any]
Scores = Callable[[Any, Tensor], Tensor]


class _Rest(torch.nn.Module):
    """The network from the layer on, as a module that gives the score of one row (n, 1): what grad-cam runs."""

    def __init__(self, forward: Forward, score: Scores, row: int, like: Tensor) -> None:
        super().__init__()
        self.layer = torch.nn.Identity()
        self.answer, self.score = forward, score
        self.row = row
        self.place = torch.nn.Parameter(like.new_zeros(()), requires_grad=False)  # tells grad-cam the device

    def forward(self, activations: Tensor) -> Tensor:
        activations = self.layer(activations)
        rows = torch.full((activations.shape[0],), self.row, dtype=torch.int64)
        return self.score(self.answer(activations, rows), rows)[:, None]


def _row_by_row(
    activations: Tensor, forward: Forward, score: Scores, prepare: Callable[[torch.nn.Module], Any]
) -> Tensor:
    """Grad-cam's class on each row, the activations of the layer standing for the image."""
    maps = []
    for row in range(activations.shape[0]):
        rest = _Rest(forward, score, row, activations)
        own = activations[row : row + 1].detach()
        instance = prepare(rest)
        first = [lambda line: line[0]]
        maps.append(instance.get_cam_image(own, rest.layer, first, own.cpu().numpy(), None, False)[0])
    return torch.from_numpy(np.stack(maps))


def scorecam(
    activations: Tensor, gradients: Tensor | None = None, *, forward: Forward, score: Scores, batch_size: int = 32
) -> Tensor:
    """Channels weighted by the score when the nodes are dimmed to that channel, by grad-cam's `ScoreCAM`.

    The channel, scaled to 0..1, masks the layer's activations (the article masks the pixels, arXiv 1910.01279). Scores
    are float32 in grad-cam.
    """

    def prepare(rest: torch.nn.Module) -> Any:
        instance = unhooked("ScoreCAM", rest)
        instance.batch_size = batch_size
        return instance

    with torch.no_grad():
        return _row_by_row(activations, forward, score, prepare)


def zeroing_layer() -> Any:
    """Grad-cam's `AblationLayer`, with the ablated channel at zero as in the article.

    Grad-cam's own puts a negative channel at its minimum minus 1e7, which after a batch norm leaves no logit standing.
    """
    from pytorch_grad_cam import AblationLayer

    class ZeroingLayer(AblationLayer):  # type: ignore[misc]
        def __call__(self, activations: Tensor) -> Tensor:
            output: Tensor = self.activations
            output[range(output.shape[0]), torch.as_tensor(self.indices[: output.shape[0]]).long()] = 0
            return output

    return ZeroingLayer()


def ablationcam(
    activations: Tensor, gradients: Tensor | None = None, *, forward: Forward, score: Scores, batch_size: int = 32
) -> Tensor:
    """Channels weighted by how far the score falls without them, by grad-cam's `AblationCAM` (Desai et al., WACV 2020).

    A fall is measured against the score itself; against its size where it is negative, lest the map be turned round.
    Scores are float32 in grad-cam.
    """

    def prepare(rest: torch.nn.Module) -> Any:
        return unhooked("AblationCAM", rest, ablation_layer=zeroing_layer(), batch_size=batch_size)

    rows = torch.arange(activations.shape[0])
    with torch.no_grad():
        maps = _row_by_row(activations, forward, score, prepare)
        sign = torch.stack([score(forward(activations[r : r + 1], rows[r : r + 1]), rows[r : r + 1])[0] for r in rows])
    return maps * sign.cpu().sign()[:, None, None]


def node_ablation(
    activations: Tensor,
    gradients: Tensor | None = None,
    *,
    forward: Forward,
    score: Scores,
    batch_size: int = 32,
    progress: bool = False,
) -> Tensor:
    """How far the score falls when a node's activations are zero: one forward a node, in logits."""
    rows_count, _, height, width = activations.shape
    nodes = height * width
    falls = activations.new_zeros(rows_count, nodes)
    with torch.no_grad(), progress_bar(show=progress, total=rows_count * nodes, unit="nodes") as bar:
        for row in range(rows_count):
            own = activations[row : row + 1].detach()
            here = torch.tensor([row])
            whole = score(forward(own, here), here)
            for start in range(0, nodes, batch_size):
                chosen = torch.arange(start, min(start + batch_size, nodes))
                without = own.repeat(len(chosen), 1, 1, 1)
                without.flatten(2)[torch.arange(len(chosen)), :, chosen] = 0
                rows = here.expand(len(chosen))
                falls[row, chosen] = (whole - score(forward(without, rows), rows)).to(falls)
                bar.update(len(chosen))
    return falls.reshape(rows_count, height, width).cpu()
