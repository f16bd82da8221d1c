"""How a command ends: one line on stderr and an exit code that scripts can rely on.

`vizgraph: error: <what>: <why>; <cure>`. A command lets the errors of `vizgraph.errors` through; the group
`OneLineErrors` prints them. A traceback appears with --debug only; with --json stdout holds an object that says it too.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from viz_nodes.processes import handling
from viz_nodes.text import one_line, shortened
from vizgraph.errors import ALL_DONE, INTERRUPTED, LONGEST, TERMINATED, USAGE, Terminated, described

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click from 8.2 raises for a bare `vizgraph`; its message is the whole help, which is to keep its lines."""


def _unwind(*_: object) -> None:
    """SIGTERM unwinds the stack like Ctrl-C does, so that files in the making are removed.

    A run in training, which has something to save, takes the signal itself (`vizgraph/training/signals.py`).
    """
    raise Terminated


class OneLineErrors(click.Group):
    """A group whose errors are one line each, with the exit codes of this module."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **more: Any) -> Any:
        run: Any = super().main
        if not standalone_mode:
            return run(args, *rest, standalone_mode=False, **more)
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            with handling((signal.SIGTERM,), _unwind):
                result = run(arguments, *rest, standalone_mode=False, **more)
        except (KeyboardInterrupt, click.Abort):
            self._end("interrupted: run the same command again to go on", INTERRUPTED, arguments, quiet=True)
        except Terminated:
            self._end("terminated: run the same command again to go on", TERMINATED, arguments, quiet=True)
        except _NO_ARGUMENTS as error:
            click.echo(error.format_message(), err=True)
            sys.exit(USAGE)
        except Exception as error:
            words, code = described(error)
            self._end(words, code, arguments, quiet=code in (INTERRUPTED, TERMINATED))
        sys.exit(result if isinstance(result, int) else ALL_DONE)

    @staticmethod
    def _end(message: str, code: int, args: Sequence[str], *, quiet: bool = False) -> None:
        if "--debug" in args and not quiet:
            import traceback

            traceback.print_exc()
        line = shortened(one_line(message), LONGEST)
        # What a pipe or a full disk does to stderr must not change the exit code.
        with contextlib.suppress(OSError):
            click.echo(f"vizgraph: {'' if quiet else 'error: '}{line}", err=True)
            if "--json" in args:
                click.echo(json.dumps({"error": line, "exit_code": code}))
        sys.exit(code)
