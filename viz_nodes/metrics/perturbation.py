"""Deletion and insertion: the score while nodes are painted over or edges cut, the most important first.

A deletion curve says that what is ranked first matters to this network when it is taken away, which also makes images
and graphs that the network has never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.arguments import also_image, numbers, whole
from viz_nodes.capture.inputs import as_batch
from viz_nodes.capture.model_state import eval_mode, unwrap
from viz_nodes.capture.score import Score, score_of
from viz_nodes.explanation import Explanation
from viz_nodes.grids import Grid
from viz_nodes.metrics.edge_curves import area
from viz_nodes.places import NOBODY, GridPlaces, Places
from viz_nodes.text import quoted


@dataclass(frozen=True, eq=False)
class Curve:
    """A score while more and more is taken away, or put back.

    Attributes:
        fractions: (S + 1,) from 0 to 1, how much is gone (deletion) or there (insertion).
        scores: (S + 1,) probability of the target.
        classes: (S + 1,) int64, the class that the network names; None where it has no logits, or nobody looked.
    """

    fractions: np.ndarray
    scores: np.ndarray
    classes: np.ndarray | None = None

    @property
    def area(self) -> float:
        """Area under the curve, 0 to 1. Low for a good deletion, high for a good insertion."""
        return area(self.fractions, self.scores)

    def accuracy_area(self, label: int | None) -> float:
        """Area under 1 where the network names `label` and 0 where not; NaN where either is not known."""
        if label is None or self.classes is None:
            return float("nan")
        return area(self.fractions, self.classes == label)


def ranking(values: Tensor | np.ndarray) -> np.ndarray:
    """Node numbers, highest value first, equal values in the order of the nodes: [[1, 3], [3, 0]] gives 1, 2, 0, 3."""
    return np.argsort(-numbers("values", values).ravel(), kind="stable")


def _score(target: int | Score) -> Score:
    """One number an image: of a class by its index, or the score of an explanation's row."""
    if isinstance(target, Score):
        return target
    return Score(torch.tensor([int(target)]), torch.zeros(1, dtype=torch.int64))


def _answers(model: nn.Module, images: Tensor, score: Score, batch_size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """(n,) float64, what the score's only row is worth on each image, and (n,) the class named."""
    scores, named = [], []
    for part in torch.split(images, whole("batch_size", batch_size)):
        raw = model(part)
        scores.append(score.probability(raw, torch.zeros(len(part), dtype=torch.int64)))
        reading = score.read(raw)
        if not reading.problem:
            named.append(reading.logits(raw).argmax(1))
    classes = torch.cat(named).cpu().numpy() if named else None
    return torch.cat(scores).double().cpu().numpy(), classes


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
    raise ValueError(f"`baseline` must be 'zero', 'mean', 'blur' or an image (got {quoted(baseline)})")


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
        raise ValueError(f"`steps` must be at least 1 (got {quoted(steps)})")
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
        raise ValueError(f"`mode` must be 'deletion' or 'insertion' (got {quoted(mode)})")
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
        scores, classes = _answers(model, images, _score(target), batch_size)
    return Curve(counts / nodes, scores, classes)


def node_losses(
    model: nn.Module,
    pixels: Tensor,
    gone: Tensor,
    target: int | Score,
    *,
    grid: Grid | Places,
    baseline: str | Tensor = "zero",
    batch_size: int = 32,
) -> np.ndarray:
    """What the score loses when sets of nodes are painted over, for infidelity.

    Args:
        model, pixels, target, grid, batch_size: as for `node_curve`.
        gone: (S, N) bool, the nodes of each set.
        baseline: see `blank_image`.

    Returns:
        (S,) float64, the explained score (the logit of a class) before minus after.
    """
    model = unwrap(model)
    pixels = _single(model, pixels)
    size = (pixels.shape[1], pixels.shape[2])
    places = grid if isinstance(grid, Places) else GridPlaces(grid, size)
    if gone.ndim != 2 or gone.shape[1] != places.num_nodes:
        raise ValueError(f"`gone` must be (S, {places.num_nodes}) (got {tuple(gone.shape)})")
    # The last entry is NOBODY's, whose pixels stay.
    table = torch.cat([gone, torch.zeros(len(gone), 1, dtype=torch.bool)], 1)
    node = torch.from_numpy(np.asarray(places.label_map(size), dtype=np.int64))
    node = torch.where(node == NOBODY, places.num_nodes, node)
    blank, score = blank_image(pixels, baseline), _score(target)
    scores = []
    with eval_mode(model, grad=False):
        for part in torch.split(torch.cat([torch.zeros_like(table[:1]), table]), whole("batch_size", batch_size)):
            images = torch.where(part[:, node].to(pixels.device)[:, None], blank, pixels)
            scores.append(score(model(images), torch.zeros(len(part), dtype=torch.int64)).double().cpu())
    left = torch.cat(scores).numpy()
    return np.asarray(left[0] - left[1:])


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
        raise ValueError(f"`mode` must be 'deletion' or 'insertion' (got {quoted(mode)})")
    explained, row = exp.layer(layer), exp.row(row)
    score = score_of(exp).row(row)
    if isinstance(by, str):
        if by not in ("contribution", "share"):
            raise ValueError(f"`by` must be 'contribution', 'share' or values (got {quoted(by)})")
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
    batch_of_one = _single(model, pixels)[None]
    only = exp.only(row) if frozen else None
    scores = []
    with eval_mode(model, grad=False):
        for part in torch.split(cut, whole("batch_size", batch_size)):
            with edit_edges(model, cut={explained.index: part}, frozen=only):
                scores.append(_answers(model, batch_of_one.expand(len(part), -1, -1, -1), score, len(part))[0])
    return Curve(counts / len(order), np.concatenate(scores))
