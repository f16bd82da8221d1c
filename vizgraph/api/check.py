"""`vizgraph.check`: what is proven of networks that files of a user build, and what is not, a row of a table each."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.text import quoted
from vizgraph.api.builds import Build, builds_in, file_of, place_in, run_as_users
from vizgraph.errors import UsageError, as_ours, as_usage, first_line

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from viz_nodes.checks import Check

_log = logging.getLogger(__name__)
_FIELDS = ("target", "output", "adapter", "places")
"""What a build function may say beside the network and its pixels: keywords of `viz_nodes.check`."""


@dataclass(frozen=True)
class Row:
    """One network.

    Attributes:
        name: FILE.py:function, as it was asked for.
        title: the first line of the function's docstring, else the network's name.
        check: what was found; None where it could not be built or run.
        failure: why not, "" where it could.
    """

    name: str
    title: str
    check: Check | None = None
    failure: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """Of the table."""
        from viz_nodes.checks import COLUMNS

        if self.check is not None:
            return (self.title, *self.check.cells[1:])
        return (self.title, *("-",) * (len(COLUMNS) - 2), f"not run: {self.failure}")

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        record = {} if self.check is None else self.check.record()
        return {"name": self.name, "title": self.title, "failure": self.failure} | record


@dataclass(frozen=True)
class Checked:
    """The networks in the order they were asked for.

    Attributes:
        rows: one a network.
        paths: what was written.
    """

    rows: tuple[Row, ...]
    paths: tuple[Path, ...] = ()

    @property
    def failed(self) -> int:
        """How many could not be built or run."""
        return sum(row.check is None for row in self.rows)

    @property
    def in_full(self) -> int:
        """Of how many everything is proven."""
        return sum(row.check is not None and row.check.in_full for row in self.rows)

    @property
    def markdown(self) -> str:
        """The table, as the docs have it."""
        from viz_nodes.capture import GUIDE
        from viz_nodes.checks import COLUMNS, table_row

        lines = [table_row(COLUMNS), table_row(("---",) * len(COLUMNS)), *(table_row(row.cells) for row in self.rows)]
        return "\n".join(lines).replace(str(GUIDE), "docs/adapters.md") + "\n"

    @property
    def table(self) -> pd.DataFrame:
        """A line a network: how much of it is proven, and what is not known."""
        import pandas as pd

        return pd.DataFrame([_line(row) for row in self.rows])

    def record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "networks": [row.record() for row in self.rows],
            "in_full": self.in_full,
            "failed": self.failed,
            "paths": [str(path) for path in self.paths],
        }


def check(
    builds: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    *,
    size: int | tuple[int, int] = 224,
    batch: int = 2,
    seed: int = 0,
    device: Any = "cpu",
    limit: int | None = None,
    progress: bool = False,
) -> Checked:
    """Look at networks as if for the first time, and say what is proven of each and what is not known.

    A build function takes nothing and returns the network; or the network and its pixels; or a mapping with `model`,
    and what else of `pixels`, `target`, `output`, `adapter` and `places` it wants to say, as `viz_nodes.check` takes
    them. Where no pixels are given, the file's `pixels()` makes them, and where there is none they are noise. The
    file's folder is searched for what it imports. Its code is run as it is: check no file that you would not run.

    Args:
        builds: FILE.py:function, one or several; FILE.py for its `build` and all functions `build_...` of it.
        out: a folder for `check.csv`, `check.md` and `check.json`; nothing is written for None.
        size: of the noise, a side or (height, width).
        batch: how many images of noise.
        seed: of the noise, and of what a build function draws.
        device: where networks run.
        limit: of the first so many.
        progress: show a bar.

    Raises:
        UsageError: no such file or function; or the only network cannot be built or run. Of several that is told in
            their row, and the others are looked at.
    """
    asked = [builds] if isinstance(builds, (str, os.PathLike)) else list(builds)
    if not asked:
        raise UsageError("builds", "nothing is given to be checked", "give FILE.py:build")
    if limit is not None and limit < 1:
        raise UsageError("limit", f"must be 1 or more (got {quoted(limit)})")
    for name in asked:
        file_of(os.fspath(name))  # before anything slow is imported
    from viz_nodes.progress import progress as bar
    from vizgraph.checkpoints import resolve_device

    height, width = (size, size) if isinstance(size, int) else size
    with as_usage("device"):
        place = resolve_device(device)
    listed = [each for name in asked for each in builds_in(os.fspath(name))][:limit]
    rows = []
    for build in bar(listed, show=progress and len(listed) > 1, unit="networks"):
        try:
            rows.append(_checked(build, (batch, 3, height, width), seed, place))
        except UsageError as error:
            if len(listed) == 1:
                raise
            _log.error("%s", error)
            _log.debug("the traceback of it", exc_info=error.__cause__)
            rows.append(Row(build.name, build.title or build.name, failure=str(error).partition(": ")[2]))
    with as_ours():
        return Checked(tuple(rows), () if out is None else tuple(_written(Path(out), rows)))


def _checked(build: Build, shape: tuple[int, int, int, int], seed: int, device: Any) -> Row:
    """One network.

    Raises:
        UsageError: whatever its code raised.
    """
    import torch

    import viz_nodes

    try:
        with build.importable(), run_as_users():
            torch.manual_seed(seed)
            asked = _asked(build)
            model, pixels = asked.pop("model").to(device), asked.pop("pixels", None)
            check = viz_nodes.check(model, _noise(shape, seed) if pixels is None else pixels, **asked)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        why = f"{place_in(error, build.path)}{type(error).__name__}: {first_line(error)}"
        raise UsageError(build.name, why, "--debug shows the traceback") from error
    return Row(build.name, build.title or check.model, check)


def _noise(shape: tuple[int, int, int, int], seed: int) -> Tensor:
    import torch

    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _asked(build: Build) -> dict[str, Any]:
    """What the build function returns, as keywords of `viz_nodes.check` and `model`.

    Raises:
        UsageError: no network.
    """
    from torch import nn

    built = build.function()
    if isinstance(built, Mapping):
        asked = dict(built)
        unknown = sorted(set(map(str, asked)) - {"model", "pixels", *_FIELDS})
        if unknown:
            raise UsageError(build.name, f"returns {', '.join(unknown)}", f"say model, pixels, {', '.join(_FIELDS)}")
    elif isinstance(built, tuple) and len(built) == 2:
        asked = {"model": built[0], "pixels": built[1]}
    else:
        asked = {"model": built}
    if not isinstance(asked.get("model"), nn.Module):
        kind = type(asked.get("model")).__name__
        why = f"must return a torch.nn.Module, or one and its pixels (got {kind})"
        raise UsageError(build.name, why, "return the network")
    if "pixels" not in asked and build.pixels is not None:
        asked["pixels"] = build.pixels()
    return asked


def _line(row: Row) -> dict[str, Any]:
    """Of the CSV."""
    check = row.check
    known: dict[str, Any] = {}
    if check is not None:
        known = {
            "layers": len(check.layers),
            "edges_proven": check.edges_proven,
            "places_proven": check.places_proven,
            "places_refuted": check.places_refuted,
            "cut_exact": check.cut_exact,
            "edges_cut": check.cut,
            "in_full": check.in_full,
            "not_known": "; ".join(check.unknown),
        }
    problem = row.failure if check is None else check.problem
    return {"name": row.name, "title": row.title, **known, "problem": problem}


def _written(out: Path, rows: Sequence[Row]) -> Iterator[Path]:
    """check.csv, check.md and check.json."""
    from viz_nodes.files import write_atomically

    checked = Checked(tuple(rows))
    lines = [_line(row) for row in rows]
    text = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    data = {"csv": text.getvalue(), "md": checked.markdown, "json": json.dumps(checked.record(), indent=2) + "\n"}
    out.mkdir(parents=True, exist_ok=True)
    for form, content in data.items():
        path = out / f"check.{form}"
        write_atomically(path, content.encode("utf-8", "backslashreplace"))
        yield path
