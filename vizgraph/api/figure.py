"""`vizgraph.figure`: the figures that papers print, of several images and networks on one page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import RenderOptions, digest_of, split
from viz_nodes.files import sha256_of
from viz_nodes.text import quoted
from vizgraph.api.columns import Column, Networks, Shown, explained, name_of, paired
from vizgraph.api.images import require_image
from vizgraph.api.networks import LoadingSeveral, Network, file_name
from vizgraph.errors import UsageError, as_ours, as_usage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz_nodes.explanation import Explanation

LAYOUTS = {
    "release": "the three rows of the release for each image, a column a layer",
    "images": "a row an image: the photograph, and the last layer's pictures beside it",
    "networks": "a row an image: the photograph, and each network's map",
    "depths": "a row an image: the photograph, and the same centers at an early and a late layer",
    "edges": "each layer's strongest edges all over the picture, bundled",
    "layers": "all layers of one image",
}
"""What a figure can be."""
FORMAT = "vizgraph figure"
_ONE_IMAGE = ("release", "edges", "layers")
DEFAULTS = RenderOptions()


@dataclass(frozen=True)
class Drawn:
    """What was written.

    Attributes:
        paths: the figure in each format, and last the LaTeX that includes it.
        caption: what is drawn, in sentences.
    """

    paths: list[Path]
    caption: str

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"paths": [str(path) for path in self.paths], "caption": self.caption}


def figure(
    layout: str,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "viz_output",
    *,
    models: Any = None,
    checkpoints: Sequence[str | os.PathLike[str] | None] = (),
    options: RenderOptions | None = None,
    load: LoadingSeveral | None = None,
    **more: Any,
) -> Drawn:
    """Draw one figure of several images, and write it with the LaTeX that includes it.

    Writes `<out>/figures/<layout>.png` (and the other formats), `<layout>.tex`, and last `<layout>.json`, which names
    images, weights and options and the SHA-256 of every file; an earlier one is replaced.

    Args:
        layout: one of `LAYOUTS`.
        images: files or folders, in the order of the rows.
        models: an architecture or a network, for "networks" several.
        checkpoints: as many as `models`, or one for all.
        options: how it is drawn; fields of it may be given by themselves (`layers`, `centers`, `width`, ...).
        load: keywords of `vizgraph.api.networks.load`.

    Raises:
        UsageError: an unknown layout, or more images or networks than it shows.
        VizgraphError: see `vizgraph.render`.
    """
    with as_ours():
        if layout not in LAYOUTS:
            raise UsageError("layout", f"there is no {quoted(layout)}", f"choose from {', '.join(LAYOUTS)}")
        with as_usage("figure"):
            options = replace(options or DEFAULTS, **split(more)[0])
        pairs = paired(models, checkpoints)
        if len(pairs) > 1 and layout != "networks":
            raise UsageError("figure", f"{layout} shows one network", "name one, or take the layout networks")
        sources, root = inputs.as_paths(images), inputs.expanded(out)
        inputs.count(sources, root)
        paths = [item.path for item in inputs.items(sources, root)]
        for path in paths:
            require_image(path)
        if len(paths) > 1 and layout in _ONE_IMAGE:
            raise UsageError("figure", f"{layout} shows one image (got {len(paths)})", "name one, or another layout")
        return _written(layout, paths, pairs, options, Networks(pairs, **(load or {})), root)


def _written(
    layout: str,
    paths: Sequence[Path],
    pairs: Sequence[tuple[Any, Any]],
    options: RenderOptions,
    loaded: Networks,
    out: Path,
) -> Drawn:
    from viz_nodes.batch.explainer import one_thread
    from viz_nodes.draw import figure_bytes, latex_of
    from viz_nodes.files import write_atomically

    columns = [
        Column(
            name_of(model, ckpt),
            None if ckpt is None else str(ckpt),
            str(options.target or "top1"),
            options.method,
            place,
        )
        for place, (model, ckpt) in enumerate(pairs)
    ]
    everything = options if options.layers is not None else replace(options, layers=_layers(layout))
    with one_thread():
        kinds = ("edges",) if layout == "edges" else ()
        explanations = [explained(path, columns, everything, loaded, kinds=kinds) for path in paths]
    with as_usage("figure"):
        figure: Any = drawn(
            layout, [exps for exps, _, _ in explanations], [shown for _, shown, _ in explanations], columns, everything
        )
    folder = out / "figures"
    manifest.require_no_links(out, folder)
    folder.mkdir(parents=True, exist_ok=True)
    note = provenance(layout, columns, everything, loaded, [digest for _, _, digest in explanations])
    # An earlier figure's manifest speaks of files that are about to change.
    record = folder / f"{layout}.json"
    record.unlink(missing_ok=True)
    written = []
    for form in options.formats:
        written.append(folder / f"{layout}.{form}")
        write_atomically(written[-1], figure_bytes(figure, form, dpi=options.dpi, provenance=note))
    included = f"{layout}.{'pdf' if 'pdf' in options.formats else options.formats[0]}"
    written.append(folder / f"{layout}.tex")
    write_atomically(written[-1], latex_of(figure, included).encode())
    cut = [manifest.cut_records(exp) for exps, _, _ in explanations for exp in exps]
    write_atomically(record, manifest.as_bytes(_manifest(note, paths, written, cut)))
    return Drawn(written, figure.caption)


def provenance(
    layout: str, columns: Sequence[Column], options: RenderOptions, loaded: Networks, digests: Sequence[str]
) -> dict[str, Any]:
    """What is embedded in the figure, for `vizgraph verify`."""
    return {
        "command": "figure",
        "made_by": manifest.made_by(),
        "layout": layout,
        "networks": [_named(column, loaded.of(column)) for column in columns],
        "images": [{"sha256": digest} for digest in digests],
        "options": options.record(),
    }


def _named(column: Column, network: Network) -> dict[str, Any]:
    named = {"arch": column.arch, "ckpt": file_name(column.ckpt), "weights": network.weights}
    return named if network.labels is None else {**named, "labels": digest_of(network.labels)}


def _manifest(
    note: dict[str, Any], paths: Sequence[Path], written: Sequence[Path], cut: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What `<layout>.json` holds: what the figure was made of, where the images were, and every file's SHA-256.

    Args:
        cut: what cutting edges did, of each image and network in turn.
    """
    images = [{**about, "path": str(path.absolute())} for about, path in zip(note["images"], paths, strict=True)]
    outputs = {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in written}
    return {
        "format": FORMAT,
        "version": 1,
        **note,
        "images": images,
        "versions": manifest.versions(),
        **({"cut": list(cut)} if any(cut) else {}),
        "outputs": outputs,
    }


