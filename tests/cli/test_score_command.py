"""`vizgraph score`: a table for people, a CSV for programs, errors of one line."""

from __future__ import annotations

import csv

import pytest

import vizgraph


def lines_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_images_are_scored_and_a_bad_one_does_not_end_the_run(run, weights, photograph, tmp_path):
    photograph(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    done = run(
        "score",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--img",
        tmp_path / "in",
        "--method",
        "LayerCAM",
        "--method",
        "random",
        "--layers",
        "2,6",
        "--only",
        "nodes",
        "--steps",
        "2",
        "--out",
        tmp_path / "out",
    )
    assert done.exit_code == 1, done.stderr
    assert "broken.png" in done.stderr
    assert "forwards each: about" in done.stderr  # what it costs
    found = lines_of(tmp_path / "out" / "gcn_demo" / "score.csv")
    assert [(line["image"], line["layer"], line["method"]) for line in found] == [
        ("a.png", "2", "layercam"),
        ("a.png", "6", "layercam"),
        ("a.png", "2", "random"),
        ("a.png", "6", "random"),
    ]
    dice = [line for line in found if line["method"] == "random"]
    assert all(0 <= float(line["deletion"]) <= 1 and line["randomized"] == "" for line in dice)
    table = done.stdout.splitlines()
    assert table[0].split()[:4] == ["layer", "method", "images", "blank"]
    assert sum(line.split()[1:2] == ["random"] for line in table) == 2
    assert f"{float(dice[0]['deletion']):.3f}" in done.stdout


def test_scenes_have_masks(run, weights, tmp_path):
    pytest.importorskip("skimage", reason="the extra `scenes` is not installed")
    done = run(
        "score",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--scenes",
        1,
        "--method",
        "random",
        "--edge-method",
        "share",
        "--steps",
        "1",
        "--no-randomize",
        "--out",
        tmp_path / "out",
    )
    assert done.exit_code == 0, done.stderr
    node, edge = lines_of(tmp_path / "out" / "gcn_demo" / "score.csv")
    assert (node["of"], node["layer"], edge["of"], edge["layer"]) == ("nodes", "6", "edges", "all")
    assert node["image"] == edge["image"]
    assert node["image"].startswith("test scene 0 (digit ")
    assert node["pointing"] in ("0.0", "1.0")
    assert 0 < float(node["inside"]) < 0.5
    assert 0 < float(edge["pointing"]) < 1
    assert node["label"] == node["image"].split("digit ")[1][0]
    assert node["accuracy_insertion"] != ""
    assert "from object" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --img, --data and --scenes"),
        (("--scenes", 1, "--img", "x.png"), "one of --img, --data and --scenes"),
        (("--scenes", 1, "--method", "gradcm"), "did you mean gradcam"),
        (("--scenes", 0), "--scenes"),
    ],
)
def test_usage_errors_come_before_anything_is_loaded(run, arguments, said):
    done = run("score", "--arch", "gcn_demo", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_unknown_targets_and_layers_are_usage_errors(run, weights, tmp_path):
    shared = ("score", "--arch", "gcn_demo", "--ckpt", weights, "--scenes", 1, "--out", tmp_path)
    for arguments in (("--target", "nothing of the kind"), ("--layers", "7")):
        done = run(*shared, *arguments)
        assert done.exit_code == 2, done.stderr
        assert arguments[0] in done.stderr


def test_what_another_question_left_is_kept_and_the_table_is_there_for_papers(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "a_b & 50 %.png", 1)
    shared = ("score", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--steps", "1", "--no-randomize")
    shared = (*shared, "--only", "nodes", "--samples", "2", "--draws", "0")
    for method in ("random", "fem", "random"):
        done = run(*shared, "--method", method, "--out", tmp_path / "out")
        assert done.exit_code == 0, done.stderr
    folder = tmp_path / "out" / "gcn_demo"
    assert {line["method"] for line in lines_of(folder / "score.csv")} == {"random"}
    (other,) = (path for path in folder.glob("score~*.csv") if "means" not in path.name)
    assert {line["method"] for line in lines_of(other)} == {"fem"}
    tex = (folder / "score.tex").read_text()
    assert r"\toprule" in tex
    assert (folder / "score.pdf").read_bytes().startswith(b"%PDF")
    (folder / "score.json").write_text("[" * 100_000)
    assert run(*shared, "--method", "random", "--out", tmp_path / "out").exit_code == 0


def test_tables_hold_any_words_as_latex_and_lines():
    from vizgraph.api.tables import lines_of as as_lines
    from vizgraph.api.tables import tex_of

    rows = [["name", "number"], ["50 % of a_b & {c} \\ #1 ~$^", 1], ["two\nlines\ud800", 22]]
    assert as_lines(rows, left=(0,)) == [
        "name                        number",
        "50 % of a_b & {c} \\ #1 ~$^       1",
        "two lines\\ud800                 22",
    ]
    line = tex_of(rows, left=(0,)).splitlines()[4]
    assert line == r"50 \% of a\_b \& \{c\} \textbackslash{} \#1 \textasciitilde{}\$\textasciicircum{} & 1 \\"


def test_orders_of_edges_are_held_beside_what_cutting_does(run, tmp_path):
    out = ("--out", tmp_path / "out", "--quiet")
    methods = [word for name in ("share", "contribution", "random") for word in ("--edge-method", name)]
    asked = ("score", "--ckpt", "demo", "--scenes", "2", "--edges", "--layers", "3,6", *methods, *out)
    done = run(*asked)
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "out" / "gcn_demo"
    found = lines_of(folder / "score_edges.csv")
    assert {(line["layer"], line["method"]) for line in found} == {
        (layer, method) for layer in ("3", "6") for method in ("share", "contribution", "random")
    }
    assert len(found) == 12
    assert all(-1 <= float(line["size"]) <= 1 and float(line["strongest"]) > 0 for line in found)
    assert done.stdout.splitlines()[1].split()[:2] == ["all", "share"]
    endings = ("csv", "tex", "pdf", "json", "jsonl")
    assert {path.name for path in folder.iterdir()} == {"score_edges_means.csv", *(f"score_edges.{e}" for e in endings)}
    before = (folder / "score_edges.csv").read_bytes()
    assert run(*asked[:6], "--layers", "6", *methods, *out).exit_code == 0
    assert (folder / "score_edges.csv").read_bytes() == before  # another question leaves it alone


def test_an_interrupted_run_goes_on_and_writes_the_bytes_of_one_that_was_not(run, weights, tmp_path, monkeypatch):
    from viz_nodes.metrics.benchmark import MapScores
    from viz_nodes.metrics.edge_benchmark import EdgeBenchmark
    from vizgraph.api.score import Measures

    asked = {"methods": ("layercam", "random"), "edge_methods": ("rank", "share"), "scenes": 2, "checkpoint": weights}
    asked["measures"] = Measures(steps=2, samples=2, draws=1, randomize=False, timing=False)

    def score(out, **more):
        return vizgraph.score("gcn_demo", None, tmp_path / out, **(asked | more))

    whole = score("whole")
    assert {path.name for path in whole.paths} == {
        "score_means.csv",
        *(f"score.{ending}" for ending in ("csv", "tex", "pdf", "json", "jsonl")),
    }
    calls = []
    for owner in (MapScores, EdgeBenchmark):
        own = owner.lines

        def watched(self, *given, own=own, **named):
            calls.append(given[1])
            if len(calls) == 5:  # the second image's second method
                raise KeyboardInterrupt
            return own(self, *given, **named)

        monkeypatch.setattr(owner, "lines", watched)
    with pytest.raises(KeyboardInterrupt):
        score("broken")
    folder = tmp_path / "broken" / "gcn_demo"
    assert [path.name for path in folder.iterdir()] == ["score.jsonl"]  # nothing half written
    torn = (folder / "score.jsonl").read_bytes()
    (folder / "score.jsonl").write_bytes(torn[:-20])
    calls[:] = [None] * 10
    score("broken")
    assert calls[10:] == ["layercam", "random", ("rank", "share")]  # the torn line, and what had not been measured
    for path in whole.paths:
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name
    calls[:] = [None] * 10
    more = score("broken", methods=("layercam", "random", "eigencam"), limit=1)
    assert calls[10:] == ["eigencam"]
    assert more.paths[0].name.startswith("score~")  # fewer images and other methods: not written over the first
    assert len(more.table) == 5
    assert (folder / "score.csv").read_bytes() == whole.paths[0].read_bytes()
    kept = [line for line in more.table.to_dict("records") if line["method"] == "layercam"]
    assert kept[0]["deletion"] == whole.table.deletion[0]


def test_the_figure_has_a_dot_for_each_number():
    import pandas as pd

    from viz_nodes.draw.score_figure import PANELS, score_figure
    from viz_nodes.metrics.verdicts import compared

    lines = [
        {
            "image": at,
            "of": of,
            "layer": 1,
            "method": f"{of} {name}",
            "deletion": at + number,
            "stability": 0.5 * number,
        }
        for at in range(3)
        for of in ("nodes", "edges")
        for number, name in enumerate("abc")
    ]
    means = compared(pd.DataFrame(lines).assign(complexity=float("nan")))
    figure = score_figure(means, name="a net")
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == [PANELS["deletion"], PANELS["stability"]] * 2
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["nodes a", "nodes b", "nodes c"]
    dots = {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert dots == {2.0: 1.0, 1.0: 2.0, 0.0: 3.0}  # the first on top
    spans = sorted(tuple(line.get_xdata()) for line in ax.lines if line.get_marker() != "o")
    assert spans[0] == (means.deletion_low[0], means.deletion_high[0])


def test_sanity_is_told_beside_a_dummy(run, weights, tmp_path, monkeypatch):
    from viz_nodes.metrics import cascade

    whole = cascade.steps_of
    monkeypatch.setattr(cascade, "steps_of", lambda model: whole(model)[:2])  # the rest is tested with the cascade
    asked = ("--scenes", 1, "--sanity", "--method", "gradcam", "--method", "random", "--out", tmp_path, "--json")
    done = run("score", "--arch", "gcn_demo", "--ckpt", weights, *asked)
    assert done.exit_code == 0, done.stderr
    found = lines_of(tmp_path / "gcn_demo" / "score_sanity.csv")
    assert {line["layer"] for line in found} == {"6"}
    assert {line["method"] for line in found if line["measure"] == "map"} == {"gradcam", cascade.DUMMY}
    whole_map = [line for line in found if line["measure"] == "map" and line["step"] == cascade.AS_TRAINED]
    assert [float(line["value"]) for line in whole_map] == [1.0, 1.0]
    assert len({line["step"] for line in found}) == 4  # as trained, two parts, permuted
    names = {path.name for path in (tmp_path / "gcn_demo").iterdir()}
    assert names == {"score_sanity_means.csv", *(f"score_sanity.{e}" for e in ("csv", "tex", "pdf", "json", "jsonl"))}
    refused = run("score", "--ckpt", "demo", "--scenes", 1, "--edges", "--sanity", "--out", tmp_path)
    assert refused.exit_code == 2
