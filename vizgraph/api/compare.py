"""`vizgraph.compare`: the same image through several networks, checkpoints, targets or methods, on one figure."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import RenderOptions, split
from vizgraph.api.columns import Column, Networks, columns_of, comparison_figure, explained, numbers, paired
from vizgraph.api.images import require_image
from vizgraph.api.networks import LoadingSeveral, file_name
from vizgraph.api.provenance import digest_of
from vizgraph.errors import VizgraphError, as_ours, as_usage, sentence

if TYPE_CHECKING:
    import pandas as pd

DEFAULTS = RenderOptions(kinds=("cam", "graph"), width="page")
"""What is as it is where nobody says otherwise."""
_OF_COLUMNS = ("target", "method", "formats")
"""What a column says of itself, or what decides nothing on the figure."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compared:
    """What a comparison wrote.

    Attributes:
        paths: the figure of each image.
        numbers: what `compare.json` holds, for each image.
        failed: why images have no figure, by their names.
    """

    paths: list[Path]
    numbers: tuple[dict[str, Any], ...]
    failed: dict[str, str]

    @property
    def table(self) -> pd.DataFrame:
        """A line for each image, pair of columns and layer: what edges and maps have in common."""
        import pandas as pd

        columns = ["image", "first", "second", "first_layer", "second_layer", "edges_in_both", "cam_rank_correlation"]
        lines = [
            [
                Path(numbers["image"]["path"]).name,
                *(numbers["columns"][at]["name"] for at in pair["columns"]),
                *pair["layers"],
                pair["edges_in_both"],
                pair["cam_rank_correlation"],
            ]
            for numbers in self.numbers
            for pair in numbers["pairs"]
        ]
        return pd.DataFrame(lines, columns=columns)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"paths": [str(path) for path in self.paths], "images": list(self.numbers), "failed": self.failed}


def compare(
    models: Any,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "viz_output",
    *,
    checkpoints: Sequence[str | os.PathLike[str] | None] = (),
    targets: Sequence[int | str] = ("top1",),
    methods: Sequence[str] = ("gradcam",),
    options: RenderOptions | None = None,
    style: Any = None,
    load: LoadingSeveral | None = None,
    progress: bool = False,
    **more: Any,
) -> Compared:
    """Columns side by side: maps on one scale, neighbors of one and the same place, and what sets two apart.

    Writes `<out>/compare/<image>/compare.png` and `compare.json`; another comparison of the same image gets a folder
    of its own. A single image that fails raises its error; of many, the others go on.

    Args:
        models: architectures, or networks that are loaded already; one or several.
        images: a file, a folder, or several.
        checkpoints: as many as `models`, or one of one for all of the other.
        targets, methods: each network is shown with each of them.
        options: how the figure is drawn; fields of it may be given by themselves (`kinds`, `layers`, `k`, ...).
        style: how figures look, see `viz_nodes.draw.Style`.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256` (one, or one for each), `device`, `seed`,
            `labels`.

    Raises:
        VizgraphError: see `vizgraph.render`.
    """
    with as_ours():
        with as_usage("compare"):
            named = split(more)[0] if style is None else {"style": style, **split(more)[0]}
            options = replace(options or DEFAULTS, **named)
        pairs = paired(models, checkpoints)
        columns = columns_of(pairs, targets, methods)
        _require_drawable(columns, options)
        paths, out = inputs.as_paths(images), inputs.expanded(out)
        total, many = inputs.count(paths, out), inputs.is_batch(paths)
        if not many:
            require_image(paths[0])
        return _all(paths, total, columns, options, Networks(pairs, **(load or {})), out, progress)


def _all(
    files: Sequence[Path],
    total: int,
    columns: Sequence[Column],
    options: RenderOptions,
    loaded: Networks,
    out: Path,
    show: bool,
) -> Compared:
    from viz_nodes.batch.explainer import one_thread
    from viz_nodes.progress import progress

    paths, numbers, failed = [], [], {}
    with one_thread(), progress(total=total, show=show and total > 1) as bar:
        for item in inputs.items(files, out):
            try:
                folder, record = _compared(item, columns, options, loaded, out)
            except (VizgraphError, ValueError) as error:
                if not inputs.is_batch(files):
                    raise
                failed[item.relative] = sentence(error).removeprefix(f"{item.path}: ")
                _log.error("%s: %s", item.relative, failed[item.relative])
            else:
                paths.append(folder / f"compare.{options.formats[0]}")
                numbers.append(record)
            bar.update()
    return Compared(paths, tuple(numbers), failed)


def recorded(options: RenderOptions) -> dict[str, Any]:
    """What is asked of all columns, as JSON holds it."""
    return {name: value for name, value in options.record().items() if name not in _OF_COLUMNS}


def provenance(
    columns: Sequence[Column], options: RenderOptions, loaded: Networks, image_sha256: str
) -> dict[str, Any]:
    """What is embedded in the figure, for `vizgraph verify`."""
    return {
        "command": "compare",
        "made_by": manifest.made_by(),
        "columns": [
            {
                "arch": column.arch,
                "ckpt": file_name(column.ckpt),
                "weights": loaded.of(column).weights,
                "target": column.target,
                "method": column.method,
            }
            for column in columns
        ],
        "image": {"sha256": image_sha256},
        "no_ema": not loaded.ema,
        "options": recorded(options),
    }


def _compared(
    item: inputs.Item, columns: Sequence[Column], options: RenderOptions, loaded: Networks, out: Path
) -> tuple[Path, dict[str, Any]]:
    """Compare on one image; the numbers are written last."""
    from viz_nodes.draw import figure_bytes, latex_of
    from viz_nodes.files import write_atomically

    exps, shown, digest = explained(item.path, columns, options, loaded, same_place=True)
    note = provenance(columns, options, loaded, digest)
    figure = comparison_figure(exps, shown, columns, options)
    folder = _folder_of(out / "compare" / item.folder, note)
    manifest.require_no_links(out, folder)
    for form in options.formats:
        write_atomically(folder / f"compare.{form}", figure_bytes(figure, form, dpi=options.dpi, provenance=note))
    included = f"compare.{'pdf' if 'pdf' in options.formats else options.formats[0]}"
    write_atomically(folder / "compare.tex", latex_of(figure, included).encode())
    record = {
        **note,
        "asked": digest_of(note),
        "image": {**note["image"], "path": str(item.path.absolute())},
        **numbers(exps, columns),
    }
    record["columns"] = [
        {**asked, **own, **manifest.cut_records(exp)}
        for asked, own, exp in zip(note["columns"], record["columns"], exps, strict=True)
    ]
    write_atomically(folder / "compare.json", manifest.as_bytes(record))
    return folder, record


def _folder_of(folder: Path, note: dict[str, Any]) -> Path:
    """The image's folder, or one beside it where that holds another comparison."""
    held = manifest.read_json(folder / "compare.json")
    if not isinstance(held, dict) or held.get("asked") in (None, digest_of(note)):
        return folder
    return folder.with_name(f"{folder.name}~{digest_of(note)}")


def _require_drawable(columns: Sequence[Column], options: RenderOptions) -> None:
    """Check what only explaining and drawing would find out."""
    from viz_nodes.batch.render import require_drawable

    for column in columns:
        with as_usage("compare"):
            require_drawable(replace(options, method=column.method))
