"""The bundled task: the same scene for the same arguments, a truth that is true, and splits that share nothing."""

from __future__ import annotations

import re
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

pytest.importorskip("skimage")
pytest.importorskip("sklearn")

from vizgraph.data import scenes
from vizgraph.data.scenes import CLASSES, Scenes, composition, glyphs, make_scene
from vizgraph.data.scenes.photographs import PHOTOGRAPHS


def _pixels(batch):
    return np.stack([np.asarray(image) for image, _ in batch]), [label for _, label in batch]


def test_same_arguments_make_the_same_scene_in_any_order():
    forth = [make_scene("train", 3, index) for index in range(4)]
    back = [make_scene("train", 3, index) for index in reversed(range(4))][::-1]
    for one, other in zip(forth, back):
        assert (one.image == other.image).all()
        assert (one.mask == other.mask).all()
        assert (one.label, one.box) == (other.label, other.box)


@pytest.mark.parametrize("other", [("val", 0, 5), ("train", 1, 5), ("train", 0, 6)])
def test_another_split_seed_or_index_makes_another_scene(other):
    assert (make_scene("train", 0, 5).image != make_scene(*other).image).mean() > 0.5


def test_loading_processes_give_what_this_process_gives():
    # cv2 with its threads at work before the fork: processes that inherit them must not hang.
    cv2.GaussianBlur(np.zeros((1500, 1500, 3), np.uint8), (0, 0), 5)
    data = Scenes("test", size=6, seed=2)
    loaded = next(iter(DataLoader(data, batch_size=6, num_workers=2, collate_fn=list, timeout=120)))
    here = [data[index] for index in range(6)]
    assert (_pixels(loaded)[0] == _pixels(here)[0]).all()
    assert _pixels(loaded)[1] == _pixels(here)[1]


