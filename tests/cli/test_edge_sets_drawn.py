"""`--set` and `--order effect`: edges that are found by cutting, drawn, written beside the picture, and verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import viz_nodes
import vizgraph
from viz_nodes.metrics import edge_sets
from vizgraph.cli.main import main

SAMPLE = Path(vizgraph.__file__).parent / "assets" / "samples" / "cat_6.png"
COMMON = ["--ckpt", "demo", "--device", "cpu", "--dpi", "60", "--img", str(SAMPLE), "--layers", "6"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The same set by three commands; few random sets, for time."""
    out = tmp_path_factory.mktemp("sets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_sets, "DRAWS", 16)
        for words in (
            ["figure", "edges", "--arch", "gcn_demo", *COMMON, "--set", "sufficient", "--out", str(out)],
            ["render", "--arch", "gcn_demo", *COMMON, "--kinds", "cam", "--set", "sufficient", "--out", str(out)],
            ["compare", "--arch", "vig_demo", "--arch", "vig_demo", *COMMON, "--kinds", "edges", "--set", "necessary",
             "--carry", "--out", str(out)],
        ):  # fmt: skip
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
    return out


FILES = {
    "figures/edges.png": "figures/edges.json",
    "gcn_demo/cat_6/figure.png": "gcn_demo/cat_6/manifest.json",
    "compare/cat_6/compare.png": "compare/cat_6/compare.json",
}


def sets_in(record):
    return (record.get("cut") or record.get("columns") or [record])[0]["sets"][0]


@pytest.mark.parametrize("picture", FILES)
def test_a_set_in_the_manifest_is_checked_by_verify(picture, drawn, monkeypatch):
    monkeypatch.setattr(edge_sets, "DRAWS", 16)
    manifest = drawn / FILES[picture]
    if picture.startswith("figures"):  # the others are made again below, too, for what is wrong beside them
        (good,) = vizgraph.verify(drawn / picture, image=SAMPLE, device="cpu").verdicts
        assert good.holds, good.words
        assert "16 of 16 random sets as large do not do it" in good.words
    text = manifest.read_text()
    record = json.loads(text)
    pair = sets_in(record)["edges"]["6"][0]
    pair[0] = (pair[0] + 1) % 196
    manifest.write_text(json.dumps(record))
    try:
        (bad,) = vizgraph.verify(drawn / picture, image=SAMPLE, device="cpu").verdicts
        assert not bad.holds
        assert "sets, 1, edges, 6, 1, 1 is not what cutting edges gives" in bad.words
    finally:
        manifest.write_text(text)


def test_the_set_in_the_manifest_is_a_set_by_hand(drawn):
    """Only the written edges, in a forward of the whole network."""
    folder = drawn / "gcn_demo" / "cat_6"
    record = json.loads((folder / "manifest.json").read_text())["sets"][0]
    model = vizgraph.load_model("gcn_demo", "demo", device="cpu")
    pixels = vizgraph.load_image(SAMPLE, model).pixels
    exp = viz_nodes.explain(model, pixels)
    keep = {int(number) - 1: pairs for number, pairs in record["edges"].items()}
    with torch.no_grad(), viz_nodes.edit_edges(model, keep=keep, frozen=exp):
        logits = model(pixels)[0]
    assert int(logits.argmax()) == record["class"] == int(exp.target[0])
    assert float(logits[record["class"]]) == pytest.approx(record["score"], abs=1e-3)
    assert abs(float(logits[record["class"]]) - record["whole"]) <= 0.1 * record["whole"] + 1e-3
    assert sum(map(len, keep.values())) == record["size"] < record["total"] == 6664
    held = viz_nodes.Explanation.load(folder).extras["sets"][0]
    assert viz_nodes.check_set(model, pixels, exp, held, draws=0).holds
    assert "random sets as large" in (folder / "figure.tex").read_text().replace("\n", " ")


def test_strongest_edges_by_effect_are_those_whose_cut_moves_the_score_most(tmp_path):
    words = ["render", "--arch", "gcn_demo", *COMMON, "--kinds", "edges", "--order", "effect", "--part", "0.5"]
    result = CliRunner().invoke(main, [*words, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "about 28 passes of the network" in result.stderr
    layer = viz_nodes.Explanation.load(tmp_path / "gcn_demo" / "cat_6").layer(-1)
    measured = layer.effect[0].isfinite()
    assert int(measured.sum()) == 28, "four times the seven of 1372 that are drawn"
    model = vizgraph.load_model("gcn_demo", "demo", device="cpu")
    pixels = vizgraph.load_image(SAMPLE, model).pixels
    exp = viz_nodes.explain(model, pixels)
    center, place = (measured & (layer.neighbors[0] >= 0)).nonzero()[0].tolist()
    found = viz_nodes.effect(model, pixels, exp, -1, center)[place]
    assert float(layer.effect[0, center, place]) == pytest.approx(float(found), abs=1e-5)
    caption = (tmp_path / "gcn_demo" / "cat_6" / "figure.tex").read_text().replace("\n", " ")
    assert "by effect, each cut alone; 4 times as many were measured" in caption
