"""`vizgraph explore`: one page from networks and images, with everything the page needs to switch between."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from vizgraph.api.columns import paired
from vizgraph.api.explore import page_path


def shown(path) -> dict:
    page = path.read_text("utf-8")
    return json.loads(re.search(r'id="vizgraph-document">(.*?)</script>', page, re.S)[1])["document"]


def test_a_page_of_all_layers_and_the_top_five_classes(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "a b.jpg")
    done = run("explore", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    path = tmp_path / "out" / "gcn_demo" / "a b" / "explorer.html"
    assert str(path) in done.output
    (subject,) = shown(path)["subjects"]
    assert len(subject["layers"]) == subject["depth"]
    assert {row["target"] for row in subject["rows"]} == {entry["index"] for entry in subject["top"]}
    assert shlex.join(subject["command"]).endswith(shlex.join(["--img", image.name]))


def test_methods_networks_and_images_to_switch_between(run, weights, photograph, tmp_path):
    images = [photograph(tmp_path / "one.png", 1), photograph(tmp_path / "two.png", 2)]
    page = tmp_path / "page.html"
    done = run(
        "explore",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--ckpt",
        "random",
        "--img",
        images[0],
        "--img",
        images[1],
        "--method",
        "gradcam",
        "--method",
        "eigencam",
        "--target",
        "top2",
        "--layers",
        "1,-1",
        "--out",
        page,
    )
    assert done.exit_code == 0, done.output
    document = shown(page)
    assert [image["name"] for image in document["images"]] == ["one.png", "two.png"]
    assert {subject["name"] for subject in document["subjects"]} == {"gcn_demo small.pth", "gcn_demo random"}
    for subject in document["subjects"]:
        assert [layer["number"] for layer in subject["layers"]] == [1, subject["depth"]]
        assert {row["method"] for row in subject["rows"]} == {"gradcam", "eigencam"}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--target", "no such class"], 2, "--target"),
        (["--method", "gradcamm"], 2, "did you mean"),
        (["--layers", "99"], 2, "no layer 99"),
        (["--img", "missing.jpg"], 3, "missing.jpg"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, weights, photograph, tmp_path, options, code, words):
    image = photograph(tmp_path / "x.png")
    done = run("explore", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--out", tmp_path / "o", *options)
    assert done.exit_code == code
    assert words in done.stderr
    assert not (tmp_path / "o").exists()


def test_architectures_and_checkpoints_pair_up():
    assert paired(["a", "b"], ["x", "y"]) == [("a", "x"), ("b", "y")]
    assert paired(["a"], ["x", "y"]) == [("a", "x"), ("a", "y")]
    assert paired(["a", "b"], []) == [("a", None), ("b", None)]
    assert paired([], ["demo"]) == [(None, "demo")]
    with pytest.raises(Exception, match="2 files for 3 architectures"):
        paired(["a", "b", "c"], ["x", "y"])


def test_the_page_is_named_after_networks_and_images(tmp_path):
    one, two = tmp_path / "x.y.jpg", tmp_path / "z.png"
    assert page_path(tmp_path / "p.HTML", ["a"], [one]) == tmp_path / "p.HTML"
    assert page_path(tmp_path, ["a"], [one]) == tmp_path / "a" / "x.y" / "explorer.html"
    assert page_path(tmp_path, ["a", "b", "a"], [one, two]) == tmp_path / "a+b" / "x.y_and_1_more" / "explorer.html"
