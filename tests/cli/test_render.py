"""What `vizgraph render` writes, says and leaves alone."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from viz_nodes.batch import manifest

FAST = ("--dpi", 40, "--workers", 0, "--device", "cpu")


@pytest.fixture
def render(run, weights, tmp_path):
    """Runs the command with the small weights into `tmp_path / "out"`."""

    def go(*images, more=()):
        given = [part for image in images for part in ("--img", image)]
        return run("render", "--arch", "gcn_demo", "--ckpt", weights, *given, "--out", tmp_path / "out", *FAST, *more)

    return go


def contents(folder: Path) -> dict[str, bytes]:
    return {
        os.fsencode(str(path.relative_to(folder))): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_an_image_gets_the_files_of_the_contract(render, photograph, tmp_path):
    image = photograph(tmp_path / "x.jpg")
    result = render(image)
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "out" / "gcn_demo" / "x"
    made = json.loads((folder / "manifest.json").read_text())
    peaks = made["explained"]["peaks"]
    assert list(peaks) == ["2", "4", "6"]
    expected = {"figure.png", "figure.tex", "top_5.json", "explanation.npz", "graph.graphml", "manifest.json"}
    for layer, peak in peaks.items():
        expected |= {f"layer_{layer}_cam.png", f"layer_{layer}_graph.png"}
        expected |= {f"layer_{layer}_center_{peak}_neighbors.png"} if peak is not None else set()
    assert {path.name for path in folder.iterdir()} == expected
    assert set(made["outputs"]) == expected - {"manifest.json"}
    for name, about in made["outputs"].items():
        data = (folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (about["bytes"], about["sha256"])
    assert made["image"]["sha256"] == hashlib.sha256(image.read_bytes()).hexdigest()
    assert len(made["weights"]["sha256"]) == 64
    assert made["options"]["layers"] == [2, 4, 6]
    assert {"vizgraph", "torch", "matplotlib"} <= set(made["versions"])
    assert str(folder / "figure.png") in result.stdout.replace("\n", "")
    assert made["predicted"][0]["label"] in result.stdout


def test_the_top_5_are_written_as_the_release_writes_them(render, photograph, tmp_path):
    render(photograph(tmp_path / "x.jpg"))
    top = json.loads((tmp_path / "out/gcn_demo/x/top_5.json").read_text())
    values = [float(value) for value in top.values()]
    assert len(top) == 5
    assert values == sorted(values, reverse=True)
    assert all(name.rpartition("_")[2].isdigit() for name in top)


def test_an_explanation_read_back_is_the_one_drawn(render, photograph, tmp_path):
    import networkx as nx

    from viz_nodes import Explanation

    render(photograph(tmp_path / "x.jpg"))
    folder = tmp_path / "out/gcn_demo/x"
    exp = Explanation.load(folder)
    made = json.loads((folder / "manifest.json").read_text())
    assert {str(layer.number): int(layer.peak[0]) for layer in exp.layers if int(layer.peak[0]) >= 0} == {
        number: peak for number, peak in made["explained"]["peaks"].items() if peak is not None
    }
    graph = nx.read_graphml(folder / "graph.graphml")
    assert graph.number_of_edges() == sum(int((layer.neighbors >= 0).sum()) for layer in exp.layers)


def test_what_is_done_is_left_and_other_options_make_it_anew(render, photograph, tmp_path):
    image = photograph(tmp_path / "x.jpg")
    render(image)
    folder = tmp_path / "out/gcn_demo/x"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = render(image, more=("--layers", "2,4,6"))
    assert "there already" in again.stdout
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    other = render(image, more=("--layers", "-1", "--format", "svg"))
    assert "there already" not in other.stdout
    names = {path.name for path in folder.iterdir()}
    assert "layer_6_cam.svg" in names
    assert not [name for name in names if name.startswith("layer_2") or name.endswith(".png")]


def test_a_changed_image_a_lost_file_and_overwrite_make_it_anew(render, photograph, tmp_path):
    image = photograph(tmp_path / "x.jpg")
    render(image, more=("--layers", "1"))
    figure = tmp_path / "out/gcn_demo/x/figure.png"
    first = figure.read_bytes()
    figure.write_bytes(first[:-10])
    render(image, more=("--layers", "1"))
    assert figure.read_bytes() == first
    stamp = figure.stat().st_mtime_ns
    render(image, more=("--layers", "1", "--overwrite"))
    assert figure.stat().st_mtime_ns != stamp
    photograph(image, seed=1)
    render(image, more=("--layers", "1"))
    assert figure.read_bytes() != first


def test_another_image_of_the_same_name_does_not_take_the_folder(render, photograph, tmp_path):
    one, two = photograph(tmp_path / "one/x.jpg", 1), photograph(tmp_path / "two/x.jpg", 2)
    for image in (one, two, one):
        assert render(image, more=("--layers", "1")).exit_code == 0
    folders = sorted((tmp_path / "out/gcn_demo").iterdir())
    assert [manifest.read(folder)["image"]["path"] for folder in folders] == [str(one), str(two)]


def test_a_blank_map_has_no_center_and_says_so(render, photograph, tmp_path, monkeypatch):
    import torch

    from viz_nodes import cams

    method = cams.METHODS["gradcam"]
    blank = type(method)(method.name, lambda a, g=None, **_: torch.zeros_like(a[:, 0]), method.needs)
    monkeypatch.setitem(cams.METHODS, "gradcam", blank)
    result = render(photograph(tmp_path / "x.jpg"), more=("--layers", "1"))
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "out/gcn_demo/x"
    assert json.loads((folder / "manifest.json").read_text())["explained"]["peaks"] == {"1": None}
    assert not list(folder.glob("*neighbors*"))
    assert (folder / "layer_1_graph.png").is_file()
    assert "blank" in result.stdout


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--layers", "7"), 2, "layers 1 to 6"),
        (("--target", "10"), 2, "[0, 10)"),
        (("--target", "top3"), 2, "several classes"),
        (("--method", "gradcm"), 2, "did you mean gradcam"),
        (("--palette", "infreno"), 2, "inferno"),
        (("--width", "colunm"), 2, "--width"),
        (("--device", "cuda:99"), 2, "--device"),
        (("--sha256", "0" * 8), 4, "SHA-256"),
    ],
)
def test_options_that_do_not_fit_the_network_are_refused(render, photograph, tmp_path, more, code, said):
    result = render(photograph(tmp_path / "x.jpg"), more=more)
    assert result.exit_code == code, result.stderr
    assert said in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_image_ends_with_3_and_a_missing_one_too(render, tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    for name in ("text.jpg", "missing.jpg"):
        result = render(tmp_path / name)
        assert result.exit_code == 3
        assert result.stderr.splitlines()[-1].startswith(f"vizgraph: error: {tmp_path / name}: ")


def test_a_bad_checkpoint_ends_with_4(run, photograph, tmp_path):
    (tmp_path / "bad.pth").write_text("no weights")
    result = run(
        "render", "--arch", "gcn_demo", "--ckpt", tmp_path / "bad.pth", "--img", photograph(tmp_path / "x.jpg")
    )
    assert result.exit_code == 4
    assert result.stderr.splitlines()[-1].startswith("vizgraph: error: ")


def test_a_place_that_cannot_be_written_ends_with_5(render, photograph, tmp_path):
    (tmp_path / "out").write_text("a file, not a folder")
    assert render(photograph(tmp_path / "x.jpg")).exit_code == 5


def test_a_batch_goes_on_after_a_bad_image_and_lists_all(render, photograph, tmp_path):
    given = tmp_path / "in"
    photograph(given / "a.jpg", 1)
    (given / "b.jpg").write_text("no image")
    photograph(given / "sub/c.png", 2)
    result = render(given, more=("--layers", "1"))
    assert result.exit_code == 1
    out = tmp_path / "out/gcn_demo"
    lines = [json.loads(line) for line in (out / "batch.jsonl").read_text().splitlines()]
    assert lines[0]["batch"]["count"] == 3
    assert [(line["image"], line["status"]) for line in lines[1:-1]] == [
        ("a.jpg", "done"),
        ("b.jpg", "failed"),
        ("sub/c.png", "done"),
    ]
    assert "no image" in lines[2]["error"]
    assert lines[-1] == {"finished": {"done": 2, "failed": 1}}
    with open(out / "summary.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert (out / "sub/c/manifest.json").is_file()
    assert not (out / "b").exists()
    assert "b.jpg: it is no image" in result.stderr
    assert "images/s" in result.stderr
    assert "2 rendered" in result.stdout


def test_names_of_any_kind_get_folders_and_pictures(render, photograph, tmp_path):
    given = tmp_path / "in"
    names = [
        b"\xff\xfe.jpg",
        b"two\nlines.jpg",
        b"x" * 251 + b".jpg",
        b"$\\frac{a}$.jpg",
        b"A.jpg",
        b"a.jpg",
        b"a.png",
        b"%s {0} <b>&.jpg",
        b" .jpg",
    ]
    for seed, name in enumerate(names):
        photograph(given / os.fsdecode(name), seed)
    (given / "loop").symlink_to(given)
    result = render(given, more=("--layers", "1"))
    assert result.exit_code == 0, result.stderr
    made = [manifest.read(path.parent) for path in (tmp_path / "out").rglob("manifest.json")]
    assert sorted(os.fsencode(one["image"]["relative"]) for one in made) == sorted(names)


def test_an_image_alone_and_in_a_batch_gives_the_same_files(render, photograph, tmp_path):
    given = tmp_path / "in"
    for seed in range(3):
        photograph(given / f"{seed}.jpg", seed)
    render(given, more=("--layers", "1,6"))
    folder = tmp_path / "out/gcn_demo/1"
    together = contents(folder)
    for path in folder.iterdir():
        path.unlink()
    render(given / "1.jpg", more=("--layers", "1,6"))
    alone = contents(folder)
    del together[b"manifest.json"], alone[b"manifest.json"]
    assert alone == together


def test_batches_of_any_size_see_the_same_pictures(render, photograph, tmp_path, run, weights):
    from viz_nodes import Explanation

    given = tmp_path / "in"
    for seed in range(3):
        photograph(given / f"{seed}.jpg", seed)
    render(given, more=("--layers", "1", "--batch", "3"))
    render(given, more=("--layers", "1", "--out", tmp_path / "single"))
    for seed in range(3):
        three, one = (Explanation.load(tmp_path / out / "gcn_demo" / str(seed)) for out in ("out", "single"))
        assert (three.logits - one.logits).abs().max() < 1e-3
        assert three.target.equal(one.target)


def test_pictures_tell_what_they_were_made_from(render, photograph, tmp_path):
    from viz_nodes.draw import read_provenance

    image = photograph(tmp_path / "x.jpg")
    render(image, more=("--layers", "1", "--format", "png,pdf,svg"))
    folder = tmp_path / "out/gcn_demo/x"
    for form in ("png", "pdf", "svg"):
        note = read_provenance(folder / f"layer_1_graph.{form}")
        assert note["image"]["sha256"] == hashlib.sha256(image.read_bytes()).hexdigest()
        assert (note["drawn"], note["layer"]) == ("graph", 1)
        assert str(tmp_path) not in json.dumps(note)


def test_the_original_is_drawn_on_unless_what_the_network_saw_is_asked_for(render, photograph, tmp_path):
    wide = photograph(tmp_path / "x.jpg", size=(96, 24))
    render(wide, more=("--layers", "1", "--dpi", "100"))
    with Image.open(tmp_path / "out/gcn_demo/x/layer_1_cam.png") as picture:
        original = picture.size
    render(wide, more=("--layers", "1", "--canvas", "input", "--dpi", "100"))
    with Image.open(tmp_path / "out/gcn_demo/x/layer_1_cam.png") as picture:
        squashed = picture.size
    assert original[0] == squashed[0]
    assert original[1] < 0.5 * squashed[1]


def test_no_figure_is_left_to_pyplot(render, photograph, tmp_path):
    import matplotlib.pyplot as plt

    render(photograph(tmp_path / "x.jpg"), more=("--layers", "1"))
    assert plt.get_fignums() == []


def test_named_centers_are_drawn_instead_of_peaks_and_make_another_folder_s_worth(render, photograph, tmp_path):
    image = photograph(tmp_path / "x.jpg")
    assert render(image, more=("--layers", "2")).exit_code == 0
    folder = tmp_path / "out" / "gcn_demo" / "x"
    named = ("--layers", "2", "--center", "0.5,0.25", "--center", "1,1")
    assert render(image, more=named).exit_code == 0
    made = json.loads((folder / "manifest.json").read_text())
    assert made["options"]["centers"] == [[0.5, 0.25], [1.0, 1.0]]
    assert f"layer_2_center_{3 * 14 + 7}_195_neighbors.png" in made["outputs"]
    before = (folder / "manifest.json").read_bytes()
    assert render(image, more=named).exit_code == 0
    assert (folder / "manifest.json").read_bytes() == before, "the same options again: nothing to do"
    for wrong in ("0.5", "2,0.5", "here", "0.1,0.2,0.3", "nan,0"):
        result = render(image, more=("--center", wrong))
        assert result.exit_code == 2
        assert "two fractions from 0 to 1" in result.stderr
