"""timm's RandAugment runs with the installed Pillow: at times it asks for posterize(0), which Pillow 13 refuses."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image, ImageOps
from timm.data.auto_augment import rand_augment_transform


def test_randaugment_runs_two_thousand_times(monkeypatch):
    bits = []
    posterize = ImageOps.posterize
    monkeypatch.setattr(ImageOps, "posterize", lambda image, kept: bits.append(kept) or posterize(image, kept))
    random.seed(0)
    np.random.seed(0)
    augment = rand_augment_transform("rand-m9-mstd0.5-inc1", {"img_mean": (124, 116, 104)})
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8))
    for _ in range(2000):
        assert augment(image).size == (12, 12)
    assert 0 in bits
