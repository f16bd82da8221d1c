"""`vizgraph.explore`: networks, images, methods and classes on one interactive page, one offline HTML file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import ALL, RenderOptions, layer_indices
from vizgraph.api import networks
from vizgraph.api.columns import Column, Networks, name_of, paired
from vizgraph.api.images import load_sample, read_as, require_image
from vizgraph.api.networks import LoadingSeveral
from vizgraph.errors import as_ours, as_usage

if TYPE_CHECKING:
    import pandas as pd

    from viz_nodes.explanation import Explanation

_PAGES = (".html", ".htm")


@dataclass(frozen=True)
class Explored:
    """The page that was written.

    Attributes:
        path: the HTML file.
        names: what its explanations are called.
        classes: the classes explained, by explanation.
    """

    path: Path
    names: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]

    @property
    def paths(self) -> list[Path]:
        return [self.path]

    @property
    def table(self) -> pd.DataFrame:
        """A line for each explanation and class on the page."""
        import pandas as pd

        lines = [(name, label) for name, labels in zip(self.names, self.classes, strict=True) for label in labels]
        return pd.DataFrame(lines, columns=["network", "class"])

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "paths": [str(self.path)],
            "bytes": self.path.stat().st_size,
            "explanations": [
                {"network": name, "classes": list(labels)}
                for name, labels in zip(self.names, self.classes, strict=True)
            ],
        }


@dataclass(frozen=True)
class _Asked:
    """What is asked of every network and image."""

    layers: Any
    targets: tuple[str, ...]
    versus: int | str | None
    methods: tuple[str, ...]
    reading: RenderOptions
    effects: bool


def explore(
    models: Any,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "viz_output",
    *,
    checkpoints: Sequence[str | os.PathLike[str] | None] = (),
    layers: Sequence[int] | str | None = ALL,
    targets: Sequence[int | str] = ("top5",),
    versus: int | str | None = None,
    methods: Sequence[str] = ("gradcam",),
    effects: bool = False,
    load: LoadingSeveral | None = None,
    progress: bool = False,
    **reading: Any,
) -> Explored:
    """Write the page.

    Args:
        models, images, checkpoints, load: as for `vizgraph.compare`.
        out: folder where results go, or the page itself where it ends with .html.
        layers: places from 0, "all", or None for three of them; hops over layers need all.
        targets: classes to switch between: "top5", labels, indices.
        versus: class to contrast with.
        methods: CAM methods to switch between.
        effects: measure what cutting the edges of each layer's peak does, for every class and method; needs all layers.
            Those of other patches are unknown.
        **reading: how images are read: the fields `fit`, `frame`, `bands`, `value_range`, `max_pixels` of
            `RenderOptions`.

    Raises:
        VizgraphError: see `vizgraph.render`.
    """
    from viz_nodes.cams import lookup

    with as_ours():
        pairs = paired(models, checkpoints)
        names = [name_of(model, ckpt) for model, ckpt in pairs]
        with as_usage("--method"):
            methods = tuple(dict.fromkeys(lookup(name).name for name in methods))
        named, out = inputs.as_paths(images), inputs.expanded(out)
        inputs.count(named, out)
        paths = list(dict.fromkeys(item.path for item in inputs.items(named, out)))
        for path in paths:
            require_image(path)
        path = page_path(out, names, paths)
        manifest.require_no_links(out if path != out else path.parent, path.parent)
        asked = _Asked(layers, tuple(map(str, targets)), versus, methods, read_as(reading), effects)
        return _written(path, pairs, names, paths, asked, Networks(pairs, **(load or {})), progress)


def _written(
    path: Path,
    pairs: Sequence[tuple[Any, Any]],
    names: Sequence[str],
    images: Sequence[Path],
    asked: _Asked,
    loaded: Networks,
    show: bool,
) -> Explored:
    from viz_nodes import write_page
    from viz_nodes.progress import progress

    explanations, samples, words = [], [], []
    each = len(images) * len(asked.methods) * len(asked.targets)
    with progress(total=len(pairs) * each, show=show, unit="explanations") as bar:
        for place, ((model, ckpt), name) in enumerate(zip(pairs, names, strict=True)):
            network = loaded.of(Column(name, None, "", "", place))
            for image in images:
                sample = load_sample(image, model=network.model, options=asked.reading)
                for method, target in itertools.product(asked.methods, asked.targets):
                    explanations.append(_explained(network, sample, asked, method, target))
                    samples.append(sample)
                    words.append(_render_words(model, ckpt, image, asked.reading.fit))
                    bar.update()
    shown = _told_apart(names, pairs, each)
    write_page(explanations, samples, path, commands=words, names=shown)
    classes = [tuple(exp.label(int(target)) for target in exp.target) for exp in explanations]
    return Explored(path, tuple(shown), tuple(classes))


def page_path(out: Path, names: Sequence[str], images: Sequence[Path]) -> Path:
    """`out` itself where it is named like a page, else <out>/<arch>/<image>/explorer.html beside `render`'s files."""
    if out.suffix.lower() in _PAGES:
        return out
    several = "" if len(images) == 1 else f"_and_{len(images) - 1}_more"
    return out / "+".join(dict.fromkeys(names)) / (images[0].stem + several) / "explorer.html"


def _explained(network: networks.Network, sample: Any, asked: _Asked, method: str, target: str) -> Explanation:
    from viz_nodes import explain

    depth = networks.depth_of(network.model)
    with as_usage("--layers"):
        layers = None if depth is None else layer_indices(asked.layers, depth)
    several = target != "top1" and target.startswith("top") and target[3:].isdigit()
    count = min(int(target[3:]), network.classes or int(target[3:])) if several else 0
    chosen = f"top{count}" if several else networks.class_of(target, network, "--target")
    versus = networks.class_of(asked.versus, network, "--versus")
    with as_usage("--target"):
        exp = explain(
            network.model,
            sample.pixels,
            layers=layers,
            target=chosen,
            versus=versus,
            method=method,
            labels=network.labels,
        )
    if asked.effects:
        from viz_nodes import with_effects

        with as_usage("--effects"):
            exp = with_effects(network.model, sample.pixels, exp)
    named: Explanation = replace(exp, model=network.caption)
    return named


def _render_words(model: Any, ckpt: Any, path: Path, fit: str) -> list[str]:
    """The command line that renders this, up to what the view on the page decides."""
    words = ["vizgraph", "render"]
    arch = model if isinstance(model, str) else None
    if model is not None and arch is None:
        return []  # a network in memory, which no command can load
    for option, value in (("--arch", arch), ("--ckpt", ckpt), ("--img", path)):
        if value is not None:
            words += [option, str(value)]
    return words if fit == "squash" else [*words, "--fit", fit]


def _told_apart(names: Sequence[str], pairs: Sequence[tuple[Any, Any]], each: int) -> list[str]:
    """A name for every explanation: the architecture, with its checkpoint where one appears twice."""
    shown = [
        f"{name} {Path(ckpt).name}" if ckpt is not None and names.count(name) > 1 else name
        for name, (_, ckpt) in zip(names, pairs, strict=True)
    ]
    return list(itertools.chain.from_iterable([name] * each for name in shown))
