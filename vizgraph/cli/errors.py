"""How a command ends: one line on stderr and an exit code that scripts can rely on.

`vizgraph: error: <what>: <why>; <cure>`. A command raises `Failure`, or lets the errors of the other rooms through; the
group `OneLineErrors` prints it. A traceback appears with --debug only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import click

ALL_DONE, SOME_FAILED, USAGE, BAD_IMAGE, BAD_CHECKPOINT, CANNOT_WRITE = range(6)
DEFECT = 70
"""An error that no room of the project claims: ours to repair (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED, TERMINATED = 130, 143

_NO_ARGUMENTS: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click from 8.2 raises for a bare `vizgraph`; its message is the whole help, which is to keep its lines."""


class Failure(Exception):
    """A command cannot do what it was asked to.

    Args:
        what: the thing it is about: a file, an option, a command.
        why: what is wrong with it.
        cure: what to do.
        code: exit code, one of the constants above.
    """

    def __init__(self, what: str, why: str, cure: str = "", *, code: int) -> None:
        super().__init__(f"{what}: {why}" + (f"; {cure}" if cure else ""))
        self.code = code


class Terminated(BaseException):
    """SIGTERM arrived. Not an `Exception`, so that nothing that catches those goes on."""


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
def as_usage(what: str) -> Iterator[None]:
    """Turn the ValueError, TypeError or IndexError of a value that the user chose into a usage error about `what`."""
    try:
        yield
    except (ValueError, TypeError, IndexError) as error:
        if isinstance(error, _named_errors()):
            raise
        raise Failure(what, str(error), code=USAGE) from error


def _named_errors() -> tuple[type[BaseException], ...]:
    """Errors that have an exit code of their own, whatever they derive from."""
    return _checkpoint_errors() + _image_errors()


def _checkpoint_errors() -> tuple[type[BaseException], ...]:
    return _other_errors("vizgraph.checkpoints.errors", "CheckpointError")


def _image_errors() -> tuple[type[BaseException], ...]:
    return _other_errors("vizgraph.data.images", "ImageError")


def _other_errors(module: str, *names: str) -> tuple[type[BaseException], ...]:
    """Error classes of a room, none where it was not even imported: its errors cannot be about then."""
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names if hasattr(loaded, name))


def message_and_code(error: BaseException) -> tuple[str, int]:
    """What to say about an error, and the exit code it ends the command with."""
    if isinstance(error, Failure):
        return str(error), error.code
    if isinstance(error, click.UsageError):
        return _usage(error), USAGE
    if isinstance(error, click.ClickException):
        return error.format_message(), error.exit_code
    if isinstance(error, _checkpoint_errors()):
        return str(error), BAD_CHECKPOINT
    if isinstance(error, _image_errors()):
        return str(error), BAD_IMAGE
    if isinstance(error, OSError) and error.errno is not None:
        return _operating_system(error), CANNOT_WRITE
    if isinstance(error, (MemoryError, *_other_errors("torch", "OutOfMemoryError"))):
        return (
            f"memory: there is not enough of it ({error}); use a smaller --batch, fewer --workers or --device cpu",
            DEFECT,
        )
    return (
        f"{type(error).__name__}: {error or 'no message'}; run it again with --debug and report the traceback",
        DEFECT,
    )


def _usage(error: click.UsageError) -> str:
    context = error.ctx
    command = context.command_path if context is not None else "vizgraph"
    said = error.format_message().rstrip(".")
    said = said[:1].lower() + said[1:] if said[1:2].islower() else said
    return f"{command.removeprefix('vizgraph ')}: {said}; see {command} --help"


def _operating_system(error: OSError) -> str:
    name = error.filename if error.filename is not None else "output"
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    why = (error.strerror or "cannot be written").lower()
    return f"{name}: {why}; free space there, or choose another place with --out"


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
            self._end(*message_and_code(error), given)
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
