"""Tables as files and as lines: the same numbers for programs (CSV), papers (LaTeX, PDF) and people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import manifest
from viz_nodes.text import one_line
from vizgraph.api.provenance import digest_of

if TYPE_CHECKING:
    import pandas as pd

_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def lines_of(rows: Sequence[Sequence[Any]], left: Sequence[int] = ()) -> list[str]:
    """Cells as lines of a table, the first row its head; numbers to the right, the columns in `left` to the left."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The lines of a table as JSON holds them, what is unknown as None."""
    return [
        {str(name): None if value != value else value for name, value in line.items()}
        for line in table.to_dict("records")
    ]


def csv_of(table: pd.DataFrame) -> bytes:
    """A table as a file, its numbers to the last digit."""
    return str(table.to_csv(index=False, lineterminator="\n")).encode("utf-8", "backslashreplace")


def escaped(words: Any) -> str:
    """Words as LaTeX prints them."""
    return one_line(words).translate(_TEX)


def tex_of(rows: Sequence[Sequence[Any]], left: Sequence[int] = ()) -> str:
    """The same as a LaTeX table of the package booktabs."""
    columns = "".join("l" if at in left else "r" for at in range(len(rows[0])))
    body = [" & ".join(escaped(cell) for cell in row) for row in rows]
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", body[0] + r" \\", r"\midrule"]
    lines += [line + r" \\" for line in body[1:]]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def pdf_of(rows: Sequence[Sequence[Any]], left: Sequence[int] = (), note: Mapping[str, Any] | None = None) -> bytes:
    """The same as a page as large as the table."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from viz_nodes.draw import figure_bytes
    from viz_nodes.draw.artists.text import without_latex

    cells = lines_of(rows, left)
    letter, line, margin = 0.602 * 7.0, 1.5 * 7.0, 4.0  # points of the monospaced letters below
    width, height = max(map(len, cells)) * letter + 2 * margin, len(cells) * line + 2 * margin
    with mpl.rc_context({"font.family": ["DejaVu Sans Mono"], "font.size": 7.0}):
        fig = Figure(figsize=(width / 72, height / 72), facecolor="white")
        for at, words in enumerate(cells):
            y = 1 - (margin + (at + 0.8) * line) / height
            fig.text(margin / width, y, words, parse_math=False, weight="bold" if at == 0 else "normal")
        return figure_bytes(without_latex(fig), "pdf", provenance=dict(note) if note else None)


def write_table(
    out: Path,
    folder: Path,
    command: str,
    table: pd.DataFrame,
    shown: Sequence[Sequence[Any]],
    note: Mapping[str, Any],
    left: Sequence[int] = (),
    write: Callable[[Path, bytes], None] | None = None,
    contents: Mapping[str, bytes] | None = None,
) -> list[Path]:
    """Write `<command>.csv`, `.tex`, `.pdf` and `.json` (what was asked) into a folder; returns the paths.

    Another question's answer that lies there is kept: this one's files get a mark then.

    Args:
        out: where results go.
        folder: below it.
        table: all numbers, for the CSV.
        shown: the rows for papers and people, the first their head.
        note: what was asked, as JSON holds it.
        left: columns of `shown` that hold words.
        contents: files by ending that are not the rows shown, such as a figure for "pdf".

    Raises:
        OSError: the folder cannot be written.
    """
    from viz_nodes.files import write_atomically

    manifest.require_no_links(out, folder)
    asked = digest_of(dict(note))
    held = manifest.read_json(folder / f"{command}.json")
    other = (folder / f"{command}.csv").exists() and not (isinstance(held, dict) and held.get("asked") == asked)
    stem = f"{command}~{asked}" if other else command
    own = contents or {}
    files = {
        "csv": csv_of(table),
        "tex": own.get("tex") or tex_of(shown, left).encode("utf-8", "backslashreplace"),
        "pdf": own.get("pdf") or pdf_of(shown, left, {"command": command, **note}),
        "json": (json.dumps({"command": command, "asked": asked, **note}, indent=2, default=str) + "\n").encode(),
    }
    for ending, data in files.items():
        (write or write_atomically)(folder / f"{stem}.{ending}", data)
    return [folder / f"{stem}.{ending}" for ending in files]
