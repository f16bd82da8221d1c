"""The memory of a long command: rows are kept as they are measured, and an interrupted run goes on with those it has.

    with opened(out, out / network.name, "ablate", asked) as journal:
        for name, pixels in images:
            rows = journal.rows(name)
            if rows is None:
                rows = journal.add(name, measure(pixels))

A journal is `<command>.jsonl` in the folder of the network: a first line that says what was asked, then a line for each
key with a checksum, flushed to the disk. Another question's journal is left alone; this one's gets a mark then. It is
not the result: that is written from its rows at the end, so that a run that was interrupted writes the same bytes as
one that was not.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from viz_nodes.batch import manifest
from viz_nodes.files import flush_folder, locked
from vizgraph.api.provenance import digest_of

_log = logging.getLogger(__name__)
_LONGEST = 2**26
"""Bytes of a line that is believed."""
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Not through a link, and not waiting for the other end of a pipe."""
_BEGIN = b'{"journal": '
Row = dict[str, Any]


class Journal:
    """Rows by key and condition, of one question.

    Attributes:
        path: the file.
        asked: the question's digest.
        held: how many keys were there when it was opened.
    """

    def __init__(self, path: Path, asked: str, file: BinaryIO, rows: dict[tuple[str, str], list[Row]]) -> None:
        self.path, self.asked, self.held = path, asked, len(rows)
        self._file, self._rows = file, rows

    def rows(self, key: object, condition: object = "") -> list[Row] | None:
        """What was measured under a key; None where nothing was yet.

        Args:
            key: which image, told from others of its name by its content where it is a file.
            condition: under which condition of the command, "" where there is only one.
        """
        rows = self._rows.get((str(key), str(condition)))
        return None if rows is None else [dict(row) for row in rows]

    def add(self, key: object, rows: Sequence[Mapping[str, Any]], condition: object = "") -> list[Row]:
        """Keep rows, and give them back as `rows` will, so that a first run reads what a later one does.

        Raises:
            OSError: the disk is full, or failed.
            TypeError, ValueError: what JSON cannot hold.
        """
        plain = [{str(name): _plain(value) for name, value in row.items()} for row in rows]
        entry = {"key": str(key), "condition": str(condition), "rows": plain}
        line = json.dumps({**entry, "sum": _sum(entry)}, allow_nan=False)
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._rows[str(key), str(condition)] = [_read_row(row) for row in plain]
        kept = self.rows(key, condition)
        assert kept is not None
        return kept

    def __len__(self) -> int:
        return len(self._rows)


@contextmanager
def opened(out: Path, folder: Path, command: str, question: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of a question, the folder held for this process meanwhile.

    Args:
        out: where results go.
        folder: below it, of the network.
        command: whose journal it is.
        question: what decides a row, as JSON holds it: version, network, weights, data, options; not how many images,
            so that more of them go on with those that are done.

    Raises:
        OSError: the folder cannot be written, or a link lies in the way.
    """
    manifest.require_no_links(out, folder)
    asked = digest_of(dict(question))
    with locked(folder, waiting=lambda: _log.info("%s: another run writes there; waiting for it", folder)):
        path = folder / f"{command}.jsonl"
        if os.path.lexists(path) and _asked_of(path) != asked and not _just_begun(path):
            path = folder / f"{command}~{asked}.jsonl"
        rows, whole = _read(path, asked)
        if not whole:  # begun anew, never in what lies there: a pipe, or another name of somebody's file
            path.unlink(missing_ok=True)
        handle = os.open(path, os.O_RDWR | (0 if whole else os.O_CREAT | os.O_EXCL) | _CAREFUL, 0o666)
        with open(handle, "r+b") as file:
            file.truncate(whole)  # a line that was cut short, and what follows it
            file.seek(whole)
            journal = Journal(path, asked, file, rows)
            if not whole:
                about = {"journal": command, "asked": asked, "question": dict(question)}
                file.write(json.dumps(about, default=str).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
                flush_folder(folder)
            elif journal.held:
                _log.info("%s: %d rows are there already, and are kept", path, journal.held)
            try:
                yield journal
            finally:
                if not len(journal):  # nothing was measured, so nothing is left
                    path.unlink(missing_ok=True)


def _asked_of(path: Path) -> str | None:
    """The question of a journal; None where it is none."""
    for line in _lines(path):
        about = _parsed(line)
        return about.get("asked") if isinstance(about, dict) and "journal" in about else None
    return None


def _just_begun(path: Path) -> bool:
    """Whether a run was killed before the first line of its journal was whole: nothing of anybody is lost with it."""
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        start = file.read(_LONGEST)
    return b"\n" not in start and (start.startswith(_BEGIN) or _BEGIN.startswith(start))


def _read(path: Path, asked: str) -> tuple[dict[tuple[str, str], list[Row]], int]:
    """Rows of a journal up to its first line that is none, and how many bytes that is; nothing of another's."""
    rows: dict[tuple[str, str], list[Row]] = {}
    if not path.is_file() or path.is_symlink() or _asked_of(path) != asked:
        return rows, 0
    whole = 0
    for at, line in enumerate(_lines(path)):
        entry = _parsed(line)
        if at:
            if not _is_entry(entry):
                break
            rows[entry["key"], entry["condition"]] = [_read_row(row) for row in entry["rows"]]
        whole += len(line)
    return rows, whole


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines, with their ends; none of what is no file, reading which might never end."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return
            while (line := file.readline(_LONGEST)).endswith(b"\n"):
                yield line
    except OSError:
        return


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("key"), str)
        and isinstance(entry.get("condition"), str)
        and isinstance(entry.get("rows"), list)
        and all(isinstance(row, dict) for row in entry["rows"])
        and entry.get("sum") == _sum(entry)
    )


def _sum(entry: Mapping[str, Any]) -> str:
    """What tells that a line is as it was written: a changed one is measured again, with those after it."""
    content = json.dumps([entry["key"], entry["condition"], entry["rows"]])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """What JSON holds, of numbers of numpy and torch too; a number that is none is null."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None if value != value else str(value)
    return value


def _read_row(row: Mapping[str, Any]) -> Row:
    infinite = {"inf": math.inf, "-inf": -math.inf}
    return {
        name: math.nan if value is None else infinite.get(value, value) if isinstance(value, str) else value
        for name, value in row.items()
    }
