"""Journals: what was measured is not measured again, whatever ended the run, and nobody else's rows are taken."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest

from vizgraph.api.journal import opened

QUESTION = {"arch": "net", "options": {"steps": 3}}


def fill(out, keys, question=QUESTION, command="count"):
    """What each key has, and which of them had to be measured."""
    measured = []
    with opened(out, out / "net", command, question) as journal:
        found = {}
        for key in keys:
            rows = journal.rows(key)
            if rows is None:
                measured.append(key)
                rows = journal.add(key, [{"image": key, "value": np.float32(len(key)) / 3, "none": math.nan}])
            found[key] = rows
        return found, measured, journal.path


def test_rows_are_measured_once_and_read_as_they_were(tmp_path):
    first, measured, path = fill(tmp_path, ["a", "bb"])
    assert measured == ["a", "bb"]
    again, measured, same = fill(tmp_path, ["bb", "a", "ccc"])
    assert measured == ["ccc"]
    assert same == path == tmp_path / "net" / "count.jsonl"
    assert again["bb"][0]["value"] == first["bb"][0]["value"] == float(np.float32(2) / 3)
    assert math.isnan(again["a"][0]["none"])
    assert math.isnan(first["a"][0]["none"])
    lines = path.read_text().splitlines()
    assert json.loads(lines[0])["question"] == QUESTION
    assert len(lines) == 4
    assert "NaN" not in path.read_text()  # JSON for every reader


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_line_cut_short_is_measured_again_and_the_file_is_whole(tmp_path, cut):
    _, _, path = fill(tmp_path, ["a", "bb", "ccc"])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    _, measured, _ = fill(tmp_path, ["a", "bb", "ccc"])
    assert measured == ["ccc"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("start", [b"", b'{"jour', b'{"journal": "count", "asked'])
def test_a_journal_killed_in_its_first_line_is_begun_again(tmp_path, start):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "count.jsonl").write_bytes(start)
    _, measured, path = fill(tmp_path, ["a"])
    assert measured == ["a"]
    assert path.name == "count.jsonl"
    assert len(path.read_bytes().splitlines()) == 2


def test_damage_in_the_middle_costs_what_follows_and_no_more(tmp_path):
    _, _, path = fill(tmp_path, ["a", "bb", "ccc"])
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"key": 3}\n', lines[3]]))
    assert fill(tmp_path, ["a", "bb", "ccc"])[1] == ["bb", "ccc"]
    assert path.read_bytes() == whole


def test_other_questions_have_journals_of_their_own(tmp_path):
    _, _, path = fill(tmp_path, ["a"])
    before = path.read_bytes()
    other = QUESTION | {"options": {"steps": 4}}
    _, measured, second = fill(tmp_path, ["a"], other)
    assert measured == ["a"]
    assert second != path
    assert path.read_bytes() == before
    assert fill(tmp_path, ["a"], other)[1] == []
    assert fill(tmp_path, ["a"])[1] == []
    # A file of somebody else's is no journal, and is left alone.
    (tmp_path / "net" / "other.jsonl").write_text('{"mine": 1}\n')
    assert fill(tmp_path, ["a"], command="other")[1] == ["a"]
    assert (tmp_path / "net" / "other.jsonl").read_text() == '{"mine": 1}\n'


def test_links_are_not_written_through(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "net" / "count.jsonl").symlink_to(tmp_path / "elsewhere")
    _, measured, path = fill(tmp_path, ["a"])
    assert measured == ["a"]
    assert path.name.startswith("count~")
    assert (tmp_path / "elsewhere").read_text() == "mine"


def test_conditions_are_kept_apart(tmp_path):
    with opened(tmp_path, tmp_path / "net", "count", QUESTION) as journal:
        journal.add("a", [{"value": 1}], "random")
        assert journal.rows("a") is None
        assert journal.rows("a", "random") == [{"value": 1}]
        journal.add("a", [], "none")
        assert journal.rows("a", "none") == []
        assert len(journal) == 2


def test_where_nothing_was_measured_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="no image"), opened(tmp_path, tmp_path / "net", "count", QUESTION):
        raise ValueError("no image")
    assert not list((tmp_path / "net").glob("*.jsonl"))
    fill(tmp_path, ["a"])
    with pytest.raises(ValueError, match="bad"), opened(tmp_path, tmp_path / "net", "count", QUESTION):
        raise ValueError("bad")
    assert fill(tmp_path, ["a"])[1] == [], "what was measured before stays"


def test_a_changed_number_is_measured_again_and_never_believed(tmp_path):
    first, _, path = fill(tmp_path, ["a", "bb", "ccc"])
    data = path.read_bytes()
    assert data.count(b"0.6666666865348816") == 1
    path.write_bytes(data.replace(b"0.6666666865348816", b"0.9666666865348816"))
    again, measured, _ = fill(tmp_path, ["a", "bb", "ccc"])
    assert measured == ["bb", "ccc"]
    assert again["bb"] == first["bb"]
    assert path.read_bytes() == data


@pytest.mark.parametrize("names", [["count.jsonl"], ["count.jsonl", "count~{asked}.jsonl"]])
def test_a_pipe_in_the_place_of_a_journal_is_not_waited_for(tmp_path, names):
    _, _, path = fill(tmp_path, ["a"])
    asked = json.loads(path.read_text().splitlines()[0])["asked"]
    path.unlink()
    for name in names:
        os.mkfifo(tmp_path / "net" / name.format(asked=asked))
    _, measured, path = fill(tmp_path, ["a"])
    assert measured == ["a"]
    assert path.is_file()


def test_another_name_of_somebodys_file_leaves_that_file_alone(tmp_path):
    _, _, path = fill(tmp_path, ["a"])
    asked = json.loads(path.read_text().splitlines()[0])["asked"]
    mine = tmp_path / "mine"
    mine.write_text("mine\n")
    path.unlink()
    for name in ("count.jsonl", f"count~{asked}.jsonl"):
        os.link(mine, path.with_name(name))
    fill(tmp_path, ["a"])
    assert mine.read_text() == "mine\n"
