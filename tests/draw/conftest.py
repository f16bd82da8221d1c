"""Explanations worth drawing and a photograph below them."""

from __future__ import annotations

import numpy as np
import pytest

from builders.explanations import build_explanation


@pytest.fixture
def make_explanation():
    return build_explanation


@pytest.fixture
def photograph():
    """(H, W, 3) uint8 with structure everywhere, made of waves."""

    def make(height=224, width=224):
        ys, xs = np.mgrid[0:height, 0:width]
        waves = [127 + 120 * np.sin(xs / a + ys / b) for a, b in ((17, 29), (41, 13), (23, 61))]
        return np.stack(waves, -1).astype(np.uint8)

    return make
