"""The columns of a comparison: what is asked of each, their networks, their explanations, and what these share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs
from viz_nodes.batch.options import ALL, RenderOptions, layer_indices
from vizgraph.api import networks
from vizgraph.api.images import load_sample
from vizgraph.api.measured import measured
from vizgraph.api.networks import Network, file_name
from vizgraph.errors import UsageError, as_usage

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from viz_nodes.explanation import Explanation

MOST_COLUMNS = 6
"""More would leave each panel a thumbnail."""


@dataclass(frozen=True)
class Column:
    """One column of a comparison, as a user asked for it.

    Attributes:
        arch: canonical architecture, or the name of a network of the user's own.
        ckpt: weights, as `load_model` takes them.
        target: class to explain, by label or index; "top1" for the predicted one.
        method: CAM method.
        place: which of the networks that were named.
    """

    arch: str
    ckpt: str | None
    target: str
    method: str
    place: int = 0


@dataclass(frozen=True, eq=False)
class Shown:
    """What a column is drawn on.

    Attributes:
        image: (H, W, 3) uint8.
        view: the part of it that the network saw; None for all.
    """

    image: np.ndarray
    view: tuple[float, float, float, float] | None


def paired(models: Any, checkpoints: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Networks with their checkpoints: as many of both, or one of one for all of the other.

    Raises:
        UsageError: other numbers.
    """
    models = [models] if isinstance(models, str) or not isinstance(models, Iterable) else list(models)
    checkpoints = [checkpoints] if isinstance(checkpoints, str | os.PathLike) else list(checkpoints)
    if len(models) > 1 and len(checkpoints) > 1 and len(models) != len(checkpoints):
        why = f"{len(checkpoints)} files for {len(models)} architectures"
        raise UsageError("--ckpt", why, "give one for each, or one for all")
    count = max(len(models), len(checkpoints), 1)

    def one_each(values: list[Any]) -> list[Any]:
        return values if len(values) > 1 else [values[0] if values else None] * count

    return list(zip(one_each(models), one_each(checkpoints), strict=True))


def columns_of(pairs: Sequence[tuple[Any, Any]], targets: Sequence[Any], methods: Sequence[str]) -> list[Column]:
    """Every network with every target and method.

    Raises:
        UsageError: fewer than two, or more than a figure holds.
    """
    columns = [
        Column(name_of(model, ckpt), None if ckpt is None else str(ckpt), str(target), method, place)
        for (place, (model, ckpt)), target, method in itertools.product(enumerate(pairs), targets, methods)
    ]
    if len(columns) < 2:
        raise UsageError(
            "compare",
            "one column has nothing beside it",
            "give --arch, --ckpt, --target or --method again (the same again shows no difference)",
        )
    if len(columns) > MOST_COLUMNS:
        raise UsageError("compare", f"{len(columns)} columns are too many for a figure", f"name at most {MOST_COLUMNS}")
    return columns


def name_of(model: Any, checkpoint: Any) -> str:
    """How a network is called before it is loaded."""
    if model is None or isinstance(model, str):
        return networks.named(model, checkpoint)
    return str(getattr(getattr(model, "checkpoint_info", None), "arch", None) or type(model).__name__)


def names_of(columns: Sequence[Column]) -> list[str]:
    """What tells columns apart: of architecture, weights, target and method those that differ."""
    from viz_nodes.draw.style.captions import method_words

    differing = [
        values
        for values in (
            [column.arch for column in columns],
            [file_name(column.ckpt) or "published" for column in columns],
            [column.target for column in columns],
            [method_words(column.method) for column in columns],
        )
        if len(set(values)) > 1
    ]
    if not differing:
        return [column.arch for column in columns]
    return [" · ".join(words) for words in zip(*differing, strict=True)]


