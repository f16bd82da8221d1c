"""`vizgraph.score`: how far the maps of each method can be trusted, on given images or on scenes with known truth."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import RenderOptions, layer_indices
from viz_nodes.text import quoted
from vizgraph.api import networks
from vizgraph.api.edge_table import edge_means, measured_edges, shown_edges
from vizgraph.api.images import load_sample, read_as, require_image
from vizgraph.api.tables import write_table
from vizgraph.errors import UsageError, VizgraphError, as_ours, as_usage, sentence

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

METHODS = ("gradcam", "layercam", "hirescam", "gradcam++", "eigencam", "random")
_HEADS = {
    "deletion": "deletion (low)",
    "insertion": "insertion (high)",
    "faithfulness": "ins - del (high)",
    "pointing": "peak in object",
    "inside": "map in object",
    "randomized": "vs shuffled (0)",
    "road": "ROAD (high)",
    "seconds": "seconds",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Scored:
    """What was measured.

    Attributes:
        paths: the table as CSV, LaTeX and PDF, and what was asked as JSON.
        table: a line for each image, layer (from 1) and method.
        failed: why images could not be scored, by their names.
    """

    paths: list[Path]
    table: pd.DataFrame
    failed: dict[str, str]

    @property
    def means(self) -> pd.DataFrame:
        """Means over the images for each layer and method."""
        from viz_nodes.metrics.benchmark import summary

        if "size" in self.table:
            return edge_means(self.table)
        return summary(self.table) if len(self.table) else self.table

    @property
    def shown(self) -> list[list[str]]:
        """The means as cells, the head first."""
        return shown(self.table)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        means = self.means.to_dict("records") if len(self.table) else []
        plain = [{str(name): None if value != value else value for name, value in line.items()} for line in means]
        return {"paths": [str(path) for path in self.paths], "means": plain, "failed": self.failed}


@dataclass(frozen=True)
class Measures:
    """What is measured.

    Attributes:
        steps: points of the deletion and insertion curves.
        randomize: compare with shuffled weights.
        road: also ROAD; seconds an image.
        seed: of everything random.
        edges: instead of maps: methods (`viz_nodes.metrics.edge_scores.METHODS`) whose order of the peaks' edges is
            held beside what cutting each of them does.
    """

    steps: int = 20
    randomize: bool = True
    road: bool = False
    seed: int = 0
    edges: tuple[str, ...] = ()


def score(
    model_or_arch: nn.Module | str | None,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    out: str | os.PathLike[str] = "viz_output",
    *,
    scenes: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    methods: Sequence[str] = METHODS,
    layers: Sequence[int] | str | None = (-1,),
    target: int | str | None = None,
    measures: Measures | None = None,
    load: dict[str, Any] | None = None,
    progress: bool = False,
    **reading: Any,
) -> Scored:
    """Faithfulness and sanity figures of methods.

    Writes `<out>/<arch>/score.csv`, `.tex`, `.pdf` and `.json`, `score_edges` with `measures.edges`; what another
    question left there is kept.

    Args:
        model_or_arch, images, out, checkpoint: as for `vizgraph.render`.
        scenes: instead of images: so many test scenes of the bundled task, whose objects' masks are known.
        methods: CAM methods, and "random", the order of a dice.
        layers: places from 0, negative from the end, "all", or None for three.
        target: class explained, None for the predicted one.
        measures: what is measured; see `Measures`.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256`, `device`, `seed`, `labels`.
        **reading: how images are read, see `vizgraph.explore`.

    Raises:
        VizgraphError: see `vizgraph.render`.
    """
    if (images is None) == (scenes is None):
        raise UsageError("score", "give either --img or --scenes", "such as --scenes 20")
    from viz_nodes.cams import lookup

    measures, read = measures or Measures(), read_as(reading)
    with as_ours():
        with as_usage("--method"):
            _require_edge_methods(measures.edges)
            chosen = tuple(name if name == "random" else lookup(name).name for name in methods)
        given, out = [] if images is None else inputs.as_paths(images), inputs.expanded(out)
        total = scenes if scenes is not None else inputs.count(given, out)
        if given and not inputs.is_batch(given):
            require_image(given[0])
        network = networks.load(model_or_arch, checkpoint, **(load or {}))
        wanted = networks.class_of(target, network, "--target")
        depth = networks.depth_of(network.model)
        with as_usage("--layers"):
            places: list[int] = layer_indices(layers, depth) if depth is not None else _as_given(layers)
        failed: dict[str, str] = {}
        if scenes is not None:
            stream = _scenes(network.model, scenes, measures.seed, wanted)
        else:
            stream = _images(network.model, given, out, read, wanted, failed)
        table = _measured(network.model, stream, chosen, places, measures, total or 0, progress)
        command = "score_edges" if measures.edges else "score"
        note = {
            "made_by": manifest.made_by(),
            "arch": network.name,
            "weights": network.weights,
            "images": f"{scenes} scenes" if scenes is not None else [str(path.absolute()) for path in given],
            "options": {
                "methods": list(chosen),
                "layers": [int(place) + 1 if place >= 0 else int(place) for place in places],
                "target": "top1" if wanted is None else wanted,
                **reading,
                "fit": read.fit,
                **{name: value for name, value in vars(measures).items() if name != "edges" or value},
            },
        }
        paths = write_table(out, out / network.name, command, table, shown(table), note, left=(1,))
    return Scored(paths, table, failed)


def _require_edge_methods(names: Sequence[str]) -> None:
    if names:
        from viz_nodes.metrics.edge_scores import METHODS as known

        for name in names:
            if name not in known:
                raise ValueError(f"edges can be scored by {', '.join(known)} (got {quoted(name)})")


def _as_given(layers: Sequence[int] | str | None) -> list[int]:
    """Layers of a network whose depth nobody knows before it runs."""
    if isinstance(layers, str):
        raise ValueError("`layers` must be places for a network of your own (got 'all')")
    return [-1] if layers is None else [int(place) for place in layers]


def _measured(
    model: nn.Module,
    stream: Iterator[tuple[Any, ...]],
    methods: Sequence[str],
    layers: Sequence[int],
    measures: Measures,
    total: int,
    show: bool,
) -> pd.DataFrame:
    import pandas as pd

    from viz_nodes.metrics.benchmark import COLUMNS, score_images
    from viz_nodes.progress import progress

    if measures.edges:
        return measured_edges(model, stream, measures.edges, layers, measures.seed, total, show)
    asked = {name: value for name, value in vars(measures).items() if name != "edges"}
    parts = score_images(model, stream, methods=methods, layers=layers, **asked)
    lines = [line for part in progress(parts, total=total, show=show, doing="scoring") for line in part]
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    table["layer"] += 1
    return table


def _images(
    model: nn.Module, given: Sequence[Path], out: Path, read: RenderOptions, target: Any, failed: dict[str, str]
) -> Iterator[tuple[Any, ...]]:
    for item in inputs.items(given, out):
        try:
            inputs.digest_of(item.path)
            sample = load_sample(item.path, model=model, options=read)
        except (VizgraphError, ValueError, OSError) as error:
            if not inputs.is_batch(given):
                raise
            failed[item.relative] = sentence(error).removeprefix(f"{item.path}: ")
            _log.error("%s: %s", item.relative, failed[item.relative])
            continue
        yield item.relative, sample.pixels, None, target


def _scenes(model: nn.Module, number: int, seed: int, target: Any) -> Iterator[tuple[Any, ...]]:
    """Test scenes with their masks at the size the network sees."""
    import cv2

    from vizgraph.data import Scenes, prepare

    with as_usage("--scenes"):
        made = Scenes("test", size=number, seed=seed)
    for index in range(number):
        scene = made.scene(index)
        sample = prepare(scene.image, model)
        height, width = sample.pixels.shape[2:]
        mask = cv2.resize(scene.mask.astype("uint8"), (width, height), interpolation=cv2.INTER_NEAREST) > 0
        yield f"test scene {index} ({scene.name})", sample.pixels, mask, target


def shown(table: pd.DataFrame) -> list[list[str]]:
    """The means as cells, the head first."""
    from viz_nodes.metrics.benchmark import FIGURES, summary

    if "size" in table:
        return shown_edges(table)
    if not len(table):
        return [["layer", "method", "images", "blank"]]
    means = summary(table)
    figures = [name for name in FIGURES if name in means]
    rows = [["layer", "method", "images", "blank", *(_HEADS[name] for name in figures)]]
    for line in means.to_dict("records"):
        numbers = ["-" if line[name] != line[name] else f"{line[name]:.3f}" for name in figures]
        rows.append([str(line["layer"]), str(line["method"]), str(line["images"]), str(line["blank"]), *numbers])
    return rows
