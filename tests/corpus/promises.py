"""What a promise is, how it is tried, and how often it held."""

from __future__ import annotations

import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PROMISES: dict[str, Promise] = {}


class Broken(AssertionError):
    """A promise did not hold."""


@dataclass(frozen=True)
class Case:
    """One trial.

    Attributes:
        number: of the trial, from 0; promises with a list of kinds take them in turn.
        seed: of the run.
        folder: empty, of this trial alone.
    """

    number: int
    seed: int
    folder: Path

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers that depend on seed and number only."""
        return np.random.default_rng([self.seed, self.number])


@dataclass(frozen=True)
class Promise:
    """What is promised.

    Attributes:
        name: as on the command line.
        says: the promise.
        how: it is tried.
        limits: what it does not cover.
        sample: trials in the suite.
        full: trials of the long version.
        check: raises where it does not hold.
    """

    name: str
    says: str
    how: str
    limits: str
    sample: int
    full: int
    check: Callable[[Case], None]


@dataclass
class Tally:
    """How often a promise was tried and held; the first words about each failure."""

    tried: int = 0
    held: int = 0
    broken: list[str] = field(default_factory=list)


def promise(
    says: str, *, how: str, limits: str = "", sample: int, full: int
) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Register a check under the name of its function."""

    def register(check: Callable[[Case], None]) -> Callable[[Case], None]:
        name = check.__name__.replace("_", "-")
        PROMISES[name] = Promise(name, says, how, limits, sample, full, check)
        return check

    return register


def try_out(
    one: Promise,
    numbers: Sequence[int] | range,
    seed: int,
    *,
    say: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> Tally:
    """Try a promise so often; what breaks it is said with the number that shows it again.

    Args:
        stop: asked before each trial whether there is to be none any more; what was tried until then is counted.
    """
    tally = Tally()
    for number in numbers:
        if stop():
            break
        with tempfile.TemporaryDirectory(prefix="corpus-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tally.tried += 1
            try:
                one.check(Case(number, seed, Path(folder)))
                tally.held += 1
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                words = " ".join(f"{type(error).__name__}: {error}".split())[:400]
                line = f"{one.name} {number}: {words} ({Path(where.filename).name}:{where.lineno})"
                tally.broken.append(line)
                say(line)
    return tally


def rows(tallies: dict[str, Tally]) -> Iterator[str]:
    """The table in Markdown."""
    yield "| promise | how it is tried | tried | held | limits |"
    yield "| --- | --- | ---: | ---: | --- |"
    for name, tally in tallies.items():
        one = PROMISES[name]
        yield f"| `{name}`: {one.says} | {one.how} | {tally.tried:,} | {tally.held:,} | {one.limits} |"


def require(holds: object, words: object = "") -> None:
    """Raise `Broken` where something does not hold."""
    if not holds:
        raise Broken(str(words))


def one_line(error: BaseException, path: object = "") -> str:
    """A message that is a line, not too long, and names the file.

    Raises:
        Broken: it is not.
    """
    message = str(error)
    require("\n" not in message and len(message) < 700, f"a message of {len(message)} characters: {message[:200]!r}")
    require(str(path) in message, f"the message does not name {path}: {message[:200]!r}")
    return message
