"""pytorch-grad-cam's classes, used for their arithmetic alone.

They register hooks, set modes and run the network themselves, and here the network has run once already. A class is
therefore constructed the ordinary way, but around a model of one parameter and with no layer to hook, and only its
method from tensors to a map is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.capture.score import CUSTOM, Score


def unhooked(name: str, model: torch.nn.Module | None = None, **options: Any) -> Any:
    """An instance of `pytorch_grad_cam.<name>` that watches no layer.

    Args:
        name: the class.
        model: what the instance runs, for classes that need forward passes.
        options: as the class takes them.
    """
    import pytorch_grad_cam  # takes a second, so not before a map is wanted

    return getattr(pytorch_grad_cam, name)(model or torch.nn.Linear(1, 1), [], **options)


def image(name: str, activations: Tensor, gradients: Tensor | None = None) -> Tensor:
    """What a class of pytorch-grad-cam makes of activations and gradients, before its ReLU, resizing and scaling.

    Its projections (`get_2d_projection` and kin) end in float32: with float64 activations those maps are float64 by
    dtype and float32 by accuracy.

    Args:
        name: the class.
        activations: (B, C, H, W).
        gradients: (B, C, H, W), or None where the class needs none.

    Returns:
        (B, H, W) on the CPU, in the dtype the class computes in.
    """
    arrays = [None if array is None else array.detach().cpu().numpy() for array in (activations, gradients)]
    with np.errstate(divide="ignore", invalid="ignore"):
        map_of_image = unhooked(name).get_cam_image(None, None, None, *arrays, False)
    return torch.from_numpy(np.ascontiguousarray(map_of_image))


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted by the mean of their gradient and summed (Selvaraju et al., arXiv 1610.02391).

    What `pytorch_grad_cam.GradCAM` computes, without its second of imports.

    Args:
        activations, gradients: (B, C, H, W).

    Returns:
        (B, H, W) on the CPU, signed.
    """
    weights = gradients.detach().flatten(2).mean(2)
    return (weights[:, None] @ activations.detach().flatten(2)).view(-1, *activations.shape[2:]).cpu()


def classless(name: str) -> Callable[..., Tensor]:
    """A class of pytorch-grad-cam that looks at no gradient."""

    def without_gradients(activations: Tensor, gradients: Tensor | None = None) -> Tensor:
        return image(name, activations)

    return without_gradients


def shapleycam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM of the gradient minus half the Hessian times the activations.

    Grad-cam's `ShapleyCAM` frees the graph after one layer, so here the product with the Hessian is taken with the
    graph kept, and what follows is `gradcam`.

    Args:
        activations: (B, C, H, W), the tensor the gradients were taken for, still in its graph.
        gradients: (B, C, H, W), from `torch.autograd.grad(..., create_graph=True)`.

    Raises:
        ValueError: the activations are in no graph.
    """
    if not activations.requires_grad:
        raise ValueError("`shapleycam` needs activations and gradients still in their graph (create_graph=True)")
    product = None
    if gradients.requires_grad:
        (product,) = torch.autograd.grad(
            gradients, activations, grad_outputs=activations, retain_graph=True, allow_unused=True
        )
    return gradcam(activations, gradients if product is None else gradients - 0.5 * product)


def finer(score: Score, raw: Any, *, compared: int = 3, alpha: float = 1.0) -> Tensor:
    """Finer-CAM's score: the class against those most like it, weighted by their probabilities.

    Args:
        score: R rows; with `versus` that class alone is compared with.
        raw: what the network returned.
        compared: how many classes with the nearest logits to compare with.
        alpha: strength of the comparison.

    Returns:
        (R,) scores, computed by grad-cam's `FinerWeightedTarget`.

    Raises:
        ValueError: the target is a callable, so there is no class to compare.
    """
    from pytorch_grad_cam.utils.model_targets import FinerWeightedTarget

    if bool((score.index == CUSTOM).any()):
        raise ValueError("`finercam` compares classes, so `target` must be a class, not a callable")
    scores, logits = [], score.read(raw).logits(raw)
    for row, index in enumerate(score.index.tolist()):
        line = logits[int(score.source[row])]
        if score.versus is not None:
            others = [int(score.versus[row])]
        else:
            order = (line.detach() - line.detach()[index]).abs().argsort(stable=True).tolist()
            others = [at for at in order if at != index][:compared]
        scores.append(FinerWeightedTarget(index, others, alpha)(line))
    return torch.stack(scores)


def of_class(name: str) -> Callable[..., Tensor]:
    """The method (activations, gradients) -> map of a class of pytorch-grad-cam."""
    return functools.partial(image, name)
