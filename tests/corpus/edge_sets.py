"""Sets of edges that somebody has written: checked by running them, believed in nothing."""

from __future__ import annotations

import copy
import functools
import json
from typing import Any

import numpy as np

from corpus.mutate import mutated_value
from corpus.promises import Case, promise, require


@functools.cache
def _known() -> tuple[Any, Any, Any, dict[str, Any]]:
    """A planted network, what it is given, its explanation, and the record of its sufficient set."""
    import viz_nodes
    from builders.planted import Planted, planted_pixels

    net, pixels = Planted(0).double().eval(), planted_pixels(seed=0)
    exp = viz_nodes.explain(net, pixels)
    (record,) = viz_nodes.with_sets(net, pixels, exp, "sufficient", draws=4).extras["sets"]
    return net, pixels, exp, record


def _same(record: Any, other: Any) -> bool:
    """Whether two records say the same of the set: its edges, its numbers."""
    named = ("kind", "row", "epsilon", "size", "total", "score", "whole", "class", "named")
    return isinstance(record, dict) and all(
        json.dumps(record.get(name)) == json.dumps(other.get(name)) for name in (*named, "edges")
    )


@promise(
    "a set of edges that somebody has changed is checked or refused in a line, and confirmed only where it does what "
    "is written of it; a picture of it is drawn or refused",
    how="the record of a planted network's sufficient set with values replaced by hostile ones, or edges by others, "
    "run again (`check_set`) and drawn",
    limits="another set that is sufficient, too, with its true numbers, is one",
    sample=40,
    full=2_000,
)
def mutated_sets(case: Case) -> None:
    from dataclasses import replace

    import viz_nodes
    from viz_nodes.draw import panel

    net, pixels, exp, good = _known()
    record: Any = copy.deepcopy(good)
    if case.number % 3:
        record = mutated_value(case.rng, record)
    else:
        layer = str(case.rng.integers(1, 3))
        record["edges"][layer] = [[int(case.rng.integers(24)), int(case.rng.integers(24))] for _ in range(3)]
    check = viz_nodes.check_set(net, pixels, exp, record)
    require(len(check.words.splitlines()) == 1 and len(check.words) < 1_000, check.words)
    if check.holds:
        require(_same(record, good) or _again(record), record)
    told = replace(exp, extras={**exp.extras, "sets": [record]})
    try:
        panel("edges", told, 0, np.zeros((24, 16, 3), np.uint8), edge_set="sufficient", dpi=30)
    except ValueError as error:
        require("with_sets" in str(error), error)


def _again(record: dict[str, Any]) -> bool:
    """Whether only what stands for nothing was changed: a name, an order, a number within its slack."""
    _, _, _, good = _known()
    numbers = ("epsilon", "score", "whole")
    exact = all(record[name] == good[name] for name in ("kind", "row", "size", "total", "class", "named"))
    return exact and all(abs(record[name] - good[name]) <= 1 for name in numbers)
