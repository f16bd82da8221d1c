"""The shape of the commands that measure a network over images: ablate, profile, score and report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import click

from viz_nodes.text import one_line
from vizgraph.cli import options
from vizgraph.cli.command import Answer, vizgraph_command
from vizgraph.errors import ALL_DONE, SOME_FAILED, UsageError

samples = click.option(
    "--samples",
    type=click.IntRange(0, 10_000),
    default=32,
    show_default=True,
    help="Random perturbations for infidelity; 0 leaves it out.",
)
draws = click.option(
    "--draws",
    type=click.IntRange(0, 1000),
    default=1,
    show_default=True,
    help="Images with noise for stability; 0 leaves it out.",
)


class Result(Protocol):
    """What all of them return."""

    @property
    def paths(self) -> list[Path]: ...

    @property
    def failed(self) -> Mapping[str, str]: ...

    def record(self) -> dict[str, Any]: ...


def study_command(
    name: str, *own: Any, weights: Any = options.weights, epilog: str
) -> Callable[[Callable[..., Answer]], click.Command]:
    """A command over images: of --img, --data and --scenes exactly one is given, and named before anything is loaded.

    Beside what `vizgraph_command` gives, the function gets `images` (None without --img), `data` and `scenes`.

    Args:
        own: options of this command.
        weights: those that name the network.
    """
    shape = (name, weights, options.studied, own, options.studied_reading, options.device, options.out)

    def decorate(function: Callable[..., Answer]) -> click.Command:
        @functools.wraps(function)
        def over_images(*, img: tuple[Path, ...], data: str | None, scenes: int | None, **more: Any) -> Answer:
            if [bool(img), data is not None, scenes is not None].count(True) != 1:
                raise UsageError(name, "give one of --img, --data and --scenes", "such as --scenes 20")
            return function(images=img or None, data=data, scenes=scenes, **more)

        return vizgraph_command(*shape, epilog=epilog)(over_images)

    return decorate


def answer(
    result: Result, lines: Iterable[str], unanswered: Mapping[str, str] = MappingProxyType({}), words: str = "left out"
) -> Answer:
    """How a study reads: its lines, what could not be answered and why, and the files.

    Args:
        unanswered: reasons by what they are about.
        words: what is said of those.
    """
    reasons = (f"{words}: {about}: {one_line(why)}" for about, why in unanswered.items())
    files = (f"  {one_line(path)}" for path in result.paths)
    return Answer(result.record(), [*lines, *reasons, *files], SOME_FAILED if result.failed else ALL_DONE)
