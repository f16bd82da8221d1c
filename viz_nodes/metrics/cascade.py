"""Sanity checks (Adebayo et al., arXiv 1810.03292): parameters are randomized step by step from the head down.

An explanation of what a network has learned must change when the network forgets it. At each step the map's order, the
place of its peak, the graph and the strongest edges are held beside those of the network as trained, and beside what a
permutation gives by itself. A dummy that shows where the image changes passes none of it, and a check that it passed
would be worth nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from viz_nodes.capture import edit_edges
from viz_nodes.capture.model_state import unwrap
from viz_nodes.explainer import explain
from viz_nodes.explanation import NO_EDGE, NO_PEAK, Explanation, LayerExplanation
from viz_nodes.graphs.edges import chosen, jaccard
from viz_nodes.metrics.intervals import interval
from viz_nodes.metrics.known_truth import DUMMY, image_gradients
from viz_nodes.metrics.randomization import rank_correlation
from viz_nodes.text import quoted

if TYPE_CHECKING:
    import pandas as pd

AS_TRAINED, PERMUTED = "as trained", "permuted"
"""The first step, and the baseline, which stands in the table as a step behind the last."""
GRAPH = "graph"
"""What stands for a method where the graph itself is looked at."""
MEASURES = {
    "map": "rank correlation of the map",
    "peak": "displacement of the peak, of the image's diagonal",
    "edges": "Jaccard of the strongest edges, graphs held",
    "graph": "Jaccard of the edges, graphs rebuilt",
}
"""What is measured, in words. 1 is the same for all but "peak", where 0 is."""
EDGE_METHODS = ("share", "contribution")
"""Scores of edges that an explanation has; "contribution" counts by its size."""
COLUMNS = ("image", "layer", "method", "measure", "step", "value")
_PERMUTATIONS = 20


def steps_of(model: nn.Module) -> list[tuple[str, tuple[str, ...]]]:
    """The parts of a network that are randomized one after the other, the head first, what it holds itself last.

    Sequences are taken apart into their members, and so is a network that only wraps another. Parameters that stand in
    the network itself, such as the position embedding of ViG, come last, each by its name.

    Returns:
        For each part its name and the names of its parameters.
    """
    parts: list[tuple[str, tuple[str, ...]]] = []

    def visit(module: nn.Module, prefix: str) -> None:
        own = [f"{prefix}{name}" for name, _ in module.named_parameters(recurse=False)]
        parts.extend((name, (name,)) for name in own)
        children = [(name, child) for name, child in module.named_children() if any(True for _ in child.parameters())]
        for name, child in children:
            inner = f"{prefix}{name}."
            alone = len(children) == 1 and not own and any(True for _ in child.children())
            if alone or isinstance(child, nn.Sequential | nn.ModuleList | nn.ModuleDict):
                visit(child, inner)
            else:
                parts.append((inner[:-1], tuple(f"{inner}{each}" for each, _ in child.named_parameters())))

    visit(model, "")
    return parts[::-1]


class _Forgetful:
    """A copy of a network whose parts are shuffled and put back."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model)
        self._tensors = dict(self.model.named_parameters())
        self._known = {name: tensor.detach().clone() for name, tensor in self._tensors.items()}

    def forget(self, names: Iterable[str], generator: torch.Generator) -> None:
        """Shuffle these parameters: each keeps its values, in another order, so that its scale stays."""
        with torch.no_grad():
            for name in names:
                known = self._known[name]
                order = torch.randperm(known.numel(), generator=generator).to(known.device)
                self._tensors[name].copy_(known.flatten()[order].view_as(known))

    def recall(self) -> None:
        """Put everything back."""
        with torch.no_grad():
            for name, tensor in self._tensors.items():
                tensor.copy_(self._known[name])


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a network says of one image.

    Attributes:
        maps: (N,) by layer and method.
        edges: (N * k,) how much each edge is said to matter, by layer and method.
        graphs: (N, M) bool by layer, which key nodes each center asked, but for itself.
    """

    maps: dict[tuple[int, str], np.ndarray]
    edges: dict[tuple[int, str], np.ndarray]
    graphs: dict[int, np.ndarray]


def cascade_images(
    model: nn.Module,
    images: Iterable[tuple[Any, Tensor, Any]],
    *,
    methods: Sequence[str] = ("gradcam", DUMMY),
    layers: Sequence[int] = (-1,),
    alone: bool = False,
    strongest: float = 0.1,
    seed: int = 0,
) -> Iterator[list[dict[str, Any]]]:
    """What is left of maps and edges while the network forgets, image by image.

    Args:
        model: a classifier with graph layers; left as it is, a copy of it forgets.
        images: (name, pixels (1, C, H, W), target) each; a target of None is what the network predicts as trained, and
            that class is explained at every step.
        methods: CAM methods, and "image gradients", the dummy. The dummy also orders edges, by how much the image
            changes at the neighbor.
        layers: places in the network from 0, negative from its end.
        alone: randomize each part alone and put it back, instead of one after the other.
        strongest: which fraction of a layer's edges counts as its strongest.
        seed: of what is random.

    Yields:
        For each image lines with `image`, `layer` (from 0), `method`, `measure` (a key of `MEASURES`), `step` (a part
        of the network, "as trained" or "permuted") and `value`. "map" and "peak" are measured with the graphs that the
        randomized network builds itself; "edges" on the edges as trained, so that the same edges are ordered twice.
        NaN where a map is blank.

    Raises:
        ValueError: unknown method, a fraction outside of (0, 1].
    """
    if not 0 < strongest <= 1:
        raise ValueError(f"`strongest` must lie in (0, 1] (got {quoted(strongest)})")
    network = unwrap(model)
    steps, forgetful = steps_of(network), _Forgetful(network)
    for at, (name, pixels, target) in enumerate(images):
        whole = explain(network, pixels, target=target)
        index = [int(each) for each in whole.target]
        forgetful.recall()
        trained = _seen(forgetful.model, pixels, index, methods, layers, whole)
        # Another shuffle for every image, or the intervals would say how much one shuffled network varies.
        rng = np.random.default_rng([seed, at])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        lines = _lines(name, AS_TRAINED, trained, trained, whole, strongest)
        for step, parameters in steps:
            if alone:
                forgetful.recall()
            forgetful.forget(parameters, generator)
            seen = _seen(forgetful.model, pixels, index, methods, layers, whole)
            lines += _lines(name, step, trained, seen, whole, strongest)
        lines += _by_chance(name, trained, whole, strongest, rng)
        yield lines


def cascade(model: nn.Module, pixels: Tensor, *, target: Any = None, **options: Any) -> pd.DataFrame:
    """`cascade_images` and `cascade_summary` for pixels (B, C, H, W): the table of the sanity check.

    Args:
        target: one class for all, or a sequence with one for each image; None for those predicted.
        **options: of `cascade_images`.
    """
    import pandas as pd

    each = target if isinstance(target, list | tuple | Tensor | np.ndarray) else [target] * len(pixels)
    images = ((at, pixels[at : at + 1], each[at]) for at in range(len(pixels)))
    lines = [line for part in cascade_images(model, images, **options) for line in part]
    return cascade_summary(pd.DataFrame(lines, columns=list(COLUMNS)))


def cascade_summary(table: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Means over images with bootstrap intervals, resampled by image.

    Args:
        table: lines of `cascade_images`.
        level: of the intervals.
        seed: of the bootstrap.

    Returns:
        `layer`, `method`, `measure`, `step` in the order of the cascade, `mean`, `low`, `high`, `n` (images that have
        the value), and `chance`: whether nothing is left that can be told from chance: the interval has a number in
        common with that of the step "permuted", or lies beyond it.
    """
    import pandas as pd

    lines = []
    for (layer, method, measure), part in table.groupby(["layer", "method", "measure"], sort=False):
        group: list[dict[str, Any]] = []
        for step, own in part.groupby("step", sort=False):
            values = own["value"].to_numpy(dtype=np.float64)
            low, high = interval(values, own["image"].tolist(), level=level, seed=seed)
            there = values[~np.isnan(values)]
            line = {"layer": layer, "method": method, "measure": measure, "step": step}
            line["mean"] = float(there.mean()) if len(there) else float("nan")
            group.append(line | {"low": low, "high": high, "n": len(there)})
        baseline = next(line for line in group if line["step"] == PERMUTED)
        for line in group:
            left = line["high"] < baseline["low"] if measure == "peak" else line["low"] > baseline["high"]
            line["chance"] = line["low"] == line["low"] and not left
        lines += group
    return pd.DataFrame(lines)


