"""The number that is differentiated: the target's score, or what a method puts in its place."""

from __future__ import annotations

import torch
from torch import Tensor

from viz_nodes.cams.targets import CUSTOM, Targets


def finer(targets: Targets, logits: Tensor, *, compared: int = 3, alpha: float = 1.0) -> Tensor:
    """Finer-CAM's score: the class against those most like it, weighted by their probabilities (arXiv 2501.11309).

    Args:
        targets: R rows; with `versus` that class alone is compared with.
        logits: (B, classes).
        compared: how many classes with the nearest logits to compare with.
        alpha: strength of the comparison.

    Returns:
        (R,) scores, computed by grad-cam's `FinerWeightedTarget`.

    Raises:
        ValueError: the target is a callable, so there is no class to compare.
    """
    from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

    scores = []
    for row in range(len(targets)):
        index = int(targets.index[row])
        if index == CUSTOM:
            raise ValueError("`finercam` compares classes, so `target` must be a class, not a callable")
        line = logits[int(targets.source[row])]
        if targets.versus is not None:
            others = [int(targets.versus[row])]
        else:
            order = (line.detach() - line.detach()[index]).abs().argsort(stable=True).tolist()
            others = [at for at in order if at != index][:compared]
        scores.append(FinerWeightedTarget(index, others, alpha)(line))
    return torch.stack(scores)


def objective(method: str, targets: Targets, logits: Tensor) -> Tensor:
    """(R,) what to differentiate for a method: `finer` for "finercam", the scores of the targets for all others."""
    return finer(targets, logits) if method == "finercam" else targets.scores(logits)