def drawn_again(
    note: Mapping[str, Any], options: RenderOptions, paths: Sequence[Path], loaded: Networks
) -> tuple[Figure, list[Explanation]]:
    """The figure that a note names, from the same images and networks, and what it was made of."""
    target = "top1" if options.target is None else str(options.target)
    # Two files of one name are told apart by their digests; only the name behind the slash is shown.
    columns = [
        Column(
            str(each["arch"]),
            None if each["ckpt"] is None else f"{each['weights']['sha256']}/{each['ckpt']}",
            target,
            options.method,
            at,
        )
        for at, each in enumerate(note["networks"])
    ]
    kinds = ("edges",) if note["layout"] == "edges" else ()
    explanations = [explained(path, columns, options, loaded, kinds=kinds) for path in paths]
    exps = [each for each, _, _ in explanations]
    figure = drawn(str(note["layout"]), exps, [shown for _, shown, _ in explanations], columns, options)
    return figure, [exp for each in exps for exp in each]


def _layers(layout: str) -> Any:
    """The layers that a layout shows where nobody names any."""
    return {"images": (-1,), "networks": (-1,), "depths": (0, -1), "layers": "all"}.get(layout)


def drawn(
    layout: str,
    exps: Sequence[Sequence[Explanation]],
    shown: Sequence[Sequence[Shown]],
    columns: Sequence[Column],
    options: RenderOptions,
) -> Figure:
    """The figure of a layout.

    Args:
        exps, shown: of each image, for each network.
        columns: the networks.
        options: how it is drawn.
    """
    from viz_nodes import draw
    from viz_nodes.draw.artists.photograph import as_picture

    pictures = [replace(as_picture(each[0].image), view=each[0].view) for each in shown]
    first = [each[0] for each in exps]
    how: dict[str, Any] = {"caption": options.caption, **options.selected(), **options.drawn()}
    kinds = list(options.kinds)
    picked_layers = _picked(first[0], options)
    if layout == "images":
        return draw.overview(first, pictures, layer=picked_layers[-1], kinds=["photograph", *kinds], **how)
    if layout == "networks":
        names = [column.arch for column in columns]
        if len(set(names)) < len(names):
            names = [
                f"{name} {file_name(column.ckpt) or at + 1}" for at, (name, column) in enumerate(zip(names, columns))
            ]
        by_name = {name: [each[at] for each in exps] for at, name in enumerate(names)}
        at = {name: _picked(by_name[name][0], options)[-1] for name in names}
        picked = kinds if kinds != list(DEFAULTS.kinds) else ["cam"]
        return draw.networks(by_name, pictures, layer=at, kinds=picked, **how)
    if layout == "depths":
        return draw.depths(first, pictures, layers=picked_layers, **how)
    picked = ["edges"] if layout == "edges" else kinds
    return draw.figure(first[0], pictures[0], layers=picked_layers, kinds=picked, **how)


def _picked(exp: Explanation, options: RenderOptions) -> list[int]:
    """Indices of the layers that are drawn; more may be explained, for further hops and for cuts."""
    from viz_nodes.draw.figures import default_layers

    if options.layers is None:
        return default_layers(exp)
    wanted = None if isinstance(options.layers, str) else list(options.layers)  # "all"
    return [layer.index for layer in exp.pick(wanted)]
