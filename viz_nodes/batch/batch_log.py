"""The manifest of a batch: a line of JSON for every image as it is done, and the same as a table."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from viz_nodes.text import one_line

LINES, TABLE = "batch.jsonl", "summary.csv"
_COLUMNS = ("image", "folder", "status", "class", "label", "probability", "explained", "error")


class BatchLog:
    """Writes `batch.jsonl` and `summary.csv`, anew in every run and in the order of the images.

    The first line of JSON says what the batch is; then one a image; the last one counts them, and is there only when
    the batch came to its end. A run that goes on where another was stopped writes the same bytes as one that was not.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self._paths = folder / LINES, folder / TABLE
        self._lines = _anew(self._paths[0])
        try:
            self._table = _anew(self._paths[1])
        except BaseException:
            self._lines.close()
            raise
        self._rows = csv.writer(self._table, lineterminator="\n")
        self._rows.writerow(_COLUMNS)
        self.counts = {"done": 0, "failed": 0}
        self._put({"batch": about})

    def __enter__(self) -> BatchLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._lines, self._table):
            try:
                file.close()
            except OSError:
                if kind is None:
                    raise

    def done(self, relative: str, folder: str, record: dict[str, Any]) -> None:
        """An image has its folder."""
        best = record["predicted"][0]
        self.counts["done"] += 1
        self._put(
            {
                "image": relative,
                "folder": folder,
                "status": "done",
                "sha256": record["image"]["sha256"],
                "predicted": best,
                "explained": record["explained"],
                "warnings": record["warnings"],
            }
        )
        self._row(
            relative,
            folder,
            "done",
            best["class"],
            best["label"],
            best["probability"],
            record["explained"]["label"],
            "",
        )

    def failed(self, relative: str, folder: str, why: str) -> None:
        """An image has none, and why."""
        self.counts["failed"] += 1
        self._put({"image": relative, "folder": folder, "status": "failed", "error": why})
        self._row(relative, folder, "failed", "", "", "", "", why)

    def finish(self) -> None:
        """The batch came to its end.

        Raises:
            OSError: somebody has removed or replaced the files meanwhile.
        """
        self._put({"finished": self.counts})
        for path, file in zip(self._paths, (self._lines, self._table), strict=True):
            held = os.fstat(file.fileno())
            now = os.lstat(path)
            if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino):
                raise OSError(errno.ENOENT, "was replaced while the run wrote to it", str(path))

    def _put(self, line: dict[str, Any]) -> None:
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()

    def _row(self, *cells: Any) -> None:
        self._rows.writerow([one_line(cell) for cell in cells])
        self._table.flush()


def _anew(path: Path) -> TextIO:
    """A file that was not there before: what is there now, a link or a pipe perhaps, is not written through."""
    path.unlink(missing_ok=True)
    return open(path, "x", encoding="utf-8", newline="")
