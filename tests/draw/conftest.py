"""Explanations made of numbers, so that drawing is tested without any network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from viz_nodes.explanation import Explanation, LayerExplanation


def build_layer(rng, index, rows, grid, key_grid, k, peak_at=(0.45, 0.5), self_first=True, reach=2.5):
    """A layer whose map is a bump and whose neighbors are near in a made-up feature that follows place and noise."""
    height, width = grid
    ys, xs = np.mgrid[0:height, 0:width]
    cam = np.exp(-(((ys / height - peak_at[0]) / 0.18) ** 2 + ((xs / width - peak_at[1]) / 0.22) ** 2))
    cam = np.stack([cam * (0.4 + 0.3 * r) + 0.02 * rng.random(grid) for r in range(rows)]).astype(np.float32)
    cam[cam < 0.06] = 0
    nodes = np.stack([ys.ravel() / height, xs.ravel() / width], 1)
    kys, kxs = np.mgrid[0 : key_grid[0], 0 : key_grid[1]]
    keys = np.stack(
        [(kys.ravel() + 0.5) / key_grid[0] - 0.5 / height, (kxs.ravel() + 0.5) / key_grid[1] - 0.5 / width], 1
    )
    noise = rng.normal(size=(len(keys), 3)) * 0.12
    feature = np.concatenate([keys / reach * 2, noise], 1)
    own = np.concatenate([nodes / reach * 2, noise if key_grid == grid else np.zeros((len(nodes), 3))], 1)
    distance = ((own[:, None] - feature[None]) ** 2).sum(-1)
    if not self_first and key_grid == grid:
        np.fill_diagonal(distance, 9)
    neighbors = np.argsort(distance, axis=1, kind="stable")[:, :k]
    neighbors = np.repeat(neighbors[None], rows, 0)
    share = rng.dirichlet(np.full(k, 0.9), size=(rows, height * width)).astype(np.float32)
    contribution = (share * rng.normal(0.2, 1.0, size=share.shape)).astype(np.float32)
    return LayerExplanation(
        index=index,
        name=f"backbone.{index}.grapher.graph_conv",
        grid=grid,
        key_grid=key_grid,
        cam=torch.from_numpy(cam),
        peak=torch.from_numpy(cam.reshape(rows, -1).argmax(1)),
        neighbors=torch.from_numpy(neighbors),
        share=torch.from_numpy(share),
        contribution=torch.from_numpy(contribution),
        conv="mr",
    )


def build_explanation(
    *,
    rows=1,
    layers=(3, 7, 11),
    depth=12,
    grid=(14, 14),
    key_grid=None,
    k=17,
    size=(224, 224),
    seed=0,
    labels=("tabby cat", "tiger cat", "coffee mug"),
    versus=None,
    **layer_options,
):
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(size=(rows, len(labels))).astype(np.float32))
    logits[:, 0] += 1.6
    return Explanation(
        logits=logits,
        target=torch.zeros(rows, dtype=torch.int64),
        layers=tuple(build_layer(rng, i, rows, grid, key_grid or grid, k, **layer_options) for i in layers),
        method="gradcam",
        image_size=size,
        depth=depth,
        labels=labels,
        model="graphconvnet_ti",
        versus=None if versus is None else torch.full((rows,), versus, dtype=torch.int64),
    )


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
