"""A folder of images through any network: figures, graphs and numbers for each, resumable, in processes or on Ray."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs, manifest
from viz_nodes.batch.batch_log import LINES, BatchLog
from viz_nodes.batch.identity import identified
from viz_nodes.batch.options import RenderOptions, RunOptions, digest_of, split
from viz_nodes.batch.run import Outcome, Run, plainly
from viz_nodes.text import one_line, quoted

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from viz_nodes.batch.explainer import Load

_log = logging.getLogger(__name__)
_GPU_BATCH = 16


@dataclass(frozen=True)
class Row:
    """What became of one image.

    Attributes:
        image: its path relative to what was given.
        folder: of its results, relative to the run's.
        status: "done" or "failed".
        fresh: whether this run did it, not an earlier one.
        predicted: the most probable class, {"class", "label", "probability"}.
        explained: the class explained and the peaks.
        warnings: what a person should know of the result.
        error: why it failed.
    """

    image: str
    folder: str
    status: str
    fresh: bool = True
    predicted: Mapping[str, Any] | None = None
    explained: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Rendered:
    """What a run wrote.

    Attributes:
        root: `<out>/<name of the network>`, with a folder an image.
        rows: the images, in their order.
        formats: of the figures.
        left_out: figures of earlier runs that were found among the images.
        several: whether it was a batch, which keeps `batch.jsonl` and `summary.csv` in `root`.
    """

    root: Path
    rows: tuple[Row, ...]
    formats: tuple[str, ...] = ("png",)
    left_out: tuple[str, ...] = ()
    several: bool = True

    @property
    def paths(self) -> list[Path]:
        """The figure of each image that has one."""
        return [self.root / row.folder / f"figure.{self.formats[0]}" for row in self.rows if row.status == "done"]

    @property
    def failed(self) -> dict[str, str]:
        """Why images have no result, by their names."""
        return {row.image: row.error for row in self.rows if row.status == "failed"}

    @property
    def fresh(self) -> int:
        """How many images this run did itself."""
        return sum(row.fresh and row.status == "done" for row in self.rows)

    @property
    def table(self) -> pd.DataFrame:
        """A line an image: image, folder, status, class, label, probability, explained, error."""
        import pandas as pd

        lines = [
            {
                "image": row.image,
                "folder": row.folder,
                "status": row.status,
                **{name: (row.predicted or {}).get(name) for name in ("class", "label", "probability")},
                "explained": (row.explained or {}).get("label"),
                "error": row.error,
            }
            for row in self.rows
        ]
        columns = ["image", "folder", "status", "class", "label", "probability", "explained", "error"]
        return pd.DataFrame(lines, columns=columns)

    def manifest(self, image: str | int = 0) -> dict[str, Any] | None:
        """The manifest of an image, by its name or place."""
        row = self.rows[image] if isinstance(image, int) else next(row for row in self.rows if row.image == image)
        return manifest.read(self.root / row.folder)

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        done = len(self.rows) - len(self.failed)
        return {
            "folder": str(self.root),
            "batch": str(self.root / LINES) if self.several else None,
            "counts": {"done": done, "fresh": self.fresh, "failed": len(self.failed), "left_out": len(self.left_out)},
            "images": [
                {name: list(value) if isinstance(value, tuple) else value for name, value in vars(row).items()}
                for row in self.rows
            ],
        }


def render_folder(
    model: nn.Module,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "viz_output",
    *,
    load: Load,
    name: str | None = None,
    caption: str | None = None,
    options: RenderOptions | None = None,
    labels: Sequence[str] | None = None,
    weights: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    explain: Mapping[str, Any] | None = None,
    describe: Callable[[BaseException], str] = plainly,
    **more: Any,
) -> Rendered:
    """Figures, graphs and numbers for images, through any network with graph layers.

    Writes `<out>/<name>/<image>/`: pictures of each layer, `figure.png`, `top_5.json`, `explanation.npz`,
    `graph.graphml`, and last `manifest.json`. A folder that has all of this for the same options and weights is left as
    it is, so that a run that was stopped goes on where it was. A single image that fails raises its error; of many, the
    others go on.

    Args:
        model: an image classifier in eval mode, on its device.
        images: a file, a folder (searched through), or several.
        out: where results go.
        load: makes an image file ready, see `viz_nodes.batch.explainer.Load`: `lambda path: (pixels, image)`.
        name: of the network, for its folder; by default that of its class.
        caption: how pictures call it; by default as its folder.
        options: what is explained and how it is drawn.
        labels: class names, where the network does not say them itself.
        weights: what tells these weights from others, "sha256" among it; by default a digest of all tensors.
        notes: what a person should know of the weights.
        explain: further keywords of `viz_nodes.explain`, such as `output` or `adapter`.
        describe: says in words why an image failed.
        **more: fields of `RenderOptions`, which change `options`, and of `RunOptions`: `overwrite`, `check`, `workers`,
            `batch`, `engine`, `progress`. With `workers` above 0 a script needs the usual
            `if __name__ == "__main__":`.

    Raises:
        NoImages: there is no image in what was given.
        NoGraphLayer: the network has none.
        ValueError: an option that cannot be meant, or an image alone that cannot be read.
        OSError: results cannot be written.
    """
    from dataclasses import replace

    from viz_nodes.batch.explainer import Explainer, depth_of, one_thread, weights_of

    of_render, of_run = split(more)
    options = replace(options or RenderOptions(), **of_render)
    how = RunOptions(**of_run)
    name = type(model).__name__ if name is None else name
    if not manifest.is_plain_name(name):
        raise ValueError(f"`name` must fit a folder (got {quoted(name)})")
    paths, out, left_out = inputs.as_paths(images), inputs.expanded(out), list[str]()
    total = inputs.count(paths, out, left_out)
    require_drawable(options)
    with one_thread():
        if not _are_places(options.layers):
            options = options.resolved(depth_of(model, load, paths, out))
        explainer = Explainer(model, load, options, caption or name, labels, explain)
        asked = {**options.record(), **_further(labels, explain)}
        identity = manifest.identity(name, dict(weights or weights_of(model)), asked)
        batch = how.batch or (1 if explainer.device.type == "cpu" else _GPU_BATCH)
        run = Run(
            out=out,
            root=out / name,
            explainer=explainer,
            identity=identity,
            notes=tuple(notes),
            batch=batch,
            overwrite=how.overwrite,
            check=how.check,
            describe=describe,
        )
        return _run(run, paths, how, total, tuple(left_out))


def _run(run: Run, paths: Sequence[Path], how: RunOptions, total: int, left_out: tuple[str, ...]) -> Rendered:
    """Hold the folder, and see to it that every image gets there."""
    from viz_nodes.batch.folder import make
    from viz_nodes.batch.workers import Workers, how_many
    from viz_nodes.files import locked

    many = inputs.is_batch(paths)
    count = how_many(how.workers, total)
    manifest.require_no_links(run.out, run.root)

    def waiting() -> None:
        _log.warning("another run is writing to %s; waiting for it to end", run.root)

    def unlockable(error: OSError) -> None:
        why = "cannot be locked (%s); do not let two runs write to it at a time"
        _log.warning(f"%s: {why}", run.root, error.strerror)

    with locked(run.root, waiting=waiting, unlockable=unlockable):
        held = os.stat(run.root)
        run.is_there = partial(_is_same_folder, run.root, (held.st_dev, held.st_ino))
        if how.engine == "ray":
            from viz_nodes.batch import ray

            with ray.started(how.ray_address):
                rows = _followed(run, ray.over(run, inputs.items(paths, run.out), max(1, count)), how, total, many)
        else:
            ahead = 2 * max(count, 1) + run.batch if many else 1
            with Workers(count, make) as workers:
                outcomes = run.over(inputs.items(paths, run.out), workers, ahead)
                rows = _followed(run, outcomes, how, total, many)
        run.require_there()
        _require_results(run, rows)
    return Rendered(run.root, tuple(rows), run.explainer.options.formats, left_out, many)


def _is_same_folder(root: Path, held: tuple[int, int]) -> bool:
    """Whether a folder is still there and no other; anybody may remove, move or replace it at any time."""
    try:
        now = os.stat(root)
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == held


def _followed(run: Run, outcomes: Iterator[Outcome], how: RunOptions, total: int, many: bool) -> list[Row]:
    """The outcomes as rows; of a batch its log is kept while it goes on, with a bar."""
    from viz_nodes.progress import progress

    if not many:
        (outcome,) = outcomes
        if outcome.error is not None:
            raise outcome.error
        return [_row(outcome, "")]
    about = {"count": total, **{key: run.identity[key] for key in ("made_by", "arch", "weights", "options")}}
    rows = []
    with BatchLog(run.root, about) as log, progress(total=total, show=how.progress) as bar:
        for outcome in outcomes:
            if outcome.error is not None:
                run.require_there()  # whose end is the reason, said once for all images
            row = _row(outcome, one_line(outcome.why(run.describe)))
            if outcome.record is not None:
                log.done(row.image, row.folder, outcome.record)
            else:
                log.failed(row.image, row.folder, row.error)
                _log.error("%s: %s", row.image, row.error)
            rows.append(row)
            bar.update()
        run.require_there()
        log.finish()
    return rows


def _row(outcome: Outcome, why: str) -> Row:
    record = outcome.record
    if record is None:
        return Row(outcome.item.relative, outcome.folder, "failed", error=why)
    return Row(
        outcome.item.relative,
        outcome.folder,
        "done",
        outcome.fresh,
        record["predicted"][0],
        record["explained"],
        tuple(record["warnings"]),
    )


def _require_results(run: Run, rows: Sequence[Row]) -> None:
    """Claim no result that somebody has taken away.

    Raises:
        OSError: the folder of an image that was done is gone.
    """
    for row in rows:
        if row.status == "done" and not (run.root / row.folder / manifest.NAME).is_file():
            import errno

            raise OSError(errno.ENOENT, "was removed while the run went on; run it again", str(run.root / row.folder))


def require_drawable(options: RenderOptions) -> None:
    """Check what only drawing would find out.

    Raises:
        ValueError: no such method, palette or width.
    """
    from viz_nodes.cams import lookup
    from viz_nodes.draw.style.style import style_of

    lookup(options.method)
    style_of(options.drawn(sheet=True))


def _are_places(layers: Any) -> bool:
    """Whether layers are places from 0 in their order, so that the network's depth need not be known."""
    return isinstance(layers, tuple) and all(index >= 0 for index in layers) and list(layers) == sorted(set(layers))


def _further(labels: Sequence[str] | None, explain: Mapping[str, Any] | None) -> dict[str, Any]:
    """What else decides the results, for the manifest."""
    further: dict[str, Any] = {}
    if labels is not None:
        further["labels"] = digest_of(labels)
    if explain:
        further["explain"] = {key: identified(value) for key, value in sorted(explain.items())}
    return further
