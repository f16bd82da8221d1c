"""The project's errors: one tree, each class with the exit code that a command ends with.

    VizgraphError            70
      UsageError              2   an option, an argument or a value that cannot be meant
        DeviceError           2   a device this machine does not have
      ImageError              3   a file that is no image, or an image that cannot be used
      CheckpointError         4   weights that cannot be had, read or used
      CannotWrite             5   a result that cannot be written
      TrainingError           1   a run that cannot start or go on
        ConfigError           2   a config, or an override of one, that cannot be meant
        DataError             2   a data set that is not there, or not what was asked for
      Interrupted       130, 143   a run that was asked to leave, and has saved

Every message is one sentence: what, why, and the cure. `described` gives sentence and code of any error, those of the
toolkit (`viz_nodes`, which does not know this module), of click and of the system among them: it is the one place
where they are mapped.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator

from viz_nodes.text import shortened

ALL_DONE, SOME_FAILED, USAGE, BAD_IMAGE, BAD_CHECKPOINT, CANNOT_WRITE = range(6)
LONGEST = 900
"""Characters of what is said about an error: what somebody gave may be of any length, and stands in it."""
DEFECT = 70
"""An error that no room of the project claims: ours to repair (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED, TERMINATED = 130, 143


class VizgraphError(Exception):
    """Something could not be done.

    Args:
        what: the thing it is about: a file, an option, a command; or the whole sentence.
        why: what is wrong with it.
        cure: what to do.
    """

    exit_code: int = DEFECT

    def __init__(self, what: object, why: object = "", cure: str = "") -> None:
        super().__init__(str(what) + (f": {why}" if why else "") + (f"; {cure}" if cure else ""))
        self.names_its_subject = bool(why)


class UsageError(VizgraphError, ValueError):
    """An option, an argument or a value that cannot be meant."""

    exit_code = USAGE


class DeviceError(UsageError):
    """A device that this machine does not have, or that torch does not know."""


class ImageError(VizgraphError, ValueError):
    """A file that is no image, or an image that cannot be used."""

    exit_code = BAD_IMAGE


class CheckpointError(VizgraphError, ValueError):
    """A checkpoint that cannot be had, read or used."""

    exit_code = BAD_CHECKPOINT


class CannotWrite(VizgraphError):
    """A file that could not be written; what was there before is untouched."""

    exit_code = CANNOT_WRITE


class TrainingError(VizgraphError, RuntimeError):
    """A run that cannot start or go on."""

    exit_code = SOME_FAILED


class ConfigError(TrainingError):
    """A config, or an override of one, that cannot be meant."""

    exit_code = USAGE


class DataError(TrainingError):
    """A data set that is not there, or not what was asked for."""

    exit_code = USAGE


class Interrupted(VizgraphError):
    """A run that was asked to leave by a signal, and has saved.

    Attributes:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.args = (signum,)
        self.signum = signum
        self.exit_code = 128 + signum

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signum).name}; go on with --resume"


class Terminated(BaseException):
    """SIGTERM arrived. Not an `Exception`, so that nothing that catches those goes on."""

    exit_code = TERMINATED


_OF_THE_TOOLKIT = {
    "NoGraphLayer": USAGE,
    "BrokenExplanation": USAGE,
    "NoImages": USAGE,
    "EngineError": USAGE,
    "TooManyPixels": USAGE,
    "UnreadableImage": BAD_IMAGE,
}
"""Exit codes of `viz_nodes`' own errors, by class name."""


def described(error: BaseException) -> tuple[str, int]:
    """What to say about an error, in a sentence of at most `LONGEST` characters, and the exit code of a command."""
    words, code = _described(error)
    return shortened(words, LONGEST), code


def _described(error: BaseException) -> tuple[str, int]:
    if isinstance(error, VizgraphError):
        return str(error), error.exit_code
    for kind in type(error).__mro__:
        if kind.__module__.partition(".")[0] == "viz_nodes" and kind.__name__ in _OF_THE_TOOLKIT:
            return str(error), _OF_THE_TOOLKIT[kind.__name__]
    if isinstance(error, _loaded("click", "UsageError")):
        return _by_click(error), USAGE
    if isinstance(error, _loaded("click", "ClickException")):
        return error.format_message(), error.exit_code  # type: ignore[attr-defined]
    if isinstance(error, OSError) and error.errno is not None and error.errno != errno.ENOMEM:
        return _by_system(error), CANNOT_WRITE
    if _is_memory(error):
        why = f"there is not enough of it ({error})" if str(error) else "there is not enough of it"
        return f"memory: {why}; use a smaller --batch, fewer --workers or --device cpu", DEFECT
    return (
        f"{type(error).__name__}: {error or 'no message'}; run it again with --debug and report the traceback",
        DEFECT,
    )


def _is_memory(error: BaseException) -> bool:
    """Whether memory is what was lacking, as Python, torch, OpenCV, the system and the loader of libraries say it."""
    if isinstance(error, (MemoryError, *_loaded("torch", "OutOfMemoryError"))):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if isinstance(error, SystemError):  # what C code raises that found no memory for its own exception
        return isinstance(error.__cause__ or error.__context__, MemoryError) or "without exception set" in str(error)
    kinds = (RuntimeError, ImportError, *_loaded("cv2", "error"))
    return isinstance(error, kinds) and _NO_MEMORY.search(str(error)) is not None


_NO_MEMORY = re.compile(
    r"(can't|cannot|failed to|unable to) allocate|not enough memory|out of memory|insufficient memory|bad_alloc"
    r"|failed to map segment|could not create a primitive$",  # the last is oneDNN's
    re.IGNORECASE,
)


def sentence(error: BaseException) -> str:
    """What to say about an error."""
    return described(error)[0]


_BY_CODE = {USAGE: UsageError, BAD_IMAGE: ImageError, CANNOT_WRITE: CannotWrite}


@contextlib.contextmanager
def as_ours() -> Iterator[None]:
    """Turn errors of the toolkit and of the system into those of the tree, so that callers need to know no others."""
    try:
        yield
    except VizgraphError:
        raise
    except Exception as error:
        words, code = described(error)
        if code not in _BY_CODE:
            raise
        raise _BY_CODE[code](words) from error


@contextlib.contextmanager
def as_usage(what: str) -> Iterator[None]:
    """Turn the ValueError, TypeError or IndexError of a value that the user chose into a `UsageError` about `what`.

    Errors of the tree pass, but for usage errors that do not say what they are about: they are told it.
    """
    try:
        yield
    except (ValueError, TypeError, IndexError) as error:
        if isinstance(error, VizgraphError) and (error.names_its_subject or not isinstance(error, UsageError)):
            raise
        raise UsageError(what, error) from error


def first_line(error: BaseException, count: int = 1, most: int = 200) -> str:
    """The first line of an error's message (or so many), cut; the error's name where it has none."""
    lines = str(error).strip().splitlines()[:count]
    return " ".join(line.strip() for line in lines)[:most] or type(error).__name__


def did_you_mean(name: str, among: Iterable[str], count: int = 2) -> str:
    """What to say after a name that nothing has: near ones, or all there are."""
    names = list(among)
    near = difflib.get_close_matches(name[:_LONGEST_QUOTED].lower(), names, n=count)
    return f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(names)}"


