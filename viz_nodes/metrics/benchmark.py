"""Methods against each other: every faithfulness and sanity figure for given images, as one table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.cams import lookup, peak
from viz_nodes.explainer import explain
from viz_nodes.explanation import Explanation
from viz_nodes.metrics.infidelity import complexity, infidelity, taken_away
from viz_nodes.metrics.localization import energy_inside, pointing_game
from viz_nodes.metrics.perturbation import node_curve, node_losses, ranking
from viz_nodes.metrics.randomization import randomized, rank_correlation
from viz_nodes.metrics.road import road as road_of
from viz_nodes.metrics.stability import displacement, noisy
from viz_nodes.progress import progress as progress_bar
from viz_nodes.text import quoted

if TYPE_CHECKING:
    import pandas as pd

RANDOM = "random"
"""The order of a dice, as a method: what every other has to beat."""
METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", RANDOM)
FIGURES = (
    "deletion",
    "insertion",
    "faithfulness",
    "accuracy_deletion",
    "accuracy_insertion",
    "infidelity",
    "stability",
    "displacement",
    "complexity",
    "pointing",
    "inside",
    "randomized",
    "road",
    "seconds",
)
"""The columns with figures, in their order."""
COLUMNS = ("image", "layer", "method", "target", "probability", *FIGURES)


@dataclass(frozen=True)
class Measures:
    """What is measured of a map, or of scores of edges.

    Attributes:
        steps: points of the deletion and insertion curves.
        randomize: also explain a copy of the network with all weights shuffled (maps).
        road: also ROAD, which takes seconds an image (maps).
        samples: random perturbations for infidelity; 0 leaves it out.
        draws: noisy copies of the image for stability; 0 leaves it out.
        timing: whether seconds are told, which differ from run to run.
        seed: of everything random.
    """

    steps: int = 20
    randomize: bool = True
    road: bool = False
    samples: int = 32
    draws: int = 1
    timing: bool = True
    seed: int = 0


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
    labels: Sequence[int] | None = None,
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
        labels: the true class of each image, for the figures that need it.
        progress: show a bar.
        options: `methods`, `layers` of `score_images`, and the fields of `Measures`.

    Returns:
        One line for each image, layer and method: `image`, `layer` (from 0), `method`, `target`, `probability` and

        - `deletion`: area under the target's probability while the best nodes are painted over first; low is good.
        - `insertion`: area while they are uncovered first on a blurred image; high is good.
        - `faithfulness`: insertion minus deletion; above that of "random" the order means something.
        - `accuracy_deletion`, `accuracy_insertion`: the areas under 1 where the network names the true label, not the
          class explained; where labels are known.
        - `infidelity`: see `viz_nodes.metrics.infidelity`; 0 where the map foretells what random nodes are worth.
        - `stability`: rank correlation with the map of the image under noise; `displacement`: how far the peak moves,
          in diagonals of the image.
        - `complexity`: 0 where the map is one node, 1 where it is flat.
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
            None if labels is None else int(labels[at]),
        )
        for at in range(len(pixels))
    )
    per_image = score_images(model, images, **options)
    watched = progress_bar(per_image, show=progress, total=len(pixels), doing="scoring")
    lines = [line for part in watched for line in part]
    return pd.DataFrame(lines, columns=COLUMNS)


def score_images(
    model: nn.Module,
    images: Iterable[tuple[Any, ...]],
    *,
    methods: Sequence[str] = METHODS,
    layers: Sequence[int] = (-1,),
    **measures: Any,
) -> Iterator[list[dict[str, Any]]]:
    """The lines of `score`, image by image, so that a thousand images need the memory of one.

    Args:
        images: (name, pixels (1, 3, H, W), mask (H, W) or None, target) each, and the true label if it is known.
        methods: CAM methods, and "random".
        layers: places in the network from 0, negative from its end.
        **measures: fields of `Measures`.
    """
    scoring = MapScores(model, methods, layers, Measures(**measures))
    for at, (name, pixels, mask, target, *label) in enumerate(images):
        lines: list[dict[str, Any]] = []
        for method in scoring.methods:
            measured = scoring.lines(
                pixels, method, target=target, label=label[0] if label else None, mask=mask, number=at
            )
            lines += [{"image": name} | line for line in measured]
        yield lines


class MapScores:
    """The figures of maps, one image and method at a time.

    Attributes:
        methods: by their names.
    """

    def __init__(self, model: nn.Module, methods: Sequence[str], layers: Sequence[int], measures: Measures) -> None:
        self.model, self.layers, self.measures = model, list(layers), measures
        self.methods = [RANDOM if method == RANDOM else lookup(method).name for method in methods]
        self._broken: nn.Module | None = None

    @property
    def broken(self) -> nn.Module:
        """The network with shuffled weights, made when it is first asked for."""
        if self._broken is None:
            self._broken = randomized(self.model, 1.0, seed=self.measures.seed)
        return self._broken

    def lines(
        self,
        pixels: Tensor,
        method: str,
        *,
        target: Any = None,
        label: int | None = None,
        mask: np.ndarray | None = None,
        number: int = 0,
    ) -> list[dict[str, Any]]:
        """A line a layer.

        Args:
            pixels: (1, 3, H, W).
            target: as for `explain`, one class.
            label: the true class.
            mask: (H, W) bool, the object.
            number: of the image, that what is random differs between images.

        Raises:
            ValueError: a target that is not one class.
        """
        seed = self.measures.seed + 7919 * number
        exp, seconds = self._explained(pixels, method, target, seed)
        if len(exp) != 1:
            raise ValueError(f"`target` must name one class an image to be scored (got {quoted(target)})")
        index = int(exp.target[0])
        if index < 0:
            raise ValueError("`target` must be a class to be scored (got a callable)")
        others = [] if method == RANDOM else self._noisy(pixels, method, index, seed)
        broken = None
        if self.measures.randomize and method != RANDOM:
            broken = explain(self.broken, pixels, layers=self.layers, target=index, method=method)
        lines = []
        for explained in exp.layers:
            layer, cam = explained.index, explained.cam
            line: dict[str, Any] = {"layer": layer, "method": method, "target": index}
            line |= {"probability": float(exp.probabilities[0, index])} | dict.fromkeys(FIGURES, float("nan"))
            line["seconds"] = seconds if self.measures.timing and method != RANDOM else float("nan")
            lines.append(line)
            if not float(cam.max()) > 0:
                continue
            line |= self._faithful(pixels, exp, layer, index, label, seed)
            line["complexity"] = complexity(cam[0])
            if mask is not None:
                line["pointing"] = float(pointing_game(exp, mask, layer, tolerance=0.5)[0])
                line["inside"] = float(energy_inside(exp, mask, layer)[0])
            if others:
                line["stability"] = mean_of([rank_correlation(cam[0], each.layer(layer).cam[0]) for each in others])
                line["displacement"] = mean_of([displacement(exp, each, layer) for each in others])
            if broken is not None:
                line["randomized"] = rank_correlation(cam[0], broken.layer(layer).cam[0])
            if self.measures.road:
                line["road"] = float(road_of(self.model, pixels, cam, [index], seed=seed)[0])
        return lines

    def _explained(self, pixels: Tensor, method: str, target: Any, seed: int) -> tuple[Explanation, float]:
        start = time.perf_counter()
        used = "gradcam" if method == RANDOM else method
        exp = explain(self.model, pixels, layers=self.layers, target=target, method=used)
        seconds = time.perf_counter() - start
        if method == RANDOM and len(exp) == 1:
            for layer in exp.layers:
                exp = _with_map(exp, layer.index, _random_map(exp, layer.index, seed))
        return exp, seconds

    def _noisy(self, pixels: Tensor, method: str, index: int, seed: int) -> list[Explanation]:
        copies = noisy(pixels, self.measures.draws, seed)
        return [explain(self.model, copy, layers=self.layers, target=index, method=method) for copy in copies]

    def _faithful(
        self, pixels: Tensor, exp: Explanation, layer: int, index: int, label: int | None, seed: int
    ) -> dict[str, float]:
        """Deletion, insertion and infidelity of the map of a layer."""
        cam, grid = exp.layer(layer).cam[0], exp.regions(layer)
        line: dict[str, float] = {}
        for mode in ("deletion", "insertion"):
            steps = self.measures.steps
            curve = node_curve(self.model, pixels, ranking(cam), index, grid=grid, mode=mode, steps=steps)
            line |= {mode: curve.area, f"accuracy_{mode}": curve.accuracy_area(label)}
        line["faithfulness"] = line["insertion"] - line["deletion"]
        if self.measures.samples:
            gone = taken_away((cam.numel(),), self.measures.samples, seed + layer)
            lost = node_losses(self.model, pixels, gone, index, grid=grid)
            line["infidelity"] = infidelity((gone * cam.double().flatten()).sum(1), lost)
        return line


def mean_of(values: Sequence[float]) -> float:
    """Without NaN; NaN of nothing."""
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def _with_map(exp: Explanation, layer: int, cam: Tensor) -> Explanation:
    """The explanation with another map in one layer, and its peak."""
    layers = tuple(
        replace(explained, cam=cam, peak=peak(cam)) if explained.index == layer else explained
        for explained in exp.layers
    )
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
    means = pd.DataFrame(groups)
    return means.drop(columns=[name for name in FIGURES if means[name].isna().all()])
