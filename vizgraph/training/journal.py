"""What a run says while it goes: a live bar, a CSV file, TensorBoard if asked for, and curves."""

from __future__ import annotations

import csv
import io
import math
import sys
from pathlib import Path
from typing import Any

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
    "replaced",
)


class Journal:
    """The log of a run, one row an epoch.

    Args:
        folder: the run's; `log.csv` and `curves.png` go there.
        from_epoch: rows of this epoch and later ones, left by a run that went further, are dropped.
        tensorboard: also write event files to `folder/tensorboard`.
    """

    def __init__(self, folder: Path, *, from_epoch: int = 0, tensorboard: bool = False) -> None:
        self.folder, self.path = folder, folder / "log.csv"
        self.rows = [row for row in read_log(self.path) if row["epoch"] <= from_epoch] if self.path.exists() else []
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
        from vizgraph.training.saving import replacing

        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow([_shown(row[name]) for name in COLUMNS])
        with replacing(self.path) as file:
            file.write(text.getvalue().encode())

    def draw(self) -> Path:
        """Draw the curves so far to `curves.png`."""
        from vizgraph.training.curves import draw_curves

        path = self.folder / "curves.png"
        draw_curves({self.folder.name: self.rows}).savefig(path, dpi=150)
        return path

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of a `log.csv`, numbers as numbers and None where nothing was measured."""
    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        for read in csv.DictReader(file):
            row: dict[str, Any] = {}
            for name in COLUMNS:
                text = read.get(name) or ""
                row[name] = None if not text else int(text) if name in ("epoch", "updates", "replaced") else float(text)
            rows.append(row)
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, int) else f"{value:.6g}"


def _open_board(folder: Path, from_epoch: int) -> Any:
    from vizgraph.errors import TrainingError

    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError("run.tensorboard needs tensorboard; pip install 'vizgraph[tensorboard]'") from error
    return SummaryWriter(str(folder), purge_step=from_epoch + 1)


def bar(total: int, done: int, description: str, *, show: bool) -> Any:
    """A progress bar on stderr, in batches; slow to repaint where stderr is a file."""
    from tqdm.auto import tqdm

    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=description,
        disable=not show,
        leave=False,
        unit="update",
        dynamic_ncols=live,
        mininterval=0.5 if live else 30.0,
        file=sys.stderr,
    )


def clock(seconds: float) -> str:
    """Seconds as people read them: "1 h 05 min", "12 min", "40 s"."""
    if not math.isfinite(seconds):
        return "?"
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
