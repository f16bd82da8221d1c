"""The manifest of a batch: a line of JSON for every image as it is done, and the same as a table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import TracebackType
from typing import Any

from vizgraph.cli.errors import one_line

LINES, TABLE = "batch.jsonl", "summary.csv"
_COLUMNS = ("image", "folder", "status", "class", "label", "probability", "explained", "error")


class Journal:
    """Writes `batch.jsonl` and `summary.csv`, anew in every run and in the order of the images.

    The first line of JSON says what the batch is; then one a image; the last one counts them, and is there only when
    the batch came to its end. A run that goes on where another was stopped writes the same bytes as one that was not.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self._lines = open(folder / LINES, "w", encoding="utf-8")  # noqa: SIM115
        try:
            self._table = open(folder / TABLE, "w", encoding="utf-8", newline="")  # noqa: SIM115
        except BaseException:
            self._lines.close()
            raise
        self._rows = csv.writer(self._table, lineterminator="\n")
        self._rows.writerow(_COLUMNS)
        self.counts = {"done": 0, "failed": 0}
        self._put({"batch": about})

    def __enter__(self) -> Journal:
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

    def done(self, relative: str, folder: str, made: dict[str, Any]) -> None:
        """An image has its folder."""
        best = made["predicted"][0]
        self.counts["done"] += 1
        self._put(
            {
                "image": relative,
                "folder": folder,
                "status": "done",
                "sha256": made["image"]["sha256"],
                "predicted": best,
                "explained": made["explained"],
                "warnings": made["warnings"],
            }
        )
        self._row(
            relative, folder, "done", best["class"], best["label"], best["probability"], made["explained"]["label"], ""
        )

    def failed(self, relative: str, folder: str, why: str) -> None:
        """An image has none, and why."""
        self.counts["failed"] += 1
        self._put({"image": relative, "folder": folder, "status": "failed", "error": why})
        self._row(relative, folder, "failed", "", "", "", "", why)

    def finish(self) -> None:
        """The batch came to its end."""
        self._put({"finished": self.counts})

    def _put(self, line: dict[str, Any]) -> None:
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()

    def _row(self, *cells: Any) -> None:
        self._rows.writerow([one_line(cell) for cell in cells])
        self._table.flush()
