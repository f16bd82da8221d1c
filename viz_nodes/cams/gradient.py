"""Methods that weigh activations by gradients. All take (B, C, H, W) twice and give (B, H, W), in their dtype."""

from __future__ import annotations

import torch
from torch import Tensor

from viz_nodes.cams.gradcam_classes import image


def gradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted by the mean of their gradient (arXiv 1610.02391)."""
    return image("GradCAM", activations, gradients)


def finercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM of the class against those most like it, so of a score of its own (`objective`; arXiv 2501.11309)."""
    return gradcam(activations, gradients)


def gradcam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM with pixel-wise weights from higher powers of the gradient (arXiv 1710.11063)."""
    return image("GradCAMPlusPlus", activations, gradients)


def xgradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Gradients weighted by the share of the activation they stand on (arXiv 2008.02312)."""
    return image("XGradCAM", activations, gradients)


def layercam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Every activation weighted by its own positive gradient (doi 10.1109/TIP.2021.3089943)."""
    return image("LayerCAM", activations, gradients)


def hirescam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Activation times gradient, summed over channels (arXiv 2011.08891)."""
    return image("HiResCAM", activations, gradients)


def gradcam_elementwise(activations: Tensor, gradients: Tensor) -> Tensor:
    """Activation times gradient where that is positive, summed over channels."""
    return image("GradCAMElementWise", activations, gradients)


def shapleycam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM of the gradient minus half the Hessian times the activations (arXiv 2501.06261).

    Grad-CAM's `ShapleyCAM` frees the graph after one layer, so here the product with the Hessian is taken with the
    graph kept, and what follows, the mean of a gradient and the weighted sum, is grad-cam's `GradCAM`.

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
    return image("GradCAM", activations, gradients if product is None else gradients - 0.5 * product)


def randomcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Channels weighted at random, from numpy's global generator: what any method has to beat."""
    return image("RandomCAM", activations, gradients).to(activations.dtype)