def _loaded(module: str, name: str) -> tuple[type[BaseException], ...]:
    """An error class of a library; none where it was not even imported, as its errors cannot be about then."""
    kind = getattr(sys.modules.get(module), name, None)
    return () if kind is None else (kind,)


_LONGEST_QUOTED = 200
_QUOTED = re.compile(rf"'[^']{{{_LONGEST_QUOTED},}}'")


def _shorter(quoted: re.Match[str]) -> str:
    """A long value that click quotes whole, as `viz_nodes.text.quoted` would have it."""
    value = quoted[0]
    return f"{value[: _LONGEST_QUOTED // 2]}... ({len(value) - 2:,} characters)'"


def _by_click(error: BaseException) -> str:
    context = error.ctx  # type: ignore[attr-defined]
    command = context.command_path if context is not None else "vizgraph"
    message = _QUOTED.sub(_shorter, error.format_message().rstrip("."))  # type: ignore[attr-defined]
    message = message[:1].lower() + message[1:] if message[1:2].islower() else message
    return f"{command.removeprefix('vizgraph ')}: {message}; see {command} --help"


def _by_system(error: OSError) -> str:
    name = error.filename if error.filename is not None else "output"
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    why = (error.strerror or "cannot be written").lower()
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{name}: {why}; allow more (ulimit -n), or use fewer --workers"
    return f"{name}: {why}; free space there, or choose another place with --out"
