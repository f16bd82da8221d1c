"""The shape of every command: what all of them understand, who talks, and how an answer is told.

    @vizgraph_command("count", options.out, options.img)
    def command(img, out, progress):
        \"\"\"Count the images.\"\"\"
        result = vizgraph.count(img, out, progress=progress)
        return Answer(result.record(), [f"{len(result.paths)} images"])

The function asks a function of Python's face and says how its result reads; it prints nothing itself.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from viz_nodes.progress import say_above
from viz_nodes.text import one_line, shortened, well_formed
from vizgraph.cli.options import Option
from vizgraph.errors import ALL_DONE, LONGEST

_ROOMS = ("vizgraph", "viz_nodes")


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Attributes:
        record: all of it, as JSON holds it, for --json.
        lines: for people, on stdout.
        code: exit code.
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    code: int = ALL_DONE


def vizgraph_command(
    name: str, *options: Option | Sequence[Any], epilog: str | None = None
) -> Callable[..., click.Command]:
    """A click command from a function that returns an `Answer`; None where another process tells it.

    Beside its own options it gets --json, --quiet, --verbose and --debug, and the function the keyword `progress`:
    whether a bar may be shown. Where it loads a network, how that is done is one keyword, `load`, as
    `vizgraph.api.networks.load` takes it.

    Args:
        options: click options, or groups of them, in the order of the help.
    """
    everywhere = (
        click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; all else on stderr."),
        click.option("--quiet", is_flag=True, help="Nothing on stderr but warnings and errors."),
        click.option("--verbose", is_flag=True, help="Also what is done in between, and where."),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    )

    def decorate(function: Callable[..., Answer | None]) -> click.Command:
        @functools.wraps(function)
        def run(*, as_json: bool, quiet: bool, verbose: bool, debug: bool, **values: Any) -> int:
            with logged(quiet=quiet, verbose=verbose):
                answer = function(progress=not quiet, **_with_loading(values))
            if answer is None:
                return ALL_DONE
            if as_json:
                click.echo(json.dumps(answer.record, indent=2, default=_plain))
            else:
                for line in answer.lines:
                    click.echo(_showable(line))
            return answer.code

        decorated: Any = run
        for option in reversed([*flat(options), *everywhere]):
            decorated = option(decorated)
        return click.command(name, epilog=epilog)(decorated)

    return decorate


def _with_loading(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of options, those that say how a network is loaded as one."""
    if "no_ema" not in values:
        return dict(values)
    load = {name: values.get(name) or None for name in ("sha256", "labels")}
    load |= {"ema": not values["no_ema"], "device": values["device"], "seed": values["seed"]}
    return {**{name: value for name, value in values.items() if name not in (*load, "no_ema")}, "load": load}


def flat(options: Sequence[Any]) -> Iterator[Any]:
    """Options one by one; groups of them may lie in each other."""
    for option in options:
        if isinstance(option, (tuple, list)):
            yield from flat(option)
        else:
            yield option


class _Stderr(logging.Handler):
    """Records as lines on whatever stderr is when they come, above a bar where there is one."""

    def __init__(self, verbose: bool) -> None:
        super().__init__()
        self._verbose = verbose

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        line = words[: len(words) - len(words.lstrip())] + one_line(words)
        if record.levelno >= logging.WARNING:
            line = shortened(line, LONGEST)
            kind = "error" if record.levelno >= logging.ERROR else "warning"
            line = f"vizgraph: {kind}: {line}"
        elif self._verbose:
            line = f"{record.name}: {line}"
        with suppress(OSError):  # stderr is a closed pipe or a full disk
            say_above(line)


@contextmanager
def logged(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Meanwhile the project's loggers are heard on stderr."""
    handler = _Stderr(verbose)
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    loggers = [logging.getLogger(room) for room in _ROOMS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (was, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(was)
            logger.propagate = propagate


def _showable(line: str) -> str:
    """A line that stdout can hold, whatever wrote it: no control characters, no lone surrogates."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return well_formed(line).encode(encoding, "backslashreplace").decode(encoding)


def _plain(value: Any) -> Any:
    """What JSON does not know, as what it knows: numbers of numpy, paths."""
    return value.item() if hasattr(value, "item") else str(value) if isinstance(value, Path) else repr(value)
