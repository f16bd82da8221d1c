"""An image file becomes what a network takes, by that network's own preprocessing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torch import nn

import vizgraph
from vizgraph.data import ImageError, load_image, open_image, prepare


class _Network(nn.Module):
    """Nothing but a description, as timm's networks carry it."""

    def __init__(self, **cfg):
        super().__init__()
        self.pretrained_cfg = {"input_size": (3, 224, 224), "interpolation": "bicubic", "crop_pct": 0.9, **cfg}


HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
CONFIGS = [
    {},
    HALF,
    {"crop_pct": 1.0, "interpolation": "bilinear"},
    {"input_size": (3, 96, 160), "crop_pct": 0.8},
    {"crop_mode": "squash", "crop_pct": 0.95},
    {"crop_mode": "border"},
]


@pytest.fixture(params=[(300, 200), (90, 250), (224, 224), (31, 17)], ids=lambda size: f"{size[0]}x{size[1]}")
def photo(request, tmp_path):
    """A smooth color image, (width, height) as the parameter says."""
    width, height = request.param
    small = np.random.default_rng(width).integers(0, 256, (5, 7, 3), np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.mark.parametrize("cfg", CONFIGS, ids=str)
def test_crop_is_the_evaluation_of_the_network(cfg, photo):
    network = _Network(**cfg)
    c = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "crop_mode": "center", **network.pretrained_cfg}
    transform = create_transform(
        c["input_size"],
        mean=c["mean"],
        std=c["std"],
        interpolation=c["interpolation"],
        crop_pct=c["crop_pct"],
        crop_mode=c["crop_mode"],
    )
    expected = transform(Image.open(photo).convert("RGB"))[None]
    sample = load_image(photo, network, fit="crop")
    assert sample.pixels.dtype == torch.float32
    torch.testing.assert_close(sample.pixels, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cfg", CONFIGS, ids=str)
def test_view_says_where_in_the_original_a_seen_pixel_lies(cfg):
    """An image whose colors are its coordinates says itself where its pixels went."""
    height, width = 180, 250
    ys, xs = np.mgrid[:height, :width]
    coordinates = np.stack([xs, ys, np.zeros_like(xs)], axis=-1).astype(np.uint8)
    sample = prepare(coordinates, _Network(**cfg), fit="crop")
    left, top, right, bottom = sample.view
    rows, cols = sample.image.shape[:2]
    x = left + (np.arange(cols) + 0.5) / cols * (right - left)
    y = top + (np.arange(rows) + 0.5) / rows * (bottom - top)
    inner_x, inner_y = (x > 4) & (x < width - 4), (y > 4) & (y < height - 4)
    assert inner_x.mean() > 0.5
    assert inner_y.mean() > 0.5
    seen = sample.image[inner_y][:, inner_x].astype(float) + 0.5
    assert np.abs(seen[..., 0] - x[inner_x]).max() < 1.01
    assert np.abs(seen[..., 1] - y[inner_y, None]).max() < 1.01


@pytest.mark.parametrize("size", [(224, 224), (96, 160)])
def test_squash_shows_the_whole_image(size, photo):
    from torchvision.transforms import InterpolationMode, Resize

    sample = load_image(photo, _Network(input_size=(3, *size)))
    whole = Image.open(photo).convert("RGB")
    expected = Resize(size, interpolation=InterpolationMode.BILINEAR, antialias=True)(whole)
    np.testing.assert_array_equal(sample.image, np.asarray(expected))
    assert sample.view == (0, 0, whole.width, whole.height)
    np.testing.assert_array_equal(sample.original, np.asarray(whole))
    assert sample.path == photo


@pytest.mark.parametrize("fit", ["squash", "crop"])
@pytest.mark.parametrize("cfg", [{}, HALF], ids=["imagenet", "half"])
def test_image_is_what_pixels_were_before_they_were_normalized(fit, cfg, photo):
    sample = load_image(photo, _Network(**cfg), fit=fit)
    mean = torch.tensor(cfg.get("mean", (0.485, 0.456, 0.406))).view(3, 1, 1)
    std = torch.tensor(cfg.get("std", (0.229, 0.224, 0.225))).view(3, 1, 1)
    seen = torch.from_numpy(sample.image).permute(2, 0, 1) / 255
    torch.testing.assert_close(sample.pixels[0] * std + mean, seen, rtol=0, atol=1e-6)


def test_a_registered_network_brings_its_own(tmp_path):
    import timm

    vig = timm.create_model("vig_ti", num_classes=3)
    gcn = timm.create_model("gcn_demo")
    white = np.full((20, 20, 3), 255, np.uint8)
    assert prepare(white, vig).pixels.max() == pytest.approx(1.0)
    assert prepare(white, gcn).pixels.max() == pytest.approx((1 - 0.406) / 0.225)
    Image.fromarray(white).save(tmp_path / "white.png")
    assert vizgraph.load_image(tmp_path / "white.png", gcn).pixels.shape == (1, 3, 224, 224)


def test_a_module_without_a_description_gets_the_usual():
    sample = prepare(np.zeros((9, 9, 3), np.uint8), nn.Identity())
    assert sample.pixels.shape == (1, 3, 224, 224)
    assert sample.pixels[0, :, 0, 0].tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])


def test_a_gray_network_gets_one_channel():
    sample = prepare(np.full((9, 9, 3), 255, np.uint8), _Network(input_size=(1, 32, 32), **HALF))
    assert sample.pixels.shape == (1, 1, 32, 32)
    assert sample.pixels.max() == pytest.approx(1.0)
    assert sample.image.shape == (32, 32, 3)


def test_a_pil_image_of_any_mode_is_prepared():
    sample = prepare(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), _Network())
    assert (sample.original == 255).all()


def test_what_cannot_be_prepared_is_refused(tmp_path):
    network = _Network()
    with pytest.raises(ValueError, match=r"`fit` must be one of squash, crop \(got 'stretch'\)"):
        prepare(np.zeros((8, 8, 3), np.uint8), network, fit="stretch")
    with pytest.raises(ValueError, match=r"must be \(height, width\), \(height, width, channels\)"):
        prepare(np.zeros(8, np.uint8), network)
    with pytest.raises(ImageError, match=r"it has 3 bands \(red, green, blue\), and the network takes 4 channels"):
        prepare(np.zeros((8, 8, 3), np.uint8), _Network(input_size=(4, 32, 32)))
    with pytest.raises(ImageError, match="too elongated to crop"):
        prepare(np.zeros((2, 900, 3), np.uint8), network, fit="crop")
    assert prepare(np.zeros((2, 900, 3), np.uint8), network).pixels.shape == (1, 3, 224, 224)
    with pytest.raises(ImageError):
        load_image(tmp_path / "nothing.png", network)


def test_opening_alone_keeps_the_size(photo):
    assert open_image(photo).shape[:2] == Image.open(photo).size[::-1]
