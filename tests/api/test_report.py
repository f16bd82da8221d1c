"""A report: every number a cell of a CSV, images chosen by the rule, the same bytes twice, LaTeX that compiles."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import vizgraph
from builders.commands import weights
from vizgraph.api import report_paper
from vizgraph.api.report import ReportOptions
from vizgraph.api.report_panels import chosen_images
from vizgraph.api.report_sources import bibtex
from vizgraph.api.report_text import NUMBER, Ledger

__all__ = ["weights"]
pytest.importorskip("skimage", reason="the extra `scenes` is not installed")
FEW = ReportOptions(
    methods=("layercam", "random"),
    edge_methods=("share", "random"),
    conditions=("none", "random"),
    orders=("share", "random"),
    steps=1,
    samples=2,
    draws=0,
    panels=2,
    sets=1,
    set_order="share",
    set_draws=20,
    pdf=False,
)


@pytest.fixture(scope="module")
def made(weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return out, vizgraph.report("gcn_demo", None, out, scenes=2, checkpoints=[weights], options=FEW)


def said(text):
    """The numbers that a reader of the PDF sees, of a text in LaTeX."""
    text = re.sub(r"\\(cite|label|ref|includegraphics)(\[[^]]*\])?\{[^}]*\}", " ", text)
    text = re.sub(r"\\resizebox\{[^}]*\}\{!\}|\\begin\{\w+\}(\[\w+\])?", " ", text)
    return NUMBER.findall(text)


def test_every_number_is_a_cell_of_a_csv(made):
    out, result = made
    folder = out / "report"
    texts = [(folder / name).read_text() for name in ("results.tex", "methods.tex")]
    numbers = [number for text in texts for number in said(text)]
    assert len(numbers) > 100
    table = pd.read_csv(folder / "numbers.csv", dtype=str)
    assert set(numbers) <= set(table.shown)
    assert set(result.table.shown) == set(table.shown)
    # And what is in a file is a value of that file, printed.
    cells = {
        path.name: set(pd.read_csv(path, low_memory=False).select_dtypes("number").to_numpy().ravel().tolist())
        for path in folder.glob("*.csv")
    }
    traced = 0
    for line in table[table.source.str.endswith(".csv", na=False)].to_dict("records"):
        try:
            value = float(line["value"])
        except ValueError:  # words that hold a number
            continue
        digits = len(line["shown"].partition(".")[2])
        assert any(float(f"{abs(scale * value):.{digits}f}") == float(line["shown"]) for scale in (1, 100)), line
        if "quantiles" not in line["what"]:
            assert any(np.isclose(value, cell, rtol=1e-12, atol=0) for cell in cells[line["source"]]), line
            traced += 1
    assert traced > 50


def test_the_same_bytes_twice_and_nothing_is_measured_again(made, weights, tmp_path, monkeypatch):
    out, _ = made
    asked = {"scenes": 2, "checkpoints": [weights], "options": FEW}
    vizgraph.report("gcn_demo", None, tmp_path, **asked)
    names = {path.name for path in (out / "report").iterdir()}
    assert names == {path.name for path in (tmp_path / "report").iterdir()}
    for name in names:
        assert (out / "report" / name).read_bytes() == (tmp_path / "report" / name).read_bytes(), name
    from viz_nodes.metrics import sets
    from viz_nodes.metrics.ablation import Ablation
    from viz_nodes.metrics.benchmark import MapScores
    from viz_nodes.metrics.edge_benchmark import EdgeBenchmark

    for owner, name in ((sets, "edge_set"), (Ablation, "__call__"), (MapScores, "lines"), (EdgeBenchmark, "lines")):
        monkeypatch.setattr(owner, name, lambda *given, **named: pytest.fail("measured again"))
    before = (out / "report" / "results.tex").read_bytes()
    vizgraph.report("gcn_demo", None, out, **asked)
    assert (out / "report" / "results.tex").read_bytes() == before
    # One scene of two is another question: its report does not take the place of the first.
    other = vizgraph.report("gcn_demo", None, out, **{**asked, "scenes": 1})
    assert other.paths[0].parent.name.startswith("report~")
    assert (out / "report" / "results.tex").read_bytes() == before


def test_it_compiles(made):
    out, _ = made
    files = {path.name: path.read_bytes() for path in (out / "report").iterdir()}
    if shutil.which("pdflatex") is None or shutil.which("bibtex") is None:
        pytest.skip("there is no LaTeX")
    pdf, why = report_paper.compiled(files)
    assert why == ""
    assert pdf is not None
    assert pdf.startswith(b"%PDF")
    assert report_paper.compiled(files)[0] == pdf


def test_without_latex_it_is_said_that_there_is_no_pdf(made, monkeypatch):
    out, result = made
    assert result.why == "it was not asked for"
    assert not (out / "report" / "report.pdf").exists()
    assert (out / "report" / "report.tex").exists()
    monkeypatch.setattr(report_paper.shutil, "which", lambda name: None)
    pdf, why = report_paper.compiled({})
    assert pdf is None
    assert "not installed" in why


def test_sets_of_edges_stand_in_the_report_and_hold(made, weights):
    """The table, its numbers by hand from the journal's edges, and the sets run again."""
    import json

    import viz_nodes
    from vizgraph.data import Scenes, load_image

    out, _ = made
    folder = out / "report"
    rows, means = (pd.read_csv(folder / f"gcn_demo_sets{end}.csv") for end in ("", "_means"))
    chosen = pd.read_csv(folder / "images.csv")
    assert sorted(rows.image.unique()) == sorted(chosen[chosen.searched].image)
    assert list(means.kind) == ["sufficient", "necessary"]
    sufficient = rows[rows.kind == "sufficient"]
    assert means.part[0] == pytest.approx((sufficient["size"] / sufficient.total).mean())
    assert means.failing[0] == pytest.approx((sufficient.failed / 20).mean())
    text = (folder / "results.tex").read_text()
    table = text[text.index("tab:sets") :]
    assert f"sufficient & 2 of 2 & {100 * means.part[0]:.1f} (" in table
    assert "sets.pdf" in text
    caption = text[text.index("{sets.pdf}") :]
    assert "Shown: the photograph; the layer's edges of the sufficient set" in caption
    assert "random sets as large" not in caption, "what each set does is in the table"
    assert (folder / "sets.pdf").read_bytes().startswith(b"%PDF")
    model = vizgraph.load_model("gcn_demo", weights, device="cpu")
    first, *lines = (out / "gcn_demo" / "sets.jsonl").read_text().splitlines()
    assert json.loads(first)["question"]["options"]["draws"] == 20
    entry = json.loads(lines[0])
    number = int(entry["key"].split()[2])
    pixels = load_image(Scenes("test", size=200).scene(number).image, model, fit="squash").pixels
    exp = viz_nodes.explain(model, pixels)
    records = [row["record"] for row in entry["rows"]]
    assert {record["kind"] for record in records} == {"sufficient", "necessary"}
    for record in records:
        if record["size"] is not None:
            assert viz_nodes.check_set(model, pixels, exp, record).holds


