"""What is said of images whose numbers could be read in another way."""

import warnings

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageCms

import vizgraph
from vizgraph.data import open_image
from vizgraph.data.images import ImageWarning
from vizgraph.data.meanings import profile_name


@pytest.fixture(scope="module")
def model():
    return timm.create_model("vig_demo", num_classes=3)


@pytest.mark.parametrize("highest", [200, 255, 4095])
@pytest.mark.parametrize("source", ["array", "png"])
def test_sixteen_bit_numbers_that_make_a_black_image_are_pointed_out(source, highest, model, tmp_path):
    values = np.linspace(0, highest, 56 * 56).reshape(56, 56).astype(np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(values).save(path)
    bits = 8 if highest < 256 else 12
    with pytest.warns(ImageWarning, match=rf"of {bits} bits do, .*value_range=\(0, {2**bits - 1}\)"):
        vizgraph.load_image(path if source == "png" else values, model)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImageWarning)
        shown = vizgraph.load_image(values, model, value_range=(0, 2**bits - 1)).image
    assert abs(int(shown.max()) - highest * 255 // (2**bits - 1)) <= 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_tensor_of_any_precision_is_an_image(dtype, model):
    values = torch.linspace(0, 1, 3 * 56 * 56).view(3, 56, 56)
    whole = vizgraph.load_image(values, model).image.astype(int)
    assert np.abs(vizgraph.load_image(values.to(dtype), model).image.astype(int) - whole).max() <= 1


def profile_called(name):
    """A profile with nothing but a name, as version 2 writes it."""
    text = b"desc\0\0\0\0" + (len(name) + 1).to_bytes(4) + name.encode() + b"\0"
    return bytes(128) + (1).to_bytes(4) + b"desc" + (144).to_bytes(4) + len(text).to_bytes(4) + text


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_colors_of_another_profile_are_said_and_stay_as_they_are(suffix, tmp_path):
    values = np.full((32, 32, 3), (200, 30, 60), np.uint8)
    path = tmp_path / f"wide.{suffix}"
    Image.fromarray(values).save(path, icc_profile=profile_called("Adobe RGB (1998)"))
    with pytest.warns(ImageWarning, match=r"profile 'Adobe RGB \(1998\)', and were read as sRGB's"):
        shown = open_image(path)
    assert np.abs(shown.astype(int) - values).max() <= 8


def test_nothing_is_said_of_the_usual_profile(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "sRGB" in profile_name(profile)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "usual.png", icc_profile=profile)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImageWarning)
        open_image(tmp_path / "usual.png")


@pytest.mark.parametrize("damaged", [b"", b"x" * 131, bytes(128) + b"\xff" * 40, profile_called("a")[:150], None, 5])
def test_a_damaged_profile_has_no_name_or_a_part_of_one(damaged):
    assert isinstance(profile_name(damaged), str)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_film_of_which_zero_is_white_is_not_shown_as_its_negative(dtype, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    gray = np.linspace(0, 255, 32 * 32).reshape(32, 32).astype(np.uint8)
    stored = np.iinfo(dtype).max - gray.astype(dtype) * dtype(np.iinfo(dtype).max // 255)
    tifffile.imwrite(tmp_path / "film.tif", stored, photometric="miniswhite")
    assert np.array_equal(open_image(tmp_path / "film.tif")[..., 0], gray)
