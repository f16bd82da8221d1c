"""A sample of every promise; `python -m tests.corpus` tries them in full."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest
from torch.utils.hooks import RemovableHandle

from corpus import all_promises
from corpus.promises import Broken, Case, Promise, rows, try_out


@pytest.mark.parametrize("name", [name for name, one in all_promises().items() if one.sample])
def test_a_promise_holds_for_a_sample(name, one_thread):
    tally = try_out(all_promises()[name], range(all_promises()[name].sample), 0, say=lambda line: None)
    assert tally.broken == []
    assert tally.held == tally.tried > 0


def test_a_promise_that_is_broken_is_counted_and_its_number_said():
    def check(case: Case) -> None:
        if case.number == 2:
            raise Broken("not this one")

    said = []
    tally = try_out(Promise("x", "", "", "", 1, 1, check), range(5), 0, say=said.append)
    assert (tally.tried, tally.held) == (5, 4)
    assert said == tally.broken
    assert said[0].startswith("x 2: Broken: not this one")


def test_the_table_has_a_line_a_promise():
    lines = list(rows({name: try_out(Promise(name, "", "", "", 0, 0, print), (), 0) for name in all_promises()}))
    assert len(lines) == 2 + len(all_promises())


def test_the_same_seed_gives_the_same_trials(tmp_path):
    draws = [Case(3, 1, tmp_path).rng.integers(2**40) for _ in range(2)]
    assert draws[0] == draws[1] != Case(3, 2, tmp_path).rng.integers(2**40)


def _nothing(*args, **more):
    return None


@pytest.mark.parametrize("name", ["raising-edits", "raising-networks"])
@pytest.mark.parametrize(
    ("where", "what"),
    [(RemovableHandle, "remove"), (random, "setstate")],
)
def test_raises_are_seen_to_leave_something_where_the_code_is_broken(name, where, what, monkeypatch, one_thread):
    networks = importlib.import_module("corpus.networks")
    net = networks._network()
    monkeypatch.setattr(networks, "_network", lambda: net)
    with monkeypatch.context() as broken:
        broken.setattr(where, what, _nothing)
        if what == "setstate":
            broken.setattr(np.random, "set_state", lambda *_: np.random.random())
        tally = try_out(all_promises()[name], range(3), 0, say=_nothing)
    assert tally.held < tally.tried
    assert "changed" in tally.broken[0]
