"""What the explorer is given: every edge, every map within its quantisation, no NaN, nothing twice."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from viz_nodes.explorer import build_document
from viz_nodes.explorer.packing import UNKNOWN_SIGNED, UNKNOWN_UNSIGNED, pack_indices, pack_signed, pack_unsigned
from viz_nodes.explorer.pictures import as_photograph


def unpacked(packed: dict) -> np.ndarray:
    raw = np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["type"]).newbyteorder("<"))
    if "scale" not in packed:
        return raw.astype(np.int64)
    unknown = UNKNOWN_SIGNED if packed["type"] == "int16" else UNKNOWN_UNSIGNED
    return np.where(raw == unknown, np.nan, raw.astype(float) * packed["scale"])


def test_edges_come_back_exactly_and_values_within_half_a_step(make, photograph):
    exp = make()
    subject = build_document(exp, photograph)["subjects"][0]
    for layer, packed in zip(exp.layers, subject["layers"], strict=True):
        assert np.array_equal(unpacked(packed["neighbors"]).reshape(196, -1), layer.neighbors[0].numpy())
        assert (
            np.abs(unpacked(packed["share"]) - layer.share[0].numpy().ravel()).max() <= 0.51 * packed["share"]["scale"]
        )
    for row, entry in enumerate(subject["rows"]):
        assert entry["target"] == int(exp.target[row])
        for layer, packed in zip(exp.layers, entry["layers"], strict=True):
            for name in ("cam", "contribution"):
                off = np.abs(unpacked(packed[name]) - getattr(layer, name)[row].numpy().ravel()).max()
                assert off <= 0.51 * packed[name]["scale"]
            assert packed["peak"] == int(layer.peak[row])


def test_graphs_are_stored_once_for_all_classes_of_an_image(make, photograph):
    document = build_document(make(targets=(2, 3, 0, 5, 1)), photograph)
    assert len(document["subjects"]) == 1
    assert [row["target"] for row in document["subjects"][0]["rows"]] == [2, 3, 0, 5, 1]


def test_methods_of_the_same_graphs_join_and_other_graphs_do_not(make, photograph):
    gradcam, layercam, other = make(), make(method="layercam"), make(seed=1)
    document = build_document([gradcam, layercam, other], photograph)
    assert [len(subject["rows"]) for subject in document["subjects"]] == [10, 5]
    assert {row["method"] for row in document["subjects"][0]["rows"]} == {"gradcam", "layercam"}
    assert len(document["images"]) == 1


def test_the_same_explanation_twice_is_two_subjects(make, photograph):
    exp = make()
    assert len(build_document([exp, exp], photograph)["subjects"]) == 2


def test_shares_that_hang_on_the_class_are_kept_with_their_row(make, photograph, with_layer):
    exp = make(layers=2, targets=(2, 3))
    share = exp.layers[0].share.clone()
    share[1] = share[1].flip(-1)
    rows = build_document(with_layer(exp, 0, share=share), photograph)["subjects"][0]["rows"]
    assert "share" not in rows[0]["layers"][0]
    assert "share" not in rows[1]["layers"][1]
    own = rows[1]["layers"][0]["share"]
    assert np.abs(unpacked(own) - share[1].numpy().ravel()).max() <= 0.51 * own["scale"]


def test_several_images_make_a_subject_each(make, photograph):
    exp = make(sources=2, targets=(2, 3))
    document = build_document(exp, [photograph, photograph[::-1].copy()])
    assert [subject["image"] for subject in document["subjects"]] == [0, 1]
    assert not np.array_equal(*(unpacked(subject["layers"][3]["neighbors"]) for subject in document["subjects"]))


def test_images_that_do_not_match_are_refused(make, photograph):
    with pytest.raises(ValueError, match=r"one an explained image, 2 \(got 1\)"):
        build_document(make(sources=2), photograph)
    with pytest.raises(ValueError, match=r"one entry an explanation, 2 \(got 3\)"):
        build_document([make(), make(seed=1)], [photograph] * 3)
    with pytest.raises(ValueError, match="at least one"):
        build_document([], photograph)


def test_nan_is_a_mark_and_never_a_number(make, photograph, with_layer):
    exp = make(layers=2, targets=(2,))
    cam, contribution = exp.layers[0].cam.clone(), exp.layers[0].contribution.clone()
    cam[0, 3, 4], contribution[0, 7, 1] = torch.nan, torch.inf
    exp = with_layer(exp, 0, cam=cam, contribution=contribution, peak=torch.tensor([-1]))
    exp = dataclasses.replace(exp, logits=torch.full_like(exp.logits, torch.nan))
    document = build_document(exp, photograph)
    json.dumps(document, allow_nan=False)
    row = document["subjects"][0]["rows"][0]
    assert row["probability"] is None
    assert np.flatnonzero(np.isnan(unpacked(row["layers"][0]["cam"]))).tolist() == [3 * 14 + 4]
    assert np.flatnonzero(np.isnan(unpacked(row["layers"][0]["contribution"]))).tolist() == [7 * 9 + 1]


def test_packing_by_hand():
    assert unpacked(pack_indices(torch.tensor([0, -1, 32767]))).tolist() == [0, -1, 32767]
    assert pack_indices(torch.tensor([40000]))["type"] == "int32"
    assert unpacked(pack_indices(torch.tensor([40000, -1]))).tolist() == [40000, -1]
    assert unpacked(pack_unsigned(torch.tensor([0.0, 0.5, 1.0]))).tolist() == pytest.approx([0, 0.5, 1.0], abs=1e-5)
    assert unpacked(pack_unsigned(torch.zeros(2))).tolist() == [0, 0]
    assert unpacked(pack_signed(torch.tensor([-2.0, 0.0, 1.0]))).tolist() == pytest.approx([-2, 0, 1], abs=1e-4)


def test_top_five_are_named_whether_or_not_their_maps_are_there(make, photograph):
    top = build_document(make(targets=(2,)), photograph)["subjects"][0]["top"]
    assert len(top) == 5
    assert top[0]["label"] == "astronaut"
    assert sum(entry["probability"] for entry in top) <= 1 + 1e-6


def test_of_classes_that_tie_those_with_maps_are_named(make, photograph):
    exp = make(targets=(5, 3), labels=tuple("abcdefgh"))
    exp = dataclasses.replace(exp, logits=torch.zeros_like(exp.logits))
    top = build_document(exp, photograph)["subjects"][0]["top"]
    assert [entry["index"] for entry in top] == [3, 5, 0, 1, 2]


def test_names_are_shown_with_their_control_characters_escaped(make, photograph):
    labels = ("a\nb", "c\u202ed", "e\udcff", "plain", "<b>", "é")
    document = build_document(make(labels=labels, model="m\x00"), photograph, title="t\r")
    assert {entry["label"] for entry in document["subjects"][0]["top"]} <= {
        "a\\nb",
        "c\\u202ed",
        "e\\udcff",
        "plain",
        "<b>",
        "é",
    }
    assert document["subjects"][0]["name"] == "m\\x00"
    assert document["title"] == "t\\r"
    json.dumps(document).encode("utf-8")


class Sample:
    def __init__(self, image, original, view, path):
        self.image, self.original, self.view, self.path = image, original, view, path


def test_a_sample_is_drawn_on_its_original_with_the_view_scaled_along():
    original = np.zeros((1000, 4000, 3), np.uint8)
    shown = as_photograph(
        Sample(np.zeros((224, 224, 3), np.uint8), original, (1500, 0, 2500, 1000), "a/b c.jpg"), max_side=1000
    )
    assert (shown.width, shown.height) == (1000, 250)
    assert shown.view == (375, 0, 625, 250)
    assert (shown.name, shown.address) == ("b c.jpg", "a/b c.jpg")


def test_pictures_are_taken_in_every_usual_form(photograph, tmp_path):
    Image.fromarray(photograph).save(tmp_path / "x.png")
    forms = [
        photograph,
        torch.from_numpy(photograph),
        Image.fromarray(photograph),
        tmp_path / "x.png",
        str(tmp_path / "x.png"),
    ]
    assert len({as_photograph(form).source for form in forms}) == 1
    assert as_photograph(photograph[..., 0]).width == 224
    with pytest.raises(TypeError, match="uint8"):
        as_photograph(photograph.astype(np.float32))
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        as_photograph(np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(TypeError, match="path"):
        as_photograph(12)


def test_a_page_holds_no_folder_of_whom_it_came_from(make, photograph, tmp_path):
    from PIL import Image

    from viz_nodes import write_page

    folder = tmp_path / "home of somebody"
    folder.mkdir()
    Image.fromarray(photograph).save(folder / "a b.png")
    exp = make(layers=2)
    exp.extras["about"] = {"command": ["vizgraph", "render", "--ckpt", str(folder / "w.pth")], "note": "untrained"}
    document = build_document(exp, folder / "a b.png")
    assert document["subjects"][0]["command"] == ["vizgraph", "render", "--ckpt", "w.pth", "--img", "a b.png"]
    assert document["subjects"][0]["note"] == "untrained"
    windows = [["vizgraph", "render", "--img", r"C:\Users\somebody\x.png"]]
    assert build_document(exp, photograph, commands=windows)["subjects"][0]["command"][-1] == "x.png"
    page = write_page(exp, folder / "a b.png", tmp_path / "page.html").read_text("utf-8")
    assert "home of somebody" not in page
    assert str(tmp_path) not in page


def test_a_network_that_says_nothing_of_itself_has_no_command(make, photograph):
    assert build_document(make(layers=2), photograph)["subjects"][0]["command"] is None


def test_a_network_of_vizgraph_says_how_it_was_loaded():
    import viz_nodes
    import vizgraph
    from vizgraph.data import bundled_images

    model = vizgraph.load_model("gcn_demo", "demo")
    sample = vizgraph.load_image(bundled_images()[0], model)
    (subject,) = build_document(viz_nodes.explain(model, sample.pixels, layers=[0]), sample)["subjects"]
    assert subject["command"] == [
        *("vizgraph", "render", "--arch", "gcn_demo", "--ckpt", "demo", "--img", bundled_images()[0].name)
    ]


def test_numbers_that_are_no_probabilities_are_not_shown_as_percent(make, photograph):
    import dataclasses

    exp = dataclasses.replace(make(layers=2), activation="none")
    (subject,) = build_document(exp, photograph)["subjects"]
    assert {entry["probability"] for entry in [*subject["top"], *subject["rows"]]} == {None}
