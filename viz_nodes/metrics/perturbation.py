"""How far an explanation can be trusted: deletion and insertion curves, ROAD, pointing game, randomised parameters.

None of these proves that a map is right. A deletion curve says that what the map ranks first matters to this network
when it is painted over, which also makes images the network has never seen; the pointing game says where the map is,
not why; a map that survives randomised parameters says nothing about the network.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.arguments import also_image
from viz_nodes.capture.inputs import as_batch
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.outputs import logits_of
from viz_nodes.capture.score import Score, score_of
from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation
from viz_nodes.grids import Grid
from viz_nodes.places import NOBODY, GridPlaces, Places


@dataclass(frozen=True, eq=False)
class Curve:
    """A score while more and more is taken away, or put back.

    Attributes:
        fractions: (S + 1,) from 0 to 1, how much is gone (deletion) or there (insertion).
        scores: (S + 1,) probability of the target.
    """

    fractions: np.ndarray
    scores: np.ndarray

    @property
    def area(self) -> float:
        """Area under the curve, 0 to 1. Low for a good deletion, high for a good insertion."""
        return float(np.sum((self.scores[1:] + self.scores[:-1]) / 2 * np.diff(self.fractions)))


def ranking(values: Tensor | np.ndarray) -> np.ndarray:
    """Node numbers, highest value first, equal values in the order of the nodes: [[1, 3], [3, 0]] gives 1, 2, 0, 3."""
    return np.argsort(-np.asarray(values, dtype=np.float64).ravel(), kind="stable")


def _score(target: int | Score) -> Score:
    """One number an image: of a class by its index, or the score of an explanation's row."""
    if isinstance(target, Score):
        return target
    return Score(torch.tensor([int(target)]), torch.zeros(1, dtype=torch.int64))


def _probabilities(model: nn.Module, images: Tensor, score: Score, batch_size: int) -> np.ndarray:
    """(n,) float64, what the score's only row is worth on each image."""
    found = [
        score.probability(model(part), torch.zeros(len(part), dtype=torch.int64)) for part in images.split(batch_size)
    ]
    return torch.cat(found).double().cpu().numpy()


def _single(model: nn.Module, pixels: Tensor) -> Tensor:
    """(3, H, W) on the device of the network."""
    batch = as_batch(model, pixels)
    if len(batch) != 1:
        raise ValueError(f"`pixels` must be one image, (3, H, W) or (1, 3, H, W) (got {tuple(pixels.shape)})")
    return batch[0]


def blank_image(pixels: Tensor, baseline: str | Tensor) -> Tensor:
    """What stands where a node is taken away.

    Args:
        pixels: (3, H, W).
        baseline: "zero" (the mean color of the training data), "mean" (of this image), "blur" (the image under a
            Gaussian blur of a sixteenth of its width), or an image of the same shape.
    """
    if isinstance(baseline, Tensor):
        if baseline.shape != pixels.shape:
            raise ValueError(f"`baseline` must have shape {tuple(pixels.shape)} (got {tuple(baseline.shape)})")
        return baseline.to(pixels)
    if baseline == "zero":
        return torch.zeros_like(pixels)
    if baseline == "mean":
        return pixels.mean((1, 2), keepdim=True).expand_as(pixels)
    if baseline == "blur":
        return _blurred(pixels, max(1.0, pixels.shape[2] / 16))
    raise ValueError(f"`baseline` must be 'zero', 'mean', 'blur' or an image (got {baseline!r})")


