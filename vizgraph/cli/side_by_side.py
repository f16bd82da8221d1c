"""What `vizgraph compare` does with an image: every column explained by its own network, drawn on one sheet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vizgraph.cli.errors import USAGE, Failure, as_usage

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from torch import nn

    from viz_nodes.explanation import Explanation

MOST_COLUMNS = 6
"""More would leave each panel a thumbnail."""


@dataclass(frozen=True)
class Column:
    """One column of a comparison, as a user asked for it.

    Attributes:
        arch: architecture.
        ckpt: weights, as `load_model` takes them.
        target: class to explain, by label or index; "top1" for the predicted one.
        method: CAM method.
    """

    arch: str
    ckpt: str | None
    target: str
    method: str


@dataclass(frozen=True)
class Look:
    """What is shown of all columns, and how.

    Attributes:
        layers: the value of --layers: numbers from 1, "all", or None for a third, two thirds and the last.
        kinds: rows of a layer.
        k, fit, canvas, versus, width, palette, theme, font_size, dpi: as the options of the same name.
    """

    layers: tuple[int, ...] | str | None = None
    kinds: tuple[str, ...] = ("cam", "graph")
    k: int | str = 9
    fit: str = "squash"
    canvas: str = "input"
    versus: str | None = None
    width: str = "page"
    palette: str = "inferno"
    theme: str = "light"
    font_size: float = 6.5
    dpi: int = 300

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Look:
        """The look that `record` came from."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        return cls(**plain)


@dataclass(frozen=True, eq=False)
class Shown:
    """What a column is drawn on.

    Attributes:
        image: (H, W, 3) uint8.
        view: the part of it that the network saw; None for all.
    """

    image: np.ndarray
    view: tuple[float, float, float, float] | None


def columns_of(
    pairs: Sequence[tuple[str | None, str | None]], targets: Sequence[str], methods: Sequence[str]
) -> list[Column]:
    """Every network with every target and method.

    Raises:
        Failure: fewer than two, or more than a sheet holds.
    """
    from vizgraph.cli import networks

    found = [
        Column(networks.named(arch, ckpt), ckpt, target, method)
        for (arch, ckpt), target, method in itertools.product(pairs, targets, methods)
    ]
    if len(found) < 2:
        raise Failure(
            "compare",
            "one column has nothing beside it",
            "give --arch, --ckpt, --target or --method again (the same again shows no difference)",
            code=USAGE,
        )
    if len(found) > MOST_COLUMNS:
        raise Failure(
            "compare", f"{len(found)} columns are too many for a sheet", f"name at most {MOST_COLUMNS}", code=USAGE
        )
    return found


def names_of(columns: Sequence[Column]) -> list[str]:
    """What tells columns apart: of architecture, weights, target and method those that differ."""
    from viz_nodes.draw.style.captions import method_words

    differing = [
        values
        for values in (
            [column.arch for column in columns],
            [Path(column.ckpt).name if column.ckpt else "published" for column in columns],
            [column.target for column in columns],
            [method_words(column.method) for column in columns],
        )
        if len(set(values)) > 1
    ]
    if not differing:
        return [column.arch for column in columns]
    return [" · ".join(words) for words in zip(*differing, strict=True)]


class Networks:
    """The networks of a comparison, each loaded once.

    Args:
        no_ema: take the plain weights of files that have averaged ones too.
        device: where they run.
        quiet: say nothing of which weights were found.
    """

    def __init__(self, *, no_ema: bool = False, device: str = "auto", quiet: bool = False) -> None:
        self.no_ema, self.device, self.quiet = no_ema, device, quiet
        self._loaded: dict[tuple[str, str | None], nn.Module] = {}

    def of(self, column: Column) -> nn.Module:
        """The network of a column."""
        from vizgraph.cli import networks

        key = (column.arch, column.ckpt)
        if key not in self._loaded:
            self._loaded[key] = networks.load(
                column.arch, column.ckpt, no_ema=self.no_ema, device=self.device, quiet=self.quiet
            )
        return self._loaded[key]

    def put(self, column: Column, network: nn.Module) -> None:
        """Use a network that was loaded elsewhere for the columns of its architecture and weights."""
        self._loaded[column.arch, column.ckpt] = network


def explained(
    path: Path, columns: Sequence[Column], look: Look, loaded: Networks
) -> tuple[list[Explanation], list[Shown]]:
    """An explanation and the image to draw it on, for each column.

    Columns of one network share the image, those of the same question the explanation too.

    Raises:
        ImageError: the file is no image.
        Failure: no such layer, class or method.
    """
    from dataclasses import replace

    from viz_nodes import explain
    from vizgraph.cli import options
    from vizgraph.cli.rendering.network import class_of, depth_of
    from vizgraph.data import labels_of, load_image

    samples: dict[tuple[str, str | None], Any] = {}
    answers: dict[Column, Explanation] = {}
    shown: list[Shown] = []
    for column in columns:
        model = loaded.of(column)
        network = (column.arch, column.ckpt)
        if network not in samples:
            samples[network] = load_image(path, model, fit=look.fit)  # type: ignore[arg-type]
        sample = samples[network]
        whole = look.canvas == "original"
        shown.append(Shown(sample.original, tuple(sample.view)) if whole else Shown(sample.image, None))
        if column in answers:
            continue
        with as_usage("--target"):
            exp = explain(
                model,
                samples[network].pixels,
                layers=options.layer_indices(look.layers, depth_of(model)),
                target=class_of(column.target, model, "--target"),
                versus=class_of(look.versus, model, "--versus"),
                method=options.method_name(column.method),
            )
        answers[column] = replace(exp, labels=labels_of(model), model=column.arch)
    return [answers[column] for column in columns], shown


def sheet(exps: Sequence[Explanation], shown: Sequence[Shown], columns: Sequence[Column], look: Look) -> Figure:
    """The comparison as a figure."""
    from viz_nodes.draw import compare

    with as_usage("compare"):
        return compare(
            exps,
            [one.image for one in shown],
            view=[one.view for one in shown],
            names=names_of(columns),
            kinds=look.kinds,
            k=look.k,
            width=look.width,
            palette=look.palette,
            theme=look.theme,
            font_size=look.font_size,
            dpi=float(look.dpi),
        )


def provenance(columns: Sequence[Column], look: Look, loaded: Networks, image_sha256: str) -> dict[str, Any]:
    """What is embedded in the figure, for `vizgraph verify`."""
    import vizgraph
    from vizgraph.cli.rendering.network import weights_record

    return {
        "command": "compare",
        "made_by": f"vizgraph {vizgraph.__version__}",
        "columns": [
            {
                "arch": column.arch,
                "ckpt": None if column.ckpt is None else Path(column.ckpt).name,
                "weights": weights_record(loaded.of(column)),
                "target": column.target,
                "method": column.method,
            }
            for column in columns
        ],
        "image": {"sha256": image_sha256},
        "no_ema": loaded.no_ema,
        "options": look.record(),
    }


def numbers(exps: Sequence[Explanation], columns: Sequence[Column]) -> dict[str, Any]:
    """What a comparison found, in numbers.

    For each column the predicted and the explained class with its probability and the peak of each layer; for each
    pair of columns and layer position the fraction of edges in both of those in either, and the rank correlation of
    the maps (None where grids differ).
    """
    from viz_nodes.draw.differences import common_edges
    from viz_nodes.explanation import NO_PEAK
    from viz_nodes.metrics.perturbation import rank_correlation

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
        for first, second in zip(a.layers, b.layers, strict=True):
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