def test_what_was_searched_for_sets_holds_what_is_shown():
    confidence = {f"image {at:02}": at / 30 for at in range(30)}
    table = chosen_images(confidence, 3, seed=1, sets=4)
    assert table.groupby("quantile").searched.sum().tolist() == [4, 4, 4]
    assert table[table.shown].searched.all()
    assert chosen_images(confidence, 3, seed=1).shown.equals(table.shown)
    assert not chosen_images(confidence, 3, seed=1).searched.any()
    assert chosen_images(confidence, 3, seed=1, sets=99).searched.all()


def test_a_report_without_sets(weights, tmp_path, monkeypatch):
    """Not asked for they are not mentioned; of a network that cannot lose edges it is said why there are none."""
    from viz_nodes.metrics import sets

    def refused(*given, **named):
        raise ValueError("layer 3 cannot lose edges")

    monkeypatch.setattr(sets, "edge_set", refused)
    options = replace(FEW, sets=0, panels=1, conditions=("none",), orders=("share",), methods=(), samples=0)
    for each in (options, replace(options, sets=1)):
        done = vizgraph.report("gcn_demo", None, tmp_path, scenes=1, checkpoints=[weights], options=each)
        text = (done.paths[0].parent / "results.tex").read_text()
        assert ("could not be looked for: layer 3 cannot lose edges." in text) == bool(each.sets)
        assert ("sets of edges" in text.lower()) == bool(each.sets)
        assert "sets.pdf" not in text
        assert (tmp_path / "gcn_demo" / "sets.jsonl").exists() == bool(each.sets)


def test_the_cost_is_told_of_a_network_in_another_precision(weights):
    """It runs where the network is, in its own numbers."""
    import torch

    from vizgraph.api.study import seconds_of_a_pass

    model = vizgraph.load_model("gcn_demo", weights, device="cpu").double()
    assert seconds_of_a_pass(model, torch.zeros(1, 3, 224, 224)) > 0


def test_images_are_chosen_by_the_quantiles_and_the_seed():
    confidence = {f"image {at}": ((at * 7) % 10) / 10 for at in range(10)}
    table = chosen_images(confidence, 3, seed=4)
    assert table.confidence.tolist() == sorted(confidence.values())
    assert table.groupby("quantile").size().tolist() == [4, 3, 3]
    assert table.groupby("quantile").shown.sum().tolist() == [1, 1, 1]
    assert chosen_images(dict(reversed(confidence.items())), 3, seed=4).equals(table)
    drawn = {tuple(chosen_images(confidence, 3, seed=seed).query("shown").image) for seed in range(20)}
    assert len(drawn) > 5
    assert chosen_images({"a": 0.5}, 3, seed=0).shown.tolist() == [True]


def test_a_ledger_keeps_what_it_prints():
    ledger = Ledger()
    assert ledger.number(0.12345, 1, "share", "a.csv", 100) == "12.3"
    assert ledger.number(-0.0001, 2, "small", "a.csv") == "0.00"
    assert ledger.number(float("nan"), 2, "none", "a.csv") == "--"
    assert ledger.words("torch_2.6 \N{GREEK SMALL LETTER ALPHA}", "version") == r"torch\_2.6 \textbackslash{}u03b1"
    assert ledger.ranged({"mean": 0.5, "low": 0.25, "high": 1.0}, 2, "x", "b.csv") == "0.50 (0.25 to 1.00)"
    assert [line["shown"] for line in ledger.lines] == ["12.3", "0.00", "2.6", "03", "1", "0.50", "0.25", "1.00"]


def test_only_what_is_cited_is_in_the_sources():
    text = bibtex(["han2022vig", "yeh2019infidelity"])
    assert re.findall(r"@\w+\{(\w+),", text) == ["han2022vig", "yeh2019infidelity"]
    assert text.count("{") == text.count("}")
