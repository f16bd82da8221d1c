"""Methods against each other: every faithfulness and sanity figure for given images, as one table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.cams import lookup
from viz_nodes.explainer import explain
from viz_nodes.explanation import Explanation
from viz_nodes.metrics.localization import energy_inside, pointing_game
from viz_nodes.metrics.perturbation import node_curve, ranking
from viz_nodes.metrics.randomization import randomized, rank_correlation
from viz_nodes.metrics.road import road as road_of
from viz_nodes.progress import progress as progress_bar

if TYPE_CHECKING:
    import pandas as pd

RANDOM = "random"
"""The order of a dice, as a method: what every other has to beat."""
METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", RANDOM)
FIGURES = ("deletion", "insertion", "faithfulness", "pointing", "inside", "randomized", "road", "seconds")
"""The columns with figures, in their order."""
COLUMNS = ("image", "layer", "method", "target", "probability", *FIGURES)


def _random_map(exp: Explanation, layer: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed * 1000 + layer)
    return torch.rand(exp.layer(layer).cam.shape, generator=generator)


def score(
    model: nn.Module,
    pixels: Tensor,
    *,
    masks: Tensor | np.ndarray | None = None,
    names: Sequence[str] | None = None,
    target: Any = None,
    progress: bool = False,
    **options: Any,
) -> pd.DataFrame:
    """Figures for every image, layer and method.

    Args:
        model: a classifier with graph layers.
        pixels: (B, 3, H, W).
        masks: (B, H, W) bool, the object's pixels, for the figures that need them.
        names: what to call the images.
        target: as for `explain`, one class an image.
        progress: show a bar.
        options: `methods`, `layers`, `steps`, `randomize`, `road`, `seed` of `score_images`.

    Returns:
        One line for each image, layer and method: `image`, `layer` (from 0), `method`, `target`, `probability` and

        - `deletion`: area under the target's probability while the best nodes are painted over first; low is good.
        - `insertion`: area while they are uncovered first on a blurred image; high is good.
        - `faithfulness`: insertion minus deletion; above that of "random" the order means something.
        - `pointing`: 1 where the peak's patch lies in the mask by more than half, 0 where not.
        - `inside`: the fraction of the map in the mask.
        - `randomized`: rank correlation with the map of the shuffled network; near 0 is right.
        - `road`: above 0 where the map is better than its reverse.
        - `seconds`: of the explanation, all layers.

        A figure that was not asked for, or that a blank map does not have, is NaN. A blank map has none but seconds.

    Raises:
        ValueError: unknown method, a target that is not one class an image.
    """
    import pandas as pd

    images = (
        (
            names[at] if names is not None else at,
            pixels[at : at + 1],
            None if masks is None else np.asarray(masks[at]),
            target[at] if isinstance(target, (list, tuple, Tensor, np.ndarray)) else target,
        )
        for at in range(len(pixels))
    )
    found = score_images(model, images, **options)
    watched = progress_bar(found, show=progress, total=len(pixels), doing="scoring")
    lines = [line for part in watched for line in part]
    return pd.DataFrame(lines, columns=COLUMNS)


def score_images(
    model: nn.Module,
    images: Iterable[tuple[Any, Tensor, np.ndarray | None, Any]],
    *,
    methods: Sequence[str] = METHODS,
    layers: Sequence[int] = (-1,),
    steps: int = 20,
    randomize: bool = True,
    road: bool = False,
    seed: int = 0,
) -> Iterator[list[dict[str, Any]]]:
    """The lines of `score`, image by image, so that a thousand images need the memory of one.

    Args:
        images: (name, pixels (1, 3, H, W), mask (H, W) or None, target) each.
        methods: CAM methods, and "random".
        layers: places in the network from 0, negative from its end.
        steps: points of the deletion and insertion curves.
        randomize: also explain a copy of the network with all weights shuffled.
        road: also ROAD, which takes seconds an image.
        seed: of the random order, the shuffling and ROAD's noise.
    """
    chosen = [RANDOM if method == RANDOM else lookup(method).name for method in methods]
    broken = randomized(model, 1.0, seed=seed) if randomize and any(m != RANDOM for m in chosen) else None
    for at, (name, pixels, mask, target) in enumerate(images):
        lines: list[dict[str, Any]] = []
        for method in chosen:
            found = _score_map(model, pixels, method, layers, target, mask, steps, broken, road, seed + 7919 * at)
            lines += [{"image": name} | line for line in found]
        yield lines


def _score_map(
    model: nn.Module,
    pixels: Tensor,
    method: str,
    layers: Sequence[int],
    target: Any,
    mask: np.ndarray | None,
    steps: int,
    broken: nn.Module | None,
    road: bool,
    seed: int,
) -> list[dict[str, Any]]:
    used = "gradcam" if method == RANDOM else method
    start = time.perf_counter()
    exp = explain(model, pixels, layers=list(layers), target=target, method=used)
    seconds = time.perf_counter() - start
    if len(exp) != 1:
        raise ValueError(f"`target` must name one class an image to be scored (got {target!r})")
    index = int(exp.target[0])
    if index < 0:
        raise ValueError("`target` must be a class to be scored (got a callable)")
    other = None
    if broken is not None and method != RANDOM:
        other = explain(broken, pixels, layers=list(layers), target=index, method=used)
    lines = []
    for explained in exp.layers:
        layer = explained.index
        probability = float(exp.probabilities[0, index])
        line: dict[str, Any] = {"layer": layer, "method": method, "target": index, "probability": probability}
        line |= dict.fromkeys(FIGURES, float("nan")) | {"seconds": seconds if method != RANDOM else float("nan")}
        shown = exp
        if method == RANDOM:
            cam = _random_map(exp, layer, seed)
            shown = _with_map(exp, layer, cam)
        cam = shown.layer(layer).cam
        lines.append(line)
        if not float(cam.max()) > 0:
            continue
        order = ranking(cam[0])
        for mode in ("deletion", "insertion"):
            line[mode] = node_curve(model, pixels, order, index, grid=shown.regions(layer), mode=mode, steps=steps).area
        line["faithfulness"] = line["insertion"] - line["deletion"]
        if mask is not None:
            line["pointing"] = float(pointing_game(shown, mask, layer, tolerance=0.5)[0])
            line["inside"] = float(energy_inside(shown, mask, layer)[0])
        if other is not None:
            line["randomized"] = rank_correlation(cam[0], other.layer(layer).cam[0])
        if road:
            line["road"] = float(road_of(model, pixels, cam, [index], seed=seed)[0])
    return lines


def _with_map(exp: Explanation, layer: int, cam: Tensor) -> Explanation:
    """The explanation with another map in one layer, and its peak."""
    from dataclasses import replace

    from viz_nodes.cams import peak

    layers = tuple(replace(one, cam=cam, peak=peak(cam)) if one.index == layer else one for one in exp.layers)
    return replace(exp, layers=layers)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the images for each layer and method, methods in the order of the table.

    Returns:
        Columns layer, method, images, blank (how many maps were blank), and the figures of which there are any.
    """
    import pandas as pd

    groups = []
    for (layer, method), group in table.groupby(["layer", "method"], sort=False):
        line = {"layer": layer, "method": method, "images": len(group), "blank": int(group.deletion.isna().sum())}
        groups.append(line | {name: group[name].mean() for name in FIGURES})
    found = pd.DataFrame(groups)
    return found.drop(columns=[name for name in FIGURES if found[name].isna().all()])