def sane(summary: pd.DataFrame) -> pd.DataFrame:
    """Who passes: whether what is left when everything is randomized cannot be told from chance.

    Args:
        summary: of `cascade_summary`, of a cascade and not of parts alone.

    Returns:
        `layer`, `method`, `measure`, `last` (the mean at the last step), `permuted`, `passes`.
    """
    import pandas as pd

    verdicts = []
    for (layer, method, measure), part in summary.groupby(["layer", "method", "measure"], sort=False):
        last, baseline = part[part["step"] != PERMUTED].iloc[-1], part[part["step"] == PERMUTED].iloc[0]
        line = {"layer": layer, "method": method, "measure": measure, "last": last["mean"]}
        verdicts.append(line | {"permuted": baseline["mean"], "passes": bool(last["chance"])})
    return pd.DataFrame(verdicts)


def _seen(
    model: nn.Module, pixels: Tensor, target: Any, methods: Sequence[str], layers: Sequence[int], held: Explanation
) -> _Seen:
    """What a network says with the graphs that it builds; of edges, with those of `held`."""
    seen = _Seen({}, {}, {})
    with edit_edges(model, frozen=held):
        still = explain(model, pixels, layers=list(layers), target=target)
    for explained in still.layers:
        there = explained.neighbors[0].numpy()
        scores = {name: getattr(explained, name)[0].double().abs().numpy() for name in EDGE_METHODS}
        if DUMMY in methods:
            scores[DUMMY] = image_gradients(pixels, explained, still.image_size, keys=True)[there.clip(min=0)]
            seen.maps[explained.index, DUMMY] = image_gradients(pixels, explained, still.image_size)
        for name, values in scores.items():
            seen.edges[explained.index, name] = values[there != NO_EDGE]
    for method in (method for method in methods if method != DUMMY):
        for explained in explain(model, pixels, layers=list(layers), target=target, method=method).layers:
            seen.maps[explained.index, method] = explained.cam[0].flatten().double().numpy()
            seen.graphs[explained.index] = _others_chosen(explained)
    return seen


