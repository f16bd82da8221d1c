"""What docs/figures.md shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import viz_nodes
import viz_nodes.draw
import vizgraph
from viz_nodes.draw.style.style import Style

ROOT = Path(vizgraph.__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "figures.md").read_text("utf-8")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the examples of the page leave behind, run from top to bottom in a folder of their own."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "vizgraph").symlink_to(ROOT / "vizgraph")
    found = {"ax": Figure(figsize=(3, 3)).add_axes((0, 0, 1, 1))}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(block, found)
    assert {path.name for path in folder.iterdir()} >= {"figure.pdf", "figure.tex", "graph.svg"}
    return found


def test_the_examples_run(names):
    assert names["fig"].caption
    assert r"\includegraphics" in viz_nodes.draw.latex_of(names["fig"], "figure.pdf")


def test_the_functions_of_the_table_are_there_and_draw(names):
    table = PAGE.split("## The figures that papers print")[1].split("\n\n")[1]
    calls = [row.split("|")[2].strip().strip("`") for row in table.splitlines()[2:]]
    assert len(calls) == 7
    space = {name: getattr(viz_nodes.draw, name) for name in viz_nodes.draw.__all__}
    space |= {"exp": names["exp"], "sample": names["sample"], "exps": [names["exp"]], "samples": [names["sample"]]}
    space["others"] = space["exps"]
    for call in calls:
        fig = eval(call.replace(", ...]", "]"), space)
        assert fig.get_figheight() <= 8.8, call


def test_every_switch_that_the_page_names_is_a_field_or_an_option():
    from vizgraph.cli import compare, render

    commands = (render.command, compare.command)
    options = {flag for command in commands for parameter in command.params for flag in parameter.opts}
    words = PAGE.split("## How figures look")[1]
    fields = set(Style.__dataclass_fields__)
    for name in re.findall(r"`(\w+)=False`", words):
        assert name in fields | {"caption"}, name
    for flag in re.findall(r"`(--[a-z-]+)`", words):
        assert flag in options, flag
