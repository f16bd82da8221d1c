"""What a run says while it goes: a CSV file, TensorBoard if asked for, learning curves, a live bar."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.progress import progress as progress_bar
from viz_nodes.progress import say_above
from vizgraph.errors import UsageError
from vizgraph.training.checkpoint import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vizgraph.training.loop import Training

COLUMNS = (
    "epoch",
    "updates",
    "learning_rate",
    "train_loss",
    "val_loss",
    "top1",
    "top5",
    "calibration_error",
    "images_per_second",
    "seconds",
    "corrupt_images",
)
_WHOLE = ("epoch", "updates", "corrupt_images")
_ONCE = {"corrupt_images": "replaced"}
"""What a column was called in 0.1."""
_PANELS = (
    ("loss", (("train_loss", "training", "-"), ("val_loss", "validation", "--")), "loss"),
    ("accuracy", (("top1", "top-1", "-"), ("top5", "top-5", ":")), "percent of the validation images"),
    ("learning rate", (("learning_rate", "", "-"),), "learning rate"),
)
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


class CSVLog:
    """The log of a run, one row an epoch.

    Args:
        folder: the run's; `log.csv` and `curves.png` go there.
        from_epoch: rows of this epoch and later ones, left by a run that went further, are dropped.
        tensorboard: also write event files to `folder/tensorboard`.

    Raises:
        CannotWrite: the folder is closed or the disk is full.
    """

    def __init__(self, folder: Path, *, from_epoch: int = 0, tensorboard: bool = False) -> None:
        self.folder, self.path = folder, folder / "log.csv"
        self.rows = [row for row in read_log(self.path) if row["epoch"] <= from_epoch] if self.path.is_file() else []
        self._write()
        self._board = _open_board(folder / "tensorboard", from_epoch) if tensorboard else None

    def add(self, row: dict[str, Any]) -> None:
        """Add an epoch, counted from 1."""
        self.rows.append({name: row.get(name) for name in COLUMNS})
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([_shown(self.rows[-1][name]) for name in COLUMNS])
        if self._board is not None:
            for name in COLUMNS[2:]:
                if row.get(name) is not None:
                    self._board.add_scalar(name, row[name], row["epoch"])
            self._board.flush()

    def _write(self) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow([_shown(row[name]) for name in COLUMNS])
        with replacing(self.path) as file:
            file.write(text.getvalue().encode())

    def draw(self) -> Path:
        """Draw the curves so far to `curves.png`."""
        content = io.BytesIO()
        draw_curves({self.folder.name: self.rows}).savefig(content, dpi=150, format="png")
        path = self.folder / "curves.png"
        with replacing(path) as file:
            file.write(content.getvalue())
        return path

    def close(self) -> None:
        """Close the event files."""
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a `log.csv`, numbers as numbers and None where nothing was measured; a row cut short ends it."""
    rows: list[dict[str, Any]] = []
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        for read in csv.DictReader(file):
            try:
                row = {name: _number(name, read.get(name) or read.get(_ONCE.get(name, "")) or "") for name in COLUMNS}
            except ValueError:
                break
            if row["epoch"] is None:
                break
            rows.append(row)
    return rows


def _number(name: str, text: str) -> int | float | None:
    if not text:
        return None
    return int(text) if name in _WHOLE else float(text)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, int) else f"{value:.6g}"


def _open_board(folder: Path, from_epoch: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("run.tensorboard", "needs tensorboard", "pip install 'vizgraph[tensorboard]'") from error
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "is a link, and results are not written through links in their folder", str(folder))
    return SummaryWriter(str(folder), purge_step=from_epoch + 1)


