"""The bundled sample images are test scenes, and their truth is beside them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from vizgraph.data import bundled_images, bundled_truth, open_image
from vizgraph.data.samples import CHOSEN, write_samples


def test_bundled_images_are_small_files_with_a_truth_each():
    images, truth = bundled_images(), bundled_truth()
    assert {path.name for path in images} == set(truth) == {f"{name}.png" for name in CHOSEN}
    assert len(images) == 6
    assert all(path.stat().st_size < 120_000 for path in images)
    assert len({entry.label for entry in truth.values()}) == 6


def test_the_object_differs_from_its_surroundings_as_a_sticker_does():
    """Its die-cut border is pale, so the rim of the mask is brighter than what lies around it."""
    import cv2

    for path in bundled_images():
        entry, pixels = bundled_truth()[path.name], open_image(path).mean(axis=2)
        left, top, right, bottom = entry.box
        assert entry.mask[top:bottom, left:right].sum() == entry.mask.sum() > 1000
        mask = entry.mask.astype(np.uint8)
        rim = (mask > 0) & (cv2.erode(mask, np.ones((5, 5), np.uint8)) == 0)
        around = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 0) & (mask == 0)
        assert pixels[rim].mean() > pixels[around].mean() + 40


def test_anyone_can_make_them_again(tmp_path):
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    command = [sys.executable, "-m", "vizgraph.data.samples", str(tmp_path)]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout.split()
    assert len(made) == len(CHOSEN)
    again, bundled = bundled_truth(tmp_path), bundled_truth()
    for path in bundled_images():
        fresh = np.asarray(Image.open(tmp_path / path.name)).astype(int)
        # Another version of OpenCV may round otherwise.
        assert np.abs(fresh - open_image(path)).mean() < 1
        assert again[path.name].label == bundled[path.name].label
        assert (again[path.name].mask != bundled[path.name].mask).mean() < 0.001


def test_other_scenes_can_be_chosen(tmp_path):
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    (path,) = write_samples(tmp_path / "deep" / "er", {"one": 2})
    assert path.name == "one.png"
    assert bundled_truth(tmp_path / "deep" / "er")["one.png"].mask.any()
