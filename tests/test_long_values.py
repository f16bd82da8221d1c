"""No message is as long as what somebody gave: by a generator over the public face, and on every option."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from builders.explanations import build_explanation
from builders.networks import seeded_net, seeded_pixels

LONG = "x" * 5000
VALUES = (LONG, [LONG], (LONG, LONG), {LONG: LONG}, list(range(3000)), 10**3000, np.zeros(3000), torch.zeros(3000))
MOST = 700
SIZED = ("vizgraph.layers", "vizgraph.models")
"""Whose numbers are sizes of arrays: what torch says of absurd ones is torch's."""
WRITES = {
    "save_figure",
    "write_page",
    "render_folder",
    "download",
    "fetch",
    "explore",
    "Explorer",
    "parameter_randomization",
    "score",
    "road",
}
"""Make files, fetch, or do what costs much as often as they are asked: tried on the command line instead."""


def public(module: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Functions and classes of a room that have a signature."""
    room = importlib.import_module(module)
    for name in sorted(getattr(room, "__all__", None) or dir(room)):
        if name.startswith("_") or name in WRITES:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            thing = getattr(room, name)
        if callable(thing) and getattr(thing, "__module__", "").partition(".")[0] in ("viz_nodes", "vizgraph"):
            yield name, thing


def good() -> dict[str, Any]:
    """What parameters may be, by their names, so that others are reached."""
    exp = build_explanation(layers=(0,), depth=1, grid=(3, 4), k=2, size=(48, 64))
    net = seeded_net(dtype=torch.float32)
    image = np.zeros((48, 64, 3), np.uint8)
    return {
        "exp": exp,
        "exps": [exp],
        "explanation": exp,
        "layer": 0,
        "model": net,
        "net": net,
        "module": net,
        "image": image,
        "images": image,
        "pixels": seeded_pixels(1, dtype=torch.float32),
        "row": 0,
        "node": 0,
        "center": 0,
        "index": 0,
        "k": 1,
        "size": (48, 64),
        "grid": (3, 4),
        "channels": 4,
        "in_channels": 4,
        "out_channels": 4,
        "x": torch.zeros(1, 4, 3, 4),
        "steps": 1,
    }


def messages(thing: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """(parameter, message) for each parameter in turn given each long value."""
    try:
        parameters = inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return
    known = good()
    needed = {
        name: known.get(name, 0)
        for name, one in parameters.items()
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }
    positional = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_ONLY]
    if positional:
        return
    for name, one in parameters.items():
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        for value in VALUES[:5] + VALUES[6:] if thing.__module__.startswith(SIZED) else VALUES:
            try:
                with warnings.catch_warnings(record=True) as heard:
                    warnings.simplefilter("always")
                    result = thing(**{**needed, name: value})
                    if hasattr(result, "__enter__"):
                        with result:
                            pass
            except (Exception, SystemExit) as error:
                if not isinstance(error, OSError):  # of the system: names the file, and is cut where it is said
                    yield name, str(error)
            for warning in heard:
                yield name, str(warning.message)


ROOMS = (
    "viz_nodes",
    "viz_nodes.capture",
    "viz_nodes.cams",
    "viz_nodes.graphs",
    "viz_nodes.draw",
    "viz_nodes.metrics",
    "viz_nodes.export",
    "viz_nodes.places",
    "vizgraph.data",
    "vizgraph.layers",
    "vizgraph.models",
    "vizgraph.checkpoints",
)


@pytest.mark.parametrize("room", ROOMS)
def test_no_message_of_the_public_face_is_as_long_as_what_was_given(room, tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tried, long = 0, set()
    for name, thing in public(room):
        for parameter, message in messages(thing):
            tried += 1
            if len(message) > MOST:
                long.add(f"{name}({parameter}=): {len(message)}: {message[:150]} ... {message[-100:]}")
    assert sorted(long) == []
    assert tried > 10, "the generator reached nothing"
