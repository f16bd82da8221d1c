"""Explanations made of numbers, so that graphs, figures, files and pages are tested without any network.

`layer` and `explanation` put together what a test writes by hand; `build_explanation` makes maps and neighborhoods that
are worth looking at; `synthetic` has the size and the habits of a trained network's.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from viz_nodes.explanation import NO_PEAK, Explanation, LayerExplanation

LABELS = ("cat", "cup", "astronaut", "rocket", "coin", "moon")


def layer(index, grid, neighbors=None, share=None, *, key_grid=None, cam=None, **more):
    """A layer from nested lists: `cam` with a row each, `neighbors` and `share` (N, k) of one row or (B, N, k).

    Without `neighbors` every node asks key node 0 and gets nothing; `contribution` is twice the share.
    """
    heat = torch.as_tensor(np.zeros(grid) if cam is None else np.asarray(cam), dtype=torch.float32).reshape(-1, *grid)
    if neighbors is None:
        neighbors = np.zeros((len(heat), grid[0] * grid[1], 1), dtype=np.int64)
    asked = torch.as_tensor(neighbors)
    asked = asked if asked.ndim == 3 else asked[None]
    shares = (
        torch.zeros(asked.shape) if share is None else torch.as_tensor(share, dtype=torch.float32).view(asked.shape)
    )
    best = heat.flatten(1).max(1)
    fields = {
        "name": f"layers.{index}.gconv",
        "cam": heat,
        "peak": torch.where(best.values > 0, best.indices, NO_PEAK),
        "neighbors": asked,
        "share": shares,
        "contribution": shares * 2,
    }
    return LayerExplanation(index=index, grid=grid, key_grid=key_grid or grid, **(fields | more))


def explanation(*layers, target=1, depth=None, image_size=(32, 48), **more):
    """Of these layers, their rows explained for one of two classes, whose logit is 1."""
    rows = len(layers[0].cam)
    logits = torch.zeros(rows, 2)
    logits[:, target] = 1.0
    fields = {"labels": ("cat", "dog"), "logits": logits, "method": "gradcam"}
    return Explanation(
        target=torch.full((rows,), target),
        layers=tuple(layers),
        image_size=image_size,
        depth=depth or len(layers),
        **(fields | more),
    )


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
    model="graphconvnet_ti",
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
        model=model,
        versus=None if versus is None else torch.full((rows,), versus, dtype=torch.int64),
    )


def synthetic(
    *,
    layers: int = 12,
    grids: list[tuple[tuple[int, int], tuple[int, int], int]] | None = None,
    targets: tuple[int, ...] = (2, 3, 0, 5, 1),
    sources: int = 1,
    labels: tuple[str, ...] | None = LABELS,
    method: str = "gradcam",
    model: str = "synthetic_ti",
    seed: int = 0,
    image_size: tuple[int, int] = (224, 224),
    focus: tuple[float, float] = (0.5, 0.25),
) -> Explanation:
    """An explanation with the shapes and the habits of a real one: near neighbors early, meaning later, sharper maps.

    Args:
        layers: how many of a 14 x 14 grid; with `grids`, its length.
        grids: for each layer (grid, key grid, k) instead.
        targets: classes explained, a row each for every source.
        focus: where the last maps peak, as fractions (x, y).
    """
    rng = np.random.default_rng(seed)
    plan = grids or [((14, 14), (14, 14), int(k)) for k in np.linspace(9, 18, layers)]
    rows = len(targets) * sources
    records = []
    for index, (grid, key_grid, k) in enumerate(plan):
        late = index / max(1, len(plan) - 1)
        y, x = (np.indices(grid).reshape(2, -1) + 0.5) / np.array(grid)[:, None]
        ky, kx = (np.indices(key_grid).reshape(2, -1) + 0.5) / np.array(key_grid)[:, None]
        here = np.stack([x, y, np.sin(7 * x + 3 * y) * late], 1)
        there = np.stack([kx, ky, np.sin(7 * kx + 3 * ky) * late], 1)
        per_source = []
        for _ in range(sources):
            distance = ((here[:, None] - there[None]) ** 2).sum(-1) + late * 0.05 * rng.random((len(here), len(there)))
            ordered = np.argsort(distance, axis=1, kind="stable")
            neighbors, rejected = ordered[:, :k], ordered[:, k : 2 * k]
            share = rng.dirichlet(np.full(k, 0.6), len(here))
            lengths = [np.take_along_axis(distance, each, 1) for each in (neighbors, rejected)]
            per_source.append((neighbors, share, lengths[0], rejected, lengths[1]))
        cams, contributions = [], []
        for _source in range(sources):
            for place in range(len(targets)):
                fx, fy = (focus[0] + 0.13 * place) % 1, (focus[1] + 0.21 * place) % 1
                bump = np.exp(-((x - fx) ** 2 + (y - fy) ** 2) / (0.3 - 0.24 * late))
                cam = np.clip(bump + 0.35 * (1 - late) * rng.random(len(x)) - 0.15, 0, None) * (0.1 + 0.3 * late)
                cams.append(cam.reshape(grid))
                contributions.append(rng.normal(0.004, 0.02, (len(here), k)) * (0.3 + cam.reshape(-1, 1)))
        neighbors, share, distance, rejected, rejected_distance = (
            torch.tensor(np.stack([each[part] for each in per_source for _ in targets])) for part in range(5)
        )
        cam = torch.tensor(np.stack(cams), dtype=torch.float32)
        peak = cam.flatten(1).argmax(1)
        peak[cam.flatten(1).amax(1) <= 0] = NO_PEAK
        records.append(
            LayerExplanation(
                index=index,
                name=f"backbone.{index}.grapher.graph_conv.gconv",
                grid=grid,
                key_grid=key_grid,
                cam=cam,
                peak=peak,
                neighbors=neighbors.long(),
                share=share.float(),
                contribution=torch.tensor(np.stack(contributions), dtype=torch.float32),
                conv="mr",
                distance=distance.float(),
                rejected=rejected.long(),
                rejected_distance=rejected_distance.float(),
            )
        )
    logits = torch.full((1, len(labels) if labels else 6), -1.0)
    for place, target in enumerate(targets):
        logits[0, target] = 4.0 - 1.3 * place
    return Explanation(
        logits=logits.repeat(rows, 1),
        target=torch.tensor(list(targets) * sources),
        layers=tuple(records),
        method=method,
        image_size=image_size,
        depth=len(plan),
        labels=labels,
        model=model,
        source=torch.arange(sources).repeat_interleave(len(targets)),
    )


PYRAMID = [
    *[((56, 56), (14, 14), 9)] * 2,
    *[((28, 28), (14, 14), 9)] * 2,
    *[((14, 14), (14, 14), 9)] * 3,
    *[((7, 7), (7, 7), 9)] * 2,
]


def changed(exp: Explanation, place: int, **fields) -> Explanation:
    """The explanation with fields of one of its layers replaced."""
    layers = list(exp.layers)
    layers[place] = dataclasses.replace(layers[place], **fields)
    return dataclasses.replace(exp, layers=tuple(layers))