def test_an_epoch_shows_other_scenes_to_living_processes_too():
    data = Scenes("val", size=2)
    first = data.scene(0)
    loader = DataLoader(data, batch_size=2, num_workers=1, persistent_workers=True, collate_fn=list, timeout=120)
    before = _pixels(next(iter(loader)))[0]
    data.set_epoch(1)
    after = _pixels(next(iter(loader)))[0]
    assert (before[0] == first.image).all()
    assert (after[0] != first.image).mean() > 0.5
    assert (after[0] == data.scene(0).image).all()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_mask_is_where_the_object_shows(split, monkeypatch):
    paste = composition.paste
    monkeypatch.setattr(composition, "developed", lambda canvas, rng: canvas.copy())

    def without_object(canvas, shape, look, pose):
        if _is_digit(shape):
            return paste(canvas.copy(), shape, look, pose)
        return paste(canvas, shape, look, pose)

    for index in range(6):
        monkeypatch.setattr(composition, "paste", paste)
        whole = make_scene(split, 1, index)
        monkeypatch.setattr(composition, "paste", without_object)
        bare = make_scene(split, 1, index)
        assert (whole.mask == bare.mask).all()
        change = np.abs(whole.image.astype(int) - bare.image).max(axis=2)
        assert (change[whole.mask] > 8).mean() > 0.9
        far = cv2.dilate(whole.mask.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
        assert change[far].max() == 0
        # Outside there is shadow, which only darkens.
        brighter = (whole.image.astype(int) - bare.image).max(axis=2) > 2
        assert (brighter & ~cv2.dilate(whole.mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)).sum() == 0


def _is_digit(shape: glyphs.Shape) -> bool:
    return shape.key[0] == "written" or (shape.key[0] == "typeset" and shape.key[2].isdigit())


def test_what_covers_the_object_is_not_in_its_mask(monkeypatch):
    monkeypatch.setattr(composition, "_gap", lambda first, second: 1.0)
    monkeypatch.setattr(
        composition, "_others", lambda rng, pose: [composition.Pose(pose.x, pose.y, pose.size * 0.6)] * 3
    )
    pasted: list[glyphs.Shape] = []
    paste = composition.paste

    def remember(canvas, shape, look, pose):
        pasted.append(shape)
        return paste(canvas, shape, look, pose)

    monkeypatch.setattr(composition, "paste", remember)
    shown = {True: [], False: []}
    for index in range(20):
        pasted.clear()
        scene = make_scene("val", 0, index)
        left, top, right, bottom = scene.box
        middle = scene.mask[
            (top + bottom) // 2 - 6 : (top + bottom) // 2 + 6, (left + right) // 2 - 6 : (left + right) // 2 + 6
        ]
        shown[_is_digit(pasted[-1])].append(middle.mean())
    assert np.mean(shown[True]) > 0.9
    assert np.mean(shown[False]) < 0.5


def test_box_is_the_tight_box_of_a_mask_of_some_patches():
    for index in range(30):
        scene = make_scene("test", 0, index)
        left, top, right, bottom = scene.box
        inside = scene.mask[top:bottom, left:right]
        assert inside.sum() == scene.mask.sum() > 6 * 16 * 16 / 4
        assert inside.any(1)[[0, -1]].all()
        assert inside.any(0)[[0, -1]].all()
        assert scene.image.shape == (224, 224, 3)
        assert scene.image.dtype == np.uint8


@pytest.mark.parametrize(
    ("split", "wanted"), [("train", {0, 2, 3, 4, 5}), ("val", {2, 3, 4, 5}), ("test", {2, 3, 4, 5})]
)
def test_one_object_and_two_to_five_distractors_that_are_no_digits(split, wanted, monkeypatch):
    """Half of the training scenes are plain: they have none."""
    pasted: list[glyphs.Shape] = []
    paste = composition.paste
    monkeypatch.setattr(
        composition, "paste", lambda c, shape, look, pose: pasted.append(shape) or paste(c, shape, look, pose)
    )
    counts, labels = set(), set()
    for index in range(50):
        pasted.clear()
        scene = make_scene(split, 0, index)
        objects = [shape for shape in pasted if _is_digit(shape)]
        assert len(objects) == 1
        truth = objects[0].key[2] if objects[0].key[0] == "typeset" else glyphs._digits()[1][objects[0].key[1]]
        assert int(truth) == scene.label
        counts.add(len(pasted) - 1)
        labels.add(scene.label)
    assert counts == wanted
    assert len(labels) >= 8


def test_no_letter_or_symbol_reads_as_a_digit():
    assert not set(glyphs.LETTERS + glyphs.SYMBOLS) & set("0123456789OoQDIlisSZzBGgqbJ?&")


def test_splits_share_no_photograph_no_hand_and_no_font_family():
    for table in (PHOTOGRAPHS, glyphs.WRITTEN):
        everything = [item for split in scenes.SPLITS for item in table[split]]
        assert len(everything) == len(set(everything))

    def families(split):
        return {re.sub("(Italic|BolIta|Bol|-.*)$", "", font) for font in glyphs.FONTS[split]}

    assert not families("train") & families("test")
    assert not families("train") & families("val")
    assert not families("val") & families("test")
    assert min(len(PHOTOGRAPHS[split]) for split in scenes.SPLITS) >= 2


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_has_handwriting_in_every_split_with_its_holes(digit):
    holes = {0: 1, 6: 1, 8: 2, 9: 1}.get(digit, 0)
    for split in scenes.SPLITS:
        drawn = [shape for sample in glyphs.written_samples(split, digit)[:24] if (shape := glyphs.written(sample))]
        assert len(drawn) >= 3
        for shape in drawn[:6]:
            ink = (shape.fields[..., 0] > 128).astype(np.uint8)
            strokes, _ = cv2.connectedComponents(ink)
            grounds, _ = cv2.connectedComponents(1 - ink, connectivity=4)
            assert (strokes - 1, grounds - 2) == (1, holes)


@pytest.mark.parametrize("split", scenes.SPLITS)
def test_every_font_draws_every_digit_differently(split):
    for font in glyphs.FONTS[split]:
        inks = [glyphs.typeset(font, str(digit)).fields[..., 0] > 128 for digit in range(10)]
        assert all(ink.any() for ink in inks)
        assert all((inks[a] != inks[b]).mean() > 0.01 for a in range(10) for b in range(a))


def test_a_die_cut_line_has_no_holes():
    shape = glyphs.typeset("DejaVuSans", "8")
    cut = (shape.fields[..., 1] > 128 - 6 * glyphs.LEVELS).astype(np.uint8)
    assert cv2.connectedComponents(1 - cut, connectivity=4)[0] == 2
    assert cut[shape.fields[..., 0] > 128].all()


def test_items_are_pil_images_through_the_transforms():
    plain = Scenes("validation", size=3)
    image, label = plain[1]
    assert isinstance(image, Image.Image)
    assert label == plain.scene(1).label == plain[-2][1]
    assert len(plain) == 3
    assert Scenes.class_to_idx[plain.scene(1).name] == label
    turned = Scenes("val", size=3, transform=lambda image: image.size, target_transform=lambda label: CLASSES[label])
    assert turned[1] == ((224, 224), CLASSES[label])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tset"}, "`split` must be one of train, val, test (got 'tset')"),
        ({"size": 0}, "`size` must lie in"),
        ({"seed": -1}, "`seed` must not be negative"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Scenes(**arguments)


@pytest.mark.parametrize("index", [2, -3])
def test_an_index_beyond_the_size_is_an_index_error(index):
    with pytest.raises(IndexError, match="must be in"):
        Scenes("val", size=2)[index]


@pytest.mark.parametrize("package", ["skimage", "sklearn"])
def test_a_missing_package_is_named_with_the_cure(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as caught:
        Scenes("val", size=2)
    assert str(caught.value).count("\n") == 0
    assert package in str(caught.value)
    assert "pip install 'vizgraph[scenes]'" in str(caught.value)
