"""ROAD: deletion with pixels filled in from their surroundings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture.inputs import as_batch
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.outputs import logits_of


def road(
    model: nn.Module,
    pixels: Tensor,
    cams: Tensor,
    targets: Sequence[int] | Tensor,
    *,
    percentiles: Sequence[int] = (20, 40, 60, 80),
    seed: int = 0,
) -> np.ndarray:
    """ROAD (Rong et al., arXiv 2202.00449) by grad-cam's `ROADCombined`, on probabilities.

    Pixels are not painted over but filled in from their surroundings, which leaves less of a trace for the network to
    read. Solves a sparse system of the size of the image for each percentile: seconds an image.

    Args:
        pixels: (B, 3, H, W).
        cams: (B, h, w) maps, enlarged bilinearly and scaled to 0..1 as grad-cam does.
        targets: (B,) classes.
        percentiles: how much of the image stays or goes, in percent.
        seed: of the noise in the filling.

    Returns:
        (B,) float64: (score without the least relevant - score without the most relevant) / 2, averaged over the
        percentiles. Above 0 where the map is better than its reverse; NaN where a map is blank.
    """
    from pytorch_grad_cam.metrics.road import ROADCombined
    from pytorch_grad_cam.utils.image import scale_cam_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

    model = unwrap(model)
    pixels = as_batch(model, pixels)
    size = (pixels.shape[3], pixels.shape[2])
    maps = scale_cam_image(cams.detach().cpu().float().numpy(), size)
    chosen = [ClassifierOutputSoftmaxTarget(int(target)) for target in targets]

    class Plain(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return logits_of(model(images.to(pixels)))

    with eval_mode(model, grad=False), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        score = ROADCombined(percentiles=list(percentiles))(pixels, maps, chosen, Plain())
    blank = cams.detach().cpu().flatten(1).amax(1).numpy() <= 0
    return np.where(blank, np.nan, np.asarray(score, dtype=np.float64))
