"""Python for what the command line does: the scripts of docs/python.md run, and a library prints nothing by itself."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import vizgraph
from vizgraph import errors
from vizgraph.api.score import Measures

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
QUICK = Measures(steps=2, samples=0, draws=0, randomize=False)
FEW: dict[str, Any] = {"methods": ["random"], "edge_methods": []}
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with `photo.jpg` and two images in `photos`; the scripts leave their results in it."""
    root = tmp_path_factory.mktemp("scripts")
    (root / "photos").mkdir()
    for name, seed in (("photo.jpg", 0), ("photos/a.png", 1), ("photos/b.png", 2)):
        pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC).save(root / name)
    return root


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: re.search(r"(render_folder|vizgraph\.\w+)\(", script)[1])
def test_the_scripts_of_the_page_run_and_print_nothing_but_what_they_say(script, folder, monkeypatch, capfd):
    if "scenes" in script or "demo.yaml" in script:
        pytest.importorskip("skimage", reason="the extra `scenes` is not installed")
    monkeypatch.chdir(folder)
    assert len(script.strip().splitlines()) <= 14
    printed: list[str] = []
    own = {"__name__": "__main__", "print": lambda *values: printed.append(" ".join(map(str, values)))}
    exec(compile(script, str(PAGE), "exec"), own)
    assert all(printed)
    assert capfd.readouterr() == ("", "")


def test_every_command_has_its_function_and_every_function_its_script():
    """`models` is a package of networks in Python; what the command says of them is `architectures`."""
    from vizgraph.cli.main import COMMANDS

    functions = {"architectures" if name == "models" else name for name in COMMANDS}
    assert functions <= set(vizgraph.__all__)
    shown = set(re.findall(r"vizgraph\.(\w+)\(", "".join(SCRIPTS)))
    assert functions <= shown
    for name in functions:
        assert callable(getattr(vizgraph, name)), name


def test_nothing_is_printed_and_results_are_values(folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    of = {"layers": [-1], "dpi": 30}
    results = {
        "render": vizgraph.render("gcn_demo", "photos", "quiet", checkpoint="demo", kinds=("cam",), **of),
        "compare": vizgraph.compare("gcn_demo", "photo.jpg", "quiet", checkpoints=["demo"], methods=["fem"] * 2, **of),
        "explore": vizgraph.explore("gcn_demo", "photo.jpg", "quiet", checkpoints=["demo"], layers=[-1]),
        "score": vizgraph.score("gcn_demo", "photo.jpg", "quiet", checkpoint="demo", measures=QUICK, **FEW),
        "summarize": vizgraph.summarize("quiet", dpi=30),
    }
    results["verify"] = vizgraph.verify(results["render"].paths[0])
    assert capfd.readouterr() == ("", "")
    for name, result in results.items():
        assert dataclasses.is_dataclass(result), name
        assert all(Path(path).is_file() for path in result.paths), name
        assert isinstance(result.table, pd.DataFrame), name
        assert len(result.table) >= 1, name
        json.dumps(result.record())


def test_errors_are_the_projects_own(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "file").write_text("")
    cases = {
        errors.UsageError: [
            lambda: vizgraph.render("gcn_demoo", "photo.jpg"),
            lambda: vizgraph.render("gcn_demo", "photo.jpg", checkpoint="demo", k=0),
            lambda: vizgraph.render("gcn_demo", "photo.jpg", checkpoint="demo", layrs=[1]),
            lambda: vizgraph.render("gcn_demo", "photo.jpg", checkpoint="demo", layers=[6]),
            lambda: vizgraph.render("gcn_demo", "photo.jpg", checkpoint="demo", target="no such class"),
            lambda: vizgraph.compare("gcn_demo", "photo.jpg", checkpoints=["demo"]),
            lambda: vizgraph.score("gcn_demo"),
            lambda: vizgraph.summarize(tmp_path),
            lambda: vizgraph.verify("photo.jpg"),
        ],
        errors.ImageError: [
            lambda: vizgraph.render("gcn_demo", tmp_path / "text.jpg", checkpoint="demo"),
            lambda: vizgraph.explore("gcn_demo", tmp_path / "missing.jpg", checkpoints=["demo"]),
        ],
        errors.CheckpointError: [lambda: vizgraph.render("gcn_demo", "photo.jpg", checkpoint=tmp_path / "text.jpg")],
        errors.CannotWrite: [
            lambda: vizgraph.render("gcn_demo", "photo.jpg", tmp_path / "file" / "x", checkpoint="demo", dpi=30)
        ],
    }
    for kind, calls in cases.items():
        for call in calls:
            with pytest.raises(kind):
                call()


def test_a_network_that_is_loaded_already_is_taken_as_it_is(folder, monkeypatch, one_thread):
    monkeypatch.chdir(folder)
    model = vizgraph.load_model("gcn_demo", "demo", device="cpu")
    given = vizgraph.render(model, "photo.jpg", "given", layers=[-1], dpi=30)
    named = vizgraph.render("gcn_demo", "photo.jpg", "named", checkpoint="demo", device="cpu", layers=[-1], dpi=30)
    assert given.root.name == named.root.name == "gcn_demo"
    assert given.manifest() == named.manifest()
    with pytest.raises(errors.UsageError, match="a network has its weights"):
        vizgraph.render(model, "photo.jpg", checkpoint="demo")