class Networks:
    """The networks of a comparison or a report, each loaded once, when it is first needed.

    Args:
        pairs: (architecture or network, checkpoint) each.
        ema, sha256, device, seed, labels: see `vizgraph.api.networks.load`; several digests are one a checkpoint.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Any, Any]],
        *,
        ema: bool = True,
        sha256: str | Sequence[str | None] | None = None,
        device: Any = "auto",
        seed: int = 0,
        labels: networks.Labels = None,
    ) -> None:
        digests = list(sha256) if isinstance(sha256, Sequence) and not isinstance(sha256, str) else [sha256]
        if len(digests) == 1:
            digests = digests * len(pairs)
        if len(digests) not in (0, len(pairs)):
            raise UsageError("--sha256", f"{len(digests)} for {len(pairs)} networks", "give one for each, or one")
        self._pairs, self._digests, self.ema = list(pairs), digests or [None] * len(pairs), ema
        self._how = {"ema": ema, "device": device, "seed": seed, "labels": labels}
        self._loaded: dict[tuple[Any, Any], Network] = {}

    def of(self, column: Column) -> Network:
        """The network of a column."""
        return self.at(column.place)

    def at(self, place: int) -> Network:
        """The network of a pair, by its place among them."""
        model, ckpt = self._pairs[place]
        key = (model if isinstance(model, str | None) else id(model), ckpt)
        if key not in self._loaded:
            digest = self._digests[place]
            self._loaded[key] = networks.load(model, ckpt, sha256=digest, **self._how)
        return self._loaded[key]


def explained(
    path: Path,
    columns: Sequence[Column],
    options: RenderOptions,
    loaded: Networks,
    *,
    same_place: bool = False,
    kinds: Any = (),
) -> tuple[list[Explanation], list[Shown], str]:
    """An explanation and the image to draw it on, for each column, and the SHA-256 of the image's bytes.

    Columns of one network share the image, those of the same question the explanation too.

    Args:
        same_place: whether all columns show the neighbors of one place, where effects are to be measured.
        kinds: of picture, in place of those of `options`.

    Raises:
        ImageError: the file is no image.
        UsageError: no such layer, class or method.
    """
    from viz_nodes.batch.explainer import Explainer

    digest = inputs.digest_of(path)
    samples: dict[int, Any] = {}
    answers: dict[Column, Explanation] = {}
    shown: list[Shown] = []
    shared: list[tuple[Any, Any]] = []
    layers: list[Any] = []
    for column in columns:
        network = loaded.of(column)
        asked = replace(
            options,
            layers=_layers(options.layers, network),
            target=networks.class_of(column.target, network, "--target"),
            versus=networks.class_of(options.versus, network, "--versus"),
            method=column.method,
        )
        load = partial(load_sample, model=network.model, options=options)
        explainer = Explainer(network.model, load, asked, network.caption, network.labels)
        place = id(network.model)
        if place not in samples:
            samples[place] = explainer.load(path, digest)
            if samples[place].sha256 != digest:
                raise UsageError(str(path), "it changes while it is read", "wait until it is whole")
        sample = samples[place]
        whole = options.canvas == "original"
        shown.append(Shown(sample.original, sample.view) if whole else Shown(sample.image, None))
        if column not in answers:
            with as_usage("--target"):
                (answers[column],) = explainer.explain([sample])
        shared.append((network.model, sample.pixels.to(explainer.device)))
        layers.append(asked.layers)
    exps = [answers[column] for column in columns]
    if options.measures:
        exps = measured(exps, shared, layers, replace(options, kinds=kinds or options.kinds), same_place=same_place)
    return exps, shown, digest


def _layers(layers: Any, network: Network) -> Any:
    depth = networks.depth_of(network.model)
    with as_usage("--layers"):
        if depth is None:
            return (-1,) if layers is None else None if layers == ALL else layers
        return tuple(layer_indices(layers, depth))


def comparison_figure(
    exps: Sequence[Explanation], shown: Sequence[Shown], columns: Sequence[Column], options: RenderOptions
) -> Figure:
    """The comparison as a figure."""
    from viz_nodes.batch.options import KINDS
    from viz_nodes.draw import compare as drawn

    with as_usage("compare"):
        return drawn(
            exps,
            [each.image for each in shown],
            view=[each.view for each in shown],
            names=names_of(columns),
            kinds=[kind for kind in KINDS if kind in options.kinds],
            caption=options.caption,
            shared=False if options.own_scales else None,
            difference=options.difference,
            **options.selected(),
            **options.drawn(),
        )


def numbers(exps: Sequence[Explanation], columns: Sequence[Column]) -> dict[str, Any]:
    """What a comparison found, in numbers.

    For each column the predicted and the explained class with its probability and the peak of each layer; for each
    pair of columns and layer position the fraction of edges in both of those in either, and the rank correlation of
    the maps (None where grids differ).
    """
    from viz_nodes.draw.differences import common_edges
    from viz_nodes.explanation import NO_PEAK
    from viz_nodes.metrics.randomization import rank_correlation

    shown = []
    for exp, column, name in zip(exps, columns, names_of(columns), strict=True):
        best, target = int(exp.logits[0].argmax()), int(exp.target[0])
        shown.append(
            {
                "name": name,
                "arch": column.arch,
                "method": exp.method,
                "predicted": exp.label(best),
                "explained": exp.label(target),
                "probability": round(float(exp.probabilities[0, target]), 6),
                "peaks": {
                    str(layer.number): None if int(layer.peak[0]) == NO_PEAK else int(layer.peak[0])
                    for layer in exp.layers
                },
            }
        )
    pairs = []
    for (i, a), (j, b) in itertools.combinations(enumerate(exps), 2):
        for first, second in zip(a.layers, b.layers, strict=False):
            alike = (first.grid, first.key_grid) == (second.grid, second.key_grid)
            pairs.append(
                {
                    "columns": [i, j],
                    "layers": [first.number, second.number],
                    "edges_in_both": round(common_edges(first, second), 6) if alike else None,
                    "cam_rank_correlation": _rounded(rank_correlation(first.cam[0], second.cam[0])) if alike else None,
                }
            )
    return {"columns": shown, "pairs": pairs}


def _rounded(value: float) -> float | None:
    """Six digits; None for not a number, which JSON does not know."""
    return round(float(value), 6) if value == value else None
