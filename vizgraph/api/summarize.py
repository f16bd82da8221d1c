"""`vizgraph.summarize`: what a folder of explanations says on average."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.options import FORMATS
from viz_nodes.text import one_line, quoted
from vizgraph.errors import UsageError, as_ours, as_usage, sentence

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from viz_nodes.batch.aggregates import Aggregates

TABLE = "aggregates.csv"
_DAMAGE = (ValueError, OSError, KeyError, TypeError, IndexError, OverflowError, RuntimeError)
"""What an item that somebody has changed may raise while it is read; none of it ends the others."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Summarized:
    """What was found and written.

    Attributes:
        paths: the table, then the figures.
        table: a line for each architecture, layer and class, those over all classes first.
        failed: why items could not be counted, by their names.
        unmasked: how many items have no mask, where masks were given.
    """

    paths: list[Path]
    table: pd.DataFrame
    failed: dict[str, str]
    unmasked: int = 0

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        lines = self.table.to_dict("records")
        return {
            "paths": [str(path) for path in self.paths],
            "rows": [{str(name): None if value == "" else value for name, value in line.items()} for line in lines],
            "failed": self.failed,
            "unmasked": self.unmasked,
        }


def summarize(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    masks: str | os.PathLike[str] | None = None,
    palette: str = "inferno",
    formats: Sequence[str] = ("png",),
    dpi: int = 300,
    progress: bool = False,
) -> Summarized:
    """Aggregates over a folder that `vizgraph.render` or `viz_nodes.render_folder` filled.

    Writes `aggregates.csv` and for each architecture the figures `<arch>_mean_maps` and `<arch>_edges`. What is
    damaged is named and left out.

    Args:
        folder: of the results.
        out: where this goes; None for the folder itself.
        masks: a folder with masks of objects, `<image path without extension>.png`, white where the object is.
        palette, formats, dpi: of figures.

    Raises:
        UsageError: no such folder, or no finished explanation in it.
        CannotWrite: the results cannot be written.
    """
    with as_ours():
        folder = inputs.expanded(folder)
        if not folder.is_dir():
            raise UsageError(str(folder), "there is no such folder", "give one that `vizgraph render` wrote")
        masks = None if masks is None else inputs.expanded(masks)
        if masks is not None and not masks.is_dir():
            raise UsageError(str(masks), "there is no such folder", "give the one with the masks")
        for form in formats:
            if form not in FORMATS:
                raise UsageError("--format", f"{quoted(form)} is no format", f"choose from {', '.join(FORMATS)}")
        from viz_nodes.draw.style.palettes import palette_named

        with as_usage("--palette"):
            palette_named(palette)
        aggregates, failed, unmasked = _counted(folder, masks, progress)
        if not aggregates.sums:
            damaged = f"; {len(failed)} in it are damaged" if failed else ""
            cure = "fill it with `vizgraph render --img FOLDER`"
            raise UsageError(str(folder), f"there is no finished explanation in it{damaged}", cure)
        paths, table = _write(aggregates, folder if out is None else inputs.expanded(out), palette, formats, dpi)
    return Summarized(paths, table, failed, unmasked)


def _counted(folder: Path, masks: Path | None, show: bool) -> tuple[Aggregates, dict[str, str], int]:
    """The sums over a folder, what was left out and why, and how many had no mask."""
    from viz_nodes.batch.aggregates import Aggregates, finished
    from viz_nodes.export.archive import load
    from viz_nodes.progress import progress

    aggregates, unmasked = Aggregates(), 0
    failed: dict[str, str] = {}
    for place, record in progress(finished(folder), show=show):
        name = place.relative_to(folder).as_posix() if isinstance(record, Exception) else record["image"]["relative"]
        try:
            if isinstance(record, Exception):
                raise record
            mask = None if masks is None else _mask(masks, name, record["image"].get("size"))
            unmasked += masks is not None and mask is None
            aggregates.add(load(place), record, mask)
        except _DAMAGE as error:
            why = sentence(error) if isinstance(error, ValueError | OSError) else f"it is damaged ({error!r})"
            failed[name] = one_line(why)
            _log.error("%s: %s", name, failed[name])
    return aggregates, failed, unmasked


def _write(
    aggregates: Aggregates, out: Path, palette: str, formats: Sequence[str], dpi: int
) -> tuple[list[Path], pd.DataFrame]:
    import pandas as pd

    from viz_nodes.batch.aggregate_figures import edges_by_depth, mean_maps
    from viz_nodes.batch.aggregates import COLUMNS
    from viz_nodes.draw import save_figure
    from viz_nodes.files import write_atomically

    rows = aggregates.rows()
    for row in rows:
        row["label"] = one_line(row["label"])
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / TABLE, table.to_csv(index=False, lineterminator="\n").encode())
    paths = [out / TABLE]
    for arch in aggregates.archs():
        assert manifest.is_plain_name(arch)
        drawn = {"mean_maps": mean_maps(aggregates, arch, palette), "edges": edges_by_depth(aggregates, arch)}
        for what, fig in drawn.items():
            for form in formats:
                note = {"command": "summarize", "arch": arch, "drawn": what}
                paths.append(save_figure(fig, out / f"{arch}_{what}.{form}", dpi=dpi, provenance=note))
    return paths, table


def shown(table: pd.DataFrame) -> list[list[str]]:
    """The lines over all classes as cells, the head first."""
    rows = [["architecture", "layer", "images", "edge length", "largest hub", "on object"]]
    for row in table[table["class"] == ""].to_dict("records"):
        length, hub, on = (row[name] for name in ("edge_length", "hub_in_degree", "on_object"))
        rows.append(
            [
                str(row["arch"]),
                str(row["layer"]),
                str(row["images"]),
                "-" if length == "" else f"{length:.2f}",
                "-" if hub == "" else f"{hub:.1f}",
                "-" if on == "" else f"{on:.0%}",
            ]
        )
    return rows


def _mask(masks: Path, relative: str, size: list[int] | None) -> np.ndarray | None:
    """(height, width) bool of an image's object; None where there is no mask.

    Raises:
        ValueError: the mask has another size than the image.
    """
    import numpy as np

    from vizgraph.data import open_image

    path = (masks / relative).with_suffix(".png")
    if not path.is_file():
        return None
    mask = open_image(path).max(axis=2) >= 128
    if size is not None and list(mask.shape) != list(size):
        raise ValueError(
            f"its mask is {mask.shape[1]} x {mask.shape[0]}, the image {size[1]} x {size[0]}; scale the mask"
        )
    return np.asarray(mask)
