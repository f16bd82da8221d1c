"""Methods that project or count activations. (B, C, H, W) in, (B, H, W) out.

Grad-cam's projections (`get_2d_projection`, `get_2d_projection_kernel`, `get_2d_projection_with_sign_correction`) end
in float32: with float64 activations these maps are float64 by dtype and float32 by accuracy.
"""

from __future__ import annotations

from torch import Tensor

from viz_nodes.cams.gradcam_classes import image


def eigencam(activations: Tensor, gradients: Tensor | None = None) -> Tensor:
    """Activations on their first principal component; knows no class, and its sign is arbitrary (arXiv 2008.00299)."""
    return image("EigenCAM", activations, None)


def eigengradcam(activations: Tensor, gradients: Tensor) -> Tensor:
    """Activation times gradient on its first principal component."""
    return image("EigenGradCAM", activations, gradients)


def segeigencam(activations: Tensor, gradients: Tensor) -> Tensor:
    """As `eigengradcam` with absolute gradients, and the sign turned to the larger side (doi 10.3390/app15137562)."""
    return image("SegEigenCAM", activations, gradients)


def kpcacam(activations: Tensor, gradients: Tensor | None = None) -> Tensor:
    """Activations on the first component of a kernel PCA with sigmoid kernel; knows no class (arXiv 2410.00267)."""
    return image("KPCA_CAM", activations, None)


def fem(activations: Tensor, gradients: Tensor | None = None) -> Tensor:
    """Channels weighted by how often they exceed mean plus two standard deviations (hal-02963298); knows no class."""
    return image("FEM", activations, None)
