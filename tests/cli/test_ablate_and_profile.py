"""`vizgraph ablate` and `profile`: tables with intervals, figures, and runs that go on where they were stopped."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess

import pytest

from vizgraph.api.study import spelled
from vizgraph.training.folders import ImageFolder

FILES = ("ablate.csv", "ablate.tex", "ablate.pdf", "ablate.json", "ablate.jsonl")
QUICK = ("--conditions", "none,other", "--orders", "share", "--steps", 2, "--no-rebuilt")


def lines_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Two images in folders named after two classes of gcn_demo."""
    import numpy as np
    from PIL import Image

    root = tmp_path_factory.mktemp("classes")
    for label in range(10):
        folder = root / "val" / f"digit {label}"
        folder.mkdir(parents=True)
        pixels = np.random.default_rng(label).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 48)).save(folder / "x.png")
    assert len(ImageFolder(root / "val")) == 10
    return root


@pytest.fixture(scope="module")
def ablated(weights, classes, tmp_path_factory):
    from click.testing import CliRunner

    from vizgraph.cli.main import main

    out = tmp_path_factory.mktemp("ablated")
    args = ("ablate", "--arch", "gcn_demo", "--ckpt", weights, "--data", classes, "--limit", 2, *QUICK, "--out", out)
    done = CliRunner().invoke(main, [str(arg) for arg in args], prog_name="vizgraph")
    assert done.exit_code == 0, done.stderr
    return args, out / "gcn_demo", done


def test_a_data_set_is_ablated_with_accuracy_against_its_labels(ablated):
    _, folder, done = ablated
    assert {path.name for path in folder.iterdir()} == {
        f"ablate.{end}" for end in ("csv", "tex", "pdf", "json", "jsonl")
    }
    lines = lines_of(folder / "ablate.csv")
    assert list(lines[0]) == [
        "measure",
        "kind",
        "name",
        "graphs",
        "scope",
        "layer",
        "curve",
        "fraction",
        "mean",
        "low",
        "high",
        "n",
    ]
    cut = [line for line in lines if (line["name"], line["measure"]) == ("none", "accuracy")]
    assert [(line["scope"], line["layer"]) for line in cut] == [
        *(("layer", str(at)) for at in range(1, 7)),
        *(("up to", str(at)) for at in range(1, 6)),
        ("all", "6"),
    ]
    assert {line["n"] for line in lines} == {"2"}
    assert {line["name"] for line in lines} == {"untouched", "none", "other", "share"}
    assert "2 images to go, about" in done.stderr
    assert "another image's graph  all layers" in done.stdout
    assert done.stdout.count("share") == 1
    assert (folder / "ablate.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((folder / "ablate.json").read_text())["options"]["fit"] == "crop"


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(ablated, run, tmp_path):
    args, folder, _ = ablated
    (tmp_path / "gcn_demo").mkdir()
    journal = tmp_path / "gcn_demo" / "ablate.jsonl"
    whole = (folder / "ablate.jsonl").read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(whole[:2]) + whole[2][: len(whole[2]) // 2])  # killed while it wrote the second image
    done = run(*args[:-1], tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "1 image to go" in done.stderr
    for name in FILES:
        assert (tmp_path / "gcn_demo" / name).read_bytes() == (folder / name).read_bytes(), name
    assert "to go" not in run(*args[:-1], tmp_path).stderr


def test_other_options_do_not_touch_what_is_there(ablated, run, tmp_path):
    args, folder, _ = ablated
    shutil.copytree(folder, tmp_path / "gcn_demo")
    done = run(*args[:-1], tmp_path, "--conditions", "self", "--orders", "nothing")
    assert done.exit_code == 0, done.stderr
    for path in folder.iterdir():
        assert (tmp_path / "gcn_demo" / path.name).read_bytes() == path.read_bytes()
    others = {path.name.partition("~")[0] for path in (tmp_path / "gcn_demo").glob("ablate~*")}
    assert others == {"ablate"}
    assert len(list((tmp_path / "gcn_demo").glob("ablate~*"))) == 5


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_the_tables_compile(ablated, tmp_path):
    body = (ablated[1] / "ablate.tex").read_text()
    assert body.count(r"\toprule") == 2
    document = f"\\documentclass{{article}}\\usepackage{{booktabs,graphicx}}\\begin{{document}}{body}\\end{{document}}"
    (tmp_path / "t.tex").write_text(document)
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "t.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()[-2000:]


def test_images_without_labels_have_no_accuracy_and_a_broken_one_does_not_end_the_run(
    run, weights, photograph, tmp_path
):
    photograph(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    of = ("--arch", "gcn_demo", "--ckpt", weights, "--img", tmp_path / "in", "--out", tmp_path / "out")
    done = run("ablate", *of, "--conditions", "none", "--orders", "nothing", "--no-rebuilt", "--json")
    assert done.exit_code == 1, done.stderr
    told = json.loads(done.stdout)
    assert list(told["failed"]) == ["broken.png"]
    assert {line["measure"] for line in told["table"]} == {"probability", "flip"}
    assert {line["low"] for line in told["table"]} == {None}  # one image says nothing about others


def test_one_way_to_name_images_is_asked_for(run):
    for name in ("ablate", "profile"):
        for more in ((), ("--scenes", 2, "--data", "x")):
            done = run(name, "--ckpt", "demo", *more)
            assert done.exit_code == 2
            assert "give one of --img, --data and --scenes" in done.stderr.splitlines()[-1]
    done = run("ablate", "--ckpt", "demo", "--scenes", 2, "--orders", "best")
    assert done.exit_code == 2
    assert "'best' is no order" in done.stderr.splitlines()[-1]


def test_scenes_are_profiled_with_masks(run, weights, tmp_path):
    pytest.importorskip("skimage", reason="the extra `scenes` is not installed")
    of = ("--arch", "gcn_demo", "--ckpt", weights, "--scenes", 2, "--out", tmp_path)
    done = run("profile", *of)
    assert done.exit_code == 0, done.stderr
    assert re.search(r"2 images to go, about [1-9]\d* forwards each: about \d+ s; --limit asks for fewer", done.stderr)
    folder = tmp_path / "gcn_demo"
    lines = lines_of(folder / "profile.csv")
    assert list(lines[0]) == ["measure", "layer", "condition", "mean", "low", "high", "n"]
    assert {line["layer"] for line in lines if line["measure"] == "length"} == {str(at) for at in range(1, 7)}
    assert {"probability", "accuracy", "homophily", "modularity", "margin"} <= {line["measure"] for line in lines}
    assert (folder / "profile.pdf").read_bytes().startswith(b"%PDF")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = run("profile", *of, "--limit", 2)
    assert again.exit_code == 0, again.stderr
    assert "to go" not in again.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_image_that_tells_the_cost_of_a_profile_is_not_measured_again(run, weights, tmp_path, monkeypatch):
    from viz_nodes.metrics import profile

    seen, whole = [], profile.profile_image

    def measure(*args, **options):
        seen.append(options.get("seed"))  # none for the example of the figure
        return whole(*args, **options)

    monkeypatch.setattr(profile, "profile_image", measure)
    done = run("profile", "--arch", "gcn_demo", "--ckpt", weights, "--scenes", 2, "--out", tmp_path)
    assert done.exit_code == 0, done.stderr
    assert [seed for seed in seen if seed is not None] == [0, 1]


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (99, "99 s"), (600, "10 min"), (7200, "2.0 h")])
def test_times_are_spelled(seconds, words):
    assert spelled(seconds) == words