def draw_curves(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Loss, accuracy and learning rate over epochs, a color a run.

    Args:
        runs: the rows of each run's log by its name.
    """
    from matplotlib.figure import Figure

    from viz_nodes.draw.artists.text import without_latex

    figure = Figure(figsize=(10.5, 3.2), layout="constrained")
    for axes, (title, lines, unit) in zip(figure.subplots(1, len(_PANELS)), _PANELS, strict=True):
        for color, (name, rows) in zip(COLORS * len(runs), runs.items(), strict=False):
            for column, what, style in lines:
                points = [(row["epoch"], row[column]) for row in rows if row.get(column) is not None]
                if not points:
                    continue
                label = ", ".join(part for part in (name if len(runs) > 1 else "", what) if part)
                marker = "o" if len(points) < 3 else ""
                axes.plot(*zip(*points, strict=True), style, color=color, marker=marker, label=label or None)
        heights = [y for line in axes.lines for y in line.get_ydata()]
        if title == "loss" and heights and min(heights) > 0 and max(heights) > 30 * min(heights):
            # The first epochs of batch-norm networks can be far off: they must not flatten all others.
            axes.set_yscale("log")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch")
        axes.set_ylabel(unit)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            for text in axes.legend(fontsize=8, frameon=False).get_texts():
                text.set_parse_math(False)
    return without_latex(figure)


class Console:
    """What a run says on stderr: lines, and a live bar for each epoch.

    Args:
        show: whether to say anything.
    """

    def __init__(self, show: bool) -> None:
        self.show = show
        self._bar: Any = None

    def say(self, text: str) -> None:
        """A line, above the bar."""
        if self.show:
            say_above(text)

    def warn(self, text: object) -> None:
        """A line that is a warning."""
        self.say(f"vizgraph: warning: {' '.join(str(text).split())}")

    def introduce(self, training: Training) -> None:
        """What is about to be trained, on what, and for how long."""
        config, progress = training.config, training.progress
        for note in dict.fromkeys((training.training_source.note, training.validation_source.note)):
            if note:
                self.say(note)
        parameters = sum(p.numel() for p in training.model.parameters() if p.requires_grad)
        at = f", from epoch {progress.epoch + 1}, update {progress.update}" if progress.updates else ""
        scaled = "" if config.optimizer.lr_scaling == "none" else f" ({config.optimizer.lr_scaling} scaling)"
        start = "its last checkpoint" if progress.updates else training.network.origin
        distributed = training.distributed
        self.say(
            f"{training.state.description['arch']}, {training.classes} classes, {parameters / 1e6:.2f} M trained "
            f"parameters, from {start}, on {distributed.world_size} x {distributed.device}; {training.epochs} epochs "
            f"of {training.batches.updates} updates of {training.images_an_update} images, learning rate "
            f"{training.learning_rate:.3g}{scaled}{at}; into {training.folder}"
        )

    @contextlib.contextmanager
    def epoch(self, training: Training) -> Iterator[None]:
        """Shows a bar meanwhile."""
        progress = training.progress
        what = f"epoch {progress.epoch + 1}/{training.epochs}"
        total, done = training.batches.updates, progress.update
        with progress_bar(show=self.show, total=total, done=done, unit="updates", doing=what, stays=False) as self._bar:
            yield

    def update(self, training: Training, done: int, seconds: float) -> None:
        """Move the bar by an update: the n-th in so many seconds."""
        self._bar.update(1)
        if not self.show or self._bar.disable:
            return
        progress, loss = training.progress, training.step.running_loss
        rate = done * training.images_an_update / max(seconds, 1e-9)
        left = (training.epochs - progress.epoch) * training.batches.updates - progress.update
        self._bar.set_postfix_str(
            ("" if loss is None else f"loss {loss:.3f}, ")
            + f"lr {training.state.optimizer.param_groups[0]['lr']:.2e}, "
            f"{rate:.0f} images/s, run ends in {clock(left * seconds / done)}",
            refresh=False,
        )

    def finish(self, row: Mapping[str, Any], epochs: int) -> None:
        """An epoch in a line."""
        text = f"epoch {row['epoch']}/{epochs}: training loss {row['train_loss']:.4f}"
        if "top1" in row:
            text += f", validation loss {row['val_loss']:.4f}, top-1 {row['top1']:.2f} %, top-5 {row['top5']:.2f} %"
        text += f", {row['images_per_second']:.0f} images/s, {clock(row['seconds'])}"
        corrupt = row["corrupt_images"]
        self.say(text + (f", {corrupt} damaged images replaced" if corrupt else ""))


def clock(seconds: float) -> str:
    """Seconds as people read them: "1 h 05 min", "12 min", "40 s"."""
    if not math.isfinite(seconds):
        return "?"
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
