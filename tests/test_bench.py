"""The bench of a notebook: what its fields say is explained, and what goes wrong is a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from builders.explanations import synthetic

pytest.importorskip("anywidget", reason="anywidget is not installed")

from viz_nodes import workbench as lazily
from viz_nodes.bench import Bench, chosen_layers, workbench


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """A bench whose network is a name, and what was asked of `load` and `explain`."""
    asked = []

    def explain(model, pixels, **options):
        asked.append((model, options))
        if options["target"] == "no such class":
            raise ValueError("no class is called <no such class>")
        return synthetic(layers=6, targets=(2, 3), method=options["method"], model=model)

    def load(network, weights, image):
        if weights == "/nowhere":
            raise FileNotFoundError("/nowhere: <b>no such file")
        black = np.zeros((224, 224, 3), np.uint8)
        sample = SimpleNamespace(pixels=torch.zeros(1, 3, 8, 8), image=black, original=black, view=None, path=image)
        return Bench(f"{network} {weights}".strip(), sample, None)

    monkeypatch.setattr("viz_nodes.bench.explain", explain)
    made = workbench(load, ["one", "two"], [tmp_path / "a.png", tmp_path / "b.png"], layers="2,4")
    yield made, asked
    made.close()


def test_what_the_fields_say_is_explained_and_shown(bench):
    made, asked = bench
    assert lazily is workbench
    assert asked[0] == ("one", {"target": "top5", "method": "gradcam", "labels": None})
    assert made.said.startswith("astronaut: ")
    explorer, picture = made.explorer, made._picture.value
    for name, value in (("network", "two"), ("weights", "w.pth"), ("target", "3"), ("method", "layercam")):
        made.fields[name].value = value
    made.fields["run"].click()
    assert asked[-1] == ("two w.pth", {"target": 3, "method": "layercam", "labels": None})
    assert made.explorer is explorer, "shown in place"
    assert explorer.document["subjects"][0]["rows"][0]["method"] == "layercam"
    assert made.exp.method == "layercam"
    assert made._picture.value != picture
    assert not made.fields["run"].disabled


@pytest.mark.parametrize(
    ("field", "words", "sentence"),
    [
        ("target", "no such class", "no class is called <no such class>"),
        ("layers", "2,99", "layers are numbers from 1 to 6"),
        ("weights", "/nowhere", "<b>no such file"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_last_result_stays(bench, field, words, sentence):
    made, _ = bench
    before = made.exp
    made.fields[field].value = words
    made.explain()
    assert "That did not work" in made.said
    assert sentence in made.said
    assert "<b>no" not in made._said.value, "words of others are no markup"
    assert made.exp is before
    assert not made.fields["run"].disabled


def test_an_uploaded_file_is_chosen(bench):
    made, _ = bench
    made._take({"new": [{"name": "../../up.png", "content": b"x"}]})
    path = made.fields["image"].value
    assert (path.name, path.read_bytes()) == ("up.png", b"x")
    assert str(path.parent) == made._uploads.name
    made._take({"new": [{"name": "up.png", "content": b"y"}]})
    assert [name for name, _ in made.fields["image"].options] == ["a.png", "b.png", "up.png"]


def test_closing_it_leaves_no_widget_open(bench):
    from ipywidgets.widgets.widget import _instances

    made, _ = bench
    made.close()
    assert not [each for each in _instances.values() if each in made._widgets()]
    made._repr_mimebundle_()
    assert made.box.comm is not None, "shown again it is open again"


def test_layers_as_people_write_them():
    assert chosen_layers("1, 3", 4) == [0, 2]
    assert chosen_layers("all", 3) == [0, 1, 2]
    assert chosen_layers(" ", 3) is None
    with pytest.raises(ValueError, match="from 1 to 3"):
        chosen_layers("0", 3)


def test_vizgraph_binds_its_own_networks_weights_and_images():
    import vizgraph

    made = vizgraph.workbench(layers="6", target="top1")
    assert made.fields["network"].options[0] == "gcn_demo"
    assert set(vizgraph.list_models()) == set(made.fields["network"].options)
    assert made.exp.model == "gcn_demo"
    assert made.exp.labels is not None
    made.fields["weights"].value = "random"
    made.explain()
    assert made.explorer.document["subjects"][0]["note"] == "untrained"
    made.close()
