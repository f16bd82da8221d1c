"""How a command ends: one line on stderr and an exit code that scripts can rely on.

`vizgraph: error: <what>: <why>; <cure>`. A command raises `Failure`, or lets the errors of the other rooms through; the
group `OneLineErrors` prints it. A traceback appears with --debug only.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import click

from vizgraph.errors import (
    ALL_DONE,
    BAD_CHECKPOINT,
    BAD_IMAGE,
    CANNOT_WRITE,
    DEFECT,
    INTERRUPTED,
    SOME_FAILED,
    TERMINATED,
    USAGE,
    Terminated,
    VizgraphError,
    as_usage,
    described,
)

__all__ = [
    "ALL_DONE",
    "BAD_CHECKPOINT",
    "BAD_IMAGE",
    "CANNOT_WRITE",
    "DEFECT",
    "SOME_FAILED",
    "USAGE",
    "Failure",
    "OneLineErrors",
    "Terminated",
    "as_usage",
    "described",
    "failed",
    "one_line",
    "warn",
]

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click from 8.2 raises for a bare `vizgraph`; its message is the whole help, which is to keep its lines."""


class Failure(VizgraphError):
    """A command cannot do what it was asked to.

    Args:
        what: the thing it is about: a file, an option, a command.
        why: what is wrong with it.
        cure: what to do.
        code: exit code, one of `vizgraph.errors`.
    """

    def __init__(self, what: str, why: str, cure: str = "", *, code: int) -> None:
        super().__init__(what, why, cure)
        self.exit_code = code


def one_line(text: object) -> str:
    """Text of any origin as one line that any terminal can show: control characters and undecodable bytes escaped."""
    line = " ".join(str(text).split())
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in line
    )


def failed(name: str, why: object) -> str:
    """The line for one item of a batch that fails while the others go on."""
    return f"vizgraph: error: {one_line(name)}: {one_line(why)}"


def warn(text: object) -> None:
    """Say something on stderr that does not end the command."""
    click.echo(f"vizgraph: warning: {one_line(text)}", err=True)


@contextlib.contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Meanwhile SIGTERM unwinds the stack like Ctrl-C does, so that files in the making are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class OneLineErrors(click.Group):
    """A group whose errors are one line each, with the exit codes of this module."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **more: Any
    ) -> Any:
        run: Any = super().main
        if not standalone_mode:
            return run(args, *rest, standalone_mode=False, **more)
        given = list(sys.argv[1:] if args is None else args)
        try:
            with _sigterm_raises():
                result = run(given, *rest, standalone_mode=False, **more)
        except (KeyboardInterrupt, click.Abort):
            self._end("interrupted: run the same command again to go on", INTERRUPTED, given, quiet=True)
        except Terminated:
            self._end("terminated: run the same command again to go on", TERMINATED, given, quiet=True)
        except _NO_ARGUMENTS as error:
            click.echo(error.format_message(), err=True)
            sys.exit(USAGE)
        except Exception as error:
            self._end(*described(error), given)
        sys.exit(result if isinstance(result, int) else ALL_DONE)

    @staticmethod
    def _end(message: str, code: int, args: Sequence[str], *, quiet: bool = False) -> None:
        if "--debug" in args and not quiet:
            import traceback

            traceback.print_exc()
        # What a pipe or a full disk does to stderr must not change the exit code.
        with contextlib.suppress(OSError):
            click.echo(f"vizgraph: {'' if quiet else 'error: '}{one_line(message)}", err=True)
        sys.exit(code)