def _others_chosen(explained: LayerExplanation) -> np.ndarray:
    """(N, M) bool, which key nodes each center chose. That it chose itself, where it can, says nothing of a network."""
    asked = chosen(explained, 0)
    if not explained.pooled:
        np.fill_diagonal(asked, False)
    return asked


def _lines(
    name: Any, step: str, before: _Seen, after: _Seen, exp: Explanation, strongest: float
) -> list[dict[str, Any]]:
    lines: list[tuple[int, str, str, float]] = []
    for (layer, method), cam in before.maps.items():
        other = after.maps[layer, method]
        lines.append((layer, method, "map", rank_correlation(cam, other)))
        peaks = [int(each.argmax()) if each.max() > 0 else NO_PEAK for each in (cam, other)]
        apart_by = float("nan") if NO_PEAK in peaks else float(_distances(exp, layer, peaks[0])[peaks[1]])
        lines.append((layer, method, "peak", apart_by))
    for (layer, method), scores in before.edges.items():
        share = _same(_first(scores, strongest), _first(after.edges[layer, method], strongest))
        lines.append((layer, method, "edges", share))
    for layer, graph in before.graphs.items():
        lines.append((layer, GRAPH, "graph", _same(graph, after.graphs[layer])))
    return _named(name, step, lines)


def _by_chance(
    name: Any, seen: _Seen, exp: Explanation, strongest: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """The same measures where what is compared is a permutation of what it is compared with."""
    lines: list[tuple[int, str, str, float]] = []
    for (layer, method), cam in seen.maps.items():
        blank = not cam.max() > 0
        values = [rank_correlation(cam, rng.permutation(cam)) for _ in range(_PERMUTATIONS)]
        lines.append((layer, method, "map", float(np.mean(values))))
        # A permuted map has its peak at every node as often.
        away = float("nan") if blank else float(_distances(exp, layer, int(cam.argmax())).mean())
        lines.append((layer, method, "peak", away))
    for (layer, method), scores in seen.edges.items():
        first = _first(scores, strongest)
        values = [_same(first, rng.permutation(first)) for _ in range(_PERMUTATIONS)]
        lines.append((layer, method, "edges", float(np.mean(values))))
    for layer, graph in seen.graphs.items():
        # Whole rows change hands: hubs stay hubs.
        values = [_same(graph, rng.permutation(graph)) for _ in range(_PERMUTATIONS)]
        lines.append((layer, GRAPH, "graph", float(np.mean(values))))
    return _named(name, PERMUTED, lines)


def _named(name: Any, step: str, lines: list[tuple[int, str, str, float]]) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, (name, layer, who, measure, step, value))) for layer, who, measure, value in lines]


def _first(scores: np.ndarray, fraction: float) -> np.ndarray:
    """(E,) bool, the largest scores, at least one; of equals the first ones, and none that is 0."""
    count = max(1, round(fraction * len(scores)))
    first = np.zeros(len(scores), dtype=bool)
    first[np.argsort(-scores, kind="stable")[:count]] = True
    return first & (scores > 0)


def _same(first: np.ndarray, second: np.ndarray) -> float:
    """Jaccard's index of two sets of edges, NaN where the first is empty."""
    return float(jaccard(first, second)) if first.any() else float("nan")


def _distances(exp: Explanation, layer: int, node: int) -> np.ndarray:
    """(N,) from a node to each, of the diagonal of the image."""
    middles = exp.layer(layer).regions(exp.image_size).centers()
    away: np.ndarray = np.hypot(*(middles - middles[node]).T) / np.hypot(*exp.image_size)
    return away