def _blurred(pixels: Tensor, sigma: float) -> Tensor:
    radius = min(int(3 * sigma), min(pixels.shape[1:]) - 1)
    at = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-(at**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(pixels.shape[0], 1, -1)
    padded = F.pad(pixels[None], (radius, radius, radius, radius), mode="reflect")
    across = F.conv2d(padded, kernel[:, :, None, :], groups=pixels.shape[0])
    return F.conv2d(across, kernel[:, :, :, None], groups=pixels.shape[0])[0]


def _counts(total: int, steps: int) -> np.ndarray:
    """How many of `total` are changed at each of at most `steps` + 1 points, from 0 to all."""
    if steps < 1:
        raise ValueError(f"`steps` must be at least 1 (got {steps})")
    return np.unique(np.linspace(0, total, steps + 1).round().astype(int))


def node_curve(
    model: nn.Module,
    pixels: Tensor,
    order: Sequence[int] | np.ndarray,
    target: int | Score,
    *,
    grid: Grid | Places,
    mode: str = "deletion",
    steps: int = 20,
    baseline: str | Tensor | None = None,
    batch_size: int = 32,
) -> Curve:
    """Paint nodes over, the most important first ("deletion"), or uncover them on a blank image ("insertion").

    After Petsiuk et al. (RISE, arXiv 1806.07421), with whole nodes in place of pixels.

    Args:
        model: a classifier; run in eval mode.
        pixels: (3, H, W) or (1, 3, H, W).
        order: (N,) node numbers, most important first (`ranking`).
        target: the class, or the score of one row of an explanation (`score_of(exp).row(0)`).
        grid: (H, W) of the nodes, or their regions (`Explanation.regions`).
        steps: in how many equal parts.
        baseline: see `blank_image`; None is "zero" for deletion and "blur" for insertion.

    Raises:
        ValueError: `order` is no permutation of the nodes; another mode.
    """
    if mode not in ("deletion", "insertion"):
        raise ValueError(f"`mode` must be 'deletion' or 'insertion' (got {mode!r})")
    model = unwrap(model)
    pixels = _single(model, pixels)
    size = (pixels.shape[1], pixels.shape[2])
    places = grid if isinstance(grid, Places) else GridPlaces(grid, size)
    nodes = places.num_nodes
    order = np.asarray(order).ravel()
    if len(order) != nodes or not np.array_equal(np.sort(order), np.arange(nodes)):
        raise ValueError(f"`order` must hold each of the {nodes} nodes once (got {len(order)} entries)")
    if baseline is None:
        baseline = "zero" if mode == "deletion" else "blur"
    blank = blank_image(pixels, baseline)
    place = np.empty(nodes + 1, dtype=np.int64)
    place[order] = np.arange(nodes)
    place[NOBODY] = nodes - 1  # what is nobody's goes, or comes, with the last
    place_of_pixel = torch.from_numpy(place[places.label_map(size)]).to(pixels.device)
    counts = _counts(nodes, steps)
    before, after = (pixels, blank) if mode == "deletion" else (blank, pixels)
    images = torch.stack([torch.where(place_of_pixel < int(count), after, before) for count in counts])
    with eval_mode(model, grad=False):
        scores = _probabilities(model, images, _score(target), batch_size)
    return Curve(counts / nodes, scores)


@also_image
def edge_curve(
    model: nn.Module,
    pixels: Tensor,
    exp: Explanation,
    layer: int,
    *,
    by: str | Tensor | np.ndarray = "contribution",
    mode: str = "deletion",
    steps: int = 10,
    row: int = 0,
    frozen: bool = True,
    batch_size: int = 32,
) -> Curve:
    """Cut the edges of a layer, the most important first ("deletion"), or give a layer without edges them back.

    Cut edges are left out of the maximum or the sum, and nothing replaces them (`viz_nodes.edit_edges`).

    Args:
        model: the network.
        pixels: the image that row `row` of the explanation explains, (3, H, W) or (1, 3, H, W).
        exp: an explanation with that layer.
        layer: place in the network from 0, negative from its end.
        by: "contribution", "share", or (N, k) values of your own; the highest count as most important.
        mode: "deletion" or "insertion".
        steps: in how many equal parts.
        row: of the explanation, negative from its end; also called `image`.
        frozen: whether the graphs of all explained layers stay as they were; otherwise later layers build theirs anew.

    Returns:
        The target's probability, or its score where it is no class, against the fraction of the layer's edges.

    Raises:
        ValueError: another mode, values of another shape, an inexact layer, an explanation read from a file whose
            target was a callable.
    """
    from viz_nodes.capture.editing import edit_edges

    if mode not in ("deletion", "insertion"):
        raise ValueError(f"`mode` must be 'deletion' or 'insertion' (got {mode!r})")
    explained, row = exp.layer(layer), exp.row(row)
    score = score_of(exp).row(row)
    if isinstance(by, str):
        if by not in ("contribution", "share"):
            raise ValueError(f"`by` must be 'contribution', 'share' or values (got {by!r})")
        by = getattr(explained, by)[row]
    neighbors = explained.neighbors[row]
    values = torch.as_tensor(np.asarray(by), dtype=torch.float64)
    if values.shape != neighbors.shape:
        raise ValueError(f"`by` must have shape {tuple(neighbors.shape)} (got {tuple(values.shape)})")
    there = (neighbors >= 0).flatten()
    place = torch.full(there.shape, int(there.sum()))
    order = values.flatten().masked_fill(~there, -torch.inf).argsort(descending=True, stable=True)[: int(there.sum())]
    place[order] = torch.arange(len(order))
    counts = _counts(len(order), steps)
    first = torch.from_numpy(counts)[:, None, None] > place.view(neighbors.shape)
    cut = first if mode == "deletion" else ~first
    model = unwrap(model)
    one = _single(model, pixels)[None]
    only = _only(exp, row) if frozen else None
    scores = []
    with eval_mode(model, grad=False):
        for part in cut.split(batch_size):
            with edit_edges(model, cut={explained.index: part}, frozen=only):
                scores.append(_probabilities(model, one.expand(len(part), -1, -1, -1), score, len(part)))
    return Curve(counts / len(order), np.concatenate(scores))


def _only(exp: Explanation, row: int) -> Explanation:
    """The explanation of one row."""
    rows = len(exp)

    def cut(owner, **more):
        arrays = {
            name: value[row : row + 1]
            for name, value in ((each.name, getattr(owner, each.name)) for each in fields(owner))
            if isinstance(value, Tensor) and value.shape[:1] == (rows,)
        }
        return replace(owner, **(arrays | more))

    return cut(
        exp, layers=tuple(cut(layer) for layer in exp.layers), source=torch.zeros(1, dtype=torch.int64), extras={}
    )


def pointing_game(
    exp: Explanation, masks: Tensor | np.ndarray, layer: int = -1, *, tolerance: float = 0.0
) -> np.ndarray:
    """Whether the peak lies in the object (Zhang et al., arXiv 1608.00507).

    A peak is a node: it hits when its box overlaps the mask by more than `tolerance` of its area.

    Args:
        masks: (R, H, W) or (H, W) bool at the size of the network's input, the object's pixels.
        tolerance: fraction of the box that must be passed, 0 to below 1; 0.5 asks for more than half of the patch.

    Returns:
        (R,) float64: 1 hit, 0 miss, NaN where the map is blank and points nowhere.
    """
    explained = exp.layer(layer)
    inside = _mask_fraction(exp, masks, explained)
    peaks = explained.peak.numpy()
    hits = (inside[np.arange(len(exp)), peaks.clip(min=0)] > tolerance).astype(np.float64)
    return np.where(peaks == NO_PEAK, np.nan, hits)


def energy_inside(exp: Explanation, masks: Tensor | np.ndarray, layer: int = -1) -> np.ndarray:
    """What fraction of the map lies in the object, node by node (the energy-based pointing game of arXiv 1910.01279).

    Returns:
        (R,) float64, NaN where the map is blank.
    """
    explained = exp.layer(layer)
    heat = explained.cam.double().flatten(1).numpy()
    total = heat.sum(1)
    with np.errstate(invalid="ignore"):
        return (heat * _mask_fraction(exp, masks, explained)).sum(1) / np.where(total > 0, total, np.nan)


def _mask_fraction(exp: Explanation, masks: Tensor | np.ndarray, explained: LayerExplanation) -> np.ndarray:
    """(R, N), how much of each node's region the mask covers."""
    masks = np.asarray(masks, dtype=bool)
    masks = np.broadcast_to(masks, (len(exp), *masks.shape)) if masks.ndim == 2 else masks
    if masks.shape != (len(exp), *exp.image_size):
        raise ValueError(f"`masks` must have shape {(len(exp), *exp.image_size)} (got {masks.shape})")
    if explained.places is None:
        return explained.regions(exp.image_size).covered(masks)
    return np.stack([explained.regions(exp.image_size, row).covered(mask) for row, mask in enumerate(masks)])


def rank_correlation(one: Tensor | np.ndarray, two: Tensor | np.ndarray) -> float:
    """Spearman's: 1 the same order, -1 the reverse; equal values share their ranks. NaN where one is constant."""
    ranks = []
    for values in (one, two):
        flat = np.asarray(values, dtype=np.float64).ravel()
        _, place, count = np.unique(flat, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    a, b = (rank - rank.mean() for rank in ranks)
    scale = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / scale) if scale > 0 else float("nan")


def randomized(model: nn.Module, fraction: float = 1.0, *, seed: int = 0) -> nn.Module:
    """A copy of a network with the weights of its last modules shuffled, `fraction` of all modules that have weights.

    Every tensor keeps its values in another order, so that its scale stays. `fraction` 0 is an equal copy, 1 shuffles
    all; between, from the head backwards (the cascade of Adebayo et al., arXiv 1810.03292).
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"`fraction` must lie in [0, 1] (got {fraction})")
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    owners = [module for module in model.modules() if any(True for _ in module.parameters(recurse=False))]
    with torch.no_grad():
        for module in owners[len(owners) - round(fraction * len(owners)) :]:
            for parameter in module.parameters(recurse=False):
                mixed = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[mixed].view_as(parameter))
    return model


def parameter_randomization(
    model: nn.Module,
    pixels: Tensor,
    *,
    layer: int = -1,
    method: str = "gradcam",
    target=None,
    fractions: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    seed: int = 0,
) -> dict[float, np.ndarray]:
    """Does the map change when the network forgets what it knows? The sanity check of Adebayo et al. (1810.03292).

    Args:
        pixels: (B, 3, H, W).
        target: as for `explain`; None is what the network as given predicts, also for the shuffled ones.

    Returns:
        For each fraction of shuffled modules (B,) rank correlations between the network's map and the shuffled one's.
        Near 0 is right, near 1 means that the map does not depend on what was learned. NaN where a map is blank.
    """
    from viz_nodes.explainer import explain

    trusted = explain(model, pixels, layers=[layer], target=target, method=method)
    found = {}
    for fraction in fractions:
        broken = explain(
            randomized(model, fraction, seed=seed),
            pixels,
            layers=[layer],
            target=trusted.target if target is None else target,
            method=method,
        )
        pairs = zip(trusted.layers[0].cam, broken.layers[0].cam)
        found[fraction] = np.array([rank_correlation(one, two) for one, two in pairs])
    return found


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
