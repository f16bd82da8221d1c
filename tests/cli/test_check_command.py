"""`vizgraph check`: networks from files of a user, their errors, and the table."""

from __future__ import annotations

import csv
import json
import sys
import textwrap

import pytest

import vizgraph

NETWORK = """
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.nn = nn.Conv2d(12, 6, 1)

        def forward(self, x):
            flat = x.flatten(2)
            near = torch.cdist(flat.mT, flat.mT).topk(4, largest=False).indices
            heard = torch.stack([own[:, index] for own, index in zip(flat, near)]) - flat[..., None]
            return x + self.nn(torch.cat([flat, heard.amax(-1)], 1).view(len(x), 12, *x.shape[2:]))

    class Net(nn.Sequential):
        def __init__(self, layers=2):
            body = [Block() for _ in range(layers)]
            head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)]
            super().__init__(nn.Conv2d(3, 6, 8, 8), *body, *head)
"""


@pytest.fixture
def write(tmp_path):
    def written(name, code, network=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(NETWORK if network else "") + textwrap.dedent(code))
        return path

    return written


def test_a_network_of_ones_own_is_a_row_of_the_table(run, write, tmp_path):
    path = write(
        "mine.py", 'def build():\n    """Patches that ask (Someone, 2024).\n\n    More."""\n    return Net()\n'
    )
    done = run("check", f"{path}:build", "--image-size", "96x112", "--seed", 3, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{path}:build: Patches that ask (Someone, 2024)"
    assert lines[1] == "  layer 1 1: max, 12x14 nodes, edges proven (to the bit), places proven"
    assert lines[3].startswith("  zero-share cut: bit-exact (")
    assert lines[-1].startswith("| Patches that ask (Someone, 2024) | 2 | max | 2 of 2 | 2 of 2 | bit-exact | ")
    assert (tmp_path / "out" / "check.md").read_text().splitlines() == lines[-3:]
    (row,) = csv.DictReader((tmp_path / "out" / "check.csv").open())
    assert (row["layers"], row["edges_proven"], row["cut_exact"]) == ("2", "2", "True")
    assert json.loads((tmp_path / "out" / "check.json").read_text())["networks"][0]["layers"][0]["grid"] == [12, 14]
    assert run("check", path, "--image-size", "96x112", "--seed", 3, "--markdown").stdout.splitlines() == lines[-3:]


def test_pixels_and_what_explain_is_told_come_from_the_file(write):
    path = write(
        "mine.py",
        """
        class Two(Net):
            def forward(self, x):
                logits = super().forward(x)
                return {"one": logits * 2, "other": logits}

        def pixels():
            print("noise of a user")
            return torch.rand(1, 3, 80, 96)

        def build_pair():
            return Net(1), torch.rand(1, 3, 96, 96)

        def build_output():
            return {"model": Two(1), "output": "other"}

        def build_unsaid():
            return Two(1)
        """,
    )
    result = vizgraph.check(path)
    assert [row.name.rpartition(":")[2] for row in result.rows] == ["build_pair", "build_output", "build_unsaid"]
    assert [row.check.layers[0].grid for row in result.rows[:2]] == [(12, 12), (10, 12)]
    assert [row.check.cut_exact for row in result.rows] == [True, True, None]
    assert "say which with `output`" in result.rows[2].check.problem
    assert (result.in_full, result.failed) == (2, 0)
    assert list(result.table["edges_proven"]) == [1, 1, 1]


@pytest.mark.parametrize(
    ("name", "code", "asked", "said"),
    [
        ("a.py", "def build(): return 3", "a.py:build", r"must return a torch.nn.Module, .*got int"),
        ("a.py", "def build_net(): return 3", "a.py:built", r"a.py has no function built; did you mean build_net\?"),
        ("a.py", "x = 3", "a.py", r"has no function build or build_\.\.\."),
        ("a.py", "x = 3", "b.py:build", "there is no such file"),
        ("a.txt", "x = 3", "a.txt", "is no file of Python"),
        ("a.py", "def build():\n    x = []\n    return x[3]\n", "a.py:build", "a.py line 3: IndexError: list index"),
        ("a.py", "import no_such_module\n", "a.py:build", r"a.py line 1: ModuleNotFoundError: .*no_such_module"),
        ("a.py", "def build(:\n", "a.py:build", r"a.py line 1: SyntaxError"),
        ("a.py", "import sys\nsys.exit('usage: a.py')\n", "a.py:build", r"a.py line 2: SystemExit: usage"),
        ("a.py", "def build(): return {'net': 3}", "a.py:build", r"returns net; say model, pixels"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(run, write, monkeypatch, name, code, asked, said):
    monkeypatch.chdir(write(name, code, network=False).parent)
    done = run("check", asked)
    assert done.exit_code == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("vizgraph: error: ")]
    assert done.stdout == ""
    import re

    assert re.search(said, line), line
    if "line" in said:
        assert "Traceback" not in done.stderr
        assert "Traceback" in run("check", asked, "--debug").stderr


def test_a_forward_that_fails_is_told_by_its_line(run, write):
    path = write(
        "mine.py", "class Bad(Net):\n    def forward(self, x):\n        return x @ x\ndef build():\n    return Bad()\n"
    )
    at = path.read_text().splitlines().index("        return x @ x") + 1
    done = run("check", path, "--image-size", "64x72")
    assert done.exit_code == 2
    assert f"mine.py line {at}: RuntimeError: Expected size" in done.stderr


def test_of_several_one_that_fails_leaves_the_others(run, write):
    path = write("mine.py", "def build_good(): return Net(1)\ndef build_bad(): raise KeyError('lost')\n")
    done = run("check", path, "--image-size", "64", "--json", "--limit", 2)
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["failed"], len(answer["networks"])) == (1, 2)
    assert "KeyError" in answer["networks"][1]["failure"]
    assert done.stderr.count("vizgraph: error: ") == 1
    assert run("check", path, "--image-size", "64", "--limit", 1).exit_code == 0
    assert run("check", f"{path}:build_good", "--image-size", "64", "--strict").exit_code == 0
    plain = write("plain.py", "def build(): return Net(0)\n")
    assert [run("check", plain, "--image-size", "64", *strict).exit_code for strict in ((), ("--strict",))] == [0, 1]


def test_files_of_several_folders_have_modules_of_their_own(write):
    for folder in ("one", "two"):
        write(f"{folder}/models.py", f"NAME = '{folder}'\n")
    code = "from models import NAME, Net as Own\ndef build():\n    import models\n    n = Own(1)\n    n.name = models.NAME\n    return n\n"  # noqa: E501
    paths = [write(f"{folder}/build.py", code, network=False) for folder in ("one", "two")]
    before, modules = list(sys.path), set(sys.modules)
    from vizgraph.api.builds import builds_in

    names = []
    for build in [each for path in paths for each in builds_in(str(path))]:
        with build.importable():
            names.append(build.function().name)
    assert names == ["one", "two"]
    assert sys.path == before
    assert "models" not in set(sys.modules) - modules
